// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of a session: shares that come in, good ones and bad, and how it ends.

use super::*;

impl Life {
    /// What the time makes of a step in a session: the error that comes of it.
    pub(super) fn tick(&mut self) -> Option<LifecycleError> {
        let now = self.hsm.now;
        let Some(session) = &self.now.session else {
            return Some(LifecycleError::Expired);
        };
        match session.clock.tick(now) {
            Tick::Fine => None,
            Tick::WentBack { seen } => Some(LifecycleError::ClockWentBack { have: now, seen }),
            Tick::Over => {
                // It is over here, whatever the flash says.
                self.now = Model {
                    stage: self.now.stage,
                    ..Model::EMPTY
                };
                Some(LifecycleError::Expired)
            }
        }
    }

    /// A step that the time did not allow.
    pub(super) fn out_of_time(
        &mut self,
        had_session: bool,
        expected: LifecycleError,
        error: LifecycleError,
    ) {
        let over = had_session && expected == LifecycleError::Expired;
        if over {
            let written = match error {
                LifecycleError::Expired => Ok(()),
                error => Err(error),
            };
            let stage = self.now.clone();
            self.ended(Model::EMPTY, Event::EndSession(Ended::Expired), written);
            // Its type still says that it gathers a quorum; there is nothing left to gather it with.
            self.now = stage;
        } else {
            assert_eq!(error, expected);
        }
    }

    /// The flash failed when it was asked where the counter stands: the step did not begin.
    pub(super) fn did_not_begin<T>(
        &self,
        outcome: &Result<T, LifecycleError>,
        has_session: bool,
    ) -> bool {
        matches!(outcome, Err(LifecycleError::Record(_)))
            && self.failed()
            && self.heard().is_empty()
            && has_session == self.now.session.is_some()
    }

