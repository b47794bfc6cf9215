//! Deliberate holes, each of which a named attack in `tests/attacks` has to find.
//!
//! [`active`] is `false` at compile time without the feature `mutants`, which only the test crate asks for
//! (`tests/suite/walls.rs` proves that a `weir` to be run is built without it). Where all is built for tests, Cargo
//! gives the feature to every crate, and so to the `weir` that lies in `target` afterwards: there the code of the holes is,
//! and shut. A process has the hole that [`VARIABLE`] names only once it has called `arm` itself, which the attacks
//! alone do (`cli/tests/commands/holes.rs` proves that the variable opens none in `weir`).

use std::collections::BTreeMap;
#[cfg(feature = "mutants")]
use std::sync::atomic::{AtomicBool, Ordering};

use crate::agreement::Agreement;
use crate::entry::Reservation;
use crate::id::{AgreementId, PopulationId, ReleaseKey, RequestId, sha256_hex};
use crate::ledger::Ledger;
#[cfg(feature = "mutants")]
use crate::loss::UNITS_PER_ONE;
use crate::loss::{Delta, Loss};
use crate::state::{AgreementRecord, ReleaseRecord, Stage, State};

macro_rules! mutants {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// One hole.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Mutant {
            $($(#[$doc])* $name,)*
        }

        impl Mutant {
            /// All of them: a survivor fails `every_mutant_is_killed`.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// Its name in [`VARIABLE`].
            #[must_use]
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }
        }
    };
}

mutants! {
    /// Noise of half the scale that was charged.
    NoiseHalved,
    /// The aggregation keeps all cells of a unit.
    CellsUnbounded,
    /// The aggregation keeps all events of a unit in a cell.
    EventsUnbounded,
    /// The charge counts on a unit in one cell, whatever `cells_max` says.
    NoL0,
    /// The charge counts on one event of a unit in a cell, whatever `per_cell_max` says.
    NoLinf,
    /// The charge of merged rows counts on a unit in one base cell of each, whatever r says.
    NoMergeScale,
    /// Rows are published from T − 1 on.
    ThresholdLowered,
    /// Rows are published from T on, not from T + k − 1.
    NoKShift,
    /// Rows of fewer than k units are selected like all others.
    BelowK,
    /// A k-only table hides the cells below k, and none beside them.
    PrimaryAlone,
    /// Noisy tables stand beside a k-only one of the same people.
    NoiseBesideKOnly,
    /// Keys of a dense table that nobody is in are shown as they are.
    AbsentWithoutNoise,
    /// Cells that nobody is in are taken.
    ZeroKeysKept,
    /// All cells of a column have the same noise.
    NoiseSharedByCells,
    /// All columns of a release have the same noise, scaled.
    NoiseSharedByMeasures,
    /// All generators have one key.
    ConstantSeed,
    /// The operating system gives no randomness, until the process is healed (`heal`). No mutant, but a fault: then
    /// there MUST be no release.
    NoRandomness,
    /// A correction has the noise of what it replaces.
    RevisionWithOldNoise,
    /// An amendment begins to count editions anew.
    EditionsForgotten,
    /// Every request is a draw of its own.
    TwoKeysForOneDraw,
    /// A release that ended without a table gives its charge back.
    RefundOnError,
    /// A release over many unit-periods is charged to the first of them.
    OnePeriodCharged,
    /// Every agreement has an account of its own, though the people are the same.
    SecondPopulation,
    /// No row of a merge or a rung is taken to hold more than one cell of a unit: r is 1.
    MergesUncounted,
    /// The rows of a rung cover cells that a finer row published, too.
    RungOfAll,
    /// A rung has the noise of the finest rows.
    RungNoiseReused,
    /// The rungs of a ladder are charged to nobody.
    RungsFree,
    /// The last part of a joint table counts without noise.
    PartWithoutNoise,
    /// A sum of several parts has noise for the part that a unit changes least.
    SmallestPartHidden,
    /// The parts of a joint table need k units together, not each.
    JointK,
    /// `min_providers` counts the providers that are there, not those that are selected.
    ProvidersByTruth,
    /// Other tables stand beside one that a `joint` rule guards.
    MarginBeside,
}

/// A δ that a test can see in thousands of cells may be signed in this process ([`allow_any_delta`]).
#[cfg(feature = "mutants")]
static ANY_DELTA: AtomicBool = AtomicBool::new(false);

