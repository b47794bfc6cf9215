//! Merged cells: a person's whole contribution falls into one row, which moves by all of it.

use policies::coarse::Merge;
use proto::convert::Wish;

use crate::city::{City, DAY, Shown};
use crate::membership::{Experiment, assert_claim};

/// Bins of a third of a day, which are one row of every pair of zones. Without the scale of merging ρ is L0 times as much: with
/// 4 bins and ρ 0.95 the audit saw that by four standard deviations only, and once in CI it did not.
const L0: usize = 8;

/// Eight bins become one row, in which the person adds 24 trips: r = L0 is what Δ2 is scaled by.
#[tokio::test(flavor = "multi_thread")]
async fn the_best_guess_from_merged_rows_is_no_better_than_epsilon_says() {
    let experiment = Experiment {
        cells: 1,
        training: 8_000,
        testing: 16_500,
        without: (150, 200 * L0 as u64),
        adds: (1, 3 * L0 as u64),
    };
    let city = City::new().await;
    let mut terms = city.terms();
    (terms.tables[0].cells_max, terms.tables[0].per_cell_max) = (L0 as u32, 3);
    let line = serde_json::json!({
        "table": "od", "coarsenings": "any", "requests": 1,
        "charge": {
            "selection": "0.02", "delta": "0.0000001",
            "measures": [{ "measure": "trips", "rho": "0.48" }],
        },
    });
    terms.ad_hoc = vec![serde_json::from_value(line).unwrap()];
    terms.population.cap = terms.allotment();
    let id = city.activate(&terms).await;
    let cells: Vec<_> = (0..experiment.replicates() * L0)
        .map(|n| {
            let more = u64::from(Experiment::present(n / L0));
            (150 + more, 200 + 3 * more)
        })
        .collect();
    city.push(&terms, DAY, None, &cells).await;
    let coarsening = serde_json::from_str(r#"{"bins": [0, 8, 16]}"#).unwrap();
    let merge = Merge::new(&[DAY.parse().unwrap()], coarsening).unwrap();
    let wish = Wish {
        merge: Some(merge),
        ..city.wish(&id, "od", DAY)
    };
    let shown = city.release(&city.planner, &wish).await;
    let rows = Shown {
        cells: shown.cells.into_iter().step_by(L0).collect(),
        ..shown
    };
    assert_claim(
        &experiment,
        &experiment.scores(&rows),
        rows.sheet.charge,
        0.4,
    );
}
