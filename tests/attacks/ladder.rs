//! A ladder attacked: every rung at once, a coarse row minus the finer ones below it, and what is left of a coarse
//! row when all but a few people stand in finer ones.

use arrow::array::UInt8Array;
use policies::agreement::{Rung, Unit};
use policies::entry::RungNoise;
use policies::mechanism::{Draw, Mechanism, Noise, Selection};
use privacy::protect::{Exact, Falls, Protected, protect_ladder};
use privacy::quality::QualitySheet;
use privacy::testing::{ample, at_least, draw, reservation, table, thresholded};
use sdk::client::Answered;

use crate::city::{BINS, City, DAY, Row, ZONES};
use crate::gate;
use crate::harness;
use crate::membership::{Experiment, Likelihood, assert_claim};

/// Each third of a day of a pair of zones is a replicate, and a row of the only rung.
const PART: usize = BINS / 3;
const PARTS: &str = r#"{"bins": [0, 8, 16]}"#;
/// Of its bins so many have people in them; a person may be in all.
const L0: usize = 4;
const EXPERIMENT: Experiment = Experiment {
    cells: 1,
    training: 8_000,
    testing: 16_500,
    without: (150, 200),
    adds: (1, 3),
};

/// A ladder as it is published.
struct Shown {
    /// By replicate, then by bin.
    finest: Vec<[Row; L0]>,
    coarse: Vec<Row>,
    sheet: QualitySheet,
}

/// Releases a ladder over these cells: of the finest rows next to nothing is paid, of the rung much.
async fn publish(cells: &[[(u64, u64); L0]], charge: Charge) -> (City, Shown) {
    let city = City::new().await;
    let mut terms = city.terms();
    (terms.tables[0].cells_max, terms.tables[0].per_cell_max) = (L0 as u32, 3);
    let price = |(selection, trips): (&str, &str)| {
        serde_json::from_value(serde_json::json!({
            "selection": selection, "delta": "0.0000001",
            "measures": [{ "measure": "trips", "rho": trips }],
        }))
    };
    terms.plan[0].charge = Some(price(charge.finest).unwrap());
    terms.plan[0].rungs = vec![Rung {
        coarsening: serde_json::from_str(PARTS).unwrap(),
        charge: price(charge.rung).unwrap(),
    }];
    terms.population.cap = terms.allotment();
    let id = city.activate(&terms).await;
    let empty = [(0, 0); PART - L0];
    let all: Vec<_> = cells
        .iter()
        .flat_map(|cells| [&cells[..], &empty].concat())
        .collect();
    city.push(&terms, DAY, None, &all).await;
    let wish = city.wish(&id, "od", DAY);
    let Answered::Released(released) = city.planner.client.request(&wish).await.unwrap() else {
        panic!("refused")
    };
    let table = city.planner.client.fetch(&released.what).await.unwrap();
    let rungs = table.batches().iter().flat_map(|batch| {
        let rungs = batch.column_by_name("rung").unwrap();
        let rungs: &UInt8Array = rungs.as_any().downcast_ref().unwrap();
        rungs.values().to_vec()
    });
    let mut shown = Shown {
        finest: vec![[None; L0]; cells.len()],
        coarse: vec![None; cells.len()],
        sheet: serde_json::from_slice(table.quality_sheet()).unwrap(),
    };
    for (rung, (origin, destination, bin, people, trips)) in rungs.zip(harness::rows(&table)) {
        let zone = |id: &str| id.trim_start_matches('z').parse::<usize>().unwrap();
        let pair = zone(&origin) * ZONES + zone(&destination);
        let (part, bin) = (usize::from(bin) / PART, usize::from(bin) % PART);
        let replicate = pair * 3 + part;
        match rung {
            0 => shown.finest[replicate][bin] = Some((people, trips)),
            _ => shown.coarse[replicate] = Some((people, trips)),
        }
    }
    (city, shown)
}

