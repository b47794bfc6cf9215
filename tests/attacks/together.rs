//! A joint table attacked by those who know most of it: a company that takes part and subtracts itself, companies that
//! know all but one person of a row, and a planner who looks for a margin.

use policies::agreement::{Agreement, Unit};
use policies::id::{AgreementId, Role};
use policies::joint::{Joint, JointRule, Part, With};
use policies::mechanism::{Noise, Selection};
use policies::period::{Grain, Period};
use privacy::joint;
use privacy::protect::{Exact, Protected};
use privacy::testing::{ample, at_least, draw, reservation, table, thresholded};
use proto::convert::Wish;
use sdk::client::Answered;

use crate::city::{City, DAY, Row, Shown};
use crate::gate;
use crate::harness::{self, Member};
use crate::membership::{Experiment, Likelihood, assert_claim};

const EXPERIMENT: Experiment = Experiment {
    cells: 1,
    training: 8_000,
    testing: 30_000,
    without: (60, 80),
    adds: (1, 3),
};
/// People and trips of the company that attacks, in every cell.
const OWN: (u64, u64) = (5_000, 5_000);

fn with(id: &AgreementId) -> With {
    With {
        agreement: id.clone(),
        table: "od".parse().unwrap(),
    }
}

/// A company pays much, so that it needs next to no noise, and subtracts its own exact part from the table. What is
/// left of the other's customers is as hidden as the other's own charge says.
#[tokio::test(flavor = "multi_thread")]
async fn a_company_that_subtracts_itself_guesses_no_better_than_the_other_was_charged() {
    let city = City::new().await;
    let scooters = city.town.join("scooters", Role::Provider).await;
    let price = |terms: &mut Agreement, rho: &str, per_cell_max: u32| {
        terms.tables[0].per_cell_max = per_cell_max;
        let charge = terms.plan[0].charge.as_mut().unwrap();
        charge.selection = rho.parse().unwrap();
        charge.measures[0].rho = rho.parse().unwrap();
        terms.population.cap = terms.allotment();
    };
    let (mut own, mut theirs) = (city.terms(), city.terms_of(&scooters));
    price(&mut own, "8", 1);
    price(&mut theirs, "0.5", 3);
    let mut ids = Vec::new();
    let counts = [vec![OWN; EXPERIMENT.replicates()], EXPERIMENT.counts()];
    for ((provider, terms), counts) in [(&city.bikes, &own), (&scooters, &theirs)]
        .into_iter()
        .zip(&counts)
    {
        ids.push(harness::activate(provider, &city.planner, terms).await);
        city.push_from(provider, terms, DAY, None, counts).await;
    }
    let wish = Wish {
        with: vec![with(&ids[1])],
        ..city.wish(&ids[0], "od", DAY)
    };
    let Shown { cells, sheet, .. } = city.release(&city.planner, &wish).await;
    let parts = sheet.joint.unwrap().parts;
    let part = parts.iter().find(|part| part.provider == scooters.org);
    let part = part.unwrap();
    let likelihood = Likelihood::new(&part.mechanism, EXPERIMENT.without, EXPERIMENT.adds);
    let others = |row: &Row| row.map(|(n, c)| (n - OWN.0 as i64, c - OWN.1 as i64));
    // What one column alone tells who suspects that it has too little noise, and the best guess. That comes last: it
    // weighs both columns as they should be, and sees a missing noise by less.
    type Guess = fn(&Likelihood, &Row) -> f64;
    let guesses: [(Guess, f64); 3] = [
        (Likelihood::people, 0.25),
        (Likelihood::trips, 0.25),
        (Likelihood::of, 0.5),
    ];
    for (guess, power) in guesses {
        let cells = cells.iter().take(EXPERIMENT.replicates());
        let scores: Vec<f64> = cells.map(|row| guess(&likelihood, &others(row))).collect();
        assert_claim(&EXPERIMENT, &scores, part.charge, power);
    }
}

/// What a joint row shows of one part: the row itself, where it counts three providers or none.
fn shown(selection: Selection, people: &[u64]) -> Vec<bool> {
    let mechanism = thresholded(selection);
    let charge = ample(&mechanism);
    let table = table(selection.draw.l0, 1);
    let digest = |n: usize| format!("{n:064}").parse().unwrap();
    let further = |n: usize| Part {
        agreement: digest(n),
        provider: format!("provider-{n}").parse().unwrap(),
        table: table.clone(),
        edition: 1,
        manifest: vec![],
        late: false,
        missing: vec![],
        mechanism: mechanism.clone(),
        charge,
    };
    let mut reserved = reservation(table.clone(), Unit::PersonDay, mechanism.clone(), charge);
    reserved.joint = Some(Joint {
        rule: JointRule {
            min_providers: Some(3),
            dominance_percent: None,
        },
        parts: vec![further(1), further(2)],
    });
    let many = vec![1_000; people.len()];
    let exact = [&many, &many, &people.to_vec()].map(|people| Exact {
        contributors: Some(people.clone()),
        measures: vec![],
    });
    let release = joint::protect(gate::spend(reserved), exact.into()).unwrap();
    let Protected::Noisy { kept, .. } = release.protected() else {
        panic!()
    };
    let mut shown = vec![false; people.len()];
    kept.iter().for_each(|row| shown[*row] = true);
    shown
}

