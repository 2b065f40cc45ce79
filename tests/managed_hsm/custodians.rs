// SPDX-License-Identifier: MIT OR Apache-2.0
//! More shares than it takes, wrong ones among them, and keys behind a device.

use security_domain::custodian::{Identity, UnwrapError};
use security_domain::hazmat::managed_hsm::{expose_master_key, share_from_words, share_words};
use security_domain::managed_hsm::domain_file::{CombineError, DomainFile, ShareError};
use security_domain::managed_hsm::{Fault, Share};
use security_domain::rng::Generator;
use security_domain::secret::Secret;

use super::fixtures::*;

const CASE: &str = "valid/v05-3of5-all-quorums";

fn names() -> [&'static str; 5] {
    ["s2048_5", "s2048_6", "s2048_7", "s2048_8", "s2048_9"]
}

/// The same share with another value in a word of its own, so that no two errors cancel out.
fn spoilt(file: &DomainFile<'_>, share: &Share) -> Share {
    changed(file, share, usize::from(share.index().get()), 1)
}

/// The same share with the bits of `change` flipped in the value of one word.
fn changed(file: &DomainFile<'_>, share: &Share, word: usize, change: u8) -> Share {
    let words = Secret::try_init(|words| {
        *words = *share_words(share).expose();
        words[2 * word] ^= change;
        Ok::<(), ()>(())
    })
    .unwrap();
    share_from_words(share.custodian(), file.quorum(), &words).unwrap()
}

/// The shares of a selection of custodians, spoilt where `bad` has them.
fn select(file: &DomainFile<'_>, shares: &[Share], chosen: u32, bad: u32) -> Vec<Share> {
    let pick = |(place, share): (usize, &Share)| {
        let spoil = bad >> place & 1 == 1;
        let given = if spoil {
            spoilt(file, share)
        } else {
            changed(file, share, 0, 0)
        };
        (chosen >> place & 1 == 1).then_some(given)
    };
    shares.iter().enumerate().filter_map(pick).collect()
}

#[test]
fn wrong_shares_are_named_and_the_others_restore() {
    let text = bytes(&format!("{CASE}/sd.json"));
    let case = json(&format!("{CASE}/case.json"));
    let file = DomainFile::parse(&text).unwrap();
    let shares = open_shares(&file, &names());
    for chosen in 0..32u32 {
        for bad in (0..32u32).filter(|bad| bad & !chosen == 0) {
            let given = select(&file, &shares, chosen, bad);
            let result = file.combine(&given);
            let (have, good) = (chosen.count_ones(), (chosen & !bad).count_ones());
            if have < 3 {
                let have = have as usize;
                let error = CombineError::TooFewShares { have, need: 3 };
                assert_eq!(result.err(), Some(error));
            } else if good < 3 {
                assert_eq!(
                    result.err(),
                    Some(CombineError::DoesNotOpen),
                    "{chosen:b} {bad:b}"
                );
            } else {
                let combined = result.unwrap();
                let master = hex(expose_master_key(combined.master_key()).expose());
                assert_eq!(master, case["master_key_hex"].as_str().unwrap());
                let wrong: Vec<_> = { given.iter().map(Share::custodian) }
                    .filter(|custodian| {
                        let place = shares.iter().position(|s| s.custodian() == *custodian);
                        bad >> place.unwrap() & 1 == 1
                    })
                    .collect();
                assert_eq!(combined.left_out(), wrong, "{chosen:b} {bad:b}");
            }
        }
    }
}

#[test]
fn ten_shares_with_seven_wrong_ones_still_restore() {
    let text = bytes("valid/v06-3of10-2048/sd.json");
    let case = json("valid/v06-3of10-2048/case.json");
    let file = DomainFile::parse(&text).unwrap();
    let shares = open_shares(&file, &texts(&case["custodians"]));
    let given = select(&file, &shares, 0x3ff, 0b11_0111_1010);
    let combined = file.combine(&given).unwrap();
    assert_eq!(combined.left_out().len(), 7);
    let artifacts = open_all(file.artifacts(), combined.master_key());
    assert_eq!(artifacts, case_artifacts(&case));
}

#[test]
fn errors_that_cancel_out_do_not_accuse_the_others() {
    // The weights of 1, 2 and 3 at 0 are 3, -3 and 1: the same error in the first two shares is no
    // error in the key. Four shares outnumber the three on the false polynomial.
    let names = [
        "s2048_0", "s2048_1", "s2048_2", "s2048_3", "s2048_4", "s2048_5",
    ];
    let shares: Vec<_> = names
        .into_iter()
        .zip(super::forge::shares(&KEY, &[0, 2], 6))
        .collect();
    let text = super::forge::domain_file(&KEY, 3, &shares);
    let file = DomainFile::parse(text.as_bytes()).unwrap();
    let mut shares = open_shares(&file, &names);
    for share in &mut shares[..2] {
        let words = *share_words(share).expose();
        let plus_one = words[0].checked_add(1).unwrap() ^ words[0];
        *share = changed(&file, share, 0, plus_one);
    }
    assert_eq!(file.combine(&shares[..3]).unwrap().left_out(), []);
    let wrong = [thumbprint(names[0]), thumbprint(names[1])];
    assert_eq!(file.combine(&shares).unwrap().left_out(), wrong);
}

