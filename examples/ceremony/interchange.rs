// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain in the files of Azure Managed HSM.

use std::fs;
use std::path::Path;

use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::{self, CombineError, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::{MasterKey, Tag};
use security_domain::quorum::Threshold;
use security_domain::x509::Thumbprint;
use sha2::{Digest, Sha256};

use crate::party::Party;
use crate::{NAMES, Outcome, REQUIRED, hex, require, write_new};

/// The secrets of an HSM.
#[derive(PartialEq)]
struct Hsm {
    artifacts: Vec<(String, Vec<u8>)>,
}

impl Hsm {
    /// A new HSM with a new domain.
    fn provision() -> Outcome<Self> {
        let mut artifacts = Vec::new();
        for (tag, length) in [
            ("hsm_backup", 9_000),
            ("base_enclave_backup", 1_000),
            ("partition_enclave_backup", 3_000),
        ] {
            let mut bytes = vec![0; length];
            getrandom::fill(&mut bytes)?;
            artifacts.push((tag.to_string(), bytes));
        }
        Ok(Self { artifacts })
    }

    /// Returns the domain, sealed to the custodians.
    fn download(&self, custodians: &[Party]) -> Outcome<Vec<u8>> {
        let certificates = custodians
            .iter()
            .map(Party::certificate)
            .collect::<Outcome<Vec<_>>>()?;
        let mut artifacts = Vec::new();
        for (tag, bytes) in &self.artifacts {
            artifacts.push((Tag::new(tag)?, bytes.as_slice()));
        }
        let threshold = Threshold::new(REQUIRED)?;
        let mut text = vec![0; domain_file::encoded_len(&artifacts, threshold, &certificates)];
        let length =
            domain_file::write(&artifacts, threshold, &certificates, &mut SysRng, &mut text)?;
        text.truncate(length);
        Ok(text)
    }

    /// Takes over the domain in `blob`.
    fn upload(blob: &[u8], transfer: &mut Party) -> Outcome<Self> {
        let blob = RestoreBlob::parse(blob)?;
        let key = blob.open(&transfer.thumbprint()?, &mut transfer.key, &mut SysRng)?;
        let mut artifacts = Vec::new();
        for artifact in blob.artifacts() {
            let mut bytes = vec![0; artifact.max_len()];
            let length = artifact.open(&key, &mut bytes)?;
            bytes.truncate(length);
            artifacts.push((artifact.tag().to_string(), bytes));
        }
        Ok(Self { artifacts })
    }
}

/// The custodians in `present` open their shares, combine them, and seal the domain again.
fn restore(
    file: &[u8],
    custodians: &mut [Party],
    present: &[usize],
    transfer: &Party,
) -> Outcome<Restored> {
    let file = DomainFile::parse(file)?;
    let mut shares = Vec::new();
    for &index in present {
        let custodian = &mut custodians[index];
        shares.push(file.open_share(&custodian.thumbprint()?, &mut custodian.key, &mut SysRng)?);
    }
    let combined = file.combine(&shares)?;
    let seal = |key: &MasterKey| -> Outcome<Vec<u8>> {
        let transfer = transfer.certificate()?;
        let mut blob = vec![0; restore_blob::encoded_len(&file, &transfer)];
        let length = restore_blob::write(&file, key, &transfer, &mut SysRng, &mut blob)?;
        blob.truncate(length);
        Ok(blob)
    };
    Ok(Restored {
        blob: seal(combined.master_key())?,
        left_out: combined.left_out().to_vec(),
    })
}

struct Restored {
    blob: Vec<u8>,
    /// Custodians whose shares did not agree with the others'.
    left_out: Vec<Thumbprint>,
}

pub fn act(folder: &Path, custodians: &mut [Party]) -> Outcome {
    let file = |name: &str| folder.join(name);
    println!(
        "2. An HSM hands out its security domain: {REQUIRED} of {} open it.",
        NAMES.len()
    );
    let first = Hsm::provision()?;
    let domain = first.download(custodians)?;
    write_new(&file("domain.json"), &domain)?;
    let pinned = Sha256::digest(&domain);
    println!(
        "   domain.json  {} bytes, SHA-256 {}",
        domain.len(),
        hex(&pinned)
    );

    println!("\n3. The HSM burns down. A second one hands out its transfer key.");
    let Hsm { artifacts: lost } = first;
    let mut transfer = Party::new("transfer-key", &file("transfer.key"), &file("transfer.pem"))?;
    println!("   transfer.pem {}", transfer.thumbprint()?);

    println!("\n4. Ada, Cleo and Emil meet, offline, and re-seal the domain to that key.");
    let domain = fs::read(file("domain.json"))?;
    let restored = restore(&domain, custodians, &[0, 2, 4], &transfer)?;
    write_new(&file("restore.json"), &restored.blob)?;
    println!("   restore.json {} bytes", restored.blob.len());

    println!("\n5. The second HSM takes it in, and is the first one again.");
    let second = Hsm::upload(&fs::read(file("restore.json"))?, &mut transfer)?;
    require(second.artifacts == lost, "every artifact is what it was")?;
    for (tag, bytes) in &second.artifacts {
        println!("   {tag:<25} {:>5} bytes, equal", bytes.len());
    }

    println!("\n6. What must fail.");
    let too_few = restore(&domain, custodians, &[1, 3], &transfer);
    refused(
        "two custodians alone",
        too_few,
        CombineError::TooFewShares {
            have: 2,
            need: REQUIRED.into(),
        },
    )?;

    let mut altered = domain.clone();
    alter(&mut altered, b"\"compact_jwe\":\"", 4, 40)?;
    write_new(&file("altered.json"), &altered)?;
    let outcome = restore(&altered, custodians, &[0, 2, 4], &transfer);
    refused(
        "an artifact altered by one character",
        outcome,
        CombineError::DoesNotOpen,
    )?;

    // A forger who has the public certificates can seal another domain to the custodians. The format
    // has no signature that shows this; the digest that was noted at the download does.
    let forged = Hsm::provision()?.download(custodians)?;
    write_new(&file("forged.json"), &forged)?;
    require(
        Sha256::digest(&forged) != pinned,
        "a forged file has another digest",
    )?;
    println!("   a file forged from the certificates: SHA-256 is not the one noted in step 2");

    let spliced = splice_share(&domain, &forged)?;
    write_new(&file("spliced.json"), &spliced)?;
    let outcome = restore(&spliced, custodians, &[0, 1, 2], &transfer);
    refused(
        "a forged share among three",
        outcome,
        CombineError::DoesNotOpen,
    )?;
    let restored = restore(&spliced, custodians, &[0, 1, 2, 3], &transfer)?;
    require(
        restored.left_out == [custodians[0].thumbprint()?],
        "the forged share is named",
    )?;
    require(
        Hsm::upload(&restored.blob, &mut transfer)?.artifacts == lost,
        "the others restore",
    )?;
    println!("   a forged share among four: Ada's is named and left out, and the others restore");

    Ok(())
}

/// Checks that `what` was refused for the expected reason.
fn refused(what: &str, outcome: Outcome<Restored>, reason: CombineError) -> Outcome {
    match outcome {
        Err(error) if error.downcast_ref() == Some(&reason) => {
            println!("   {what}: {error}");
            Ok(())
        }
        Err(error) => Err(format!("{what}: refused, but because {error}").into()),
        Ok(_) => Err(format!("{what}: not refused").into()),
    }
}

/// Changes the character at `offset` in part `part` of the first JWE after `before`.
fn alter(text: &mut [u8], before: &[u8], part: usize, offset: usize) -> Outcome {
    let start = find(text, before, 0)?;
    let mut dot = start;
    for _ in 1..part {
        dot = find(text, b".", dot)?;
    }
    let character = text.get_mut(dot + offset).ok_or("no such character")?;
    *character = if *character == b'A' { b'B' } else { b'A' };
    Ok(())
}

/// Returns `domain` with the first custodian's share taken from `forged`.
fn splice_share(domain: &[u8], forged: &[u8]) -> Outcome<Vec<u8>> {
    let share = |text: &[u8]| -> Outcome<std::ops::Range<usize>> {
        let start = find(text, b"\"enc_key\":\"", 0)?;
        Ok(start..find(text, b"\"", start)? - 1)
    };
    let (from, to) = (share(forged)?, share(domain)?);
    Ok([&domain[..to.start], &forged[from], &domain[to.end..]].concat())
}

/// Returns the position after the first `needle` in `text`, from `start` on.
fn find(text: &[u8], needle: &[u8], start: usize) -> Outcome<usize> {
    let position = text[start..]
        .windows(needle.len())
        .position(|window| window == needle);
    Ok(start + position.ok_or("the file is not as it was written")? + needle.len())
}
