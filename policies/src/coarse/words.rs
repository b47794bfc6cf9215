//! A coarsening in words.

use super::{Coarsening, Zones};

impl Coarsening {
    /// What it merges, for people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut parts = Vec::new();
        if let Some(bins) = &self.bins {
            let starts: Vec<_> = bins.starts().iter().map(|h| format!("{h:02}:00")).collect();
            parts.push(format!("day bins from {}", starts.join(", ")));
        }
        match self.zones {
            Zones::Same => {}
            Zones::Parent => parts.push("parent zones".to_owned()),
            Zones::All => parts.push("all zones as one".to_owned()),
        }
        let dropped = self.categories.iter();
        parts.extend(dropped.map(|name| format!("all values of {name} as one")));
        match parts.as_slice() {
            [] => "nothing merged".to_owned(),
            parts => parts.join(" and "),
        }
    }
}
