//! Where a time zone is: a rough check that zones are drawn where their agreement's clock runs.

use super::Zone;

/// How far zones may lie from their time zone's principal place before swapped axes are thought of, in kilometres. The
/// far corners of wide zones are about as far: Brest and the Urals of Moscow 1,900, Kashgar 4,200 from Shanghai (which
/// the second half of the rule lets pass).
pub const FROM_PLACE_KM_MAX: f64 = 3_000.0;
/// The mean radius of the earth, in kilometres (IUGG).
const EARTH_KM: f64 = 6_371.0;

/// Name, latitude and longitude of each; the file says whose they are.
const PLACES: &str = include_str!("places.tsv");

/// A point on the earth, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Longitude, -180 to 180.
    pub lon: f64,
    /// Latitude, -90 to 90.
    pub lat: f64,
}

/// Coordinates that look like latitude, longitude.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error(
    "the coordinates look like latitude, longitude: they lie {far:.0} km from {zone}, and {near:.0} km when they are \
     swapped. GeoJSON (RFC 7946, section 3.1.1) wants longitude first: add the file so under a new name"
)]
pub struct Swapped {
    /// The time zone.
    zone: String,
    /// How far they lie from its place, in kilometres.
    far: f64,
    /// And swapped.
    near: f64,
}

impl Place {
    /// The middle of a box: west, south, east, north.
    #[must_use]
    pub fn middle([west, south, east, north]: [f64; 4]) -> Self {
        Self {
            lon: west.midpoint(east),
            lat: south.midpoint(north),
        }
    }

    /// Kilometres along the great circle.
    #[must_use]
    pub fn km_to(self, other: Self) -> f64 {
        let half = |degrees: f64| (degrees.to_radians() / 2.0).sin().powi(2);
        let cosines = self.lat.to_radians().cos() * other.lat.to_radians().cos();
        let haversine = half(other.lat - self.lat) + cosines * half(other.lon - self.lon);
        2.0 * EARTH_KM * haversine.clamp(0.0, 1.0).sqrt().asin()
    }
}

impl Zone {
    /// Its principal place, as the time zone database has it; `None` for zones that are nowhere (`Etc/UTC`) and for
    /// other names of a zone.
    #[must_use]
    pub fn place(&self) -> Option<Place> {
        let of = |line: &str| {
            let mut fields = line.split('\t');
            let (name, lat, lon) = (fields.next()?, fields.next()?, fields.next()?);
            (name == self.name()).then_some((lat.parse().ok()?, lon.parse().ok()?))
        };
        let (lat, lon) = PLACES.lines().find_map(of)?;
        Some(Place { lon, lat })
    }

