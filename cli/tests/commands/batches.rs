//! The id of a batch, which others see, tells nobody whether a guess of the cells is right.

use jiff::ToSpan;
use serde_json::Value;

use crate::office::{Done, Office, first_day};

const MAPPING: &str = r#"
[source]
format = "csv"
[time]
column = "start"
[unit]
column = "rider"
[dimensions]
origin = { column = "from" }
destination = { column = "to" }
mode = { const = "bike" }
"#;

/// The trips of some riders of the first day.
fn trips(office: &Office, name: &str, riders: usize) -> String {
    let day = first_day();
    let rows = (0..riders).map(|rider| format!("r{rider},{day}T08:15:00,a,b\n"));
    let file = office.file(&format!("{name}.csv"));
    let text = format!("rider,start,from,to\n{}", rows.collect::<String>());
    std::fs::write(&file, text).unwrap();
    file
}

/// The cells of a file and of the day after, on which nobody was; counted by one of them with a secret.
fn counted(office: &Office, who: &str, raw: &str, secret: &str, cells: &str) -> Value {
    let (agreement, mapping) = (office.file("agreement.json"), office.file("mapping.toml"));
    std::fs::write(&mapping, MAPPING).unwrap();
    let zoning = format!("town={}", office.file("town.geojson"));
    let days = format!("{}..{}", first_day(), first_day() + 1.days());
    let (secret, out) = (office.file(secret), office.file(cells));
    let mut aggregate = vec![
        "aggregate",
        "--agreement",
        &agreement,
        "--mapping",
        &mapping,
    ];
    aggregate.extend(["--zoning", &zoning, "--days", &days, "--secret", &secret]);
    aggregate.extend(["--out", &out, raw]);
    office.weir(who, &aggregate).json()
}

fn push(office: &Office, who: &str, cells: &str) -> Done {
    office.weir(who, &["push", &office.file(cells)])
}

#[test]
fn a_guess_of_the_cells_cannot_be_tried_on_a_batch_id() {
    let office = Office::open();
    office.agreed();
    let truth = trips(&office, "truth", 12);
    counted(&office, "bikes", &truth, "bikes.secret", "cells");
    let mut both = push(&office, "bikes", "cells").json();
    assert_eq!(both["pushed"].as_array().unwrap().len(), 2, "{both}");
    let pushed = both["pushed"][0].take();

    // Counted and pushed once more, it is the same push.
    let again = push(&office, "bikes", "cells").json()["pushed"][0].take();
    assert_eq!(
        (&again["batch"], &again["entry"]),
        (&pushed["batch"], &pushed["entry"])
    );
    counted(&office, "bikes", &truth, "bikes.secret", "recounted");
    let again = push(&office, "bikes", "recounted").json()["pushed"][0].take();
    assert_eq!(
        (&again["batch"], &again["entry"]),
        (&pushed["batch"], &pushed["entry"])
    );

    // The planner knows all riders but one, and tries both.
    let said = [("right", 12), ("wrong", 11)].map(|(guess, riders)| {
        let raw = trips(&office, guess, riders);
        counted(&office, "city", &raw, "city.secret", guess);
        let done = push(&office, "city", guess);
        assert_ne!(done.code, 0, "{}", done.out);
        (
            done.code,
            done.out.replace(guess, "guess"),
            done.err.replace(guess, "guess"),
        )
    });
    assert!(
        said[0].2.contains("with other cells is live"),
        "{}",
        said[0].2
    );
    assert_eq!(said[0], said[1], "a guess is told from another");
}
