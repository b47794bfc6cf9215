//! No randomness, no release: the operating system's fails between the charge and the table, and comes back.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use policies::entry::Entry;
use policies::mutants::{Mutant, VARIABLE, arm, heal};
use policies::state::Stage;
use proto::convert::Wish;
use sdk::client::{Answered, ClientError};

use crate::city::{City, DAY};

/// What is on the broker's disk: the kinds of all entries, and every file of a blob.
fn stored(city: &City) -> (Vec<String>, BTreeSet<PathBuf>) {
    let state = &city.town.config.state;
    let bytes = std::fs::read(state.join("log/entries")).unwrap();
    let kinds = audit::bundle::Entries::new(&bytes)
        .map(|entry| Entry::from_bytes(entry.unwrap()).unwrap())
        .map(|entry| entry.body.kind().to_owned());
    let kinds = kinds.filter(|kind| kind.starts_with("release.")).collect();
    let mut blobs = BTreeSet::new();
    files(&state.join("blobs"), &mut blobs);
    (kinds, blobs)
}

fn files(folder: &Path, into: &mut BTreeSet<PathBuf>) {
    for item in std::fs::read_dir(folder).unwrap() {
        let path = item.unwrap().path();
        match path.is_dir() {
            true => files(&path, into),
            false => drop(into.insert(path)),
        }
    }
}

/// Asks, and is told nothing but that it did not work.
async fn fails(city: &City, wish: &Wish) {
    match city.planner.client.request(wish).await {
        Err(ClientError::Status { code, message, .. }) => {
            println!("{code:?}: {message}");
            assert!(
                !message.contains("random"),
                "an outsider learns why: {message}"
            );
        }
        other => panic!("without randomness: {other:?}"),
    }
}

/// In a process of its own, whose randomness fails until it is healed.
#[tokio::test(flavor = "multi_thread")]
async fn without_it_nothing_is_released_and_with_it_again_once() {
    if std::env::var(VARIABLE).as_deref() != Ok(Mutant::NoRandomness.name()) {
        const NAME: &str = "randomness::without_it_nothing_is_released_and_with_it_again_once";
        let output = Command::new(std::env::current_exe().unwrap())
            .args([NAME, "--exact", "--nocapture"])
            .env(VARIABLE, Mutant::NoRandomness.name())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert!(
            output.status.success() && text.contains("1 passed"),
            "{text}"
        );
        return;
    }
    arm();
    let mut city = City::new().await;
    let mut terms = city.terms();
    terms.plan[0].editions = 3;
    terms.population.cap = terms.allotment();
    let id = city.activate(&terms).await;
    city.push(&terms, DAY, None, &[(1_000, 1_000); 50]).await;
    let charge = terms.plan[0].charge.as_ref().unwrap().total().unwrap();
    let (none, before) = stored(&city);
    assert_eq!(none, Vec::<String>::new());

    // Asked twice with one id and once with another: reserved once, charged once, and nothing else.
    let wish = city.wish(&id, "od", DAY);
    fails(&city, &wish).await;
    fails(&city, &wish).await;
    fails(&city, &city.wish(&id, "od", DAY)).await;
    let reserved = |city: &City| {
        let broker = city.town.broker();
        let state = broker.sequencer().state();
        let mut releases = state.releases();
        let (key, release) = releases.next().unwrap();
        assert!(releases.next().is_none(), "one reservation");
        (key.clone(), release.stage.clone())
    };
    let nothing = async |city: &City| {
        let (key, stage) = reserved(city);
        assert_eq!(stage, Stage::Reserved);
        assert_eq!(city.lost(), charge, "the charge stays, and is made once");
        let (kinds, blobs) = stored(city);
        assert_eq!(kinds, ["release.reserved"], "entries of a draw");
        assert_eq!(blobs, before, "bytes of a draw are on the disk");
        city.planner.client.fetch(&key).await.unwrap_err();
        let listed = city.planner.client.releases(&id, None).await.unwrap();
        assert!(listed.is_empty(), "{listed:?}");
        key
    };
    let key = nothing(&city).await;

    // A restart takes it up, and fails too.
    city.town.stop().await;
    city.town.start().await;
    city.planner = city.town.member("city").await;
    fails(&city, &wish).await;
    assert_eq!(nothing(&city).await, key);

    heal();
    let Answered::Released(released) = city.planner.client.request(&wish).await.unwrap() else {
        panic!("refused")
    };
    assert_eq!(released.what, key, "the same reservation");
    let table = city.planner.client.fetch(&key).await.unwrap();
    let again = city
        .release(&city.planner, &city.wish(&id, "od", DAY))
        .await;
    assert_eq!(again.key, key.to_string(), "asked again, it is the same");
    assert!(matches!(reserved(&city).1, Stage::Published { .. }));
    assert_eq!(city.lost(), charge, "and charged no more");
    let (kinds, blobs) = stored(&city);
    assert_eq!(kinds, ["release.reserved", "release.published"]);
    let new: Vec<_> = blobs.difference(&before).collect();
    println!("new on the disk: {new:?}");
    assert!(!table.bytes().is_empty() && !new.is_empty() && new.len() <= 2);
}
