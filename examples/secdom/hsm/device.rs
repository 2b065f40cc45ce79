// SPDX-License-Identifier: MIT OR Apache-2.0
//! The flash of the simulated HSM, which is a folder.
//!
//! | file | what it is |
//! |---|---|
//! | `slot-a`, `slot-b` | the two slots of the record at rest |
//! | `counter` | the monotonic counter, in decimal digits |
//! | `device-key` | 32 bytes that an HSM would keep in fuses |
//! | `sealed` | the sealed domain that is being recovered, or that this one was sealed into; public |
//! | `pending` | the file of the next epoch while the quorum changes, pending or complete; public |
//! | `next` | the public keys of the next quorum, in JSON; public |
//! | `act` | the act that waits for approvals; public |
//! | `challenge` | the newest challenge to the next quorum; public |
//! | `expected` | the tags that an import expects, in JSON; public |
//! | `events` | one line of JSON for each event; an event that cannot be written is refused |
//! | `ledger-ID` | the log of the HSM with this instance id, which stays when the HSM is zeroized |
//! | `lock` | locked by the process that uses the folder |
//!
//! A folder that takes no writes is read, and backs up: the events of backups then go to standard error.
//!
//! Every file is replaced as a whole, so that killing the process leaves the old file or the new
//! one.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::custodian::Algorithm;
use security_domain::lifecycle::{
    AnyDomain, Event, Host, Ledger, LifecycleError, SinkAnswer, Step, Vault,
};
use security_domain::sealed_domain::{ModuleVersion, SealedDomain};
use security_domain::secret::Secret;
use security_domain::self_test;
use security_domain::storage::{DeviceKey, Flash, FlashError, RecordError, Slot};
use serde_json::json;
use zeroize::Zeroizing;

use super::ledger::Kept;
use super::{ROOM, demand, log};
use crate::clock;
use crate::input::{self, reason};
use crate::output::{self, Access, Published};
use crate::report::{Outcome, Refusal};

const ACT: &str = "act";
const CHALLENGE: &str = "challenge";
const COUNTER: &str = "counter";
const DEVICE_KEY: &str = "device-key";
const EVENTS: &str = "events";
const EXPECTED: &str = "expected";
const LOCK: &str = "lock";
const NEXT: &str = "next";
const PENDING: &str = "pending";
const SEALED: &str = "sealed";

/// What this HSM is called as a module, and the version of it.
pub const MODULE: &str = "secdom";
pub const MODULE_VERSION: ModuleVersion = ModuleVersion::new(1);

/// A folder that is in use.
pub struct Device {
    folder: PathBuf,
    key: Secret<32>,
    ledger: Kept,
    rng: SysRng,
    /// The kind of transfer key that a recovery is to have, if the operator says so.
    pub transfer_kind: Option<Algorithm>,
    /// Which file failed and why, when the library was told that the flash or the sink failed.
    failure: Option<Refusal>,
    /// Which file could not be written at the start.
    unwritten: Option<Refusal>,
    /// The lock is released when this is closed, or when the process ends.
    _lock: File,
}

impl Device {
    /// Makes a blank one in a new folder.
    fn make(folder: &Path) -> Outcome<Published> {
        let key: Secret<32> =
            Secret::random(&mut SysRng).map_err(|error| Refusal::file(folder, error))?;
        let files: [(&str, &[u8]); 4] = [
            (DEVICE_KEY, key.expose()),
            (COUNTER, b"0\n"),
            (EVENTS, b""),
            (LOCK, b""),
        ];
        output::folder(folder, files.into_iter())?.publish()
    }

    /// Takes the one in `folder`, or a blank one that it makes there, for a step that begins in an empty
    /// HSM. If the step refuses, one that was made is removed again.
    pub fn empty<T>(folder: &Path, step: impl FnOnce(Self) -> Outcome<T>) -> Outcome<T> {
        output::reclaim(folder);
        let is_there = folder
            .try_exists()
            .map_err(|error| Refusal::file(folder, reason(&error)))?;
        let made = (!is_there).then(|| Self::make(folder)).transpose()?;
        let taken = Self::open(folder).and_then(step);
        if let (Err(_), Some(made)) = (&taken, made) {
            made.take_back();
        }
        taken
    }

    /// Opens the HSM in `folder` for this process.
    pub fn open(folder: &Path) -> Outcome<Self> {
        Self::open_or(folder, "check --hsm")
    }

    /// Opens the HSM in `folder` for a step of a session. If there is none, the refusal says which step
    /// `begins` the session.
    pub fn open_begun(folder: &Path, begins: &str) -> Outcome<Self> {
        Self::open_or(folder, &format!("begin with {begins}, or check --hsm"))
    }

