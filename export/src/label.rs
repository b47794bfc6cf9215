//! Texts that no spreadsheet misreads.

use policies::period::DayBins;

/// `07:00-09:00`: unlike `07-09`, no spreadsheet takes it for a day in July.
#[must_use]
pub fn bin_text(bins: &DayBins, bin: u8) -> String {
    match bins
        .label(bin)
        .as_deref()
        .and_then(|label| label.split_once('-'))
    {
        Some((from, until)) => format!("{from}:00-{until}:00"),
        None => bin.to_string(),
    }
}

/// `12,345` for people.
#[must_use]
pub fn thousands(number: impl Into<i128>) -> String {
    let number: i128 = number.into();
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if number < 0 { format!("-{text}") } else { text }
}

/// A text cell that no spreadsheet runs as a formula: one whose first sign is `=`, `+`, `-`, `@`, a tab or a
/// carriage return gets a leading apostrophe.
#[must_use]
pub fn defused(text: &str) -> std::borrow::Cow<'_, str> {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}").into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped_by_threes() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (-1_234_567, "-1,234,567"),
        ];
        for (number, text) in cases {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_formula_is_defused_and_a_text_stays() {
        for text in ["=x", "+x", "-x", "@x", "\tx", "\rx"] {
            assert_eq!(defused(text), format!("'{text}"));
        }
        assert_eq!(defused("x=1"), "x=1");
    }
}
