// SPDX-License-Identifier: MIT OR Apache-2.0
//! Firmware of an HSM that custodians who never meet recover: it uses the library with static
//! memory, without an allocator or `std`.
//!
//! `mod firmware` is the HSM, and uses only what a microcontroller has. `main` is everything around
//! it: the lost HSM, three custodians and the messages between them. It also cuts the power once.
//!
//! `cargo run --release --example firmware_restore`

use std::error::Error;

use getrandom::SysRng;
use security_domain::contribution::{Request, VettedRequest, contribute, contribution_len};
use security_domain::custodian::Recipient;
use security_domain::quorum::Threshold;
use security_domain::rsa::{ModulusSize, PrivateKey};
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, Epoch, ExpectedDomain, InstanceId, Lineage, ModuleFloor, Root,
    SealedDomain, Sealing,
};

mod firmware {
    use core::fmt;

    use rand_core::TryCryptoRng;
    use security_domain::contribution::{Contribution, Request, RequestDigest};
    use security_domain::lifecycle::{
        AnyDomain, Event, Host, SinkAnswer, Status, Vault, vault_room,
    };
    use security_domain::sealed_domain::{DomainId, Epoch, ExpectedDomain, SealedDomain};
    use security_domain::secret::Secret;
    use security_domain::self_test;
    use security_domain::storage::{DeviceKey, Flash, FlashError, Slot};

    /// Room for four artifacts of one KiB in total.
    pub const ROOM: usize = vault_room(4, 1024);

    /// The room for a sealed domain of three custodians with RSA-2048 keys and one KiB of
    /// artifacts.
    const SEALED_MAX: usize = 4096;

    /// All memory that the firmware gives to its domain.
    pub struct Memory {
        vault: Vault<ROOM>,
        sealed: [u8; SEALED_MAX],
        sealed_len: usize,
        message: [u8; Request::MAX_LEN],
    }

    impl Memory {
        pub const fn new() -> Self {
            Self {
                vault: Vault::new(),
                sealed: [0; SEALED_MAX],
                sealed_len: 0,
                message: [0; Request::MAX_LEN],
            }
        }
    }

    /// The board. On a real one: drivers of the flash, the fuses and the noise source.
    pub struct Board<R> {
        pub rng: R,
        pub device_key: Secret<32>,
        pub slots: [[u8; ROOM]; 2],
        pub lengths: [usize; 2],
        pub counter: u64,
        pub events: usize,
    }

    impl<R: TryCryptoRng> Flash for Board<R> {
        fn read(&mut self, slot: Slot, out: &mut [u8]) -> Result<usize, FlashError> {
            let (bytes, len) = (&self.slots[slot.index()], self.lengths[slot.index()]);
            out.get_mut(..len)
                .ok_or(FlashError)?
                .copy_from_slice(&bytes[..len]);
            Ok(len)
        }

        fn write(&mut self, slot: Slot, record: &[u8]) -> Result<(), FlashError> {
            let bytes = self.slots[slot.index()].get_mut(..record.len());
            bytes.ok_or(FlashError)?.copy_from_slice(record);
            self.lengths[slot.index()] = record.len();
            Ok(())
        }

        fn erase(&mut self, slot: Slot) -> Result<(), FlashError> {
            self.slots[slot.index()].fill(0xff);
            self.lengths[slot.index()] = 0;
            Ok(())
        }

        fn counter(&mut self) -> Result<u64, FlashError> {
            Ok(self.counter)
        }

        fn advance(&mut self, to: u64) -> Result<(), FlashError> {
            self.counter = to;
            Ok(())
        }

        fn counter_is_hardware(&self) -> bool {
            true
        }
    }

    impl<R: TryCryptoRng> Host for Board<R> {
        type Rng = R;

        fn rng(&mut self) -> &mut R {
            &mut self.rng
        }

        fn now(&mut self) -> u64 {
            0 // no clock
        }

        fn device_key(&mut self) -> &mut dyn DeviceKey {
            &mut self.device_key
        }

        fn report(&mut self, _: &Event) -> SinkAnswer {
            self.events += 1; // a real one lights a lamp, or writes to a log that cannot be erased
            SinkAnswer::AGREED
        }
    }

