//! Sums, means and percentiles over the whole of `protect`, and intervals given that a row is published.

use super::*;

/// Durations from 60 to 1,260 s in four bins; one unit has at most `per_cell_max` trips in a cell.
fn timed(per_cell_max: u32) -> Table {
    let mut table = table(1, per_cell_max);
    let (clamps, histograms) = (
        r#"[{"measure": "duration_s", "min": 60, "max": 1260}]"#,
        r#"[{"measure": "duration_s", "edges": [300, 600, 900]}]"#,
    );
    table.clamps = serde_json::from_str(clamps).unwrap();
    table.histograms = serde_json::from_str(histograms).unwrap();
    table
}

fn selection(noise: Noise, sixteenths: u64, threshold: u64) -> Selection {
    let draw = draw(noise, sixteenths, 1, 1);
    Selection {
        draw,
        k: 5,
        threshold,
    }
}

/// Trips, durations and their histogram, with `scale` times their sensitivity as scale, in sixteenths.
fn mechanism(table: &Table, selection: Selection, names: &[&str], scale: u64) -> Mechanism {
    let measure = |name: &&str| {
        let linf = table.sensitivity(name).unwrap();
        MeasureDraw {
            measure: (*name).to_owned(),
            draw: draw(selection.draw.noise, scale * linf, 1, linf),
        }
    };
    Mechanism::Thresholded {
        selection,
        measures: names.iter().map(measure).collect(),
    }
}

/// A cell: contributors, trips, seconds, trips in each bin.
type Cell = (u64, u64, u64, [u64; 4]);

/// 250 units with 400 trips of 500 s on average.
const CELL: Cell = (250, 400, 200_000, [100, 180, 70, 50]);

fn exact(table: &Table, mechanism: &Mechanism, cells: &[Cell]) -> Exact {
    let column = |name: String| {
        let value = |cell: &Cell| match name.as_str() {
            "trips" => cell.1,
            "duration_s" => cell.2,
            bin => cell.3[usize::from(bin.as_bytes()[bin.len() - 1] - b'0')],
        };
        let values = cells.iter().map(value).collect();
        (name, values)
    };
    Exact {
        contributors: Some(cells.iter().map(|cell| cell.0).collect()),
        measures: table
            .drawn_columns(mechanism)
            .into_iter()
            .map(column)
            .collect(),
    }
}

fn released(table: &Table, unit: Unit, mechanism: &Mechanism, cells: &[Cell]) -> Rows {
    let charge = ample(mechanism);
    let exact = exact(table, mechanism, cells);
    let reservation = reservation(table.clone(), unit, mechanism.clone(), charge);
    rows(Spend::for_test(reservation), exact)
}

fn hits(noisy: &Noisy, truth: i64) -> usize {
    let ends = std::iter::zip(&noisy.low, &noisy.high);
    ends.filter(|(low, high)| (**low..=**high).contains(&truth))
        .count()
}

const ALL: [&str; 3] = ["duration_s", "trips", "duration_s_histogram"];

/// With a scale of a sixteenth the noise on counts is 0 (e^−128), and with 3 that on the centred sum is below 36
/// half seconds: what is shown is the truth.
#[test]
fn without_noise_the_truth_is_shown() {
    let table = timed(2);
    let selection = selection(Noise::DiscreteGaussian, 1, 2);
    let mut mechanism = mechanism(&table, selection, &ALL, 1);
    let Mechanism::Thresholded { measures, .. } = &mut mechanism else {
        panic!()
    };
    for measure in measures {
        let scale = if measure.measure == "duration_s" {
            48
        } else {
            1
        };
        measure.draw.scale = Scale::from_sixteenths(scale).unwrap();
    }
    let rows = released(&table, Unit::PersonDay, &mechanism, &[CELL, CELL]);
    let shown: Vec<_> = rows.measures.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(shown, table.shown_columns(&mechanism));
    let values: Vec<i64> = rows
        .measures
        .iter()
        .map(|(_, noisy)| noisy.values[0])
        .collect();
    // p15 is 60 of the first bin's 100; p50 is 100 of the second's 180; p85 is 60 of the third's 70.
    assert!((199_982..=200_018).contains(&values[0]), "{}", values[0]);
    assert_eq!(values[1..], [500, 400, 204, 467, 857]);
}