/// ρ of contributors and of trips.
#[derive(Clone, Copy)]
struct Charge {
    finest: (&'static str, &'static str),
    rung: (&'static str, &'static str),
}

/// Cells of one replicate: the person is in the last `of` of them.
fn cells(replicate: usize, first: (u64, u64), of: usize) -> [(u64, u64); L0] {
    let more = u64::from(Experiment::present(replicate));
    let (without, adds) = (EXPERIMENT.without, EXPERIMENT.adds);
    std::array::from_fn(|bin| match bin < L0 - of {
        true => first,
        false => (without.0 + more * adds.0, without.1 + more * adds.1),
    })
}

/// What an attacker scores who sees the finest rows and the rung's, which has to show most of its rows.
fn assert_scores(
    city: &City,
    shown: &Shown,
    score: impl Fn((&[Row; L0], &Row)) -> f64,
    least: f64,
) {
    let both = std::iter::zip(&shown.finest, &shown.coarse);
    let scores: Vec<f64> = both.map(score).collect();
    let rows = shown.coarse.iter().flatten().count();
    let all = shown.coarse.len();
    assert!(rows > all / 2, "the rung shows {rows} of {all}");
    assert_claim(&EXPERIMENT, &scores, city.lost(), least);
}

/// The person's whole day is in cells that are too small for the table itself, and in one row of the rung. What the
/// finest rows say, published or not, is put together with what the rung says.
#[tokio::test(flavor = "multi_thread")]
async fn who_sees_every_rung_guesses_no_better_than_all_of_them_were_charged() {
    let charge = Charge {
        finest: ("0.0002", "0.01"),
        rung: ("0.04", "0.95"),
    };
    let all: Vec<_> = (0..EXPERIMENT.replicates())
        .map(|r| cells(r, (0, 0), L0))
        .collect();
    let (city, shown) = publish(&all, charge).await;
    let (without, adds) = (EXPERIMENT.without, EXPERIMENT.adds);
    let finest = Likelihood::new(&shown.sheet.mechanism, without, adds);
    // By how many cells no finer row published. B is the people of one cell.
    let coarse: Vec<Likelihood> = (1..=L0 as u64)
        .map(|left| {
            let trips = |per_cell: u64| left * per_cell;
            Likelihood::new(
                &shown.sheet.rungs[0].mechanism,
                (without.0, trips(without.1)),
                (adds.0, trips(adds.1)),
            )
        })
        .collect();
    let score = |(fine, row): (&[Row; L0], &Row)| {
        let left = fine.iter().filter(|cell| cell.is_none()).count();
        let rung = left.checked_sub(1).map_or(0.0, |n| coarse[n].of(row));
        fine.iter().map(|cell| finest.of(cell)).sum::<f64>() + rung
    };
    assert_scores(&city, &shown, score, 0.4);
}

/// One cell of the row is published by itself, with noise that is known to who knows its people. Subtracted from the
/// rung's row it takes none of that row's noise away.
#[tokio::test(flavor = "multi_thread")]
async fn a_coarse_row_minus_the_finer_one_hides_who_is_in_the_remainder() {
    let charge = Charge {
        finest: ("0.01", "0.05"),
        rung: ("0.1", "0.9"),
    };
    let first = (3_000, 4_000);
    let all: Vec<_> = (0..EXPERIMENT.replicates())
        .map(|r| {
            let [big, cells @ ..] = cells(r, first, L0 - 1);
            // So few people that the finest rows do not show them.
            let few = cells.map(|(n, c)| (n - 110, c - 110));
            [&[big][..], &few].concat().try_into().unwrap()
        })
        .collect();
    let (city, shown) = publish(&all, charge).await;
    let scale = |mechanism: &Mechanism| match mechanism {
        Mechanism::Thresholded { measures, .. } => measures[0].draw.scale.sixteenths() as f64,
        _ => panic!(),
    };
    let ratio = scale(&shown.sheet.rungs[0].mechanism) / scale(&shown.sheet.mechanism);
    let trips = |row: &Row| row.map(|(_, trips)| trips as f64);
    let score = |(finer, coarse): (&[Row; L0], &Row)| {
        let noise = trips(&finer[0]).expect("far over the threshold") - first.1 as f64;
        trips(coarse).map_or(f64::NEG_INFINITY, |coarse| coarse - ratio * noise)
    };
    assert_scores(&city, &shown, score, 0.12);
}

