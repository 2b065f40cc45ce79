// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom keygen`: makes a custodian's key of any kind.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::custodian::Algorithm;
use security_domain::rsa::{KeyError, ModulusSize, PrivateKey};
use serde_json::json;
use zeroize::Zeroizing;

use crate::key::{self, Key};
use crate::new_key::NewPasswordArgs;
use crate::output::{self, Access};
use crate::paper::{self, CheckArgs, Issue};
use crate::progress::Progress;
use crate::public::PublicKey;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{kem, show, text};

const EXAMPLE: &str = "Examples:
  secdom keygen --kind x-wing --key A.key --pub A.pub
  secdom keygen --kind mlkem1024-p384 --key A.key --pub A.pub --paper A.svg

Custodians of the crate's own domains may have keys of any kind, and --custodians of secdom hsm activate takes the \
public keys. Managed HSM takes RSA keys with certificates: README.md shows how to make them.

If it is interrupted, run it again: it finishes, or writes the public key of the private key that is there.";

/// Make a custodian's key: its private key, its public key and, if wanted, its sheet of paper
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// The kind of key
    #[arg(long)]
    kind: Kind,
    /// The private key to write, PKCS#8 in PEM; readable only by its owner
    #[arg(long, value_name = "OUT.key")]
    key: PathBuf,
    /// The public key to write, in PEM
    #[arg(long = "pub", value_name = "OUT.pub")]
    public: PathBuf,
    #[command(flatten)]
    password: NewPasswordArgs,
    /// A sheet to write, too, as secdom paper write does: X-Wing, MLKEM1024-P384 and P-256
    #[arg(long, value_name = "OUT")]
    paper: Option<PathBuf>,
    #[command(flatten)]
    check: CheckArgs,
    #[command(flatten)]
    json: JsonArg,
}

/// A kind of key on the command line.
#[derive(Clone, Copy, clap::ValueEnum)]
pub enum Kind {
    #[value(name = "rsa-2048")]
    Rsa2048,
    #[value(name = "rsa-3072")]
    Rsa3072,
    #[value(name = "rsa-4096")]
    Rsa4096,
    XWing,
    #[value(name = "mlkem1024-p384")]
    MlKem1024P384,
    #[value(name = "p256")]
    P256,
    #[value(name = "mlkem1024")]
    MlKem1024,
}

/// What is made.
enum Made {
    Rsa(ModulusSize),
    Kem(kem::Kind),
}

impl Kind {
    pub fn algorithm(self) -> Algorithm {
        match self {
            Self::Rsa2048 => Algorithm::Rsa2048OaepSha256,
            Self::Rsa3072 => Algorithm::Rsa3072OaepSha256,
            Self::Rsa4096 => Algorithm::Rsa4096OaepSha256,
            Self::XWing => Algorithm::XWing,
            Self::MlKem1024P384 => Algorithm::MlKem1024P384,
            Self::P256 => Algorithm::DhKemP256,
            Self::MlKem1024 => Algorithm::MlKem1024Kwp,
        }
    }

    fn made(self) -> Made {
        match self {
            Self::Rsa2048 => Made::Rsa(ModulusSize::Rsa2048),
            Self::Rsa3072 => Made::Rsa(ModulusSize::Rsa3072),
            Self::Rsa4096 => Made::Rsa(ModulusSize::Rsa4096),
            Self::XWing => Made::Kem(kem::Kind::XWing),
            Self::MlKem1024P384 => Made::Kem(kem::Kind::MlKem1024P384),
            Self::P256 => Made::Kem(kem::Kind::P256),
            Self::MlKem1024 => Made::Kem(kem::Kind::MlKem1024),
        }
    }
}

