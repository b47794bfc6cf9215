use std::collections::BTreeMap;

use super::Town;
use crate::entry::Entry;
use crate::state::State;

/// An index beside a state: of each record its last value.
#[derive(Debug, Default)]
pub struct Index(pub BTreeMap<(&'static str, Vec<u8>), Vec<u8>>);

impl Index {
    /// Applies an entry to the state, and takes what it changed.
    pub fn follow(&mut self, state: &mut State, entry: &Entry) {
        let touched = state.apply(entry).unwrap();
        for record in state.records(&touched).unwrap() {
            self.0.insert((record.tree, record.key), record.value);
        }
    }

    /// The state as the index gives it back.
    pub fn loaded(&self) -> State {
        let mut loaded = State::new();
        for ((tree, key), value) in &self.0 {
            loaded.load(tree, key, value).unwrap();
        }
        loaded.finish_loading();
        loaded
    }
}

impl Town {
    /// The state as an index gives it back: what its records were last, and nothing else.
    pub fn reloaded(&self) -> State {
        let (mut state, mut index) = (State::new(), Index::default());
        for entry in &self.log {
            index.follow(&mut state, entry);
        }
        index.loaded()
    }
}
