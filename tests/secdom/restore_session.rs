// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom restore-session`, and `contribute` to one: custodians who never meet restore a domain of
//! Managed HSM.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use security_domain::custodian::Recipient;
use security_domain::managed_hsm::restore_session::Request;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Folder, Run, arguments, fixture, key, names, secdom, thumbprint, upload, vector};

/// A session about a domain file of the vectors, in a folder of the test.
pub struct Session {
    pub folder: Folder,
    pub file: PathBuf,
}

impl Session {
    pub fn new(case: &str) -> Self {
        Self {
            folder: Folder::new(),
            file: vector(format!("valid/{case}/sd.json")),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    pub fn begin_line(&self, session: &str, request: &str) -> Vec<OsString> {
        arguments![
            "restore-session",
            "begin",
            "--sd-file",
            self.file,
            "--sd-exchange-key",
            vector("transfer/stransfer2048.pem"),
            "--session",
            self.path(session),
            "--request",
            self.path(request),
        ]
        .to_vec()
    }

    /// Begins the session `session`, and returns the request's digest, as is shown.
    pub fn begin(&self, session: &str, request: &str) -> String {
        let shown = secdom(self.begin_line(session, request)).done();
        word(&shown, "request-digest").to_owned()
    }

    pub fn contribute_line(
        &self,
        request: &str,
        digest: &str,
        of: &str,
        out: &str,
    ) -> Vec<OsString> {
        arguments![
            "contribute",
            "--sd-file",
            self.file,
            "--request",
            self.path(request),
            "--request-digest",
            digest,
            "--key",
            key(of),
            "--out",
            self.path(out),
        ]
        .to_vec()
    }

    /// A custodian answers, and is shown what for.
    pub fn contribute(&self, request: &str, digest: &str, of: &str, out: &str) {
        let told = secdom(self.contribute_line(request, digest, of, out)).done();
        let shown: Value = serde_json::from_str(
            &secdom(arguments!["inspect", "--json", self.path(request)]).done(),
        )
        .unwrap();
        for member in ["domain_file", "transfer_key"] {
            assert!(told.contains(shown[member].as_str().unwrap()), "{told}");
        }
    }

    pub fn add_line(&self, session: &str, contributions: &[&str], blob: &str) -> Vec<OsString> {
        let mut line = arguments!["restore-session", "add", self.path(session)].to_vec();
        line.extend(contributions.iter().map(|name| self.path(name).into()));
        line.extend(arguments!["--sd-file-restore-blob", self.path(blob)]);
        line
    }

    pub fn add(&self, session: &str, contributions: &[&str], blob: &str) -> Run {
        secdom(self.add_line(session, contributions, blob))
    }

    pub fn status(&self, session: &str) -> Value {
        let shown = secdom(arguments![
            "restore-session",
            "status",
            "--json",
            self.path(session)
        ]);
        serde_json::from_str(&shown.out).unwrap()
    }

    pub fn cancel(&self, session: &str) -> Run {
        secdom(arguments!["restore-session", "cancel", self.path(session)])
    }

    /// The artifacts that the HSM's side takes out of a restore blob.
    pub fn artifacts(&self, blob: &Path) -> Vec<(String, Vec<u8>)> {
        let out = self.path("artifacts");
        secdom(upload(blob, &out)).done();
        let files = names(&out);
        let artifacts = files.into_iter().map(|name| {
            let bytes = fs::read(out.join(&name)).unwrap();
            (name, bytes)
        });
        let artifacts = artifacts.collect();
        fs::remove_dir_all(out).unwrap();
        artifacts
    }
}

/// What follows a name in a report.
fn word<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {text}")).trim()
}

fn id(of: &str) -> String {
    thumbprint(&key(of).with_extension("cer"))
}

/// Restores apart and together, and compares what the HSM takes out of the two blobs.
fn restores_as_together(case: &str, custodians: &[&str]) {
    let session = Session::new(case);
    let digest = session.begin("session", "request");
    let files: Vec<String> = { 0..custodians.len() }.map(|i| format!("c{i}")).collect();
    for (of, out) in custodians.iter().zip(&files) {
        session.contribute("request", &digest, of, out);
    }
    let (last, rest) = files.split_last().unwrap();
    for file in rest {
        let added = session.add("session", &[file], "blob").done();
        assert!(added.contains("contributed"), "{added}");
        assert!(!session.path("blob").exists());
    }
    let added = session.add("session", &[last], "blob").done();
    let needed = custodians.len();
    assert!(
        added.contains(&format!("{needed} of {needed} shares")),
        "{added}"
    );
    assert!(!session.path("session").exists(), "the session has ended");

    let together = session.path("together");
    let keys = custodians.iter().map(|of| key(of));
    secdom(crate::restore_blob(&session.file, &together, keys)).done();
    let apart = session.artifacts(&session.path("blob"));
    assert_eq!(apart, session.artifacts(&together), "{case}");
    assert!(!apart.is_empty());
}

#[test]
fn quorums_apart_restore_what_they_restore_together() {
    restores_as_together("v01-2of3-2048", &["s2048_2", "s2048_0"]);
    restores_as_together("v04-3of5-2048", &["s2048_4", "s2048_1", "s2048_2"]);
    let all: Vec<String> = { (0..10).rev() }.map(|i| format!("s2048_{i}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    restores_as_together("v07-10of10-2048", &all);
}

#[test]
fn a_session_goes_on_where_it_stopped_and_tells_how_far_it_is() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    for (of, out) in [("s2048_0", "c0"), ("s2048_1", "c1")] {
        session.contribute("request", &digest, of, out);
    }
    let waiting = session.status("session");
    assert_eq!(
        (&waiting["state"], &waiting["needed"], &waiting["count"]),
        (&"collecting".into(), &2.into(), &3.into())
    );
    assert_eq!(
        (&waiting["request_digest"], &waiting["expires"]),
        (&(*digest).into(), &Value::Null)
    );
    session
        .add("session", &[], "blob")
        .refused(&["session", "0 of 2 shares"]);
    session.add("session", &["c0"], "blob").done();
    assert_eq!(
        session.status("session")["contributors"],
        Value::from(vec![id("s2048_0")])
    );
    let again = session.add("session", &["c0"], "blob").done();
    assert!(again.contains("has already contributed; 1 of 2"), "{again}");

    // The request was lost: the same command writes it again, and no other session.
    let again = secdom(session.begin_line("session", "request-2"));
    assert!(
        again.err.contains("begun before") && again.out.contains(&digest),
        "{again:?}"
    );
    let requests = ["request", "request-2"].map(|name| fs::read(session.path(name)).unwrap());
    assert_eq!(requests[0], requests[1]);
    let mut other = Session::new("v12-3of3");
    other.folder = Folder::new();
    let mut line = other.begin_line("session", "request");
    line[7] = session.path("session").into();
    secdom(line).refused(&["session", "another domain file"]);

    let text = secdom(arguments![
        "restore-session",
        "status",
        session.path("session")
    ])
    .done();
    for words in ["state collecting", "quorum 2 of 3", &id("s2048_0"), &digest] {
        assert!(text.contains(words), "{text}");
    }
    session.add("session", &["c1"], "blob").done();
    assert_eq!(session.artifacts(&session.path("blob")).len(), 3);
}

#[test]
fn wrong_contributions_are_named_and_the_good_ones_kept() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    let other = session.begin("other", "request-of-other");
    session.contribute("request", &digest, "s2048_0", "good");
    session.contribute("request-of-other", &other, "s2048_1", "of-another-session");
    let mut altered = fs::read(session.path("good")).unwrap();
    *altered.last_mut().unwrap() ^= 1;
    session.folder.write("altered", altered);
    let mut replayed = fs::read(session.path("of-another-session")).unwrap();
    let good = fs::read(session.path("good")).unwrap();
    replayed[..36].copy_from_slice(&good[..36]);
    session.folder.write("replayed", replayed);
    session.folder.write("cut", &good[..100]);
    let wrong = [
        "of-another-session",
        "altered",
        "replayed",
        "cut",
        "missing",
    ];
    session.add("session", &wrong, "blob").refused(&wrong);
    let named = [
        format!("of-another-session: the contribution answers request {other}, not {digest}"),
        format!(
            "altered: the contribution of custodian {} does not open",
            id("s2048_0")
        ),
        format!(
            "replayed: the contribution of custodian {} does not open",
            id("s2048_1")
        ),
        "cut: is cut short".into(),
    ];
    let refused = session.add("session", &wrong, "blob").err;
    assert!(named.iter().all(|name| refused.contains(name)), "{refused}");
    assert_eq!(
        session.status("session")["contributors"],
        Value::from(Vec::<String>::new())
    );

    // Some are good: they are kept, and the exit code is 1.
    let run = session.add("session", &["altered", "good", "cut"], "blob");
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 2), "{run:?}");
    assert!(run.out.contains("good: custodian"), "{run:?}");
    assert_eq!(
        session.status("session")["contributors"],
        Value::from(vec![id("s2048_0")])
    );

    // Files of other kinds are named as what they are.
    let native = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/sealed-domain");
    let native = native.join("contribution-of-custodian-1.cbor");
    fs::copy(native, session.path("native")).unwrap();
    let words = ["native: is a contribution, where a contribution to restore"];
    session.add("session", &["native"], "blob").refused(&words);
}

