//! Open data of the town: its steps, signed.

use super::{Signer, Town, org};
use crate::agreement::{OpenOnEnd, Publication};
use crate::entry::{Body, Opening, Recall, Step, User};
use crate::id::ReleaseKey;
use crate::sign::Signs;

/// Terms that allow it.
pub fn publication(on_end: OpenOnEnd) -> Option<Publication> {
    let licence = "CC-BY-4.0".to_owned();
    Some(Publication { licence, on_end })
}

/// A person of one digit, under a secret of another.
pub fn user(person: u8, secret: u8) -> User {
    let pseudonym = |n: u8| format!("{n:032x}").parse().unwrap();
    User {
        pseudonym: pseudonym(person),
        secret: pseudonym(secret),
    }
}

impl Town {
    /// A step by a person of a party, under the secret 1.
    pub fn opening(&self, step: Step, key: &ReleaseKey, by: &str, person: u8) -> Opening {
        let mut opening = Opening {
            key: key.clone(),
            by: org(by),
            user: user(person, 1),
            signature: self.signer_of(by).sign(Signs::OpenData, b""),
        };
        let payload = opening.payload(step);
        opening.signature = self.signer_of(by).sign(Signs::OpenData, &payload);
        opening
    }

    pub fn proposed(&self, key: &ReleaseKey, by: &str, person: u8) -> Body {
        Body::ReleaseProposed(self.opening(Step::Propose, key, by, person))
    }

    pub fn opened(&self, key: &ReleaseKey, by: &str, person: u8) -> Body {
        Body::ReleaseOpened(self.opening(Step::Approve, key, by, person))
    }

    /// A party takes open data back.
    pub fn recalled(&self, key: &ReleaseKey, by: &str) -> Body {
        let mut recall = Recall {
            key: key.clone(),
            by: org(by),
            reason: "a zone was named wrongly".parse().unwrap(),
            signature: self.signer_of(by).sign(Signs::OpenData, b""),
        };
        recall.signature = self.signer_of(by).sign(Signs::OpenData, &recall.payload());
        Body::ReleaseWithdrawn(recall)
    }

    fn signer_of(&self, by: &str) -> &Signer {
        if by == "bikes" {
            &self.bikes
        } else {
            &self.city
        }
    }
}
