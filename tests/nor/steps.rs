// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of an HSM, each from a start to its end, and the flash before each.

use security_domain::backup::Kind;
use security_domain::contribution::{
    Contribution, Request, VettedRequest, contribute, contribution_len,
};
use security_domain::lifecycle::{Activation, AnyDomain, ExpectedArtifact, LifecycleError, Vault};
use security_domain::managed_hsm::Tag;
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::quorum::Threshold;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, Epoch, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test;
use security_domain::x509::{Certificate, SELF_SIGNED_MAX_LEN};

use crate::board::{Board, Chip, ROOM, Seen, chip, start};
use crate::fixtures::{certificate_der, open_shares};
use crate::sealed::{FastKey, artifacts, fast_keys, rng, sealed, share};

type Power<'a> = Board<&'a mut Chip>;
type Act = fn(&mut World, AnyDomain<'_, ROOM>, &mut Power<'_>) -> Result<(), LifecycleError>;

/// What is outside the HSM: what it needs, and what has left it.
#[derive(Clone)]
pub struct World {
    keys: Vec<FastKey>,
    /// The file of an HSM that is gone.
    file: Vec<u8>,
    request: Vec<u8>,
    certificate: Vec<u8>,
    blob: Vec<u8>,
}

/// A step of the lifecycle.
pub struct Step {
    pub name: &'static str,
    act: Act,
    /// How often it saves a state, besides the start.
    pub saves: usize,
    /// Whether it ends what the HSM holds, erasing both slots first.
    pub ends: bool,
    /// Whether it makes an RSA key or uses one.
    pub is_slow: bool,
}

const fn step(name: &'static str, saves: usize, act: Act) -> Step {
    Step {
        name,
        act,
        saves,
        ends: false,
        is_slow: false,
    }
}

const fn end(name: &'static str, act: Act) -> Step {
    Step {
        ends: true,
        ..step(name, 1, act)
    }
}

const fn slow(name: &'static str, saves: usize, act: Act) -> Step {
    Step {
        is_slow: true,
        ..step(name, saves, act)
    }
}

/// In the order in which an HSM takes them.
pub const STEPS: [Step; 16] = [
    step("start", 0, |_, _, _| Ok(())),
    step("provision", 1, |_, domain, board| {
        let AnyDomain::Empty(domain) = domain else {
            return wrong(domain);
        };
        domain.provision(&artifacts()[..], board)?;
        Ok(())
    }),
    step("activate", 1, |world, domain, board| {
        let AnyDomain::Provisioned(domain) = domain else {
            return wrong(domain);
        };
        let activation = Activation {
            custodians: &world.keys,
            threshold: Threshold::new(2).unwrap(),
            label: DomainLabel::new("test").unwrap(),
            floor: ModuleFloor::NONE,
            break_glass: None,
        };
        let mut file = vec![0; domain.sealed_len(&activation).unwrap()];
        let (domain, len) = domain.seal(&activation, board, &mut file)?;
        let stored = SealedDomain::parse(&file[..len]).unwrap();
        domain.activate(&stored, board)?;
        Ok(())
    }),
    step("begin a backup", 1, |_, domain, board| {
        let AnyDomain::Active(mut domain) = domain else {
            return wrong(domain);
        };
        domain.begin_backup(Kind::Full(None), 1000, board)?;
        Ok(())
    }),
    end("zeroize", zeroize),
    step("begin a recovery here", 1, |world, domain, board| {
        let AnyDomain::Empty(domain) = domain else {
            return wrong(domain);
        };
        domain.begin_recovery_here(&world.sealed(), &world.expect(), None, board)?;
        Ok(())
    }),
    step("add a share", 1, |world, domain, board| {
        let AnyDomain::Recovering(mut domain) = domain else {
            return wrong(domain);
        };
        let share = share(&world.sealed(), &world.keys[1]);
        domain.add_share(&world.sealed(), share, board)?;
        Ok(())
    }),
    step("add the last share", 1, |world, domain, board| {
        let AnyDomain::Recovering(mut domain) = domain else {
            return wrong(domain);
        };
        let share = share(&world.sealed(), &world.keys[2]);
        domain.add_share(&world.sealed(), share, board)?;
        Ok(())
    }),
    step("open", 1, |world, domain, board| {
        let AnyDomain::QuorumMet(domain) = domain else {
            return wrong(domain);
        };
        domain.open(&world.sealed(), board)?;
        Ok(())
    }),
    end("zeroize again", zeroize),
    slow("begin a recovery", 1, |world, domain, board| {
        let AnyDomain::Empty(domain) = domain else {
            return wrong(domain);
        };
        let mut request = vec![0; Request::MAX_LEN];
        let (sealed, expect) = (world.sealed(), world.expect());
        let (_, len) = domain.begin_recovery(&sealed, &expect, None, board, &mut request)?;
        request.truncate(len);
        world.request = request;
        Ok(())
    }),
    slow("add a contribution", 1, |world, domain, board| {
        let AnyDomain::Recovering(mut domain) = domain else {
            return wrong(domain);
        };
        let contribution = world.contribution();
        let contribution = Contribution::parse(&contribution).unwrap();
        domain.add(&world.sealed(), &contribution, board)?;
        Ok(())
    }),
    end("cancel", |_, domain, board| {
        let AnyDomain::Recovering(domain) = domain else {
            return wrong(domain);
        };
        domain.cancel(board)?;
        Ok(())
    }),
    slow("begin an import", 1, |world, domain, board| {
        let AnyDomain::Empty(domain) = domain else {
            return wrong(domain);
        };
        let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
        let size = ModulusSize::Rsa2048;
        let (_, len) = domain.begin_import(size, &expected(), None, board, &mut certificate)?;
        certificate.truncate(len);
        world.certificate = certificate;
        world.blob = blob(&world.certificate);
        Ok(())
    }),
    // The first state says that a try was made.
    slow("import", 2, |world, domain, board| {
        let AnyDomain::Importing(domain) = domain else {
            return wrong(domain);
        };
        domain.import(&RestoreBlob::parse(&world.blob).unwrap(), board)?;
        Ok(())
    }),
    step("confirm", 1, |_, domain, board| {
        let AnyDomain::Imported(domain) = domain else {
            return wrong(domain);
        };
        let named = domain.status().domain.unwrap();
        domain.confirm(named, &expected(), board)?;
        Ok(())
    }),
];

