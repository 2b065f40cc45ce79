// SPDX-License-Identifier: MIT OR Apache-2.0
//! Approvals: whose counts for which act, and whose does not.
#![cfg(feature = "sealed-domain")]

use security_domain::approval::{
    Act, ActError, ActKind, ActSubject, ActTerms, Approval, ApprovalError, Approvals, ApproveError,
    Approved, CollectError, SpendError, UnfitAct, approve,
};
use security_domain::custodian::{CustodianId, Recipient};
use security_domain::quorum::{ShareIndex, Threshold};
use security_domain::sealed_domain::{
    DomainShare, Epoch, ExpectError, ExpectedDomain, InstanceId, SealedDomain,
};

#[path = "../chain/mod.rs"]
mod chain;
#[path = "../known_answer/mod.rs"]
mod known_answer;
#[path = "../sealed/mod.rs"]
mod sealed;

mod files;
mod vectors;

use sealed::{FailsAt, FastKey, fast_keys, rng, share};

const NOW: u64 = 1_790_000_060;

const TERMS: ActTerms = ActTerms {
    kind: ActKind::EmitRelease,
    instance: InstanceId::from_bytes([7; 16]),
    subject: ActSubject::from_bytes([9; 32]),
    created: 1_790_000_000,
    expires: 1_790_000_100,
};

/// A domain with five custodians, three of whom are a quorum.
struct World {
    keys: Vec<FastKey>,
    file: Vec<u8>,
}

impl World {
    fn new(seed: u8) -> Self {
        let keys = fast_keys(5);
        let (_, file) = sealed::sealed(seed, &keys, 3);
        Self { keys, file }
    }

    fn sealed(&self) -> SealedDomain<'_> {
        SealedDomain::parse(&self.file).unwrap()
    }

    fn expect(&self) -> ExpectedDomain {
        ExpectedDomain::new(self.sealed().header().domain_id(), Epoch::FIRST)
    }

    fn act(&self, terms: &ActTerms, seed: u8) -> Vec<u8> {
        let mut out = [0xaa; Act::MAX_LEN];
        let act = Act::write(&self.sealed(), terms, &mut rng(seed), &mut out);
        act.unwrap().as_bytes().to_vec()
    }

    fn share(&self, at: usize) -> DomainShare {
        share(&self.sealed(), &self.keys[at])
    }

    fn id(&self, at: usize) -> CustodianId {
        self.keys[at].id()
    }

    fn approve(&self, act: &[u8], share: &DomainShare, now: u64) -> Result<Vec<u8>, ApproveError> {
        let mut out = [0xaa; Approval::MAX_LEN];
        let act = Act::parse(act).unwrap();
        let (sealed, expect) = (self.sealed(), self.expect());
        let made = approve(&sealed, &expect, &act, share, now, &mut rng(0), &mut out);
        let made = made.map(|approval| approval.as_bytes().to_vec());
        assert!(made.is_ok() || out.iter().all(|byte| *byte == 0));
        made
    }

    fn approval(&self, act: &[u8], at: usize) -> Vec<u8> {
        self.approve(act, &self.share(at), NOW).unwrap()
    }

    fn verify(&self, act: &[u8], approval: &[u8]) -> Result<CustodianId, ApprovalError> {
        let act = Act::parse(act).unwrap();
        let approval = Approval::parse(approval).unwrap();
        approval.verify(&self.sealed(), &self.expect(), &act, NOW)
    }

    /// What the approvals of these custodians give.
    fn approved(&self, act: &[u8], by: &[usize]) -> Result<Approved, CollectError> {
        let (sealed, act) = (self.sealed(), Act::parse(act).unwrap());
        let mut approvals = Approvals::new(&sealed, &self.expect(), &act)?;
        for at in by {
            let approval = self.approval(act.as_bytes(), *at);
            let counted = approvals.add(&Approval::parse(&approval).unwrap(), NOW);
            assert_eq!(counted, Ok(self.id(*at)));
        }
        approvals.enough(NOW)
    }
}

fn need(threshold: u8) -> Threshold {
    Threshold::new(threshold).unwrap()
}

