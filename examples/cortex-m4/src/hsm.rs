// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the HSM does: each command is a step from one state of the domain to the next. A state that
//! does not have a step does not compile, so a command in the wrong state is refused in one place.

use core::fmt;

use security_domain::backup::{BackupHeader, Kind, TAG_LEN};
use security_domain::contribution::Contribution;
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, ExpectedArtifact, Host, LifecycleError, Provisioned,
    Refused, Sealed, vault_room,
};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::quorum::Threshold;
use security_domain::rng::RngError;
use security_domain::rsa::{ModulusSize, PublicKey};
use security_domain::sealed_domain::{
    ArtifactTag, DomainId, DomainLabel, Epoch, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::secret::Secret;
use security_domain::self_test;
use security_domain::x509::Certificate;
use sha2::{Digest, Sha256};

use crate::board::Board;
use crate::frame::{Items, Text};

/// Room for four artifacts of one KiB in total.
pub const ROOM: usize = vault_room(4, 1024);

/// The commands, by their byte in a frame.
mod command {
    pub const STATUS: u8 = b's';
    pub const PROVISION: u8 = b'p';
    pub const SEAL: u8 = b'e';
    pub const ACTIVATE: u8 = b'a';
    pub const COMPLETE: u8 = b'f';
    pub const SIGN: u8 = b'u';
    pub const BACK_UP: u8 = b'b';
    pub const RESTORE: u8 = b'r';
    pub const RECOVER: u8 = b'q';
    pub const CONTRIBUTE: u8 = b'c';
    pub const BEGIN_IMPORT: u8 = b'i';
    pub const IMPORT: u8 = b'j';
    pub const CONFIRM: u8 = b'k';
    pub const ZEROIZE: u8 = b'z';
}

type Any<'v> = AnyDomain<'v, ROOM>;

/// The HSM between two commands.
pub enum Hsm<'v> {
    /// In one of the states in which it starts.
    At(Any<'v>),
    /// The domain is sealed, and the operator is to store the file. If the power fails, the HSM starts
    /// as before, and the file is void.
    Sealed(Domain<'v, Sealed<Provisioned>, ROOM>),
}

/// Serves one command: returns the HSM in its next state, and the length of the answer in `out`.
pub fn serve<'v>(
    hsm: Hsm<'v>,
    command: u8,
    body: &[u8],
    board: &mut Board,
    out: &mut [u8],
) -> Result<(Hsm<'v>, usize), Refusal> {
    match (command, hsm) {
        // The domain leaves, sealed to three custodians, two of whom are needed. Nobody can open the
        // file before the HSM is active.
        (command::SEAL, Hsm::At(Any::Provisioned(domain))) => {
            let mut items = Items(body);
            let activation = Activation {
                custodians: &[key(&mut items)?, key(&mut items)?, key(&mut items)?],
                threshold: Threshold::new(2).map_err(|_| Refusal::Malformed("the quorum"))?,
                label: DomainLabel::new("").map_err(|_| Refusal::Malformed("the label"))?,
                floor: ModuleFloor::NONE,
                break_glass: None,
            };
            let (domain, len) = domain.seal(&activation, board, out)?;
            Ok((Hsm::Sealed(domain), len))
        }
        // The file as the operator has stored it and read it back.
        (command::ACTIVATE, Hsm::Sealed(domain)) => {
            let domain = domain.activate(&sealed(body)?, board)?;
            Ok((Hsm::At(Any::Active(domain)), 0))
        }
        (command, Hsm::At(hsm)) => {
            let (hsm, len) = step(hsm, command, body, board, out)?;
            Ok((Hsm::At(hsm), len))
        }
        _ => Err(Refusal::Command),
    }
}

/// The same for commands that begin and end in a state in which the HSM starts.
fn step<'v>(
    hsm: Any<'v>,
    command: u8,
    body: &[u8],
    board: &mut Board,
    out: &mut [u8],
) -> Result<(Any<'v>, usize), Refusal> {
    let mut items = Items(body);
    let mut item = || items.next().ok_or(Refusal::Malformed("the message"));
    Ok(match (command, hsm) {
        // What the HSM shows on its display.
        (command::STATUS, hsm) => {
            let len = Text::new(out).print(&Shown(&hsm)).len();
            (hsm, len)
        }
        // The HSM draws its signing key.
        (command::PROVISION, Any::Empty(domain)) => {
            let key = Secret::<32>::random(board.rng())?;
            let key = (tag(b"signing-key")?, key.expose().as_slice());
            (Any::Provisioned(domain.provision(&[key], board)?), 0)
        }
        // The file that custodians can open, from the stored one: as often as it is asked for.
        (command::COMPLETE, Any::Active(domain)) => {
            let parts = domain.complete(&sealed(body)?, board)?;
            let mut len = 0;
            for part in parts {
                len += put(out.get_mut(len..).unwrap_or_default(), part)?;
            }
            (Any::Active(domain), len)
        }
        // A digest stands in for a signature.
        (command::SIGN, Any::Active(domain)) => {
            let (_, key) = { domain.artifacts(board)?.next() }.ok_or(Refusal::Command)?;
            let digest = Sha256::new().chain_update(key).chain_update(body);
            let len = put(out, &digest.finalize())?;
            (Any::Active(domain), len)
        }
        (command::BACK_UP, Any::Active(mut domain)) => {
            let len = back_up(&mut domain, body, board, out)?;
            (Any::Active(domain), len)
        }
        (command::RESTORE, Any::Active(mut domain)) => {
            let len = restore(&mut domain, body, board, out)?;
            (Any::Active(domain), len)
        }
        // Asks custodians for a domain: its id as the operator has noted it, the file.
        (command::RECOVER, Any::Empty(domain)) => {
            let expect = ExpectedDomain::new(id(item()?)?, Epoch::FIRST);
            let sealed = sealed(item()?)?;
            let (domain, len) = domain.begin_recovery(&sealed, &expect, None, board, out)?;
            (Any::Recovering(domain), len)
        }
        // The file, a contribution. The last one that is needed opens the domain.
        (command::CONTRIBUTE, Any::Recovering(mut domain)) => {
            let sealed = sealed(item()?)?;
            let contribution = Contribution::parse(item()?);
            let contribution = contribution.map_err(|_| Refusal::Malformed("the contribution"))?;
            domain.add(&sealed, &contribution, board)?;
            match domain.quorum() {
                Ok(domain) => (Any::Active(domain.open(&sealed, board)?), 0),
                Err(domain) => (Any::Recovering(domain), 0),
            }
        }
        // The power failed between the last contribution and the opening.
        (command::CONTRIBUTE, Any::QuorumMet(domain)) => {
            let sealed = sealed(item()?)?;
            (Any::Active(domain.open(&sealed, board)?), 0)
        }
        // For a domain of Azure Managed HSM: the tag and the SHA-256 of its one artifact.
        (command::BEGIN_IMPORT, Any::Empty(domain)) => {
            let expected = ExpectedArtifact {
                tag: tag(item()?)?,
                digest: Some(*bytes(item()?)?),
            };
            let size = ModulusSize::Rsa2048;
            let (domain, len) = domain.begin_import(size, &[expected], None, board, out)?;
            (Any::Importing(domain), len)
        }
        (command::IMPORT, Any::Importing(domain)) => {
            let blob = RestoreBlob::parse(body);
            let blob = blob.map_err(|_| Refusal::Malformed("the restore blob"))?;
            (Any::Imported(domain.import(&blob, board)?), 0)
        }
        // The id of the imported domain, as the HSM shows it.
        (command::CONFIRM, Any::Imported(domain)) => {
            let named = id(item()?)?;
            (Any::Active(domain.confirm(named, &[], board)?), 0)
        }
        (command::ZEROIZE, hsm) => (Any::Empty(hsm.zeroize(board)?), 0),
        _ => return Err(Refusal::Command),
    })
}