fn zeroize(
    _: &mut World,
    domain: AnyDomain<'_, ROOM>,
    board: &mut Power<'_>,
) -> Result<(), LifecycleError> {
    domain.zeroize(board)?;
    Ok(())
}

/// An earlier start left another state than the step is for.
fn wrong(domain: AnyDomain<'_, ROOM>) -> Result<(), LifecycleError> {
    panic!("{domain:?}")
}

impl Step {
    /// Starts an HSM with this flash and takes the step.
    pub fn run(&self, world: &mut World, chip: &mut Chip) -> Result<(), LifecycleError> {
        let (mut vault, mut board) = (Vault::<ROOM>::new(), Board::new(chip, 7));
        let domain = vault.start(self_test::run().unwrap(), &mut board)?;
        (self.act)(world, domain, &mut board)
    }
}

impl World {
    pub fn new() -> Self {
        let keys = fast_keys(3);
        let (_, file) = sealed(1, &keys, 2);
        Self {
            keys,
            file,
            request: Vec::new(),
            certificate: Vec::new(),
            blob: Vec::new(),
        }
    }

    fn sealed(&self) -> SealedDomain<'_> {
        SealedDomain::parse(&self.file).unwrap()
    }

    fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(self.sealed().header().domain_id(), Epoch::FIRST)
    }

    fn contribution(&self) -> Vec<u8> {
        let request = Request::parse(&self.request).unwrap();
        let shown = request.digest();
        let vetted = VettedRequest::compared(request, shown).unwrap();
        let share = share(&self.sealed(), &self.keys[0]);
        let mut out = vec![0; contribution_len(vetted.request())];
        let (sealed, expect) = (self.sealed(), self.expect());
        contribute(&sealed, &expect, &vetted, &share, 0, &mut rng(5), &mut out).unwrap();
        out
    }
}

/// What an import brings.
const IMPORTED: [u8; 40] = [7; 40];

fn expected() -> [ExpectedArtifact<'static>; 1] {
    use sha2::{Digest, Sha256};

    [ExpectedArtifact {
        tag: ArtifactTag::new("hsm_backup").unwrap(),
        digest: Some(Sha256::digest(IMPORTED).into()),
    }]
}

/// A restore blob to this certificate.
fn blob(certificate: &[u8]) -> Vec<u8> {
    let names = ["s2048_0", "s2048_1", "s2048_2"];
    let ders = names.map(certificate_der);
    let custodians = ders.each_ref().map(|der| Certificate::parse(der).unwrap());
    let two = Threshold::new(2).unwrap();
    let artifacts = [(Tag::new("hsm_backup").unwrap(), IMPORTED.as_slice())];
    let mut file = vec![0; domain_file::encoded_len(&artifacts, two, &custodians)];
    domain_file::write(&artifacts, two, &custodians, &mut rng(6), &mut file).unwrap();
    let file = DomainFile::parse(&file).unwrap();
    let domain = file.combine(&open_shares(&file, &names[..2])).unwrap();
    let certificate = Certificate::parse(certificate).unwrap();
    let mut blob = vec![0; restore_blob::encoded_len(&file, &certificate)];
    let key = domain.master_key();
    restore_blob::write(&file, key, &certificate, &mut rng(7), &mut blob).unwrap();
    blob
}

/// The flash before a step and after it, and what a start sees on either.
pub struct Scene {
    pub step: &'static Step,
    pub world: World,
    pub before: Chip,
    pub after: Chip,
    pub seen: [Seen; 2],
    /// How many operations on the flash the start and the step take.
    pub operations: usize,
}

/// Every step, one after the other in one HSM.
pub fn scenes() -> Vec<Scene> {
    static STEPS: [Step; 16] = self::STEPS;
    let (mut world, mut chip) = (World::new(), chip());
    let mut scenes = Vec::new();
    for step in &STEPS {
        let (before, outside) = (chip.clone(), world.clone());
        step.run(&mut world, &mut chip).unwrap();
        let seen = [&before, &chip].map(|chip| start(&mut chip.clone(), 8).unwrap());
        scenes.push(Scene {
            step,
            world: outside,
            operations: chip.operations - before.operations,
            before,
            after: chip.clone(),
            seen,
        });
    }
    scenes
}
