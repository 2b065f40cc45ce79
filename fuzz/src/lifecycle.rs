// SPDX-License-Identifier: MIT OR Apache-2.0
//! Lives of an HSM, beside the model of `tests/lifecycle_model.rs`.

#[path = "../../tests/sealed/fast.rs"]
mod fast;
#[path = "../../tests/flash/mod.rs"]
mod flash;
#[path = "../../tests/lifecycle_model/life.rs"]
mod life;
#[path = "../../tests/lifecycle_model/model.rs"]
mod model;
#[path = "../../tests/lifecycle_model/secrets.rs"]
mod secrets;
#[path = "../../tests/lifecycle_model/world.rs"]
mod world;

use std::sync::OnceLock;

use life::{Snapshot, live};

/// A session with a transfer key, which is drawn once.
fn session() -> &'static Snapshot {
    static SESSION: OnceLock<Snapshot> = OnceLock::new();
    // A request to the custodians of the first lost domain.
    SESSION.get_or_init(|| live(None, 1, 1, &[0x82, 0x10, 1]).1)
}

/// The first byte says where the life begins; three bytes each are a step.
pub fn lifecycle(data: &[u8]) {
    let Some((&[first], program)) = data.split_first_chunk() else {
        return;
    };
    let from = (first & 1 == 1).then(session);
    let steps = program.len().min(3 * 80);
    // No draw is one that the session has made before: what it drew is a secret of somebody else by now.
    live(from, first | 0x80, 0, &program[..steps]);
}
