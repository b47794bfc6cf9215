use serde::{Deserialize, Serialize};

macro_rules! statuses {
    ($($(#[$doc:meta])* $name:ident => $word:literal,)*) => {
        /// Where an agreement is in its life.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        pub enum Status {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Status {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word for screens.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

statuses! {
    /// One party has signed.
    Offered => "offered",
    /// Both have signed; its allotment is not yet booked.
    Agreed => "agreed",
    /// Requests may be decided.
    Active => "active",
    /// Somebody who may has stopped it for now.
    Suspended => "suspended",
    /// The offerer took the offer back.
    Withdrawn => "withdrawn",
    /// The other party answered the offer with another document.
    Countered => "countered",
    /// An amendment has taken its place.
    Superseded => "superseded",
    /// Its last day is over.
    Expired => "expired",
    /// A party ended it.
    Terminated => "terminated",
}

impl Status {
    /// Is its life over? Nothing leads out of these.
    #[must_use]
    pub fn is_end(self) -> bool {
        !matches!(
            self,
            Self::Offered | Self::Agreed | Self::Active | Self::Suspended
        )
    }
}
