//! (ρ, Σδ) as ε, for people. Display only: nothing is ever decided on these numbers.

use policies::agreement::Unit;
use policies::loss::{Delta, Loss, UNITS_PER_ONE};
use serde::{Deserialize, Serialize};

use crate::engine::{self, OpenDpError};

/// The δ at which ε is shown, as text.
pub const DISPLAY_DELTA: &str = "0.000001";
const DISPLAY: Delta = Delta::from_units(UNITS_PER_ONE / 1_000_000);

/// ε at [`DISPLAY_DELTA`], two decimals, rounded up; `None` where Σδ alone is at or above that δ.
///
/// # Errors
/// [`OpenDpError`] where OpenDP's conversion fails.
pub fn epsilon(loss: Loss) -> Result<Option<String>, OpenDpError> {
    epsilon_at(loss, DISPLAY)
}

/// ε at `delta`, two decimals, rounded up; `None` where Σδ alone is at or above `delta`.
///
/// # Errors
/// [`OpenDpError`] where OpenDP's conversion fails.
pub fn epsilon_at(loss: Loss, delta: Delta) -> Result<Option<String>, OpenDpError> {
    Ok(engine::epsilon(loss, delta)?.map(two_decimals_up))
}

fn two_decimals_up(value: f64) -> String {
    let cents = (value * 100.0).ceil();
    // The product may have been rounded below a whole number that the value is above.
    let cents = if cents / 100.0 < value {
        cents + 1.0
    } else {
        cents
    };
    format!("{:.2}", cents / 100.0)
}

/// What someone loses over some unit-periods.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossStatement {
    /// Over which time.
    pub over: Window,
    /// The most unit-periods that this much time touches, of all parts together.
    pub unit_periods: u32,
    /// (ρ, Σδ).
    pub loss: Loss,
    /// ε at `epsilon_delta`, rounded up, for display; absent where no ε can be stated.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epsilon: Option<String>,
    /// The least power of ten, from [`DISPLAY_DELTA`] up, that is at least twice Σδ.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub epsilon_delta: Option<Delta>,
}

/// A stretch of time over which losses are added up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// One unit-period: a person's day, week or month, or one trip.
    UnitPeriod,
    /// Any 30 days in a row.
    ThirtyDays,
    /// Any 366 days in a row.
    Year,
}

impl Window {
    /// The most unit-periods that it can touch, by the calendar: 30 days from a Sunday on are in 6 weeks, from
    /// 31 January on in 3 months. `None` where nothing adds up: a trip happens once, and without a unit there
    /// is no loss to speak of.
    #[must_use]
    pub fn unit_periods(self, unit: Unit) -> Option<u32> {
        match (self, unit) {
            (_, Unit::None) => None,
            (Self::UnitPeriod, _) => Some(1),
            (_, Unit::Trip) => None,
            (Self::ThirtyDays, Unit::PersonDay) => Some(30),
            (Self::ThirtyDays, Unit::PersonWeek) => Some(6),
            (Self::ThirtyDays, Unit::PersonMonth) => Some(3),
            (Self::Year, Unit::PersonDay) => Some(366),
            (Self::Year, Unit::PersonWeek) => Some(54),
            (Self::Year, Unit::PersonMonth) => Some(13),
        }
    }
}

/// What a unit loses where every unit-period loses `loss`: in one, in 30 days, in a year.
///
/// # Errors
/// [`OpenDpError`] where a sum leaves its type or the conversion fails.
pub fn statements(unit: Unit, loss: Loss) -> Result<Vec<LossStatement>, OpenDpError> {
    together(&[(unit, loss)])
}

/// What a person loses who is in all of `parts` (the data of several providers, or under several agreements),
/// where every unit-period of a part loses its loss: losses add up, since nobody can rule such a person out.
///
/// A unit-period is stated only where all parts have the same unit, a longer time only where every part has
/// people: trips do not add up to a person.
///
/// # Errors
/// [`OpenDpError`] where a sum leaves its type or the conversion fails.
pub fn together(parts: &[(Unit, Loss)]) -> Result<Vec<LossStatement>, OpenDpError> {
    let same = parts.windows(2).all(|two| match two {
        [(a, _), (b, _)] => a == b,
        _ => true,
    });
    let windows = [Window::UnitPeriod, Window::ThirtyDays, Window::Year];
    let stated = windows
        .into_iter()
        .filter(|over| *over != Window::UnitPeriod || same);
    stated
        .filter_map(|over| {
            let times = parts
                .iter()
                .map(|(unit, loss)| Some((over.unit_periods(*unit)?, *loss)));
            let times: Vec<_> = times.collect::<Option<_>>()?;
            (!times.is_empty()).then(|| statement(over, &times))
        })
        .collect()
}

fn statement(over: Window, times: &[(u32, Loss)]) -> Result<LossStatement, OpenDpError> {
    let doing = "add up losses";
    let sum = times
        .iter()
        .try_fold((0_u32, Loss::ZERO), |(periods, sum), (times, loss)| {
            let loss = loss.checked_mul(u64::from(*times))?;
            Some((periods.checked_add(*times)?, sum.checked_add(loss)?))
        });
    let (unit_periods, loss) = sum.ok_or(OpenDpError { doing })?;
    let delta = stated_delta(loss.delta);
    let epsilon = match delta {
        Some(delta) => epsilon_at(loss, delta)?,
        None => None,
    };
    Ok(LossStatement {
        over,
        unit_periods,
        loss,
        epsilon_delta: delta.filter(|_| epsilon.is_some()),
        epsilon,
    })
}

/// Half of the stated δ is left for the conversion of ρ; `None` where it would be 1.
fn stated_delta(sum: Delta) -> Option<Delta> {
    let twice = sum.checked_mul(2)?;
    let mut stated = DISPLAY;
    while stated < twice {
        stated = stated.checked_mul(10)?;
    }
    Some(stated).filter(|delta| delta.units() < UNITS_PER_ONE)
}

#[cfg(test)]
mod tests;
