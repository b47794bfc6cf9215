//! Is what an agreement says fit to be read?

use super::Check;
use crate::agreement::Agreement;
use crate::text::{is_line, is_lines};

/// Longest description of a population, in characters.
const DESCRIPTION_CHARS_MAX: usize = 4000;

impl Check {
    /// Does it say something, in so many characters?
    pub(super) fn says(&mut self, path: &str, text: &str, most: usize) {
        let fits = !text.trim().is_empty() && text.chars().count() <= most;
        let message = format!("has to say something, in at most {most} characters");
        self.require(fits, path, message);
    }

    /// Does nothing steer how a page or a terminal shows it? Asked of what is offered and signed now, not of an older log.
    pub(super) fn plain_texts(&mut self, a: &Agreement) {
        self.plain("title", &a.title, is_line);
        self.plain("public_summary", &a.public_summary, is_lines);
        let (path, whose) = ("population.description", &a.population.description);
        self.plain(path, whose, is_lines);
        let message = format!("has at most {DESCRIPTION_CHARS_MAX} characters");
        let fits = whose.chars().count() <= DESCRIPTION_CHARS_MAX;
        self.require(fits, path, message);
        let answers = a.canvas.iter().flat_map(|canvas| canvas.answers());
        for (field, _, answer) in answers {
            let form = match field {
                "contact" => is_line,
                _ => is_lines,
            };
            self.plain(&format!("canvas.{field}"), answer, form);
        }
    }

    fn plain(&mut self, path: &str, text: &str, form: fn(&str) -> bool) {
        let message =
            "has a character that steers how it is shown (a control character, a direction mark)";
        self.require(form(text), path, message);
    }
}
