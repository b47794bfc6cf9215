//! Text that somebody else wrote and a page or a terminal shows: which characters would say how it is shown.

use std::borrow::Cow;

/// Does the character move the cursor, turn the order of letters around or hide between them (Unicode TR 36)? Whoever
/// reads such a text sees another one than was signed. The joiners U+200C and U+200D are letters' own in many
/// languages, and steer nothing.
#[must_use]
pub fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}'
            | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Is it one line that steers nothing?
#[must_use]
pub fn is_line(text: &str) -> bool {
    !text.chars().any(steers)
}

/// The same, of lines: with line feeds and nothing else.
#[must_use]
pub fn is_lines(text: &str) -> bool {
    text.split('\n').all(is_line)
}

/// The text as one line, with U+FFFD for what would steer: for what an older log or somebody's file holds.
#[must_use]
pub fn line(text: &str) -> Cow<'_, str> {
    replaced(text, steers)
}

/// The same, of lines: with its line feeds.
#[must_use]
pub fn lines(text: &str) -> Cow<'_, str> {
    replaced(text, |c| c != '\n' && steers(c))
}

fn replaced(text: &str, which: fn(char) -> bool) -> Cow<'_, str> {
    match text.contains(which) {
        true => text.replace(which, "\u{fffd}").into(),
        false => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_is_told_from_what_is_read() {
        for c in "\0\t\r\n\u{1b}\u{7f}\u{9b}\u{61c}\u{200e}\u{200f}\u{2028}\u{202a}\u{202e}\u{2066}\u{2069}\u{feff}\
                  \u{ad}\u{34f}\u{115f}\u{1160}\u{180e}\u{3164}\u{ffa0}\u{e0000}\u{e0001}\u{e0041}\u{e007f}"
            .chars()
        {
            let text = format!("a{c}b");
            assert!(steers(c) && !is_line(&text), "{c:?}");
            assert_eq!(is_lines(&text), c == '\n', "{c:?}");
            assert_eq!(line(&text), "a\u{fffd}b");
        }
        for text in [
            "Kävelijät, 10 €",
            "می\u{200c}روم",
            "שלום",
            "交通",
            "👩\u{200d}🔬",
        ] {
            assert!(is_line(text), "{text}");
            assert_eq!(line(text), text);
        }
        assert_eq!(lines("a\nb\u{1b}[2J"), "a\nb\u{fffd}[2J");
    }
}