    /// Why a command was refused, in one line for the display.
    pub struct Refusal(&'static str);

    impl fmt::Display for Refusal {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    /// Asks custodians for the sealed domain that an operator brought to an empty HSM. It shows the
    /// request's digest on its own display, and hands out the request.
    pub fn ask<'m, H: Host>(
        memory: &'m mut Memory,
        host: &mut H,
        sealed: &[u8],
        expected: DomainId,
    ) -> Result<(&'m [u8], RequestDigest), Refusal> {
        let place = memory.sealed.get_mut(..sealed.len());
        let place = place.ok_or(Refusal("the sealed domain is too long for this HSM"))?;
        place.copy_from_slice(sealed);
        memory.sealed_len = sealed.len();
        let sealed = SealedDomain::parse(place).map_err(|_| Refusal("no sealed domain"))?;

        let tested = self_test::run().map_err(|_| Refusal("the self-test failed"))?;
        let start = memory.vault.start(tested, host);
        let Ok(AnyDomain::Empty(domain)) = start else {
            return Err(Refusal("this HSM is not empty"));
        };
        let expect = ExpectedDomain::new(expected, Epoch::FIRST);
        let (domain, len) = domain
            .begin_recovery(&sealed, &expect, None, host, &mut memory.message)
            .map_err(|_| Refusal("not the domain that the operator named"))?;
        let shown = domain.request().ok_or(Refusal("no request"))?;
        let request = memory.message.get(..len).unwrap_or_default();
        Ok((request, shown))
    }

    /// Takes one contribution, after a start from the flash. With the last contribution needed, the
    /// HSM becomes active and shows its status.
    pub fn take<H: Host>(
        memory: &mut Memory,
        host: &mut H,
        contribution: &[u8],
    ) -> Result<Option<Status>, Refusal> {
        let sealed = memory.sealed.get(..memory.sealed_len).unwrap_or_default();
        let sealed = SealedDomain::parse(sealed).map_err(|_| Refusal("no sealed domain"))?;
        let contribution =
            Contribution::parse(contribution).map_err(|_| Refusal("no contribution"))?;
        let tested = self_test::run().map_err(|_| Refusal("the self-test failed"))?;
        let Ok(AnyDomain::Recovering(mut domain)) = memory.vault.start(tested, host) else {
            return Err(Refusal("this HSM waits for no contribution"));
        };
        domain
            .add(&sealed, &contribution, host)
            .map_err(|_| Refusal("not a contribution to this session"))?;
        let Ok(domain) = domain.quorum() else {
            return Ok(None);
        };
        let domain = domain.open(&sealed, host);
        let domain = domain.map_err(|_| Refusal("the sealed domain does not open"))?;
        Ok(Some(domain.status()))
    }

    /// What the HSM is used for; here, it compares the first bytes of its signing key.
    pub fn key_starts_with<H: Host>(memory: &mut Memory, host: &mut H, bytes: &[u8]) -> bool {
        let Ok(tested) = self_test::run() else {
            return false;
        };
        let Ok(AnyDomain::Active(domain)) = memory.vault.start(tested, host) else {
            return false;
        };
        let Ok(mut artifacts) = domain.artifacts(host) else {
            return false;
        };
        artifacts.any(|(_, artifact)| artifact.starts_with(bytes))
    }
}

/// The memory of the firmware, which never moves.
static mut MEMORY: firmware::Memory = firmware::Memory::new();

fn main() -> Result<(), Box<dyn Error>> {
    let memory = &raw mut MEMORY;
    // SAFETY: this is the only use of MEMORY, and main is entered once.
    let memory = unsafe { &mut *memory };

    // The HSM that will be lost seals its domain to three custodians, two of whom are needed.
    let mut custodians = Vec::new();
    for _ in 0..3 {
        let key = PrivateKey::generate(ModulusSize::Rsa2048, &mut SysRng)?;
        custodians.push(key);
    }
    let public: Vec<_> = custodians
        .iter()
        .map(|key| key.public_key().clone())
        .collect();
    let root = Root::random(&mut SysRng)?;
    let sealing = Sealing {
        root: &root,
        artifacts: &[(
            ArtifactTag::new("signing-key")?,
            b"the key that was lost, and others",
        )],
        custodians: &public,
        threshold: Threshold::new(2)?,
        label: DomainLabel::new("")?,
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: 0,
        instance: InstanceId::from_bytes([1; 16]),
    };
    let mut scratch = vec![0; sealing.scratch_len()?];
    let mut file = vec![0; sealing.sealed_len()?];
    sealing.seal(&mut SysRng, &mut scratch, &mut file)?;
    let noted = root.domain_id()?;
    println!("sealed domain  {} bytes, domain {noted}", file.len());

    // Another HSM, fresh from the factory.
    let mut board = firmware::Board {
        rng: SysRng,
        device_key: security_domain::secret::Secret::random(&mut SysRng)?,
        slots: [[0; firmware::ROOM]; 2],
        lengths: [0; 2],
        counter: 0,
        events: 0,
    };
    let refusal = |refusal: firmware::Refusal| refusal.to_string();
    let (request, shown) = firmware::ask(memory, &mut board, &file, noted).map_err(refusal)?;
    let request = request.to_vec();
    println!(
        "request        {} bytes, the HSM shows {shown}",
        request.len()
    );

    // Two custodians answer, each alone, after comparing the request with what the HSM shows.
    let mut status = None;
    for place in [2, 0] {
        // In between, the HSM loses power, so each contribution begins with a start.
        let key = &mut custodians[place];
        let sealed = SealedDomain::parse(&file)?;
        let vetted = VettedRequest::compared(Request::parse(&request)?, shown)?;
        let id = key.public_key().id();
        let share = sealed.unwrap_share(id, key, &mut SysRng)?;
        let mut out = vec![0; contribution_len(vetted.request())];
        let expect = ExpectedDomain::new(noted, Epoch::FIRST);
        contribute(&sealed, &expect, &vetted, &share, 0, &mut SysRng, &mut out)?;
        status = firmware::take(memory, &mut board, &out).map_err(refusal)?;
        println!("contribution   {} bytes, of custodian {id}", out.len());
    }
    let status = status.ok_or("two contributions are a quorum")?;
    println!(
        "status         {}, after {} events",
        status.stage, board.events
    );
    if status.domain != Some(noted) {
        return Err("another domain".into());
    }
    if !firmware::key_starts_with(memory, &mut board, b"the key that was lost") {
        return Err("another key".into());
    }
    println!("The HSM has the key that was lost.");
    Ok(())
}
