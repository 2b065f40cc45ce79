// SPDX-License-Identifier: MIT OR Apache-2.0
//! What several scenes are made of: custodians, sealed domains, HSMs in a state.

use core::convert::Infallible;
use core::num::NonZeroU64;

use security_domain::approval::{Act, Approval, approve};
use security_domain::contribution::{Contribution, Request, VettedRequest, contribute};
use security_domain::custodian::{
    Algorithm, CustodianId, Identity, Recipient, UnwrapError, WrapError,
};
use security_domain::hazmat::record::{self, Loaded};
use security_domain::lifecycle::{
    Active, AnyDomain, Domain, Empty, Provisioned, Recovering, Refused, Stage,
};
use security_domain::quorum::Threshold;
use security_domain::rng::Generator;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, DomainShare, Epoch, ExpectedDomain, InstanceId, Lineage, ModuleFloor,
    OpenError, Opened, Root, SealedDomain, Sealing,
};
use security_domain::secret::Secret;
use security_domain::self_test::{self, SelfTested};

use crate::host::{Hsm, ROOM, Rng, buffer, vault};
use crate::scene::Outcome;

/// A domain in a state.
pub type In<S> = Domain<'static, S, ROOM>;

/// A key pair that takes the place of an RSA one: it only masks, with a mask of its own.
#[derive(Clone)]
pub struct FastKey(pub u8);

/// From this number on a key takes the place of an RSA-3072 one, and below of an RSA-2048 one.
const STRONG: u8 = 8;

impl FastKey {
    const fn mask(&self, place: usize) -> u8 {
        self.0.wrapping_mul(29).wrapping_add(place as u8)
    }
}

impl Recipient for FastKey {
    #[inline(never)]
    fn algorithm(&self) -> Algorithm {
        if self.0 < STRONG {
            Algorithm::Rsa2048OaepSha256
        } else {
            Algorithm::Rsa3072OaepSha256
        }
    }

    #[inline(never)]
    fn id(&self) -> CustodianId {
        CustodianId::from_bytes([self.0; 32])
    }

    #[inline(never)]
    fn wrap<R: Generator + ?Sized>(
        &self,
        message: &[u8],
        _context: &[u8],
        rng: &mut R,
        out: &mut [u8],
    ) -> Result<(), WrapError> {
        rng.try_fill_bytes(out).map_err(|_| WrapError::Rng)?;
        let content = core::iter::once(message.len() as u8).chain(message.iter().copied());
        for (place, (to, from)) in out.iter_mut().zip(content).enumerate() {
            *to = from ^ self.mask(place);
        }
        Ok(())
    }
}

impl Identity for FastKey {
    type Error = Infallible;

    #[inline(never)]
    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Infallible>> {
        let len = usize::from(wrapped[0] ^ self.mask(0));
        if len > out.len() || len >= wrapped.len() {
            return Err(UnwrapError::Opaque);
        }
        for (place, to) in out[..len].iter_mut().enumerate() {
            *to = wrapped[place + 1] ^ self.mask(place + 1);
        }
        Ok(len)
    }
}

/// The transfer key of the requests, RSA-2048.
pub const TRANSFER: &[u8] = include_bytes!("../../../tests/vectors/sealed-domain/keys/d.p8");

pub const KEYS: [FastKey; 3] = [FastKey(1), FastKey(2), FastKey(3)];
pub const STRONG_KEYS: [FastKey; 3] = [FastKey(8), FastKey(9), FastKey(10)];
pub const ARTIFACT: [u8; 32] = *b"thirty-two bytes of key material";

pub fn artifacts() -> Option<[(ArtifactTag<'static>, &'static [u8]); 1]> {
    Some([(ArtifactTag::new("hsm-key").ok()?, &ARTIFACT)])
}

/// The root of the domain with that number.
pub fn root(number: u8) -> Option<Root> {
    let fill = |bytes: &mut [u8; 32]| {
        bytes.fill(0xc0 + number);
        Ok::<(), Infallible>(())
    };
    Secret::try_init(fill).ok().map(Root::from_secret)
}

/// What is sealed to three custodians, two of whom are needed.
pub fn sealing<'a>(
    root: &'a Root,
    artifacts: &'a [(ArtifactTag<'a>, &'a [u8])],
    custodians: &'a [FastKey; 3],
) -> Option<Sealing<'a, FastKey>> {
    Some(Sealing {
        root,
        artifacts,
        custodians,
        threshold: Threshold::new(2).ok()?,
        label: DomainLabel::new("test").ok()?,
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: 1_790_000_000,
        instance: InstanceId::from_bytes([7; 16]),
    })
}

/// A domain of three custodians, two of whom are needed, in the buffer with that number.
pub fn sealed(number: u8) -> Option<SealedDomain<'static>> {
    sealed_to(&KEYS, number)
}

/// The same, for these custodians.
pub fn sealed_to(custodians: &[FastKey; 3], number: u8) -> Option<SealedDomain<'static>> {
    let (root, artifacts) = (root(number + 1)?, artifacts()?);
    sealing(&root, &artifacts, custodians)?
        .seal(
            &mut Rng::new(77),
            &mut [0; 2048],
            buffer(usize::from(number)),
        )
        .ok()
}

/// The share of the custodian at `place`.
pub fn share(sealed: &SealedDomain<'_>, place: usize) -> Option<DomainShare> {
    share_of(&KEYS[place], sealed)
}

/// The share of this custodian.
pub fn share_of(custodian: &FastKey, sealed: &SealedDomain<'_>) -> Option<DomainShare> {
    let mut key = custodian.clone();
    let id = key.id();
    sealed.unwrap_share(id, &mut key, &mut Rng::new(78)).ok()
}

