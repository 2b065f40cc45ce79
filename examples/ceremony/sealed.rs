// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain in the crate's own files: recovered by custodians who never meet, and by a quorum in
//! one place.

use std::fs;
use std::num::NonZeroU64;
use std::path::Path;

use getrandom::SysRng;
use security_domain::backup::{BackupHeader, Kind, Name, TAG_LEN};
use security_domain::contribution::{
    Contribution, Request, RequestDigest, VettedRequest, contribute, contribution_len,
};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Proof, Response, respond};
use security_domain::lifecycle::{
    Activation, Active, AnyDomain, Domain, Empty, LifecycleError, Provisioned, Recovering, Vault,
};
use security_domain::quorum::Threshold;
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, Epoch, ExpectedDomain, ModuleFloor, SealedDomain,
};
use security_domain::self_test;

use crate::board::{Board, ROOM, vault};
use crate::party::Party;
use crate::{NAMES, Outcome, REQUIRED, require, rotation, write_new};

type In<'v, S> = Domain<'v, S, ROOM>;

/// A domain in use.
pub type ActiveDomain<'v> = In<'v, Active>;

/// The secrets of the HSM.
const SECRETS: [(&str, &[u8]); 2] = [
    ("signing-key", b"the key that signs for everyone"),
    ("credentials", b"operator:correct horse"),
];

pub fn act(folder: &Path, custodians: &mut [Party]) -> Outcome {
    let file = |name: &str| folder.join(name);

    println!("7. An HSM is provisioned, and activated: its domain leaves, sealed to all five.");
    let (mut memory, mut board) = (vault(), Board::new()?);
    let pending = file("domain.pending");
    let (mut first, domain) = activate(&mut memory, &mut board, custodians, &pending)?;
    write_new(&file("domain.sealed"), &domain)?;
    fs::remove_file(pending)?;
    let sealed = SealedDomain::parse(&domain)?;
    let noted = first.status().domain.ok_or("an active HSM has a domain")?;
    println!("   domain.sealed  {} bytes", domain.len());
    println!("   the HSM shows  domain {noted}");

    println!("\n8. It backs up a key.");
    let backup = back_up(&mut first, &mut board, b"another key, made later")?;
    write_new(&file("key.backup"), &backup)?;
    println!("   key.backup     {} bytes", backup.len());

    println!("\n9. Ada shows, alone, that she still has her key and her share.");
    let expect = ExpectedDomain::new(noted, Epoch::FIRST);
    let proof = drill(&mut custodians[0], &sealed, &expect)?;
    require(proof == Proof::KeyAndShare, "she has both")?;
    println!("   a drill proves {proof}");

    println!("\n10. The HSM burns down. Another HSM asks for its domain.");
    drop(first);
    let (mut memory_2, mut board_2) = (vault(), Board::new()?);
    let (mut session, request) = ask(&mut memory_2, &mut board_2, &sealed, &expect)?;
    write_new(&file("request.cbor"), &request)?;
    let shown = session.request().ok_or("the session has a request")?;
    println!("   request.cbor   {} bytes", request.len());
    println!("   the HSM shows  request {shown}");

    println!("\n11. Ben, Dana and Emil answer, each alone, from wherever they are.");
    for place in [1, 3, 4] {
        let answer = answer(&mut custodians[place], &domain, &expect, &request, shown)?;
        let name = format!("{}.contribution", NAMES[place]);
        write_new(&file(&name), &answer)?;
        println!("   {name}  {} bytes", answer.len());
        session.add(&sealed, &Contribution::parse(&answer)?, &mut board_2)?;
    }
    let session = session.quorum().map_err(|_| "three are a quorum")?;
    let second = session.open(&sealed, &mut board_2);
    let mut second = second.map_err(LifecycleError::from)?;
    require(
        is_whole(&second, &mut board_2)?,
        "every secret is what it was",
    )?;
    println!(
        "   The HSM is {}; nobody but it has seen a secret.",
        second.status().stage
    );

    println!("\n12. It restores the backup that the first one made.");
    let restored = restore(&mut second, &mut board_2, &backup)?;
    require(
        restored == b"another key, made later",
        "the key is what it was",
    )?;

    println!("\n13. A third HSM gets the domain from a quorum in one place.");
    let (mut memory_3, mut board_3) = (vault(), Board::new()?);
    let blank = empty(&mut memory_3, &mut board_3)?;
    let session = blank.begin_recovery_here(&sealed, &expect, None, &mut board_3);
    let mut session = session.map_err(LifecycleError::from)?;
    for custodian in &mut custodians[..usize::from(REQUIRED)] {
        let id = custodian.key.public_key().id();
        let share = sealed.unwrap_share(id, &mut custodian.key, &mut SysRng)?;
        session.add_share(&sealed, share, &mut board_3)?;
    }
    let session = session.quorum().map_err(|_| "three are a quorum")?;
    let third = session.open(&sealed, &mut board_3);
    let third = third.map_err(LifecycleError::from)?;
    require(
        is_whole(&third, &mut board_3)?,
        "every secret is what it was",
    )?;
    require(
        third.status().domain == second.status().domain,
        "they share a domain",
    )?;

    println!(
        "\n14. Emil leaves. The HSM proposes a quorum without him, three of the five consent, the"
    );
    println!(
        "    four who stay prove that their keys open the new file, and its epoch becomes valid."
    );
    let board = &mut board_3;
    let (third, next) =
        rotation::without_the_last(third, &domain, &expect, custodians, board, folder)?;
    let next = SealedDomain::parse(&next)?;
    let header = next.header();
    println!(
        "   next.sealed    epoch {}, {} custodians",
        header.epoch(),
        header.quorum().count().get()
    );
    let adopt = ExpectedDomain::header(noted, header.epoch(), header.digest());
    second.adopt(&next, &adopt, &mut board_2)?;
    require(
        second.status().header == third.status().header,
        "both HSMs stand by the same file",
    )?;

    println!("\n15. What must fail.");
    let (mut memory_4, mut board_4) = (vault(), Board::new()?);
    let pending = file("stranger.pending");
    let (mut stranger, _) = activate(&mut memory_4, &mut board_4, custodians, &pending)?;
    let refused = restore(&mut stranger, &mut board_4, &backup);
    fails("the backup in an HSM of another domain", refused, |error| {
        matches!(error, LifecycleError::WrongDomain(_))
    })?;

    let refused = second.adopt(&sealed, &expect, &mut board_2);
    fails(
        "the file of the first epoch, after the second",
        refused.map_err(Into::into),
        |error| matches!(error, LifecycleError::Expect(_)),
    )?;

    let (mut memory_5, mut board_5) = (vault(), Board::new()?);
    let (mut session, request_5) = ask(&mut memory_5, &mut board_5, &sealed, &expect)?;
    let replayed = fs::read(file("ben.contribution"))?;
    let refused = session.add(&sealed, &Contribution::parse(&replayed)?, &mut board_5);
    fails(
        "Ben's contribution in another session",
        refused.map_err(Into::into),
        |error| matches!(error, LifecycleError::Contribution(_)),
    )?;

    let vetted = VettedRequest::compared(Request::parse(&request_5)?, shown);
    let error = vetted
        .err()
        .ok_or("a request that no HSM shows was taken")?;
    println!("   a request that is not the one the HSM shows: {error}");

    let answer = answer(
        &mut custodians[0],
        &domain,
        &expect,
        &request_5,
        session.request().ok_or("no request")?,
    )?;
    session.add(&sealed, &Contribution::parse(&answer)?, &mut board_5)?;
    let session = session.quorum().err().ok_or("one was a quorum")?;
    println!(
        "   one contribution: {} are needed, and the session goes on",
        session.needed()
    );
    let cancelled = session.cancel(&mut board_5);
    cancelled.map_err(LifecycleError::from)?;
    Ok(())
}

