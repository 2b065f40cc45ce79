// SPDX-License-Identifier: MIT OR Apache-2.0
//! How an event of the lifecycle is written: its code, then its fields in order (`docs/format.md`,
//! "Events").

use minicbor::Encoder;
use minicbor::encode::Write;

use super::field::RecordField as Field;
use crate::approval::{ActDigest, ActKind};
use crate::backup::BackupId;
use crate::cbor::{Encoded, Malformed, Reader};
use crate::contribution::RequestDigest;
use crate::custodian::CustodianId;
use crate::drill::ChallengeDigest;
use crate::ed25519::VerifyKey;
use crate::lifecycle::{Ended, Event, Outcome, Reason, Step};
use crate::sealed_domain::{DomainId, Epoch, HeaderDigest};

type Read<T> = Result<T, Malformed<Field>>;

/// The codes of what happens without being a step.
const END_SESSION: u8 = 26;
const END_ROTATION: u8 = 27;
const ZEROIZE: u8 = 28;

const ENDED: [Ended; 4] = [
    Ended::Cancelled,
    Ended::Expired,
    Ended::TooManyFailures,
    Ended::Vetoed,
];

const OUTCOMES: [Outcome; 3] = [Outcome::Done, Outcome::Failed, Outcome::Interrupted];

/// The code of a step whose outcome was lost with the power.
const LOST: u8 = 4;

fn code<T: PartialEq>(of: &T, all: &[T]) -> u8 {
    let place = all.iter().position(|one| one == of);
    place.map_or(0, |place| place.saturating_add(1) as u8)
}

fn coded<T: Copy>(reader: &mut Reader<'_>, field: Field, all: &[T]) -> Read<T> {
    let place = reader.small::<usize, _>(field)?.checked_sub(1);
    let found = place.and_then(|place| all.get(place));
    found.copied().ok_or(Malformed(field))
}

/// The code of a step: its place among all, counted from 1.
pub(in crate::custody) fn step_code(step: Step) -> u8 {
    code(&step, &Step::ALL)
}

pub(in crate::custody) fn coded_step(code: u8) -> Option<Step> {
    Step::ALL.get(usize::from(code).checked_sub(1)?).copied()
}

pub(super) fn read_step(reader: &mut Reader<'_>) -> Read<Step> {
    coded(reader, Field::Step, &Step::ALL)
}

/// The code of an outcome; `None` is the one that was lost with the power.
pub(super) fn outcome_code(outcome: Option<Outcome>) -> u8 {
    outcome.map_or(LOST, |outcome| code(&outcome, &OUTCOMES))
}

pub(super) fn read_outcome(reader: &mut Reader<'_>) -> Read<Option<Outcome>> {
    let all = OUTCOMES.map(Some);
    let [done, failed, interrupted] = all;
    coded(reader, Field::Outcome, &[done, failed, interrupted, None])
}

/// Writes an optional digest.
pub(super) fn optional<W: Write>(digest: Option<&[u8; 32]>, out: &mut Encoder<W>) -> Encoded<W> {
    match digest {
        Some(digest) => out.bytes(digest)?,
        None => out.null()?,
    };
    Ok(())
}

pub(super) fn read_optional<'a>(
    reader: &mut Reader<'a>,
    field: Field,
) -> Read<Option<&'a [u8; 32]>> {
    match reader.skip_null(field)? {
        true => Ok(None),
        false => reader.fixed(field).map(Some),
    }
}

pub(super) fn read_key(reader: &mut Reader<'_>) -> Read<VerifyKey> {
    VerifyKey::new(reader.fixed(Field::Key)?).ok_or(Malformed(Field::Key))
}

fn sealed<W: Write>(epoch: Epoch, header: &HeaderDigest, out: &mut Encoder<W>) -> Encoded<W> {
    out.u32(epoch.get())?.bytes(header.as_bytes())?;
    Ok(())
}

