#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking"
)]

use audit::checkpoint::CheckpointNote;
use audit::receipt::Receipt;
use policies::id::ReleaseKey;
use policies::loss::Loss;
use policies::refusal::{Reason, ReasonId, Refusal};
use prost::Message;

use super::*;
use crate::limits;
use crate::v1;

mod opening;
mod refused;

const DIGEST: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Over the wire and back.
fn wire<T, M>(given: T) -> T
where
    T: Clone + TryFrom<M, Error = ConvertError>,
    M: Message + Default + From<T>,
{
    let bytes = M::from(given).encode_to_vec();
    T::try_from(M::decode(bytes.as_slice()).unwrap()).unwrap()
}

/// The field that a message is refused for.
fn refused<T, M>(message: M) -> &'static str
where
    T: TryFrom<M, Error = ConvertError>,
{
    match T::try_from(message) {
        Ok(_) => panic!("a malformed message was taken"),
        Err(error) => error.field,
    }
}

fn push() -> Push {
    Push {
        agreement: DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
        period: "2023-10-05".parse().unwrap(),
        batch: "b-2".parse().unwrap(),
        supersedes: Some("b-1".parse().unwrap()),
        rates: vec![
            Rate {
                name: "truncated".parse().unwrap(),
                ppm: 12_500,
            },
            Rate {
                name: "clamped".parse().unwrap(),
                ppm: 1_000_000,
            },
        ],
        active_units: Some(limits::UNITS_MAX),
    }
}

fn note() -> CheckpointNote {
    // A well-formed note; nothing here verifies signatures.
    let root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
    let signature = format!("AAAAAA{}==", "A".repeat(84));
    let text = format!("weir.example/log\n0\n{root}\n\n— weir.example/log {signature}\n");
    CheckpointNote::try_from(text).unwrap()
}

fn receipt() -> Receipt {
    let hash = audit::tree::TreeHash::new([7; 32]);
    Receipt::new(3, b"{}".to_vec(), vec![hash, hash], note()).unwrap()
}

#[test]
fn a_push_survives_the_wire() {
    assert_eq!(wire::<_, v1::ContributionHeader>(push()), push());
    assert_eq!(Push::from_cmd(&push().to_cmd()).unwrap(), push());
}

#[test]
fn a_receipt_survives_the_wire() {
    assert_eq!(wire::<_, v1::Receipt>(receipt()), receipt());
}

#[test]
fn a_wish_and_its_answers_survive_the_wire() {
    let wish = Wish {
        request: "r-1".parse().unwrap(),
        agreement: DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
        period: "2023-W40".parse().unwrap(),
        merge: None,
        purpose: "dpv:PublicPolicyMaking".into(),
        with: vec![policies::joint::With {
            agreement: "c".repeat(64).parse().unwrap(),
            table: "trips".parse().unwrap(),
        }],
    };
    assert_eq!(
        wire::<_, v1::RequestReleaseRequest>(wish.clone()),
        wish.clone()
    );
    // Without a name, the table of the other agreement has the name of the first one's.
    let mut same = v1::RequestReleaseRequest::from(wish.clone());
    same.with[0].table.clear();
    assert_eq!(
        Wish::try_from(same.clone()).unwrap().with[0].table,
        wish.table
    );
    let further = same.with[0].clone();
    same.with[0].agreement_id = "0".into();
    assert_eq!(refused::<Wish, _>(same.clone()), "with.agreement_id");
    same.with = vec![further; policies::joint::PARTS_MAX];
    assert_eq!(refused::<Wish, _>(same), "with");
    let key: ReleaseKey = DIGEST.parse().unwrap();
    let released = Answer::Released(Released {
        key: key.clone(),
        receipt: receipt(),
        replaces: Some(key.clone()),
    });
    assert_eq!(
        wire::<_, v1::RequestReleaseResponse>(released.clone()),
        released
    );
    let all = ReasonId::ALL.iter().map(|id| Reason {
        id: *id,
        text: "why".into(),
    });
    let refused = Answer::Refused(Refused {
        refusal: Refusal::from_reasons(all.collect()).unwrap(),
        receipt: receipt(),
    });
    assert_eq!(
        wire::<_, v1::RequestReleaseResponse>(refused.clone()),
        refused
    );
    let mut unproven = v1::RequestReleaseResponse::from(refused);
    unproven.refused_receipt = None;
    assert!(Answer::try_from(unproven).is_err());
    assert_eq!(key_from_ticket(&key_to_ticket(key.clone())).unwrap(), key);
}

