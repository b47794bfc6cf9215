//! A synthetic city with people who have ids: made from a seed, the same on every machine, real nowhere.
//!
//! 36 square districts; people live and work by a gravity law and move through one week. Three companies
//! see a part of it: bikes with coordinates and rider ids, taxis with zone ids, a telecom operator with
//! who was where.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// Districts along each side of the square.
const SIDE: usize = 6;
/// A district's width and height, in degrees.
const DEGREES: (f64, f64) = (0.02, 0.01);
/// The south-west corner, longitude and latitude.
const CORNER: (f64, f64) = (24.88, 60.15);
/// Days of the week that is simulated.
const DAYS: i64 = 7;

/// What the demo reads: the files of one city.
#[derive(Debug)]
pub struct City {
    /// GeoJSON of the districts.
    pub zoning: PathBuf,
    /// Bike trips: rider, time, coordinates, duration, distance.
    pub bikes: PathBuf,
    /// Taxi trips: passenger, time, zone ids, mode.
    pub taxis: PathBuf,
    /// Telecom sightings: person, time, zone.
    pub telecom: PathBuf,
}

struct Person {
    home: usize,
    work: usize,
    cyclist: bool,
}

/// Writes the city's files into `folder`.
///
/// # Errors
/// Those of writing files.
pub fn build(folder: &Path, seed: u64, first_day: Date, people: usize) -> std::io::Result<City> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let city = City {
        zoning: folder.join("districts.geojson"),
        bikes: folder.join("bikes.csv"),
        taxis: folder.join("taxis.csv"),
        telecom: folder.join("telecom.csv"),
    };
    std::fs::write(&city.zoning, districts().to_string())?;
    let mut bikes = BufWriter::new(File::create(&city.bikes)?);
    let mut taxis = BufWriter::new(File::create(&city.taxis)?);
    let mut telecom = BufWriter::new(File::create(&city.telecom)?);
    writeln!(
        bikes,
        "rider,departure,from_lon,from_lat,to_lon,to_lat,seconds,metres"
    )?;
    writeln!(taxis, "passenger,pickup,from_zone,to_zone,minutes")?;
    writeln!(telecom, "sim,time,zone")?;
    let population: Vec<Person> = (0..people).map(|_| person(&mut rng)).collect();
    for (id, person) in population.iter().enumerate() {
        for day in 0..DAYS {
            let date = first_day.saturating_add(jiff::Span::new().days(day));
            for (hour, from, to) in day_of(person, day, &mut rng) {
                let time = clock(date, hour, &mut rng);
                if person.cyclist && rng.random_bool(0.8) {
                    bike_trip(&mut bikes, id, &time, (from, to), &mut rng)?;
                } else if rng.random_bool(0.25) {
                    let minutes = 4 + distance(from, to) * 3 + rng.random_range(0..6);
                    writeln!(
                        taxis,
                        "p{id:06},{time},{},{},{minutes}",
                        name(from),
                        name(to)
                    )?;
                }
                writeln!(telecom, "s{id:06},{time},{}", name(to))?;
            }
        }
    }
    bikes.flush()?;
    taxis.flush()?;
    telecom.flush()?;
    Ok(city)
}

/// `d01` to `d36`, row by row from the south-west.
fn name(district: usize) -> String {
    format!("d{:02}", district + 1)
}

fn person(rng: &mut ChaCha8Rng) -> Person {
    // Jobs crowd in the middle; homes are everywhere; nearer jobs are likelier.
    let home = rng.random_range(0..SIDE * SIDE);
    let work = loop {
        let work = rng.random_range(0..SIDE * SIDE);
        let pull = attraction(work) / (1.0 + distance(home, work) as f64);
        if rng.random_bool(pull.min(1.0)) {
            break work;
        }
    };
    Person {
        home,
        work,
        cyclist: rng.random_bool(0.45),
    }
}

