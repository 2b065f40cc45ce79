// SPDX-License-Identifier: MIT OR Apache-2.0
//! A drill of a Managed HSM's security-domain file, in which each custodian answers alone.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::drill::{
    Challenge, ChallengeError, RespondError, Response, respond,
};
use security_domain::x509::Thumbprint;
use serde_json::json;

use super::second;
use crate::certificate::{CertificateFile, Holder};
use crate::custodians::{self, KeyArgs, Present, Unusable, Whom};
use crate::domain::{self, Domain, File, FormatArgs};
use crate::kind::{self, FileKind};
use crate::output::{Access, Target};
use crate::report::{self, JsonArg, Outcome, Refusal, Report};
use crate::{answer, clock, input, restore_session, show};

/// What a response proves. The rest is the word of the custodian's program.
const KEY: &str = "key; says that the share opened";

/// A domain file whose custodians are drilled.
pub struct Of<'a> {
    pub path: &'a Path,
    pub format: &'a FormatArgs,
}

impl Of<'_> {
    /// Reads the bytes of the file, and tells if they are not those of the document.
    fn read(&self) -> Outcome<(impl AsRef<[u8]> + use<>, Option<String>)> {
        restore_session::read(self.path)
    }

    fn parse<'t>(&self, text: &'t [u8]) -> Outcome<(DomainFile<'t>, Vec<String>)> {
        let Domain { file, passed_over } = domain::read(self.path, text, self.format)?;
        match file {
            File::Shared(file) => Ok((file, passed_over)),
            File::Split(_) => Err(Refusal::file(
                self.path,
                "is of version 1, in which nobody has a share to open alone: two custodians drill it together, with \
                 drill --sd-file --sd-wrapping-keys",
            )),
        }
    }
}

/// Writes a challenge to the custodians whose certificates are given.
pub fn challenge(
    of: &Of<'_>,
    certificates: &[PathBuf],
    target: &Target<'_>,
    json: &JsonArg,
) -> Outcome<Report> {
    let (text, around) = of.read()?;
    let (file, passed_over) = of.parse(text.as_ref())?;
    let files = CertificateFile::read_all(certificates)?;
    let parsed = { files.iter() }.map(CertificateFile::parse_for_recovery);
    let parsed = parsed.collect::<Outcome<Vec<_>>>()?;
    let path_of = |thumbprint: Thumbprint| {
        let given = parsed.iter().zip(&files);
        let mut given = given.filter(|(one, _)| one.thumbprint() == thumbprint);
        // The second of two is the one too many.
        let first = given.next();
        given.next().or(first).map(|(_, file)| file.path.as_path())
    };
    let mut out = vec![0; Challenge::written_len(&parsed)];
    let written = Challenge::write(&file, &parsed, clock::unix(), &mut SysRng, &mut out);
    let challenge = written.map_err(|error| {
        let about = match &error {
            ChallengeError::Certificate(of, _)
            | ChallengeError::Repeated(of)
            | ChallengeError::Key(of, _)
            | ChallengeError::Wrap(of, _) => path_of(*of),
            ChallengeError::NobodyAsked => {
                return Refusal::new(
                    "--custodians: a domain file has no key of a custodian; give the certificates",
                );
            }
            _ => None,
        };
        Refusal::file(about.unwrap_or(of.path), error)
    })?;
    let output = target.write(Access::Everyone, challenge.as_bytes())?;

    let (shown, digest) = (target.shown(), challenge.digest());
    let (mut text, mut listed) = (format!("{shown}: challenge {digest}\n"), Vec::new());
    text += &format!("domain-file {}\n", challenge.file());
    for custodian in file.custodians() {
        let asked = challenge.values().any(|(asked, _)| asked == custodian);
        let path = if asked { path_of(custodian) } else { None };
        let name = path.map(|path| format!(" ({})", show::path(path)));
        let (name, what) = (
            name.unwrap_or_default(),
            if asked { "asked" } else { "not asked" },
        );
        text += &format!("custodian {custodian}{name}: {what}\n");
        listed.push(json!({
            "custodian": custodian.to_string(),
            "file": path.map(show::path),
            "asked": asked,
        }));
    }
    let object = json!({
        "file": shown,
        "challenge_digest": digest.to_string(),
        "domain_file": challenge.file().to_string(),
        "custodians": listed,
    });
    let mut report = Report::about(output, json.either(text, &object));
    report.notes.extend(around.into_iter().chain(passed_over));
    Ok(report)
}

