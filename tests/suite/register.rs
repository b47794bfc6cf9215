//! The public register, as a stranger reads it.

use policies::agreement::Agreement;
use policies::entry::Body;
use policies::id::{AgreementId, Role};
use policies::life::Action;
use policies::sign::Signs;
use policies::state::State;
use sdk::client::Answered;
use serde_json::{Value, json};

use crate::harness::*;
use crate::opening::*;
use crate::web::{Answer, get};

const HOSTILE: &str = "</title><script>alert(\"x\")</script>\u{202e}<img src=x onerror='y'>&amp;";

async fn page(town: &Town, path: &str) -> String {
    let answer = get(town, path).await;
    assert_eq!(answer.status, 200, "{path}");
    check_headers(&answer);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    let html = String::from_utf8(answer.body).unwrap();
    for never in [
        "<script",
        "<img",
        "<form",
        "<iframe",
        "style=",
        "onerror='",
        "http:",
        "https:",
    ] {
        assert!(!html.contains(never), "{path} has `{never}`:\n{html}");
    }
    html
}

async fn json(town: &Town, path: &str) -> Value {
    let answer = get(town, path).await;
    assert_eq!(answer.status, 200, "{path}");
    check_headers(&answer);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    serde_json::from_slice(&answer.body).unwrap()
}

fn check_headers(answer: &Answer) {
    let policy = answer.header("content-security-policy").unwrap();
    assert!(
        policy.starts_with("default-src 'none'; style-src 'self';"),
        "{policy}"
    );
    for part in [
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    ] {
        assert!(policy.contains(part), "{policy}");
    }
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "public, max-age=10"),
    ] {
        assert_eq!(answer.header(name), Some(value), "{name}");
    }
    assert_eq!(answer.header("set-cookie"), None);
}

/// The register looks through the log now and then only: until it knows so many releases.
async fn with_releases(town: &Town, id: &AgreementId, count: usize) -> Value {
    until("the register has seen them", async || {
        let page = json(town, &format!("/register/{id}.json")).await;
        (page["releases"] == count).then_some(page)
    })
    .await
}

async fn with_agreements(town: &Town, count: usize) -> Value {
    until("the register has seen them", async || {
        let page = json(town, "/register.json").await;
        (page["all"] == count).then_some(page)
    })
    .await
}

fn hostile(mut terms: Agreement) -> Agreement {
    terms.title = format!("Rides {HOSTILE}");
    terms.public_summary = format!("Who rides {HOSTILE}");
    terms.population.description = format!("riders {HOSTILE}");
    terms.canvas = serde_json::from_value(json!({
        "positive": HOSTILE, "negative": HOSTILE, "affected": HOSTILE, "mitigations": HOSTILE,
        "contact": HOSTILE,
    }))
    .unwrap();
    terms
}

/// What stands in a log whose broker asked less of texts.
fn agreeing(terms: &Agreement, bikes: &Member, city: &Member) -> [Body; 3] {
    let (document, at) = (terms.canonical().unwrap(), NOW.parse().unwrap());
    let sign = |who: &Member| who.signer.sign(Signs::Agreement, &document, at).unwrap();
    let agreement = terms.id().unwrap();
    [
        Body::AgreementOffered {
            agreement: Box::new(terms.clone()),
            by: bikes.org.clone(),
            signature: sign(bikes),
        },
        Body::AgreementSigned {
            agreement: agreement.clone(),
            by: city.org.clone(),
            signature: sign(city),
        },
        Body::AgreementActivated {
            agreement,
            allotment: terms.allotment().unwrap(),
        },
    ]
}