/// Backs `data` up: what only an HSM with this domain restores.
fn back_up(
    domain: &mut Domain<'_, Active, ROOM>,
    data: &[u8],
    board: &mut Board,
    out: &mut [u8],
) -> Result<usize, Refusal> {
    let mut backup = domain.begin_backup(Kind::Full(None), data.len() as u64, board)?;
    let mut len = put(out, backup.front())?;
    let mut rest = data;
    while let Some(next) = backup.next_len() {
        let (text, after) = rest.split_at_checked(next).ok_or(Refusal::TooLong)?;
        let chunk = out
            .get_mut(len..)
            .and_then(|out| out.get_mut(..next + TAG_LEN));
        let chunk = chunk.ok_or(Refusal::TooLong)?;
        put(chunk, text)?;
        backup.seal(chunk, board)?;
        (len, rest) = (len + chunk.len(), after);
    }
    backup.finish(board)?;
    Ok(len)
}

/// Restores a backup. What is in `out` leaves the HSM when all chunks have been checked.
fn restore(
    domain: &mut Domain<'_, Active, ROOM>,
    backup: &[u8],
    board: &mut Board,
    out: &mut [u8],
) -> Result<usize, Refusal> {
    let header = BackupHeader::parse(backup).map_err(|_| Refusal::Malformed("the backup"))?;
    let mut rest = backup.get(header.front().len()..).unwrap_or_default();
    let mut restore = domain.begin_restore(&header, board)?;
    let mut len = 0;
    while let Some(next) = restore.next_len() {
        let (sealed, after) = rest
            .split_at_checked(next + TAG_LEN)
            .ok_or(Refusal::TooLong)?;
        let chunk = out.get_mut(len..).ok_or(Refusal::TooLong)?;
        let chunk = chunk.get_mut(..sealed.len()).ok_or(Refusal::TooLong)?;
        put(chunk, sealed)?;
        len += restore.open(chunk, board)?.len();
        rest = after;
    }
    restore.finish(board)?;
    Ok(len)
}