#[test]
fn sums_means_and_percentiles_cover_95_of_100() {
    let table = timed(2);
    for noise in BOTH {
        let mechanism = mechanism(&table, selection(noise, 100, 12), &ALL, 160);
        let count = 3000;
        let rows = released(&table, Unit::PersonDay, &mechanism, &vec![CELL; count]);
        assert_eq!(rows.kept.len(), count);
        let truths = [200_000, 500, 400, 204, 466, 857];
        for ((name, noisy), truth) in std::iter::zip(&rows.measures, truths) {
            let hits = hits(noisy, truth);
            assert!(
                at_most(hits, count) >= 0.95,
                "{noise:?} {name}: {hits} of {count}"
            );
            // The ends of percentiles are whole bins, and means are rounded to whole seconds.
            let wide = name.contains("_p");
            assert!(
                wide || at_least(hits, count) <= 0.98,
                "{name}: far too wide, {hits}"
            );
        }
    }
}

/// With unit trip the noisy contributors are the count, and they selected the row.
#[test]
fn means_of_trips_cover_given_that_the_row_is_published() {
    let table = timed(1);
    for noise in BOTH {
        let selection = selection(noise, 100, 18);
        let mechanism = mechanism(&table, selection, &["duration_s"], 160);
        // Below, at and above T + k − 1 = 22.
        for trips in [12, 22, 30, 90] {
            let cell = (trips, trips, trips * 400, [0, trips, 0, 0]);
            let rows = released(&table, Unit::Trip, &mechanism, &vec![cell; 6000]);
            let published = rows.kept.len();
            assert!(published > 100, "{trips}: {published}");
            for ((name, noisy), truth) in rows.measures.iter().zip([trips * 400, 400]) {
                let hits = hits(noisy, i64::try_from(truth).unwrap());
                let words = format!("{noise:?}, {trips} trips, {name}: {hits} of {published}");
                assert!(at_most(hits, published) >= 0.95, "{words}");
            }
        }
    }
}

/// What is seen of ñ is what passed the threshold: the plain interval, the mutant, fails there.
#[test]
fn contributors_cover_given_that_the_row_is_published() {
    for noise in BOTH {
        let selection = selection(noise, 100, 18);
        let half = half_width(&selection.draw).unwrap();
        for truth in [8, 15, 22, 26, 40, 200] {
            let rows = rows(
                spend(thresholded(selection)),
                super::exact(vec![truth; 20_000]),
            );
            let (truth, published) = (i64::try_from(truth).unwrap(), rows.kept.len());
            let noisy = &rows.contributors;
            let hits = hits(noisy, truth);
            let words = format!("{noise:?}, {truth} units: {hits} of {published}");
            assert!(
                published > 200 && at_most(hits, published) >= 0.95,
                "{words}"
            );
            let plain = noisy
                .values
                .iter()
                .filter(|n| n.abs_diff(truth) <= half.unsigned_abs());
            let plain = plain.count();
            let kept = at_most(plain, published) >= 0.95;
            assert_eq!(kept, truth >= 22, "{words}, plain {plain}");
        }
    }
}

#[test]
fn a_sum_is_centred_by_its_count() {
    let table = timed(2);
    let selection = selection(Noise::DiscreteGaussian, 100, 12);
    let draws = |mechanism: &Mechanism, unit, cells: &[Cell]| {
        let exact = exact(&table, mechanism, cells);
        let charge = ample(mechanism);
        let reservation = reservation(table.clone(), unit, mechanism.clone(), charge);
        protect(Spend::for_test(reservation), exact).map(|_| ())
    };
    let alone = mechanism(&table, selection, &["duration_s"], 16);
    let refused = draws(&alone, Unit::PersonDay, &[CELL]).unwrap_err();
    assert!(matches!(refused, ProtectError::Columns { .. }), "{refused}");
    let counted = mechanism(&table, selection, &["duration_s", "trips"], 16);
    draws(&counted, Unit::PersonDay, &[CELL]).unwrap();
    // Ingest refuses a centred sum beyond 2⁵²; were one here, nothing would be drawn.
    let (clamp, mut sums) = (&table.clamps[0], [i64::MAX]);
    let refused = super::super::measures::centre(clamp, &mut sums, &[0]);
    assert_eq!(refused, Err(ProtectError::Count));
}