#[test]
fn the_parts_of_a_release_survive_the_wire() {
    let head = ReleaseHead {
        key: DIGEST.parse().unwrap(),
        quality_sheet: b"{}".to_vec(),
        salt: audit::commitment::Salt::new([9; 16]),
        blob: DIGEST.parse().unwrap(),
        table_bytes: 4,
        receipt: receipt(),
    };
    assert!(!format!("{head:?}").contains("9, 9"));
    for part in [
        Chunk::Head(Box::new(head)),
        Chunk::Table(prost::bytes::Bytes::from_static(b"rows")),
    ] {
        assert_eq!(wire::<_, v1::GetReleaseResponse>(part.clone()), part);
    }
}

#[test]
fn a_preview_survives_the_wire() {
    let loss: Loss = serde_json::from_str(r#"{"rho":"0.02","delta":"0.00000001"}"#).unwrap();
    let preview = Preview {
        protection: Some(Protection {
            charge: loss,
            epsilon: "1.21".into(),
            epsilon_delta: "0.000001".parse().unwrap(),
            unit: policies::agreement::Unit::Trip,
            k: 5,
            threshold: 40,
            published_from: 44,
            contributors_needed: 60,
            measures: vec![MeasurePreview {
                measure: "contributors".into(),
                noise: policies::mechanism::Noise::DiscreteGaussian,
                scale: policies::mechanism::Scale::from_sixteenths(160).unwrap(),
                rho: "0.01".parse().unwrap(),
                error_95: 20,
            }],
        }),
        periods: vec![PeriodPreview {
            period: "2023-10".parse().unwrap(),
            refused: Refusal::from_reasons(vec![Reason {
                id: ReasonId::PeriodNotDue,
                text: "later".into(),
            }]),
            left: Some(loss),
            release: Some(DIGEST.parse().unwrap()),
            replaces: Some(DIGEST.parse().unwrap()),
        }],
        domain_keys: 1 << 40,
        rule: "rows".into(),
        rungs: vec![],
        joint: None,
    };
    assert_eq!(
        wire::<_, v1::PreviewResponse>(preview.clone()),
        preview.clone()
    );
    let part = PartPreview {
        agreement: DIGEST.parse().unwrap(),
        table: "od".parse().unwrap(),
        provider: "taxis".parse().unwrap(),
        protection: preview.protection.clone().unwrap(),
        left: Some(loss),
    };
    let joint = JointPreview {
        parts: vec![part.clone(), PartPreview { left: None, ..part }],
        contributors_error_95: vec![20, 28],
        person_in_all: loss,
        epsilon: String::new(),
        epsilon_delta: None,
    };
    let preview = Preview {
        protection: None,
        joint: Some(joint),
        ..preview
    };
    assert_eq!(
        wire::<_, v1::PreviewResponse>(preview.clone()),
        preview.clone()
    );
}

#[test]
fn a_preview_of_several_agreements_names_them_once_and_not_too_many() {
    let with = |table: &str| v1::WithAgreement {
        agreement_id: DIGEST.into(),
        table: table.into(),
    };
    let message = v1::PreviewRequest {
        agreement_id: DIGEST.into(),
        table: "od".into(),
        periods: vec!["2023-10-05".into()],
        merge: None,
        with: vec![with(""), with("trips")],
    };
    let query = PreviewQuery::try_from(message.clone()).unwrap();
    let tables: Vec<_> = query.with.iter().map(|w| w.table.as_str()).collect();
    assert_eq!(tables, ["od", "trips"]);
    assert_eq!(wire::<_, v1::PreviewRequest>(query.clone()), query);
    let many = v1::PreviewRequest {
        with: vec![with(""); 8],
        ..message
    };
    let error = PreviewQuery::try_from(many).unwrap_err().to_string();
    assert!(error.contains("`with`"), "{error}");
}

#[test]
fn pages_survive_the_wire_and_have_a_default() {
    let page = Page {
        size: 7,
        after: Some("x".into()),
    };
    assert_eq!(wire::<_, v1::ListAgreementsRequest>(page.clone()), page);
    let first = Page::try_from(v1::ListZoningsRequest::default()).unwrap();
    assert_eq!(first, Page::default());
    let large = v1::ListZoningsRequest {
        page_size: limits::PAGE_MAX + 1,
        ..v1::ListZoningsRequest::default()
    };
    assert_eq!(refused::<Page, _>(large), "page_size");
}

const AGREEMENT: &str = r#"{"form": "weir/agreement/1", "title": "t", "public_summary": "s",
    "provider": {"org": "bikes", "key": "KEY"}, "planner": {"org": "city", "key": "KEY"},
    "recipients": ["city"], "purposes": ["dpv:PublicPolicyMaking"],
    "valid": {"from": "2023-10-01", "until": "2024-10-01"},
    "covers": {"from": "2023-10-01", "until": "2023-12-31"}, "retention_days": 30,
    "population": {"id": "riders", "description": "d", "unit": "none"},
    "time_zone": "Europe/Helsinki", "zonings": [], "k": 0, "tables": [], "plan": []}"#;

