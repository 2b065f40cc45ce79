// SPDX-License-Identifier: MIT OR Apache-2.0
//! What operators and custodians report to the log.

use core::fmt;

use minicbor::Encoder;
use minicbor::encode::Write;

use super::event::{optional, read_key, read_optional};
use super::field::RecordField as Field;
use crate::approval::ActDigest;
use crate::cbor::{Encoded, Malformed, Reader};
use crate::custodian::CustodianId;
use crate::custody::tree::Head;
use crate::drill::{ChallengeDigest, Proof};
use crate::ed25519::{SIGNATURE_LEN, VerifyKey};
use crate::labels::Purpose;
use crate::lifecycle::PinsDigest;
use crate::sealed_domain::{InstanceId, KeptText, LedgerHead, TextError, check_within};

/// The maximum length of a [`Detail`] in bytes of UTF-8.
pub const MAX_DETAIL_LEN: usize = 256;

/// What operators and custodians report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fact<'a> {
    /// The head of another HSM's log is pinned.
    Pin(PinnedHead),
    /// A custodian's token changes hands.
    HandOff(HandOff),
    /// A custodian has answered a drill.
    Drill(DrillResult),
    /// A custodian's key is lost or may be known to others.
    Loss(Loss<'a>),
    /// What was lost is found or replaced.
    Closed(Closed<'a>),
    /// Something asks for a review.
    Concern(Concern<'a>),
    /// The custody was reviewed.
    Review(Review<'a>),
}

/// The head of another HSM's log, as that HSM showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct PinnedHead {
    /// The HSM.
    pub instance: InstanceId,
    /// The head.
    pub head: Head,
}

impl PinnedHead {
    /// Returns the digest of the pinned heads with this one after them:
    /// `D("pins", pins, instance, size, root)`.
    pub(in crate::custody) fn after(&self, pins: &PinsDigest) -> PinsDigest {
        let size = self.head.size.to_be_bytes();
        PinsDigest::from_bytes(Purpose::Pins.digest([
            pins.as_bytes().as_slice(),
            self.instance.as_bytes(),
            &size,
            self.head.root.as_bytes(),
        ]))
    }
}

/// A custodian's token passes to a person, who signs for it.
///
/// It moves the token, not what its former holder may know: see
/// [`Present`](crate::custody::Present).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct HandOff {
    /// The custodian whose token it is.
    pub custodian: CustodianId,
    /// The taker's name.
    pub taker: Name,
    /// The taker's own key, which signs for this and may have no other use.
    pub key: VerifyKey,
    /// When the taker signed, in Unix seconds.
    pub signed: u64,
    /// The number of the record of the last hand-off in this log, of any custodian; `None` for the
    /// first. So no hand-off can be recorded twice.
    pub after: Option<u32>,
    /// The signature by the taker's key.
    pub signature: [u8; SIGNATURE_LEN],
}

impl HandOff {
    /// Returns what the taker signs for the log of this HSM:
    /// `D("hand-off", instance, custodian, taker, key, signed, after)`.
    pub fn digest(&self, instance: InstanceId) -> [u8; 32] {
        let (signed, after) = (self.signed.to_be_bytes(), self.after.map(u32::to_be_bytes));
        Purpose::HandOff.digest([
            instance.as_bytes().as_slice(),
            self.custodian.as_bytes(),
            self.taker.as_str().as_bytes(),
            self.key.as_bytes(),
            &signed,
            after.as_ref().map_or(&[], <[u8; 4]>::as_slice),
        ])
    }

    /// Returns whether the taker signed it for the log of this HSM. All is public.
    pub fn is_signed(&self, instance: InstanceId) -> bool {
        let digest = self.digest(instance);
        self.key.verifies(&digest, &self.signature).declassify()
    }
}

/// The result of a drill, as the HSM or its operator verified it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct DrillResult {
    /// The custodian who answered.
    pub custodian: CustodianId,
    /// What the answer proved.
    pub proof: Proof,
    /// The challenge.
    pub challenge: ChallengeDigest,
}

/// A custodian can no longer use the key alone, or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct Loss<'a> {
    /// The custodian.
    pub custodian: CustodianId,
    /// What happened.
    pub kind: LossKind,
    /// More of it.
    pub detail: Detail<'a>,
}

/// What happened to a custodian's key. The number is its code in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum LossKind {
    /// It cannot be found.
    Lost = 1,
    /// It no longer works.
    Destroyed = 2,
    /// Another person may have used or copied it.
    Compromised = 3,
}

/// A loss is closed: the key was found, or replaced by a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct Closed<'a> {
    /// The number of the record of the loss.
    pub loss: u32,
    /// Why.
    pub detail: Detail<'a>,
}

