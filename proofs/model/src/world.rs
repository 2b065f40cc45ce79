// SPDX-License-Identifier: MIT OR Apache-2.0
//! The state of the model: flash images, files and messages as bytes, and what of them counts as a
//! difference between two states.

use std::hash::{Hash, Hasher};

use security_domain::lifecycle::Stage;

use crate::hsm::{Policy, Seen};
use crate::keys::{COUNT, Quorum};
use crate::store::Blob;

/// The file of the first epoch, two proposals of the first HSM, and one of the second.
pub const FILES: usize = 4;
/// The slots of each HSM's proposals in the order of use.
pub const SLOTS: [&[usize]; 2] = [&[1, 2], &[3]];

#[derive(Clone, Debug)]
pub struct World {
    /// The HSMs; `None`: it is lost.
    pub hsms: [Option<Machine>; 2],
    pub files: [File; FILES],
    /// Which custodians have their keys.
    pub old: [bool; COUNT],
    pub new: [bool; COUNT],
    /// Each rotation that was proposed before has expired.
    pub late: bool,
    /// The first quorum has destroyed its file and its keys, as the next one is in force.
    pub retired: bool,
}

/// An HSM: its flash, and what it shows after a start.
#[derive(Clone, Copy, Debug)]
pub struct Machine {
    pub image: Blob,
    pub seen: Seen,
}

/// A file of the domain, from its proposal on.
#[derive(Clone, Debug)]
pub struct File {
    pub policy: Policy,
    /// The digest of its header, once it was made.
    pub header: Option<[u8; 32]>,
    /// The pending file and the request, if they have left the HSM. Then anybody knows them.
    pub pending: Option<Blob>,
    pub request: Option<Blob>,
    /// The complete file, if it has left an HSM.
    pub complete: Option<Blob>,
    /// Which of the files the operator keeps, and whether the custodians have the pending one.
    pub kept: bool,
    pub stored: bool,
    pub copies: bool,
    /// Its rotation was abandoned, or has expired.
    pub abandoned: bool,
    /// A quorum of custodians had answered its request, and enough had proven, when it was committed.
    pub agreed: bool,
    /// An HSM has committed to it, or stands by it.
    pub committed: bool,
    pub confirmed: bool,
    pub consents: [Answer; COUNT],
    pub challenge: Option<Blob>,
    pub challenges: u8,
    pub responses: [Answer; COUNT],
    /// An answer to an earlier challenge.
    pub stale: Option<Blob>,
}

/// What a custodian has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    None,
    /// It was sent, and withheld by whoever carries it.
    Sent(Blob),
    /// The HSM has it.
    Taken(Blob),
}

impl Answer {
    pub fn blob(self) -> Option<Blob> {
        match self {
            Self::None => None,
            Self::Sent(blob) | Self::Taken(blob) => Some(blob),
        }
    }

    fn kind(self) -> u8 {
        match self {
            Self::None => 0,
            Self::Sent(_) => 1,
            Self::Taken(_) => 2,
        }
    }

    pub fn is_taken(self) -> bool {
        matches!(self, Self::Taken(_))
    }
}

impl File {
    pub fn unused(policy: Policy) -> Self {
        Self {
            policy,
            header: None,
            pending: None,
            request: None,
            complete: None,
            kept: false,
            stored: false,
            copies: false,
            abandoned: false,
            agreed: false,
            committed: false,
            confirmed: false,
            consents: [Answer::None; COUNT],
            challenge: None,
            challenges: 0,
            responses: [Answer::None; COUNT],
            stale: None,
        }
    }

    /// The bytes that the operator can lay hands on.
    pub fn at_hand(&self) -> Option<Blob> {
        match self.stored {
            true => self.complete,
            false => self.pending.filter(|_| self.kept || self.copies),
        }
    }
}

impl World {
    /// The place of the file with this header.
    pub fn place(&self, header: [u8; 32]) -> Option<usize> {
        self.files
            .iter()
            .position(|file| file.header == Some(header))
    }

    pub fn standing(&self, hsm: usize) -> Option<usize> {
        self.place(self.hsms[hsm]?.seen.standing?)
    }

    /// The file that this HSM rotates to.
    pub fn running(&self, hsm: usize) -> Option<usize> {
        self.place(self.hsms[hsm]?.seen.rotation?.header)
    }

    pub fn is_running(&self, place: usize) -> bool {
        (0..2).any(|hsm| self.running(hsm) == Some(place))
    }

