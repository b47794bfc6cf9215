//! Questions that planners ask, each against what was released: the sums and intervals of an answer are those of
//! the rows that the log committed to.

mod asked;
mod changes;
mod edges;
mod flows;
mod large;
mod people;

use policies::id::Role;
use sdk::client::Client;
use sdk::question::{Argument, Arguments, AskError, Missing, Outcome, Question};

use crate::harness::*;
use asked::*;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_said_with_what_to_agree_on() {
    let asked = Asked::new().await;
    let missing = async |client: &Client, name, arguments| match ask(client, name, arguments)
        .await
        .unwrap()
    {
        Outcome::Missing(missing) => missing,
        other => panic!("{other:?}"),
    };
    for question in Question::all() {
        let arguments = question
            .needed
            .iter()
            .fold(Arguments::default(), |all, argument| {
                all.with(
                    *argument,
                    Some(
                        DAYS[if *argument == Argument::Baseline {
                            0
                        } else {
                            1
                        }],
                    ),
                )
            });
        let Missing {
            planned,
            template,
            table,
            ..
        } = missing(&asked.other.client, &question.name, arguments).await;
        assert!(planned.is_empty() && policies::template::named(&template).is_some());
        assert!(table.contains("kind"));
    }
    // The providers may fetch what is released of their own data, and have no other's.
    let provider = asked.town.member("phones").await;
    let lacking = missing(&provider.client, "top-corridors", Arguments::default()).await;
    assert_eq!(lacking.planned, []);

    // Parts of the day that cut through the table's own.
    let hours = given(&[(Argument::Hours, "6-9")]).with_tables(asked.bikes());
    let cut = missing(&asked.city.client, "od-matrix", hours).await;
    assert!(cut.why.contains("00-12, 12-24"), "{}", cut.why);

    // An agreement that plans the table, of which nothing is released yet.
    let scooters = asked.town.join("scooters", Role::Provider).await;
    let id = activate(
        &scooters,
        &asked.other,
        &trips(&scooters, &asked.other, "scooter"),
    )
    .await;
    let date = given(&[(Argument::Date, DAYS[1])]);
    let soon = missing(&asked.other.client, "travel-time", date).await;
    assert_eq!(soon.planned, [(id, "od".parse().unwrap())]);

    // Two tables would do: neither is guessed.
    match ask(&asked.city.client, "od-matrix", Arguments::default())
        .await
        .unwrap()
    {
        Outcome::Choose(several) => assert_eq!(several.len(), 2),
        other => panic!("{other:?}"),
    }
    let nowhere = Arguments::default().with_tables(vec!["od; DROP".into()]);
    assert!(matches!(
        ask(&asked.city.client, "od-matrix", nowhere).await,
        Err(AskError::Table { .. })
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_values_are_no_zones() {
    let asked = Asked::new().await;
    for zone in [
        "x' OR '1' = '1",
        "'; DROP TABLE od; --",
        "\\' OR TRUE --",
        "b\\",
        "$zone {t.sum}",
        "''",
        "b'--",
    ] {
        let arguments = given(&[(Argument::Zone, zone)]).with_tables(asked.bikes());
        let answer = ask(&asked.city.client, "catchment", arguments).await;
        assert!(matches!(answer, Err(AskError::NoZone { .. })), "{zone}");
    }
    let arguments = given(&[(Argument::Zone, "b")]).with_tables(asked.bikes());
    assert_eq!(
        shown(&asked.answer("catchment", arguments).await, &["origin"]),
        [["a"]]
    );
}