fn parse_challenge<'b>(
    path: &Path,
    bytes: &'b [u8],
    file: &DomainFile<'_>,
) -> Outcome<Challenge<'b>> {
    let challenge = Challenge::parse(bytes)
        .map_err(|error| kind::refusal(path, bytes, &FileKind::FileChallenge, error))?;
    let (have, want) = (challenge.file(), file.digest());
    if have != want {
        let reason = format!("the challenge is for file {have}, not {want}");
        return Err(Refusal::file(path, reason));
    }
    Ok(challenge)
}

/// What a custodian answers with.
pub struct Answer<'a> {
    pub challenge: &'a Path,
    pub keys: KeyArgs,
    /// What the key decrypted elsewhere of the value, if it is elsewhere.
    pub value: Option<&'a Path>,
}

/// Answers a challenge as one custodian.
pub fn answer(
    of: &Of<'_>,
    answer: Answer<'_>,
    target: &Target<'_>,
    json: &JsonArg,
) -> Outcome<Report> {
    let (text, around) = of.read()?;
    let (file, passed_over) = of.parse(text.as_ref())?;
    let bytes = input::read(answer.challenge)?;
    let challenge = parse_challenge(answer.challenge, &bytes, &file)?;
    let value = answer
        .value
        .map(|path| answer::read(path, &answer::DRILL_VALUE));
    let value = value.transpose()?;
    let mut file = File::Shared(file);
    let asked: Vec<_> = challenge.values().map(|(of, _)| of).collect();
    let (refused, whom) = (Unusable::Refused, Whom::Asked(&asked));
    let read = custodians::read(answer.keys, of.path, &mut file, 1, refused, whom);
    let Present { mut custodians, .. } = read?;
    let notes = custodians::notes(&file, &custodians);
    let file = restore_session::shared(of.path, file)?;
    let custodian = custodians.first_mut();
    let custodian = custodian.ok_or_else(|| Refusal::file(of.path, "no key is given"))?;
    if let Some(value) = value {
        custodian.key.then(value);
    }
    let (me, key) = (custodian.thumbprint, &mut custodian.key);
    let mut out = [0; Response::LEN];
    let response = respond(&file, &challenge, &me, key, &mut SysRng, &mut out);
    let response = response.map_err(|error| match error {
        RespondError::Share(_) | RespondError::Device(_) => {
            let name = custodian.key_file.as_path();
            Refusal::file(name, format!("custodian {me}: {}", report::chain(&error)))
        }
        RespondError::DoesNotOpen(_) => {
            Refusal::file(answer.value.unwrap_or(answer.challenge), error)
        }
        error => Refusal::file(answer.challenge, error),
    })?;
    let output = target.write(Access::Everyone, response.as_bytes())?;
    let (shown, digest, domain) = (target.shown(), challenge.digest(), challenge.file());
    let text = format!(
        "domain-file {domain}\n{shown}: response of custodian {me} to challenge {digest}: {KEY}\n"
    );
    let object = json!({
        "file": shown,
        "custodian": me.to_string(),
        "challenge_digest": digest.to_string(),
        "domain_file": domain.to_string(),
        "proof": KEY,
    });
    let mut report = Report::about(output, json.either(text, &object));
    report
        .notes
        .extend(around.into_iter().chain(passed_over).chain(notes));
    Ok(report)
}

