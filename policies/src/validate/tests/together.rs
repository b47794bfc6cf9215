//! Lines of a plan beside each other: joint rules, ad-hoc merges, rungs.

use super::*;

#[test]
fn a_joint_rule_can_be_kept_and_is_not_undone_by_the_same_plan() {
    let asks = |rule: Value| {
        let mut a = with("/k", json!(5));
        a.plan[0].joint = Some(serde_json::from_value(rule).unwrap());
        a
    };
    for fine in [
        json!({"min_providers": 3}),
        json!({"min_providers": 8, "dominance_percent": 13}),
        json!({"dominance_percent": 99}),
    ] {
        assert_eq!(paths(&asks(fine)), Vec::<String>::new());
    }
    for (rule, path) in [
        (json!({}), ""),
        (json!({"min_providers": 2}), ".min_providers"),
        (json!({"min_providers": 9}), ".min_providers"),
        (json!({"dominance_percent": 12}), ".dominance_percent"),
        (json!({"dominance_percent": 100}), ".dominance_percent"),
    ] {
        assert_eq!(paths(&asks(rule)), [format!("plan[0].joint{path}")]);
    }
    let mut beside = asks(json!({"min_providers": 3}));
    beside.plan[0].editions = 1;
    let (mut table, mut item) = (beside.tables[0].clone(), beside.plan[0].clone());
    (table.name, table.period) = ("month".parse().unwrap(), crate::period::Grain::Month);
    (item.table, item.joint) = (table.name.clone(), None);
    beside.tables.push(table);
    beside.plan.push(item);
    assert_eq!(paths(&beside), ["plan[0].joint"]);
    // Another kind of table counts something else.
    beside.tables[1].kind = "presence".into();
    beside.tables[1].categories[0].dimension = "category".into();
    beside.tables[1].clamps.clear();
    beside.plan[1].charge.as_mut().unwrap().measures.clear();
    assert_eq!(paths(&beside), Vec::<String>::new());
}

/// Merging needs an unambiguous line, a table that is planned, and room in the cap.
#[test]
fn ad_hoc_lines_are_of_planned_tables_and_count_into_the_allotment() {
    let change = |change: &dyn Fn(&mut Agreement)| {
        let mut agreement = with("/plan/0/editions", json!(1));
        agreement.ad_hoc = vec![crate::testing::ad_hoc()];
        change(&mut agreement);
        paths(&agreement)
    };
    assert_eq!(change(&|_| {}), Vec::<String>::new());
    let only = |json: Value| -> crate::agreement::Allowed {
        serde_json::from_value(json!({"only": json})).unwrap()
    };
    type Change<'a> = &'a dyn Fn(&mut Agreement);
    let broken: [(&str, Change); 10] = [
        ("plan", &|a| a.plan[0].editions = 2),
        ("plan", &|a| a.ad_hoc[0].requests = 3),
        ("ad_hoc[0].requests", &|a| a.ad_hoc[0].requests = 0),
        ("ad_hoc[0].charge", &|a| {
            a.ad_hoc[0].charge.selection = Rho::ZERO
        }),
        ("ad_hoc[0].charge", &|a| {
            a.ad_hoc[0].charge.delta = Delta::ZERO
        }),
        ("ad_hoc[0].coarsenings", &|a| {
            a.ad_hoc[0].coarsenings = only(json!([]))
        }),
        ("ad_hoc[0].coarsenings", &|a| {
            a.ad_hoc[0].coarsenings = only(json!([{"bins": [0]}, {"bins": [0]}]))
        }),
        ("ad_hoc[0].coarsenings", &|a| {
            a.ad_hoc[0].coarsenings = only(json!([{"zones": "parent"}]))
        }),
        ("zonings[0].parents", &|a| a.zonings[0].parents = Some(5)),
        ("ad_hoc[0].table", &|a| {
            a.ad_hoc[0].table = "other".parse().unwrap()
        }),
    ];
    for (path, broken) in broken {
        assert_eq!(change(broken), [path]);
    }
    let twice = change(&|a| {
        a.ad_hoc[0].requests = 1;
        a.ad_hoc.push(a.ad_hoc[0].clone());
    });
    assert_eq!(twice, ["ad_hoc"]);
}

/// Each rung is coarser than the one before, pays for the same measures, and all count.
#[test]
fn rungs_rise_and_count_into_the_allotment() {
    let change = |change: &dyn Fn(&mut Agreement)| {
        let mut agreement = with("/plan/0/editions", json!(1));
        let day = crate::testing::rung();
        let mut city = day.clone();
        city.coarsening.zones = crate::coarse::Zones::All;
        agreement.plan[0].rungs = vec![day, city];
        change(&mut agreement);
        paths(&agreement)
    };
    assert_eq!(change(&|_| {}), Vec::<String>::new());
    type Change<'a> = &'a dyn Fn(&mut Agreement);
    let broken: [(&str, Change); 7] = [
        ("plan", &|a| a.plan[0].editions = 2),
        ("plan[0].rungs[1].coarsening", &|a| {
            a.plan[0].rungs[1].coarsening.bins = None
        }),
        ("plan[0].rungs[1].coarsening", &|a| {
            a.plan[0].rungs[1] = a.plan[0].rungs[0].clone()
        }),
        ("plan[0].rungs[0].coarsening", &|a| {
            a.plan[0].rungs[0].coarsening = crate::coarse::Coarsening::default()
        }),
        ("plan[0].rungs[1].coarsening", &|a| {
            a.plan[0].rungs[1].coarsening.zones = crate::coarse::Zones::Parent
        }),
        ("plan[0].rungs[0].charge", &|a| {
            a.plan[0].rungs[0].charge.delta = Delta::ZERO
        }),
        ("plan[0].rungs[0].charge", &|a| {
            a.plan[0].rungs[0].charge.measures.clear()
        }),
    ];
    for (path, broken) in broken {
        assert_eq!(change(broken), [path]);
    }
}