pub(super) fn encode<W: Write>(event: &Event, out: &mut Encoder<W>) -> Encoded<W> {
    let step = event.step().map(step_code);
    let mut begin = |fields: u64| -> Encoded<W> {
        out.array(fields.saturating_add(1))?;
        if let Some(step) = step {
            out.u8(step)?;
        }
        Ok(())
    };
    match event {
        Event::Provision { domain } | Event::ConfirmImport { domain } => {
            begin(1)?;
            out.bytes(domain.as_bytes())?;
        }
        Event::Activate { domain, header } => {
            begin(2)?;
            out.bytes(domain.as_bytes())?.bytes(header.as_bytes())?;
        }
        Event::BeginRecovery {
            domain,
            epoch,
            header,
            pinned,
            request,
        }
        | Event::BeginRehearsal {
            domain,
            epoch,
            header,
            pinned,
            request,
        } => {
            begin(5)?;
            out.bytes(domain.as_bytes())?;
            sealed(*epoch, header, out)?;
            out.bool(*pinned)?;
            optional(request.as_ref().map(RequestDigest::as_bytes), out)?;
        }
        Event::Rehearse {
            domain,
            epoch,
            header,
        }
        | Event::Recover {
            domain,
            epoch,
            header,
        } => {
            begin(3)?;
            out.bytes(domain.as_bytes())?;
            sealed(*epoch, header, out)?;
        }
        Event::Contribute { custodian }
        | Event::Consent { custodian }
        | Event::Prove { custodian } => {
            begin(1)?;
            out.bytes(custodian.as_bytes())?;
        }
        Event::BeginImport | Event::Import => begin(0)?,
        Event::Propose {
            epoch,
            header,
            request,
        } => {
            begin(3)?;
            sealed(*epoch, header, out)?;
            out.bytes(request.as_bytes())?;
        }
        Event::BreakGlass {
            epoch,
            header,
            opens,
            reason,
        } => {
            begin(4)?;
            sealed(*epoch, header, out)?;
            out.u64(*opens)?.str(reason.as_str())?;
        }
        Event::Challenge { challenge } => {
            begin(1)?;
            out.bytes(challenge.as_bytes())?;
        }
        Event::Commit { epoch, header } | Event::Confirm { epoch, header } => {
            begin(2)?;
            sealed(*epoch, header, out)?;
        }
        Event::Adopt {
            epoch,
            header,
            instead_of,
            pinned,
        } => {
            begin(4)?;
            sealed(*epoch, header, out)?;
            optional(instead_of.as_ref().map(HeaderDigest::as_bytes), out)?;
            out.bool(*pinned)?;
        }
        Event::DemandApproval { kind } => {
            begin(1)?;
            out.u8(kind.code())?;
        }
        Event::AskApproval { kind, act } => {
            begin(2)?;
            out.u8(kind.code())?.bytes(act.as_bytes())?;
        }
        Event::DropDemands { act } | Event::EmitRelease { act } => {
            begin(1)?;
            out.bytes(act.as_bytes())?;
        }
        Event::BeginBackup { backup, act } => {
            begin(2)?;
            out.bytes(backup.as_bytes())?;
            optional(act.as_ref().map(ActDigest::as_bytes), out)?;
        }
        Event::BeginRestore { backup } => {
            begin(1)?;
            out.bytes(backup.as_bytes())?;
        }
        Event::EndSession(ended) => {
            begin(1)?;
            out.u8(END_SESSION)?.u8(code(ended, &ENDED))?;
        }
        Event::EndRotation(ended) => {
            begin(1)?;
            out.u8(END_ROTATION)?.u8(code(ended, &ENDED))?;
        }
        Event::Zeroize => {
            begin(0)?;
            out.u8(ZEROIZE)?;
        }
        // They have records of their own kinds, and no reader takes this.
        Event::Outcome { .. } | Event::Refused { .. } => begin(0)?,
    }
    Ok(())
}