/// A digest of `docs/format.md`, "Notation".
fn digest(label: &str, parts: [&[u8]; 2]) -> [u8; 32] {
    let label = format!("security-domain/v1 {label}");
    let mut hash = Sha256::new();
    for part in [label.as_bytes(), parts[0], parts[1]] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// What a stranger who knows the request sends in a custodian's name: a share that is well-formed,
/// and wrong.
pub fn forged(request: &Path, of: &str) -> Vec<u8> {
    let request = fs::read(request).unwrap();
    let request = Request::parse(&request).unwrap();
    let certificate = key(of).with_extension("cer");
    let der = x509(&fs::read_to_string(certificate).unwrap());
    let custodian = Sha256::digest(der);
    let r = request.digest();
    let context = digest("restore contribution", [r.as_bytes(), &custodian]);
    let words = (0..32u16).flat_map(|value| (3 << 9 | value).to_le_bytes());
    let plaintext: Vec<u8> = context.into_iter().chain(words).collect();
    let mut wrapped = vec![0; request.key().algorithm().wrapped_len(96)];
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    {
        request
            .key()
            .wrap(&plaintext, &context, &mut rng, &mut wrapped)
    }
    .unwrap();
    let length = u16::try_from(wrapped.len()).unwrap().to_be_bytes();
    let head = [
        &[0x84, 1, 0x58, 32],
        &r.as_bytes()[..],
        &[0x58, 32],
        &custodian,
    ]
    .concat();
    [&head[..], &[0x59], &length, &wrapped].concat()
}

pub fn x509(pem: &str) -> Vec<u8> {
    let body: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
    let mut der = vec![0; body.len()];
    let der = <base64ct::Base64 as base64ct::Encoding>::decode(&body, &mut der);
    der.unwrap().to_vec()
}

#[test]
fn a_strangers_share_is_named_once_there_is_one_more() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    for (of, out) in [("s2048_0", "c0"), ("s2048_1", "c1"), ("s2048_2", "c2")] {
        session.contribute("request", &digest, of, out);
    }
    session
        .folder
        .write("forged", forged(&session.path("request"), "s2048_0"));
    session.add("session", &["forged"], "blob").done();
    // The custodian's own share comes second: which of the two is wrong is not known yet.
    let words = [
        "c0: another share of custodian",
        &id("s2048_0"),
        "--replace",
    ];
    session.add("session", &["c0"], "blob").refused(&words);
    let run = session.add("session", &["c1"], "blob");
    let (forged_by, other) = (id("s2048_0"), id("s2048_1"));
    assert_eq!((run.code, run.err.lines().count()), (Some(1), 1), "{run:?}");
    for words in [
        "does not open",
        &*forged_by,
        &*other,
        "one of them is wrong",
    ] {
        assert!(run.err.contains(words), "{run:?}");
    }
    assert!(!session.path("blob").exists());
    assert_eq!(session.status("session")["state"], "quorum");

    let copy = session.path("copy");
    crate::killed::copy_folder(&session.path("session"), &copy);
    // One more names it.
    let run = session.add("session", &["c2"], "blob");
    assert_eq!(run.code, Some(0), "{run:?}");
    let named = format!("left out: the share in the name of custodian {forged_by} is wrong");
    assert!(run.err.contains(&named), "{run:?}");
    assert_eq!(session.artifacts(&session.path("blob")).len(), 3);

    // Or the right one takes its place.
    let mut line = session.add_line("copy", &["c0"], "blob-2");
    line.push("--replace".into());
    secdom(line).done();
    assert_eq!(session.artifacts(&session.path("blob-2")).len(), 3);
}

