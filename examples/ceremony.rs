// SPDX-License-Identifier: MIT OR Apache-2.0
//! The life of a security domain, with real files: start here.
//!
//! Custodians make keys, an HSM hands out its domain and is destroyed, a quorum of custodians
//! restores it into another HSM, and what must fail does fail. The files stay, to be looked at with
//! `secdom`.
//!
//! `cargo run --release --all-features --example ceremony [FOLDER]`

#[path = "secdom/pem/encode.rs"]
mod pem;

use std::error::Error;
use std::io::Write;
use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs};

use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::{self, CombineError, DomainFile};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::{MasterKey, Tag};
use security_domain::quorum::Threshold;
use security_domain::rsa::{ModulusSize, PrivateKey};
use security_domain::x509::{self, Certificate, SelfSigned, Thumbprint};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// How many custodians there are, and how many it takes.
const NAMES: [&str; 5] = ["ada", "ben", "cleo", "dana", "emil"];
const REQUIRED: u8 = 3;

/// A key pair with its certificate.
struct Party {
    key: PrivateKey,
    der: Vec<u8>,
}

impl Party {
    /// Generates a key, signs its own certificate with it, and writes both.
    fn new(name: &str, key_file: &Path, certificate_file: &Path) -> Outcome<Self> {
        let key = PrivateKey::generate(ModulusSize::Rsa2048, &mut SysRng, &mut |_| ())?;
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
        let form = SelfSigned {
            common_name: name,
            serial: NonZeroU64::MIN,
            not_before: now,
            not_after: now + 365 * 86_400,
        };
        let mut der = vec![0; x509::SELF_SIGNED_MAX_LEN];
        let length = x509::write_self_signed(&key, &mut SysRng, &form, &mut der)?;
        der.truncate(length);
        let mut pkcs8 = Zeroizing::new([0; PrivateKey::PKCS8_MAX_LEN]);
        let length = key.to_pkcs8_der(&mut *pkcs8)?;
        write_new(key_file, &pem::encode("PRIVATE KEY", &pkcs8[..length]))?;
        write_new(certificate_file, &pem::encode("CERTIFICATE", &der))?;
        Ok(Self { key, der })
    }

    fn certificate(&self) -> Outcome<Certificate<'_>> {
        Ok(Certificate::parse(&self.der)?)
    }

    fn thumbprint(&self) -> Outcome<Thumbprint> {
        Ok(self.certificate()?.thumbprint())
    }
}

/// What makes an HSM the HSM it is.
#[derive(PartialEq)]
struct Hsm {
    artifacts: Vec<(String, Vec<u8>)>,
}

impl Hsm {
    /// A fresh HSM, with a domain that nobody else has.
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

    /// Hands out the domain, sealed to the custodians.
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

    /// Becomes the HSM whose domain is in `blob`.
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

/// What the custodians in `present` do at the table: open their shares, combine them, and re-seal
/// the domain.
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

fn main() -> ExitCode {
    match ceremony() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ceremony: {error}");
            ExitCode::FAILURE
        }
    }
}

fn ceremony() -> Outcome {
    let folder = match env::args_os().nth(1) {
        Some(folder) => PathBuf::from(folder),
        None => env::temp_dir().join(format!(
            "security-domain-ceremony-{:08x}",
            getrandom::u32()?
        )),
    };
    fs::create_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    println!("A ceremony in {}\n", folder.display());
    let file = |name: &str| folder.join(name);

    println!("1. Each custodian makes a key, and a certificate for it.");
    let mut custodians = Vec::new();
    for name in NAMES {
        let (key, cer) = (format!("{name}.key"), format!("{name}.cer"));
        custodians.push(Party::new(name, &file(&key), &file(&cer))?);
        println!(
            "   {key:<9} {cer:<9} {}",
            custodians[custodians.len() - 1].thumbprint()?
        );
    }

    println!(
        "\n2. An HSM hands out its security domain: {REQUIRED} of {} open it.",
        NAMES.len()
    );
    let first = Hsm::provision()?;
    let domain = first.download(&custodians)?;
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
    let restored = restore(&domain, &mut custodians, &[0, 2, 4], &transfer)?;
    write_new(&file("restore.json"), &restored.blob)?;
    println!("   restore.json {} bytes", restored.blob.len());

    println!("\n5. The second HSM takes it in, and is the first one again.");
    let second = Hsm::upload(&fs::read(file("restore.json"))?, &mut transfer)?;
    require(second.artifacts == lost, "every artifact is what it was")?;
    for (tag, bytes) in &second.artifacts {
        println!("   {tag:<25} {:>5} bytes, equal", bytes.len());
    }

    println!("\n6. What must fail.");
    let too_few = restore(&domain, &mut custodians, &[1, 3], &transfer);
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
    let outcome = restore(&altered, &mut custodians, &[0, 2, 4], &transfer);
    refused(
        "an artifact altered by one character",
        outcome,
        CombineError::DoesNotOpen,
    )?;

    // A forger who has the certificates, which are public, can seal a domain of his own to the
    // custodians. The format has no signature that would tell; the digest that was noted at the
    // download does.
    let forged = Hsm::provision()?.download(&custodians)?;
    write_new(&file("forged.json"), &forged)?;
    require(
        Sha256::digest(&forged) != pinned,
        "a forged file has another digest",
    )?;
    println!("   a file forged from the certificates: SHA-256 is not the one noted in step 2");

    let spliced = splice_share(&domain, &forged)?;
    write_new(&file("spliced.json"), &spliced)?;
    let outcome = restore(&spliced, &mut custodians, &[0, 1, 2], &transfer);
    refused(
        "a forged share among three",
        outcome,
        CombineError::DoesNotOpen,
    )?;
    let restored = restore(&spliced, &mut custodians, &[0, 1, 2, 3], &transfer)?;
    require(
        restored.left_out == [custodians[0].thumbprint()?],
        "the forged share is named",
    )?;
    require(
        Hsm::upload(&restored.blob, &mut transfer)?.artifacts == lost,
        "the others restore",
    )?;
    println!("   a forged share among four: Ada's is named and left out, and the others restore");

    println!("\nAll of it behaved. Look at the files:");
    println!(
        "   secdom inspect {0}/domain.json --certs {0}/*.cer",
        folder.display()
    );
    Ok(())
}

/// Writes a file that was not there before, for its owner alone.
fn write_new(path: &Path, bytes: &[u8]) -> Outcome {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    Ok(options.open(path)?.write_all(bytes)?)
}

/// Says that `what` was refused for the reason it should be, or fails.
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

fn require(holds: bool, what: &str) -> Outcome {
    if holds {
        Ok(())
    } else {
        Err(format!("it does not hold that {what}").into())
    }
}

/// Changes the character that stands `offset` characters into part `part` of the first JWE after
/// `before`.
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

/// `domain` with the first custodian's share taken from `forged`.
fn splice_share(domain: &[u8], forged: &[u8]) -> Outcome<Vec<u8>> {
    let share = |text: &[u8]| -> Outcome<std::ops::Range<usize>> {
        let start = find(text, b"\"enc_key\":\"", 0)?;
        Ok(start..find(text, b"\"", start)? - 1)
    };
    let (from, to) = (share(forged)?, share(domain)?);
    Ok([&domain[..to.start], &forged[from], &domain[to.end..]].concat())
}

/// Where `text` goes on after the first `needle` from `start` on.
fn find(text: &[u8], needle: &[u8], start: usize) -> Outcome<usize> {
    let position = text[start..]
        .windows(needle.len())
        .position(|window| window == needle);
    Ok(start + position.ok_or("the file is not as it was written")? + needle.len())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
