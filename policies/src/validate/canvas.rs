//! Does a canvas say something?

use super::Check;
use crate::agreement::Agreement;

/// Longest answer of a canvas, in characters.
const ANSWER_CHARS_MAX: usize = 1000;
/// Longest contact.
const CONTACT_CHARS_MAX: usize = 200;

impl Check {
    pub(super) fn canvas(&mut self, a: &Agreement) {
        let Some(canvas) = &a.canvas else { return };
        for (field, _, answer) in canvas.answers() {
            let most = match field {
                "contact" => CONTACT_CHARS_MAX,
                _ => ANSWER_CHARS_MAX,
            };
            self.says(&format!("canvas.{field}"), answer, most);
        }
    }
}