    pub(super) fn gather<'v>(&mut self, mut domain: In<'v, Recovering>, a: u8, b: u8) -> At<'v> {
        let place = usize::from(b % 3);
        match a & 7 {
            0 if b & 3 == 0 => At::Empty(self.cancel(|hsm| domain.cancel(hsm))),
            1 | 2 => match domain.quorum() {
                Ok(domain) => {
                    let session = self
                        .now
                        .session
                        .as_ref()
                        .expect("a quorum is one of a session");
                    assert!(session.shares.len() >= usize::from(lost(session.lost).threshold));
                    At::QuorumMet(domain)
                }
                Err(domain) => {
                    let session = self.now.session.as_ref();
                    let short = |session: &Session| {
                        session.shares.len() < usize::from(lost(session.lost).threshold)
                    };
                    assert!(session.is_none_or(short));
                    At::Recovering(domain)
                }
            },
            3..=5 => {
                self.add(&mut domain, a & 7, place);
                At::Recovering(domain)
            }
            a => {
                self.contribute(&mut domain, a == 6, place);
                At::Recovering(domain)
            }
        }
    }

    /// Adds a share: the right one; one of another domain; the right one with another file.
    fn add(&mut self, domain: &mut In<'_, Recovering>, which: u8, place: usize) {
        let had = self.now.session.clone();
        let number = had.as_ref().map_or(0, |session| session.lost);
        let (right, other) = (lost(number), lost(1 - number));
        let (file, share) = match which {
            4 => (right, other.share(place)),
            5 => (other, right.share(place)),
            _ => (right, right.share(place)),
        };
        let custodian = share.custodian();
        let added = domain.add_share(&file.sealed(), share, &mut self.hsm);
        if self.did_not_begin(&added, domain.needed() > 0) {
            return;
        }
        if let Some(expected) = self.tick() {
            return self.out_of_time(had.is_some(), expected, added.unwrap_err());
        }
        match which {
            4 => {
                let foreign = LifecycleError::Open(OpenError::ForeignShare(custodian));
                assert_eq!(added, Err(foreign));
            }
            5 => assert_eq!(added, Err(self.other_header())),
            _ => self.added(added, place),
        }
    }

    fn other_header(&self) -> LifecycleError {
        let session = self.now.session.as_ref().expect("there is a session");
        let header = |number| lost(number).header;
        LifecycleError::OtherHeader {
            have: header(1 - session.lost),
            want: header(session.lost),
        }
    }

    /// A good share came: it is one more, or was there already.
    fn added(&mut self, added: Result<Added, LifecycleError>, place: usize) {
        let mut session = self.now.session.clone().expect("there is a session");
        let custodian = lost(session.lost).keys[place].id();
        if session.shares.contains(&place) {
            assert_eq!(added, Ok(Added::Already));
            assert!(self.heard().is_empty());
            return;
        }
        session.shares.push(place);
        session.clock.note(self.hsm.now);
        let next = self.now.with_session(session);
        match added {
            Ok(added) => {
                assert_eq!(added, Added::New);
                self.took_place(next, Event::Contribute { custodian });
            }
            Err(error) => self.did_not(error, |_| next),
        }
    }

    /// A contribution comes: a good one, or one that was changed on its way.
    fn contribute(&mut self, domain: &mut In<'_, Recovering>, good: bool, place: usize) {
        let had = self.now.session.clone();
        let (number, transfer) = had.as_ref().map_or((0, None), |session| {
            (session.lost, session.transfer.map(|(_, transfer)| transfer))
        });
        // One without a transfer key of its own is answered as another's request was.
        let Some(request) = transfer.map_or(self.transfers.first(), |at| self.transfers.get(at))
        else {
            return;
        };
        let mine = transfer.is_some_and(|at| at < self.transfers.len());
        let lost = lost(number);
        if Request::parse(&request.request).unwrap().header() != lost.header {
            return;
        }
        let mut bytes = lost.contribution(place, &request.request);
        if !good {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
        }
        let contribution = Contribution::parse(&bytes).unwrap();
        let added = domain.add(&lost.sealed(), &contribution, &mut self.hsm);
        if self.did_not_begin(&added, domain.needed() > 0) {
            return;
        }
        if let Some(expected) = self.tick() {
            return self.out_of_time(had.is_some(), expected, added.unwrap_err());
        }
        match (transfer, mine && good) {
            (None, _) => assert_eq!(added, Err(LifecycleError::NoTransferKey)),
            (Some(_), false) => assert!(matches!(added, Err(LifecycleError::Contribution(_)))),
            (Some(_), true) => {
                self.tally.contributed += usize::from(added == Ok(Added::New));
                self.added(added, place);
            }
        }
    }

    pub(super) fn open<'v>(&mut self, domain: In<'v, QuorumMet>, wrong: bool) -> At<'v> {
        let had = self.now.session.clone();
        let number = had.as_ref().map_or(0, |session| session.lost);
        let file = lost(if wrong { 1 - number } else { number });
        let opened = match domain.open(&file.sealed(), &mut self.hsm) {
            Err(refused) => {
                let has_session = refused.domain.needed() > 0;
                if self.did_not_begin(&Err::<(), _>(refused.error), has_session) {
                    return At::QuorumMet(refused.domain);
                }
                Err(refused)
            }
            opened => opened,
        };
        if let Some(expected) = self.tick() {
            let refused = opened.expect_err("the time does not allow it");
            self.out_of_time(had.is_some(), expected, refused.error);
            return match self.now.session {
                Some(_) => At::QuorumMet(refused.domain),
                // A quorum is gone with its session; only a cancel leads on.
                None => At::Empty(self.cancel(|hsm| refused.domain.cancel(hsm))),
            };
        }
        if wrong {
            let refused = opened.expect_err("it is another domain's");
            assert_eq!(refused.error, self.other_header());
            return At::QuorumMet(refused.domain);
        }
        let sealed = file.sealed();
        let (epoch, header) = (sealed.header().epoch(), sealed.header().digest());
        let next = Model {
            stage: Stage::Active,
            held: Some((file.held.id, number)),
            standing: Some((epoch, header)),
            session: None,
            ..self.now.clone()
        };
        match opened {
            Ok(domain) => {
                let session = had.expect("there is a session");
                assert!(session.shares.len() >= usize::from(file.threshold));
                let id = file.held.id;
                self.took_place(
                    next,
                    Event::Recover {
                        domain: id,
                        epoch,
                        header,
                    },
                );
                self.tally.opened += 1;
                At::Active(domain)
            }
            Err(refused) => {
                self.did_not(refused.error, |_| next);
                At::QuorumMet(refused.domain)
            }
        }
    }

    pub(super) fn cancel<'v>(
        &mut self,
        cancel: impl FnOnce(
            &mut Hsm,
        )
            -> Result<In<'v, Empty>, security_domain::lifecycle::Refused<In<'v, Empty>>>,
    ) -> In<'v, Empty> {
        self.begin();
        let cancelled = cancel(&mut self.hsm);
        let (domain, written) = match cancelled {
            Ok(domain) => (domain, Ok(())),
            Err(refused) => (refused.domain, Err(refused.error)),
        };
        if self.now.session.is_some() {
            self.ended(Model::EMPTY, Event::EndSession(Ended::Cancelled), written);
        } else {
            // It ended by itself, and that is written once more.
            assert!(self.heard().is_empty());
            self.now = Model::EMPTY;
            self.written(Model::EMPTY, written);
        }
        domain
    }
}
