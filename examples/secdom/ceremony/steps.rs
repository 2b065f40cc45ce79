// SPDX-License-Identifier: MIT OR Apache-2.0
//! The steps of the ceremony.

use std::path::{Path, PathBuf};

use crate::page::{Cell, Step};

const LEADER: &str = "leader";
const OPERATOR: &str = "operator";
const CUSTODIANS: &str = "each custodian";
const WITNESS: &str = "witness";
const ALL: &str = "all";

/// Returns every step, with the commands for these certificates.
pub fn all(custodians: &[PathBuf], quorum: u8) -> Vec<Step> {
    let files = custodians.iter().map(|path| quoted(path));
    let files = files.collect::<Vec<_>>().join(" ");
    let of = "--sealed domain.sealed --expect-domain \"$DOMAIN\"";
    let mut steps = Vec::from(before());
    steps.extend(sealing(&files, quorum));
    steps.extend(drills(of, &files));
    steps.extend(rehearsal(of, quorum));
    steps.extend(after(of, &files));
    steps
}

fn before() -> [Step; 4] {
    [
        seen(
            WITNESS,
            "begins the transcript with this script; each command below is typed after \
             `secdom ceremony record --transcript ceremony.jsonl --`, and steps without a command are recorded with --seen",
            &[],
        )
        .run("secdom ceremony record --transcript ceremony.jsonl --file SCRIPT"),
        seen(
            LEADER,
            "names everybody who is present, and their roles; nobody else is in the room",
            &["place", "date and time"],
        ),
        seen(
            OPERATOR,
            "shows that the machine has no network, and which program it runs",
            &["sha256 of secdom"],
        )
        .run("secdom --version; sha256sum \"$(command -v secdom)\""),
        seen(
            CUSTODIANS,
            "compares the digest under \"Files\" with the digest of their certificate, on their own device",
            &["differences (none)"],
        ),
    ]
}

fn sealing(files: &str, quorum: u8) -> [Step; 5] {
    [
        seen(OPERATOR, "makes the domain", &["instance-id"])
            .run("secdom hsm init --hsm hsm-1 --artifact NAME=FILE"),
        seen(
            OPERATOR,
            "seals the domain to the custodians",
            &["domain-id", "header-digest"],
        )
        .run(format!(
            "secdom hsm activate --hsm hsm-1 --custodians {files} --quorum {quorum} --sealed domain.sealed"
        )),
        seen(
            ALL,
            "writes down the domain-id; every later command names it",
            &[],
        )
        .run("DOMAIN=..."),
        seen(
            OPERATOR,
            "copies the file for each custodian, and all compare its digest",
            &["sha256 of domain.sealed", "copies"],
        )
        .run(format!("secdom inspect domain.sealed --certs {files}")),
        seen(
            CUSTODIANS,
            "signs for the token with a key of theirs that is not in it, so that the log knows who has it",
            &[],
        )
        .run("secdom hsm handoff --hsm hsm-1 --custodian A.cer --taker NAME --key A.ed25519"),
    ]
}

fn drills(of: &str, files: &str) -> [Step; 3] {
    [
        seen(
            OPERATOR,
            "writes a challenge for all custodians",
            &["challenge"],
        )
        .run(format!(
            "secdom drill challenge {of} --custodians {files} --out challenge"
        )),
        seen(CUSTODIANS, "answers it alone, with their key", &[]).run(format!(
            "secdom drill respond {of} --challenge challenge --key A.key --out response-of-A"
        )),
        Step {
            seen: vec![("each custodian".into(), Cell::text("key and share"))],
            ..seen(
                OPERATOR,
                "verifies the responses, and records them in the log",
                &[],
            )
        }
        .run(format!(
            "secdom drill verify {of} --hsm hsm-1 --challenge challenge response-of-*"
        )),
    ]
}

fn rehearsal(of: &str, quorum: u8) -> [Step; 4] {
    [
        seen(
            OPERATOR,
            "asks for contributions to rehearse a recovery, in another HSM",
            &["request-digest"],
        )
        .run(format!(
            "secdom rehearse begin --hsm hsm-2 {of} --request request"
        )),
        seen(
            CUSTODIANS,
            &format!(
                "compares the request-digest, and contributes alone; {quorum} of them are needed"
            ),
            &[],
        )
        .run(format!(
            "secdom contribute {of} --request request --request-digest HEX --key A.key --out from-A"
        )),
        seen(OPERATOR, "adds the contributions", &[]).run("secdom rehearse add --hsm hsm-2 from-*"),
        Step {
            seen: vec![("both print".into(), Cell::text("the same digests"))],
            ..seen(
                OPERATOR,
                "compares the digests of the artifacts; hsm-2 is empty again afterwards",
                &[],
            )
        }
        .run("secdom rehearse report --hsm hsm-2; secdom rehearse report --hsm hsm-1"),
    ]
}

fn after(of: &str, files: &str) -> [Step; 5] {
    [
        seen(
            OPERATOR,
            "exports the log and its checkpoint, and all write down its head",
            &["records", "root"],
        )
        .run(
            "secdom ledger export --hsm hsm-1 --out hsm-1.log; \
             secdom ledger checkpoint hsm-1.log --out hsm-1.checkpoint",
        ),
        seen(
            OPERATOR,
            "shows what is still to be done; only no-review and no-backup may be left",
            &["findings"],
        )
        .run(format!(
            "secdom readiness {of} --certs {files} --log hsm-1.log"
        )),
        seen(
            WITNESS,
            "records the checkpoint, which ends the transcript",
            &[],
        )
        .run("secdom ceremony record --transcript ceremony.jsonl --checkpoint hsm-1.checkpoint"),
        seen(
            WITNESS,
            "signs the transcript, each with their key, and writes down what it prints",
            &["line", "digest", "key"],
        )
        .run("secdom ceremony sign --transcript ceremony.jsonl --name NAME --key W.ed25519"),
        seen(
            ALL,
            "takes the file, and the domain-id on a sheet apart from it; nobody takes two keys",
            &["end of the ceremony"],
        ),
    ]
}

fn seen(who: &'static str, what: &str, seen: &[&str]) -> Step {
    Step {
        who,
        what: what.into(),
        command: None,
        seen: seen
            .iter()
            .map(|label| ((*label).into(), Cell::None))
            .collect(),
    }
}

impl Step {
    fn run(self, command: impl Into<String>) -> Self {
        let command = Some(command.into());
        Self { command, ..self }
    }
}

/// Returns a path as a word of a command line.
fn quoted(path: &Path) -> String {
    let path = path.to_string_lossy();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/._-+=:,@".contains(c);
    match path.chars().all(is_plain) && !path.is_empty() {
        true => path.into_owned(),
        false => format!("'{}'", path.replace('\'', r"'\''")),
    }
}
