//! What a joint rule withholds, and what would undo it. A company that subtracts itself attacks in `tests/attacks`.

use super::*;

fn rule(min_providers: Option<u32>, dominance_percent: Option<u32>) -> JointRule {
    JointRule {
        min_providers,
        dominance_percent,
    }
}

/// Numbers of three providers, row by row.
fn rows(rows: &[[u64; 3]]) -> Numbers {
    (0..3)
        .map(|n| {
            let column: Vec<u64> = rows.iter().map(|row| row[n]).collect();
            (column.clone(), column)
        })
        .collect()
}

/// Which rows are shown follows the rule on noisy numbers: clear cases always, close ones by the noise and not by the
/// truth.
#[test]
fn few_providers_and_dominated_rows_are_withheld_by_noisy_numbers() {
    let providers = three();
    let clear = rows(&[
        [3000, 3000, 3000],
        [9000, 1000, 1000], // 82 %
        [3000, 3000, 0],    // two providers
        [7000, 1500, 1500], // 70 %
        [0, 0, 4000],       // one
    ]);
    let shown = |rule| released(&providers, rule, &clear).kept;
    assert_eq!(shown(NO_RULE), [0, 1, 2, 3, 4]);
    assert_eq!(shown(rule(Some(3), None)), [0, 1, 3]);
    assert_eq!(shown(rule(None, Some(75))), [0, 2, 3]);
    assert_eq!(shown(rule(Some(3), Some(75))), [0, 3]);
    // True shares of 75.1 % and 74.9 %: on true numbers none, or all, of either would be shown.
    for row in [[3012, 499, 500], [2996, 501, 502]] {
        let close = rows(&vec![row; 2000]);
        let kept = released(&providers, rule(None, Some(75)), &close)
            .kept
            .len();
        assert!((20..1980).contains(&kept), "{kept} of 2000 with {row:?}");
    }
}

/// Attack on a dominance suppression: a margin (the same people by a coarser table) minus the rows that are visible. It
/// finds the dominated row to within the noise, so no such margin stands beside a guarded table
/// (`policies::decide`, `no_margin_stands_beside_a_guarded_table`); the margin that anyone may add up from the rows
/// themselves does not hold it.
#[test]
fn a_margin_would_undo_a_dominance_suppression_and_the_sum_of_rows_does_not() {
    let providers = three();
    let fine = [[1000, 1000, 1000], [20_000, 700, 700], [900, 1100, 800]];
    let guarded = released(&providers, rule(Some(3), Some(80)), &rows(&fine));
    assert_eq!(guarded.kept, [0, 2], "the second row is dominated");
    let visible: i64 = guarded.contributors.values.iter().sum();
    let total: [u64; 3] = std::array::from_fn(|n| fine.iter().map(|row| row[n]).sum());
    // The margin, as if it were released without the guard.
    let margin = released(&providers, NO_RULE, &rows(&[total]));
    let dominated = 21_400;
    let found = margin.contributors.values[0] - visible;
    assert!((found - dominated).abs() < 300, "the margin finds {found}");
    // The guarded table by itself: its own sum is what it shows, 21,400 short of the whole.
    let short = i64::try_from(total.iter().sum::<u64>()).unwrap() - visible;
    assert!((short - dominated).abs() < 300, "{short} are in no row");
    // By its own rule alone it would be shown where it is less dominated than the row in it: testing each table by itself
    // is not enough.
    let own = released(&providers, rule(Some(3), Some(90)), &rows(&[total]));
    assert_eq!(own.kept, [0]);
}
