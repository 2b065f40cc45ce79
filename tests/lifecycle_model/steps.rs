// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a life: what the HSM makes of each, and what the model does.

use super::*;

/// The keys of the custodians to whom an HSM seals its domain at first.
fn stored_keys() -> Vec<FastKey> {
    fast_keys(3).iter().map(|key| FastKey(key.0 + 64)).collect()
}

impl Life {
    pub(super) fn step<'v>(&mut self, at: At<'v>, [act, a, b]: [u8; 3]) -> At<'v> {
        self.begin();
        match act >> 5 {
            0 => {
                self.hsm.now = match a & 15 {
                    0 => 0,
                    1 => 500,
                    2 => self.hsm.now.max(10_000) + 5000,
                    _ => self.hsm.now.max(10_000) + 1,
                };
                at
            }
            1 => {
                self.hsm.refuses = a & 3 == 0;
                at
            }
            2 => {
                let fault = match a & 7 {
                    0 | 1 => Fault::Fails,
                    2 => Fault::FailsAfter,
                    3 => Fault::Lies,
                    4 => Fault::Cut(Tear::Unreadable),
                    5 => Fault::Cut(Tear::Over(usize::from(b) * 8)),
                    6 => Fault::Cut(Tear::Erased(usize::from(b) * 8)),
                    _ => Fault::Cut(Tear::Short(usize::MAX)),
                };
                self.hsm.fault(usize::from(b % 12), fault);
                at
            }
            3 if a & 15 == 0 => At::Empty(self.zeroize(at)),
            3 if a & 1 == 1 => self.without_draws(at, b),
            _ => match at {
                At::Empty(domain) => match act & 3 {
                    0 => self.provision(domain),
                    1 if self.keys > 0 && a & 1 == 0 => self.begin_import(domain, b),
                    _ => self.begin_recovery(domain, a, b),
                },
                At::Provisioned(domain) => self.activate(domain, b, At::Provisioned),
                At::Recovering(domain) => self.gather(domain, a, b),
                At::QuorumMet(domain) => match a & 7 {
                    0 => At::Empty(self.cancel(|hsm| domain.cancel(hsm))),
                    a => self.open(domain, a & 3 == 1),
                },
                At::Active(domain) if self.now.standing.is_none() && a & 1 == 1 => {
                    self.activate(domain, b, At::Active)
                }
                At::Active(mut domain) if self.now.standing.is_some() && act & 3 == 1 => {
                    self.demand_or_act(&mut domain, b);
                    At::Active(domain)
                }
                At::Active(domain) if self.now.standing.is_some() && act & 3 == 2 => {
                    self.propose(domain, b)
                }
                At::Active(domain) => self.use_it(domain),
                At::Rotating(domain) if act & 7 != 0 => self.rotate(domain, a, b),
                At::Rotating(mut domain) => {
                    self.use_while(&mut domain);
                    At::Rotating(domain)
                }
                At::Committed(domain) if act & 3 != 0 => self.confirm_rotation(domain, b),
                At::Committed(mut domain) => {
                    self.use_while(&mut domain);
                    At::Committed(domain)
                }
                At::Importing(domain) => self.import(domain, a, b),
                At::Imported(domain) => self.confirm(domain, a),
                other => other,
            },
        }
    }

    fn provision<'v>(&mut self, domain: In<'v, Empty>) -> At<'v> {
        let number = self.hsm.flash.counter;
        let mut rng = self.hsm.rng.clone();
        let now = self.hsm.now;
        let fresh = Fresh::drawn(&mut rng, self.hsm.device_key(), number, now).unwrap();
        let held = Held::born(*fresh.root.secret().expose());
        let seed = fresh.seed.expose();
        let next = Model {
            stage: Stage::Provisioned,
            hsm: Some((fresh.id, self.seeds.len())),
            held: Some((held.id, self.held.len())),
            ..Model::EMPTY
        };
        let event = Event::Provision { domain: held.id };
        let before = self.hsm.rng.clone();
        let provisioned = domain.provision(&held.artifacts(), &mut self.hsm);
        if self.hsm.rng == before {
            // It did not begin, and the next one will draw the same.
            let refused = provisioned.expect_err("a domain is drawn");
            self.did_not(refused.error, |life| life.now.clone());
            return At::Empty(refused.domain);
        }
        self.held.push(held);
        self.seeds.push(seed.to_vec());
        match provisioned {
            Ok(domain) => {
                self.took_place(next, event);
                At::Provisioned(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |_| next);
                At::Empty(refused.domain)
            }
        }
    }

    /// Seals the domain, stores the file in place of an earlier one, and activates the HSM; or the power
    /// fails in between, or the sealing is abandoned.
    fn activate<'v, S: Sealable>(
        &mut self,
        domain: In<'v, S>,
        a: u8,
        before: fn(In<'v, S>) -> At<'v>,
    ) -> At<'v> {
        let keys = stored_keys();
        let activation = activation(&keys, 2);
        let (id, _) = self.now.held.expect("it is provisioned");
        let mut file = vec![0xaa; domain.sealed_len(&activation).unwrap()];
        let (mut domain, len) = match domain.seal(&activation, &mut self.hsm, &mut file) {
            Ok(sealed) => sealed,
            Err(refused) => {
                assert!(file.iter().all(|byte| *byte == 0));
                self.did_not(refused.error, |life| life.now.clone());
                return before(refused.domain);
            }
        };
        // The flash is as it was before any activation that failed, so an earlier file is void.
        (self.rest, self.unsettled) = (vec![self.now.clone()], false);
        assert!(self.heard().is_empty());
        file.truncate(len);
        let sealed = SealedDomain::parse(&file).unwrap();
        assert!(sealed.is_pending() && sealed.header().domain_id() == id);
        let header = sealed.header().digest();
        self.stored = file.clone();
        self.tally.sealed += 1;
        let next = Model {
            stage: Stage::Active,
            standing: Some((Epoch::FIRST, header)),
            ..self.now.clone()
        };
        match a & 7 {
            0 => return before(domain.abandon()),
            1 => self.hsm.fault(0, Fault::Cut(Tear::Unreadable)),
            _ => {}
        }
        for _ in 0..=a >> 7 {
            self.begin();
            match domain.activate(&sealed, &mut self.hsm) {
                Ok(domain) => {
                    self.took_place(next, Event::Activate { domain: id, header });
                    self.tally.activated += 1;
                    return At::Active(domain);
                }
                Err(refused) => {
                    self.did_not(refused.error, |_| next.clone());
                    domain = refused.domain;
                }
            }
        }
        before(domain.abandon())
    }

    /// An active HSM completes the file that it was sealed to: the one that was stored last, or the one
    /// from which it was recovered.
    pub(super) fn completes(&mut self, domain: &In<'_, Active>) {
        let header = domain.status().header.expect("it is sealed");
        let mut files = vec![&*self.stored];
        files.extend([0, 1].map(|number| &*lost(number).file));
        files.extend(self.files.iter().map(|filed| &*filed.file));
        let stored = files
            .iter()
            .filter_map(|file| SealedDomain::parse(file).ok())
            .find(|file| file.header().digest() == header)
            .expect("its file is stored");
        match domain.complete(&stored, &mut self.hsm) {
            Ok(parts) => {
                assert!(!self.now.demands.release);
                let file = parts.concat();
                let complete = SealedDomain::parse(&file).unwrap();
                assert!(!complete.is_pending() && complete.header().digest() == header);
                self.tally.completed += 1;
                let number = [0, 1].into_iter().find(|at| lost(*at).header == header);
                let keys = match number {
                    Some(number) => lost(number).keys.clone(),
                    None => stored_keys(),
                };
                self.file(file, keys);
            }
            Err(error) if self.now.demands.release => {
                self.not_approved(ActKind::EmitRelease, error);
            }
            Err(error) => self.did_not(error, |life| life.now.clone()),
        }
    }

    fn begin_recovery<'v>(&mut self, domain: In<'v, Empty>, a: u8, b: u8) -> At<'v> {
        let number = usize::from(a & 1);
        let lost = lost(number);
        let sealed = lost.sealed();
        let (header, expect) = (sealed.header(), lost.expect());
        if a & 0xf0 == 0 {
            let wrong = ExpectedDomain::new(super::lost(1 - number).held.id, Epoch::FIRST);
            let refused = domain.begin_recovery_here(&sealed, &wrong, None, &mut self.hsm);
            let refused = refused.expect_err("another domain is expected");
            match refused.error {
                LifecycleError::Expect(_) => {}
                error => self.did_not(error, |life| life.now.clone()),
            }
            return At::Empty(refused.domain);
        }
        let (mut rng, before) = (self.hsm.rng.clone(), self.hsm.rng.clone());
        let (number_at_rest, now) = (self.hsm.flash.counter, self.hsm.now);
        let drawn = session_instance(
            &mut rng,
            self.hsm.device_key(),
            header.digest().as_bytes(),
            number_at_rest,
            now,
        );
        let (seed, id) = drawn.unwrap();
        let hsm = (id, self.seeds.len());
        let lifetime = (self.hsm.now != 0 && b & 1 == 0).then_some(1000);
        let mut session = Session::new(number, self.hsm.now, 0);
        let event = |request| Event::BeginRecovery {
            domain: header.domain_id(),
            epoch: header.epoch(),
            header: header.digest(),
            pinned: true,
            request,
        };
        let begun = if self.keys > 0 && a & 2 == 0 {
            self.keys -= 1;
            session.clock.expires = lifetime.map_or(0, |lifetime| self.hsm.now + lifetime);
            let mut request = vec![0; Request::MAX_LEN];
            let lifetime = lifetime.and_then(|lifetime| lifetime.try_into().ok());
            let hsm = &mut self.hsm;
            hsm.kind = (b & 2 == 0).then_some(Algorithm::Rsa2048OaepSha256);
            let begun = domain.begin_recovery(&sealed, &expect, lifetime, hsm, &mut request);
            begun.map(|(domain, len)| (domain, Some(request[..len].to_vec())))
        } else {
            let begun = domain.begin_recovery_here(&sealed, &expect, None, &mut self.hsm);
            begun.map(|domain| (domain, None))
        };
        if self.hsm.rng == before {
            // It did not begin, and the next one will draw the same.
            let refused = begun.map(drop).expect_err("a name is drawn");
            self.did_not(refused.error, |life| life.now.clone());
            return At::Empty(refused.domain);
        }
        self.seeds.push(seed.expose().to_vec());
        match begun {
            Ok((domain, request)) => {
                session.transfer = request.map(|request| {
                    let digest = Request::parse(&request).unwrap().digest();
                    let secrets = key_in(&at_rest(&self.hsm.flash));
                    assert!(!secrets.is_empty());
                    self.transfers.push(Transfer { request, secrets });
                    (digest, self.transfers.len() - 1)
                });
                let request = session.transfer.map(|(digest, _)| digest);
                self.begun = true;
                self.took_place(Model::in_session(hsm, session), event(request));
                At::Recovering(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |life| {
                    if let Some(Event::BeginRecovery { request, .. }) = life.heard().last() {
                        // The key is known to nobody, but perhaps to the flash.
                        session.transfer = request.map(|request| (request, usize::MAX));
                    }
                    Model::in_session(hsm, session)
                });
                At::Empty(refused.domain)
            }
        }
    }

    fn use_it<'v>(&mut self, mut domain: In<'v, Active>) -> At<'v> {
        self.use_while(&mut domain);
        if self.now.standing.is_some() {
            self.begin();
            self.completes(&domain);
        }
        At::Active(domain)
    }

    /// What a domain in use does, whether its quorum is being changed or not.
    fn use_while<S: InUse>(&mut self, domain: &mut In<'_, S>) {
        let (_, held) = self.now.held.expect("it is active");
        let artifacts = self.held[held].artifacts();
        match domain.artifacts(&mut self.hsm) {
            Ok(have) => assert!(have.eq(artifacts)),
            Err(error) => self.did_not(error, |life| life.now.clone()),
        }
        match domain.begin_backup(Kind::Full(None), 10, &mut self.hsm) {
            Ok(writer) => {
                let backup = writer.backup_id();
                // The state is the same, with another number.
                assert!(!self.now.demands.backup);
                self.took_place(self.now.clone(), Event::BeginBackup { backup, act: None });
            }
            Err(error) if self.now.demands.backup => {
                self.not_approved(ActKind::FullBackup, error);
            }
            Err(error) => self.did_not(error, |life| life.now.clone()),
        }
    }

    fn zeroize<'v>(&mut self, at: At<'v>) -> In<'v, Empty> {
        let (domain, written) = match at.zeroize(&mut self.hsm) {
            Ok(domain) => (domain, Ok(())),
            Err(refused) => (refused.domain, Err(refused.error)),
        };
        self.ended(Model::EMPTY, Event::Zeroize, written);
        domain
    }
}
