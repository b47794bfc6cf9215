//! Three providers in one table, through the public interfaces.

use policies::agreement::Agreement;
use policies::entry::Body;
use policies::id::{AgreementId, ReleaseKey, Role};
use policies::joint::{JointRule, With};
use policies::refusal::{ReasonId, Refusal};
use privacy::quality::QualitySheet;
use proto::convert::{Preview, Wish};
use sdk::client::{Answered, new_request_id};

use crate::harness::*;

const DAY: &str = "2026-10-05";
const NAMES: [&str; 3] = ["bikes", "scooters", "taxis"];

/// Three providers, their agreements with one city, and their cells of one day.
struct Three {
    town: Town,
    providers: Vec<Member>,
    city: Member,
    terms: Vec<Agreement>,
    ids: Vec<AgreementId>,
}

/// What each provider counted: rows that all share, that two share, and that one has alone.
const COUNTED: [&[Cell]; 3] = [
    &[
        ("a", "b", 0, 500, 700),
        ("a", "c", 0, 4, 4),
        ("b", "a", 1, 900, 1000),
        ("c", "d", 0, 30_000, 31_000),
    ],
    &[
        ("a", "b", 0, 400, 600),
        ("b", "a", 1, 800, 900),
        ("c", "d", 0, 300, 310),
    ],
    &[
        ("a", "b", 0, 300, 500),
        ("c", "d", 0, 300, 310),
        ("d", "d", 1, 700, 800),
    ],
];

