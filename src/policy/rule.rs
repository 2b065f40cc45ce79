// SPDX-License-Identifier: MIT OR Apache-2.0
//! The rules, each with its code, its severity and its source.

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[expect(clippy::exhaustive_enums, reason = "three, in rising order")]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// To be mended.
    Warn,
    /// Such a quorum must not be made or kept.
    Refuse,
}

impl Severity {
    /// Returns the word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warn => "warn",
            Self::Refuse => "refuse",
        }
    }
}

/// Makes the enum of rules from one table.
macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident, $severity:ident, $code:literal, $source:literal, $text:literal;)*) => {
        /// A rule for the custody of a domain.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[cfg_attr(feature = "defmt", derive(defmt::Format))]
        #[non_exhaustive]
        pub enum Rule {
            $($(#[$doc])* $name,)*
        }

        impl Rule {
            /// Every rule.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Returns the code, which does not change.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// Returns how grave it is not to meet the rule.
            pub const fn severity(self) -> Severity {
                match self { $(Self::$name => Severity::$severity,)* }
            }

            /// Returns what the rule rests on; empty if on this crate's own reasons. Sections
            /// without a name are those of SP 800-57 part 1 revision 5.
            pub const fn source(self) -> &'static str {
                match self { $(Self::$name => $source,)* }
            }

            /// Returns what is wrong, in a sentence.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

rules! {
    /// The threshold is at least 2.
    OneIsEnough, Refuse, "one-is-enough", "", "one custodian alone rebuilds the domain";
    /// The threshold is at least 3.
    TwoAreEnough, Warn, "two-are-enough", "", "two custodians together rebuild the domain";
    /// There are as many custodians as the threshold, 3 to 10.
    Numbers, Refuse, "numbers", "", "the threshold is above the number of custodians, or there are not 3 to 10 of them";
    /// The threshold is above half of the custodians.
    NoMajority, Warn, "no-majority", "", "a minority of the custodians rebuilds the domain";
    /// At least one custodian more than the threshold can contribute.
    NoSpare, Warn, "no-spare", "", "every custodian is needed: one more loss loses the domain";
    /// As many custodians as the threshold can contribute.
    NoQuorum, Refuse, "no-quorum", "section 5.5", "too few custodians can contribute: the domain is in its HSMs alone";
    /// Shares that others may know are fewer than the threshold.
    QuorumExposed, Refuse, "quorum-exposed", "section 5.5", "others may know a quorum of the shares: a new domain is needed";
    /// All keys are different.
    SameKey, Refuse, "same-key", "", "they have one key";
    /// All holders are different.
    SameHolder, Warn, "same-holder", "", "one person holds both";
    /// All places are different.
    SamePlace, Warn, "same-place", "", "both are kept in one place";
    /// Not all holders have one role.
    SameRole, Note, "same-role", "", "all custodians have the same role";
    /// A key has at least 128 bits of security.
    WeakKey, Warn, "weak-key", "section 5.6.3", "the key has less than 128 bits of security";
    /// A quorum needs a key that withstands a quantum computer.
    QuantumOpens, Note, "quantum-opens", "FIPS 203", "a quantum computer would open a quorum of the shares";
    /// The certificate is valid already.
    NotYetValid, Warn, "not-yet-valid", "section 5.3.6", "the certificate is not valid yet";
    /// The certificate is still valid.
    Expired, Note, "expired", "section 5.3.6", "the certificate has expired; the key still opens the share";
    /// A key is in use no longer than the cryptoperiod.
    OldKey, Warn, "old-key", "section 5.3.6", "the key has been in use for longer than its cryptoperiod";
    /// A key that was lost is replaced.
    KeyLost, Warn, "key-lost", "section 7.3", "the key was reported lost";
    /// A key that may be compromised is replaced.
    KeyCompromised, Warn, "key-compromised", "section 7.5", "the key may be compromised";
    /// A key that was destroyed is replaced.
    KeyDestroyed, Warn, "key-destroyed", "section 7.6", "the key no longer exists";
    /// A key in use is active, and no longer or not yet something else.
    KeyNotActive, Warn, "key-not-active", "section 7", "the key is not in its active state";
    /// Nobody but the present holder may know a share.
    FormerHolder, Warn, "former-holder-may-know", "section 5.5", "a former holder may know the share until the next rotation";
    /// Each custodian has answered a drill.
    NoDrill, Warn, "no-drill", "", "the custodian never answered a drill";
    /// The last drill is not older than the interval.
    OldDrill, Warn, "old-drill", "", "the last drill is older than its interval";
    /// A drill proves the key, too.
    ShareOnly, Note, "share-only", "", "the last drill proved that the share is known, not that the key is there";
    /// Custody was reviewed.
    NoReview, Warn, "no-review", "", "custody was never reviewed";
    /// The last review is not older than the interval.
    OldReview, Warn, "old-review", "", "the last review is older than its interval";
    /// Each event that asks for a review has had one.
    EventNotReviewed, Warn, "event-not-reviewed", "section 5.5", "this asks for a review";
    /// No review or drill is later than now.
    TimeAhead, Warn, "time-ahead", "", "it is said to be later than now: a clock is or was wrong";
    /// The domain was never taken without naming the expected one.
    Unpinned, Note, "unpinned", "", "the domain was once taken without naming the expected one";
    /// The time is known.
    NoTime, Note, "no-time", "", "without a clock, certificates, keys, drills and reviews are not looked at";
}

impl Rule {
    /// Returns whether a review puts it right.
    pub const fn is_review(self) -> bool {
        matches!(
            self,
            Self::NoReview | Self::OldReview | Self::EventNotReviewed
        )
    }
}