#[test]
fn an_act_says_what_it_was_asked_to_say() {
    let world = World::new(1);
    let bytes = world.act(&TERMS, 2);
    let act = Act::parse(&bytes).unwrap();
    let sealed = world.sealed();
    let header = sealed.header();
    assert_eq!(act.kind(), ActKind::EmitRelease);
    assert_eq!(
        (act.domain_id(), act.epoch()),
        (header.domain_id(), header.epoch())
    );
    assert_eq!(
        (act.header(), act.instance()),
        (header.digest(), TERMS.instance)
    );
    assert_eq!(
        (act.subject(), act.created()),
        (TERMS.subject, TERMS.created)
    );
    assert_eq!(act.expires().unwrap().get(), TERMS.expires);
    // The id is drawn.
    let other = world.act(&TERMS, 3);
    let other = Act::parse(&other).unwrap();
    assert!(act.id() != other.id() && act.digest() != other.digest());
    let endless = ActTerms {
        expires: 0,
        ..TERMS
    };
    let endless = world.act(&endless, 2);
    assert_eq!(Act::parse(&endless).unwrap().expires(), None);
}

#[test]
fn as_many_custodians_as_the_threshold_approve_in_any_combination() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let digest = Act::parse(&act).unwrap().digest();
    for subset in 0_u8..32 {
        let by: Vec<_> = (0..5).filter(|at| subset >> at & 1 == 1).collect();
        match (world.approved(&act, &by), u8::try_from(by.len()).unwrap()) {
            (Ok(approved), 3..) => {
                assert_eq!((approved.kind(), approved.act()), (TERMS.kind, digest));
                assert_eq!(approved.spend(TERMS.kind, digest, || 7), Ok(7));
            }
            (Err(error), have @ ..3) => {
                assert_eq!(
                    error,
                    CollectError::NotEnough {
                        have,
                        need: need(3)
                    }
                );
            }
            (outcome, have) => panic!("{have}: {outcome:?}"),
        }
    }
}

#[test]
fn a_custodian_counts_once() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let (sealed, parsed) = (world.sealed(), Act::parse(&act).unwrap());
    let mut approvals = Approvals::new(&sealed, &world.expect(), &parsed).unwrap();
    assert_eq!(approvals.threshold(), need(3));
    let first = world.approval(&act, 0);
    let first = Approval::parse(&first).unwrap();
    assert_eq!(approvals.add(&first, NOW), Ok(world.id(0)));
    for _ in 0..3 {
        let repeated = ApprovalError::Repeated(world.id(0));
        assert_eq!(approvals.add(&first, NOW), Err(repeated));
        assert_eq!(approvals.count(), 1);
    }
    let refused = approvals.enough(NOW).unwrap_err();
    assert_eq!(
        refused,
        CollectError::NotEnough {
            have: 1,
            need: need(3)
        }
    );
}

/// Who is named in a refusal: nobody whose signature did not verify as the one to blame.
#[test]
fn a_forged_approval_blames_nobody_and_blocks_nobody() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let (sealed, parsed) = (world.sealed(), Act::parse(&act).unwrap());
    let mut approvals = Approvals::new(&sealed, &world.expect(), &parsed).unwrap();
    // Signed by the second, and claiming to be the first's.
    let mut forged = world.approval(&act, 1);
    let at = forged.len() - 64 - 2 - 1;
    assert_eq!(forged[at], 2);
    forged[at] = 1;
    let parsed = Approval::parse(&forged).unwrap();
    assert_eq!(parsed.index(), ShareIndex::new(1).unwrap());
    let claims = world.id(0);
    let unsigned = Err(ApprovalError::Unsigned { claims });
    assert_eq!(approvals.add(&parsed, NOW), unsigned);
    assert_eq!(world.verify(&act, &forged), unsigned);
    assert_eq!(approvals.count(), 0);
    for at in 0..3 {
        let good = world.approval(&act, at);
        let counted = approvals.add(&Approval::parse(&good).unwrap(), NOW);
        assert_eq!(counted, Ok(world.id(at)));
    }
    assert!(approvals.enough(NOW).is_ok());
    forged[at] = 6;
    let unlisted = ApprovalError::NotListed(ShareIndex::new(6).unwrap());
    assert_eq!(world.verify(&act, &forged), Err(unlisted));
}

