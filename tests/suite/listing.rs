//! Lists in pages of any size: what everybody may see, once each and in order.

use policies::agreement::Agreement;
use policies::id::Role;
use proto::v1;
use proto::v1::agreement_service_client::AgreementServiceClient;
use proto::v1::directory_service_client::DirectoryServiceClient;

use crate::harness::*;
use crate::opening::*;
use crate::raw::{channel, with_token};

/// The ids of a member's agreements, by pages of a size.
async fn agreements(who: &Member, page_size: u32) -> Vec<String> {
    let mut service = AgreementServiceClient::new(channel(who).await);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = v1::ListAgreementsRequest {
            page_size,
            page_token,
        };
        let page = service
            .list_agreements(with_token(who, ask))
            .await
            .unwrap()
            .into_inner();
        all.extend(page.agreements.into_iter().map(|a| a.agreement_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// Agreement and name of every table on offer, by pages of a size.
async fn tables(who: &Member, page_size: u32) -> Vec<(String, String)> {
    let mut service = DirectoryServiceClient::new(channel(who).await);
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let ask = v1::ListTablesRequest {
            page_size,
            page_token,
        };
        let page = service
            .list_tables(with_token(who, ask))
            .await
            .unwrap()
            .into_inner();
        all.extend(page.tables.into_iter().map(|t| (t.agreement_id, t.table)));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

/// About people of its own, with a second table whose name comes first.
fn two_tables(mut terms: Agreement, n: usize) -> Agreement {
    terms.population.id = format!("riders-{n}").parse().unwrap();
    let (mut table, mut item) = (terms.tables[0].clone(), terms.plan[0].clone());
    table.name = "again".parse().unwrap();
    item.table = table.name.clone();
    terms.tables.push(table);
    terms.plan.push(item);
    terms.population.cap = terms.allotment();
    terms
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_every_size_make_one_list_of_what_one_may_see() {
    let (town, bikes, city, geojson) = opened().await;
    let village = town.join("village", Role::Planner).await;
    let trams = town.join("trams", Role::Provider).await;
    let auditor = town.join("ombudsman", Role::Auditor).await;
    let steward = town.member("steward").await;
    // Whom it names beside bikes, and whether it is in force or an offer.
    let mut made = Vec::new();
    for (n, (planner, signed)) in [
        (&city, true),
        (&village, true),
        (&city, false),
        (&village, false),
    ]
    .into_iter()
    .enumerate()
    {
        let mut terms = two_tables(agreement(&bikes, planner, &geojson), n);
        terms.recipients = vec![planner.org.clone()];
        if n == 1 {
            terms.recipients.push(city.org.clone());
        }
        let id = terms.id().unwrap();
        bikes.client.offer(&terms, &bikes.signer).await.unwrap();
        if signed {
            planner
                .client
                .sign_agreement(&id, &planner.signer)
                .await
                .unwrap();
        }
        made.push((id.to_string(), signed));
    }
    let sorted = |which: &[usize]| {
        let mut ids: Vec<_> = which.iter().map(|n| made[*n].clone()).collect();
        ids.sort();
        ids
    };
    for (who, named) in [
        (&bikes, sorted(&[0, 1, 2, 3])),
        (&city, sorted(&[0, 1, 2])),
        (&village, sorted(&[1, 3])),
        (&trams, vec![]),
        (&auditor, sorted(&[0, 1, 2, 3])),
        (&steward, sorted(&[0, 1, 2, 3])),
    ] {
        let ids: Vec<_> = named.iter().map(|(id, _)| id.clone()).collect();
        let seen = |(id, signed): &&(String, bool)| *signed || ids.contains(id);
        let all = sorted(&[0, 1, 2, 3]);
        let offered = all.iter().filter(seen);
        let offered =
            offered.flat_map(|(id, _)| ["again", "od"].map(|table| (id.clone(), table.to_owned())));
        let offered: Vec<_> = offered.collect();
        for size in [1, 2, 3, 0] {
            assert_eq!(agreements(who, size).await, ids, "{} by {size}", who.org);
            assert_eq!(tables(who, size).await, offered, "{} by {size}", who.org);
        }
    }
}

/// A token that no page gave out.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_list_is_refused() {
    let (_town, bikes, _, _) = opened().await;
    let mut service = DirectoryServiceClient::new(channel(&bikes).await);
    let ask = v1::ListTablesRequest {
        page_size: 1,
        page_token: "bikes".into(),
    };
    let told = service
        .list_tables(with_token(&bikes, ask))
        .await
        .unwrap_err();
    assert_eq!(told.code(), tonic::Code::InvalidArgument, "{told}");
    let mut service = AgreementServiceClient::new(channel(&bikes).await);
    let ask = v1::ListAgreementsRequest {
        page_size: 1,
        page_token: "bikes".into(),
    };
    let told = service
        .list_agreements(with_token(&bikes, ask))
        .await
        .unwrap_err();
    assert_eq!(told.code(), tonic::Code::InvalidArgument, "{told}");
}