/// Membership inference on contributors, trips and the centred sum together, against someone whose trips all have the
/// longest value: 2 trips of 1,260 s where 600 s is the least. An uncentred sum would change by 2,520 s under noise for 1,320.
mod inference {
    use super::*;
    use crate::calibrate::calibrate;

    const TRIALS: usize = 20_000;

    fn guesses(table: &Table, mechanism: &Mechanism, present: bool) -> usize {
        let Mechanism::Thresholded {
            selection,
            measures,
        } = mechanism
        else {
            panic!()
        };
        let more = u64::from(present);
        let (trips, seconds) = (700 + 2 * more, 700 * 900 + 2 * 1260 * more);
        let cell = (400 + more, trips, seconds, [0; 4]);
        let rows = released(table, Unit::PersonDay, mechanism, &vec![cell; TRIALS]);
        assert_eq!(rows.kept.len(), TRIALS);
        // S′ = 2·sum − (min + max)·count, from what is published.
        let trips = &rows.measures[0].1.values;
        let sums = std::iter::zip(&rows.measures[1].1.values, trips);
        let centred = sums.map(|(sum, trips)| 2 * sum - 1860 * trips);
        let columns = [
            (rows.contributors.values.clone(), selection.draw, 400.0, 1.0),
            (trips.clone(), measures[0].draw, 700.0, 2.0),
            (
                centred.collect(),
                measures[1].draw,
                2.0 * 630_000.0 - 1860.0 * 700.0,
                1320.0,
            ),
        ];
        let mut scores = vec![0.0; TRIALS];
        for (values, draw, without, change) in columns {
            let variance = (draw.scale.sixteenths() as f64 / 16.0).powi(2);
            for (score, value) in scores.iter_mut().zip(values) {
                *score += (value as f64 - (without + change / 2.0)) * change / variance;
            }
        }
        scores.into_iter().filter(|score| *score > 0.0).count()
    }

    fn advantage(table: &Table, mechanism: &Mechanism) -> (f64, f64) {
        let (hits, alarms) = (
            guesses(table, mechanism, true),
            guesses(table, mechanism, false),
        );
        (
            at_least(hits, TRIALS) - at_most(alarms, TRIALS),
            at_most(hits, TRIALS) - at_least(alarms, TRIALS),
        )
    }

    #[test]
    fn the_best_guess_on_durations_is_no_better_than_the_charge_allows() {
        let mut table = timed(2);
        (table.clamps[0].min, table.histograms) = (600, vec![]);
        let mut plan = crate::testing::charge("0.05", "0.00001", Some("0.05"));
        let mut more = plan.measures[0].clone();
        (more.measure, more.rho) = ("duration_s".into(), "0.4".parse().unwrap());
        plan.measures.push(more);
        let mechanism = calibrate(&table, Unit::PersonDay, 10, &plan).unwrap();
        // ρ = 0.5: √1/2 = 0.5, Φ = 0.69146.
        let allowed = 2.0 * 0.691_47 - 1.0 + 0.000_01;
        let (low, high) = advantage(&table, &mechanism);
        assert!(
            low <= allowed,
            "the best guess wins by {low}, {allowed} is charged"
        );
        assert!(high >= 0.9 * allowed, "no power: {high} at most");
        // A sum that is noised for the change of one event, or without its range, is caught.
        let Mechanism::Thresholded {
            selection,
            mut measures,
        } = mechanism
        else {
            panic!()
        };
        let halved = measures[1].draw.scale.sixteenths() / 2;
        measures[1].draw.scale = halved.try_into().unwrap();
        let forgot = Mechanism::Thresholded {
            selection,
            measures,
        };
        let (low, _) = advantage(&table, &forgot);
        assert!(low > allowed, "half the noise is not caught: {low}");
    }
}
