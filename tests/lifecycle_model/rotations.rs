// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a change of the quorum: consents and proofs, good ones and bad, and how it ends.

use std::collections::BTreeSet;

use security_domain::contribution::{VettedRequest, contribute, contribution_len};
use security_domain::drill::{Challenge, ChallengeDigest, Response, respond};
use security_domain::lifecycle::{Committed, Expiry, Proofs, Rotating, RotationError};
use security_domain::sealed_domain::DomainShare;

use super::super::model::{Clock, Rotation};
use super::*;

/// A complete file, and the keys of its custodians.
#[derive(Clone)]
pub(super) struct Filed {
    pub(super) file: Vec<u8>,
    pub(super) keys: Vec<FastKey>,
}

/// What a proposal wrote.
#[derive(Clone)]
pub(super) struct Proposal {
    /// The present file.
    present: HeaderDigest,
    pending: Vec<u8>,
    request: Vec<u8>,
    keys: Vec<FastKey>,
    /// The place of the transfer key.
    pub(super) transfer: usize,
    /// The release, which must not be in memory once the rotation was abandoned.
    pub(super) release: Vec<u8>,
    /// Whether the release has left the HSM.
    pub(super) has_left: bool,
    challenges: Vec<Vec<u8>>,
}

/// What a step of a rotation comes to if nothing fails: the same, another state, or a refusal.
type Effect = Result<Option<(Rotation, Event)>, fn(&LifecycleError) -> bool>;

fn parse(file: &[u8]) -> SealedDomain<'_> {
    SealedDomain::parse(file).unwrap()
}

impl Filed {
    pub(super) fn share(&self, place: usize) -> DomainShare {
        let key = &self.keys[place];
        let rng = &mut ChaCha20Rng::from_seed([0; 32]);
        let sealed = parse(&self.file);
        sealed
            .unwrap_share(key.id(), &mut key.clone(), rng)
            .unwrap()
    }

    pub(super) fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(parse(&self.file).header().domain_id(), Epoch::FIRST)
    }

    /// What the custodian at `place` consents to.
    fn consent(&self, place: usize, request: &[u8]) -> Vec<u8> {
        let request = Request::parse(request).unwrap();
        let shown = request.digest();
        let vetted = VettedRequest::compared(request, shown).unwrap();
        let mut out = vec![0; contribution_len(vetted.request())];
        let rng = &mut ChaCha20Rng::from_seed([place as u8; 32]);
        let (sealed, share) = (parse(&self.file), self.share(place));
        contribute(&sealed, &self.expect(), &vetted, &share, 0, rng, &mut out).unwrap();
        out
    }
}

impl Proposal {
    /// What the next custodian at `place` answers to a challenge.
    fn response(&self, place: usize, challenge: &[u8]) -> Vec<u8> {
        let filed = Filed {
            file: self.pending.clone(),
            keys: self.keys.clone(),
        };
        let (sealed, challenge) = (parse(&filed.file), Challenge::parse(challenge).unwrap());
        let (mut key, share) = (self.keys[place].clone(), filed.share(place));
        let rng = &mut ChaCha20Rng::from_seed([place as u8; 32]);
        let value = challenge.unwrap_value(&sealed, key.id(), &mut key, rng);
        let value = value.unwrap();
        let mut out = vec![0; Response::MAX_LEN];
        let made = respond(
            &sealed,
            &filed.expect(),
            &challenge,
            &share,
            Some(&value),
            rng,
            &mut out,
        );
        made.unwrap().as_bytes().to_vec()
    }
}

/// The release of the open rotation in these bytes: the string after the header's digest and the
/// epoch.
fn release_in(contents: &[u8], header: &HeaderDigest) -> Vec<u8> {
    let places = contents.windows(32);
    let at = { places }
        .position(|place| place == header.as_bytes())
        .unwrap()
        + 32;
    let string = contents[at..]
        .windows(2)
        .position(|head| head == [0x58, 32]);
    let start = at + string.unwrap() + 2;
    contents[start..start + 32].to_vec()
}

