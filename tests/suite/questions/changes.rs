//! Changes between periods, and ratios of two tables.

use sdk::question::Argument;

use super::asked::*;

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_ratios_are_of_what_was_released() {
    let asked = Asked::new().await;
    let od = rows_of(
        &asked.bikes.1,
        &["origin", "destination"],
        ["trips", "duration_s"],
    );
    let arguments = given(&[(Argument::Date, DAYS[1])]).with_tables(asked.bikes());
    let answer = asked.answer("travel-time", arguments).await;
    let columns = [
        "origin",
        "destination",
        "before_s",
        "after_s",
        "change_s",
        "change_s_low",
        "change_s_high",
        "clear",
    ];
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), 4);
    for row in &found {
        let mean = |day| {
            let of = |which: usize| {
                let rows = od.iter().filter(|r| r.0 == day && r.1[..] == row[..2]);
                let one = rows.map(|r| r.2[which]).next().unwrap();
                (one.0, one.1 + 1.0)
            };
            let ((n, nh), (s, sh)) = (of(0), of(1));
            (s / n, s / n * ((sh / s).powi(2) + (nh / n).powi(2)).sqrt())
        };
        let (before, after) = (mean(DAYS[0]), mean(DAYS[1]));
        let (change, half) = (after.0 - before.0, before.1.hypot(after.1));
        let wanted = [
            before.0.round(),
            after.0.round(),
            change.round(),
            (change - half).floor(),
            (change + half).ceil(),
        ];
        for (text, wanted) in row[2..7].iter().zip(wanted) {
            near(text, wanted);
        }
        assert_eq!(row[7], (change.abs() > half).to_string());
    }
    // What was pushed: c to d became 200 s slower, a to b 100 s faster.
    assert_eq!(found[0][..2], ["c", "d"]);
    near_change(&found[0], 200.0);
    near_change(&found[1], -100.0);

    let here = rows_of(&asked.phones, &["zone", "time"], ["contributors"]);
    assert_eq!(here.len(), 8, "{here:?}");
    let on_both = |key: &[String]| here.iter().filter(|r| r.1 == key).count() == 2;
    let days = [(Argument::Period, DAYS[1]), (Argument::Baseline, DAYS[0])];
    let answer = asked.answer("presence-by-hour", given(&days)).await;
    let found = shown(
        &answer,
        &[
            "hours",
            "zones",
            "people",
            "baseline",
            "change",
            "change_low",
            "change_high",
        ],
    );
    assert_eq!(found.len(), 2);
    for (bin, row) in found.iter().enumerate() {
        let of = |day| {
            here.iter()
                .filter(move |r| r.0 == day && r.1[1] == bin.to_string() && on_both(&r.1))
                .map(|r| r.2[0])
        };
        let (now, then) = (total(of(DAYS[1])).0, total(of(DAYS[0])).0);
        let half = total(of(DAYS[0]).chain(of(DAYS[1]))).1;
        // `a` and `b` in the morning, `a` in the evening: `c` and `d` have one day each.
        assert_eq!(row[1], of(DAYS[0]).count().to_string());
        assert_eq!(row[1], ["2", "1"][bin]);
        assert_eq!(row[2..4], [now, then].map(|n| n.to_string()));
        assert_eq!(row[4..7], written((now - then, half)));
    }

    let filters =
        given(&[(Argument::Hours, "0-12"), (Argument::By, "zone")]).with_tables(asked.bikes());
    let answer = asked.answer("trips-and-presence", filters).await;
    let trips = rows_of(&asked.bikes.1, &["origin", "start"], ["trips"]);
    let columns = [
        "zone",
        "trips",
        "trips_low",
        "trips_high",
        "present",
        "per_1000",
        "per_1000_low",
        "per_1000_high",
    ];
    let found = shown(&answer, &columns);
    assert_eq!(found.len(), 2);
    for row in found {
        let in_zone = |r: &&(&str, Vec<String>, [Number; 1])| r.1[0] == row[0] && r.1[1] == "0";
        let x = total(trips.iter().filter(in_zone).map(|r| r.2[0]));
        let people: Vec<_> = here.iter().filter(in_zone).map(|r| r.2[0]).collect();
        let (count, y) = (people.len() as f64, total(people));
        let y = (y.0 / count, y.1 / count);
        assert_eq!(row[1..4], written(x));
        near(&row[4], y.0.round());
        let half = x.0 / y.0 * (x.1 / x.0).hypot(y.1 / y.0);
        near(&row[5], 1000.0 * x.0 / y.0);
        near(&row[6], 1000.0 * (x.0 / y.0 - half));
        near(&row[7], 1000.0 * (x.0 / y.0 + half));
    }
}

/// The pushed change lies in the interval, or so near that noise beyond 6 σ would be needed.
fn near_change(row: &[String], pushed: f64) {
    let number = |n: usize| row[n].parse::<f64>().unwrap();
    let (change, half) = (number(4), (number(6) - number(5)) / 2.0);
    assert!((change - pushed).abs() <= 4.0 * half, "{row:?}");
}
