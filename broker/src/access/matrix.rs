//! The matrix of every method, role and relation, as the policies answer it: `docs/ACCESS.md`.

use std::fmt::Write;

use policies::agreement::Agreement;
use policies::id::{AgreementId, OrgId, Role};

use super::ask::{Object, Policies, Who};
use super::method;

/// What a caller is to an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// Its organisation provides the data of the agreement.
    Provider,
    /// Its organisation is the agreement's planner.
    Planner,
    /// The agreement names it as a recipient, and it is no party.
    Recipient,
    /// The agreement or the entry does not name it.
    Foreign,
}

impl Relation {
    /// All relations.
    pub const ALL: [Self; 4] = [
        Self::Provider,
        Self::Planner,
        Self::Recipient,
        Self::Foreign,
    ];

    /// The word in the matrix.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Planner => "planner",
            Self::Recipient => "recipient",
            Self::Foreign => "foreign",
        }
    }
}

/// A caller whose relation to the agreement of [`Sample`] is known.
#[derive(Debug)]
pub struct Sample {
    id: AgreementId,
    by_relation: [(Relation, Agreement); 4],
    caller: OrgId,
    purpose: String,
}

impl Sample {
    /// `caller` in each relation to an agreement like `terms`; `other` stands in the other places.
    #[must_use]
    pub fn new(id: AgreementId, terms: &Agreement, caller: &OrgId, other: &OrgId) -> Self {
        let as_a = |relation| {
            let mut terms = terms.clone();
            let place = |here| if relation == here { caller } else { other }.clone();
            terms.provider.org = place(Relation::Provider);
            terms.planner.org = place(Relation::Planner);
            // A planner that an agreement serves receives its tables.
            terms.recipients = vec![if relation == Relation::Recipient {
                caller.clone()
            } else {
                place(Relation::Planner)
            }];
            (relation, terms)
        };
        Self {
            id,
            by_relation: Relation::ALL.map(as_a),
            caller: caller.clone(),
            purpose: terms.purposes.first().cloned().unwrap_or_default(),
        }
    }

    /// The relations in which a role may use the method; `None` where it does not get through the door. A method
    /// without an object has no relations: then all or none.
    fn relations(&self, policies: &Policies, role: Role, method: &str) -> Option<Vec<Relation>> {
        let who = Who {
            org: &self.caller,
            role,
        };
        if !policies.allows(who, method, &Object::Door, None) {
            return None;
        }
        let (on_agreements, on_entries) = policies.objects(method);
        let purpose = policies.takes_purpose(method).then_some(&*self.purpose);
        let allowed = |(relation, terms): &(Relation, Agreement)| {
            let named = *relation != Relation::Foreign;
            let concerned = std::slice::from_ref(&self.caller);
            let concerned = if named { concerned } else { &[] };
            let object = if on_agreements {
                Object::Agreement(&self.id, terms)
            } else if on_entries {
                Object::Entry(0, concerned)
            } else {
                Object::Door
            };
            policies.allows(who, method, &object, purpose)
        };
        let allowed = self.by_relation.iter().filter(|known| allowed(known));
        Some(allowed.map(|(relation, _)| *relation).collect())
    }
}

/// The matrix as Markdown.
#[must_use]
pub fn matrix(policies: &Policies, sample: &Sample) -> String {
    let mut page = String::new();
    let roles: Vec<_> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let _ = writeln!(page, "| method | on | {} |", roles.join(" | "));
    let _ = writeln!(page, "| --- | --- |{}", " --- |".repeat(roles.len()));
    for method in policies.methods() {
        let on = match policies.objects(method) {
            (true, _) => "agreement",
            (_, true) => "entry",
            _ => "",
        };
        let cells = Role::ALL.map(|role| cell(sample.relations(policies, role, method), on));
        let path = method::path(method);
        let _ = writeln!(page, "| `{path}` | {on} | {} |", cells.join(" | "));
    }
    page
}

fn cell(relations: Option<Vec<Relation>>, on: &str) -> String {
    match relations {
        None => "–".into(),
        Some(all) if all.len() == Relation::ALL.len() => "yes".into(),
        Some(none) if none.is_empty() => "none".into(),
        Some(_) if on == "entry" => "concerned".into(),
        Some(some) => {
            let words: Vec<_> = some.iter().map(|relation| relation.as_str()).collect();
            words.join(", ")
        }
    }
}
