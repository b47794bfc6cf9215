//! What a provider may expect a release to show of its own cells, before anyone signs: for its own eyes, on its own
//! machine. No noise is drawn and nothing is charged: a chance is computed, not a release made.

use policies::mechanism::Mechanism;

use crate::interval::selected::Chance;

/// What [`Outlook::chance`] is a part of.
pub const CERTAIN: u32 = 1_000_000;

/// One mechanism, looked at from inside.
pub struct Outlook(Rule);

enum Rule {
    Noisy(Chance),
    From(u64),
}

impl Outlook {
    /// Of a mechanism. Of a k-only table it is an upper bound: so many rows of at least k are hidden besides that no
    /// smaller one can be computed.
    #[must_use]
    pub fn of(mechanism: &Mechanism) -> Self {
        Self(match mechanism {
            Mechanism::Thresholded { selection, .. } => Rule::Noisy(Chance::new(selection)),
            Mechanism::KOnly { k } => Rule::From(u64::from(*k)),
            Mechanism::Dense { .. } | Mechanism::Unprotected => Rule::From(0),
        })
    }

    /// The chance that a cell of so many contributors is published, in millionths.
    ///
    /// **It tells of a true count.** Whoever sees it for a cell learns more than a release would say.
    ///
    /// ```
    /// # use policies::{agreement::{Charge, Unit}, table::Table, mechanism::Mechanism};
    /// # use privacy::{calibrate::calibrate, outlook::{CERTAIN, Outlook}};
    /// # let table: Table = serde_json::from_str(r#"{"name": "od", "kind": "od_trips", "zoning": "post",
    /// #     "period": "day", "bins": [0], "categories": [{"dimension": "mode", "values": ["bike"]}],
    /// #     "cells_max": 1, "per_cell_max": 1, "clamps": []}"#).unwrap();
    /// # let charge: Charge =
    /// #     serde_json::from_str(r#"{"selection": "0.125", "delta": "0.00000001", "measures": []}"#).unwrap();
    /// let mechanism = calibrate(&table, Unit::Trip, 10, &charge).unwrap();
    /// let Mechanism::Thresholded { selection, .. } = &mechanism else { panic!() };
    /// let (outlook, from) = (Outlook::of(&mechanism), selection.published_from());
    /// assert_eq!(outlook.chance(9), 0); // fewer than k
    /// assert!(outlook.chance(10) < 10);
    /// assert!((500_000..700_000).contains(&outlook.chance(from)));
    /// assert_eq!(outlook.chance(from + 100), CERTAIN);
    /// ```
    #[must_use]
    pub fn chance(&self, contributors: u64) -> u32 {
        match &self.0 {
            Rule::Noisy(chance) => (chance.of(contributors) * f64::from(CERTAIN)).round() as u32,
            Rule::From(least) if contributors >= *least => CERTAIN,
            Rule::From(_) => 0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use policies::mechanism::{Draw, MeasureDraw, Noise, Scale, Selection};

    use super::*;

    fn outlook(noise: Noise, sixteenths: u64, k: u32, threshold: u64) -> Outlook {
        let scale = Scale::from_sixteenths(sixteenths).unwrap();
        let draw = Draw {
            noise,
            scale,
            l0: 1,
            linf: 1,
            merged: 1,
        };
        let selection = Selection { draw, k, threshold };
        let measures: Vec<MeasureDraw> = vec![];
        Outlook::of(&Mechanism::Thresholded {
            selection,
            measures,
        })
    }

    /// Against sums of the distribution itself, taken here another way.
    #[test]
    fn a_chance_is_the_tail_of_the_noise_and_none_below_k() {
        for (noise, sixteenths) in [
            (Noise::DiscreteGaussian, 8),
            (Noise::DiscreteGaussian, 33),
            (Noise::DiscreteGaussian, 16 * 40),
            (Noise::DiscreteLaplace, 24),
        ] {
            let scale = sixteenths as f64 / 16.0;
            let weight = |z: i64| match noise {
                Noise::DiscreteGaussian => (-((z * z) as f64) / (2.0 * scale * scale)).exp(),
                Noise::DiscreteLaplace => (-(z.abs() as f64) / scale).exp(),
            };
            let all: f64 = (-2000..=2000).map(weight).sum();
            let outlook = outlook(noise, sixteenths, 5, 20);
            let mut last = 0;
            for n in 0..300_u64 {
                let needed = 24 - i64::try_from(n).unwrap(); // T + k − 1 = 24
                let tail: f64 = (needed..=2000).map(weight).sum();
                let expected = if n < 5 { 0.0 } else { tail / all * 1e6 };
                let chance = outlook.chance(n);
                assert!(
                    (f64::from(chance) - expected).abs() <= 1.0,
                    "{noise:?} {sixteenths} {n}: {chance} {expected}"
                );
                assert!(chance >= last && chance <= CERTAIN);
                last = chance;
            }
        }
    }

    #[test]
    fn large_noise_is_taken_in_steps_and_stays_close() {
        let outlook = outlook(Noise::DiscreteGaussian, 16 * 5000, 5, 20_001);
        assert_eq!(outlook.chance(4), 0);
        let even = outlook.chance(20_005);
        assert!((495_000..=505_000).contains(&even), "{even}");
        let one_sigma = outlook.chance(25_005);
        assert!((838_000..=845_000).contains(&one_sigma), "{one_sigma}");
    }

    #[test]
    fn what_has_no_threshold_is_shown_and_k_alone_is_a_step() {
        assert_eq!(Outlook::of(&Mechanism::Unprotected).chance(1), CERTAIN);
        let k_only = Outlook::of(&Mechanism::KOnly { k: 20 });
        assert_eq!((k_only.chance(19), k_only.chance(20)), (0, CERTAIN));
    }
}