#[test]
fn a_custodian_answers_only_what_was_asked_and_shown() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    let answer = |change: &dyn Fn(&mut Vec<OsString>)| {
        let mut line = session.contribute_line("request", &digest, "s2048_0", "out");
        change(&mut line);
        let run = secdom(line);
        assert!(!session.path("out").exists());
        run
    };
    let zeros = "0".repeat(64);
    answer(&|line| line[6] = (&*zeros).into()).refused(&["request", &digest, "showed", &zeros]);
    let other = vector("valid/v12-3of3/sd.json");
    answer(&|line| line[2] = (&other).into()).refused(&[
        "request",
        "asks for the shares of a domain file",
        "SHA-256",
    ]);
    let expect = |line: &mut Vec<OsString>, thumbprint: &str| {
        line.extend(arguments!["--expect-thumbprint", thumbprint]);
    };
    answer(&|line| expect(line, &id("s2048_0"))).refused(&["request", "transfer key", "expected"]);
    answer(&|line| line[8] = key("s2048_7").into())
        .refused(&["s2048_7.key", "belongs to no share"]);
    for more in [["--share", "x"], ["--sealed", "x"]] {
        let mut line = session.contribute_line("request", &digest, "s2048_0", "out");
        line.extend(more.map(OsString::from));
        secdom(line).unreadable();
    }
    // A request of an HSM is another kind of file.
    let native = Path::new(env!("CARGO_MANIFEST_DIR"));
    let native = native.join("tests/vectors/sealed-domain/request-recover.cbor");
    answer(&|line| line[4] = (&native).into())
        .refused(&["is a request for contributions, where a request to restore"]);

    let transfer = secdom(arguments![
        "inspect",
        "--json",
        vector("transfer/stransfer2048.pem")
    ]);
    let transfer: Value = serde_json::from_str(&transfer.done()).unwrap();
    let transfer = transfer["certificates"][0]["thumbprint"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut line = session.contribute_line("request", &digest, "s2048_0", "out");
    line.extend(arguments!["--expect-thumbprint", transfer, "--json"]);
    let run = secdom(line);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["transfer_key"], *transfer);
    assert_eq!(report["custodian"], *id("s2048_0"));
}