/// A blank HSM.
fn empty<'v>(memory: &'v mut Vault<ROOM>, board: &mut Board) -> Outcome<In<'v, Empty>> {
    match memory.start(self_test::run()?, board)? {
        AnyDomain::Empty(empty) => Ok(empty),
        _ => Err("the HSM is not blank".into()),
    }
}

/// An HSM with a fresh domain of the secrets above.
fn provision<'v>(memory: &'v mut Vault<ROOM>, board: &mut Board) -> Outcome<In<'v, Provisioned>> {
    let empty = empty(memory, board)?;
    let secrets = SECRETS.map(|(tag, bytes)| ArtifactTag::new(tag).map(|tag| (tag, bytes)));
    let [signing_key, credentials] = secrets;
    let domain = empty.provision(&[signing_key?, credentials?], board);
    Ok(domain.map_err(LifecycleError::from)?)
}

/// Activates a new HSM, and returns its file. The file that nobody can open yet is stored as
/// `pending`.
fn activate<'v>(
    memory: &'v mut Vault<ROOM>,
    board: &mut Board,
    custodians: &[Party],
    pending: &Path,
) -> Outcome<(In<'v, Active>, Vec<u8>)> {
    let keys: Vec<_> = custodians
        .iter()
        .map(|party| party.key.public_key().clone())
        .collect();
    let activation = Activation {
        custodians: &keys,
        threshold: Threshold::new(REQUIRED)?,
        label: DomainLabel::new("ceremony")?,
        floor: ModuleFloor::NONE,
        break_glass: None,
    };
    let domain = provision(memory, board)?;
    let mut file = vec![0; domain.sealed_len(&activation)?];
    let sealed = domain.seal(&activation, board, &mut file);
    let (domain, len) = sealed.map_err(LifecycleError::from)?;
    // Nobody can open this file yet. It is stored, and read back, before the HSM is active.
    write_new(pending, &file[..len])?;
    let stored = fs::read(pending)?;
    let stored = SealedDomain::parse(&stored)?;
    let activated = domain.activate(&stored, board);
    let domain = activated.map_err(LifecycleError::from)?;
    let file = domain.complete(&stored, board)?.concat();
    Ok((domain, file))
}