/// Says whose responses to a challenge are good, and who gave none.
pub fn verify(
    of: &Of<'_>,
    path: &Path,
    responses: &[PathBuf],
    certs: &[PathBuf],
    json: &JsonArg,
) -> Outcome<Report> {
    let (text, around) = of.read()?;
    let (file, passed_over) = of.parse(text.as_ref())?;
    let names = subjects(certs)?;
    let subject = |of: Thumbprint| {
        let mut names = names.iter();
        names.find(|(one, _)| *one == of).map(|(_, name)| name)
    };
    let show = |of: Thumbprint| match subject(of) {
        Some(subject) => format!("{of} {}", show::text(subject)),
        None => of.to_string(),
    };
    let bytes = input::read(path)?;
    let challenge = parse_challenge(path, &bytes, &file)?;
    let mut text = format!("domain-file {}\n", file.digest());
    let mut listed = Vec::new();
    let (mut answered, mut refused) = (Vec::<(Thumbprint, &Path)>::new(), Vec::new());
    for response in responses {
        let one = one(response, &file, &challenge).and_then(|of| {
            match answered.iter().find(|(earlier, _)| *earlier == of) {
                Some((_, earlier)) => Err(second(response, &show(of), earlier)),
                None => Ok(of),
            }
        });
        let of = match one {
            Ok(of) => of,
            Err(refusal) => {
                refused.push(refusal.to_string());
                continue;
            }
        };
        answered.push((of, response));
        let shown = show::path(response);
        text += &format!("{shown}: custodian {}: {KEY}\n", show(of));
        listed.push(json!({
            "file": shown,
            "custodian": of.to_string(),
            "subject": subject(of),
            "proof": KEY,
        }));
    }
    if listed.is_empty() {
        return Err(Refusal::new(refused.join("; ")));
    }
    let (mut silent, mut not_asked) = (Vec::new(), Vec::new());
    for of in file.custodians() {
        let asked = challenge.values().any(|(asked, _)| asked == of);
        match asked {
            _ if answered.iter().any(|(one, _)| *one == of) => {}
            true => {
                text += &format!("custodian {}: no response\n", show(of));
                silent.push(of.to_string());
            }
            false => {
                text += &format!("custodian {}: not asked\n", show(of));
                not_asked.push(of.to_string());
            }
        }
    }
    let required = file.quorum().threshold().get();
    text += &format!(
        "{}, {required} required\n",
        show::count(answered.len(), "key")
    );
    let object = json!({
        "challenge_digest": challenge.digest().to_string(),
        "domain_file": file.digest().to_string(),
        "responses": listed,
        "without_response": silent,
        "not_asked": not_asked,
        "required": required,
        "refused": refused,
    });
    let refused_in_part = !refused.is_empty();
    let damaged = File::Shared(file).damaged();
    refused.extend(damaged.into_iter().chain(around).chain(passed_over));
    Ok(Report {
        refused_in_part,
        notes: refused,
        ..Report::text(json.either(text, &object))
    })
}

fn one(path: &Path, file: &DomainFile<'_>, challenge: &Challenge<'_>) -> Outcome<Thumbprint> {
    let bytes = input::read(path)?;
    let response = Response::parse(&bytes)
        .map_err(|error| kind::refusal(path, &bytes, &FileKind::FileResponse, error))?;
    { response.verify(file, challenge) }.map_err(|error| Refusal::file(path, error))
}

/// Reads who the custodians are from their certificates.
fn subjects(paths: &[PathBuf]) -> Outcome<Vec<(Thumbprint, String)>> {
    let files = CertificateFile::read_all(paths)?;
    let subject = |file: &CertificateFile| {
        let certificate = file.parse_for_recovery()?;
        let subject = Holder::recovered(&certificate).subject;
        Ok((certificate.thumbprint(), subject))
    };
    files.iter().map(subject).collect()
}
