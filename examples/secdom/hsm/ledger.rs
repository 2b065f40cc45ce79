// SPDX-License-Identifier: MIT OR Apache-2.0
//! The log of the simulated HSM: one file for each instance id, to which entries are only added.
//!
//! Before each entry stand two bytes, its length, big-endian. What a killed process left of an
//! entry at the end is replaced by the next one.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use security_domain::custody::{Log, LogError, MAX_RECORDS, Store, StoreError};
use security_domain::lifecycle::{Endorsement, Event, Ledger, PinsDigest, SinkAnswer};
use security_domain::sealed_domain::{InstanceId, LedgerHead};
use security_domain::storage::{DeviceKey, DeviceKeyError};

use super::device::saves_nothing;
use crate::input::reason;
use crate::output::{self, Access};
use crate::report::{Outcome, Refusal};

/// The length of what stands before an entry.
const FRAME_LEN: u64 = 2;

/// The log of the HSM in a folder.
pub struct Kept {
    pub log: Log<Files>,
    /// Whether the folder takes no writes. What then happens is about backups alone, and goes to
    /// standard error.
    pub is_unwritten: bool,
}

impl Kept {
    /// Makes one that [`Ledger::resume`] turns to the HSM's log.
    pub fn new(folder: &Path, device_key: &mut dyn DeviceKey) -> Result<Self, DeviceKeyError> {
        let files = Files {
            folder: folder.into(),
            path: PathBuf::new(),
            ends: Vec::new(),
            failure: None,
        };
        Ok(Self {
            log: Log::new(files, device_key)?,
            is_unwritten: false,
        })
    }

    /// Forgets what failed at a start that succeeded, unless the log takes no record because of it.
    pub fn forget_failure(&mut self) {
        if self.log.refusal().is_none() {
            self.log.store().failure = None;
        }
    }

    /// Returns the file that failed, or is not the HSM's log, if that is why the log takes no
    /// record.
    pub fn failed(&mut self) -> Option<Refusal> {
        self.file_failed().or_else(|| match self.log.refusal()? {
            LogError::NotResumed | LogError::NoInstance => None,
            refusal => Some(self.refuse(refusal)),
        })
    }

    /// Returns the file that could not be read or written.
    pub fn file_failed(&mut self) -> Option<Refusal> {
        self.log.store().failure.take()
    }

    /// Makes the refusal of what the log does not take or return.
    pub fn refuse(&mut self, error: LogError) -> Refusal {
        let files = self.log.store();
        match (error, files.failure.take()) {
            (LogError::Store, Some(failure)) => failure,
            _ => Refusal::file(&files.path, error),
        }
    }
}

impl Ledger for Kept {
    fn resume(&mut self, instance: Option<InstanceId>, head: LedgerHead) {
        self.log.resume(instance, head);
    }

    fn begin(&mut self, instance: InstanceId) {
        self.log.begin(instance);
    }

    fn record(&mut self, time: u64, event: &Event) -> SinkAnswer {
        match self.is_unwritten && saves_nothing(event) {
            true => SinkAnswer::AGREED,
            false => self.log.record(time, event),
        }
    }

    fn head(&mut self) -> LedgerHead {
        self.log.head()
    }

    fn size(&mut self) -> u32 {
        self.log.size()
    }

    fn endorsement_due(&mut self) -> Option<PinsDigest> {
        self.log.endorsement_due().filter(|_| !self.is_unwritten)
    }

    fn endorse(&mut self, time: u64, endorsement: &Endorsement) -> SinkAnswer {
        self.log.endorse(time, endorsement)
    }
}

/// The files of the logs in a folder.
pub struct Files {
    folder: PathBuf,
    /// The file that is open.
    path: PathBuf,
    /// Where each entry of it ends.
    ends: Vec<u64>,
    /// Which file failed and why.
    failure: Option<Refusal>,
}

