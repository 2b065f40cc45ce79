// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain that newer firmware has sealed, and older firmware.

use security_domain::contribution::{
    ContributeError, Contribution, Request, VettedRequest, contribute,
};
use security_domain::lifecycle::{Activation, LifecycleError};
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, ModuleFloor, ModuleName, ModuleVersion, NeedsNewerModule, SealedDomain,
};

use crate::sealed::{FastKey, fast_keys, rng, share};
use crate::world::{activated, activation, empty, hsm, provisioned, vault};

/// The file of a domain that needs version 3, and what its custodians expect.
fn newer(keys: &[FastKey]) -> (Vec<u8>, ExpectedDomain) {
    let floor = ModuleFloor {
        module: ModuleName::new("example-hsm").unwrap(),
        minimum: ModuleVersion::new(3),
    };
    let activation = Activation {
        floor,
        break_glass: None,
        ..activation(keys)
    };
    let (mut vault, mut sealing) = (vault(), hsm(1));
    let (_, file) = activated(
        provisioned(&mut vault, &mut sealing),
        &activation,
        &mut sealing,
    );
    let sealed = SealedDomain::parse(&file).unwrap();
    assert_eq!(sealed.header().module_floor(), floor);
    let expect = ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST);
    (file, expect)
}

#[test]
fn older_firmware_asks_no_custodian() {
    let (file, expect) = newer(&fast_keys(3));
    let sealed = SealedDomain::parse(&file).unwrap();
    for version in [0, 1, 2, 3, 4, u32::MAX] {
        let (mut vault, mut hsm) = (vault(), hsm(2));
        hsm.module_version = version;
        let domain = empty(&mut vault, &mut hsm);
        let events = hsm.events.len();
        let mut request = [0xaa; Request::MAX_LEN];
        let began = domain.begin_recovery(&sealed, &expect, None, &mut hsm, &mut request);
        if version >= 3 {
            let (_, len) = began.unwrap();
            let request = Request::parse(&request[..len]).unwrap();
            assert_eq!(request.module_version().get(), version);
            continue;
        }
        let refused = LifecycleError::NeedsNewerModule(NeedsNewerModule {
            have: ModuleVersion::new(version),
            need: ModuleVersion::new(3),
        });
        let began = began.unwrap_err();
        assert_eq!(began.error, refused);
        assert_eq!(request, [0; Request::MAX_LEN]);
        let here = began
            .domain
            .begin_recovery_here(&sealed, &expect, None, &mut hsm);
        assert_eq!(here.unwrap_err().error, refused);
        assert!(hsm.events.len() <= events + 2, "refusals alone are told");
    }
}

/// An update that is taken back in the midst of a recovery does not get around the floor.
#[test]
fn firmware_that_became_older_goes_no_further() {
    let keys = fast_keys(3);
    let (file, expect) = newer(&keys);
    let sealed = SealedDomain::parse(&file).unwrap();
    let (mut vault, mut hsm) = (vault(), hsm(2));
    hsm.module_version = 3;
    let domain = empty(&mut vault, &mut hsm);
    let begun = domain.begin_recovery_here(&sealed, &expect, None, &mut hsm);
    let mut domain = begun.unwrap();
    let refused = LifecycleError::NeedsNewerModule(NeedsNewerModule {
        have: ModuleVersion::new(2),
        need: ModuleVersion::new(3),
    });
    for key in &keys[..2] {
        hsm.module_version = 2;
        let added = domain.add_share(&sealed, share(&sealed, key), &mut hsm);
        assert_eq!(added, Err(refused));
        hsm.module_version = 3;
        let added = domain.add_share(&sealed, share(&sealed, key), &mut hsm);
        assert!(added.is_ok());
    }
    hsm.module_version = 2;
    let opened = domain.quorum().unwrap().open(&sealed, &mut hsm);
    let opened = opened.unwrap_err();
    assert_eq!(opened.error, refused);
    hsm.module_version = 3;
    assert!(opened.domain.open(&sealed, &mut hsm).is_ok());
}

#[test]
fn a_custodian_refuses_older_firmware() {
    let keys = fast_keys(3);
    let (file, expect) = newer(&keys);
    let sealed = SealedDomain::parse(&file).unwrap();
    let (mut vault, mut hsm) = (vault(), hsm(2));
    hsm.module_version = 3;
    let domain = empty(&mut vault, &mut hsm);
    let mut request = [0; Request::MAX_LEN];
    let (_, len) = domain
        .begin_recovery(&sealed, &expect, None, &mut hsm, &mut request)
        .unwrap();
    let share = share(&sealed, &keys[0]);
    let answer = |request: &[u8]| {
        let request = Request::parse(request).unwrap();
        let digest = request.digest();
        let vetted = VettedRequest::compared(request, digest).unwrap();
        let mut out = [0xaa; Contribution::MAX_LEN];
        contribute(&sealed, &expect, &vetted, &share, 0, &mut rng(1), &mut out).map(drop)
    };
    assert_eq!(answer(&request[..len]), Ok(()));
    // The version stands behind the 16 bytes of the instance id. This is the request of an HSM that asks all the same.
    let at = request[..len]
        .windows(18)
        .position(|bytes| bytes[0] == 0x50 && bytes[17] == 3)
        .unwrap();
    request[at + 17] = 2;
    assert_eq!(
        answer(&request[..len]),
        Err(ContributeError::NeedsNewerModule(NeedsNewerModule {
            have: ModuleVersion::new(2),
            need: ModuleVersion::new(3),
        }))
    );
}
