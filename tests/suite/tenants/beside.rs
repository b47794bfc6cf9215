//! Attack: ids of others beside one's own, in one request.

use super::*;

/// A request names further agreements: a foreign one among them is like one that nobody made, and one's own is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_agreement_beside_ones_own_is_like_an_id_that_nobody_used() {
    let (town, _, _, _, foreign) = agreed().await;
    let rival = town.join("rival", Role::Planner).await;
    let geojson = squares();
    let mut own = Vec::new();
    for name in ["trams", "scooters"] {
        let provider = town.join(name, Role::Provider).await;
        let mut terms = agreement(&provider, &rival, &geojson);
        terms.population.id = format!("{name}-riders").parse().unwrap();
        terms.plan[0].joint = serde_json::from_str(r#"{"dominance_percent": 80}"#).unwrap();
        own.push(activate(&provider, &rival, &terms).await);
    }
    let caller = Caller::of(&rival).await;
    let beside = async |method: &str, id: &AgreementId| {
        let with = vec![v1::WithAgreement {
            agreement_id: id.to_string(),
            table: "od".into(),
        }];
        let (agreement_id, table) = (own[0].to_string(), "od".to_owned());
        match method {
            method::PREVIEW => {
                let message = v1::PreviewRequest {
                    agreement_id,
                    table,
                    periods: vec!["2026-10-05".into()],
                    with,
                    ..Default::default()
                };
                send(&caller, &method::path(method), message).await
            }
            _ => {
                let message = v1::RequestReleaseRequest {
                    request_id: "attack".into(),
                    agreement_id,
                    table,
                    period: "2026-10-05".into(),
                    purpose: PURPOSE.into(),
                    with,
                    ..Default::default()
                };
                send(&caller, &method::path(method), message).await
            }
        }
    };
    let nobodys = "f".repeat(64).parse().unwrap();
    let size = town.broker().sequencer().state().size();
    for method in [method::PREVIEW, method::REQUEST_RELEASE] {
        let theirs = beside(method, &foreign).await;
        let absent = beside(method, &nobodys).await;
        assert_eq!(theirs.code(), Code::NotFound, "{method}: {theirs:?}");
        assert_eq!(absent.code(), Code::NotFound, "{method}: {absent:?}");
        assert_eq!(theirs.message(), absent.message(), "{method}");
        assert_eq!(theirs.details(), absent.details(), "{method}");
        assert_eq!(town.broker().sequencer().state().size(), size, "no entry");
    }
    for method in [method::PREVIEW, method::REQUEST_RELEASE] {
        let asked = beside(method, &own[1]).await;
        assert_eq!(asked.code(), Code::Ok, "{method}: {asked:?}");
    }
}
