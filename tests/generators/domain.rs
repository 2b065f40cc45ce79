// SPDX-License-Identifier: MIT OR Apache-2.0
//! The sealed domain, contributions and backups.

use security_domain::approval::{Act, ActKind, ActSubject, ActTerms, Approval, approve};
use security_domain::backup::BackupInfo;
use security_domain::contribution::{
    Contribution, Request, SessionId, SessionPublicKey, SessionPurpose, VettedRequest, contribute,
    contribution_len,
};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response, respond};
use security_domain::hazmat::backup;
use security_domain::hazmat::contribution::{Asking, open_contribution};
use security_domain::rsa::{PrivateKey, PublicKey};
use security_domain::sealed_domain::{
    Epoch, ExpectedDomain, InstanceId, LedgerHead, ModuleVersion, SealedDomain,
};

use crate::keys::made;
use crate::sealed::{self, fast_keys, sealing};
use crate::sharing::debug;
use crate::{ALL, Row, empty, fixtures};

/// What an act is to say.
const TERMS: ActTerms = ActTerms {
    kind: ActKind::EmitRelease,
    instance: InstanceId::from_bytes([7; 16]),
    subject: ActSubject::NONE,
    created: 0,
    expires: 0,
};

pub const ROWS: fn() -> Vec<Row> = || {
    vec![
        Row {
            name: "seal a domain",
            covers: &[
                "sealed_domain/seal seal",
                "sealed_domain/seal/make make",
                "sealed_domain/seal/make wrap_shares",
            ],
            // Data key, release, salt and coefficients.
            shows: 4,
            run: |rng| {
                let root =
                    security_domain::sealed_domain::Root::random(&mut sealed::rng(1)).unwrap();
                let (artifacts, keys) = (sealed::artifacts(), fast_keys(3));
                let sealing = sealing(&root, &artifacts, &keys, 2);
                let mut out = vec![0xaa; sealing.sealed_len().unwrap()];
                let mut scratch = sealed::scratch(&sealing);
                let done = debug(sealing.seal(rng, &mut scratch, &mut out).map(|_| 0));
                empty(&scratch);
                made(done, &out)
            },
        },
        Row {
            name: "unwrap a share of a domain",
            covers: &["sealed_domain/share unwrap_share"],
            shows: 0,
            run: |rng| {
                let mut key = fixtures::private_key("s2048_0");
                let others = ["s2048_1", "s2048_2"].map(fixtures::private_key);
                let keys = [&key, &others[0], &others[1]].map(|key| key.public_key().clone());
                let root =
                    security_domain::sealed_domain::Root::random(&mut sealed::rng(1)).unwrap();
                let artifacts = sealed::artifacts();
                let sealing = sealing(&root, &artifacts, &keys, 2);
                let mut out = vec![0; sealing.sealed_len().unwrap()];
                let mut scratch = sealed::scratch(&sealing);
                let sealed = { sealing }
                    .seal(&mut sealed::rng(2), &mut scratch, &mut out)
                    .unwrap();
                let id = sealed.header().custodians().next().unwrap().id;
                let share = debug(sealed.unwrap_share(id, &mut key, rng))?;
                Ok(share.custodian().as_bytes().to_vec())
            },
        },
        Row {
            name: "contribute",
            covers: &[
                "contribution/contribute contribute",
                "contribution/contribute write",
            ],
            shows: ALL,
            run: |rng| contribution(rng, &request()),
        },
        Row {
            name: "contribute to a transfer key of X-Wing",
            covers: &["contribution/request/transfer wrap", "kem/any wrap_to_spki"],
            shows: ALL,
            run: |rng| {
                let request =
                    include_bytes!("../vectors/sealed-domain/request-transfer-of-x-wing.cbor");
                contribution(
                    rng,
                    &request_of(Request::parse(request).unwrap().transfer()),
                )
            },
        },
        Row {
            name: "open a contribution",
            covers: &["contribution/answer open_contribution"],
            shows: 0,
            run: |rng| {
                let request = request();
                let contribution = contribution(&mut sealed::rng(4), &request)?;
                let (_, file) = sealed::sealed(1, &fast_keys(3), 2);
                let sealed = SealedDomain::parse(&file).unwrap();
                let digest = Request::parse(&request).unwrap().digest();
                let share = open_contribution(
                    &Contribution::parse(&contribution).unwrap(),
                    &sealed,
                    digest,
                    &mut fixtures::private_key("s2048_0"),
                    rng,
                );
                Ok(debug(share)?.custodian().as_bytes().to_vec())
            },
        },
        Row {
            name: "write a challenge",
            covers: &["drill/write write", "drill/write write_value"],
            // The name and the first value.
            shows: 2,
            run: |rng| {
                let keys = fast_keys(3);
                let (_, file) = sealed::sealed(1, &keys, 2);
                let sealed = SealedDomain::parse(&file).unwrap();
                let mut out = vec![0xaa; Challenge::written_len(&keys)];
                let written = Challenge::write(&sealed, &keys, 0, rng, &mut out);
                let written = debug(written.map(|challenge| challenge.as_bytes().len()));
                made(written, &out)
            },
        },
        Row {
            name: "answer a challenge",
            covers: &["drill/respond respond", "drill/value unwrap_value"],
            shows: 0,
            run: |rng| {
                let file = include_bytes!("../vectors/sealed-domain/good.sealed");
                let challenge = include_bytes!("../vectors/drill/challenge-good.cbor");
                let der = include_bytes!("../vectors/sealed-domain/keys/a.p8");
                let mut key = PrivateKey::from_pkcs8_der(der).unwrap();
                let id = key.public_key().id();
                let sealed = SealedDomain::parse(file).unwrap();
                let challenge = Challenge::parse(challenge).unwrap();
                let value = debug(challenge.unwrap_value(&sealed, id, &mut key, rng))?;
                let share = sealed.unwrap_share(id, &mut key, &mut sealed::rng(2));
                let (share, expect) = (share.unwrap(), ExpectedDomain::unpinned());
                let mut out = [0; Response::MAX_LEN];
                let value = Some(&value);
                let answer = respond(&sealed, &expect, &challenge, &share, value, rng, &mut out);
                Ok(debug(answer)?.as_bytes().to_vec())
            },
        },
        Row {
            name: "write an act",
            covers: &["approval/write draw", "approval/write write"],
            // The act's id.
            shows: 1,
            run: |rng| {
                let file = include_bytes!("../vectors/sealed-domain/good.sealed");
                let sealed = SealedDomain::parse(file).unwrap();
                let mut out = [0xaa; Act::MAX_LEN];
                let written = Act::write(&sealed, &TERMS, rng, &mut out);
                let written = debug(written.map(|act| act.as_bytes().len()));
                made(written, &out)
            },
        },
        Row {
            name: "approve an act",
            covers: &["approval/approve approve", "approval/approve write"],
            shows: 0,
            run: |rng| {
                let file = include_bytes!("../vectors/sealed-domain/good.sealed");
                let act = include_bytes!("../vectors/approval/act-without-an-end.cbor");
                let der = include_bytes!("../vectors/sealed-domain/keys/a.p8");
                let mut key = PrivateKey::from_pkcs8_der(der).unwrap();
                let id = key.public_key().id();
                let sealed = SealedDomain::parse(file).unwrap();
                let act = Act::parse(act).unwrap();
                let share = debug(sealed.unwrap_share(id, &mut key, rng))?;
                let (expect, mut out) = (ExpectedDomain::unpinned(), [0; Approval::MAX_LEN]);
                let approval = approve(&sealed, &expect, &act, &share, 0, rng, &mut out);
                Ok(debug(approval)?.as_bytes().to_vec())
            },
        },
        Row {
            name: "begin a backup",
            covers: &["backup/writer begin", "hazmat write"],
            shows: ALL,
            run: |rng| {
                let root =
                    security_domain::sealed_domain::Root::random(&mut sealed::rng(1)).unwrap();
                let plan = BackupInfo {
                    epoch: Some(Epoch::FIRST),
                    instance: InstanceId::from_bytes([7; 16]),
                    ledger_head: LedgerHead::NONE,
                    kind: security_domain::backup::Kind::Full(None),
                    created: 0,
                    length: 100,
                };
                Ok(debug(backup::write(
                    &root,
                    &plan,
                    rng,
                    &mut backup::BackupKey::none(),
                ))?
                .front()
                .to_vec())
            },
        },
    ]
};

