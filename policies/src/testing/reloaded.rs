use std::collections::BTreeMap;

use super::Town;
use crate::state::State;

impl Town {
    /// The state as an index gives it back: what its records were last, and nothing else.
    pub fn reloaded(&self) -> State {
        let (mut state, mut records) = (State::new(), BTreeMap::new());
        for entry in &self.log {
            let touched = state.apply(entry).unwrap();
            for record in state.records(&touched).unwrap() {
                records.insert((record.tree, record.key), record.value);
            }
        }
        let mut loaded = State::new();
        for ((tree, key), value) in &records {
            loaded.load(tree, key, value).unwrap();
        }
        loaded.finish_loading();
        loaded
    }
}