/// Starts the vault with that number.
pub fn start(number: usize, hsm: &mut Hsm) -> Option<AnyDomain<'static, ROOM>> {
    start_tested(number, tested()?, hsm)
}

/// The token of a self-test. All tests, so that none is left for the window.
pub fn tested() -> Option<SelfTested> {
    self_test::run_all().ok()
}

/// Starts the vault with a token that was got before the window: the tests take longer than most acts.
pub fn start_tested(
    number: usize,
    tested: SelfTested,
    hsm: &mut Hsm,
) -> Option<AnyDomain<'static, ROOM>> {
    vault(number).start(tested, hsm).ok()
}

pub fn empty(hsm: &mut Hsm) -> Option<In<Empty>> {
    match start(0, hsm)? {
        AnyDomain::Empty(domain) => Some(domain),
        _ => None,
    }
}

pub fn provisioned(hsm: &mut Hsm) -> Option<In<Provisioned>> {
    empty(hsm)?.provision(&artifacts()?, hsm).ok()
}

/// The domain of `sealed`, in its first epoch or later.
pub fn expect(sealed: &SealedDomain<'_>) -> ExpectedDomain {
    ExpectedDomain::new(sealed.header().domain_id(), Epoch::FIRST)
}

/// How long a session lasts, in seconds.
pub const LIFETIME: u64 = 60;

/// A session for a quorum at one place.
pub fn recovering(hsm: &mut Hsm, sealed: &SealedDomain<'_>) -> Option<In<Recovering>> {
    gathering(empty(hsm)?, hsm, sealed)
}

fn gathering(
    domain: In<Empty>,
    hsm: &mut Hsm,
    sealed: &SealedDomain<'_>,
) -> Option<In<Recovering>> {
    let lifetime = NonZeroU64::new(LIFETIME);
    domain
        .begin_recovery_here(sealed, &expect(sealed), lifetime, hsm)
        .ok()
}

/// The token of the tests of a power-up alone. What a scene uses before its window is tested there.
pub fn powered_up() -> Option<SelfTested> {
    self_test::run().ok()
}

/// An HSM in which the domain of `sealed` is in use.
pub fn active(hsm: &mut Hsm, sealed: &SealedDomain<'_>) -> Option<In<Active>> {
    let AnyDomain::Empty(domain) = start_tested(0, powered_up()?, hsm)? else {
        return None;
    };
    let mut domain = gathering(domain, hsm, sealed)?;
    for place in 0..2 {
        domain.add_share(sealed, share(sealed, place)?, hsm).ok()?;
    }
    domain.quorum().ok()?.open(sealed, hsm).ok()
}

/// What a custodian answers to a request.
pub fn contribution<'o>(
    custodian: &FastKey,
    sealed: &SealedDomain<'_>,
    request: &[u8],
    out: &'o mut [u8],
) -> Option<Contribution<'o>> {
    let request = Request::parse(request).ok()?;
    let shown = request.digest();
    let vetted = VettedRequest::compared(request, shown).ok()?;
    let share = share_of(custodian, sealed)?;
    let rng = &mut Rng::new(79);
    contribute(sealed, &expect(sealed), &vetted, &share, 0, rng, out).ok()
}

/// What a custodian approves.
pub fn approval<'o>(
    custodian: &FastKey,
    sealed: &SealedDomain<'_>,
    act: &Act<'_>,
    out: &'o mut [u8],
) -> Option<Approval<'o>> {
    let share = share_of(custodian, sealed)?;
    approve(
        sealed,
        &expect(sealed),
        act,
        &share,
        0,
        &mut Rng::new(80),
        out,
    )
    .ok()
}

/// What the newest record on the flash holds; nothing if the HSM is empty.
pub fn at_rest(hsm: &mut Hsm) -> &'static [u8] {
    let out = buffer(5);
    match record::load(hsm, out) {
        Ok(Loaded::Contents { len, .. }) => &out[..len],
        _ => &[],
    }
}

/// Whether that is a state of this stage.
pub fn rests_in(stage: Stage, hsm: &mut Hsm) -> bool {
    // An array, the version, and the stage.
    at_rest(hsm).get(2) == Some(&(stage as u8))
}

/// Begins a session.
#[inline(never)]
#[unsafe(no_mangle)]
pub fn act_begin(
    domain: In<Empty>,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    hsm: &mut Hsm,
) -> Result<In<Recovering>, Refused<In<Empty>>> {
    domain.begin_recovery_here(sealed, expect, None, hsm)
}

/// Whether a session gathers shares of `sealed`.
pub fn begun<P>(answer: Result<In<Recovering>, Refused<P>>, sealed: &SealedDomain<'_>) -> Outcome {
    match answer {
        Ok(domain) => Outcome::took_effect(
            domain.needed() == 2 && domain.status().header == Some(sealed.header().digest()),
        ),
        Err(_) => Outcome::Refused,
    }
}

/// Opens a file.
#[inline(never)]
#[unsafe(no_mangle)]
pub fn act_open<'o>(
    sealed: &SealedDomain<'static>,
    expect: &ExpectedDomain,
    shares: &[&DomainShare],
    out: &'o mut [u8],
) -> Result<Opened<'o>, OpenError> {
    sealed.open(expect, shares, out)
}

/// Accepted if opening with `shares` believes them: it gets as far as decrypting.
pub fn believed(sealed: &SealedDomain<'_>, shares: &[&DomainShare]) -> Outcome {
    let opened = sealed.open(&ExpectedDomain::unpinned(), shares, buffer(2));
    Outcome::took_effect(matches!(opened, Ok(_) | Err(OpenError::DoesNotOpen)))
}
