//! Answers that a set of policies has given. The set never changes, and nor does an agreement, whose id is the hash
//! of its terms: the same question has the same answer. Other policies are another set, with a memory of its own.

use policies::id::{AgreementId, OrgId, Role};
use quick_cache::sync::Cache;

use super::ask::{Object, Who};
use crate::limits::ANSWERS_REMEMBERED_MAX;

/// A question, as far as an answer depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Question {
    org: OrgId,
    role: Role,
    /// The method's place among those of the set.
    method: usize,
    /// `None` at the door.
    agreement: Option<AgreementId>,
    /// Its place among the purposes that the agreement names.
    purpose: Option<usize>,
}

impl Question {
    /// `None` for what is not worth a place: entries, which are told once, and purposes that nobody signed, of which
    /// a caller can invent any number.
    pub(super) fn new(
        who: Who<'_>,
        method: usize,
        on: &Object<'_>,
        purpose: Option<&str>,
    ) -> Option<Self> {
        let (agreement, purpose) = match (on, purpose) {
            (Object::Door, None) => (None, None),
            (Object::Agreement(id, _), None) => (Some((*id).clone()), None),
            (Object::Agreement(id, terms), Some(purpose)) => {
                let place = terms.purposes.iter().position(|signed| signed == purpose)?;
                (Some((*id).clone()), Some(place))
            }
            _ => return None,
        };
        Some(Self {
            org: who.org.clone(),
            role: who.role,
            method,
            agreement,
            purpose,
        })
    }
}

/// The last answers, [`ANSWERS_REMEMBERED_MAX`] of them at most.
#[derive(Debug)]
pub(super) struct Memory(Cache<Question, bool>);

impl Memory {
    pub(super) fn new() -> Self {
        Self(Cache::new(ANSWERS_REMEMBERED_MAX))
    }

    pub(super) fn get(&self, question: &Question) -> Option<bool> {
        self.0.get(question)
    }

    pub(super) fn keep(&self, question: Question, answer: bool) {
        self.0.insert(question, answer);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}
