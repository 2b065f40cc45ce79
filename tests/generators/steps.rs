// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a domain's life. A refused one leaves the state and the flash as they were.

use security_domain::approval::{Act, ActKind};
use security_domain::backup::Kind;
use security_domain::contribution::Request;
use security_domain::custodian::Algorithm;
use security_domain::drill::Challenge;
use security_domain::lifecycle::{
    ExpectedArtifact, LifecycleError, Proofs, ROOT_TAG, Refused, State,
};
use security_domain::managed_hsm::Tag;
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::ArtifactTag;
use security_domain::x509::SELF_SIGNED_MAX_LEN;

use crate::change::{self, Change};
use crate::flash::{Flash, Hsm, RsaEngine, WithRng};
use crate::once::Once;
use crate::sealed::{artifacts, fast_keys};
use crate::world::{In, Lost, activation, active, empty, hsm, parse, provisioned, vault};
use crate::{ALL, Row, azure, empty as zeros};

pub const ROWS: fn() -> Vec<Row> = || {
    vec![
        Row {
            name: "provision",
            covers: &[
                "lifecycle/provision provision",
                "lifecycle/provision draw",
                "lifecycle/provision drawn",
                "lifecycle/provision session_instance",
                "lifecycle/instance draw",
                "storage/record/layout draw_salt",
            ],
            shows: ALL,
            run: |rng| {
                let (mut vault, mut hsm) = (vault(), hsm(1));
                let domain = empty(&mut vault, &mut hsm);
                let before = (domain.status(), hsm.flash.clone());
                let done = domain.provision(&artifacts(), &mut WithRng(&mut hsm, rng));
                after(done, before, &hsm)
            },
        },
        Row {
            name: "seal",
            covers: &[
                "lifecycle/activate seal",
                "sealed_domain/seal seal_holding_back",
            ],
            // Data key, release, salt and coefficients.
            shows: 4,
            run: |rng| {
                let (mut vault, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
                let domain = provisioned(&mut vault, &mut hsm);
                let before = (domain.status(), hsm.flash.clone());
                let mut out = vec![0xaa; domain.sealed_len(&activation(&keys)).unwrap()];
                let mut host = WithRng(&mut hsm, rng);
                let done = domain.seal(&activation(&keys), &mut host, &mut out);
                if done.is_err() {
                    zeros(&out);
                }
                // Nothing is saved: what was drawn is in the file.
                after(done.map(|(domain, _)| domain), before, &hsm).map(|_| out)
            },
        },
        Row {
            name: "begin a recovery",
            covers: &[
                "lifecycle/ask draw_session",
                "lifecycle/recover/begin begin_recovery",
            ],
            // As for any key of RSA.
            shows: 0,
            run: |rng| begun(rng, |hsm| hsm.kind = Some(Algorithm::Rsa2048OaepSha256)),
        },
        Row {
            name: "begin a recovery with a transfer key of X-Wing",
            covers: &[
                "kem/any generate",
                "kem/any generate_of",
                "kem/any unwrap_key",
                "lifecycle/session_key generate_kem",
            ],
            // What the key is tested with does not show.
            shows: 0,
            run: |rng| begun(rng, |hsm| hsm.kind = Some(Algorithm::XWing)),
        },
        Row {
            name: "begin a recovery with a device for the transfer key",
            covers: &["lifecycle/device generate_in_device"],
            // What tests the device does not show.
            shows: 0,
            run: |rng| begun(rng, |hsm| hsm.engine = Some(RsaEngine::new())),
        },
        Row {
            name: "propose another quorum",
            covers: &[
                "lifecycle/rotate/propose ask_present",
                "lifecycle/rotate/propose seal_next",
            ],
            // Data key, release, salt and coefficients; the transfer key is as for a recovery.
            shows: 4,
            run: |rng| {
                let (mut vault, mut hsm) = (vault(), hsm(1));
                hsm.kind = Some(Algorithm::XWing);
                let (quorums, domain) = Change::new(&mut vault, &mut hsm);
                let before = (domain.status(), hsm.flash.clone());
                let mut host = WithRng(&mut hsm, rng);
                match quorums.propose(domain, Proofs::All, 0, &mut host) {
                    Ok((_, files)) => Ok([files.pending, files.request].concat()),
                    Err((domain, error)) => {
                        assert_eq!((domain.status(), hsm.flash.clone()), before);
                        Err(text(error))
                    }
                }
            },
        },
        Row {
            name: "challenge the next quorum",
            covers: &["lifecycle/rotate/prove challenge"],
            // Its name and the first value; then the fast key of the tests draws.
            shows: 2,
            run: |rng| {
                let (mut vault, mut hsm) = (vault(), hsm(1));
                hsm.kind = Some(Algorithm::XWing);
                let (quorums, domain) = Change::new(&mut vault, &mut hsm);
                let Ok((mut domain, files)) = quorums.propose(domain, Proofs::All, 0, &mut hsm)
                else {
                    panic!("it can be proposed");
                };
                let before = (domain.rotation(), hsm.flash.clone());
                let mut out = vec![0xaa; Challenge::written_len(&quorums.new)];
                let pending = change::parse(&files.pending);
                let mut host = WithRng(&mut hsm, rng);
                match domain.challenge(&pending, &quorums.new, &mut host, &mut out) {
                    Ok(_) => Ok(out),
                    Err(error) => {
                        zeros(&out);
                        assert_eq!((domain.rotation(), hsm.flash.clone()), before);
                        Err(text(error))
                    }
                }
            },
        },
        Row {
            name: "ask for approval of an act",
            covers: &["lifecycle/demand ask_approval"],
            // Its name; the salts of the record do not show.
            shows: 1,
            run: |rng| {
                let (mut vault, mut hsm) = (vault(), hsm(1));
                let (quorums, mut domain) = Change::new(&mut vault, &mut hsm);
                let before = (domain.open_act(), hsm.flash.clone());
                let mut out = vec![0xaa; Act::MAX_LEN];
                let (current, kind) = (change::parse(&quorums.file), ActKind::FullBackup);
                let mut host = WithRng(&mut hsm, rng);
                match domain.ask_approval(&current, kind, None, &mut host, &mut out) {
                    Ok(_) => Ok(out),
                    Err(error) => {
                        zeros(&out);
                        assert_eq!((domain.open_act(), hsm.flash.clone()), before);
                        Err(text(error))
                    }
                }
            },
        },
        Row {
            name: "begin a recovery at one place",
            covers: &["lifecycle/recover/begin begin_recovery_here"],
            shows: ALL,
            run: |rng| {
                let (lost, mut vault, mut hsm) = (Lost::new(1), vault(), hsm(2));
                let domain = empty(&mut vault, &mut hsm);
                let before = (domain.status(), hsm.flash.clone());
                let (sealed, expect) = (lost.sealed(), lost.expect());
                let mut host = WithRng(&mut hsm, rng);
                let done = domain.begin_recovery_here(&sealed, &expect, None, &mut host);
                after(done, before, &hsm)
            },
        },
        Row {
            name: "add a contribution",
            covers: &["lifecycle/session_key unwrap_key"],
            shows: 0,
            run: |rng| {
                let (lost, mut vault, mut hsm) = (Lost::new(1), vault(), hsm(2));
                // A key of another kind draws nothing to unwrap.
                hsm.kind = Some(Algorithm::Rsa2048OaepSha256);
                let (mut domain, request) = lost.recovering(&mut vault, &mut hsm, 0);
                let contribution = lost.contribution(0, &request);
                let before = hsm.flash.clone();
                let mut host = WithRng(&mut hsm, rng);
                let done = domain.add(&lost.sealed(), &parse(&contribution), &mut host);
                if done.is_err() {
                    assert_eq!(domain.contributors().count(), 0);
                    assert_eq!(hsm.flash, before);
                }
                done.map(|_| hsm.flash.encode()).map_err(text)
            },
        },
        Row {
            name: "open",
            covers: &[],
            shows: ALL,
            run: |rng| {
                let (lost, mut vault, mut hsm) = (Lost::new(1), vault(), hsm(2));
                let mut domain = lost.recovering_here(&mut vault, &mut hsm);
                let sealed = lost.sealed();
                for key in &lost.keys[..2] {
                    let share = crate::sealed::share(&sealed, key);
                    domain.add_share(&sealed, share, &mut hsm).unwrap();
                }
                let domain = domain.quorum().unwrap();
                let before = (domain.status(), hsm.flash.clone());
                let done = domain.open(&sealed, &mut WithRng(&mut hsm, rng));
                after(done, before, &hsm)
            },
        },
        Row {
            name: "begin a backup of an active domain",
            covers: &["lifecycle/backup begin_backup"],
            shows: ALL,
            run: |rng| {
                let (mut vault, mut hsm, keys) = (vault(), hsm(1), fast_keys(3));
                let (mut domain, _) = active(&mut vault, &mut hsm, &keys);
                let before = (domain.status(), hsm.flash.clone());
                let begun = domain.begin_backup(Kind::Full(None), 10, &mut WithRng(&mut hsm, rng));
                if begun.is_err() {
                    assert_eq!(hsm.flash, before.1);
                }
                let begun = begun.map_err(text)?;
                Ok([begun.front(), &hsm.flash.encode()].concat())
            },
        },
        Row {
            name: "begin an import",
            covers: &[
                "lifecycle/import begin_import",
                "lifecycle/import/blob certify",
                "lifecycle/session_key generate",
            ],
            // As for any key of RSA.
            shows: 0,
            run: |rng| {
                let (mut vault, mut hsm) = (vault(), hsm(1));
                let domain = empty(&mut vault, &mut hsm);
                let before = (domain.status(), hsm.flash.clone());
                let mut out = [0xaa; SELF_SIGNED_MAX_LEN];
                let (size, expected) = (ModulusSize::Rsa2048, expected(false));
                let mut host = WithRng(&mut hsm, rng);
                let done = domain.begin_import(size, &expected, None, &mut host, &mut out);
                if done.is_err() {
                    zeros(&out);
                }
                after(done.map(|(domain, _)| domain), before, &hsm)
            },
        },
        Row {
            name: "import without a root",
            covers: &["lifecycle/import/blob open"],
            shows: 0,
            run: |rng| import(rng, false),
        },
        Row {
            name: "import with a root",
            covers: &[],
            shows: 0,
            run: |rng| import(rng, true),
        },
    ]
};

fn text(error: LifecycleError) -> String {
    format!("{error:?}")
}

/// What the flash holds after a step; after a refusal, that nothing has changed.
fn after<S: State, T: State>(
    done: Result<In<'_, S>, Refused<In<'_, T>>>,
    (status, flash): (security_domain::lifecycle::Status, Flash),
    hsm: &Hsm,
) -> Result<Vec<u8>, String> {
    match done {
        Ok(_) => Ok(hsm.flash.encode()),
        Err(refused) => {
            assert_eq!(refused.domain.status(), status);
            assert_eq!(hsm.flash, flash);
            Err(text(refused.error))
        }
    }
}

fn expected(root: bool) -> Vec<ExpectedArtifact<'static>> {
    let tags = ["signing-key", "backup", ROOT_TAG];
    let expected = tags[..if root { 3 } else { 2 }].iter();
    expected
        .map(|tag| ExpectedArtifact {
            tag: ArtifactTag::new(tag).unwrap(),
            digest: None,
        })
        .collect()
}

