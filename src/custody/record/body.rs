// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a record says.

use minicbor::Encoder;
use minicbor::encode::Write;

use super::event::{self, outcome_code, read_key, read_outcome, read_step, step_code};
use super::fact::Fact;
use super::field::{RecordField as Field, RecordFileError};
use crate::cbor::{Encoded, Malformed, Reader};
use crate::lifecycle::{Endorsement, Event, Outcome, PinsDigest, Step};
use crate::sealed_domain::{BirthCommitment, HeaderDigest, InstanceId};

/// What a record says.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Body<'a> {
    /// A step is about to take effect, or something has happened. It is never
    /// [`Event::Outcome`] or [`Event::Refused`], which have bodies of their own.
    Event(Event),
    /// The outcome of a step.
    Outcome {
        /// The step.
        step: Step,
        /// The outcome; `None` if the power failed before it was recorded, so that the step may
        /// have taken effect or not.
        outcome: Option<Outcome>,
        /// The number of the record that announced the step.
        intent: u32,
    },
    /// Steps were refused.
    Refused {
        /// Their kind.
        step: Step,
        /// How many since the last record of this kind.
        count: u32,
    },
    /// The domain endorses the HSM's key. Its instance is the record's.
    Endorsement(Endorsement),
    /// What operators and custodians report.
    Fact(Fact<'a>),
}

const EVENT: u8 = 1;
const OUTCOME: u8 = 2;
const REFUSED: u8 = 3;
const ENDORSEMENT: u8 = 4;

impl<'a> Body<'a> {
    /// Reads the kind and the body.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, RecordFileError> {
        let kind = reader.uint(Field::Kind)?;
        Ok(match u8::try_from(kind) {
            Ok(EVENT) => Self::Event(event::read(reader)?),
            Ok(OUTCOME) => {
                reader.array_of(3, Field::Body)?;
                Self::Outcome {
                    step: read_step(reader)?,
                    outcome: read_outcome(reader)?,
                    intent: reader.small(Field::Number)?,
                }
            }
            Ok(REFUSED) => {
                reader.array_of(2, Field::Body)?;
                Self::Refused {
                    step: read_step(reader)?,
                    count: reader.small(Field::Count)?,
                }
            }
            Ok(ENDORSEMENT) => Self::Endorsement(read_endorsement(reader)?),
            Ok(kind) if Fact::is_kind(kind) => Self::Fact(Fact::read(kind, reader)?),
            _ => return Err(RecordFileError::UnknownKind(kind)),
        })
    }

    pub(super) fn encode<W: Write>(&self, out: &mut Encoder<W>) -> Encoded<W> {
        match self {
            Self::Event(event) => event::encode(event, out.u8(EVENT)?),
            Self::Outcome {
                step,
                outcome,
                intent,
            } => {
                out.u8(OUTCOME)?.array(3)?.u8(step_code(*step))?;
                out.u8(outcome_code(*outcome))?.u32(*intent)?;
                Ok(())
            }
            Self::Refused { step, count } => {
                out.u8(REFUSED)?.array(2)?.u8(step_code(*step))?;
                out.u32(*count)?;
                Ok(())
            }
            Self::Endorsement(endorsement) => {
                out.u8(ENDORSEMENT)?.array(7)?;
                out.bytes(endorsement.instance.as_bytes())?;
                out.bytes(endorsement.key.as_bytes())?;
                out.bytes(endorsement.header.as_bytes())?;
                out.bytes(endorsement.pins.as_bytes())?;
                out.bytes(endorsement.domain_key.as_bytes())?;
                out.bytes(endorsement.commitment.as_bytes())?;
                out.bytes(&endorsement.signature)?;
                Ok(())
            }
            Self::Fact(fact) => fact.encode(out),
        }
    }
}

fn read_endorsement(reader: &mut Reader<'_>) -> Result<Endorsement, Malformed<Field>> {
    reader.array_of(7, Field::Body)?;
    Ok(Endorsement {
        instance: InstanceId::from_bytes(*reader.fixed(Field::Instance)?),
        key: read_key(reader)?,
        header: HeaderDigest::from_bytes(*reader.fixed(Field::Header)?),
        pins: PinsDigest::from_bytes(*reader.fixed(Field::Pins)?),
        domain_key: read_key(reader)?,
        commitment: BirthCommitment::from_bytes(*reader.fixed(Field::Commitment)?),
        signature: *reader.fixed(Field::Signature)?,
    })
}
