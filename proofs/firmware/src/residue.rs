// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `proofs/residue.py` looks behind: each `residue_` function is one operation that must leave
//! nothing of its secrets on the stack. What an operation gives is used where it is, because a caller's
//! moves are the caller's. An answer of 1 says that it worked.

use core::hint::black_box;

use security_domain::backup::{BackupHeader, BackupInfo, Kind, TAG_LEN};
use security_domain::custodian::Recipient;
use security_domain::hazmat::backup::{self, BackupKey};
use security_domain::hazmat::record::{self, Loaded};
use security_domain::hazmat::testing::RamHost;
use security_domain::lifecycle::{Active, AnyDomain, Domain, Vault, vault_room};
use security_domain::quorum::Threshold;
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, DomainShare, Epoch, ExpectedDomain, InstanceId, LedgerHead, Lineage,
    ModuleFloor, Root, SealedDomain, Sealing,
};
use security_domain::secret::Secret;
use security_domain::self_test;

use crate::rng::Xorshift;
use crate::statics::Static;

static FILE: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/known-answer.sealed");
const KEYS: [&[u8]; 3] = [
    include_bytes!("../../../tests/vectors/sealed-domain/keys/a.p8"),
    include_bytes!("../../../tests/vectors/sealed-domain/keys/b.p8"),
    include_bytes!("../../../tests/vectors/sealed-domain/keys/c.p8"),
];
const TEXT_LEN: usize = 96;

static ROOT: Static<Option<Root>> = Static::new(None);
static CUSTODIANS: Static<[Option<PublicKey>; 3]> = Static::new([const { None }; 3]);
static KEY: Static<Option<PrivateKey>> = Static::new(None);
static SEALED: Static<Option<SealedDomain<'static>>> = Static::new(None);
static SHARES: Static<[Option<DomainShare>; 2]> = Static::new([const { None }; 2]);
static WRAPPED: Static<[u8; 256]> = Static::new([0; 256]);
static FRONT: Static<[u8; 512]> = Static::new([0; 512]);
static CHUNK: Static<[u8; TEXT_LEN + TAG_LEN]> = Static::new([0; TEXT_LEN + TAG_LEN]);
static OUT: Static<[u8; 4096]> = Static::new([0; 4096]);
static SCRATCH: Static<[u8; 1024]> = Static::new([0; 1024]);

/// Makes what the operations need. The secrets are the bytes at `secret`: a root.
#[unsafe(no_mangle)]
extern "C" fn prepare_residue(secret: &[u8; 32]) -> u32 {
    if prepare_life(secret).is_none() {
        return 0;
    }
    let root = Secret::from_bytes(&mut { *secret });
    *ROOT.borrow_mut() = Some(Root::from_secret(root));
    *SEALED.borrow_mut() = SealedDomain::parse(FILE).ok();
    let (sealed, mut shares) = (SEALED.borrow_mut(), SHARES.borrow_mut());
    let Some(sealed) = &*sealed else { return 0 };
    for (place, der) in KEYS.iter().enumerate() {
        let Ok(mut key) = PrivateKey::from_pkcs8_der(der) else {
            return 0;
        };
        let id = key.public_key().id();
        if let Some(slot) = shares.get_mut(place) {
            *slot = sealed.unwrap_share(id, &mut key, &mut Xorshift(5)).ok();
        }
        CUSTODIANS.borrow_mut()[place] = Some(key.public_key().clone());
        *KEY.borrow_mut() = Some(key);
    }
    let key = KEY.borrow_mut();
    let Some(key) = &*key else { return 0 };
    let message = [0x6d; 64];
    let wrapped = &mut *WRAPPED.borrow_mut();
    let wrapped =
        { key.public_key() }.encrypt_oaep_sha256(b"", &message, &mut Xorshift(1), wrapped);
    u32::from(wrapped.is_ok() && shares.iter().all(Option::is_some))
}

/// What must be found: a copy that nobody wipes.
#[unsafe(no_mangle)]
extern "C" fn residue_planted() -> u32 {
    let root = ROOT.borrow_mut();
    let Some(root) = &*root else { return 0 };
    black_box(*root.secret().expose());
    1
}

/// Imports a key.
#[unsafe(no_mangle)]
extern "C" fn residue_rsa_import() -> u32 {
    let imported = PrivateKey::from_pkcs8_der(KEYS[2]);
    u32::from(imported.is_ok())
}

/// The private operation.
#[unsafe(no_mangle)]
extern "C" fn residue_rsa_unwrap() -> u32 {
    let key = KEY.borrow_mut();
    let Some(key) = &*key else { return 0 };
    let mut out = OUT.borrow_mut();
    let out = &mut out[..64];
    let opened = key.decrypt_oaep_sha256(b"", &*WRAPPED.borrow_mut(), &mut Xorshift(2), out);
    out.fill(0);
    u32::from(opened == Ok(64))
}

/// Opens the sealed domain of the vectors.
#[unsafe(no_mangle)]
extern "C" fn residue_domain_open() -> u32 {
    let (sealed, shares) = (SEALED.borrow_mut(), SHARES.borrow_mut());
    let (Some(sealed), [Some(a), Some(b)]) = (&*sealed, &*shares) else {
        return 0;
    };
    let mut out = OUT.borrow_mut();
    let opened = sealed.open(&ExpectedDomain::unpinned(), &[a, b], &mut *out);
    u32::from(opened.is_ok())
}