/// Reads the fields of an event. Their number is checked when the event is encoded again.
pub(super) fn read(reader: &mut Reader<'_>) -> Read<Event> {
    reader.array(Field::Body)?;
    let code = reader.small::<u8, _>(Field::Step)?;
    match code {
        END_SESSION => return coded(reader, Field::Ended, &ENDED).map(Event::EndSession),
        END_ROTATION => return coded(reader, Field::Ended, &ENDED).map(Event::EndRotation),
        ZEROIZE => return Ok(Event::Zeroize),
        _ => {}
    }
    let mut from = Fields(reader);
    Ok(match coded_step(code).ok_or(Malformed(Field::Step))? {
        Step::Provision => Event::Provision {
            domain: from.domain()?,
        },
        Step::Activate => Event::Activate {
            domain: from.domain()?,
            header: from.header()?,
        },
        Step::BeginRecovery => Event::BeginRecovery {
            domain: from.domain()?,
            epoch: from.epoch()?,
            header: from.header()?,
            pinned: from.pinned()?,
            request: from.optional_request()?,
        },
        Step::BeginRehearsal => Event::BeginRehearsal {
            domain: from.domain()?,
            epoch: from.epoch()?,
            header: from.header()?,
            pinned: from.pinned()?,
            request: from.optional_request()?,
        },
        Step::Rehearse => Event::Rehearse {
            domain: from.domain()?,
            epoch: from.epoch()?,
            header: from.header()?,
        },
        Step::Recover => Event::Recover {
            domain: from.domain()?,
            epoch: from.epoch()?,
            header: from.header()?,
        },
        Step::Contribute => Event::Contribute {
            custodian: from.custodian()?,
        },
        Step::Consent => Event::Consent {
            custodian: from.custodian()?,
        },
        Step::Prove => Event::Prove {
            custodian: from.custodian()?,
        },
        Step::BeginImport => Event::BeginImport,
        Step::Import => Event::Import,
        Step::ConfirmImport => Event::ConfirmImport {
            domain: from.domain()?,
        },
        Step::Propose => Event::Propose {
            epoch: from.epoch()?,
            header: from.header()?,
            request: RequestDigest::from_bytes(from.digest(Field::Request)?),
        },
        Step::BreakGlass => Event::BreakGlass {
            epoch: from.epoch()?,
            header: from.header()?,
            opens: from.0.uint(Field::Time)?,
            reason: from.reason()?,
        },
        Step::Challenge => Event::Challenge {
            challenge: ChallengeDigest::from_bytes(from.digest(Field::Challenge)?),
        },
        Step::Commit => Event::Commit {
            epoch: from.epoch()?,
            header: from.header()?,
        },
        Step::Confirm => Event::Confirm {
            epoch: from.epoch()?,
            header: from.header()?,
        },
        Step::Adopt => Event::Adopt {
            epoch: from.epoch()?,
            header: from.header()?,
            instead_of: read_optional(from.0, Field::Header)?
                .map(|bytes| HeaderDigest::from_bytes(*bytes)),
            pinned: from.pinned()?,
        },
        Step::DemandApproval => Event::DemandApproval { kind: from.kind()? },
        Step::AskApproval => Event::AskApproval {
            kind: from.kind()?,
            act: from.act()?,
        },
        Step::DropDemands => Event::DropDemands { act: from.act()? },
        Step::EmitRelease => Event::EmitRelease { act: from.act()? },
        Step::Backup => Event::BeginBackup {
            backup: from.backup()?,
            act: read_optional(from.0, Field::Act)?.map(|bytes| ActDigest::from_bytes(*bytes)),
        },
        Step::Restore => Event::BeginRestore {
            backup: from.backup()?,
        },
        Step::Veto => return Err(Malformed(Field::Step)),
    })
}

/// Reads the fields of events.
struct Fields<'r, 'a>(&'r mut Reader<'a>);

impl Fields<'_, '_> {
    fn digest(&mut self, field: Field) -> Read<[u8; 32]> {
        self.0.fixed(field).copied()
    }

    fn domain(&mut self) -> Read<DomainId> {
        self.digest(Field::Domain).map(DomainId::from_bytes)
    }

    fn epoch(&mut self) -> Read<Epoch> {
        let epoch = Epoch::new(self.0.small(Field::Epoch)?);
        epoch.ok_or(Malformed(Field::Epoch))
    }

    fn header(&mut self) -> Read<HeaderDigest> {
        self.digest(Field::Header).map(HeaderDigest::from_bytes)
    }

    fn custodian(&mut self) -> Read<CustodianId> {
        self.digest(Field::Custodian).map(CustodianId::from_bytes)
    }

    fn act(&mut self) -> Read<ActDigest> {
        self.digest(Field::Act).map(ActDigest::from_bytes)
    }

    fn backup(&mut self) -> Read<BackupId> {
        self.digest(Field::Backup).map(BackupId::from_bytes)
    }

    fn kind(&mut self) -> Read<ActKind> {
        let kind = ActKind::from_code(self.0.uint(Field::Act)?);
        kind.ok_or(Malformed(Field::Act))
    }

    fn pinned(&mut self) -> Read<bool> {
        self.0.bool(Field::Pinned)
    }

    fn optional_request(&mut self) -> Read<Option<RequestDigest>> {
        let request = read_optional(self.0, Field::Request)?;
        Ok(request.map(|bytes| RequestDigest::from_bytes(*bytes)))
    }

    fn reason(&mut self) -> Read<Reason> {
        let text = self.0.text(Field::Detail)?;
        Reason::new(text).map_err(|_| Malformed(Field::Detail))
    }
}