/// Something that asks for a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct Concern<'a> {
    /// What.
    pub cause: Cause,
    /// More of it.
    pub detail: Detail<'a>,
}

/// A review of the custody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_structs,
    reason = "another field would be another format"
)]
pub struct Review<'a> {
    /// Why it was held.
    pub cause: Cause,
    /// The act with which a quorum approved it, if one did.
    pub act: Option<ActDigest>,
    /// What was found.
    pub detail: Detail<'a>,
}

/// Why a review is held. The number is its code in a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
#[repr(u8)]
pub enum Cause {
    /// Its time has come.
    Due = 1,
    /// A member left.
    MemberLeft = 2,
    /// There is a new threat.
    NewThreat = 3,
    /// A process changed.
    ProcessChange = 4,
    /// A device was lost or compromised.
    DeviceLost = 5,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Due => "its time has come",
            Self::MemberLeft => "a custodian has left",
            Self::NewThreat => "there is a new threat",
            Self::ProcessChange => "the process has changed",
            Self::DeviceLost => "a device was lost or may be compromised",
        })
    }
}

/// A text in a record: at most [`MAX_DETAIL_LEN`] bytes of UTF-8, without characters that can
/// mislead a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Detail<'a>(&'a str);

impl<'a> Detail<'a> {
    /// The empty text.
    pub const NONE: Self = Self("");

    /// Makes a detail after checking its length and characters.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`DetailError`].
    pub fn new(text: &'a str) -> Result<Self, DetailError> {
        match check_within(text, MAX_DETAIL_LEN) {
            Ok(text) => Ok(Self(text)),
            Err(TextError::TooLong) => Err(DetailError::TooLong),
            Err(_) => Err(DetailError::Character),
        }
    }

    /// Returns the text.
    pub const fn as_str(&self) -> &'a str {
        self.0
    }

    fn read(reader: &mut Reader<'a>, field: Field) -> Result<Self, Malformed<Field>> {
        Self::new(reader.text(field)?).map_err(|_| Malformed(field))
    }
}

/// The name of a person: 1 to [`MAX_TEXT_LEN`](crate::sealed_domain::MAX_TEXT_LEN) bytes of UTF-8,
/// without characters that can mislead a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Name(KeptText);

impl Name {
    /// Makes a name after checking its length and characters.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`TextError`].
    pub fn new(text: &str) -> Result<Self, TextError> {
        KeptText::new(text).map(Self)
    }

    /// Returns the text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Why a text is not for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum DetailError {
    /// It is longer than [`MAX_DETAIL_LEN`] bytes.
    TooLong,
    /// It contains a control character, a line or paragraph separator, or a character that changes
    /// the direction of writing.
    Character,
}

impl fmt::Display for DetailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(f, "longer than {MAX_DETAIL_LEN} bytes"),
            Self::Character => TextError::Character.fmt(f),
        }
    }
}

impl core::error::Error for DetailError {}

const PIN: u8 = 5;
const HAND_OFF: u8 = 6;
const DRILL: u8 = 7;
const LOSS: u8 = 8;
const CLOSED: u8 = 9;
const CONCERN: u8 = 10;
const REVIEW: u8 = 11;

const fn proof_code(proof: Proof) -> u8 {
    match proof {
        Proof::ShareKnown => 1,
        Proof::KeyAndShare => 2,
    }
}

fn read_proof(reader: &mut Reader<'_>) -> Result<Proof, Malformed<Field>> {
    match reader.uint(Field::Proof)? {
        1 => Ok(Proof::ShareKnown),
        2 => Ok(Proof::KeyAndShare),
        _ => Err(Malformed(Field::Proof)),
    }
}

fn read_loss(reader: &mut Reader<'_>) -> Result<LossKind, Malformed<Field>> {
    match reader.uint(Field::Cause)? {
        1 => Ok(LossKind::Lost),
        2 => Ok(LossKind::Destroyed),
        3 => Ok(LossKind::Compromised),
        _ => Err(Malformed(Field::Cause)),
    }
}

fn read_cause(reader: &mut Reader<'_>) -> Result<Cause, Malformed<Field>> {
    match reader.uint(Field::Cause)? {
        1 => Ok(Cause::Due),
        2 => Ok(Cause::MemberLeft),
        3 => Ok(Cause::NewThreat),
        4 => Ok(Cause::ProcessChange),
        5 => Ok(Cause::DeviceLost),
        _ => Err(Malformed(Field::Cause)),
    }
}