/// Copies `bytes` to the front of `out`, and returns their length.
fn put(out: &mut [u8], bytes: &[u8]) -> Result<usize, Refusal> {
    let front = out.get_mut(..bytes.len()).ok_or(Refusal::TooLong)?;
    front.copy_from_slice(bytes);
    Ok(bytes.len())
}

fn bytes(item: &[u8]) -> Result<&[u8; 32], Refusal> {
    item.try_into().map_err(|_| Refusal::Malformed("32 bytes"))
}

fn id(item: &[u8]) -> Result<DomainId, Refusal> {
    bytes(item).map(|bytes| DomainId::from_bytes(*bytes))
}

fn tag(item: &[u8]) -> Result<ArtifactTag<'_>, Refusal> {
    let text = str::from_utf8(item).map_err(|_| Refusal::Malformed("the tag"))?;
    ArtifactTag::new(text).map_err(|_| Refusal::Malformed("the tag"))
}

/// The key of the next custodian, from a certificate.
fn key(items: &mut Items<'_>) -> Result<PublicKey, Refusal> {
    let item = items.next().ok_or(Refusal::Malformed("the message"))?;
    let certificate = Certificate::parse(item);
    let certificate = certificate.map_err(|_| Refusal::Malformed("a certificate"))?;
    Ok(certificate.public_key().clone())
}

fn sealed(item: &[u8]) -> Result<SealedDomain<'_>, Refusal> {
    SealedDomain::parse(item).map_err(|_| Refusal::Malformed("the sealed domain"))
}

/// What the HSM shows of itself: its stage, its domain, and the request that custodians answer.
struct Shown<'a, 'v>(&'a Any<'v>);

impl fmt::Display for Shown<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.0.status();
        write!(f, "{}", status.stage)?;
        if let Some(domain) = status.domain {
            write!(f, " domain {domain}")?;
        }
        match self.0 {
            Any::Recovering(domain) => match domain.request() {
                Some(request) => write!(f, " request {request}"),
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }
}

/// Why a command was refused.
pub enum Refusal {
    /// This state does not have the command.
    Command,
    /// The message, or this part of it, cannot be read.
    Malformed(&'static str),
    TooLong,
    Step(LifecycleError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Command => f.write_str("not in this state"),
            Self::Malformed(what) => write!(f, "{what} cannot be read"),
            Self::TooLong => f.write_str("too long for this HSM, or cut short"),
            Self::Step(error) => error.fmt(f),
        }
    }
}

impl From<RngError> for Refusal {
    fn from(_: RngError) -> Self {
        Self::Step(LifecycleError::Rng)
    }
}

impl From<self_test::Failed> for Refusal {
    fn from(failed: self_test::Failed) -> Self {
        Self::Step(LifecycleError::SelfTest(failed))
    }
}

impl From<LifecycleError> for Refusal {
    fn from(error: LifecycleError) -> Self {
        Self::Step(error)
    }
}

/// The domain in `refused` is dropped, which wipes the vault.
impl<D> From<Refused<D>> for Refusal {
    fn from(refused: Refused<D>) -> Self {
        Self::Step(refused.error)
    }
}
