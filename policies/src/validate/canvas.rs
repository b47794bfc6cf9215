//! Does a canvas say something?

use super::Check;
use crate::agreement::Agreement;
use crate::text::{is_line, is_lines};

/// Longest answer of a canvas, in characters.
const ANSWER_CHARS_MAX: usize = 1000;
/// Longest contact.
const CONTACT_CHARS_MAX: usize = 200;

impl Check {
    pub(super) fn canvas(&mut self, a: &Agreement) {
        let Some(canvas) = &a.canvas else { return };
        for (field, _, answer) in canvas.answers() {
            let form: (usize, fn(&str) -> bool) = match field {
                "contact" => (CONTACT_CHARS_MAX, is_line),
                _ => (ANSWER_CHARS_MAX, is_lines),
            };
            self.says(&format!("canvas.{field}"), answer, form);
        }
    }
}
