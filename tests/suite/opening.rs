//! How most tests begin, what they ask for, and how they wait.

use std::path::PathBuf;
use std::time::Duration;

use policies::agreement::Agreement;
use policies::id::{AgreementId, Role};
use policies::testing::skipped;
use proto::convert::Wish;
use sdk::client::new_request_id;

use crate::harness::*;

/// A town with its zoning, `bikes`, who provides, and `city`, who plans.
pub async fn opened() -> (Town, Member, Member, Vec<u8>) {
    let town = Town::new().await;
    let bikes = town.join("bikes", Role::Provider).await;
    let city = town.join("city", Role::Planner).await;
    let (_, geojson) = town.zoning().await;
    (town, bikes, city, geojson)
}

/// The same with [`agreement`] in force between the two.
pub async fn agreed() -> (Town, Member, Member, Agreement, AgreementId) {
    let (town, bikes, city, geojson) = opened().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    (town, bikes, city, terms, id)
}

/// A client of an organisation by the token of another of its people.
pub async fn person(town: &Town, (org, role): (&str, Role), user: &str) -> Member {
    let folder = town.folder.path().join("persons");
    std::fs::create_dir_all(&folder).unwrap();
    let token = town.pki.token(org, role.as_str(), user).unwrap();
    let file = folder.join(user);
    certs::write_secret(&file, token.as_bytes(), true).unwrap();
    let mut profile = town.profile(org);
    (profile.token, profile.state) = (file, folder.join(format!("{user}.state")));
    town.with_profile(org, profile).await
}

/// A new request for one table of one period.
pub fn wish(id: &AgreementId, table: &str, period: &str) -> Wish {
    Wish {
        request: new_request_id().unwrap(),
        agreement: id.clone(),
        table: table.parse().unwrap(),
        period: period.parse().unwrap(),
        merge: None,
        purpose: PURPOSE.into(),
        with: vec![],
    }
}

/// The Python of a venv that `tests/venv NAME` makes; `None`, loudly, where it is not here.
pub fn python(venv: &str, otherwise: &str) -> Option<PathBuf> {
    let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    let venv_path = home.join(".cache/weir").join(venv);
    // The list is copied last: without it the venv is half made.
    if !venv_path.join("requirements.txt").exists() {
        let path = venv_path.display();
        skipped(format_args!(
            "`{path}` is not complete, {otherwise} (tests/venv {venv})"
        ));
        return None;
    }
    Some(venv_path.join("bin/python"))
}

/// Looks until something is there, and fails after a minute.
pub async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(60), looking).await;
    found.unwrap_or_else(|_| panic!("not within a minute: {what}"))
}