    pub fn stage(&self, hsm: usize) -> Option<Stage> {
        Some(self.hsms[hsm]?.seen.stage)
    }

    /// Which custodians of a file have their keys.
    pub fn custodians(&self, place: usize) -> (Quorum, [bool; COUNT]) {
        match place {
            0 => (Quorum::Old, self.old),
            _ => (Quorum::New, self.new),
        }
    }

    /// Two custodians of a file who have their keys.
    pub fn quorum(&self, place: usize) -> Option<(Quorum, [usize; 2])> {
        let (quorum, alive) = self.custodians(place);
        let mut places = (0..COUNT).filter(|place| alive[*place]);
        Some((quorum, [places.next()?, places.next()?]))
    }

    /// Nothing is under way, and the file that every living HSM stands by is stored.
    pub fn is_settled(&self) -> bool {
        let mut living = (0..2).filter(|hsm| self.hsms[*hsm].is_some());
        let Some(first) = living.next() else {
            return false;
        };
        let Some(place) = self.standing(first) else {
            return false;
        };
        (0..2).all(|hsm| {
            self.hsms[hsm].is_none()
                || (self.stage(hsm) == Some(Stage::Active) && self.standing(hsm) == Some(place))
        }) && self.files[place].stored
    }

    /// Whether a custodian has his key, and what he has answered in the rotations under way.
    fn person(&self, quorum: Quorum, custodian: usize) -> (bool, Vec<u8>) {
        let running = (1..FILES).filter(|place| self.is_running(*place));
        let answers = running.map(|place| {
            let file = &self.files[place];
            match quorum {
                Quorum::Old => file.consents[custodian].kind(),
                Quorum::New => file.responses[custodian].kind(),
            }
        });
        let alive = match quorum {
            Quorum::Old => self.old,
            Quorum::New => self.new,
        };
        (alive[custodian], answers.collect())
    }

    /// The custodians of a quorum, one of those who do not differ.
    pub fn distinct(&self, quorum: Quorum) -> Vec<usize> {
        let mut seen = Vec::new();
        let mut distinct = Vec::new();
        for place in 0..COUNT {
            let person = self.person(quorum, place);
            if !seen.contains(&person) {
                seen.push(person);
                distinct.push(place);
            }
        }
        distinct
    }

    /// What distinguishes this state from others: see the crate's first page.
    fn projection(&self) -> Projection {
        let sorted = |quorum| {
            let mut people: Vec<_> = (0..COUNT).map(|place| self.person(quorum, place)).collect();
            people.sort();
            people
        };
        Projection {
            hsms: [0, 1].map(|hsm| {
                let seen = self.hsms[hsm]?.seen;
                let turn = seen.rotation.map(|turn| {
                    let place = self.place(turn.header);
                    let own = place.and_then(|place| self.files[place].challenge);
                    let challenge = turn.challenge.is_some();
                    (place, turn.consents, turn.proofs, challenge, own.is_some())
                });
                Some((seen.stage, self.standing(hsm), turn))
            }),
            files: self.files.each_ref().map(|file| {
                let place = file.header.and_then(|header| self.place(header));
                let running = place.is_some_and(|place| self.is_running(place));
                let bits = [
                    file.header.is_some(),
                    file.pending.is_some(),
                    file.complete.is_some(),
                    file.kept,
                    file.stored,
                    file.copies,
                    file.abandoned,
                    file.agreed,
                    file.committed,
                    file.confirmed,
                ];
                let challenges = running.then_some((file.challenges, file.stale.is_some()));
                (bits, challenges)
            }),
            old: sorted(Quorum::Old),
            new: sorted(Quorum::New),
            late: self.late,
            retired: self.retired,
        }
    }
}

type Shown = (
    Stage,
    Option<usize>,
    Option<(Option<usize>, u8, u8, bool, bool)>,
);
type Traits = ([bool; 10], Option<(u8, bool)>);
type People = Vec<(bool, Vec<u8>)>;

#[derive(PartialEq, Eq, Hash)]
struct Projection {
    hsms: [Option<Shown>; 2],
    files: [Traits; FILES],
    old: People,
    new: People,
    late: bool,
    retired: bool,
}

impl PartialEq for World {
    fn eq(&self, other: &Self) -> bool {
        self.projection() == other.projection()
    }
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.projection().hash(state);
    }
}
