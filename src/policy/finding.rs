// SPDX-License-Identifier: MIT OR Apache-2.0
//! A finding, in one line of text.

use core::fmt;

use super::Rule;
use crate::custody::Cause;

/// One thing that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// The rule that is not met.
    pub rule: Rule,
    /// What does not meet it.
    pub subject: Subject,
}

/// What a finding is about. Seats are counted from 0, in the order of
/// [`Custody::seats`](super::Custody::seats).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Subject {
    /// The quorum as a whole.
    Quorum,
    /// One seat.
    Seat(usize),
    /// Two seats that are not independent of each other.
    Seats(usize, usize),
    /// An event that no review has looked at.
    Event(Cause),
}

/// Prints the code, what it is about and the text: `no-drill: share 2: the custodian never answered
/// a drill`.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.rule.code())?;
        match self.subject {
            Subject::Quorum => {}
            Subject::Seat(seat) => write!(f, "share {}: ", seat.saturating_add(1))?,
            Subject::Seats(one, other) => {
                let [one, other] = [one, other].map(|seat| seat.saturating_add(1));
                write!(f, "shares {one} and {other}: ")?;
            }
            Subject::Event(event) => write!(f, "{event}: ")?,
        }
        f.write_str(self.rule.text())
    }
}