    fn open_or(folder: &Path, instead: &str) -> Outcome<Self> {
        let lock = folder.join(LOCK);
        let lock = File::open(&lock).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                Refusal::file(folder, format!("is not a simulated HSM; {instead}"))
            }
            _ => Refusal::file(&lock, reason(&error)),
        })?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Refusal::file(folder, "is in use by another process"));
            }
            Err(TryLockError::Error(error)) => return Err(Refusal::file(folder, reason(&error))),
        }
        let path = folder.join(DEVICE_KEY);
        let bytes = input::read(&path)?;
        let mut key = Secret::try_init(|key| {
            if bytes.len() != key.len() {
                return Err(Refusal::file(&path, "is not 32 bytes long"));
            }
            key.copy_from_slice(&bytes);
            Ok(())
        })?;
        let ledger = Kept::new(folder, &mut key).map_err(|error| Refusal::file(&path, error))?;
        Ok(Self {
            folder: folder.into(),
            key,
            ledger,
            rng: SysRng,
            failure: None,
            unwritten: None,
            transfer_kind: None,
            _lock: lock,
        })
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Starts the HSM: reads its state from the flash.
    pub fn start<'v>(&mut self, vault: &'v mut Vault<ROOM>) -> Outcome<AnyDomain<'v, ROOM>> {
        let tested = self_test::run().map_err(|error| Refusal::file(&self.folder, error))?;
        let start = vault
            .start(tested, self)
            .map_err(|error| self.refusal(error))?;
        // What failed although the HSM started is a write.
        self.unwritten = self.failure.take();
        self.ledger.is_unwritten = self.unwritten.is_some();
        self.ledger.forget_failure();
        self.tidy(&start);
        Ok(start)
    }

    /// Forgets what was kept for a change of the quorum or an act that is over. It is public, so if that
    /// fails, nothing is lost.
    fn tidy(&self, start: &AnyDomain<'_, ROOM>) {
        if !matches!(start, AnyDomain::Rotating(_) | AnyDomain::Committed(_)) {
            self.forget_rotation();
        }
        if demand::shown(start).1.is_none() {
            let _ = std::fs::remove_file(self.act_path());
        }
    }

    /// Returns why the folder takes no writes, if the start found that.
    pub fn unwritten(&self) -> Option<String> {
        self.unwritten.as_ref().map(ToString::to_string)
    }

    /// Returns the refusal to show for an error: the file that failed, if one did.
    pub fn refusal(&mut self, error: impl Into<LifecycleError>) -> Refusal {
        let error = error.into();
        let failed = match error {
            LifecycleError::SinkRefused => self.failed(),
            _ => self.failure.take().or_else(|| self.ledger.file_failed()),
        };
        match failed {
            Some(file) if error == LifecycleError::Record(RecordError::NotWritable) => {
                Refusal::file(&self.folder, format!("{error}: {file}"))
            }
            Some(file) => file,
            None => Refusal::file(&self.folder, error),
        }
    }

    /// Returns the file that failed, if one did.
    pub fn failed(&mut self) -> Option<Refusal> {
        self.failure.take().or_else(|| self.ledger.failed())
    }

    /// Returns the HSM's log, which is the one of the state that it started with.
    pub fn kept(&mut self) -> &mut Kept {
        &mut self.ledger
    }

    /// Keeps the sealed domain, which is public, during the recovery and afterwards.
    pub fn keep_sealed(&self, sealed: &SealedDomain<'_>) -> Outcome<()> {
        output::replace(&self.folder.join(SEALED), Access::Owner, sealed.as_bytes())
    }

    /// Returns where it is kept.
    pub fn sealed_path(&self) -> PathBuf {
        self.folder.join(SEALED)
    }

    /// Keeps the file of the next epoch while the quorum changes.
    pub fn keep_pending(&self, pending: &SealedDomain<'_>) -> Outcome<()> {
        output::replace(&self.pending_path(), Access::Owner, pending.as_bytes())
    }

    /// Returns where it is kept.
    pub fn pending_path(&self) -> PathBuf {
        self.folder.join(PENDING)
    }

    /// Keeps the public keys of the next quorum.
    pub fn keep_next(&self, keys: &[u8]) -> Outcome<()> {
        output::replace(&self.next_path(), Access::Owner, keys)
    }

    /// Returns where they are kept.
    pub fn next_path(&self) -> PathBuf {
        self.folder.join(NEXT)
    }

    /// Keeps the newest challenge to the next quorum.
    pub fn keep_challenge(&self, challenge: &[u8]) -> Outcome<()> {
        output::replace(&self.challenge_path(), Access::Owner, challenge)
    }

    /// Returns where it is kept.
    pub fn challenge_path(&self) -> PathBuf {
        self.folder.join(CHALLENGE)
    }

    /// Keeps the act that waits for approvals.
    pub fn keep_act(&self, act: &[u8]) -> Outcome<()> {
        output::replace(&self.act_path(), Access::Owner, act)
    }

    /// Returns where it is kept.
    pub fn act_path(&self) -> PathBuf {
        self.folder.join(ACT)
    }

    /// Forgets what a change of the quorum has kept. If that fails, nothing is lost: it is public.
    pub fn forget_rotation(&self) {
        for path in [self.pending_path(), self.next_path(), self.challenge_path()] {
            let _ = std::fs::remove_file(path);
        }
    }

    /// Keeps the tags that an import expects, which are public, to show them.
    pub fn keep_expected(&self, tags: &[String]) -> Outcome<()> {
        let text = json!(tags).to_string();
        output::replace(&self.folder.join(EXPECTED), Access::Owner, text.as_bytes())
    }

    /// Returns the tags that the import expects, if they were kept.
    pub fn expected(&self) -> Option<Vec<String>> {
        let text = input::read(&self.folder.join(EXPECTED)).ok()?;
        serde_json::from_slice(&text).ok()
    }

    /// Forgets all that was kept beside the flash: the sealed domain, what an import expects, a change of the
    /// quorum and an act. If that fails, nothing is lost: it is public,
    /// and will be replaced.
    pub fn forget_session(&self) {
        self.forget_rotation();
        let _ = std::fs::remove_file(self.act_path());
        let _ = std::fs::remove_file(self.sealed_path());
        let _ = std::fs::remove_file(self.folder.join(EXPECTED));
    }

    fn slot(&self, slot: Slot) -> PathBuf {
        self.folder.join(match slot {
            Slot::A => "slot-a",
            Slot::B => "slot-b",
        })
    }

    /// Records why a file failed.
    fn noted<T>(&mut self, outcome: Outcome<T>) -> Result<T, FlashError> {
        outcome.map_err(|refusal| {
            self.failure = Some(refusal);
            FlashError
        })
    }
}

