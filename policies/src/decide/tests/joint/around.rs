//! Tables beside a guarded one, by which its rule could be undone.

use super::*;

/// Attack: the row that a rule withholds is the difference of two tables, or of a table and its margin. Where an
/// agreement asks for a rule, a second table beside the first is refused, in whichever order they come, and whoever
/// of the parts had the rule.
#[test]
fn no_margin_stands_beside_a_guarded_table() {
    let guard = |n: usize, terms: &mut Agreement| {
        terms.plan[0].editions = 1;
        if n == 0 {
            terms.plan[0].joint = rule(Some(3), Some(80));
            return;
        }
        // The same people by month: the margin over days.
        let (mut table, mut item) = (terms.tables[0].clone(), terms.plan[0].clone());
        table.name = "month".parse().unwrap();
        table.period = crate::period::Grain::Month;
        item.table = table.name.clone();
        terms.tables.push(table);
        terms.plan.push(item);
    };
    let mut all = Providers::contributed(DAY, guard);
    all.contribute_table(1, "month", "2026-10", "m1");
    let month = |all: &Providers| Request {
        table: "month".parse().unwrap(),
        ..all.request("r2", "2026-10", &[1])
    };
    let beside = |all: &Providers, request: &Request| {
        let reasons = refused(all, request);
        let found = reasons.iter().any(|(id, _)| *id == ReasonId::PartsBeside);
        assert!(found, "{reasons:?}");
    };
    // Alone, the second provider's month is nobody's margin.
    assert!(matches!(
        decide(&all.town.state, &month(&all), now()).unwrap(),
        Decision::Permit(_)
    ));
    let mut other_way = Providers {
        town: Town {
            state: all.town.state.clone(),
            log: vec![],
            ..Town::new()
        },
        terms: all.terms.clone(),
    };
    let joint = all.request("r1", DAY, &[0, 1, 2]);
    reserve(&mut all, &joint, &[0, 1, 2]);
    // By month, alone, and with one provider less: each would be a margin.
    beside(&all, &month(&all));
    beside(&all, &all.request("r3", DAY, &[1]));
    beside(&all, &all.request("r3", DAY, &[1, 2]));
    // Another day has nothing to be subtracted from.
    all.contribute(1, "2026-10-06", "d6");
    assert!(matches!(
        decide(
            &all.town.state,
            &all.request("r4", "2026-10-06", &[1]),
            now()
        )
        .unwrap(),
        Decision::Permit(_)
    ));
    // The margin first: then the guarded table is refused.
    let request = month(&other_way);
    reserve(&mut other_way, &request, &[1]);
    beside(&other_way, &joint);
}

/// A joint rule lets one table of its people stand: an ad-hoc merge would be a second one, and is no
/// joint table itself.
#[test]
fn a_merge_is_no_way_around_a_joint_rule() {
    let mut all = Providers::contributed(DAY, |n, terms| {
        terms.plan[0].joint = rule(Some(3), None).filter(|_| n == 2);
        if n == 0 {
            terms.plan[0].editions = 1;
            terms.ad_hoc = vec![crate::testing::ad_hoc()];
        }
    });
    let whole_day = |request: Request| {
        let coarsening = serde_json::from_str(r#"{"bins": [0]}"#).unwrap();
        let merge = Merge::new(&[request.period], coarsening).unwrap();
        Request {
            merge: Some(merge),
            ..request
        }
    };
    let together = whole_day(all.request("r1", DAY, &[0, 1, 2]));
    let reasons = refused(&all, &together);
    assert!(
        reasons.iter().any(|r| r.0 == ReasonId::MergeUnfit),
        "{reasons:?}"
    );
    let alone = whole_day(all.request("r1", DAY, &[0]));
    assert!(matches!(
        decide(&all.town.state, &alone, now()).unwrap(),
        Decision::Permit(_)
    ));
    let joint = all.request("r2", DAY, &[0, 1, 2]);
    reserve(&mut all, &joint, &[0, 1, 2]);
    let reasons = refused(&all, &alone);
    assert_eq!(reasons[0].0, ReasonId::PartsBeside, "{reasons:?}");
}