/// Two companies of a thousand people each in a row know that the third has k − 1 there, or one more. Whether the row,
/// which needs three providers, is shown tells them as much as the third's δ allows.
#[test]
fn one_more_person_shows_a_row_of_several_as_rarely_as_delta_says() {
    const EACH: usize = 40_000;
    let (k, l0) = (3, 2);
    for (noise, threshold) in [(Noise::DiscreteGaussian, 6), (Noise::DiscreteLaplace, 10)] {
        let selection = Selection {
            draw: draw(noise, 32, l0, 1),
            k,
            threshold,
        };
        let cells = |units: u32| vec![u64::from(units); EACH * l0 as usize];
        let seen = shown(selection, &[cells(k - 1), cells(k)].concat());
        let (without, with) = seen.split_at(EACH * l0 as usize);
        let below = without.iter().filter(|seen| **seen).count();
        let hits = with.chunks(l0 as usize);
        let hits = hits.filter(|cells| cells.contains(&true)).count();
        let charged = selection.delta().unwrap().units() as f64 / 1e12;
        println!("{noise:?}: δ charged {charged}; {hits} of {EACH} seen, {below} without them");
        assert_eq!(below, 0, "parts below k are counted");
        let low = at_least(hits, EACH);
        assert!(
            low <= charged,
            "one person is seen with {low} at least, δ is {charged}"
        );
        assert!(
            low >= 0.5 * charged,
            "no power: only {low} of {charged} is certain"
        );
    }
}

/// Three providers, the first of which is guarded; the first two have further agreements about the same people that
/// are not, one of whole weeks.
struct Guarded {
    city: City,
    ids: Vec<AgreementId>,
    by_week: AgreementId,
    again: AgreementId,
}

impl Guarded {
    async fn new() -> Self {
        let city = City::new().await;
        let names = ["scooters", "taxis"];
        let mut others: Vec<Member> = Vec::new();
        for name in names {
            others.push(city.town.join(name, Role::Provider).await);
        }
        let (mut ids, mut further) = (Vec::new(), Vec::new());
        for (n, provider) in [&city.bikes, &others[0], &others[1]]
            .into_iter()
            .enumerate()
        {
            let mut terms = city.terms_of(provider);
            terms.plan[0].joint = (n == 0).then_some(JointRule {
                min_providers: Some(3),
                dominance_percent: Some(80),
            });
            // Room for more: what is refused is refused for what it is.
            terms.plan[0].editions = 4;
            terms.population.cap = terms.allotment().and_then(|one| one.checked_mul(8));
            let id = harness::activate(provider, &city.planner, &terms).await;
            // The second row is nine tenths of the first provider.
            let counts = [(1_000, 1_000), ([30_000, 900, 900][n], 30_000 / 40)];
            let counts = counts.map(|(n, c)| (n, c.max(n)));
            city.push_from(provider, &terms, DAY, None, &counts).await;
            ids.push(id);
            if n < 2 {
                terms.title = "another".into();
                terms.plan[0].joint = None;
                terms.tables[0].period = if n == 0 { Grain::Week } else { Grain::Day };
                let day: Period = DAY.parse().unwrap();
                let period = Period::holding(day.first(), terms.tables[0].period).unwrap();
                further.push(harness::activate(provider, &city.planner, &terms).await);
                city.push_from(provider, &terms, &period.to_string(), None, &counts)
                    .await;
            }
        }
        let again = further.pop().unwrap();
        Self {
            city,
            ids,
            by_week: further.pop().unwrap(),
            again,
        }
    }

    fn wish(&self, parts: &[&AgreementId]) -> Wish {
        let day: Period = DAY.parse().unwrap();
        let grain = match *parts[0] == self.by_week {
            true => Grain::Week,
            false => Grain::Day,
        };
        let period = Period::holding(day.first(), grain).unwrap().to_string();
        Wish {
            with: parts[1..].iter().map(|id| with(id)).collect(),
            ..self.city.wish(parts[0], "od", &period)
        }
    }

    async fn answer(&self, parts: &[&AgreementId]) -> Answered {
        let answer = self.city.planner.client.request(&self.wish(parts)).await;
        answer.unwrap()
    }
}

/// A planner asks for everything that could be subtracted from a guarded table, after it and before it, and gets none.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_undoes_a_guarded_table_is_released() {
    let guarded = Guarded::new().await;
    let [a, b, c] = &guarded.ids[..] else {
        panic!()
    };
    let Shown { cells, .. } = guarded
        .city
        .release(&guarded.city.planner, &guarded.wish(&[a, b, c]))
        .await;
    assert!(
        cells[0].is_some() && cells[1].is_none(),
        "the dominated row is withheld"
    );
    let before = guarded.city.lost();
    let (week, again) = (&guarded.by_week, &guarded.again);
    let margins: [&[&AgreementId]; 9] = [
        &[a],
        &[b],
        &[c],
        &[a, b],
        &[b, c],
        &[week],
        &[again],
        &[again, c],
        &[a, again, c],
    ];
    for parts in margins {
        let Answered::Refused(refusal) = guarded.answer(parts).await else {
            panic!("{parts:?} was released beside a guarded table")
        };
        println!("{refusal}");
    }
    assert_eq!(guarded.city.lost(), before, "a refusal costs nothing");

    // Where a margin stands already, the guarded table is refused.
    let margins = Guarded::new().await;
    let first = margins.answer(&[&margins.again]).await;
    assert!(matches!(first, Answered::Released(_)), "{first:?}");
    let all: Vec<&AgreementId> = margins.ids.iter().collect();
    let then = margins.answer(&all).await;
    assert!(
        matches!(then, Answered::Refused(_)),
        "a guarded table was released beside a margin"
    );
}
