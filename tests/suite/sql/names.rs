//! Which table a name means, and which rows it has.

use policies::agreement::Agreement;

use super::*;

/// A correction's rows stand in the place of those it replaces, and an amendment carries the table on.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_has_the_newest_edition_of_each_period_and_keeps_its_name_when_amended() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.plan[0].editions = 2;
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    let day = "2026-10-05";
    let first = push(&id, day);
    let sent = &[cells(&terms, &ROWS)];
    bikes.client.push(&first, sent, |_| {}).await.unwrap();
    let old = city.client.request(&wish(&id, "od", day)).await.unwrap();
    assert!(matches!(old, Answered::Released(_)));
    let mut correction = push(&id, day);
    correction.supersedes = Some(first.batch);
    bikes.client.push(&correction, sent, |_| {}).await.unwrap();
    let new = city.client.request(&wish(&id, "od", day)).await.unwrap();
    let Answered::Released(new) = new else {
        panic!()
    };
    let table = city.client.fetch(&new.what).await.unwrap();
    let count = "SELECT count(*) AS n FROM od";
    let found = ask(&city.client, count).await.unwrap();
    let found = found[0].column(0).as_primitive::<Int64Type>().value(0);
    assert_eq!(found as usize, rows(&table).len());
    terms.supersedes = Some(id.clone());
    terms.retention_days = 30;
    activate(&bikes, &city, &terms).await;
    let named = format!("SELECT * FROM {}.od", schema_of(&id));
    assert!(ask(&city.client, &named).await.is_ok());
    assert!(ask(&city.client, count).await.is_ok());
}

/// Found by a review: a table `od` that an amendment had cut another way was called as the table `od_2` of the same
/// agreement, and the rows of both were one table's.
#[tokio::test(flavor = "multi_thread")]
async fn a_table_cut_another_way_is_not_called_as_another_table() {
    let (_town, bikes, city, geojson) = opened().await;
    let mut terms = agreement(&bikes, &city, &geojson);
    terms.population.cap.as_mut().unwrap().rho = "2".parse().unwrap();
    terms.population.cap.as_mut().unwrap().delta = "0.000001".parse().unwrap();
    let first = activate(&bikes, &city, &terms).await;
    let release = async |terms: &Agreement, id: &AgreementId, table: &str, day: &str| {
        let mut pushed = push(id, day);
        pushed.table = table.parse().unwrap();
        let sent = &[cells(terms, &ROWS)];
        bikes.client.push(&pushed, sent, |_| {}).await.unwrap();
        let answered = city.client.request(&wish(id, table, day)).await.unwrap();
        assert!(matches!(answered, Answered::Released(_)));
    };
    release(&terms, &first, "od", "2026-10-05").await;
    terms.supersedes = Some(first);
    let (mut table, mut planned) = (terms.tables[0].clone(), terms.plan[0].clone());
    table.name = "od_2".parse().unwrap();
    planned.table = table.name.clone();
    terms.tables.push(table);
    terms.plan.push(planned);
    terms.tables[0].bins = serde_json::from_str("[0, 6]").unwrap();
    let second = activate(&bikes, &city, &terms).await;
    release(&terms, &second, "od", "2026-10-06").await;
    release(&terms, &second, "od_2", "2026-10-06").await;
    let names = "SELECT DISTINCT table_name FROM releases ORDER BY 1";
    let names = ask(&city.client, names).await.unwrap();
    let names: Vec<_> = names[0]
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(names, ["od", "od_2", "od_3"]);
}

/// Of two agreements with a table of one name neither is meant by it alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_two_agreements_have_is_neithers() {
    let asked = Asked::new().await;
    let Asked {
        town, city, schema, ..
    } = &asked;
    let trams = town.join("trams", Role::Provider).await;
    let terms = agreement(&trams, city, &squares());
    let id = activate(&trams, city, &terms).await;
    let day = "2026-10-05";
    let sent = &[cells(&terms, &ROWS)];
    trams
        .client
        .push(&push(&id, day), sent, |_| {})
        .await
        .unwrap();
    let released = city.client.request(&wish(&id, "od", day)).await.unwrap();
    assert!(matches!(released, Answered::Released(_)));
    assert_eq!(
        code(&city.client, "SELECT * FROM od").await,
        Code::InvalidArgument
    );
    for schema in [schema, &schema_of(&id)] {
        let named = format!("SELECT * FROM {schema}.od");
        assert!(ask(&city.client, &named).await.is_ok(), "{schema}");
    }
}

/// A table that is called as the list is found under its own schema, and the list stays whole.
#[tokio::test(flavor = "multi_thread")]
async fn no_table_takes_the_place_of_the_list_of_releases() {
    let asked = Asked::new().await;
    let Asked { town, city, .. } = &asked;
    let trams = town.join("trams", Role::Provider).await;
    let mut terms = agreement(&trams, city, &squares());
    terms.tables[0].name = "releases".parse().unwrap();
    terms.plan[0].table = terms.tables[0].name.clone();
    let id = activate(&trams, city, &terms).await;
    let mut pushed = push(&id, "2026-10-05");
    pushed.table = terms.tables[0].name.clone();
    let sent = &[cells(&terms, &ROWS)];
    trams.client.push(&pushed, sent, |_| {}).await.unwrap();
    let wish = wish(&id, "releases", "2026-10-05");
    city.client.request(&wish).await.unwrap();
    let listed = ask(&city.client, "SELECT count(release_key) FROM releases");
    let listed = listed.await.unwrap();
    assert_eq!(listed[0].column(0).as_primitive::<Int64Type>().value(0), 3);
    let own = format!("SELECT origin FROM {}.releases", schema_of(&id));
    assert!(ask(&city.client, &own).await.is_ok());
}
