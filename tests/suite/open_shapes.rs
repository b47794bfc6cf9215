//! The catalogue by somebody else's rules: the SHACL shapes of DCAT-AP 3 and mobilityDCAT-AP.

use std::path::{Path, PathBuf};
use std::process::Command;

use policies::agreement::Agreement;
use policies::coarse::{Coarsening, Merge};
use policies::id::{AgreementId, ReleaseKey, Role};
use policies::joint::With;
use policies::state::Stage;
use proto::convert::{Push, Wish};
use sdk::client::Answered;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::*;
use crate::merge::merged_once;
use crate::odrl::schemas;
use crate::open_data::Open;
use crate::open_web::with_datasets;
use crate::opening::*;
use crate::web::get;

const URL: &str = "https://data.city.example";
const DAYS: [&str; 3] = ["2026-10-05", "2026-10-06", "2026-10-07"];

/// What checks a catalogue.
struct Shapes {
    python: PathBuf,
    schemas: PathBuf,
    folder: TempDir,
}

impl Shapes {
    /// `None`, loudly, where they are not here.
    fn here() -> Option<Self> {
        let python = python("odrl", "no catalogue was validated")?;
        let schemas = schemas();
        if !schemas.join("dcat-ap/shapes.ttl").exists() {
            let path = schemas.display();
            let what = format_args!("`{path}/dcat-ap` is not here, no catalogue was validated");
            policies::testing::skipped(what);
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        Some(Self {
            python,
            schemas,
            folder,
        })
    }

    /// Does it hold, as it was read from the operator's own address? And what is told of it.
    fn check(&self, catalogue: &Value) -> (bool, String) {
        let file = self.folder.path().join("catalogue.jsonld");
        std::fs::write(&file, serde_json::to_vec_pretty(catalogue).unwrap()).unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("odrl/catalogue.py");
        let mut check = Command::new(&self.python);
        check.args(["-W", "ignore"]).arg(script);
        check.args([&self.schemas, &file]);
        let done = check.arg(format!("{URL}/")).output().unwrap();
        let told = String::from_utf8_lossy(&done.stdout).into_owned();
        let faults = String::from_utf8_lossy(&done.stderr).into_owned();
        (done.status.success(), told + &faults)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_catalogue_holds_by_the_shapes_of_dcat_ap_and_mobility_dcat_ap() {
    let Some(shapes) = Shapes::here() else { return };
    let open = Open::new("kept").await;
    open.open().await;
    let listed = with_datasets(&open.town, 1).await;
    let (holds, told) = shapes.check(&listed);
    assert!(holds && told.contains("1 datasets"), "{told}");
    // One that is withdrawn, too, beside one that is not.
    let tombstone = {
        let bikes = &open.bikes;
        let reason = "a zone was named wrongly".parse().unwrap();
        let taken = bikes
            .client
            .withdraw_open_data(&open.key, reason, &bikes.signer);
        taken.await.unwrap();
        with_datasets(&open.town, 1).await
    };
    let mut both = listed.clone();
    for part in ["dcat:dataset", "dcat:record"] {
        let mut text = tombstone[part][0].to_string();
        text = text.replace(open.key.as_str(), &"f".repeat(64));
        let other: Value = serde_json::from_str(&text).unwrap();
        both[part].as_array_mut().unwrap().push(other);
    }
    let (holds, told) = shapes.check(&both);
    assert!(holds && told.contains("2 datasets"), "{told}");
}

/// Two providers of one city, each with two editions and a merge, in a town that the world reaches at [`URL`].
struct Many {
    town: Town,
    city: Member,
    second: Member,
    providers: Vec<(Member, Agreement, AgreementId)>,
}

impl Many {
    async fn new() -> Self {
        let mut town = Town::new().await;
        town.stop().await;
        town.config.web.as_mut().unwrap().url = Some(URL.into());
        town.start().await;
        let city = town.join("city", Role::Planner).await;
        let (_, geojson) = town.zoning().await;
        let mut providers = Vec::new();
        for name in ["bikes", "scooters"] {
            let provider = town.join(name, Role::Provider).await;
            let terms = many_things(agreement(&provider, &city, &geojson), name);
            let id = activate(&provider, &city, &terms).await;
            providers.push((provider, terms, id));
        }
        let second = person(&town, ("city", Role::Planner), "zita").await;
        Self {
            town,
            city,
            second,
            providers,
        }
    }

    async fn push(&self, n: usize, push: &Push) {
        let (provider, terms, _) = &self.providers[n];
        let batches = [cells(terms, &ROWS)];
        provider.client.push(push, &batches, |_| {}).await.unwrap();
    }

    async fn released(&self, wish: &Wish) -> ReleaseKey {
        match self.city.client.request(wish).await.unwrap() {
            Answered::Released(released) => released.what,
            Answered::Refused(refusal) => panic!("{refusal}"),
        }
    }

    async fn open(&self, key: &ReleaseKey) {
        let (city, second) = (&self.city, &self.second);
        let proposed = city.client.propose_open_data(key, &city.signer).await;
        proposed.unwrap();
        let approved = second.client.approve_open_data(key, &second.signer).await;
        approved.unwrap();
    }

    /// Moves the table of a release away.
    fn lose(&self, key: &ReleaseKey) {
        let broker = self.town.broker();
        let state = broker.sequencer().state();
        let Stage::Published { blob, .. } = &state.release(key).unwrap().stage else {
            panic!("not published")
        };
        let file = self.town.config.state.join("blobs").join(blob.as_str());
        std::fs::rename(&file, self.town.folder.path().join("away")).unwrap();
    }
}

fn many_things(mut terms: Agreement, name: &str) -> Agreement {
    terms.population.id = format!("{name}-riders").parse().unwrap();
    let publication = serde_json::json!({ "licence": "CC-BY-4.0", "on_end": "kept" });
    terms.publication = serde_json::from_value(publication).unwrap();
    terms.plan[0].editions = 2;
    merged_once(&mut terms);
    terms
}

fn dataset<'a>(catalogue: &'a Value, key: &ReleaseKey) -> &'a Value {
    let all = catalogue["dcat:dataset"].as_array().unwrap();
    let mut found = all
        .iter()
        .filter(|one| one["dct:identifier"] == key.as_str());
    found.next().unwrap()
}

/// A page as it gets: by the operator's own address, of two providers and of both together, an edition in the place of one
/// that was withdrawn, days with a gap, and a table that cannot be read for the moment.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_many_kinds_of_datasets_holds_too() {
    let Some(shapes) = Shapes::here() else { return };
    let many = Many::new().await;
    let [bikes, scooters] = [0, 1].map(|n| many.providers[n].2.clone());
    for day in DAYS {
        many.push(1, &push(&scooters, day)).await;
    }
    let first = push(&bikes, DAYS[0]);
    many.push(0, &first).await;
    for day in &DAYS[1..] {
        many.push(0, &push(&bikes, day)).await;
    }
    let old = many.released(&wish(&bikes, "od", DAYS[0])).await;
    many.open(&old).await;
    let mut correction = push(&bikes, DAYS[0]);
    correction.supersedes = Some(first.batch);
    many.push(0, &correction).await;
    let new = many.released(&wish(&bikes, "od", DAYS[0])).await;
    many.open(&new).await;
    let (recalls, reason) = (&many.providers[0].0, "counted twice".parse().unwrap());
    let taken = recalls
        .client
        .withdraw_open_data(&old, reason, &recalls.signer);
    taken.await.unwrap();
    let joint = Wish {
        with: vec![With {
            agreement: scooters.clone(),
            table: "od".parse().unwrap(),
        }],
        ..wish(&bikes, "od", DAYS[1])
    };
    let joint = many.released(&joint).await;
    many.open(&joint).await;
    let days = [DAYS[0], DAYS[2]].map(|day| day.parse().unwrap());
    let gap = Wish {
        merge: Some(Merge::new(&days, Coarsening::default()).unwrap()),
        ..wish(&scooters, "od", DAYS[0])
    };
    let gap = many.released(&gap).await;
    many.open(&gap).await;
    let lost = many.released(&wish(&scooters, "od", DAYS[2])).await;
    many.lose(&lost);
    many.open(&lost).await;
    with_datasets(&many.town, 5).await;
    let page = get(&many.town, "/open.jsonld?before=1000000").await;
    let page: Value = serde_json::from_slice(&page.body).unwrap();
    let (holds, told) = shapes.check(&page);
    assert!(holds && told.contains("5 datasets"), "{told}");
    // All that the test is about is there.
    let of = |key: &ReleaseKey| dataset(&page, key);
    let address = format!("{URL}/open.jsonld?before=1000000");
    assert_eq!(page["hydra:view"]["@id"], address);
    let old = format!("{URL}/open/{old}");
    assert_eq!(of(&new)["dct:replaces"]["@id"], old);
    assert_eq!(of(&joint)["dct:rightsHolder"].as_array().unwrap().len(), 2);
    assert_eq!(of(&gap)["dct:temporal"].as_array().unwrap().len(), 2);
    let title = of(&gap)["dct:title"]["@value"].as_str().unwrap();
    assert!(title.contains("od 2026-10-05, 2026-10-07"), "{title}");
    assert_eq!(of(&lost)["dcat:distribution"].as_array().unwrap().len(), 2);
    assert!(
        of(&lost)["dcat:distribution"][0]
            .get("spdx:checksum")
            .is_none()
    );
}
