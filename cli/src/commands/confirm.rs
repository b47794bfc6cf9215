//! Questions before something that cannot be taken back.

use std::io::{BufRead, IsTerminal, Write};

use policies::id::Fingerprint;

use crate::errors::CliError;
use crate::output::{grouped, shown};

/// Digits of a fingerprint that have to be given, at least: 64 bits.
const DIGITS_MIN: usize = 16;

/// A fingerprint as a person types it: spaces and colons are dropped, 16 digits are enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected(String);

impl std::str::FromStr for Expected {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let digits: String = text
            .chars()
            .filter(|c| !matches!(c, ' ' | ':' | '-'))
            .collect();
        let digits = digits.to_ascii_lowercase();
        let hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        if hex && (DIGITS_MIN..=64).contains(&digits.len()) {
            Ok(Self(digits))
        } else {
            Err(format!(
                "a fingerprint has {DIGITS_MIN} to 64 hexadecimal digits"
            ))
        }
    }
}

/// Sees that `owner`'s key is the one that a person confirmed by another way: from `expected`, from
/// `yes`, or by asking on the terminal.
///
/// # Errors
/// [`CliError`] where it is another key, the answer is no, or nobody can be asked.
pub fn fingerprint(
    owner: &str,
    found: &Fingerprint,
    expected: Option<&Expected>,
    yes: bool,
) -> Result<(), CliError> {
    if let Some(expected) = expected {
        if found.as_str().starts_with(&expected.0) {
            return Ok(());
        }
        let why = format!("the key of `{owner}` is {found}, which is not the one expected");
        return Err(CliError::new(why).or_try("ask them for their fingerprint, not the broker"));
    }
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        let why = format!("nobody confirmed the key of `{owner}`: {found}");
        let next = "compare it with what they tell you, then --expect-fingerprint DIGITS";
        return Err(CliError::new(why).or_try(next));
    }
    eprintln!(
        "The key of `{owner}` has the fingerprint\n  {}",
        grouped(found.as_str())
    );
    ask("Is that what they told you by another way than this broker?")
}

/// Sees that a person wants what `what` says, by asking on the terminal.
///
/// # Errors
/// [`CliError`] where the answer is no, or nobody can be asked.
pub fn sure(what: &str, question: &str) -> Result<(), CliError> {
    if !std::io::stdin().is_terminal() {
        let why = "nobody confirmed it: nothing was done";
        return Err(CliError::new(why).or_try("look at it, then the same command with --yes"));
    }
    eprintln!("{}", shown(what));
    ask(question)
}

fn ask(question: &str) -> Result<(), CliError> {
    eprint!("{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stderr()
        .flush()
        .and_then(|()| std::io::stdin().lock().read_line(&mut answer));
    match read {
        Ok(_) if matches!(answer.trim(), "y" | "Y" | "yes") => Ok(()),
        Ok(_) => Err(CliError::new("not confirmed: nothing was done")),
        Err(error) => Err(CliError::new(format_args!(
            "cannot read the answer: {error}"
        ))),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests fail by panicking")]
mod tests {
    use super::*;

    #[test]
    fn only_the_expected_key_is_confirmed() {
        let found: Fingerprint = format!("0123456789abcdef{}", "0".repeat(48))
            .parse()
            .unwrap();
        let confirmed = |text: &str| {
            let expected: Expected = text.parse().unwrap();
            fingerprint("bikes", &found, Some(&expected), false).is_ok()
        };
        assert!(confirmed("0123 4567 89AB CDEF"));
        assert!(confirmed(found.as_str()));
        assert!(!confirmed("0123 4567 89ab cdee"));
        for short in ["", "0123", "0123456789abcdeg", &"0".repeat(65)] {
            assert!(short.parse::<Expected>().is_err(), "`{short}` was taken");
        }
    }
}
