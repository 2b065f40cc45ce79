// SPDX-License-Identifier: MIT OR Apache-2.0
//! The graph of the states that were found, and how many of them have no way on.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

#[derive(Default)]
pub struct Graph {
    found: Mutex<HashMap<u64, bool>>,
    edges: Mutex<HashSet<(u64, u64)>>,
}

impl Graph {
    /// A state, and whether it is a goal.
    pub fn found(&self, state: u64, is_goal: bool) {
        self.found.lock().unwrap().insert(state, is_goal);
    }

    /// A step of somebody who wants to go on.
    pub fn leads(&self, from: u64, to: u64) {
        self.edges.lock().unwrap().insert((from, to));
    }

    /// How many states there are, and from how many of them no goal can be reached.
    pub fn stuck(&self) -> (usize, usize) {
        let found = self.found.lock().unwrap();
        let mut before: HashMap<u64, Vec<u64>> = HashMap::new();
        for (from, to) in self.edges.lock().unwrap().iter() {
            before.entry(*to).or_default().push(*from);
        }
        let mut open: Vec<_> = found
            .iter()
            .filter(|(_, goal)| **goal)
            .map(|(state, _)| *state)
            .collect();
        let mut stuck: HashSet<_> = found.keys().copied().collect();
        for state in &open {
            stuck.remove(state);
        }
        while let Some(state) = open.pop() {
            for from in before.get(&state).into_iter().flatten() {
                if stuck.remove(from) {
                    open.push(*from);
                }
            }
        }
        (found.len(), stuck.len())
    }
}
