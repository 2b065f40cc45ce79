// SPDX-License-Identifier: MIT OR Apache-2.0
//! Acts that need a quorum's approval: what is demanded, asked for, and done with an approval.

use security_domain::approval::{Act, ActDigest, ActKind, Approval, Approvals, Approved, approve};
use security_domain::lifecycle::DemandError;

use super::rotations::Filed;
use super::*;

impl Filed {
    /// What the quorum approves.
    fn approved(&self, act: &[u8]) -> Approved {
        let sealed = SealedDomain::parse(&self.file).unwrap();
        let act = Act::parse(act).unwrap();
        let expect = self.expect();
        let mut approvals = Approvals::new(&sealed, &expect, &act).unwrap();
        let need = usize::from(sealed.header().quorum().threshold().get());
        for place in 0..need {
            assert!(approvals.enough(0).is_err());
            let rng = &mut ChaCha20Rng::from_seed([place as u8; 32]);
            let mut out = [0; Approval::MAX_LEN];
            let share = self.share(place);
            let approval = approve(&sealed, &expect, &act, &share, 0, rng, &mut out);
            approvals.add(&approval.unwrap(), 0).unwrap();
        }
        approvals.enough(0).unwrap()
    }
}

impl Life {
    pub(super) fn demand_or_act(&mut self, domain: &mut In<'_, Active>, b: u8) {
        let (_, header) = self.now.standing.expect("it is sealed");
        let Some(present) = self.filed(header).cloned() else {
            return;
        };
        let kinds = [
            ActKind::EmitRelease,
            ActKind::FullBackup,
            ActKind::DropDemands,
        ];
        let kind = kinds[usize::from(b >> 3) % 3];
        match (b & 7, self.now.demands.open) {
            (0, _) if kind != ActKind::DropDemands => self.demand(domain, kind),
            (0..=2, _) | (_, None) => self.ask(domain, &present, kind),
            (how, Some((kind, act))) => self.act(domain, &present, (kind, act), how == 3),
        }
    }

    fn demand(&mut self, domain: &mut In<'_, Active>, kind: ActKind) {
        let mut next = self.now.clone();
        match kind {
            ActKind::EmitRelease => next.demands.release = true,
            _ => next.demands.backup = true,
        }
        match domain.demand_approval(kind, &mut self.hsm) {
            Ok(()) => {
                self.took_place(next, Event::DemandApproval { kind });
                self.tally.demanded += 1;
            }
            Err(error) => self.did_not(error, |_| next),
        }
    }

    fn ask(&mut self, domain: &mut In<'_, Active>, present: &Filed, kind: ActKind) {
        let mut out = vec![0xaa; Act::MAX_LEN];
        let sealed = SealedDomain::parse(&present.file).unwrap();
        let asked = domain.ask_approval(&sealed, kind, None, &mut self.hsm, &mut out);
        let asks = |life: &Self, act| {
            let mut next = life.now.clone();
            next.demands.open = Some((kind, act));
            next
        };
        match asked {
            Ok(len) => {
                out.truncate(len);
                let act = Act::parse(&out).unwrap().digest();
                self.acts.push((header_of(&sealed), out));
                let next = asks(self, act);
                self.took_place(next, Event::AskApproval { kind, act });
            }
            Err(error) => {
                assert!(out.iter().all(|byte| *byte == 0));
                self.did_not(error, |life| match life.heard().last() {
                    Some(Event::AskApproval { act, .. }) => asks(life, *act),
                    _ => life.now.clone(),
                });
            }
        }
    }

    /// Does the open act with the quorum's approval of it, or of another one.
    fn act(
        &mut self,
        domain: &mut In<'_, Active>,
        present: &Filed,
        (kind, act): (ActKind, ActDigest),
        wrong: bool,
    ) {
        let sealed = SealedDomain::parse(&present.file).unwrap();
        let header = header_of(&sealed);
        let mut acts = self.acts.iter().filter(|(of, _)| *of == header);
        let is_open = |bytes: &[u8]| Act::parse(bytes).unwrap().digest() == act;
        let Some((_, bytes)) = acts.find(|(_, bytes)| is_open(bytes) != wrong) else {
            return;
        };
        let approved = present.approved(bytes);
        let mut next = self.now.clone();
        next.demands.open = None;
        let mut event = Event::EmitRelease { act };
        let hsm = &mut self.hsm;
        let done = match kind {
            ActKind::EmitRelease => { domain.complete_approved(&sealed, approved, hsm) }
                .map(|parts| assert_eq!(parts.concat(), present.file)),
            ActKind::FullBackup => {
                { domain.begin_backup_approved(None, 10, approved, hsm) }.map(|backup| {
                    event = Event::BeginBackup {
                        backup: backup.backup_id(),
                        act: Some(act),
                    };
                })
            }
            _ => {
                (next.demands.release, next.demands.backup) = (false, false);
                event = Event::DropDemands { act };
                domain.drop_demands(approved, hsm)
            }
        };
        match done {
            Ok(()) => {
                assert!(!wrong, "an approval of another act");
                self.took_place(next, event);
                self.tally.approved += 1;
            }
            Err(error) if wrong => {
                let is_refused = matches!(error, LifecycleError::Demand(DemandError::Spend(_)));
                assert!(is_refused || self.failed(), "{error}");
                assert!(self.heard().is_empty());
            }
            Err(error) => self.did_not(error, |_| next),
        }
    }

    /// An act that needs an approval was tried without one.
    pub(super) fn not_approved(&self, kind: ActKind, error: LifecycleError) {
        assert!(self.heard().is_empty());
        if !self.failed() {
            assert_eq!(error, DemandError::NeedsApproval(kind).into());
        }
    }
}

fn header_of(sealed: &SealedDomain<'_>) -> HeaderDigest {
    sealed.header().digest()
}