/// A custodian whose key is elsewhere: the content key that it unwrapped opens the share.
#[test]
fn a_custodian_whose_key_is_elsewhere_contributes() {
    let session = Session::new("v04-3of5-2048");
    let digest = session.begin("session", "request");
    for (of, out) in [("s2048_0", "c0"), ("s2048_1", "c1")] {
        session.contribute("request", &digest, of, out);
    }
    let folder = Folder::new();
    let elsewhere = |unwrapped: &[u8]| {
        let mut argument = OsString::from(key("s2048_2").with_extension("cer"));
        argument.push("=");
        argument.push(folder.write("answer", unwrapped));
        let mut line = session.contribute_line("request", &digest, "s2048_2", "c2");
        line[7] = "--sd-unwrapped".into();
        line[8] = argument;
        secdom(line)
    };
    elsewhere(&[7; 64]).refused(&["answer", &id("s2048_2"), "does not open"]);
    elsewhere(&crate::unwrapped::content_key(2, 2)).done();
    session.add("session", &["c0", "c1", "c2"], "blob").done();
    assert!(!session.artifacts(&session.path("blob")).is_empty());
}

#[test]
fn a_session_does_not_begin_for_what_no_custodian_would_answer() {
    let session = Session::new("v01-2of3-2048");
    let begin = |change: &dyn Fn(&mut Vec<OsString>)| {
        let mut line = session.begin_line("session", "request");
        change(&mut line);
        let run = secdom(line);
        assert_eq!(session.folder.names(), [""; 0]);
        run
    };
    begin(&|line| line[5] = key("s2048_1").with_extension("cer").into()).refused(&[
        "s2048_1.cer",
        &id("s2048_1"),
        "custodian's",
    ]);
    let split = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/split-keys/domain.json");
    begin(&|line| line[3] = (&split).into()).refused(&["domain.json", "version 1", "restore-blob"]);
    begin(&|line| line.extend(arguments!["--expect-thumbprint", id("s2048_1")]))
        .refused(&["stransfer2048.pem", "expected"]);
    session.folder.write("request", "keep");
    secdom(session.begin_line("session", "request")).refused(&["request", "already exists"]);
    fs::create_dir(session.path("session")).unwrap();
    secdom(session.begin_line("session", "other")).refused(&["session", "not a restore session"]);
    assert_eq!(session.folder.names(), ["request", "session"]);
}

