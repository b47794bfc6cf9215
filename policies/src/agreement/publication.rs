//! May what is released be given to everybody?

use serde::{Deserialize, Serialize};

/// Longest licence, in bytes: an SPDX identifier or a URL.
pub const LICENCE_BYTES_MAX: usize = 200;

/// The parties allow released tables to become open data, each after a second person has approved it. Without it
/// none ever does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Publication {
    /// What everybody may do with them: an SPDX identifier (`CC-BY-4.0`), or the `https` address of the licence.
    pub licence: String,
    /// What becomes of open tables at the end of the agreement.
    pub on_end: OpenOnEnd,
}

/// What becomes of open tables when the agreement expires or is terminated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OpenOnEnd {
    /// They stay public.
    Kept,
    /// They are withdrawn, at once; copies already fetched are out of the broker's reach.
    Withdrawn,
}

impl OpenOnEnd {
    /// As it stands in the agreement.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Withdrawn => "withdrawn",
        }
    }
}

impl Publication {
    /// Is the licence of a form that others can look up?
    #[must_use]
    pub fn names_a_licence(&self) -> bool {
        let text = self.licence.as_str();
        let plain = |b: u8| b.is_ascii_graphic() && !br#"<>"{}|\^`"#.contains(&b);
        let fits = (1..=LICENCE_BYTES_MAX).contains(&text.len()) && text.bytes().all(plain);
        let url = text.strip_prefix("https://");
        let spdx = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-';
        fits && url.map_or_else(
            || text.bytes().all(spdx),
            |rest| {
                rest.split('/')
                    .next()
                    .is_some_and(|host| host.contains('.'))
            },
        )
    }

    /// The address of the licence: of an SPDX identifier its page in the SPDX list.
    #[must_use]
    pub fn licence_url(&self) -> String {
        if self.licence.starts_with("https://") {
            return self.licence.clone();
        }
        format!("https://spdx.org/licenses/{}.html", self.licence)
    }
}
