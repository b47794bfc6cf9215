use std::borrow::Cow;
use std::fmt;

/// Longest name, in bytes.
const BYTES_MAX: usize = 200;

/// A file's name below the state directory: `log/entries`. Parts of `a-z A-Z 0-9 . _ -` that do not
/// begin with a dot, so that no name leads out of the directory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Cow<'static, str>);

/// A text is not a file name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a file name of the store")]
pub struct NameError {
    /// What was given, shortened.
    pub given: String,
}

impl FileName {
    /// A name that is known when the broker is built; another text does not compile as a constant.
    #[must_use]
    pub const fn fixed(name: &'static str) -> Self {
        assert!(is_name(name.as_bytes()), "not a file name of the store");
        Self(Cow::Borrowed(name))
    }

    /// Takes the text if it is a name.
    ///
    /// # Errors
    /// [`NameError`] for anything else.
    pub fn new(name: impl Into<String>) -> Result<Self, NameError> {
        let name = name.into();
        if is_name(name.as_bytes()) {
            return Ok(Self(Cow::Owned(name)));
        }
        let given = name.chars().take(80).collect();
        Err(NameError { given })
    }

    /// The file `name` in this folder.
    ///
    /// # Errors
    /// [`NameError`] where that is no name.
    pub fn join(&self, name: &str) -> Result<Self, NameError> {
        Self::new(format!("{self}/{name}"))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The folder it lies in, as text; empty for the state directory itself.
    pub(super) fn folder(&self) -> &str {
        self.0.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    /// Where its next content is written before it takes the name.
    pub(super) fn temporary(&self) -> Self {
        Self(Cow::Owned(format!("{}.new", self.0)))
    }
}

const fn is_name(name: &[u8]) -> bool {
    let mut rest = name;
    let mut part_begins = true;
    while let [byte, tail @ ..] = rest {
        part_begins = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' => false,
            b'.' if !part_begins => false,
            b'/' if !part_begins => true,
            _ => return false,
        };
        rest = tail;
    }
    !part_begins && name.len() <= BYTES_MAX
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