impl Three {
    async fn new(change: impl Fn(usize, &mut Agreement)) -> Self {
        let town = Town::new().await;
        let city = town.join("city", Role::Planner).await;
        let (_, geojson) = town.zoning().await;
        let (mut providers, mut all, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for (n, name) in NAMES.into_iter().enumerate() {
            let provider = town.join(name, Role::Provider).await;
            let mut terms = agreement(&provider, &city, &geojson);
            terms.population.id = format!("{name}-riders").parse().unwrap();
            terms.population.cap = Some(policies::loss::Loss {
                rho: "1".parse().unwrap(),
                delta: "0.0000002".parse().unwrap(),
            });
            change(n, &mut terms);
            let id = activate(&provider, &city, &terms).await;
            provider
                .client
                .push(&push(&id, DAY), &[cells(&terms, COUNTED[n])], |_| {})
                .await
                .unwrap();
            providers.push(provider);
            all.push(terms);
            ids.push(id);
        }
        Self {
            town,
            providers,
            city,
            terms: all,
            ids,
        }
    }

    fn wish(&self, parts: &[usize]) -> Wish {
        let table: policies::id::TableName = "od".parse().unwrap();
        let with = parts[1..].iter().map(|n| With {
            agreement: self.ids[*n].clone(),
            table: table.clone(),
        });
        Wish {
            request: new_request_id().unwrap(),
            agreement: self.ids[parts[0]].clone(),
            with: with.collect(),
            table,
            period: DAY.parse().unwrap(),
            merge: None,
            purpose: PURPOSE.into(),
        }
    }

    async fn foretold(&self, parts: &[usize]) -> Preview {
        let wish = self.wish(parts);
        let client = &self.city.client;
        client
            .preview_joint(&wish.agreement, &wish.table, &wish.with, &[wish.period])
            .await
            .unwrap()
    }

    async fn released(&self, wish: &Wish) -> ReleaseKey {
        match self.city.client.request(wish).await.unwrap() {
            Answered::Released(released) => released.what,
            Answered::Refused(refusal) => panic!("{refusal}"),
        }
    }

    async fn refused(&self, wish: &Wish) -> Refusal {
        match self.city.client.request(wish).await.unwrap() {
            Answered::Refused(refused) => refused.what,
            Answered::Released(released) => panic!("{} was released", released.what),
        }
    }

    /// What every account has lost.
    fn lost(&self) -> Vec<String> {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        let ledger = state.ledger();
        ledger
            .balances()
            .map(|(account, _, loss)| format!("{} ρ {}", account.provider, loss.rho))
            .collect()
    }
}

fn ids(refusal: &Refusal) -> Vec<ReasonId> {
    refusal.reasons().iter().map(|r| r.id).collect()
}

fn guard(min_providers: Option<u32>, dominance_percent: Option<u32>) -> Option<JointRule> {
    Some(JointRule {
        min_providers,
        dominance_percent,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn three_providers_stand_in_one_table_and_each_pays_for_its_own_part() {
    let three = Three::new(|n, terms| {
        if n == 1 {
            let charge = terms.plan[0].charge.as_mut().unwrap();
            charge.selection = "0.3".parse().unwrap();
        }
    })
    .await;
    let foretold = three.foretold(&[0, 1, 2]).await;
    let key = three.released(&three.wish(&[0, 1, 2])).await;
    let table = three.city.client.fetch(&key).await.unwrap();
    let shown = rows(&table);
    let keys: Vec<_> = shown
        .iter()
        .map(|r| (r.0.as_str(), r.1.as_str(), r.2))
        .collect();
    let expected = [("a", "b", 0), ("b", "a", 1), ("c", "d", 0), ("d", "d", 1)];
    assert_eq!(keys, expected, "four people in one part never show");
    let truth = [(1200, 1800), (1700, 1900), (30_600, 31_620), (700, 800)];
    for (row, (people, trips)) in shown.iter().zip(truth) {
        assert!(
            (row.3 - people).abs() < 90 && (row.4 - trips).abs() < 120,
            "{row:?}"
        );
    }
    let batch = &table.batches()[0];
    let providers = batch.column_by_name("providers").unwrap();
    let providers: &arrow::array::Int64Array = providers.as_any().downcast_ref().unwrap();
    assert_eq!(providers.values().to_vec(), [3, 2, 3, 1]);

    let sheet: QualitySheet = serde_json::from_slice(table.quality_sheet()).unwrap();
    let joint = sheet.joint.unwrap();
    let names: Vec<&str> = joint.parts.iter().map(|p| p.provider.as_str()).collect();
    assert_eq!(names, NAMES);
    let mut sum = policies::loss::Loss::ZERO;
    for (part, terms) in joint.parts.iter().zip(&three.terms) {
        let paid = terms.plan[0].charge.as_ref().unwrap().total().unwrap();
        assert_eq!(
            (part.charge, part.population.clone()),
            (paid, terms.population.id.clone())
        );
        sum = sum.checked_add(paid).unwrap();
    }
    assert_eq!(joint.person_in_all[0].loss, sum, "a person in all three");
    assert_eq!(joint.person_in_all[1].unit_periods, 90);
    // What the preview had said before.
    assert_eq!(foretold.periods[0].refused, None);
    let before = foretold.joint.unwrap();
    assert_eq!(
        (before.person_in_all, &before.epsilon),
        (sum, joint.person_in_all[0].epsilon.as_ref().unwrap())
    );
    let widths: Vec<i64> = before
        .contributors_error_95
        .iter()
        .map(|w| *w as i64)
        .collect();
    assert_eq!(widths, joint.contributors_half_widths);
    for (told, part) in before.parts.iter().zip(&joint.parts) {
        let p = &told.protection;
        assert_eq!((&told.provider, p.charge), (&part.provider, part.charge));
        let (contributors, measures) = part.mechanism.draws().unwrap();
        let drawn = std::iter::once(contributors).chain(measures.iter().map(|m| &m.draw));
        for (told, draw) in p.measures.iter().zip(drawn) {
            assert_eq!((told.noise, told.scale), (draw.noise, draw.scale));
        }
        assert_eq!(told.left.unwrap().rho.to_string(), "1");
    }
    let paid = ["bikes ρ 0.5", "scooters ρ 0.55", "taxis ρ 0.5"];
    assert_eq!(three.lost(), paid);

    // In any order it is the same table, free; and every provider's list has it, with its own charge.
    assert_eq!(three.released(&three.wish(&[2, 0, 1])).await, key);
    assert_eq!(three.lost(), paid);
    for (n, provider) in three.providers.iter().enumerate() {
        let listed = provider.client.releases(&three.ids[n], None).await.unwrap();
        assert_eq!((listed.len(), &listed[0].key), (1, &key));
        let charge = listed[0].charge.unwrap();
        assert_eq!(charge.rho.to_string(), ["0.5", "0.55", "0.5"][n]);
        // A provider has no part in the others' agreements: the rows are not for it.
        provider.client.fetch(&key).await.unwrap_err();
    }

    // The auditor recomputes every part from the entries alone.
    let Three { mut town, .. } = three;
    let state = town.broker().sequencer().state().clone();
    town.stop().await;
    let entries = std::fs::read(town.config.state.join("log/entries")).unwrap();
    let entries = audit::bundle::Entries::new(&entries).map(Result::unwrap);
    let replayed = audit::replay::replay(entries).unwrap();
    assert_eq!(*replayed.state(), state);
}

/// Attack: ask for one table more than the third provider can pay, and look whether the others have paid.
#[tokio::test(flavor = "multi_thread")]
async fn an_exhausted_budget_of_one_provider_refuses_the_table_and_charges_nobody() {
    let three = Three::new(|n, terms| {
        if n == 2 {
            terms.population.cap = terms.allotment();
            return;
        }
        // The others have made no edition and could pay four.
        terms.plan[0].editions = 2;
    })
    .await;
    three.released(&three.wish(&[2])).await;
    let before = three.lost();
    assert_eq!(before, ["taxis ρ 0.5"]);
    let foretold = three.foretold(&[0, 1, 2]).await.periods.remove(0);
    let refusal = three.refused(&three.wish(&[0, 1, 2])).await;
    assert_eq!(
        ids(&refusal),
        [ReasonId::EditionsExhausted, ReasonId::BudgetExceeded]
    );
    assert_eq!(ids(&foretold.refused.unwrap()), ids(&refusal));
    for reason in refusal.reasons() {
        assert!(reason.text.contains("(`taxis`)"), "{}", reason.text);
    }
    assert_eq!(three.lost(), before);
    // A provider sees only its own agreement: of a table with others' there is no price for it.
    let (own, other) = (&three.ids[0], &three.wish(&[0, 1]));
    let (provider, day) = (&three.providers[0].client, [DAY.parse().unwrap()]);
    let preview = provider.preview_joint(own, &other.table, &other.with, &day);
    preview.await.unwrap_err();
    // Twice the same provider is no table.
    let twice = three.foretold(&[0, 0]).await;
    assert_eq!((twice.protection, twice.joint), (None, None));
    let why = ids(twice.periods[0].refused.as_ref().unwrap());
    assert_eq!(why, [ReasonId::PartsDiffer]);
    // Without it, the table of the others is granted.
    three.released(&three.wish(&[0, 1])).await;
    assert_eq!(
        three.lost(),
        ["bikes ρ 0.5", "scooters ρ 0.5", "taxis ρ 0.5"]
    );
}

/// The dominated row is not shown, and nothing beside the table shows it: not a provider alone, not two of three.
#[tokio::test(flavor = "multi_thread")]
async fn a_guarded_table_withholds_dominated_rows_and_no_margin_stands_beside_it() {
    let three = Three::new(|n, terms| {
        terms.plan[0].joint = guard(Some(3), Some(80)).filter(|_| n == 0);
    })
    .await;
    let few = three.refused(&three.wish(&[0, 1])).await;
    assert_eq!(ids(&few), [ReasonId::PartsTooFew]);
    let key = three.released(&three.wish(&[1, 0, 2])).await;
    let shown = rows(&three.city.client.fetch(&key).await.unwrap());
    let keys: Vec<_> = shown.iter().map(|r| (r.0.as_str(), r.1.as_str())).collect();
    // c → d is nine tenths bikes; b → a and d → d have too few providers.
    assert_eq!(keys, [("a", "b")]);
    let before = three.lost();
    for parts in [&[1][..], &[2], &[1, 2]] {
        let refusal = three.refused(&three.wish(parts)).await;
        let beside = ids(&refusal);
        assert!(
            beside.contains(&ReasonId::PartsBeside),
            "{parts:?}: {refusal}"
        );
    }
    assert_eq!(three.lost(), before);
}

/// A crash between charge and table: the joint release is taken up under its reservation, never charged twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_reserved_joint_release_is_drawn_after_a_restart() {
    let mut three = Three::new(|_, _| {}).await;
    let wish = three.wish(&[0, 1, 2]);
    let request = wish.clone().by("city".parse().unwrap());
    let terms: Vec<_> = three
        .terms
        .iter()
        .map(|terms| {
            let charge = terms.plan[0].charge.as_ref().unwrap();
            privacy::joint::Terms {
                table: &terms.tables[0],
                k: terms.k,
                charge,
            }
        })
        .collect();
    let unit = three.terms[0].population.unit;
    let mechanisms = privacy::joint::calibrate(unit, &terms).unwrap();
    let broker = three.town.broker();
    let reserved = broker.sequencer().submit("release", move |state, now| {
        let decision = policies::decide::decide(state, &request, now)?;
        let policies::decide::Decision::Permit(permit) = decision else {
            panic!("{decision:?}")
        };
        let reservation = permit.reserve_joint(mechanisms).unwrap();
        let key = reservation.key.clone();
        Ok((vec![Body::ReleaseReserved(Box::new(reservation))], key))
    });
    let key = reserved.await.unwrap().value;
    drop(broker);
    let before = three.lost();
    three.town.stop().await;
    three.town.start().await;
    three.city = three.town.member("city").await;
    assert_eq!(three.released(&wish).await, key);
    let table = three.city.client.fetch(&key).await.unwrap();
    assert_eq!(rows(&table).len(), 4);
    assert_eq!(three.lost(), before);
}
