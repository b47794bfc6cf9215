#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use policies::mechanism::{MeasureDraw, Noise, Selection};

use super::*;
use crate::testing::{draw, pmf, table};

#[test]
fn contributors_needed_are_the_least_that_are_published_often_enough() {
    for noise in [Noise::DiscreteLaplace, Noise::DiscreteGaussian] {
        for sixteenths in [4, 16, 100, 323] {
            let selection = Selection {
                draw: draw(noise, sixteenths, 1, 1),
                k: 10,
                threshold: 30,
            };
            let mechanism = Mechanism::Thresholded {
                selection,
                measures: vec![],
            };
            let preview = preview(&table(1, 1), &mechanism).unwrap().unwrap();
            let noise = pmf(&selection.draw, 2000);
            // P[n + Z ≥ T + k − 1].
            let published = |n: u64| -> f64 {
                let from = 2000 + selection.published_from() as usize - n as usize;
                noise[from..].iter().sum()
            };
            for (least, share) in [
                (preview.contributors_for_half, 0.5),
                (preview.contributors_for_most, 0.95),
            ] {
                assert!(published(least) >= share - 1e-12);
                assert!(published(least - 1) < share, "{sixteenths}/16: {least}");
            }
        }
    }
}

#[test]
fn every_published_number_has_its_half_width() {
    let selection = Selection {
        draw: draw(Noise::DiscreteGaussian, 320, 4, 1),
        k: 5,
        threshold: 110,
    };
    let trips = draw(Noise::DiscreteGaussian, 640, 4, 2);
    let mechanism = Mechanism::Thresholded {
        selection,
        measures: vec![MeasureDraw {
            measure: "trips".into(),
            draw: trips,
        }],
    };
    let preview = preview(&table(1, 1), &mechanism).unwrap().unwrap();
    assert_eq!(preview.cost, mechanism.cost().unwrap());
    // 1.96σ.
    let expected = [
        ("contributors".to_owned(), selection.draw, 39),
        ("trips".to_owned(), trips, 78),
    ];
    assert_eq!(preview.half_widths, expected);
    assert_eq!(
        super::preview(&table(1, 1), &Mechanism::Unprotected).unwrap(),
        None
    );
}