/// A request of an HSM whose transfer key is one of the fixtures.
fn request() -> Vec<u8> {
    let key = fixtures::private_key("s2048_0");
    let mut spki = [0; PublicKey::SPKI_MAX_LEN];
    let len = key.public_key().to_spki_der(&mut spki).unwrap();
    let algorithm = key.public_key().algorithm();
    request_of(SessionPublicKey::new(algorithm, &spki[..len]).unwrap())
}

fn request_of(transfer: SessionPublicKey<'_>) -> Vec<u8> {
    let (root, file) = sealed::sealed(1, &fast_keys(3), 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let asking = Asking {
        purpose: SessionPurpose::Recover,
        session: SessionId::from_bytes([3; 32]),
        header: sealed.header().digest(),
        domain_id: root.domain_id().unwrap(),
        epoch: Epoch::FIRST,
        transfer,
        instance: InstanceId::from_bytes([5; 16]),
        module_version: ModuleVersion::NONE,
        created: 0,
        expires: 0,
        ledger_head: LedgerHead::NONE,
    };
    let mut out = vec![0; asking.request_len(false).unwrap()];
    asking.write(None, &mut out).unwrap().as_bytes().to_vec()
}

fn contribution<R: rand_core::TryCryptoRng>(
    rng: &mut R,
    request: &[u8],
) -> Result<Vec<u8>, String> {
    let keys = fast_keys(3);
    let (root, file) = sealed::sealed(1, &keys, 2);
    let sealed = SealedDomain::parse(&file).unwrap();
    let expect = ExpectedDomain::new(root.domain_id().unwrap(), Epoch::FIRST);
    let request = Request::parse(request).unwrap();
    let shown = request.digest();
    let vetted = VettedRequest::compared(request, shown).unwrap();
    let share = sealed::share(&sealed, &keys[0]);
    let mut out = vec![0xaa; contribution_len(vetted.request())];
    let done = contribute(&sealed, &expect, &vetted, &share, 0, rng, &mut out);
    let done = debug(done.map(|_| 0));
    made(done, &out)
}
