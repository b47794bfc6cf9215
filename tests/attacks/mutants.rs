//! Every hole of [`policies::mutants`] is found by the attack that is named for it. Each runs in a process of
//! its own, since a process has one mutant or none, which `arm` opens there.

use std::process::Command;

use policies::mutants::{Mutant, VARIABLE};

use crate::arm::ARMS;

/// The attack that has to fail, and a part of what it has to say.
fn killer(mutant: Mutant) -> (&'static str, &'static str) {
    const GUESS: &str =
        "membership::the_best_guess_about_one_person_is_no_better_than_epsilon_says";
    const DELTA: &str = "delta::one_more_person_shows_a_cell_as_rarely_as_delta_says";
    const COLLUDERS: &str =
        "delta::k_minus_1_people_who_collude_see_one_more_as_rarely_as_the_agreement_says";
    const MERGED: &str = "merging::the_best_guess_from_merged_rows_is_no_better_than_epsilon_says";
    const TRACES: &str = "traces::whoever_is_taken_out_changes_few_cells_by_little";
    const PATH: &str = "path::from_raw_trips_to_a_table_one_person_is_as_hidden_as_epsilon_says";
    const REVISION: &str = "differencing::a_revision_minus_what_it_replaces_hides_who_was_added";
    const AGAIN: &str = "differencing::asking_again_gives_nothing_to_average";
    const AMENDED: &str = "differencing::amending_an_agreement_gives_nothing_to_average";
    const LEDGER: &str = "ledger::a_day_has_lost_the_sum_of_everything_that_read_it";
    const TWICE: &str = "noise::no_draw_is_used_twice";
    const RUNGS: &str =
        "ladder::who_sees_every_rung_guesses_no_better_than_all_of_them_were_charged";
    const FINER: &str = "ladder::a_coarse_row_minus_the_finer_one_hides_who_is_in_the_remainder";
    const REMAINDER: &str = "ladder::a_remainder_of_fewer_than_k_is_on_no_rung";
    const PARTNER: &str =
        "together::a_company_that_subtracts_itself_guesses_no_better_than_the_other_was_charged";
    const SHOWN: &str = "together::one_more_person_shows_a_row_of_several_as_rarely_as_delta_says";
    const BESIDE: &str = "together::nothing_that_undoes_a_guarded_table_is_released";
    match mutant {
        Mutant::NoiseHalved | Mutant::NoL0 | Mutant::NoLinf => (GUESS, "is lost for certain"),
        Mutant::ThresholdLowered => (DELTA, "one person is seen with"),
        Mutant::NoKShift => (COLLUDERS, "one person is seen with"),
        Mutant::BelowK => (DELTA, "cells of k − 1 units are shown"),
        Mutant::CellsUnbounded => (TRACES, "cells of a day"),
        Mutant::EventsUnbounded => (PATH, "is lost for certain"),
        Mutant::AbsentWithoutNoise => (
            "dense::a_key_that_nobody_is_in_looks_like_every_other",
            "absent keys have another noise",
        ),
        Mutant::ZeroKeysKept => (
            "delta::a_cell_that_nobody_is_in_is_refused",
            "a cell of nobody",
        ),
        Mutant::NoRandomness => (AGAIN, "Internal"),
        Mutant::NoiseSharedByCells | Mutant::NoiseSharedByMeasures | Mutant::ConstantSeed => {
            (TWICE, "move together")
        }
        Mutant::RevisionWithOldNoise => (REVISION, "is lost for certain"),
        Mutant::EditionsForgotten => (AMENDED, "gave a further draw"),
        Mutant::TwoKeysForOneDraw => (AGAIN, "the noise is new"),
        Mutant::RefundOnError | Mutant::OnePeriodCharged | Mutant::SecondPopulation => {
            (LEDGER, "the maps come to")
        }
        Mutant::PrimaryAlone => (
            "k_only::no_small_number_of_a_k_only_table_is_bounded_by_its_rows",
            "is known to be",
        ),
        Mutant::NoiseBesideKOnly => (
            "k_only::no_noisy_table_is_released_beside_exact_counts",
            "was released beside exact counts",
        ),
        Mutant::NoMergeScale => (MERGED, "is lost for certain"),
        Mutant::MergesUncounted | Mutant::RungsFree => (RUNGS, "is lost for certain"),
        Mutant::RungNoiseReused => (FINER, "is lost for certain"),
        Mutant::RungOfAll => (REMAINDER, "are on a rung"),
        Mutant::PartWithoutNoise | Mutant::SmallestPartHidden => (PARTNER, "is lost for certain"),
        Mutant::JointK => (SHOWN, "below k are counted"),
        Mutant::ProvidersByTruth => (SHOWN, "one person is seen with"),
        Mutant::MarginBeside => (BESIDE, "was released beside"),
    }
}

#[test]
fn every_mutant_is_killed() {
    let mut survivors = Vec::new();
    for mutant in Mutant::ALL {
        let (attack, words) = killer(*mutant);
        let begun = std::time::Instant::now();
        let output = Command::new(std::env::current_exe().unwrap())
            // One thread takes them in the order of their names.
            .args([
                ARMS,
                attack,
                "--exact",
                "--test-threads",
                "1",
                "--nocapture",
            ])
            .env(VARIABLE, mutant.name())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        let killed = !output.status.success() && text.contains(words) && text.contains("1 failed");
        println!(
            "{mutant:?}: {attack} {:?} {}",
            begun.elapsed(),
            if killed { "killed" } else { "SURVIVED" }
        );
        if !killed {
            survivors.push((mutant, text.into_owned()));
        }
    }
    assert!(survivors.is_empty(), "these mutants live: {survivors:#?}");
}