#[test]
fn an_approval_is_of_one_act() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let veto = ActTerms {
        kind: ActKind::VetoBreakGlass,
        ..TERMS
    };
    let about = ActTerms {
        subject: ActSubject::NONE,
        ..TERMS
    };
    let elsewhere = ActTerms {
        instance: InstanceId::from_bytes([8; 16]),
        ..TERMS
    };
    let later = ActTerms {
        expires: TERMS.expires + 1,
        ..TERMS
    };
    let digest = |act: &[u8]| Act::parse(act).unwrap().digest();
    // The same id each time, since the same is drawn.
    for terms in [&veto, &about, &elsewhere, &later] {
        let other = world.act(terms, 2);
        assert_eq!(
            Act::parse(&other).unwrap().id(),
            Act::parse(&act).unwrap().id()
        );
        let approval = world.approval(&other, 0);
        assert_eq!(world.verify(&other, &approval), Ok(world.id(0)));
        let (have, want) = (digest(&other), digest(&act));
        let refused = world.verify(&act, &approval);
        assert_eq!(refused, Err(ApprovalError::OtherAct { have, want }));
        // Under the name of the act that it is not of.
        let mut renamed = approval;
        renamed[4..36].copy_from_slice(want.as_bytes());
        assert_eq!(Approval::parse(&renamed).unwrap().act(), want);
        let claims = world.id(0);
        assert_eq!(
            world.verify(&act, &renamed),
            Err(ApprovalError::Unsigned { claims })
        );
    }
}

#[test]
fn what_is_approved_is_spent_on_one_act() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let approved = || world.approved(&act, &[0, 2, 4]).unwrap();
    let never = || panic!("an act that is not approved");
    let (kind, digest) = (TERMS.kind, Act::parse(&act).unwrap().digest());
    let want = ActKind::FullBackup;
    let refused = approved().spend(want, digest, never);
    assert_eq!(refused, Err(SpendError::OtherKind { have: kind, want }));
    let want = Act::parse(&world.act(&TERMS, 3)).unwrap().digest();
    let refused = approved().spend(kind, want, never);
    assert_eq!(refused, Err(SpendError::OtherAct { have: digest, want }));
    let mut done = false;
    assert_eq!(approved().spend(kind, digest, || done = true), Ok(()));
    assert!(done);
}

#[test]
fn an_act_of_another_domain_or_quorum_is_not_approved() {
    let (world, stranger) = (World::new(1), World::new(9));
    let act = stranger.act(&TERMS, 2);
    let [have, want] = [&stranger, &world].map(|world| world.sealed().header().domain_id());
    let unfit = UnfitAct::OtherDomain { have, want };
    let refused = world.approve(&act, &world.share(0), NOW);
    assert_eq!(refused, Err(ApproveError::Unfit(unfit)));
    let approval = stranger.approval(&act, 0);
    assert_eq!(
        world.verify(&act, &approval),
        Err(ApprovalError::Unfit(unfit))
    );
    let refused = world.approved(&act, &[]).unwrap_err();
    assert_eq!(refused, CollectError::Unfit(unfit));

    // Another domain than the custodian, or the HSM, expects.
    let own = world.act(&TERMS, 2);
    let (sealed, parsed) = (world.sealed(), Act::parse(&own).unwrap());
    let (have, want) = (want, have);
    let wrong = ExpectError::WrongDomain { have, want };
    let mut out = [0; Approval::MAX_LEN];
    let (expect, share) = (stranger.expect(), world.share(0));
    let refused = approve(
        &sealed,
        &expect,
        &parsed,
        &share,
        NOW,
        &mut rng(0),
        &mut out,
    );
    assert_eq!(refused.unwrap_err(), ApproveError::Expect(wrong));
    let refused = Approvals::new(&sealed, &expect, &parsed).unwrap_err();
    assert_eq!(refused, CollectError::Expect(wrong));
    let approval = world.approval(&own, 0);
    let approval = Approval::parse(&approval).unwrap();
    let refused = approval.verify(&sealed, &expect, &parsed, NOW);
    assert_eq!(refused, Err(ApprovalError::Expect(wrong)));

    // A share of another domain.
    let foreign = stranger.share(0);
    let refused = world.approve(&own, &foreign, NOW);
    assert_eq!(
        refused,
        Err(ApproveError::ForeignShare(foreign.custodian()))
    );
}