impl Life {
    /// The complete file with this header, if the HSM has ever completed it.
    pub(super) fn filed(&self, header: HeaderDigest) -> Option<&Filed> {
        let files = self.files.iter();
        { files }.find(|filed| parse(&filed.file).header().digest() == header)
    }

    /// Files a complete file.
    pub(super) fn file(&mut self, file: Vec<u8>, keys: Vec<FastKey>) {
        if self.filed(parse(&file).header().digest()).is_none() {
            self.files.push(Filed { file, keys });
        }
    }

    fn rotation(&self) -> &Rotation {
        self.now
            .rotation
            .as_ref()
            .expect("the quorum is being changed")
    }

    fn changed(&self, rotation: Rotation) -> Model {
        Model {
            rotation: Some(rotation),
            ..self.now.clone()
        }
    }

    pub(super) fn propose<'v>(&mut self, domain: In<'v, Active>, b: u8) -> At<'v> {
        let (epoch, header) = self.now.standing.expect("it is sealed");
        let Some(present) = self.filed(header).cloned() else {
            return At::Active(domain);
        };
        let first = 96 + 4 * (self.proposals.len() % 32) as u8;
        let keys: Vec<FastKey> = (first..first + 3).map(FastKey).collect();
        let now = self.hsm.now;
        let lifetime = (now != 0 && b & 1 == 0).then_some(1000);
        let clock = Clock {
            latest: now,
            expires: lifetime.map_or(0, |lifetime| now + lifetime),
        };
        self.hsm.kind = Some(Algorithm::XWing);
        let (mut pending, mut request) = (vec![0xaa; 0x2000], vec![0xaa; Request::MAX_LEN]);
        let proposed = domain.propose(
            &parse(&present.file),
            &activation(&keys, 2),
            Proofs::Threshold,
            lifetime.and_then(|lifetime: u64| lifetime.try_into().ok()),
            &mut self.hsm,
            (&mut pending, &mut request),
        );
        let next = |epoch, header, request, proposal| Rotation {
            proposal,
            epoch,
            header,
            request: Some(request),
            consents: BTreeSet::new(),
            challenge: None,
            proofs: BTreeSet::new(),
            clock,
        };
        let rotating = |life: &Self, rotation| Model {
            stage: Stage::Rotating,
            ..life.changed(rotation)
        };
        match proposed {
            Ok((domain, written)) => {
                pending.truncate(written.pending);
                request.truncate(written.request);
                let sealed = parse(&pending);
                let (after, new) = (sealed.header().epoch(), sealed.header().digest());
                assert!(sealed.is_pending() && after.get() == epoch.get() + 1);
                let digest = Request::parse(&request).unwrap().digest();
                let contents = at_rest(&self.hsm.flash);
                self.transfers.push(Transfer {
                    request: request.clone(),
                    secrets: key_in(&contents),
                });
                let release = release_in(&contents, &new);
                self.proposals.push(Proposal {
                    present: header,
                    transfer: self.transfers.len() - 1,
                    challenges: Vec::new(),
                    pending,
                    request,
                    keys,
                    release,
                    has_left: false,
                });
                self.begun = true;
                let place = self.proposals.len() - 1;
                let event = Event::Propose {
                    epoch: after,
                    header: new,
                    request: digest,
                };
                let next = rotating(self, next(after, new, digest, Some(place)));
                self.took_place(next, event);
                self.tally.proposed += 1;
                At::Rotating(domain)
            }
            Err(refused) => {
                assert!(pending.iter().chain(&request).all(|byte| *byte == 0));
                self.did_not(refused.error, |life| match life.heard().last() {
                    Some(Event::Propose {
                        epoch,
                        header,
                        request,
                    }) => rotating(life, next(*epoch, *header, *request, None)),
                    _ => life.now.clone(),
                });
                At::Active(refused.domain)
            }
        }
    }

    pub(super) fn rotate<'v>(&mut self, mut domain: In<'v, Rotating>, a: u8, b: u8) -> At<'v> {
        let Some(place) = self.rotation().proposal else {
            return self.abandon(domain);
        };
        let custodian = usize::from(b % 3);
        let (outcome, effect) = match a & 7 {
            0 if b & 3 == 0 => return self.abandon(domain),
            0 => return self.expire(domain),
            1 | 2 => self.consent(&mut domain, place, custodian, b & 0x70 != 0),
            3 => self.challenge(&mut domain, place),
            4 | 5 => match self.prove(&mut domain, place, custodian, b & 0x70 != 0) {
                Some(answer) => answer,
                None => return At::Rotating(domain),
            },
            _ => return self.commit(domain, place),
        };
        if domain.rotation().is_none() {
            return self.over(domain, outcome.expect_err("it is over"));
        }
        self.compare(outcome, effect);
        At::Rotating(domain)
    }

    /// A step did what it should, or time, sink or flash did not allow it.
    fn compare(&mut self, outcome: Result<(), LifecycleError>, effect: Effect) {
        if matches!(outcome, Err(LifecycleError::Record(_))) && self.heard().is_empty() {
            assert!(self.failed(), "{outcome:?}");
            return;
        }
        match self.rotation().clock.tick(self.hsm.now) {
            Tick::Fine => {}
            Tick::Over => panic!("it is over: {outcome:?}"),
            Tick::WentBack { seen } => {
                let have = self.hsm.now;
                let went_back = LifecycleError::ClockWentBack { have, seen };
                return assert_eq!(outcome, Err(went_back));
            }
        }
        match (outcome, effect) {
            (Ok(()), Ok(Some((next, event)))) => {
                let next = self.changed(next);
                self.took_place(next, event);
            }
            (Ok(()), Ok(None)) => assert!(self.heard().is_empty()),
            (Err(error), Ok(Some((next, _)))) => self.did_not(error, |life| life.changed(next)),
            (Err(error), Err(is_expected)) => {
                assert!(is_expected(&error), "{error:?}");
                self.tally.forged += 1;
            }
            (outcome, effect) => panic!("{outcome:?}, {:?}", effect.is_ok()),
        }
    }

    /// The rotation with the time of a step that took effect.
    fn noted(&self) -> Rotation {
        let mut rotation = self.rotation().clone();
        rotation.clock.note(self.hsm.now);
        rotation
    }

    /// A present custodian consents; or a consent comes that was changed on its way, or is to
    /// another request.
    fn consent(
        &mut self,
        domain: &mut In<'_, Rotating>,
        place: usize,
        custodian: usize,
        good: bool,
    ) -> (Result<(), LifecycleError>, Effect) {
        let proposal = &self.proposals[place];
        let present = self.filed(proposal.present).expect("it is filed");
        let earlier = self.proposals[..place].iter();
        let other = { earlier }.find(|earlier| earlier.present == proposal.present);
        let answered = match (good, other) {
            (false, Some(other)) => &other.request,
            _ => &proposal.request,
        };
        let mut bytes = present.consent(custodian, answered);
        if !good && other.is_none() {
            *bytes.last_mut().unwrap() ^= 1;
        }
        let contribution = Contribution::parse(&bytes).unwrap();
        let file = present.file.clone();
        let key = present.keys[custodian].id();
        let outcome = domain.consent(&parse(&file), &contribution, &mut self.hsm);
        let mut next = self.noted();
        let is_new = next.consents.insert(custodian);
        let effect: Effect = match good {
            true => Ok(is_new.then_some((next, Event::Consent { custodian: key }))),
            false => Err(|error| matches!(error, LifecycleError::Contribution(_))),
        };
        if let Ok(added) = &outcome {
            assert_eq!(*added == Added::New, is_new);
        }
        (outcome.map(drop), effect)
    }

    /// The next custodians are challenged anew.
    fn challenge(
        &mut self,
        domain: &mut In<'_, Rotating>,
        place: usize,
    ) -> (Result<(), LifecycleError>, Effect) {
        let Proposal { pending, keys, .. } = self.proposals[place].clone();
        let mut out = vec![0xaa; Challenge::written_len(&keys)];
        let made = domain.challenge(&parse(&pending), &keys, &mut self.hsm, &mut out);
        let digest = match &made {
            Ok(len) => {
                out.truncate(*len);
                let digest = Challenge::parse(&out).unwrap().digest();
                self.proposals[place].challenges.push(out);
                Some(digest)
            }
            Err(_) => {
                assert!(out.iter().all(|byte| *byte == 0));
                match self.heard().last() {
                    Some(Event::Challenge { challenge }) => Some(*challenge),
                    _ => None,
                }
            }
        };
        let mut next = self.noted();
        let none = ChallengeDigest::from_bytes([0; 32]);
        let challenge = digest.unwrap_or(none);
        next.challenge = Some(challenge);
        (
            made.map(drop),
            Ok(Some((next, Event::Challenge { challenge }))),
        )
    }

    /// A next custodian answers the present challenge, or an earlier one.
    fn prove(
        &mut self,
        domain: &mut In<'_, Rotating>,
        place: usize,
        custodian: usize,
        good: bool,
    ) -> Option<(Result<(), LifecycleError>, Effect)> {
        let proposal = self.proposals[place].clone();
        let wanted = self.rotation().challenge;
        let is_wanted = |challenge: &&Vec<u8>| {
            let challenge = Challenge::parse(challenge).unwrap();
            Some(challenge.digest()) == wanted
        };
        let mut challenges = proposal.challenges.iter();
        let challenge = challenges.find(|challenge| is_wanted(challenge) == good)?;
        let response = proposal.response(custodian, challenge);
        let outcome = domain.prove(
            &parse(&proposal.pending),
            &Challenge::parse(challenge).unwrap(),
            &Response::parse(&response).unwrap(),
            &mut self.hsm,
        );
        let mut next = self.noted();
        let is_new = next.proofs.insert(custodian);
        let event = Event::Prove {
            custodian: proposal.keys[custodian].id(),
        };
        let effect: Effect = match good {
            true => Ok(is_new.then_some((next, event))),
            false => Err(|error| {
                matches!(
                    error,
                    LifecycleError::Rotation(RotationError::OtherChallenge { .. })
                )
            }),
        };
        Some((outcome.map(drop), effect))
    }

    /// The release may leave, if enough have consented and proven.
    fn commit<'v>(&mut self, domain: In<'v, Rotating>, place: usize) -> At<'v> {
        let proposal = self.proposals[place].clone();
        let present = self.filed(proposal.present).expect("it is filed");
        let quorum = parse(&present.file).header().quorum();
        let need = usize::from(quorum.threshold().get());
        let (consented, proven) = {
            let rotation = self.rotation();
            (rotation.consents.len() >= need, rotation.proofs.len() >= 2)
        };
        let mut next = self.noted();
        let event = Event::Commit {
            epoch: next.epoch,
            header: next.header,
        };
        next.request = None;
        next.clock.expires = 0;
        match domain.commit(&parse(&proposal.pending), &mut self.hsm) {
            Ok(domain) => {
                assert!(consented && proven);
                let next = Model {
                    stage: Stage::Committed,
                    ..self.changed(next)
                };
                self.took_place(next, event);
                self.tally.committed += 1;
                self.proposals[place].has_left = true;
                At::Committed(domain)
            }
            Err(refused) if refused.domain.rotation().is_none() => {
                self.over(refused.domain, refused.error)
            }
            Err(refused) => {
                let error = refused.error;
                if consented && proven {
                    self.compare(Err(error), Ok(Some((next.clone(), event))));
                    if let Some(last) = self.rest.last_mut()
                        && last.rotation.as_ref() == Some(&next)
                    {
                        last.stage = Stage::Committed;
                    }
                } else if consented {
                    let few: fn(&LifecycleError) -> bool = |error| {
                        matches!(
                            error,
                            LifecycleError::Rotation(RotationError::NoProof { .. })
                        )
                    };
                    self.compare(Err(error), Err(few));
                } else {
                    let few: fn(&LifecycleError) -> bool = |error| {
                        matches!(
                            error,
                            LifecycleError::Rotation(RotationError::NoConsent { .. })
                        )
                    };
                    self.compare(Err(error), Err(few));
                }
                At::Rotating(refused.domain)
            }
        }
    }

    /// The file is completed and confirmed; a pending one is refused.
    pub(super) fn confirm_rotation<'v>(&mut self, domain: In<'v, Committed>, b: u8) -> At<'v> {
        let place = self.rotation().proposal.expect("it was committed with it");
        self.proposals[place].has_left = true;
        let Proposal { pending, keys, .. } = self.proposals[place].clone();
        match domain.complete_next(&parse(&pending), &mut self.hsm) {
            Ok(parts) => {
                let complete = parts.concat();
                assert!(!parse(&complete).is_pending());
                self.file(complete, keys);
            }
            Err(error) => {
                self.did_not(error, |life| life.now.clone());
                return At::Committed(domain);
            }
        }
        let (epoch, header) = (self.rotation().epoch, self.rotation().header);
        let file = match b & 3 {
            0 => pending,
            _ => self.filed(header).expect("it is filed").file.clone(),
        };
        self.begin();
        let mut next = Model {
            standing: Some((epoch, header)),
            ..self.now.without_rotation()
        };
        next.demands.open = None;
        match domain.confirm(&parse(&file), &mut self.hsm) {
            Ok(domain) => {
                assert!(b & 3 != 0);
                self.took_place(next, Event::Confirm { epoch, header });
                self.tally.rotated += 1;
                At::Active(domain)
            }
            Err(refused) => {
                match (refused.error, b & 3) {
                    (LifecycleError::Pending, 0) => assert!(self.heard().is_empty()),
                    (error @ LifecycleError::Record(_), 0) => {
                        assert!(self.failed() && self.heard().is_empty(), "{error}");
                    }
                    (error, _) => self.did_not(error, |_| next),
                }
                At::Committed(refused.domain)
            }
        }
    }

    fn abandon<'v>(&mut self, domain: In<'v, Rotating>) -> At<'v> {
        let (domain, written) = match domain.abandon(&mut self.hsm) {
            Ok(domain) => (domain, Ok(())),
            Err(refused) => (refused.domain, Err(refused.error)),
        };
        let next = self.now.without_rotation();
        self.ended(next, Event::EndRotation(Ended::Cancelled), written);
        self.tally.abandoned += 1;
        At::Active(domain)
    }

    /// The timer asks whether it is over.
    fn expire<'v>(&mut self, domain: In<'v, Rotating>) -> At<'v> {
        let is_over = self.rotation().clock.tick(self.hsm.now) == Tick::Over;
        let (domain, written) = match domain.expire(&mut self.hsm) {
            Ok(Expiry::Running(domain)) => {
                assert!(!is_over);
                return At::Rotating(domain);
            }
            Ok(Expiry::Over(domain)) => (domain, Ok(())),
            Err(refused) => (refused.domain, Err(refused.error)),
        };
        assert!(is_over);
        let next = self.now.without_rotation();
        self.ended(next, Event::EndRotation(Ended::Expired), written);
        self.tally.expired += 1;
        At::Active(domain)
    }

    /// A step found that the time is over, and ended the rotation: the domain is in use without it.
    fn over<'v>(&mut self, domain: In<'v, Rotating>, error: LifecycleError) -> At<'v> {
        assert_eq!(self.rotation().clock.tick(self.hsm.now), Tick::Over);
        let written = match error {
            LifecycleError::Expired => Ok(()),
            error => Err(error),
        };
        let next = self.now.without_rotation();
        self.ended(next.clone(), Event::EndRotation(Ended::Expired), written);
        self.tally.expired += 1;
        self.begin();
        let (domain, written) = match domain.expire(&mut self.hsm) {
            Ok(Expiry::Over(domain)) => (domain, Ok(())),
            Ok(Expiry::Running(_)) => panic!("it is over"),
            Err(refused) => (refused.domain, Err(refused.error)),
        };
        self.written(next, written);
        At::Active(domain)
    }
}
