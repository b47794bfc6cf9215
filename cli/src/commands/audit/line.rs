//! An entry in one line.

use policies::entry::Body;

use crate::output::short;

/// One line about an entry, without a word that its readers may not see, and with nothing that steers a terminal.
pub fn line(body: &Body) -> String {
    policies::text::line(&said(body)).into_owned()
}

fn said(body: &Body) -> String {
    match body {
        Body::BrokerStarted {
            software,
            floors,
            binary,
        } => {
            let k_only = match floors.k_only_k_min {
                Some(k) => format!("k-only from k {k}"),
                None => "no k-only tables".to_owned(),
            };
            let dense = if floors.dense_allowed {
                ""
            } else {
                ", no dense tables"
            };
            let binary = binary
                .as_ref()
                .map(|b| format!(" ({}…)", short(b.as_str())));
            format!(
                "{software}{}; k at least {}, cap at most ({}), {k_only}{dense}",
                binary.unwrap_or_default(),
                floors.k_min,
                floors.cap_max
            )
        }
        Body::ConfigChanged(config) => {
            let witnesses = config.witnesses.as_ref().map(|w| short(w.as_str()));
            let witnesses =
                witnesses.map_or("no witnesses".to_owned(), |w| format!("witnesses {w}…"));
            let mode = if config.development {
                "development"
            } else {
                "production"
            };
            let (tick, limits) = (config.publish_tick_ms, config.limits.len());
            format!("{mode}, tick {tick} ms, {witnesses}, {limits} limits")
        }
        Body::Heartbeat {} => "alive".to_owned(),
        Body::StateSnapshot(snapshot) => {
            format!(
                "form {}, root {}…",
                snapshot.form,
                short(snapshot.root.as_str())
            )
        }
        Body::AuditorRead(read) => format!("{}, entries {} to {}", read.by, read.from, read.to),
        Body::RefusalsFolded(folded) => {
            format!(
                "{} requests of {} since {:.0}",
                folded.requests, folded.by, folded.since
            )
        }
        Body::PolicyChanged { sha256, serial } => {
            let from = serial.map_or("the software's own".to_owned(), |n| format!("serial {n}"));
            format!("access policies {}…, {from}", short(sha256.as_str()))
        }
        Body::OrgAdmitted { org, role, key, .. } => {
            format!("{org} ({role}), key {}…", short(key.fingerprint().as_str()))
        }
        Body::OrgKeyRotated { org, from, key, .. } => {
            let (from, to) = (short(from.as_str()), short(key.fingerprint().as_str()));
            format!("{org}, key {from}… to {to}…")
        }
        Body::ZoningAdded { zoning, zones, .. } => format!("{zoning}, {zones} zones"),
        Body::CallPublished { by, terms, .. } => format!("`{}` by {by}", terms.title),
        Body::CallClosed { call, by } => format!("{}… by {by}", short(call.as_str())),
        Body::AgreementOffered { agreement, by, .. } => format!("`{}` by {by}", agreement.title),
        Body::AgreementSigned { agreement, by, .. } => {
            format!("{}… by {by}", short(agreement.as_str()))
        }
        Body::AgreementActivated {
            agreement,
            allotment,
        } => {
            format!("{}…, allotted ({allotment})", short(agreement.as_str()))
        }
        Body::AgreementWithdrawn(act)
        | Body::AgreementSuspended(act)
        | Body::AgreementResumed(act)
        | Body::AgreementTerminated(act) => {
            let from = act.takes_effect.map(|at| format!(" from {at}"));
            let (id, by) = (short(act.agreement.as_str()), &act.by);
            format!("{id}… by {by}{}: {}", from.unwrap_or_default(), act.reason)
        }
        Body::AgreementExpired { agreement } => format!("{}…", short(agreement.as_str())),
        Body::ContributionAccepted(c) => {
            let late = if c.late { ", late" } else { "" };
            let correction = if c.supersedes.is_some() {
                ", a correction"
            } else {
                ""
            };
            format!(
                "{} {} by {}{correction}{late}",
                c.table, c.period, c.provider
            )
        }
        Body::ContributionMissing(m) => {
            let periods: Vec<_> = m.periods.iter().map(ToString::to_string).collect();
            let (id, table) = (short(m.agreement.as_str()), &m.table);
            format!("{id}…: nothing of {table} for {}", periods.join(", "))
        }
        Body::ContributionWithdrawn(w) => {
            format!("{} {} by {}: {}", w.table, w.period, w.provider, w.reason)
        }
        Body::RetentionDeleted(d) => {
            let (table, period, provider) = (&d.table, d.period, &d.provider);
            format!("{table} {period} of {provider}: {}", d.why.as_str())
        }
        Body::ReleaseReserved(r) => {
            let further = r.joint.iter().flat_map(|joint| &joint.parts);
            let further: String = further
                .map(|part| format!(", {} ({})", part.provider, part.charge))
                .collect();
            let replaces = r.replaces.as_ref();
            let replaces =
                replaces.map(|key| format!(", in the place of {}…", short(key.as_str())));
            format!(
                "{} {} for {}, charged ({}){further}{}",
                r.table.name,
                r.period,
                r.by,
                r.charge,
                replaces.unwrap_or_default()
            )
        }
        Body::ReleasePublished { key, .. } => format!("{}…", short(key.as_str())),
        Body::ReleaseAborted { key, reason } => format!("{}…: {reason}", short(key.as_str())),
        Body::ReleaseProposed(o) | Body::ReleaseOpened(o) => {
            let person = short(o.user.pseudonym.as_str());
            format!(
                "{}… as open data, by {person}… of {}",
                short(o.key.as_str()),
                o.by
            )
        }
        Body::ReleaseWithdrawn(r) => {
            format!(
                "{}… as open data, by {}: {}",
                short(r.key.as_str()),
                r.by,
                r.reason
            )
        }
        Body::ReleaseRefused {
            by,
            table,
            period,
            reasons,
            ..
        } => {
            let reasons: Vec<_> = reasons.iter().map(|r| r.as_str()).collect();
            format!("{table} {period} for {by}: {}", reasons.join(", "))
        }
    }
}