/// The request of a session that has expired, and its key.
pub fn expired(session: &Session) {
    let mut line = session.begin_line("session", "request");
    line.extend(arguments!["--expires", "1"]);
    secdom(line).done();
    std::thread::sleep(std::time::Duration::from_millis(2100));
}

#[test]
fn a_session_that_has_expired_is_wiped() {
    let session = Session::new("v01-2of3-2048");
    expired(&session);
    let digest = session.status("session")["request_digest"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(session.status("session")["state"], "expired");
    secdom(session.contribute_line("request", &digest, "s2048_0", "c0"))
        .refused(&["request: the request expired at"]);
    session
        .add("session", &["request"], "blob")
        .refused(&["session", "expired at", "wiped"]);
    assert_eq!(session.folder.names(), ["request"]);
}

/// What is not answered costs no password, and no try of a PIN.
#[test]
fn a_password_is_not_asked_for_an_expired_request() {
    let session = Session::new("v01-2of3-2048");
    expired(&session);
    let shown = session.status("session")["request_digest"].clone();
    let mut line = session.contribute_line("request", shown.as_str().unwrap(), "s2048_0", "c0");
    let place = line.iter().position(|word| word == "--key").unwrap() + 1;
    line[place] = fixture("pbes2-aes256-sha256.key").into();
    secdom(line).refused(&["request: the request expired at 20", "; it is 20"]);
}

#[test]
fn an_expired_session_does_not_begin_again_and_its_end_is_the_first_thing_said() {
    let session = Session::new("v01-2of3-2048");
    expired(&session);
    secdom(session.begin_line("session", "request-2"))
        .refused(&["session: has expired; run restore-session cancel"]);
    assert!(!session.path("request-2").exists());
    // A file of somebody else's does not hide why the contribution is refused.
    session.folder.write("session/note", "mine");
    session
        .add("session", &["request"], "blob")
        .refused(&["session: the session expired at", "wiped; other files stay"]);
    assert_eq!(names(&session.path("session")), ["note"]);
}

#[test]
fn a_session_begins_again_with_the_same_end_only() {
    let session = Session::new("v01-2of3-2048");
    let begin = |request: &str, expires: &[&str]| {
        let mut line = session.begin_line("session", request);
        line.extend(expires.iter().map(OsString::from));
        secdom(line)
    };
    begin("request", &["--expires", "3600"]).done();
    begin("request-2", &["--expires", "7200"]).refused(&["session", "expires at", "--expires"]);
    assert_eq!(session.folder.names(), ["request", "session"]);
    for (request, expires) in [("again", &["--expires", "3600"][..]), ("and-again", &[])] {
        let run = begin(request, expires);
        assert_eq!(run.code, Some(0), "{run:?}");
        let requests = ["request", request].map(|name| fs::read(session.path(name)).unwrap());
        assert_eq!(requests[0], requests[1]);
    }
    session.cancel("session").done();
    // One without an end is not given one.
    session.begin("session", "without-end");
    begin("with-end", &["--expires", "7200"]).refused(&["session", "expires never", "--expires"]);
}

/// The files of somebody else whose names are like those of the session's own stay, and what a link
/// points to is not touched.
#[test]
fn the_end_of_a_session_touches_its_own_files_only() {
    let session = Session::new("v01-2of3-2048");
    session.begin("session", "request");
    let own = format!("from-{}", "5a".repeat(32));
    session.folder.write(&format!("session/{own}"), "damaged");
    let temporary = ".secdom-0123456789abcdef.tmp";
    session
        .folder
        .write(&format!("session/{temporary}"), "left");
    let capitals = format!("from-{}", "5B".repeat(32));
    let mut others = vec![".secdom-notes", "from-ada", "note", &*capitals];
    for name in &others {
        session.folder.write(&format!("session/{name}"), "mine");
    }
    let digits = format!("from-{}", "5c".repeat(32));
    for name in ["from-all", &*digits] {
        fs::create_dir(session.path("session").join(name)).unwrap();
        others.push(name);
    }
    #[cfg(unix)]
    {
        session.folder.write("precious", "precious");
        let link = |name: &str| {
            let link = session.path("session").join(name);
            std::os::unix::fs::symlink("../precious", link).unwrap();
        };
        link("from-link");
        others.push("from-link");
        // These names are the session's: the links go, and no more.
        link(&format!("from-{}", "5d".repeat(32)));
        fs::remove_file(session.path("session/domain")).unwrap();
        link("domain");
    }
    let run = session.cancel("session");
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(run.out.contains("session: cancelled"), "{run:?}");
    let note = "session: the session has ended; other files stay in it";
    assert!(run.err.contains(note), "{run:?}");
    others.sort_unstable();
    assert_eq!(names(&session.path("session")), others);
    for name in [".secdom-notes", "from-ada", "note", &capitals] {
        assert_eq!(
            fs::read(session.path("session").join(name)).unwrap(),
            b"mine"
        );
    }
    #[cfg(unix)]
    assert_eq!(fs::read(session.path("precious")).unwrap(), b"precious");
}

#[test]
fn a_stray_file_does_not_make_a_restore_fail() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    for (of, out) in [("s2048_0", "c0"), ("s2048_1", "c1")] {
        session.contribute("request", &digest, of, out);
    }
    session.folder.write("session/.DS_Store", "mine");
    // A folder is no contribution, whatever it is called.
    let folder = format!("from-{}", "5a".repeat(32));
    fs::create_dir(session.path("session").join(&folder)).unwrap();
    let run = session.add("session", &["c0", "c1"], "blob");
    assert_eq!(run.code, Some(0), "{run:?}");
    let note = "session: the session has ended; other files stay in it\n";
    assert!(
        run.err.ends_with(note) && run.err.lines().count() == 1,
        "{run:?}"
    );
    assert_eq!(names(&session.path("session")), [".DS_Store", &*folder]);
    assert_eq!(session.artifacts(&session.path("blob")).len(), 3);
}