fn attraction(district: usize) -> f64 {
    let (x, y) = (district % SIDE, district / SIDE);
    if (2..4).contains(&x) && (2..4).contains(&y) {
        1.0
    } else {
        0.08
    }
}

fn distance(a: usize, b: usize) -> usize {
    (a % SIDE).abs_diff(b % SIDE) + (a / SIDE).abs_diff(b / SIDE)
}

/// Hour, origin and destination of each trip of one day.
fn day_of(person: &Person, day: i64, rng: &mut ChaCha8Rng) -> Vec<(u8, usize, usize)> {
    let mut trips = Vec::new();
    if day < 5 && rng.random_bool(0.9) {
        trips.push((rng.random_range(7..9), person.home, person.work));
        trips.push((rng.random_range(16..18), person.work, person.home));
    }
    if rng.random_bool(if day < 5 { 0.2 } else { 0.5 }) {
        let place = rng.random_range(0..SIDE * SIDE);
        trips.push((rng.random_range(10..15), person.home, place));
    }
    trips
}

fn clock(date: Date, hour: u8, rng: &mut ChaCha8Rng) -> String {
    let (minute, second) = (rng.random_range(0..60), rng.random_range(0..60));
    format!("{date}T{hour:02}:{minute:02}:{second:02}")
}

fn bike_trip(
    out: &mut impl Write,
    id: usize,
    time: &str,
    (from, to): (usize, usize),
    rng: &mut ChaCha8Rng,
) -> std::io::Result<()> {
    let metres = 400 + distance(from, to) * 1100 + rng.random_range(0..500);
    let seconds = metres / 4 + rng.random_range(0..240);
    let ((a, b), (c, d)) = (point(from, rng), point(to, rng));
    writeln!(
        out,
        "r{id:06},{time},{a:.5},{b:.5},{c:.5},{d:.5},{seconds},{metres}"
    )
}

/// A point well inside a district.
fn point(district: usize, rng: &mut ChaCha8Rng) -> (f64, f64) {
    let (west, south) = corner(district);
    let (x, y) = (rng.random_range(0.1..0.9), rng.random_range(0.1..0.9));
    (west + DEGREES.0 * x, south + DEGREES.1 * y)
}

fn corner(district: usize) -> (f64, f64) {
    let (x, y) = ((district % SIDE) as f64, (district / SIDE) as f64);
    (CORNER.0 + x * DEGREES.0, CORNER.1 + y * DEGREES.1)
}

fn districts() -> serde_json::Value {
    squares(
        (0..SIDE * SIDE).map(|district| (name(district), corner(district))),
        DEGREES,
    )
}

/// Rectangles as a GeoJSON zoning: name and south-west corner of each.
pub fn squares(
    corners: impl Iterator<Item = (String, (f64, f64))>,
    (width, height): (f64, f64),
) -> serde_json::Value {
    let round = |degrees: f64| (degrees * 1e5).round() / 1e5;
    let feature = |(name, (west, south)): (String, (f64, f64))| {
        let (west, south) = (round(west), round(south));
        let (east, north) = (round(west + width), round(south + height));
        serde_json::json!({
            "type": "Feature",
            "properties": { "zone_id": name },
            "geometry": { "type": "Polygon", "coordinates": [[
                [west, south], [east, south], [east, north], [west, north], [west, south],
            ]] },
        })
    };
    let features: Vec<_> = corners.map(feature).collect();
    serde_json::json!({ "type": "FeatureCollection", "features": features })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn one_seed_makes_one_city() {
        let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let day = jiff::civil::date(2026, 10, 5);
        let first = build(a.path(), 7, day, 50).unwrap();
        let second = build(b.path(), 7, day, 50).unwrap();
        for (one, other) in [
            (&first.bikes, &second.bikes),
            (&first.telecom, &second.telecom),
        ] {
            assert_eq!(std::fs::read(one).unwrap(), std::fs::read(other).unwrap());
        }
    }
}
