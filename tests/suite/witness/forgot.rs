//! A witness that has lost what it saw, and that somebody began again under its key: it does not start otherwise.

use super::*;

async fn forgot(town: &Town) -> u32 {
    let page = crate::planted::page(town.running().metrics_address.unwrap()).await;
    let line = "weir_witness_forgot_total{witness=\"north\"} ";
    let told = page.lines().find_map(|found| found.strip_prefix(line));
    told.map_or(0, |number| number.parse().unwrap())
}

/// It is told, whether the witness forgot while the broker ran or while it was off.
#[tokio::test(flavor = "multi_thread")]
async fn a_witness_that_forgot_is_told() {
    let mut watched = Watched::new().await;
    watched.town.join("bikes", Role::Provider).await;
    assert_eq!(forgot(&watched.town).await, 0);
    for (off, org) in [(false, "trams"), (true, "city")] {
        if off {
            watched.town.stop().await;
        }
        watched.north.stop().await;
        let state = &watched.north.config.state;
        std::fs::remove_dir_all(state).unwrap();
        witness::begin(state).unwrap();
        watched.north.start().await;
        if off {
            watched.town.start().await;
        }
        watched.town.join(org, Role::Planner).await;
        until("it is told", async || {
            (forgot(&watched.town).await == 1).then_some(())
        })
        .await;
    }
}