fn read_custodian(reader: &mut Reader<'_>) -> Result<CustodianId, Malformed<Field>> {
    let id = reader.fixed(Field::Custodian)?;
    Ok(CustodianId::from_bytes(*id))
}

impl<'a> Fact<'a> {
    pub(super) const fn is_kind(kind: u8) -> bool {
        matches!(kind, PIN..=REVIEW)
    }

    /// Reads the body of this kind.
    pub(super) fn read(kind: u8, reader: &mut Reader<'a>) -> Result<Self, Malformed<Field>> {
        let items = match kind {
            HAND_OFF => 6,
            CLOSED | CONCERN => 2,
            _ => 3,
        };
        reader.array_of(items, Field::Body)?;
        Ok(match kind {
            PIN => Self::Pin(PinnedHead {
                instance: InstanceId::from_bytes(*reader.fixed(Field::Instance)?),
                head: Head {
                    size: reader.small(Field::Head)?,
                    root: LedgerHead::from_bytes(*reader.fixed(Field::Head)?),
                },
            }),
            HAND_OFF => Self::HandOff(HandOff {
                custodian: read_custodian(reader)?,
                taker: read_name(reader)?,
                key: read_key(reader)?,
                signed: reader.uint(Field::Time)?,
                after: match reader.optional(Field::Number)? {
                    Some(number) => {
                        Some(u32::try_from(number).map_err(|_| Malformed(Field::Number))?)
                    }
                    None => None,
                },
                signature: *reader.fixed(Field::Signature)?,
            }),
            DRILL => Self::Drill(DrillResult {
                custodian: read_custodian(reader)?,
                proof: read_proof(reader)?,
                challenge: ChallengeDigest::from_bytes(*reader.fixed(Field::Challenge)?),
            }),
            LOSS => Self::Loss(Loss {
                custodian: read_custodian(reader)?,
                kind: read_loss(reader)?,
                detail: Detail::read(reader, Field::Detail)?,
            }),
            CLOSED => Self::Closed(Closed {
                loss: reader.small(Field::Number)?,
                detail: Detail::read(reader, Field::Detail)?,
            }),
            CONCERN => Self::Concern(Concern {
                cause: read_cause(reader)?,
                detail: Detail::read(reader, Field::Detail)?,
            }),
            _ => Self::Review(Review {
                cause: read_cause(reader)?,
                act: read_optional(reader, Field::Act)?.map(|act| ActDigest::from_bytes(*act)),
                detail: Detail::read(reader, Field::Detail)?,
            }),
        })
    }

    /// Writes the kind and the body.
    pub(super) fn encode<W: Write>(&self, out: &mut Encoder<W>) -> Encoded<W> {
        match self {
            Self::Pin(pin) => {
                out.u8(PIN)?.array(3)?.bytes(pin.instance.as_bytes())?;
                out.u32(pin.head.size)?.bytes(pin.head.root.as_bytes())?;
            }
            Self::HandOff(hand_off) => {
                out.u8(HAND_OFF)?.array(6)?;
                out.bytes(hand_off.custodian.as_bytes())?;
                out.str(hand_off.taker.as_str())?;
                out.bytes(hand_off.key.as_bytes())?.u64(hand_off.signed)?;
                match hand_off.after {
                    Some(number) => out.u32(number)?,
                    None => out.null()?,
                };
                out.bytes(&hand_off.signature)?;
            }
            Self::Drill(drill) => {
                out.u8(DRILL)?.array(3)?.bytes(drill.custodian.as_bytes())?;
                out.u8(proof_code(drill.proof))?;
                out.bytes(drill.challenge.as_bytes())?;
            }
            Self::Loss(loss) => {
                out.u8(LOSS)?.array(3)?.bytes(loss.custodian.as_bytes())?;
                out.u8(loss.kind as u8)?.str(loss.detail.as_str())?;
            }
            Self::Closed(closed) => {
                out.u8(CLOSED)?.array(2)?.u32(closed.loss)?;
                out.str(closed.detail.as_str())?;
            }
            Self::Concern(concern) => {
                out.u8(CONCERN)?.array(2)?.u8(concern.cause as u8)?;
                out.str(concern.detail.as_str())?;
            }
            Self::Review(review) => {
                out.u8(REVIEW)?.array(3)?.u8(review.cause as u8)?;
                optional(review.act.as_ref().map(ActDigest::as_bytes), out)?;
                out.str(review.detail.as_str())?;
            }
        }
        Ok(())
    }
}

fn read_name(reader: &mut Reader<'_>) -> Result<Name, Malformed<Field>> {
    Name::new(reader.text(Field::Name)?).map_err(|_| Malformed(Field::Name))
}
