//! An organisation changes its signing key: agreements live on, the old key signs nothing more.

use sdk::sign::Signer;

use crate::harness::*;
use crate::opening::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_keeps_agreements_and_signs_the_next() {
    let (mut town, mut bikes, city, geojson) = opened().await;
    let terms = agreement(&bikes, &city, &geojson);
    let id = activate(&bikes, &city, &terms).await;
    let mut open = terms.clone();
    open.title = "Offered, and not signed yet".into();
    open.population.id = "guests".parse().unwrap();
    bikes.client.offer(&open, &bikes.signer).await.unwrap();

    let path = town.folder.path().join("next.key");
    let key = certs::Es256Key::generate().unwrap();
    certs::write_secret(&path, key.to_pem().as_bytes(), false).unwrap();
    let next = Signer::from_pem_file(&path).unwrap();
    let rotate = || bikes.client.rotate_key(&bikes.org, &bikes.signer, &next);
    let first = rotate().await.unwrap();
    assert_eq!(first.what.former, [bikes.signer.public_key().clone()]);
    // A repeat is answered with the first receipt, and nobody takes over a used key.
    let again = rotate().await.unwrap();
    assert_eq!(again.proof.index(), first.proof.index());
    let taken = city
        .client
        .rotate_key(&city.org, &city.signer, &bikes.signer)
        .await;
    assert_eq!(taken.unwrap_err().code(), "already_exists");
    let stolen = city
        .client
        .rotate_key(&city.org, &next, &bikes.signer)
        .await;
    assert_eq!(stolen.unwrap_err().code(), "invalid_argument");

    // What was signed before lives on: pushed under it, and its signatures hold for its parties.
    let batch = cells(&terms, &ROWS);
    bikes
        .client
        .push(
            &push(&id, "2026-10-05"),
            std::slice::from_ref(&batch),
            |_| {},
        )
        .await
        .unwrap();
    let signed = city.client.agreement(&id).await.unwrap();
    city.client.verify_signatures(&signed).await.unwrap();
    // An offer that names the old key has lapsed.
    let lapsed = city
        .client
        .sign_agreement(&open.id().unwrap(), &city.signer)
        .await;
    assert_eq!(lapsed.unwrap_err().code(), "invalid_argument");
    // The old key offers nothing more; the new one does.
    let mut other = agreement(&bikes, &city, &geojson);
    other.population.id = "couriers".parse().unwrap();
    assert!(bikes.client.offer(&other, &bikes.signer).await.is_err());
    bikes.signer = next;
    let mut other = agreement(&bikes, &city, &geojson);
    other.population.id = "couriers".parse().unwrap();
    activate(&bikes, &city, &other).await;

    // The index and the log remember it alike.
    town.stop().await;
    town.start().await;
    let city = town.member("city").await;
    let known = city
        .client
        .organisation(&"bikes".parse().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&known.key, bikes.signer.public_key());
    assert_eq!(known.former.len(), 1);
}
