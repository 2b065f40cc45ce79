// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom paper`: a custodian's private key on paper, and back.

mod code;
mod correct;
mod field;
mod picture;
mod sheet;
mod typed;
mod words;

use std::io::{IsTerminal, stdin};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::input::STDIN;
use crate::kem::{self, Kind};
use crate::key::{self, Key};
use crate::new_key::NewPasswordArgs;
use crate::output::{self, Access, Content, Published, Target};
use crate::passwords::PasswordArgs;
use crate::public::PublicKey;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{report, show};
use sheet::Sheet;
use typed::{Typed, ask, of_file};

const WRITE_EXAMPLE: &str = "Examples:
  secdom paper write --key A.key --pub A.pub --out A.svg
  secdom paper write --key A.key --pub A.pub --out -

The name of the sheet ends in .txt, in .svg (with a QR code, to be printed) or in .png (the QR code alone). - shows \
it on the terminal, to be copied by hand. Print or copy it, then type its text or its words back from the paper.";

const VERIFY_EXAMPLE: &str = "Example:
  secdom paper verify --pub A.pub

Type the 4 rows of the sheet or its 24 words, with ? for what cannot be read. Capitals, spaces and line ends do not \
matter. Up to 4 wrong characters or 8 missing ones are corrected, or 1 word. What is typed is compared with the \
public key, so keep A.pub: it is no secret.";

const READ_EXAMPLE: &str = "Example:
  secdom paper read --pub A.pub --key A.key

The sheet is typed as for secdom paper verify, and compared with the public key.";

/// Put a custodian's private key on paper, as text that corrects errors, as 24 words and as a QR code
#[derive(clap::Subcommand)]
pub enum Verb {
    Write(WriteArgs),
    Verify(VerifyArgs),
    Read(ReadArgs),
}

pub fn run(verb: Verb) -> Outcome<Report> {
    match verb {
        Verb::Write(args) => write(args),
        Verb::Verify(args) => verify(&args),
        Verb::Read(args) => read(&args),
    }
}

/// Write the sheet of a private key, and check what is typed back from the paper
#[derive(clap::Args)]
#[command(after_help = WRITE_EXAMPLE)]
pub struct WriteArgs {
    /// The private key: X-Wing, MLKEM1024-P384 or P-256
    #[arg(long, value_name = "KEY")]
    key: PathBuf,
    /// Its public key
    #[arg(long = "pub", value_name = "PUB")]
    public: PathBuf,
    #[command(flatten)]
    passwords: PasswordArgs,
    /// The sheet to write; - writes to standard output
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    check: CheckArgs,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(Clone, Copy, clap::Args)]
pub struct CheckArgs {
    /// Do not ask for the sheet to be typed back
    #[arg(long)]
    no_verify: bool,
}

/// Check a sheet: what is typed from it gives the key, and which characters were corrected
#[derive(clap::Args)]
#[command(after_help = VERIFY_EXAMPLE)]
pub struct VerifyArgs {
    #[command(flatten)]
    from: From,
    #[command(flatten)]
    json: JsonArg,
}

/// Make the private key file again from its sheet
#[derive(clap::Args)]
#[command(after_help = READ_EXAMPLE)]
pub struct ReadArgs {
    #[command(flatten)]
    from: From,
    /// The private key to write, PKCS#8 in PEM; readable only by its owner
    #[arg(long, value_name = "OUT")]
    key: PathBuf,
    #[command(flatten)]
    password: NewPasswordArgs,
    #[command(flatten)]
    json: JsonArg,
}

#[derive(clap::Args)]
struct From {
    /// The public key
    #[arg(long = "pub", value_name = "PUB")]
    public: PathBuf,
    /// A file with what is on the sheet, in place of typing it; - reads standard input
    #[arg(long = "in", value_name = "FILE")]
    file: Option<PathBuf>,
}

/// What a sheet looks like.
#[derive(Clone, Copy)]
enum Form {
    Text,
    Svg,
    Png,
}