/// A row of thousands, of whom all but one to four stand in a finer row: what is left is on no rung.
#[tokio::test(flavor = "multi_thread")]
async fn a_remainder_of_fewer_than_k_is_on_no_rung() {
    let charge = Charge {
        finest: ("0.5", "0.5"),
        rung: ("0.5", "0.5"),
    };
    let all: Vec<[(u64, u64); L0]> = (0..4_000)
        .map(|r| [(3_000, 4_000), (1 + r % 4, 1 + r % 4), (0, 0), (0, 0)])
        .collect();
    let (_city, shown) = publish(&all, charge).await;
    assert!(
        shown.finest.iter().all(|cells| cells[0].is_some()),
        "finer rows are published"
    );
    let rows = shown.coarse.iter().flatten().count();
    assert_eq!(rows, 0, "remainders of fewer than k are on a rung");
}

/// δ of a ladder is that of all its rungs: with thousands in the finer row, one more person in the remainder of two
/// rows shows one of them as often as was charged.
#[test]
fn one_more_person_shows_a_remainder_as_rarely_as_delta_says() {
    const EACH: usize = 40_000;
    let (k, l0) = (3, 2);
    let fine = draw(Noise::DiscreteGaussian, 16, l0, 1);
    let selection = |draw, threshold| Selection { draw, k, threshold };
    let rung = Draw { merged: 2, ..fine };
    let mut table = table(l0, 1);
    table.bins = vec![0, 12].try_into().unwrap();
    let finest = thresholded(selection(fine, 7));
    let coarse = thresholded(selection(
        Draw {
            scale: draw(Noise::DiscreteGaussian, 32, l0, 1).scale,
            ..rung
        },
        6,
    ));
    let mut reserved = reservation(table, Unit::PersonDay, finest.clone(), ample(&finest));
    reserved.rungs = vec![RungNoise {
        coarsening: serde_json::from_str(r#"{"bins": [0]}"#).unwrap(),
        mechanism: coarse,
    }];
    let charged = reserved.cost().unwrap().delta.units() as f64 / 1e12;
    reserved.charge.rho = reserved.cost().unwrap().rho.checked_mul(2).unwrap();
    reserved.charge.delta = "2".parse().unwrap();
    // Two rows of two cells a replicate: a thousand people, and the remainder.
    let cells = |units: u32| [1_000, u64::from(units)].repeat(EACH * l0 as usize);
    let people = [cells(k - 1), cells(k)].concat();
    let falls = Falls {
        into: (0..people.len()).map(|cell| cell / 2).collect(),
        rows: people.len() / 2,
    };
    let exact = Exact {
        contributors: Some(people),
        measures: vec![],
    };
    let release = protect_ladder(gate::spend(reserved), exact, &[falls]).unwrap();
    let Protected::Ladder(rungs) = release.protected() else {
        panic!()
    };
    let mut seen = vec![false; EACH * 2];
    let fine = rungs[0].kept.iter().filter(|cell| *cell % 2 == 1);
    let fine = fine.map(|cell| cell / 2);
    for row in fine.chain(rungs[1].kept.iter().copied()) {
        seen[row / l0 as usize] = true;
    }
    let (without, with) = seen.split_at(EACH);
    let count = |seen: &[bool]| seen.iter().filter(|seen| **seen).count();
    let (below, hits) = (count(without), count(with));
    println!("δ charged {charged}; {hits} of {EACH} seen, {below} without them");
    assert_eq!(below, 0, "remainders of k − 1 units are shown");
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