/// What `sha256sum` prints of a file that was saved with something around the document is not the
/// digest that the request has, and the operator is told.
#[test]
fn a_domain_file_in_something_else_is_told_with_both_digests() {
    let mut session = Session::new("v01-2of3-2048");
    let plain = fs::read_to_string(&session.file).unwrap();
    let document = security_domain::hex::parse::<32>(word(
        &secdom(session.begin_line("plain", "request-of-plain")).done(),
        "domain-file",
    ));
    assert_eq!(document.unwrap(), *Sha256::digest(&plain));
    let around = [
        ("bom", format!("\u{feff}{plain}")),
        ("answer", serde_json::json!({ "value": plain }).to_string()),
    ];
    for (name, bytes) in around {
        session.file = session.folder.write(name, &bytes);
        let run =
            secdom(session.begin_line(&format!("{name}-session"), &format!("{name}-request")));
        assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
        let whole = Sha256::digest(&bytes);
        let whole: String = whole.iter().map(|byte| format!("{byte:02x}")).collect();
        let note = format!("{name}: domain-file is the SHA-256 of the document in this file");
        assert!(
            run.err.contains(&note) && run.err.contains(&whole),
            "{run:?}"
        );
        let shown = security_domain::hex::parse::<32>(word(&run.out, "domain-file"));
        assert_eq!(shown, document);
        let digest = word(&run.out, "request-digest");
        let [request, answer] = ["request", "answer"].map(|file| format!("{name}-{file}"));
        let line = session.contribute_line(&request, digest, "s2048_0", &answer);
        let run = secdom(line);
        assert_eq!((run.code, run.err.lines().count()), (Some(0), 1), "{run:?}");
        assert!(
            run.err.contains(&note) && run.err.contains(&whole),
            "{run:?}"
        );
    }
}

/// A custodian whose digest in the file is damaged contributes under the digest that the file has.
#[test]
fn a_custodian_whose_digest_is_damaged_contributes_all_the_same() {
    let mut session = Session::new("v01-2of3-2048");
    let text = fs::read_to_string(&session.file).unwrap();
    let flipped = "A".repeat(43);
    session.file = session
        .folder
        .write("flipped.json", text.replace(&id("s2048_2"), &flipped));
    let digest = session.begin("session", "request");
    let run = secdom(session.contribute_line("request", &digest, "s2048_2", "c2"));
    assert_eq!(run.code, Some(0), "{run:?}");
    for words in ["found by its key alone", &flipped, &id("s2048_2")] {
        assert!(run.err.contains(words), "{run:?}");
    }
    let stranger = secdom(session.contribute_line("request", &digest, "s2048_5", "x"));
    stranger.refused(&["s2048_5.key", "belongs to no share"]);
    session.contribute("request", &digest, "s2048_0", "c0");
    session.add("session", &["c2", "c0"], "blob").done();
    assert_eq!(session.artifacts(&session.path("blob")).len(), 3);

    // What cannot be read names nobody to the collector.
    session.file = session
        .folder
        .write("empty.json", text.replace(&id("s2048_2"), ""));
    let begun = secdom(session.begin_line("another", "other-request"));
    let digest = word(&begun.out, "request-digest").to_owned();
    secdom(session.contribute_line("other-request", &digest, "s2048_2", "x")).refused(&[
        "empty.json",
        "x5t_256",
        &id("s2048_2"),
        "restore-blob",
    ]);
    assert!(!session.path("x").exists());
}