impl Form {
    fn of(path: &Path) -> Outcome<Self> {
        let extension = path.extension().and_then(|extension| extension.to_str());
        match extension.map(str::to_ascii_lowercase).as_deref() {
            _ if path == Path::new(STDIN) => Ok(Self::Text),
            Some("txt") => Ok(Self::Text),
            Some("svg") => Ok(Self::Svg),
            Some("png") => Ok(Self::Png),
            _ => Err(Refusal::file(
                path,
                "the name of a sheet ends in .txt, .svg or .png",
            )),
        }
    }
}

fn write(args: WriteArgs) -> Outcome<Report> {
    let issue = Issue::new(&args.out, args.check, &args.json)?;
    let public = of_paper(&args.public)?;
    let passwords = args.passwords.read(1)?;
    let (id, key) = key::read_private(&args.key, passwords.given(0), |id| id == public.id)?;
    let Key::Kem(key) = key else {
        return Err(Refusal::file(&args.key, no_sheet(&key.kind())));
    };
    if id != public.id {
        let reason = format!("is not the private key of {}", show::path(&args.public));
        return Err(Refusal::file(&args.key, reason));
    }
    let issued = issue.run(&key, &public, &args.public)?;
    let mut text = format!(
        "{}: {} key of custodian {id}\n",
        issued.file,
        public.kind.name()
    );
    text.push_str(&issued.words());
    let mut object = json!({ "kind": public.kind.name(), "custodian_id": id.to_string() });
    object["sheet"] = issued.json();
    Ok(Report::about(
        issued.output,
        args.json.either(text, &object),
    ))
}

/// A sheet that is to be written, and typed back.
pub struct Issue<'p> {
    form: Form,
    target: Target<'p>,
    no_verify: bool,
}

impl<'p> Issue<'p> {
    /// Checks, before any work or question, where the sheet goes, and that somebody is there to type it back.
    pub fn new(out: &'p Path, check: CheckArgs, json: &JsonArg) -> Outcome<Self> {
        let form = Form::of(out)?;
        let target = Target::new(out, Content::Text, json)?;
        let no_verify = check.no_verify;
        if !(no_verify || stdin().is_terminal()) {
            return Err(target.refusal(
                "the sheet is to be typed back, and standard input is no terminal; give --no-verify to do without",
            ));
        }
        Ok(Self {
            form,
            target,
            no_verify,
        })
    }

    /// Writes the sheet of a key whose public key is in `public_file`. It is removed if it is not typed back right.
    pub fn run(
        self,
        key: &kem::PrivateKey,
        public: &kem::PublicKey,
        public_file: &Path,
    ) -> Outcome<Issued> {
        let sheet = Sheet::new(key, public)?;
        let bytes = match self.form {
            Form::Text => sheet.text(self.target.is_terminal()),
            Form::Svg => sheet.svg(),
            Form::Png => sheet.png(),
        };
        let output = self.target.write(Access::Owner, &bytes)?;
        let file = self.target.shown();
        let typed = match self.no_verify {
            true => None,
            false => match ask_until_right(&file, public, public_file) {
                Ok(typed) => Some(typed.corrected),
                Err(refusal) => {
                    output.into_iter().for_each(Published::take_back);
                    return Err(refusal);
                }
            },
        };
        Ok(Issued {
            file,
            output,
            typed,
        })
    }
}

/// A sheet that was written.
pub struct Issued {
    file: String,
    pub output: Option<Published>,
    /// What was corrected in what was typed back.
    typed: Option<Vec<String>>,
}

impl Issued {
    /// Returns whether and how it was typed back, in lines.
    pub fn words(&self) -> String {
        match &self.typed {
            Some(corrected) => {
                corrected_lines(corrected) + &format!("{}: typed back and right\n", self.file)
            }
            None => format!(
                "{}: not typed back: check it with secdom paper verify\n",
                self.file
            ),
        }
    }

    pub fn json(&self) -> Value {
        json!({ "file": self.file, "checked": self.typed.is_some(), "corrected": self.typed })
    }
}

/// How often a sheet is asked for, as long as it is wrong.
const MOST_TRIES: usize = 3;