    /// Do zones around this point lie where the time zone is? Only swapped axes are refused: what is far, and less than
    /// half as far when swapped. A zone without a [`Self::place`] refuses nothing.
    ///
    /// # Errors
    /// [`Swapped`].
    pub fn check_axes(&self, middle: Place) -> Result<(), Swapped> {
        let Some(place) = self.place() else {
            return Ok(());
        };
        let swapped = Place {
            lon: middle.lat,
            lat: middle.lon,
        };
        let (far, near) = (place.km_to(middle), place.km_to(swapped));
        if far > FROM_PLACE_KM_MAX && near < far / 2.0 && swapped.lat.abs() <= 90.0 {
            let zone = self.name().to_owned();
            return Err(Swapped { zone, far, near });
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    fn zone(name: &str) -> Zone {
        Zone::try_from(name.to_owned()).unwrap()
    }

    fn refused(name: &str, lat: f64, lon: f64) -> bool {
        zone(name).check_axes(Place { lon, lat }).is_err()
    }

    /// The cities of the data that the project is tested with, and others.
    #[test]
    fn swapped_cities_are_refused_and_right_ones_are_not() {
        for (name, lat, lon) in [
            ("Europe/Helsinki", 60.2, 24.9),
            ("Europe/London", 51.45, -2.6), // Bristol
            ("Europe/Berlin", 53.55, 10.0), // Hamburg
            ("Europe/Amsterdam", 52.37, 4.9),
            ("Europe/Lisbon", 41.15, -8.6), // Porto
            ("America/New_York", 40.7, -73.9),
            ("Europe/Paris", 48.86, 2.35),
            ("Europe/Vienna", 48.2, 16.4),
            ("Asia/Kolkata", 12.97, 77.6), // Bangalore
            ("Africa/Nairobi", -1.3, 36.8),
            ("America/Argentina/Buenos_Aires", -34.6, -58.4),
        ] {
            assert!(!refused(name, lat, lon), "{name}");
            assert!(refused(name, lon, lat), "{name}, swapped");
        }
        let told = zone("Europe/Helsinki").check_axes(Place {
            lon: 60.2,
            lat: 24.9,
        });
        let told = told.unwrap_err().to_string();
        assert!(told.contains("wants longitude first"), "{told}");
    }

    /// None of these is where its time zone's name is, and all are right.
    #[test]
    fn the_far_corners_of_wide_time_zones_are_not_refused() {
        for (name, lat, lon) in [
            ("America/New_York", 24.6, -81.8), // Key West
            ("America/New_York", 46.5, -84.3), // Sault Ste. Marie
            ("America/Chicago", 25.9, -97.4),  // Brownsville
            ("America/Los_Angeles", 48.4, -124.6),
            ("Asia/Shanghai", 39.5, 76.0), // Kashgar
            ("Asia/Shanghai", 47.8, 88.1), // Altay
            ("Asia/Shanghai", 48.4, 134.5),
            ("Asia/Kolkata", 34.1, 74.8),       // Srinagar
            ("Australia/Perth", -15.8, 128.7),  // Kununurra
            ("Australia/Sydney", -31.9, 141.5), // Broken Hill
            ("Australia/Brisbane", -10.6, 142.2),
            ("Europe/Moscow", 42.1, 48.3), // Derbent
            ("Europe/Moscow", 67.5, 64.0), // Vorkuta
            ("Europe/Istanbul", 37.9, 44.0),
            ("Europe/Berlin", 78.2, 15.6), // Longyearbyen
            ("Africa/Lagos", -17.9, 23.0), // Dirico, which has a zone of its own
            ("Africa/Maputo", -4.3, 15.3), // Kinshasa, likewise
            ("Pacific/Auckland", -44.0, -176.5),
            ("Etc/UTC", 24.9, 60.2), // nowhere
        ] {
            assert!(!refused(name, lat, lon), "{name} {lat} {lon}");
        }
    }

    /// Each place is a zone's, in degrees, and at home there. Swapped, most are refused; those near the line where
    /// latitude and longitude are alike (from Lagos over Cairo to Omsk) only a person can tell.
    #[test]
    fn the_table_holds_places_of_time_zones() {
        let names: Vec<&str> = PLACES
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split('\t').next())
            .collect();
        assert!(names.len() > 400 && names.is_sorted());
        let (mut told, mut alike) = (0, 0);
        for name in names {
            let zone = zone(name);
            let place = zone.place().unwrap();
            assert!(
                place.lat.abs() <= 90.0 && place.lon.abs() <= 180.0,
                "{name}"
            );
            assert!(zone.check_axes(place).is_ok(), "{name}");
            // Beyond 90 degrees a swapped longitude is no latitude, and refused as such.
            if place.lon.abs() <= 90.0 {
                let (lon, lat) = (place.lat, place.lon);
                match zone.check_axes(Place { lon, lat }) {
                    Err(_) => told += 1,
                    Ok(()) => alike += 1,
                }
            }
        }
        assert!(told > 3 * alike, "{told} told, {alike} not");
    }

    #[test]
    fn a_great_circle_is_measured() {
        let at = |lon, lat| Place { lon, lat };
        // Helsinki to Lisbon: 3,363 km.
        let km = at(24.94, 60.17).km_to(at(-9.14, 38.71));
        assert!((km - 3_363.0).abs() < 10.0, "{km}");
        // Half way around, over the date line.
        assert!((at(90.0, 0.0).km_to(at(-90.0, 0.0)) - 20_015.0).abs() < 1.0);
        assert!(at(179.9, 0.0).km_to(at(-179.9, 0.0)) < 23.0);
    }
}
