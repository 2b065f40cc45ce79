// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of an import: blobs that come in, good ones and bad, and what is named at the end.

use security_domain::lifecycle::{
    ExpectedArtifact, Imported, Importing, MAX_IMPORT_FAILURES, Unconfirmed,
};
use security_domain::managed_hsm::restore_blob::RestoreBlob;
use security_domain::rsa::ModulusSize;
use security_domain::sealed_domain::DomainId;
use security_domain::x509::SELF_SIGNED_MAX_LEN;

use super::super::model::Import;
use super::super::world::exported;
use super::*;

impl Life {
    pub(super) fn begin_import<'v>(&mut self, domain: In<'v, Empty>, b: u8) -> At<'v> {
        self.keys -= 1;
        let (mut rng, before) = (self.hsm.rng.clone(), self.hsm.rng.clone());
        let (number, now) = (self.hsm.flash.counter, self.hsm.now);
        let key = self.hsm.device_key();
        let (seed, id) = session_instance(&mut rng, key, b"import", number, now).unwrap();
        let hsm = (id, self.seeds.len());
        let lifetime = (now != 0 && b & 1 == 0).then_some(1000);
        let lifetime_or_none = lifetime.and_then(|lifetime: u64| lifetime.try_into().ok());
        let expected = exported().expected();
        let mut certificate = vec![0; SELF_SIGNED_MAX_LEN];
        let begun = domain.begin_import(
            ModulusSize::Rsa2048,
            &expected,
            lifetime_or_none,
            &mut self.hsm,
            &mut certificate,
        );
        if self.hsm.rng == before {
            let refused = begun.map(drop).expect_err("a name is drawn");
            self.did_not(refused.error, |life| life.now.clone());
            return At::Empty(refused.domain);
        }
        self.seeds.push(seed.expose().to_vec());
        let expires = lifetime.map_or(0, |lifetime| now + lifetime);
        let next = |key| Model {
            stage: Stage::Importing,
            hsm: Some(hsm),
            session: Some(Session {
                import: Some(Import { key, tried: 0..=0 }),
                ..Session::new(0, now, expires)
            }),
            ..Model::EMPTY
        };
        match begun {
            Ok((domain, len)) => {
                certificate.truncate(len);
                let secrets = key_in(&at_rest(&self.hsm.flash));
                assert_eq!(secrets.len(), 2, "two primes");
                let blob = exported().blob(&certificate);
                self.blobs.push(Blob { blob, secrets });
                self.begun = true;
                self.took_place(next(self.blobs.len() - 1), Event::BeginImport);
                At::Importing(domain)
            }
            Err(refused) => {
                // The key is known to nobody, but perhaps to the flash.
                self.did_not(refused.error, |_| next(usize::MAX));
                At::Empty(refused.domain)
            }
        }
    }

    /// A blob comes: a good one; one that was changed; one that is sealed to the key of another session.
    pub(super) fn import<'v>(&mut self, domain: In<'v, Importing>, a: u8, b: u8) -> At<'v> {
        if a & 15 == 0 {
            return At::Empty(self.cancel(|hsm| domain.cancel(hsm)));
        }
        let had = self.now.session.clone();
        let import = had.as_ref().and_then(|session| session.import.clone());
        let own = import
            .as_ref()
            .and_then(|import| self.blobs.get(import.key));
        let Some(blob) = own.or(self.blobs.first()) else {
            return At::Importing(domain);
        };
        let (mut bytes, is_own) = (blob.blob.clone(), own.is_some());
        let good = b & 1 == 1;
        if !good {
            exported().spoil(&mut bytes);
        }
        let blob = RestoreBlob::parse(&bytes).unwrap();
        let imported = domain.import(&blob, &mut self.hsm);
        let imported = match imported {
            Err(refused) => {
                let has_session = refused.domain.certificate().is_some();
                if self.did_not_begin(&Err::<(), _>(refused.error), has_session) {
                    return At::Importing(refused.domain);
                }
                Err(refused)
            }
            imported => imported,
        };
        if let Some(expected) = self.tick() {
            let refused = imported.expect_err("the time does not allow it");
            self.out_of_time(had.is_some(), expected, refused.error);
            return self.still_importing(refused.domain);
        }
        let (session, import) = (had.expect("it goes on"), import.expect("it is an import"));
        if !is_own {
            let refused = imported.expect_err("it is sealed to another key");
            let other = matches!(refused.error, LifecycleError::OtherTransferKey { .. });
            assert!(other, "{}", refused.error);
            return At::Importing(refused.domain);
        }
        let (least, most) = import.tried.clone().into_inner();
        let tried = |tried| Session {
            import: Some(Import {
                tried,
                ..import.clone()
            }),
            ..session.clone()
        };
        match imported {
            Ok(domain) => {
                assert!(good && least < MAX_IMPORT_FAILURES);
                let next = self.imported(tried(least + 1..=most + 1));
                self.took_place(next, Event::Import);
                self.tally.imported += 1;
                At::Imported(domain)
            }
            Err(refused) => {
                let over = refused.domain.certificate().is_none();
                match refused.error {
                    LifecycleError::Import { left } if !over => {
                        assert!(!good && left > 0);
                        let count = MAX_IMPORT_FAILURES - left;
                        assert!((least + 1..=most + 1).contains(&count));
                        self.now = self.now.with_session(tried(count..=count));
                        self.assert_heard(Event::Import);
                        self.assert_concluded(Outcome::Failed);
                        (self.rest, self.unsettled) = (vec![self.now.clone()], false);
                        self.tally.wrong_blobs += 1;
                    }
                    error if over => {
                        assert!(most + 1 >= MAX_IMPORT_FAILURES, "{error}");
                        let written = match error {
                            LifecycleError::Import { left: 0 } => Ok(()),
                            error => Err(error),
                        };
                        let stage = self.now.stage;
                        self.now = Model::EMPTY;
                        self.written(Model::EMPTY, written);
                        self.now = Model {
                            stage,
                            ..Model::EMPTY
                        };
                        self.tally.ended_by_blobs += 1;
                    }
                    error => {
                        // The try may have been counted, in the vault and on the flash.
                        let next = self.imported(tried(least + 1..=most + 1));
                        self.did_not(error, |_| next);
                        let now = self.now.with_session(tried(least..=(most + 1).min(3)));
                        self.rest.push(now.clone());
                        self.now = now;
                    }
                }
                self.still_importing(refused.domain)
            }
        }
    }

    /// The exported domain, which waits to be confirmed.
    fn imported(&self, mut session: Session) -> Model {
        session.clock.note(self.hsm.now);
        Model {
            stage: Stage::Imported,
            held: Some((exported().held.id, EXPORTED)),
            session: Some(session),
            ..self.now.clone()
        }
    }

    /// Of a session that is over nothing is left but to cancel it.
    fn still_importing<'v>(&mut self, domain: In<'v, Importing>) -> At<'v> {
        match self.now.session {
            Some(_) => At::Importing(domain),
            None => At::Empty(self.cancel(|hsm| domain.cancel(hsm))),
        }
    }

    /// Names what came in, or another domain.
    pub(super) fn confirm<'v>(&mut self, domain: In<'v, Imported>, a: u8) -> At<'v> {
        if a & 7 == 0 {
            return At::Empty(self.cancel(|hsm| domain.cancel(hsm)));
        }
        let had = self.now.session.is_some();
        let exported = exported();
        let (right, own) = (a & 3 != 1, exported.held.id);
        let id = if right {
            own
        } else {
            DomainId::from_bytes([7; 32])
        };
        let named: [ExpectedArtifact<'_>; 2] = exported.named();
        let confirmed = match domain.confirm(id, &named, &mut self.hsm) {
            Err(refused) => {
                let has_session = refused.domain.status().domain.is_some();
                if self.did_not_begin(&Err::<(), _>(refused.error), has_session) {
                    return At::Imported(refused.domain);
                }
                Err(refused)
            }
            confirmed => confirmed,
        };
        if let Some(expected) = self.tick() {
            let refused = confirmed.expect_err("the time does not allow it");
            self.out_of_time(had, expected, refused.error);
            return match self.now.session {
                Some(_) => At::Imported(refused.domain),
                None => At::Empty(self.cancel(|hsm| refused.domain.cancel(hsm))),
            };
        }
        if !right {
            let refused = confirmed.expect_err("it is another domain");
            let wrong = Unconfirmed::Domain {
                have: own,
                want: id,
            };
            assert_eq!(refused.error, LifecycleError::NotConfirmed(wrong));
            return At::Imported(refused.domain);
        }
        let next = Model {
            stage: Stage::Active,
            session: None,
            ..self.now.clone()
        };
        match confirmed {
            Ok(domain) => {
                self.took_place(next, Event::ConfirmImport { domain: own });
                self.tally.confirmed += 1;
                At::Active(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |_| next);
                At::Imported(refused.domain)
            }
        }
    }
}