/// On a terminal the custodian says yes before the key is used, or nothing leaves.
#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[test]
fn a_custodian_at_a_terminal_says_yes_first() {
    use std::io::Write;

    use crate::interrupted::Terminal;

    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    let line = |out: &str| session.contribute_line("request", &digest, "s2048_0", out);
    for (typed, out) in [
        ("yes", Some("said")),
        ("no", None),
        ("", None),
        ("yess", None),
    ] {
        let mut terminal = Terminal::new();
        let held = terminal.open();
        let mut child = terminal.run(line(out.unwrap_or("x")));
        let mut shown = String::new();
        while !shown.contains("Type yes to go on: ") {
            shown += &terminal.shown();
        }
        let flat: String = shown.split_whitespace().collect();
        for words in ["transfer-key", &digest, "collector"] {
            assert!(flat.contains(words), "{shown}");
        }
        assert!(!session.path(out.unwrap_or("x")).exists());
        terminal.master.write_all(typed.as_bytes()).unwrap();
        terminal.master.write_all(b"\n").unwrap();
        assert_eq!(child.wait().unwrap().success(), out.is_some(), "{typed}");
        assert_eq!(session.path(out.unwrap_or("x")).exists(), out.is_some());
        drop(held);
    }
    // Said beforehand.
    let terminal = Terminal::new();
    let held = terminal.open();
    let mut line = line("beforehand");
    line.push("--yes".into());
    assert!(terminal.run(line).wait().unwrap().success());
    assert!(session.path("beforehand").exists());
    drop(held);
    session.add("session", &["said"], "blob").done();
}

#[test]
fn a_cancelled_session_leaves_nothing() {
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    session.contribute("request", &digest, "s2048_0", "c0");
    session.add("session", &["c0"], "blob").done();
    assert!(session.cancel("session").done().contains("cancelled"));
    assert_eq!(session.folder.names(), ["c0", "request"]);
    session
        .cancel("session")
        .refused(&["session", "not a restore session"]);
    session
        .add("session", &["c0"], "blob")
        .refused(&["session", "restore-session begin"]);

    // A folder of something else is not touched, and what is not the session's stays.
    fs::create_dir(session.path("mine")).unwrap();
    session.folder.write("mine/key", "mine");
    session
        .cancel("mine")
        .refused(&["mine", "not a restore session"]);
    assert_eq!(names(&session.path("mine")), ["key"]);
    // Nor is one that has a lock of its own.
    session.folder.write("mine/lock", "of another program");
    session
        .cancel("mine")
        .refused(&["mine", "not a restore session"]);
    assert_eq!(names(&session.path("mine")), ["key", "lock"]);

    // An empty folder may be what is left of a session; nothing is said of a session.
    fs::create_dir(session.path("empty")).unwrap();
    let shown = session.cancel("empty").done();
    assert!(
        shown.ends_with("empty: an empty folder; it was removed\n"),
        "{shown}"
    );
    fs::create_dir(session.path("empty")).unwrap();
    let line = arguments!["restore-session", "cancel", "--json", session.path("empty")];
    let shown: Value = serde_json::from_str(&secdom(line).done()).unwrap();
    assert_eq!(shown["state"], "empty");
    assert!(!session.path("empty").exists());
}

#[cfg(unix)]
#[test]
fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let session = Session::new("v01-2of3-2048");
    let digest = session.begin("session", "request");
    session.contribute("request", &digest, "s2048_0", "c0");
    session.add("session", &["c0"], "blob").done();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let folder = session.path("session");
    assert_eq!(mode(&folder), 0o700);
    let files = names(&folder);
    assert_eq!(files.len(), 6, "{files:?}");
    for name in files {
        assert_eq!(mode(&folder.join(&name)), 0o600, "{name}");
    }
}