async fn write(town: &Town, entries: Vec<Body>) {
    let broker = town.broker();
    let older = move |_: &State, _| Ok((entries, ()));
    broker.sequencer().submit("older", older).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_reads_what_was_agreed_released_and_lost_and_nothing_else() {
    let (town, bikes, city, geojson) = opened().await;
    let terms = hostile(agreement(&bikes, &city, &geojson));
    let id = terms.id().unwrap();
    // Nobody offers such texts any more; an older log may hold them.
    let refused = bikes.client.offer(&terms, &bikes.signer).await.unwrap_err();
    assert!(refused.to_string().contains("steers"), "{refused}");
    let [offered, signed, activated] = agreeing(&terms, &bikes, &city);
    write(&town, vec![offered]).await;
    // What one party alone wrote is not in the city's register.
    assert_eq!(json(&town, "/register.json").await["all"], 0);
    for path in [format!("/register/{id}"), format!("/register/{id}.json")] {
        assert_eq!(get(&town, &path).await.status, 404);
    }
    write(&town, vec![signed, activated]).await;
    let cells = cells(&terms, &ROWS);
    let push = push(&id, "2026-10-05");
    bikes.client.push(&push, &[cells], |_| {}).await.unwrap();
    let released = city
        .client
        .request(&wish(&id, "od", "2026-10-05"))
        .await
        .unwrap();
    assert!(matches!(released, Answered::Released(_)));
    // Over the budget: refused, and nobody else's business.
    let refused = city
        .client
        .request(&wish(&id, "od", "2026-10-06"))
        .await
        .unwrap();
    assert!(matches!(refused, Answered::Refused(_)));

    let one = with_releases(&town, &id, 1).await;
    assert_eq!(one["title"], terms.title.as_str());
    assert_eq!(
        (&one["provider"], &one["planner"]),
        (&json!("bikes"), &json!("city"))
    );
    assert_eq!((&one["state"], &one["k"]), (&json!("active"), &json!(5)));
    assert_eq!(one["canvas"]["negative"], HOSTILE);
    let loss = &one["loss"];
    assert_eq!(loss["cap"], json!({ "rho": "0.5", "delta": "0.0000001" }));
    assert_eq!(
        (&loss["most"], &loss["unit_periods"]),
        (&loss["cap"], &json!(1))
    );
    let released = one["released"].as_array().unwrap();
    assert_eq!(released.len(), 1);
    assert_eq!(
        (&released[0]["periods"], &released[0]["edition"]),
        (&json!(["2026-10-05"]), &json!(1))
    );
    assert_eq!(released[0]["published"], NOW);

    let html = page(&town, &format!("/register/{id}")).await;
    let escaped = "&lt;/title&gt;&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;\u{fffd}&lt;img src=x onerror=&#39;y&#39;&gt;&amp;amp;";
    assert!(html.matches(escaped).count() >= 8, "{html}");
    for part in [
        "2026-10-05",
        "Data Ethics Canvas",
        "100 % of the cap",
        "ρ 0.5, δ 0.0000001",
        "everything one person does in a day",
    ] {
        assert!(html.contains(part), "no `{part}` in {html}");
    }
    let list = page(&town, "/register").await;
    assert!(list.contains(&format!("/register/{id}")) && list.contains(escaped));

    // Nothing that is for parties and auditors: who signed with which key, who asked, what was refused or
    // contributed, why it was stopped.
    let reason = "the-reason-is-not-public";
    let act = city.client.act(
        Action::Suspend,
        &id,
        reason.parse().unwrap(),
        None,
        &city.signer,
    );
    act.await.unwrap();
    let one = json(&town, &format!("/register/{id}.json")).await;
    assert_eq!(one["state"], "suspended");
    let all = [
        one.to_string(),
        page(&town, &format!("/register/{id}")).await,
        list,
    ];
    let key = terms.provider.key.to_string();
    for private in [
        reason,
        key.as_str(),
        "signature",
        "2026-10-06",
        "manifest",
        "batch",
    ] {
        assert!(
            all.iter().all(|page| !page.contains(private)),
            "`{private}` is public"
        );
    }
    for field in [
        "by",
        "request",
        "requested_by",
        "refused",
        "late",
        "missing",
    ] {
        assert_eq!(one.get(field), None, "{field}");
        assert_eq!(one["released"][0].get(field), None, "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn long_registers_come_in_pages_and_other_addresses_are_not_there() {
    let (town, bikes, city, geojson) = opened().await;
    let count = broker::limits::REGISTER_AGREEMENTS + 2;
    let mut ids = Vec::new();
    for n in 0..count {
        let mut terms = agreement(&bikes, &city, &geojson);
        terms.title = format!("Agreement {n}.");
        terms.population.id = format!("people-{n}").parse().unwrap();
        ids.push(activate(&bikes, &city, &terms).await);
    }
    ids.reverse();
    let mut page_json = with_agreements(&town, count).await;
    let (mut seen, mut pages) = (Vec::new(), 1);
    loop {
        let agreements = page_json["agreements"].as_array().unwrap();
        seen.extend(
            agreements
                .iter()
                .map(|a| a["id"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page_json["next"].as_str() else {
            break;
        };
        let html = page(&town, &format!("/register{next}")).await;
        assert!(
            html.contains("Agreement 0.") && !html.contains("Agreement 51."),
            "{html}"
        );
        page_json = json(&town, &format!("/register.json{next}")).await;
        pages += 1;
    }
    let expected: Vec<_> = ids.iter().map(ToString::to_string).collect();
    assert_eq!((seen, pages), (expected, 2));

    let style = get(&town, "/register/style.css").await;
    assert_eq!(
        style.header("content-type"),
        Some("text/css; charset=utf-8")
    );
    let id = &ids[0];
    for absent in [
        "/register/",
        "/register/nothing",
        &format!("/register/{}", "0".repeat(64)),
        &format!("/register/{id}.xml"),
        &format!("/register/{id}/"),
        &format!("/register/{id}?before=-1"),
        &format!("/register/{id}?after=1"),
        "/register?before=1&before=2",
        "/register?before=",
        "/register?before=99999999999999999999",
        "/register.json?q=%3Cscript%3E",
        "/register/..%2fcheckpoint",
    ] {
        let answer = get(&town, absent).await;
        assert_eq!((answer.status, answer.body.len()), (404, 0), "{absent}");
    }
    let empty = json(&town, "/register.json?before=0").await;
    assert_eq!(
        (&empty["agreements"], &empty["next"]),
        (&json!([]), &Value::Null)
    );
    // Whoever is admitted still needs no more than a stranger.
    town.join("trams", Role::Provider).await;
    assert_eq!(with_agreements(&town, count).await["all"], count);
}

/// What the parties signed about tables on request and about the end is as public as the plan.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_asked_for_and_how_it_ends_is_in_the_register() {
    let (town, bikes, city, geojson) = opened().await;
    let plain = agreement(&bikes, &city, &geojson);
    let mut terms = plain.clone();
    terms.population.id = "cyclists".parse().unwrap();
    let charge = json!({ "selection": "0.125", "delta": "0.00000005", "measures": [] });
    terms.ad_hoc = serde_json::from_value(json!([{
        "table": "od", "requests": 3, "charge": charge,
        "coarsenings": { "only": [{ "bins": [0] }, { "zones": "all", "categories": ["mode"] }] },
    }]))
    .unwrap();
    let end = json!({ "tables": "closed", "notice_days": 30, "cells": "deleted" });
    terms.on_end = serde_json::from_value(end).unwrap();
    terms.population.cap = terms.allotment();
    let id = activate(&bikes, &city, &terms).await;
    let plain = activate(&bikes, &city, &plain).await;
    with_agreements(&town, 2).await;
    let one = json(&town, &format!("/register/{id}.json")).await;
    let asked = json!([{
        "table": "od", "requests": 3, "charge": { "rho": "0.125", "delta": "0.00000005" },
        "coarsenings": { "only": [{ "bins": [0] }, { "zones": "all", "categories": ["mode"] }] },
    }]);
    assert_eq!(one["on_request"], asked);
    assert_eq!(one["cells_on_end"], "deleted");
    assert_eq!(one["notice_days"], 30);
    let html = page(&town, &format!("/register/{id}")).await;
    for part in [
        "day bins from 00:00; or all zones as one and all values of mode as one",
        "ρ 0.125, δ 0.00000005",
        "3 times for each period it reads",
        "what the provider sent is deleted",
        "30 days of notice",
    ] {
        assert!(html.contains(part), "no `{part}` in {html}");
    }
    let one = json(&town, &format!("/register/{plain}.json")).await;
    assert_eq!(
        (&one["on_request"], &one["cells_on_end"]),
        (&json!([]), &json!("kept"))
    );
    let html = page(&town, &format!("/register/{plain}")).await;
    for part in [
        "Nothing else may be asked for",
        "end it at once",
        "and nothing reads it",
    ] {
        assert!(html.contains(part), "no `{part}` in {html}");
    }
}