impl Files {
    /// Where the entry of this number begins, with its length.
    fn begin(&self, number: u32) -> Option<u64> {
        match number.checked_sub(1) {
            None => Some(0),
            Some(before) => self.ends.get(before as usize).copied(),
        }
    }

    /// Finds where the entries of the file end.
    fn scan(&self) -> io::Result<Vec<u64>> {
        let file = match File::open(&self.path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let whole = file.metadata()?.len();
        let (mut file, mut ends, mut end) = (BufReader::new(file), Vec::new(), 0);
        while whole.saturating_sub(end) >= FRAME_LEN {
            let mut frame = [0; FRAME_LEN as usize];
            file.read_exact(&mut frame)?;
            let len = u16::from_be_bytes(frame);
            end += FRAME_LEN + u64::from(len);
            if end > whole {
                break;
            }
            file.seek_relative(len.into())?;
            ends.push(end);
        }
        Ok(ends)
    }

    fn read_entry(&self, number: u32, out: &mut [u8]) -> io::Result<usize> {
        let missing = || io::Error::from(io::ErrorKind::UnexpectedEof);
        let begin = self.begin(number).ok_or_else(missing)? + FRAME_LEN;
        let end = self.ends.get(number as usize).ok_or_else(missing)?;
        let out = { usize::try_from(end - begin).ok() }
            .and_then(|len| out.get_mut(..len))
            .ok_or_else(|| io::Error::other("an entry is longer than any"))?;
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(begin))?;
        file.read_exact(out)?;
        Ok(out.len())
    }

    fn append_entry(&mut self, number: u32, entry: &[u8]) -> Outcome<()> {
        let failed = |error| Refusal::file(&self.path, reason(&error));
        let begin = self.begin(number).ok_or_else(|| {
            Refusal::file(&self.path, format!("has no entry before number {number}"))
        })?;
        // Its name is durable before its first entry is.
        if begin == 0 {
            output::replace(&self.path, Access::Owner, b"")?;
        }
        let mut framed = (entry.len() as u16).to_be_bytes().to_vec();
        framed.extend_from_slice(entry);
        let written = (|| {
            let mut file = OpenOptions::new().write(true).open(&self.path)?;
            if file.metadata()?.len() > begin {
                file.set_len(begin)?;
            }
            file.seek(SeekFrom::Start(begin))?;
            file.write_all(&framed)?;
            output::sync(&file)
        })();
        written.map_err(failed)?;
        self.ends.truncate(number as usize);
        self.ends.push(begin + framed.len() as u64);
        Ok(())
    }

    /// Records why the file failed.
    fn noted<T>(&mut self, outcome: Outcome<T>) -> Result<T, StoreError> {
        outcome.map_err(|refusal| {
            self.failure = Some(refusal);
            StoreError
        })
    }

    fn noted_io<T>(&mut self, result: io::Result<T>) -> Result<T, StoreError> {
        let outcome = result.map_err(|error| Refusal::file(&self.path, reason(&error)));
        self.noted(outcome)
    }
}

impl Store for Files {
    fn open(&mut self, instance: InstanceId) -> Result<(), StoreError> {
        self.path = self.folder.join(format!("ledger-{instance}"));
        self.ends.clear();
        let scanned = self.scan();
        self.ends = self.noted_io(scanned)?;
        Ok(())
    }

    fn entries(&mut self) -> Result<u32, StoreError> {
        u32::try_from(self.ends.len()).map_err(|_| StoreError)
    }

    fn capacity(&mut self) -> u32 {
        MAX_RECORDS
    }

    fn read(&mut self, number: u32, out: &mut [u8]) -> Result<usize, StoreError> {
        let read = self.read_entry(number, out);
        self.noted_io(read)
    }

    fn append(&mut self, number: u32, entry: &[u8]) -> Result<(), StoreError> {
        let written = self.append_entry(number, entry);
        self.noted(written)
    }
}
