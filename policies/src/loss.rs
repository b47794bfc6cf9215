//! Privacy loss as integers: (ρ, δ) in units of 10⁻¹², checked, never rounded in the caller's
//! favour.
//!
//! ρ is zero-concentrated differential privacy (Bun and Steinke 2016); a discrete Laplace mechanism
//! of pure ε is booked as ε²/2. δ is what selection adds: the sum of all thresholds' failure
//! probabilities. Both compose by addition, so the ledger needs no floats.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How many units make 1.
pub const UNITS_PER_ONE: u64 = 1_000_000_000_000;

/// Why a text is not a privacy loss.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{given}` is not a privacy loss: write a decimal like \"0.125\", 0 to 999999, at most 12 \
     decimals"
)]
pub struct LossError {
    /// What was given, shortened.
    pub given: String,
}

macro_rules! units {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[derive(Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(u64);

        impl $name {
            /// Nothing lost.
            pub const ZERO: Self = Self(0);

            /// From units of 10⁻¹². From 10⁶ whole ones on, its text does not read back: no cap
            /// allows as much.
            #[must_use]
            pub const fn from_units(units: u64) -> Self {
                Self(units)
            }

            /// In units of 10⁻¹².
            #[must_use]
            pub const fn units(self) -> u64 {
                self.0
            }

            /// The sum, or `None` where it leaves the type: the caller refuses.
            #[must_use]
            pub const fn checked_add(self, other: Self) -> Option<Self> {
                match self.0.checked_add(other.0) {
                    Some(sum) => Some(Self(sum)),
                    None => None,
                }
            }

            /// `times` times this loss, or `None` where it leaves the type.
            #[must_use]
            pub const fn checked_mul(self, times: u64) -> Option<Self> {
                match self.0.checked_mul(times) {
                    Some(product) => Some(Self(product)),
                    None => None,
                }
            }

            /// What is left of `self` after `spent`; zero where more was spent.
            #[must_use]
            pub const fn left_after(self, spent: Self) -> Self {
                Self(self.0.saturating_sub(spent.0))
            }
        }

        impl std::str::FromStr for $name {
            type Err = LossError;
            fn from_str(text: &str) -> Result<Self, LossError> {
                parse_units(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = LossError;
            fn try_from(text: String) -> Result<Self, LossError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(loss: $name) -> Self {
                loss.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&print_units(self.0))
            }
        }
    };
}

units!(
    /// ρ of zero-concentrated differential privacy, in 10⁻¹².
    Rho
);
units!(
    /// δ, in 10⁻¹².
    Delta
);

/// What a unit-period loses: the pair the ledger keeps.
///
/// ```
/// use policies::loss::Loss;
/// let one: Loss = serde_json::from_str(r#"{"rho":"0.02","delta":"0.00000001"}"#).unwrap();
/// let two = one.checked_add(one).unwrap();
/// assert_eq!(two.rho.to_string(), "0.04");
/// assert!(one.fits_in(two) && !two.fits_in(one));
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// ρ.
    pub rho: Rho,
    /// Σδ.
    pub delta: Delta,
}

impl Loss {
    /// Nothing lost.
    pub const ZERO: Self = Self {
        rho: Rho::ZERO,
        delta: Delta::ZERO,
    };

    /// The sum, or `None` where it leaves the type.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        Some(Self {
            rho: self.rho.checked_add(other.rho)?,
            delta: self.delta.checked_add(other.delta)?,
        })
    }

    /// `times` times this loss, or `None` where it leaves the type.
    #[must_use]
    pub fn checked_mul(self, times: u64) -> Option<Self> {
        Some(Self {
            rho: self.rho.checked_mul(times)?,
            delta: self.delta.checked_mul(times)?,
        })
    }

    /// Is this at most `cap` in both parts?
    #[must_use]
    pub fn fits_in(self, cap: Self) -> bool {
        self.rho <= cap.rho && self.delta <= cap.delta
    }

    /// What `spent` leaves of this cap, part by part.
    #[must_use]
    pub fn left_after(self, spent: Self) -> Self {
        Self {
            rho: self.rho.left_after(spent.rho),
            delta: self.delta.left_after(spent.delta),
        }
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ρ {}, δ {}", self.rho, self.delta)
    }
}

/// Six digits before the point leave room in `u64` for a sum of a few; sums are checked.
const WHOLE_DIGITS_MAX: usize = 6;
const DECIMALS: usize = 12;

fn parse_units(text: &str) -> Result<u64, LossError> {
    let fail = || LossError {
        given: text.chars().take(40).collect(),
    };
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |s: &str, max| !s.is_empty() && s.len() <= max && s.bytes().all(|b| b.is_ascii_digit());
    // One spelling per number, so that equal agreements have equal bytes.
    let plain = whole == "0" || !whole.starts_with('0');
    let trimmed = !text.contains('.') || !part.ends_with('0');
    if !digits(whole, WHOLE_DIGITS_MAX) || !digits(part, DECIMALS) || !plain || !trimmed {
        return Err(fail());
    }
    let whole: u64 = whole.parse().map_err(|_| fail())?;
    let part: u64 = format!("{part:0<DECIMALS$}").parse().map_err(|_| fail())?;
    whole
        .checked_mul(UNITS_PER_ONE)
        .and_then(|w| w.checked_add(part))
        .ok_or_else(fail)
}

fn print_units(units: u64) -> String {
    let (whole, part) = (units / UNITS_PER_ONE, units % UNITS_PER_ONE);
    if part == 0 {
        return whole.to_string();
    }
    format!(
        "{whole}.{}",
        format!("{part:0>DECIMALS$}").trim_end_matches('0')
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_survives_the_round_trip_and_has_one_spelling() {
        for text in ["0", "1", "0.125", "999999.999999999999", "0.000000000001"] {
            assert_eq!(text.parse::<Rho>().unwrap().to_string(), text);
        }
        for text in [
            "",
            ".5",
            "1.",
            "01",
            "1.50",
            "-1",
            "1e3",
            "NaN",
            "inf",
            "1000000",
            "0.0000000000001",
            " 1",
        ] {
            assert!(text.parse::<Rho>().is_err(), "`{text}` was taken");
        }
    }

    #[test]
    fn sums_that_leave_the_type_are_refused() {
        let most = Rho::from_units(u64::MAX);
        assert_eq!(most.checked_add(Rho::from_units(1)), None);
        assert_eq!(most.checked_mul(2), None);
    }
}
