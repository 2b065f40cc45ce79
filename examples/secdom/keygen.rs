// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom keygen`: makes a custodian's key of any kind.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::custodian::Algorithm;
use security_domain::rsa::{ModulusSize, PrivateKey};
use serde_json::json;
use zeroize::Zeroizing;

use crate::kem;
use crate::new_key::NewPasswordArgs;
use crate::output::{self, Access};
use crate::paper::{self, CheckArgs, Issue};
use crate::progress::Progress;
use crate::public::PublicKey;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::show;

const EXAMPLE: &str = "Examples:
  secdom keygen --kind x-wing --key A.key --pub A.pub
  secdom keygen --kind mlkem1024-p384 --key A.key --pub A.pub --paper A.svg

Custodians of the crate's own domains may have keys of any kind, and --custodians of secdom hsm activate takes the \
public keys. Managed HSM takes RSA keys with certificates: README.md shows how to make them.";

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
    output::must_be_free(key_file)?;
    output::must_be_free(public_file)?;
    let made = args.kind.made();
    let issue = args.paper.as_ref().map(|out| {
        must_fit(&made, out)?;
        Issue::new(out, args.check, &args.json)
    });
    let issue = issue.transpose()?;
    let password = args.password.read(key_file)?;

    let (der, public, issued) = match made {
        Made::Rsa(size) => {
            let (der, public) = rsa(key_file, size)?;
            (der, public, None)
        }
        Made::Kem(kind) => {
            let refuse = |error| Refusal::file(key_file, error);
            let key =
                kem::PrivateKey::generate(kind).map_err(|error| Refusal::file(key_file, error))?;
            let der = key.to_pkcs8_der().map_err(refuse)?;
            let public = key.public_key().map_err(refuse)?;
            let issued = issue.map(|issue| issue.run(&key, &public, public_file));
            (der, PublicKey::Kem(public), issued.transpose()?)
        }
    };
    let published = (|| {
        let private = output::file(key_file, Access::Owner, &password.pem(&der)?)?;
        let public = output::file(public_file, Access::Everyone, &public.pem()?)?;
        output::publish_both(private, public)
    })();
    let (mut sheet, mut lines) = (None, String::new());
    let mut outputs = Vec::new();
    if let Some(issued) = issued {
        (sheet, lines) = (Some(issued.json()), issued.words());
        outputs.extend(issued.output);
    }
    match published {
        Ok(both) => outputs.extend(both),
        Err(refusal) => {
            outputs.into_iter().for_each(output::Published::take_back);
            return Err(refusal);
        }
    }
    let (key_name, public_name) = (show::path(key_file), show::path(public_file));
    let (kind, id) = (public.kind(), public.id().to_string());
    let text =
        format!("{key_name}: {kind} key of custodian {id}\n{public_name}: its public key\n{lines}");
    let object = json!({
        "kind": kind,
        "custodian_id": id,
        "key": key_name,
        "pub": public_name,
        "encrypted": password.is_given(),
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

/// Refuses a sheet of a key that has none, before the key is made.
fn must_fit(made: &Made, out: &Path) -> Outcome<()> {
    let kind = match made {
        Made::Kem(kind) if paper::is_for(*kind) => return Ok(()),
        Made::Kem(kind) => kind.name(),
        Made::Rsa(_) => "RSA",
    };
    Err(Refusal::file(out, paper::no_sheet(kind)))
}

/// Makes an RSA key. Returns it in PKCS#8, with its public key.
fn rsa(key_file: &Path, size: ModulusSize) -> Outcome<(Zeroizing<Vec<u8>>, PublicKey)> {
    let progress = Progress::show("generating an RSA key");
    let key = PrivateKey::generate_with_progress(size, &mut SysRng, &mut |_| progress.tick())
        .map_err(|error| Refusal::file(key_file, error))?;
    drop(progress);
    let mut der = Zeroizing::new(vec![0; PrivateKey::PKCS8_MAX_LEN]);
    let length = { key.to_pkcs8_der(&mut der) }.map_err(|error| Refusal::file(key_file, error))?;
    der.truncate(length);
    Ok((der, PublicKey::Rsa(Box::new(key.public_key().clone()))))
}