/// The try has been counted on the flash by the time that the blob is opened; nothing else has changed.
fn import(rng: &mut Once, root: bool) -> Result<Vec<u8>, String> {
    let (mut vault, mut hsm) = (vault(), hsm(1));
    let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
    let (domain, len) = empty(&mut vault, &mut hsm)
        .begin_import(
            ModulusSize::Rsa2048,
            &expected(root),
            None,
            &mut hsm,
            &mut certificate,
        )
        .unwrap();
    let mut artifacts = azure::artifacts();
    if root {
        artifacts.push((Tag::new(ROOT_TAG).unwrap(), &[0x77; 32]));
    }
    let blob = azure::blob(&artifacts, &certificate[..len]);
    let before = domain.status();
    let blob = RestoreBlob::parse(&blob).unwrap();
    let done = domain.import(&blob, &mut WithRng(&mut hsm, rng));
    match done {
        Ok(_) => Ok(hsm.flash.encode()),
        Err(refused) => {
            assert_eq!(refused.domain.status(), before);
            Err(text(refused.error))
        }
    }
}

/// Begins a recovery in an HSM that `prepare` prepares.
fn begun(rng: &mut Once, prepare: fn(&mut Hsm)) -> Result<Vec<u8>, String> {
    let (lost, mut vault, mut hsm) = (Lost::new(1), vault(), hsm(2));
    prepare(&mut hsm);
    let domain = empty(&mut vault, &mut hsm);
    let before = (domain.status(), hsm.flash.clone());
    let mut out = [0xaa; Request::MAX_LEN];
    let mut host = WithRng(&mut hsm, rng);
    let (sealed, expect) = (lost.sealed(), lost.expect());
    let done = domain.begin_recovery(&sealed, &expect, None, &mut host, &mut out);
    if done.is_err() {
        zeros(&out);
    }
    after(done.map(|(domain, _)| domain), before, &hsm)
}