#[test]
fn an_act_is_approved_up_to_its_last_second() {
    let world = World::new(1);
    let act = world.act(&TERMS, 2);
    let last = TERMS.expires;
    let approvals: Vec<_> = (0..3)
        .map(|at| world.approve(&act, &world.share(at), last).unwrap())
        .collect();
    let expired = UnfitAct::Expired {
        expires: last,
        now: last + 1,
    };
    let refused = world.approve(&act, &world.share(0), last + 1);
    assert_eq!(refused, Err(ApproveError::Unfit(expired)));
    let (sealed, parsed) = (world.sealed(), Act::parse(&act).unwrap());
    let mut collected = Approvals::new(&sealed, &world.expect(), &parsed).unwrap();
    let read: Vec<_> = approvals
        .iter()
        .map(|one| Approval::parse(one).unwrap())
        .collect();
    for approval in &read[..2] {
        assert!(collected.add(approval, last).is_ok());
    }
    let refused = collected.add(&read[2], last + 1);
    assert_eq!(refused, Err(ApprovalError::Unfit(expired)));
    assert_eq!(collected.count(), 2);
    assert!(collected.add(&read[2], last).is_ok());
    assert_eq!(
        collected.enough(last + 1).unwrap_err(),
        CollectError::Unfit(expired)
    );
    assert!(collected.enough(last).is_ok());
    let refused = read[0].verify(&sealed, &world.expect(), &parsed, last + 1);
    assert_eq!(refused, Err(ApprovalError::Unfit(expired)));

    // Without a clock the custodian cannot tell, and an act that never ends does not expire.
    assert!(world.approve(&act, &world.share(0), 0).is_ok());
    let endless = world.act(
        &ActTerms {
            created: 0,
            expires: 0,
            ..TERMS
        },
        2,
    );
    assert!(world.approve(&endless, &world.share(0), u64::MAX).is_ok());
}

#[test]
fn what_cannot_be_written_is_refused_and_leaves_nothing() {
    let world = World::new(1);
    let sealed = world.sealed();
    for (created, expires) in [(0, 1), (2, 1)] {
        let mut out = [0xaa; Act::MAX_LEN];
        let terms = ActTerms {
            created,
            expires,
            ..TERMS
        };
        let refused = Act::write(&sealed, &terms, &mut rng(1), &mut out);
        assert_eq!(refused.unwrap_err(), ActError::Expiry);
        assert!(out.iter().all(|byte| *byte == 0));
    }
    let mut out = [0xaa; Act::MAX_LEN - 1];
    let needed = Act::MAX_LEN;
    let refused = Act::write(&sealed, &TERMS, &mut rng(1), &mut out);
    assert_eq!(refused.unwrap_err(), ActError::BufferTooSmall { needed });
    assert!(out.iter().all(|byte| *byte == 0));
    let mut out = [0xaa; Act::MAX_LEN];
    let refused = Act::write(&sealed, &TERMS, &mut FailsAt(rng(1), 0), &mut out);
    assert_eq!(refused.unwrap_err(), ActError::Rng);
    assert!(out.iter().all(|byte| *byte == 0));

    let act = world.act(&TERMS, 2);
    let act = Act::parse(&act).unwrap();
    let mut out = [0xaa; Approval::MAX_LEN - 1];
    let needed = Approval::MAX_LEN;
    let (expect, share) = (world.expect(), world.share(0));
    let refused = approve(&sealed, &expect, &act, &share, NOW, &mut rng(0), &mut out);
    assert_eq!(
        refused.unwrap_err(),
        ApproveError::BufferTooSmall { needed }
    );
    assert!(out.iter().all(|byte| *byte == 0));
}