#[test]
fn an_agreement_survives_the_wire_in_canonical_form_only() {
    let signature = policies::sign::PartySignature {
        protected: "e30".into(),
        signature: "AA".into(),
    };
    let written = AGREEMENT.replace("KEY", DIGEST);
    let terms = policies::agreement::Agreement::parse(written.as_bytes()).unwrap();
    let offer = Offer {
        document: terms.canonical().unwrap(),
        terms: terms.clone(),
        signature: signature.clone(),
    };
    assert_eq!(wire::<_, v1::OfferAgreementRequest>(offer.clone()), offer);
    let mut spaced = v1::OfferAgreementRequest::from(offer.clone());
    spaced.document = written.into_bytes();
    assert_eq!(refused::<Offer, _>(spaced), "document");

    let signed = SignedAgreement {
        id: terms.id().unwrap(),
        document: offer.document,
        terms,
        status: policies::state::Status::Active,
        signatures: vec![("city".parse().unwrap(), signature)],
        population_allotted: Some(policies::loss::Loss::ZERO),
        life: Lived {
            last_change: 9,
            suspended_by: vec!["city".parse().unwrap()],
            ends: Some("2026-12-01T00:00:00Z".parse().unwrap()),
            superseded_by: Some(DIGEST.parse().unwrap()),
            history: vec![policies::life::Change {
                status: policies::state::Status::Suspended,
                time: "2026-11-01T12:00:00.5Z".parse().unwrap(),
                by: Some("city".parse().unwrap()),
                reason: Some("the figures look wrong".parse().unwrap()),
                entry: 9,
            }],
        },
    };
    let good = v1::Agreement::from(signed.clone());
    assert_eq!(SignedAgreement::try_from(good.clone()).unwrap(), signed);
    let other = v1::Agreement {
        agreement_id: DIGEST.into(),
        ..good
    };
    assert_eq!(refused::<SignedAgreement, _>(other), "document");
    for status in policies::state::Status::ALL {
        let wired = i32::from(v1::AgreementState::from(*status));
        assert_eq!(life::status(wired), Ok(*status));
    }
}

#[test]
fn an_act_keeps_every_field_and_its_reason_is_bounded() {
    let act = Acting {
        agreement: DIGEST.parse().unwrap(),
        after: 7,
        takes_effect: Some("2026-12-01T00:00:00Z".parse().unwrap()),
        reason: "the figures look wrong".parse().unwrap(),
        signature: policies::sign::PartySignature {
            protected: "e30".into(),
            signature: "AA".into(),
        },
    };
    assert_eq!(wire::<_, v1::SuspendAgreementRequest>(act.clone()), act);
    let sent = |change: fn(&mut v1::AgreementAct)| {
        let mut message = v1::AgreementAct::from(act.clone());
        change(&mut message);
        refused::<Acting, _>(message)
    };
    assert_eq!(sent(|m| m.reason = "x".repeat(281)), "act.reason");
    assert_eq!(sent(|m| m.reason.clear()), "act.reason");
    assert_eq!(sent(|m| m.takes_effect = "soon".into()), "act.takes_effect");
    assert_eq!(sent(|m| m.signature = None), "act.signature");
}
