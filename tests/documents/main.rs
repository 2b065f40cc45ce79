// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the documents show is run, and what they point at exists.
#![cfg(feature = "managed-hsm")]

mod links;
#[path = "../../examples/secdom/pem/encode.rs"]
mod pem;
mod transcript;

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs, process};

use base64ct::{Base64, Encoding};
use getrandom::SysRng;
use security_domain::rsa::PrivateKey;
use security_domain::x509::{self, SelfSigned};
use transcript::{Step, Values, blocks};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The documents, each by its path from the root; README first, because its commands come first.
fn documents() -> Vec<PathBuf> {
    let mut docs: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .unwrap()
        .map(|entry| Path::new("docs").join(entry.unwrap().file_name()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    docs.sort();
    let mut all = vec![PathBuf::from("README.md"), PathBuf::from("SECURITY.md")];
    all.append(&mut docs);
    all
}

/// The documents, and what a package leaves out.
fn pages() -> Vec<PathBuf> {
    let fuzzing = PathBuf::from("fuzz/README.md");
    let mut pages = documents();
    pages.extend(Some(fuzzing).filter(|path| root().join(path).exists()));
    pages
}

/// The example that cargo builds beside this test.
fn example(name: &str) -> PathBuf {
    let test = env::current_exe().unwrap();
    let example = test.parent().unwrap().with_file_name("examples").join(name);
    let example = example.with_extension(env::consts::EXE_EXTENSION);
    assert!(example.exists(), "no example {}", example.display());
    example
}

/// A fresh folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = env::temp_dir().join(format!("security-domain-documents-{}", process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// Runs one command and returns what it printed.
fn run(folder: &Path, words: &[String]) -> Result<String, String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match *words.as_slice() {
        ["secdom", ref arguments @ ..] => done(folder, "secdom", arguments),
        // It runs this test.
        ["cargo", "test", "--all-features"] => Ok(String::new()),
        ["cargo", verb, ref flags @ ..] => cargo(folder, verb, flags),
        ["openssl", verb, ref arguments @ ..] => openssl(folder, verb, arguments),
        _ => Err("no such program".into()),
    }
}

/// Runs an example of this crate, which must end well and say nothing on stderr.
fn done(folder: &Path, name: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(example(name))
        .args(arguments)
        .current_dir(folder)
        .env("TMPDIR", folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    if output.status.success() && output.stderr.is_empty() {
        return Ok(String::from_utf8(output.stdout).unwrap());
    }
    Err(String::from_utf8_lossy(&output.stderr).into_owned())
}

/// The example that `cargo run` would build and run; of other verbs, that they name what there is.
fn cargo(folder: &Path, verb: &str, flags: &[&str]) -> Result<String, String> {
    let manifest = read(&root().join("Cargo.toml"));
    let value = |flag: &str| {
        flags
            .iter()
            .position(|word| *word == flag)
            .map(|at| flags[at + 1])
    };
    for feature in value("--features").iter().flat_map(|list| list.split(',')) {
        if !manifest.contains(&format!("\n{feature} = [")) {
            return Err(format!("no feature {feature}"));
        }
    }
    match (verb, flags, value("--example")) {
        ("run", _, Some(name)) => done(folder, name, &[]),
        ("add", ["security-domain", ..], None) => Ok(String::new()),
        ("install", ["security-domain", ..], Some(name)) => {
            example(name);
            Ok(String::new())
        }
        _ => Err("cargo is asked for something else".into()),
    }
}

/// A custodian's key from the vectors, and a certificate for it with his name.
fn custodian(name: &str, key_file: &Path, certificate_file: &Path) {
    let number = name.bytes().next().unwrap() - b'A';
    let vector = format!("tests/vectors/managed-hsm/keys/s3072_{number}.key");
    let text = read(&root().join(vector));
    fs::write(key_file, &text).unwrap();
    let base64: String = text.lines().filter(|line| !line.contains('-')).collect();
    let mut der = vec![0; base64.len()];
    let der = Base64::decode(base64, &mut der).unwrap();
    let key = PrivateKey::from_pkcs8_der(der).unwrap();
    let form = SelfSigned {
        common_name: name,
        serial: NonZeroU64::MIN,
        not_before: 0,
        not_after: i64::from(i32::MAX),
    };
    let mut der = vec![0; x509::SELF_SIGNED_MAX_LEN];
    let length = x509::write_self_signed(&key, &form, &mut SysRng, &mut der).unwrap();
    fs::write(certificate_file, pem::encode("CERTIFICATE", &der[..length])).unwrap();
}

/// What openssl would write: a custodian's key and certificate, from the vectors; random bytes. The real
/// one is run by `tests/interop`.
fn openssl(folder: &Path, verb: &str, arguments: &[&str]) -> Result<String, String> {
    let value = |flag: &str| {
        let at = arguments.iter().position(|word| *word == flag);
        at.map(|at| arguments[at + 1]).ok_or(format!("no {flag}"))
    };
    match verb {
        "req" => {
            let name = value("-subj")?.trim_start_matches("/CN=");
            custodian(
                name,
                &folder.join(value("-keyout")?),
                &folder.join(value("-out")?),
            );
        }
        "rand" => {
            let count = arguments.last().and_then(|count| count.parse().ok());
            let mut bytes = vec![0; count.ok_or("no count")?];
            getrandom::fill(&mut bytes).unwrap();
            fs::write(folder.join(value("-out")?), bytes).unwrap();
        }
        _ => return Err(format!("openssl {verb} is not known here")),
    }
    Ok(String::new())
}

/// Whether this test can run a command; openssl decrypts in `tests/interop` only.
fn is_ours(step: &Step) -> bool {
    !step
        .words
        .starts_with(&["openssl".to_owned(), "pkeyutl".to_owned()])
}

#[test]
fn the_commands_of_the_documents_print_what_is_shown() {
    let folder = Folder::new();
    let mut values = Values::default();
    let mut count = 0;
    for document in documents() {
        for block in blocks(&read(&root().join(&document))) {
            if !block.steps.iter().all(is_ours) {
                continue;
            }
            for step in &block.steps {
                values
                    .fill(step)
                    .and_then(|words| run(&folder.0, &words))
                    .and_then(|printed| values.compare(step, &printed))
                    .unwrap_or_else(|reason| {
                        let (document, command) = (document.display(), step.words.join(" "));
                        panic!(
                            "{document}, block at line {}: {command}: {reason}",
                            block.line
                        )
                    });
                count += 1;
            }
        }
    }
    assert!(count > 10, "{count} commands");
}

/// Runs a document's commands, each of which prints `printed`.
fn play(markdown: &str, printed: &str) -> Result<Vec<Vec<String>>, String> {
    let mut values = Values::default();
    let mut ran = Vec::new();
    for step in blocks(markdown).iter().flat_map(|block| &block.steps) {
        ran.push(values.fill(step)?);
        values.compare(step, printed)?;
    }
    Ok(ran)
}

#[test]
fn a_shortened_value_is_given_to_later_commands() {
    let markdown =
        "```console\n$ a b \\\n  c # said\nid 12...ef; x\n$ d 12...ef\nid 12...ef; x\n```\n";
    let ran = play(markdown, "id 12345678abcdef; x\n").unwrap();
    assert_eq!(ran, [vec!["a", "b", "c"], vec!["d", "12345678abcdef"]]);
    assert_eq!(play("```sh\na\nb # c\n```", "x").unwrap(), [["a"], ["b"]]);
}

#[test]
fn what_is_not_shown_as_it_is_printed_is_found() {
    for (shown, printed) in [
        ("one", "one\ntwo"),
        ("one\ntwo", "one"),
        ("one", "two"),
        ("one two", "one"),
        ("id 12...ef;", "id 123456789abcdef"),
        ("id 12...ef", "id 12ef"),
        ("id 12...ef 12...ef", "id 123456ef 123457ef"),
    ] {
        let markdown = format!("```console\n$ a\n{shown}\n```");
        play(&markdown, printed).unwrap_err();
    }
    play("```console\n$ a 12...ef\n```", "").unwrap_err();
}

/// Where this repository is on the web; documents that are shown elsewhere link to it.
const REPOSITORY: &str = "https://github.com/security-domain/security-domain/blob/main/";
const RAW: &str = "https://raw.githubusercontent.com/security-domain/security-domain/main/";

#[test]
fn every_link_of_the_documents_leads_somewhere() {
    let manifest = read(&root().join("Cargo.toml"));
    let repository = REPOSITORY.strip_suffix("/blob/main/").unwrap();
    assert!(manifest.contains(&format!("\nrepository = \"{repository}\"\n")));
    let mut checked = 0;
    for document in pages() {
        let text = read(&root().join(&document));
        for target in links::targets(&text) {
            let within = target.strip_prefix(REPOSITORY).or(target.strip_prefix(RAW));
            let (from, link) = match within {
                Some(path) => (root().to_owned(), path),
                None if target.contains("://") => continue,
                None => (root().join(document.parent().unwrap()), target.as_str()),
            };
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let path = match path {
                "" => root().join(&document),
                path => from.join(path),
            };
            assert!(path.exists(), "{}: {target}", document.display());
            let there =
                anchor.is_empty() || links::anchors(&read(&path)).iter().any(|a| a == anchor);
            assert!(there, "{}: {target}", document.display());
            checked += 1;
        }
    }
    assert!(checked > 20, "{checked} links");
}

#[test]
fn every_path_that_the_documents_name_exists() {
    // An entry of this one is not rewritten when a file gets another name.
    let history = Path::new("docs/decisions.md");
    for document in pages().iter().filter(|path| *path != history) {
        for path in links::paths(&read(&root().join(document))) {
            // Modules and tests are named without their extension.
            let exists = root().join(&path).exists() || root().join(format!("{path}.rs")).exists();
            assert!(exists, "{}: {path}", document.display());
        }
    }
}

#[test]
fn the_code_of_every_document_is_compiled_or_run() {
    let library = read(&root().join("src/lib.rs"));
    for document in documents() {
        let text = read(&root().join(&document));
        let fences = text.lines().filter_map(|line| line.strip_prefix("```"));
        for language in fences.step_by(2) {
            let is_known = match language {
                // Documentation tests compile it.
                "rust" => library.contains(&format!("include_str!(\"../{}\")", document.display())),
                language => ["console", "sh", "cddl", "text"].contains(&language),
            };
            assert!(is_known, "{}: a block of {language:?}", document.display());
        }
    }
}

#[test]
fn the_readme_has_the_features_and_the_rust_version_of_the_manifest() {
    let (manifest, readme) = (
        read(&root().join("Cargo.toml")),
        read(&root().join("README.md")),
    );
    let quoted = |line: &str| line.split('"').nth(1).map(str::to_owned);
    let version = manifest
        .lines()
        .find(|line| line.starts_with("rust-version"));
    let version = version.and_then(quoted).unwrap();
    assert!(readme.contains(&format!("Rust {version} or later")));
    assert!(readme.contains(&format!("minimum Rust version is {version};")));

    let features = manifest.split("\n[features]\n").nth(1).unwrap();
    let features = features.split("\n[").next().unwrap();
    let names = features.lines().filter_map(|line| line.split_once(" = ["));
    let mut listed = 0;
    for (name, _) in names.filter(|(name, _)| *name != "default") {
        assert!(readme.contains(&format!("\n| `{name}` | ")), "{name}");
        listed += 1;
    }
    assert!(listed >= 4, "{listed} features");
}

#[test]
fn links_anchors_and_paths_are_found() {
    let text =
        "# A `b` of (C)\n[x](y.md#z) [w]\n```sh\n# no\n```\n## D\n## D\n[w]: v `src/a.rs` `f`";
    assert_eq!(links::targets(text), ["y.md#z", "v `src/a.rs` `f`"]);
    assert_eq!(links::anchors(text), ["a-b-of-c", "d", "d-1"]);
    assert_eq!(links::paths(text), ["src/a.rs"]);
}
