// SPDX-License-Identifier: MIT OR Apache-2.0
//! A custodian's key outside this process: an `Identity` that calls another program.
//!
//! Here the `openssl` command takes the place of the token. An `Identity` for PKCS#11 or a KMS has the
//! same structure: pass the wrapped bytes, take the unwrapped ones, and distinguish "the device failed"
//! from "it does not open".
//!
//! `cargo run --all-features --example token_identity`; `openssl` 3 must be in the path.

use std::error::Error;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fmt, fs};

use getrandom::SysRng;
use security_domain::custodian::{Identity, UnwrapError};
use security_domain::managed_hsm::Tag;
use security_domain::managed_hsm::domain_file::{self, DomainFile, ShareError};
use security_domain::quorum::Threshold;
use security_domain::rng::Generator;
use security_domain::x509::Certificate;
use zeroize::Zeroizing;

/// A private key that the `openssl` command uses.
struct Token {
    key: PathBuf,
}

/// The token is absent: the command did not run, or its key does not load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Absent;

impl fmt::Display for Absent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the token is absent")
    }
}

impl Error for Absent {}

impl Token {
    /// Whether the key is there, so that its absence is not reported as a wrong share.
    fn is_present(&self) -> bool {
        let mut command = Command::new("openssl");
        command
            .args(["pkey", "-noout", "-in"])
            .arg(&self.key)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    }

    fn decrypt(&self, wrapped: &[u8]) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
        let mut child = Command::new("openssl")
            .args(["pkeyutl", "-decrypt", "-pkeyopt", "rsa_padding_mode:oaep"])
            .args([
                "-pkeyopt",
                "rsa_oaep_md:sha256",
                "-pkeyopt",
                "rsa_mgf1_md:sha256",
                "-inkey",
            ])
            .arg(&self.key)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(wrapped)?;
        }
        let output = child.wait_with_output()?;
        let plaintext = Zeroizing::new(output.stdout);
        Ok(output.status.success().then_some(plaintext))
    }
}

impl Identity for Token {
    type Error = Absent;

    fn unwrap_key<R: Generator + ?Sized>(
        &mut self,
        // The token blinds for itself.
        wrapped: &[u8],
        _context: &[u8],
        _rng: &mut R,
        out: &mut [u8],
    ) -> Result<usize, UnwrapError<Absent>> {
        if !self.is_present() {
            return Err(UnwrapError::Device(Absent));
        }
        let plaintext = self
            .decrypt(wrapped)
            .map_err(|_| UnwrapError::Device(Absent))?;
        let plaintext = plaintext.ok_or(UnwrapError::Opaque)?;
        let front = out.get_mut(..plaintext.len()).ok_or(UnwrapError::Opaque)?;
        front.copy_from_slice(&plaintext);
        Ok(plaintext.len())
    }
}

/// Makes a key and its self-signed certificate, `NAME.key` and `NAME.cer`, and returns the
/// certificate.
fn make_token(folder: &Path, name: &str) -> Result<(Token, Vec<u8>), Box<dyn Error>> {
    let (key, certificate) = (
        folder.join(format!("{name}.key")),
        folder.join(format!("{name}.cer")),
    );
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:2048", "-noenc", "-days", "365", "-outform", "DER",
        ])
        .args(["-subj", &format!("/CN={name}"), "-keyout"])
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .stderr(Stdio::null())
        .status()?;
    if !made.success() {
        return Err("openssl made no key".into());
    }
    Ok((Token { key }, fs::read(certificate)?))
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = env::temp_dir().join(format!("security-domain-tokens-{}", std::process::id()));
    fs::create_dir(&folder)?;
    let outcome = run(&folder);
    fs::remove_dir_all(&folder)?;
    outcome
}

fn run(folder: &Path) -> Result<(), Box<dyn Error>> {
    let (mut ada, ada_der) = make_token(folder, "ada")?;
    let (mut ben, ben_der) = make_token(folder, "ben")?;
    let (mut eve, eve_der) = make_token(folder, "eve")?;
    let certificates = [
        Certificate::parse(&ada_der)?,
        Certificate::parse(&ben_der)?,
        Certificate::parse(&eve_der)?,
    ];

    let artifacts = [(Tag::new("hsm_backup")?, b"what the HSM keeps".as_slice())];
    let threshold = Threshold::new(2)?;
    let mut text = vec![0; domain_file::encoded_len(&artifacts, threshold, &certificates)];
    domain_file::write(&artifacts, threshold, &certificates, &mut SysRng, &mut text)?;
    let file = DomainFile::parse(&text)?;
    println!("a domain is sealed to three tokens; two of them open it");

    let [ada_id, ben_id, eve_id] = certificates.each_ref().map(Certificate::thumbprint);
    let shares = [
        file.open_share(&ada_id, &mut ada, &mut SysRng)?,
        file.open_share(&ben_id, &mut ben, &mut SysRng)?,
    ];
    let combined = file.combine(&shares)?;
    for artifact in file.artifacts() {
        let mut bytes = Zeroizing::new(vec![0; artifact.max_len()]);
        let length = artifact.open(combined.master_key(), &mut bytes)?;
        assert_eq!(&bytes[..length], artifacts[0].1);
        println!("{} opens through the tokens of ada and ben", artifact.tag());
    }

    // A share for another token does not open; an absent token is reported.
    let wrong = file.open_share(&eve_id, &mut ada, &mut SysRng);
    assert!(matches!(wrong, Err(ShareError::DoesNotOpen)));
    fs::remove_file(&eve.key)?;
    let absent = file.open_share(&eve_id, &mut eve, &mut SysRng);
    assert!(matches!(absent, Err(ShareError::Device(Absent))));
    println!("eve's share does not open through ada's token, and eve's token is absent");
    Ok(())
}