const KEY: [u8; 32] = *b"a master key of thirty-two bytes";

#[test]
fn a_malformed_file_restores_around_its_defect_where_shares_are_to_spare() {
    for (id, opaque) in [
        ("share-x-127", 1),
        ("share-x-above-n", 1),
        ("x5t-swapped", 2),
    ] {
        let entry = { entries("malformed").into_iter() }
            .find(|e| e["id"] == id)
            .unwrap();
        let text = bytes(entry["file"].as_str().unwrap());
        let file = DomainFile::parse(&text).unwrap();
        let listed = texts(&entry["listed"]);
        let shares: Vec<Share> = listed
            .iter()
            .filter_map(|name| open_share(&file, name).ok())
            .collect();
        assert_eq!(shares.len(), listed.len() - opaque, "{id}");
        assert_eq!(file.combine(&shares).unwrap().left_out(), [], "{id}");
    }
}

#[test]
fn a_custodian_and_a_share_of_another_file_are_told_apart() {
    let text = bytes(&format!("{CASE}/sd.json"));
    let file = DomainFile::parse(&text).unwrap();
    assert_eq!(
        open_share(&file, "s2048_0").err(),
        Some(ShareError::NotListed)
    );

    let other = bytes("valid/v04-3of5-2048/sd.json");
    let other = DomainFile::parse(&other).unwrap();
    let shares = open_shares(&other, &["s2048_0", "s2048_1", "s2048_2"]);
    let stranger = CombineError::NotListed(thumbprint("s2048_0"));
    assert_eq!(file.combine(&shares).err(), Some(stranger));
}

#[test]
fn a_wrong_key_opens_nothing() {
    let text = bytes(&format!("{CASE}/sd.json"));
    let file = DomainFile::parse(&text).unwrap();
    for key in ["s2048_0", "s3072_0", "s4096_0"] {
        let opened = file.open_share(&thumbprint("s2048_5"), &mut private_key(key), &mut rng());
        assert_eq!(opened.err(), Some(ShareError::DoesNotOpen), "{key}");
    }
}

/// What a token says that is not there.
#[derive(Debug, PartialEq)]
struct Absent;

/// A device that answers with what it was given.
struct Device(Option<Vec<u8>>);

impl Identity for Device {
    type Error = Absent;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        wrapped: &[u8],
        _context: &[u8],
        _: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Absent>> {
        assert_eq!(wrapped.len(), 256);
        let answer = self.0.as_ref().ok_or(UnwrapError::Device(Absent))?;
        let room = out.get_mut(..answer.len()).ok_or(UnwrapError::Opaque)?;
        room.copy_from_slice(answer);
        Ok(answer.len())
    }
}

#[test]
fn a_device_that_fails_is_not_a_share_that_does_not_open() {
    let text = bytes(&format!("{CASE}/sd.json"));
    let file = DomainFile::parse(&text).unwrap();
    let open = |answer| {
        let mut device = Device(answer);
        file.open_share(&thumbprint("s2048_5"), &mut device, &mut rng())
            .err()
    };
    assert_eq!(open(None), Some(ShareError::Device(Absent)));
    for length in [0, 32, 63, 64, 65, 80] {
        let opaque = Some(ShareError::DoesNotOpen);
        assert_eq!(
            open(Some(vec![7; length])),
            opaque,
            "{length} bytes of content key"
        );
    }
}

/// Answers with what a key unwrapped elsewhere.
struct Unwrapped([u8; 64]);

impl Identity for Unwrapped {
    type Error = ();

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        _wrapped: &[u8],
        _context: &[u8],
        _rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<()>> {
        out[..64].copy_from_slice(&self.0);
        Ok(64)
    }
}

#[test]
fn a_content_key_that_was_unwrapped_elsewhere_opens_its_share_alone() {
    let text = bytes(&format!("{CASE}/sd.json"));
    let file = DomainFile::parse(&text).unwrap();
    let (mut wrapped, mut content_key) = ([0; 512], [0; 64]);
    let [own, other, ..] = names().map(thumbprint);
    let wrapped = file.wrapped_content_key(&own, &mut wrapped).unwrap();
    let length = { private_key(names()[0]) }
        .unwrap_key(wrapped, &[], &mut rng(), &mut content_key)
        .unwrap();
    assert_eq!((wrapped.len(), length), (256, 64));
    let share = { file.open_share(&own, &mut Unwrapped(content_key), &mut rng()) }.unwrap();
    let direct = open_share(&file, names()[0]).unwrap();
    assert_eq!(share_words(&share).expose(), share_words(&direct).expose());
    let refused = file.open_share(&other, &mut Unwrapped(content_key), &mut rng());
    assert_eq!(refused.err(), Some(ShareError::DoesNotOpen));
    content_key[63] ^= 1;
    let refused = file.open_share(&own, &mut Unwrapped(content_key), &mut rng());
    assert_eq!(refused.err(), Some(ShareError::DoesNotOpen));

    let mut room = [0; 512];
    let stranger = file.wrapped_content_key(&thumbprint("s2048_0"), &mut room);
    assert_eq!(stranger.unwrap_err().fault, Fault::NotListed);
}