pub fn run(args: Args) -> Outcome<Report> {
    let (key_file, public_file) = (&args.key, &args.public);
    output::must_be_free(public_file)?;
    let made = args.kind.made();
    // This command was interrupted before, or the public key is wanted once more.
    let taken = output::must_be_free(key_file).err();
    let issue = args.paper.as_ref().map(|out| {
        must_fit(&made, out)?;
        Issue::new(out, args.check, &args.json)
    });
    let issue = issue.transpose()?;
    let (key, is_encrypted, pending) = match taken {
        Some(refusal) => {
            let (key, is_encrypted) = there(&made, key_file, &args.password, refusal)?;
            (key, is_encrypted, None)
        }
        None => {
            let password = args.password.read(key_file)?;
            let key = made.generate(key_file)?;
            let pem = password.pem(&pkcs8(&key, key_file)?)?;
            let pending = output::file(key_file, Access::Owner, &pem)?;
            (key, password.is_given(), Some(pending))
        }
    };
    let is_new = pending.is_some();
    let public = public(&key, key_file)?;
    let public_pending = output::file(public_file, Access::Everyone, &public.pem()?)?;
    let mut outputs = match pending {
        Some(pending) => output::publish_both(pending, public_pending)?.into(),
        None => vec![public_pending.publish()?],
    };
    // The sheet comes last: who is interrupted has the key, of which secdom paper write makes one.
    let issued = match (&key, &public, issue) {
        (Key::Kem(key), PublicKey::Kem(public), Some(issue)) => {
            Some(issue.run(key, public, public_file))
        }
        _ => None,
    };
    let issued = issued.transpose();
    let mut issued = match issued {
        Ok(issued) => issued,
        Err(refusal) => {
            outputs.into_iter().for_each(output::Published::take_back);
            return Err(refusal);
        }
    };
    outputs.extend(issued.as_mut().and_then(|issued| issued.output.take()));
    let (sheet, lines) = match issued {
        Some(issued) => (Some(issued.json()), issued.words()),
        None => (None, String::new()),
    };
    let (key_name, public_name) = (show::path(key_file), show::path(public_file));
    let (kind, id) = (public.kind(), public.id().to_string());
    let there = if is_new { "" } else { "was there already: " };
    let text = format!(
        "{key_name}: {there}{kind} key of custodian {id}\n{public_name}: its public key\n{lines}"
    );
    let object = json!({
        "kind": kind,
        "custodian_id": id,
        "key": key_name,
        "pub": public_name,
        "new": is_new,
        "encrypted": is_encrypted,
        "sheet": sheet,
    });
    let text = args.json.either(text, &object);
    Ok(
        match args
            .paper
            .is_some_and(|out| out == Path::new(crate::input::STDIN))
        {
            true => Report {
                outputs,
                ..Report::about(None, text)
            },
            false => Report::written(outputs, text),
        },
    )
}

/// Reads a key of the kind `made` that is in `key_file` already, and says whether it is encrypted.
/// What else is there is not overwritten, as `refusal` says.
fn there(
    made: &Made,
    key_file: &Path,
    password: &NewPasswordArgs,
    refusal: Refusal,
) -> Outcome<(Key, bool)> {
    let Ok(text) = text::read(key_file) else {
        return Err(refusal);
    };
    if !key::is_in(key_file, &text) {
        return Err(refusal);
    }
    let password = password.of_key_that_is_there()?;
    let given = password.as_deref().map(Vec::as_slice);
    let (_, key) = key::read_private(key_file, given, |_| true)?;
    let is_encrypted = key::unencrypted(key_file, &text)?
        .iter()
        .any(Option::is_none);
    match made.is_kind_of(&key) {
        true => Ok((key, is_encrypted)),
        false => Err(refusal),
    }
}

/// Refuses a sheet of a key that has none, before the key is made.
fn must_fit(made: &Made, out: &Path) -> Outcome<()> {
    let kind = match made {
        Made::Kem(kind) if paper::is_for(*kind) => return Ok(()),
        Made::Kem(kind) => kind.name(),
        Made::Rsa(_) => "RSA",
    };
    Err(Refusal::file(out, paper::no_sheet(kind)))
}

impl Made {
    fn generate(&self, key_file: &Path) -> Outcome<Key> {
        match self {
            Self::Rsa(size) => {
                let progress = Progress::show("generating an RSA key");
                PrivateKey::generate_with_progress(*size, &mut SysRng, &mut |_| progress.tick())
                    .map(|key| Key::Usual(Box::new(key)))
                    .map_err(|error| Refusal::file(key_file, error))
            }
            Self::Kem(kind) => kem::PrivateKey::generate(*kind)
                .map(Key::Kem)
                .map_err(|error| Refusal::file(key_file, error)),
        }
    }

    fn is_kind_of(&self, key: &Key) -> bool {
        match (self, key) {
            (Self::Rsa(size), Key::Usual(key)) => key.public_key().size() == *size,
            (Self::Kem(kind), Key::Kem(key)) => key.kind == *kind,
            _ => false,
        }
    }
}

/// Returns a key in PKCS#8.
fn pkcs8(key: &Key, key_file: &Path) -> Outcome<Zeroizing<Vec<u8>>> {
    match key {
        Key::Usual(key) => {
            let mut der = Zeroizing::new(vec![0; PrivateKey::PKCS8_MAX_LEN]);
            let length = key.to_pkcs8_der(&mut der);
            der.truncate(length.map_err(|error| Refusal::file(key_file, error))?);
            Ok(der)
        }
        Key::Kem(key) => { key.to_pkcs8_der() }.map_err(|error| Refusal::file(key_file, error)),
        Key::Odd(..) | Key::Both(_) | Key::Token(_) | Key::Unwrapped(_) => {
            Err(Refusal::file(key_file, KeyError::Fault))
        }
    }
}

fn public(key: &Key, key_file: &Path) -> Outcome<PublicKey> {
    match key {
        Key::Usual(key) => Ok(PublicKey::Rsa(Box::new(key.public_key().clone()))),
        Key::Kem(key) => { key.public_key() }
            .map(PublicKey::Kem)
            .map_err(|error| Refusal::file(key_file, error)),
        Key::Odd(..) | Key::Both(_) | Key::Token(_) | Key::Unwrapped(_) => {
            Err(Refusal::file(key_file, KeyError::Fault))
        }
    }
}
