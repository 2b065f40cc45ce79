// SPDX-License-Identifier: MIT OR Apache-2.0
//! Keeps secrets in memory from reaching a disk, as far as the system allows it, and wipes what is freed.

use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: crates that make the words and the QR code of a key, among others, do not.
#[global_allocator]
static WIPING: ZeroAlloc<std::alloc::System> = ZeroAlloc(std::alloc::System);

/// How much of the stack is overwritten after a verb. None of them goes deeper.
const STACK: usize = 384 << 10;

/// Switches core dumps off, and keeps pages from being swapped out if that is allowed without a limit.
#[cfg(target_os = "linux")]
pub fn protect() {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{
        DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
    };
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // Under a limit, an allocation beyond it would fail and end the process.
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    if unlimited || rustix::process::geteuid().is_root() {
        let pages = MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT;
        let _ = mlockall(pages);
    }
}

#[cfg(all(unix, not(target_os = "linux")))]
pub fn protect() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let _ = setrlimit(Resource::Core, none);
}

#[cfg(not(unix))]
pub fn protect() {}

/// Runs `verb`, and overwrites the stack that it used.
pub fn scrubbed<T>(verb: impl FnOnce() -> T) -> T {
    let outcome = deeper(verb);
    zeroize::zeroize_stack::<STACK>();
    outcome
}

/// What this function and those below it leave on the stack is overwritten.
#[inline(never)]
fn deeper<T>(verb: impl FnOnce() -> T) -> T {
    verb()
}