impl Flash for Device {
    fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
        let path = self.slot(slot);
        if path.try_exists().is_ok_and(|exists| !exists) {
            return Ok(0);
        }
        let record = self.noted(input::read(&path))?;
        let Some(out) = out.get_mut(..record.len()) else {
            return self.noted(Err(Refusal::file(&path, "is longer than any record")));
        };
        out.copy_from_slice(&record);
        Ok(record.len())
    }

    fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
        let written = output::replace(&self.slot(slot), Access::Owner, record);
        self.noted(written)
    }

    fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
        let erased = output::erase(&self.slot(slot));
        self.noted(erased)
    }

    fn counter(&mut self) -> Result<u64, FlashError> {
        let path = self.folder.join(COUNTER);
        let text = self.noted(input::read(&path))?;
        let counter = digits(&text).ok_or_else(|| Refusal::file(&path, "is not a number"));
        self.noted(counter)
    }

    fn advance(&mut self, to: u64) -> Result<(), FlashError> {
        let path = self.folder.join(COUNTER);
        if to <= self.counter()? {
            return self.noted(Err(Refusal::file(&path, "must not go back")));
        }
        let text = format!("{to}\n");
        let written = output::replace(&path, Access::Owner, text.as_bytes());
        self.noted(written)
    }

    fn counter_is_hardware(&self) -> bool {
        false
    }
}

impl Host for Device {
    type Rng = SysRng;

    fn rng(&mut self) -> &mut SysRng {
        &mut self.rng
    }

    fn now(&mut self) -> u64 {
        clock::unix()
    }

    fn device_key(&mut self) -> &mut dyn DeviceKey {
        &mut self.key
    }

    fn module_version(&self) -> ModuleVersion {
        MODULE_VERSION
    }

    fn transfer_kind(&mut self) -> Option<Algorithm> {
        self.transfer_kind
    }

    fn ledger(&mut self) -> Option<&mut dyn Ledger> {
        Some(&mut self.ledger)
    }

    fn report(&mut self, event: &Event) -> SinkAnswer {
        let line = log::line(event);
        let path = self.folder.join(EVENTS);
        let written = append(&path, &line).map_err(|error| Refusal::file(&path, reason(&error)));
        if let (Err(refusal), true) = (&written, self.unwritten.is_some() && saves_nothing(event)) {
            // Whoever runs the tool is then the one who keeps it.
            eprint!("{refusal}; the event: {line}");
            return SinkAnswer::AGREED;
        }
        match self.noted(written) {
            Ok(()) => SinkAnswer::AGREED,
            Err(_) => SinkAnswer::REFUSED,
        }
    }
}

/// Whether an event is about a backup or its restoring, which change nothing in the HSM.
pub fn saves_nothing(event: &Event) -> bool {
    match event {
        Event::BeginBackup { .. } | Event::BeginRestore { .. } => true,
        Event::Outcome { step, .. } => matches!(step, Step::Backup | Step::Restore),
        _ => false,
    }
}

fn digits(text: &Zeroizing<Vec<u8>>) -> Option<u64> {
    let digits = text.strip_suffix(b"\n")?;
    str::from_utf8(digits).ok()?.parse().ok()
}

/// Appends to a file, and flushes it to the disk.
fn append(path: &Path, line: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(line.as_bytes())?;
    output::sync(&file)
}