/// A blank HSM that asks for `sealed`, for a day, and its request.
fn ask<'v>(
    memory: &'v mut Vault<ROOM>,
    board: &mut Board,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
) -> Outcome<(In<'v, Recovering>, Vec<u8>)> {
    let day = NonZeroU64::new(86_400);
    let mut request = vec![0; Request::MAX_LEN];
    let asked = empty(memory, board)?.begin_recovery(sealed, expect, day, board, &mut request);
    let (session, len) = asked.map_err(LifecycleError::from)?;
    request.truncate(len);
    Ok((session, request))
}

/// Challenges a custodian, answers as the custodian, and returns what the response proves.
fn drill(
    custodian: &mut Party,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
) -> Outcome<Proof> {
    let (rng, asked) = (&mut SysRng, [custodian.key.public_key().clone()]);
    let mut file = vec![0; Challenge::written_len(&asked)];
    let challenge = Challenge::write(sealed, &asked, 0, rng, &mut file)?;
    let (id, key) = (asked[0].id(), &mut custodian.key);
    let share = sealed.unwrap_share(id, key, rng)?;
    let value = challenge.unwrap_value(sealed, id, key, rng)?;
    let mut out = [0; Response::MAX_LEN];
    let response = respond(
        sealed,
        expect,
        &challenge,
        &share,
        Some(&value),
        rng,
        &mut out,
    )?;
    Ok(response.verify(sealed, expect, &challenge)?.proof)
}

/// One custodian's part: compares the request with what the HSM shows, and wraps the share to it.
pub fn answer(
    custodian: &mut Party,
    domain: &[u8],
    expect: &ExpectedDomain,
    request: &[u8],
    shown: RequestDigest,
) -> Outcome<Vec<u8>> {
    let sealed = SealedDomain::parse(domain)?;
    let vetted = VettedRequest::compared(Request::parse(request)?, shown)?;
    let id = custodian.key.public_key().id();
    let share = sealed.unwrap_share(id, &mut custodian.key, &mut SysRng)?;
    let mut out = vec![0; contribution_len(vetted.request())];
    contribute(&sealed, expect, &vetted, &share, 0, &mut SysRng, &mut out)?;
    Ok(out)
}

fn is_whole(domain: &In<'_, Active>, board: &mut Board) -> Outcome<bool> {
    let artifacts = domain.artifacts(board)?;
    Ok(artifacts
        .map(|(tag, bytes)| (tag.as_str(), bytes))
        .eq(SECRETS))
}

fn back_up(domain: &mut In<'_, Active>, board: &mut Board, key: &[u8]) -> Outcome<Vec<u8>> {
    let kind = Kind::Key(Name::new("later")?);
    let mut writer = domain.begin_backup(kind, key.len() as u64, board)?;
    let mut backup = writer.front().to_vec();
    let mut rest = key;
    while let Some(len) = writer.next_len() {
        let (text, after) = rest.split_at(len);
        let mut chunk = [text, &[0; TAG_LEN]].concat();
        writer.seal(&mut chunk, board)?;
        backup.extend(chunk);
        rest = after;
    }
    writer.finish(board)?;
    Ok(backup)
}

fn restore(domain: &mut In<'_, Active>, board: &mut Board, backup: &[u8]) -> Outcome<Vec<u8>> {
    let header = BackupHeader::parse(backup)?;
    let mut reader = domain.begin_restore(&header, board)?;
    let mut rest = backup[header.front().len()..].to_vec();
    let mut rest = rest.as_mut_slice();
    let mut restored = Vec::new();
    while let Some(len) = reader.next_len() {
        let (chunk, after) = rest
            .split_at_mut_checked(len + TAG_LEN)
            .ok_or("cut short")?;
        restored.extend_from_slice(reader.open(chunk, board)?);
        rest = after;
    }
    reader.finish(board)?;
    Ok(restored)
}

/// Checks that `what` was refused as expected.
fn fails<T>(
    what: &str,
    outcome: Outcome<T>,
    expected: impl FnOnce(&LifecycleError) -> bool,
) -> Outcome {
    let error = outcome
        .err()
        .ok_or_else(|| format!("{what}: not refused"))?;
    if !error.downcast_ref().is_some_and(expected) {
        return Err(format!("{what}: refused, but because {error}").into());
    }
    println!("   {what}: {error}");
    Ok(())
}
