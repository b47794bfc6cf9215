//! Days as they are typed: `FROM..UNTIL`, both included.

use policies::agreement::Days;

/// # Errors
/// A sentence with the form that is allowed.
pub fn days(text: &str) -> Result<Days, String> {
    let wrong = || format!("`{text}` is not FROM..UNTIL, like 2026-01-01..2026-12-31");
    let (from, until) = text.split_once("..").ok_or_else(wrong)?;
    let (from, until) = (
        from.parse().map_err(|_| wrong())?,
        until.parse().map_err(|_| wrong())?,
    );
    if from <= until {
        Ok(Days { from, until })
    } else {
        Err(format!("`{text}` ends before it begins"))
    }
}
