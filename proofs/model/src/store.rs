// SPDX-License-Identifier: MIT OR Apache-2.0
//! All byte strings of the model, each kept once, and the steps that were taken already: a step of
//! the same HSM from the same flash image with the same inputs has the same outcome.

use std::collections::HashMap;
use std::mem::Discriminant;
use std::sync::{Arc, Mutex};

use crate::hsm::{Done, Outcome, Seen, Shape, Step, cut, take};

/// A byte string in the store.
pub type Blob = u32;

/// From which image at which of the two times.
type At = (Blob, bool, Step);

/// A step from what an HSM shows to what it shows after it, at which of the two times.
type Cut = (Shape, bool, Discriminant<Step>, Shape);

#[derive(Default)]
pub struct Store {
    ids: Mutex<HashMap<Arc<[u8]>, Blob>>,
    all: Mutex<Vec<Arc<[u8]>>>,
    images: Mutex<HashMap<Vec<u8>, Blob>>,
    steps: Mutex<HashMap<At, Arc<Done>>>,
    cuts: Mutex<HashMap<Cut, Arc<Vec<Outcome>>>>,
    made: Mutex<HashMap<(Blob, usize), Blob>>,
    opened: Mutex<HashMap<Blob, bool>>,
}

impl Store {
    pub fn keep(&self, bytes: Vec<u8>) -> Blob {
        let bytes: Arc<[u8]> = bytes.into();
        let mut ids = self.ids.lock().unwrap();
        *ids.entry(bytes.clone()).or_insert_with(|| {
            let mut all = self.all.lock().unwrap();
            all.push(bytes);
            all.len() as Blob - 1
        })
    }

    /// One flash image for all whose records have these contents.
    pub fn image(&self, contents: Vec<u8>, image: impl FnOnce() -> Vec<u8>) -> Blob {
        let mut images = self.images.lock().unwrap();
        *images.entry(contents).or_insert_with(|| self.keep(image()))
    }

    pub fn bytes(&self, blob: Blob) -> Arc<[u8]> {
        self.all.lock().unwrap()[blob as usize].clone()
    }

    pub fn take(&self, image: Blob, late: bool, step: Step) -> Arc<Done> {
        let at = (image, late, step);
        if let Some(done) = self.steps.lock().unwrap().get(&at) {
            return done.clone();
        }
        let done = Arc::new(take(self, image, time(late), step));
        self.steps.lock().unwrap().insert(at, done.clone());
        done
    }

    /// What a start may find after a power failure in this step. It is tried once for all states
    /// that show the same, but for their digests.
    pub fn cut(&self, image: Blob, seen: &Seen, late: bool, step: Step) -> Arc<Vec<Outcome>> {
        let whole = self.take(image, late, step);
        let at = (seen.shape(), late, step.kind(), whole.seen.shape());
        if let Some(found) = self.cuts.lock().unwrap().get(&at) {
            return found.clone();
        }
        let found = Arc::new(cut(self, image, time(late), step, &whole));
        self.cuts.lock().unwrap().insert(at, found.clone());
        found
    }

    /// What the custodian at this place answers to these bytes.
    pub fn made(&self, to: (Blob, usize), make: impl FnOnce() -> Vec<u8>) -> Blob {
        if let Some(made) = self.made.lock().unwrap().get(&to) {
            return *made;
        }
        let made = self.keep(make());
        self.made.lock().unwrap().insert(to, made);
        made
    }

    /// Whether a file opens.
    pub fn opened(&self, file: Blob, open: impl FnOnce(&[u8]) -> bool) -> bool {
        let known = self.opened.lock().unwrap().get(&file).copied();
        known.unwrap_or_else(|| {
            let opened = open(&self.bytes(file));
            self.opened.lock().unwrap().insert(file, opened);
            opened
        })
    }

    /// How many steps were taken, and how many with a power failure.
    pub fn taken(&self) -> (usize, usize) {
        let steps = self.steps.lock().unwrap().len();
        (steps, self.cuts.lock().unwrap().len())
    }
}

fn time(late: bool) -> u64 {
    crate::hsm::TIMES[usize::from(late)]
}