/// Seals a domain for three custodians with keys of 2048 bits.
#[unsafe(no_mangle)]
extern "C" fn residue_domain_seal() -> u32 {
    let (root, custodians) = (ROOT.borrow_mut(), CUSTODIANS.borrow_mut());
    let (Some(root), [Some(a), Some(b), Some(c)]) = (&*root, &*custodians) else {
        return 0;
    };
    let (Ok(threshold), Ok(label), Ok(tag)) = (
        Threshold::new(2),
        DomainLabel::new("residue"),
        ArtifactTag::new("copy"),
    ) else {
        return 0;
    };
    let sealing = Sealing {
        root,
        artifacts: &[(tag, root.secret().expose())],
        custodians: &[a.clone(), b.clone(), c.clone()],
        threshold,
        label,
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: 0,
        instance: InstanceId::from_bytes([7; 16]),
    };
    let (mut scratch, mut out) = (SCRATCH.borrow_mut(), OUT.borrow_mut());
    let sealed = sealing.seal(&mut Xorshift(3), &mut *scratch, &mut *out);
    u32::from(sealed.is_ok())
}

/// Derives the domain's id.
#[unsafe(no_mangle)]
extern "C" fn residue_domain_id() -> u32 {
    let root = ROOT.borrow_mut();
    let Some(root) = &*root else { return 0 };
    u32::from(root.domain_id().is_ok())
}

/// Seals a backup of one chunk.
#[unsafe(no_mangle)]
extern "C" fn residue_backup_seal() -> u32 {
    let root = ROOT.borrow_mut();
    let Some(root) = &*root else { return 0 };
    let plan = BackupInfo {
        epoch: Some(Epoch::FIRST),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(None),
        created: 0,
        length: TEXT_LEN as u64,
    };
    let mut key = BackupKey::none();
    let mut writer = backup::write(root, &plan, &mut Xorshift(4), &mut key);
    let Ok(writer) = &mut writer else { return 0 };
    FRONT.borrow_mut()[..writer.front().len()].copy_from_slice(writer.front());
    u32::from(writer.seal(&mut key, &mut *CHUNK.borrow_mut()).is_ok())
}

/// Opens it.
#[unsafe(no_mangle)]
extern "C" fn residue_backup_open() -> u32 {
    let (root, front) = (ROOT.borrow_mut(), FRONT.borrow_mut());
    let (Some(root), Ok(header)) = (&*root, BackupHeader::parse(&*front)) else {
        return 0;
    };
    let mut key = BackupKey::none();
    let mut reader = backup::read(root, &header, &mut key);
    let Ok(reader) = &mut reader else { return 0 };
    u32::from(reader.open(&mut key, &mut *CHUNK.borrow_mut()).is_ok())
}

/// Copies the front of that backup, from which its key follows, to `out`.
#[unsafe(no_mangle)]
extern "C" fn prepare_residue_front(out: &mut [u8; 512]) -> u32 {
    *out = *FRONT.borrow_mut();
    1
}

static HOST: Static<Option<RamHost<Xorshift, ROOM>>> = Static::new(None);
static VAULT: Static<Vault<ROOM>> = Static::new(Vault::new());
const ROOM: usize = vault_room(1, 32);

/// Makes an HSM that is active with this root. Its state is written as `docs/format.md` says, "Contents".
fn prepare_life(root: &[u8; 32]) -> Option<()> {
    let mut hsm = RamHost::new(Xorshift(6));
    let mut buffer = [0; ROOM];
    let Ok(Loaded::Blank { mut position }) = record::load(&mut hsm, &mut buffer) else {
        return None;
    };
    let parts: [&[u8]; 11] = [
        &[0x8a, 1, 5, 0x50],
        &[7; 16],
        &[0x58, 32],
        &[8; 32],
        &[0, 0x83, 0x58, 32],
        root,
        &[0x58, 32],
        &[0; 32],
        &[0x44, 0x61, b'a', 0x41, 1],
        &[0xf6, 0xf6, 0xf6, 0x58, 32],
        &[0; 32],
    ];
    let mut len = 0;
    for part in parts {
        buffer.get_mut(len..len + part.len())?.copy_from_slice(part);
        len += part.len();
    }
    let instance = InstanceId::from_bytes([7; 16]);
    record::save(&mut hsm, instance, &mut position, &mut buffer, len).ok()?;
    *HOST.borrow_mut() = Some(hsm);
    Some(())
}

/// Starts the HSM, and takes one step with its domain.
fn step(
    take: impl FnOnce(&mut Domain<'_, Active, ROOM>, &mut RamHost<Xorshift, ROOM>) -> Option<()>,
) -> u32 {
    let (mut vault, mut host) = (VAULT.borrow_mut(), HOST.borrow_mut());
    let (Some(host), Ok(tested)) = (&mut *host, self_test::run()) else {
        return 0;
    };
    let Ok(AnyDomain::Active(mut domain)) = vault.start(tested, host) else {
        return 0;
    };
    u32::from(take(&mut domain, host).is_some())
}

/// A backup of one chunk, made by the HSM.
#[unsafe(no_mangle)]
extern "C" fn residue_life_backup() -> u32 {
    step(|domain, host| {
        let mut backup = { domain.begin_backup(Kind::Full(None), TEXT_LEN as u64, host) }.ok()?;
        FRONT.borrow_mut()[..backup.front().len()].copy_from_slice(backup.front());
        backup.seal(&mut *CHUNK.borrow_mut(), host).ok()?;
        backup.finish(host).ok()
    })
}

/// And restored by it.
#[unsafe(no_mangle)]
extern "C" fn residue_life_restore() -> u32 {
    step(|domain, host| {
        let front = FRONT.borrow_mut();
        let header = BackupHeader::parse(&*front).ok()?;
        let mut restore = domain.begin_restore(&header, host).ok()?;
        restore.open(&mut *CHUNK.borrow_mut(), host).ok()?;
        restore.finish(host).ok()
    })
}