fn ask_until_right(sheet: &str, public: &kem::PublicKey, public_file: &Path) -> Outcome<Typed> {
    eprintln!("Print or copy {sheet}, and type its 4 rows or its 24 words from the paper.");
    for _ in 1..MOST_TRIES {
        match ask().and_then(|text| Typed::read(&text, "the sheet", public, public_file)) {
            Err(refusal) => eprintln!("{}", report::shown(&refusal.to_string(), 2)),
            typed => return typed,
        }
    }
    Typed::read(&ask()?, "the sheet", public, public_file)
}

impl From {
    /// Returns the key on the sheet.
    fn typed(&self, public: &kem::PublicKey) -> Outcome<Typed> {
        let (text, name) = match &self.file {
            Some(file) => (of_file(file)?, show::path(file)),
            None => {
                if !stdin().is_terminal() {
                    let reason =
                        "standard input is no terminal: give what is on the sheet with --in";
                    return Err(Refusal::new(reason));
                }
                (ask()?, "the sheet".into())
            }
        };
        Typed::read(&text, &name, public, &self.public)
    }
}

fn verify(args: &VerifyArgs) -> Outcome<Report> {
    let public = of_paper(&args.from.public)?;
    let typed = args.from.typed(&public)?;
    let (file, kind) = (show::path(&args.from.public), public.kind.name());
    let mut text = format!(
        "{file}: the sheet is right: {kind} key of custodian {}\n",
        public.id
    );
    text.push_str(&corrected_lines(&typed.corrected));
    let object = json!({
        "file": file,
        "kind": kind,
        "custodian_id": public.id.to_string(),
        "form": typed.form,
        "corrected": typed.corrected,
    });
    Ok(Report::text(args.json.either(text, &object)))
}

fn read(args: &ReadArgs) -> Outcome<Report> {
    output::must_be_free(&args.key)?;
    let public = of_paper(&args.from.public)?;
    let typed = args.from.typed(&public)?;
    let password = args.password.read(&args.key)?;
    let der = typed
        .key
        .to_pkcs8_der()
        .map_err(|error| Refusal::file(&args.key, error))?;
    let pem = password.pem(&der)?;
    let output = output::file(&args.key, Access::Owner, &pem)?.publish()?;
    let (file, kind) = (show::path(&args.key), public.kind.name());
    let mut text = format!("{file}: {kind} key of custodian {}\n", public.id);
    text.push_str(&corrected_lines(&typed.corrected));
    let object = json!({
        "file": file,
        "kind": kind,
        "custodian_id": public.id.to_string(),
        "form": typed.form,
        "corrected": typed.corrected,
    });
    Ok(Report::written([output], args.json.either(text, &object)))
}

fn corrected_lines(places: &[String]) -> String {
    places
        .iter()
        .map(|place| format!("corrected {place}\n"))
        .collect()
}

/// Reads a public key whose private key fits on a sheet.
fn of_paper(path: &Path) -> Outcome<kem::PublicKey> {
    let public = PublicKey::read(path)?;
    match public {
        PublicKey::Kem(public) if is_for(public.kind) => Ok(public),
        other => Err(Refusal::file(path, no_sheet(&other.kind()))),
    }
}

/// Returns whether a key of this kind fits on a sheet.
pub fn is_for(kind: Kind) -> bool {
    character(kind).is_some()
}

/// Says why a key of this kind has no sheet.
pub fn no_sheet(kind: &str) -> String {
    format!("a key of kind {kind} has no sheet: X-Wing, MLKEM1024-P384 and P-256 have one")
}

/// The kinds of keys that fit on a sheet, and their characters there.
const CHARACTERS: [(Kind, char); 3] = [
    (Kind::P256, 'p'),
    (Kind::XWing, 'x'),
    (Kind::MlKem1024P384, 'm'),
];

fn character(kind: Kind) -> Option<char> {
    let of_kind = CHARACTERS.iter().find(|(of, _)| *of == kind);
    of_kind.map(|(_, character)| *character)
}