/// From now on agreements of this process may have a δ of any size: no hole, since it is charged, but nothing that
/// anybody may sign outside tests.
#[cfg(feature = "mutants")]
pub fn allow_any_delta() {
    ANY_DELTA.store(true, Ordering::Relaxed);
}

/// The most δ of one release, or what [`allow_any_delta`] lets through.
#[cfg(feature = "mutants")]
pub(crate) fn delta_max(sound: Delta) -> Delta {
    match ANY_DELTA.load(Ordering::Relaxed) {
        true => Delta::from_units(UNITS_PER_ONE - 1),
        false => sound,
    }
}

/// The most δ of one release.
#[cfg(not(feature = "mutants"))]
pub(crate) const fn delta_max(sound: Delta) -> Delta {
    sound
}

/// `sound`, or what stands in its place in a process with the hole.
#[must_use]
pub fn instead_of<T>(sound: T, mutant: Mutant, broken: T) -> T {
    if active(mutant) { broken } else { sound }
}

/// The environment variable that names the one mutant of a process that is armed.
pub const VARIABLE: &str = "WEIR_MUTANT";

/// Does this process have the hole?
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn active(_: Mutant) -> bool {
    false
}

/// Does this process have the hole?
#[cfg(feature = "mutants")]
#[must_use]
pub fn active(mutant: Mutant) -> bool {
    use std::sync::LazyLock;
    static NAMED: LazyLock<Option<String>> = LazyLock::new(|| std::env::var(VARIABLE).ok());
    ARMED.load(Ordering::Relaxed) && NAMED.as_deref() == Some(mutant.name())
}

#[cfg(feature = "mutants")]
static ARMED: AtomicBool = AtomicBool::new(false);

/// From now on this process has the hole that [`VARIABLE`] names. Called by attacks, never by what serves.
#[cfg(feature = "mutants")]
pub fn arm() {
    ARMED.store(true, Ordering::Relaxed);
}

/// From now on this process has no hole.
#[cfg(feature = "mutants")]
pub fn heal() {
    ARMED.store(false, Ordering::Relaxed);
}

/// What a reservation takes from its account: all that it is charged, or the finest rows'
/// ([`Mutant::RungsFree`]).
pub(crate) fn charged(part: &Reservation) -> Loss {
    let finest = || part.mechanism.cost().ok();
    let broken = (active(Mutant::RungsFree) && !part.rungs.is_empty()).then(finest);
    broken.flatten().unwrap_or(part.charge)
}

/// The population of an agreement, or one of its own ([`Mutant::SecondPopulation`]).
pub(crate) fn population(terms: &Agreement) -> PopulationId {
    let own = || {
        format!("p{}", &terms.id().ok()?.as_str().get(..20)?)
            .parse()
            .ok()
    };
    let broken = active(Mutant::SecondPopulation).then(own);
    broken
        .flatten()
        .unwrap_or_else(|| terms.population.id.clone())
}

/// The key of a release, or one of this request's own ([`Mutant::TwoKeysForOneDraw`]).
pub(crate) fn key(key: ReleaseKey, request: &RequestId) -> ReleaseKey {
    let own = || ReleaseKey::new(sha256_hex(request.as_str().as_bytes())).ok();
    let broken = active(Mutant::TwoKeysForOneDraw).then(own);
    broken.flatten().unwrap_or(key)
}

/// What a release that has just ended gives back: nothing ([`Mutant::RefundOnError`]).
pub(crate) fn refund(
    release: &ReleaseRecord,
    agreements: &BTreeMap<AgreementId, AgreementRecord>,
    ledger: &mut Ledger,
) {
    let reservation = &release.reservation;
    let aborted = matches!(release.stage, Stage::Aborted { .. });
    let Some(record) = agreements.get(&reservation.agreement) else {
        return;
    };
    let Some(grain) = reservation
        .unit
        .grain()
        .filter(|_| aborted && active(Mutant::RefundOnError))
    else {
        return;
    };
    let account = State::account_of(&record.terms);
    for period in reservation.period.parts(grain).unwrap_or_default() {
        let spent = ledger.spent(&account, period);
        ledger.set_spent(
            account.clone(),
            period,
            spent.left_after(reservation.charge),
        );
    }
}
