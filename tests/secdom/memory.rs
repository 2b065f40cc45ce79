// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the memory of a process holds at the end of a verb: nothing of a key, a share, a password
//! or an artifact.
#![cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64"),
    feature = "hazmat"
))]

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use security_domain::hazmat::record;
use security_domain::hazmat::testing::{RamHost, TestRng};
use security_domain::secret::Secret;
use security_domain::storage::{Flash, Slot};
use sha2::{Digest, Sha256};

use crate::contribute::{unwrapped, with_share};
use crate::odd_keys::pem;
use crate::restore_session::Session;
use crate::scan::{Secrets, memory_at_the_end};
use crate::simulated::{CUSTODIANS, Site};
use crate::two_keys::Ceremony;
use crate::{Folder, arguments, fixture, key, vector};

/// What the record of an HSM holds.
fn contents(site: &Site, hsm: &str) -> Vec<u8> {
    let read = |name: &str| fs::read(site.path(hsm).join(name)).unwrap_or_default();
    let mut host = RamHost::<_, { 16 << 10 }>::new(TestRng::seeded(1));
    let mut device_key = read("device-key").try_into().unwrap();
    host.device_key = Secret::from_bytes(&mut device_key);
    host.write(Slot::A, &read("slot-a")).unwrap();
    host.write(Slot::B, &read("slot-b")).unwrap();
    let counter = String::from_utf8(read("counter")).unwrap();
    host.counter = counter.trim().parse().unwrap();
    let mut contents = vec![0; 16 << 10];
    record::load(&mut host, &mut contents).unwrap();
    contents
}

fn place(contents: &[u8], pattern: &[u8]) -> usize {
    let mut windows = contents.windows(pattern.len());
    windows.position(|window| window == pattern).unwrap()
}

/// The file of an HSM's transfer key, an RSA key, which its record holds.
fn transfer_key(site: &Site, hsm: &str) -> PathBuf {
    let contents = contents(site, hsm);
    // PKCS#8: the version, then `rsaEncryption`.
    let version = b"\x02\x01\x00\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01";
    let start = place(&contents, version) - 4;
    let length = usize::from(contents[start + 2]) << 8 | usize::from(contents[start + 3]);
    let der = &contents[start..start + 4 + length];
    site.folder
        .write(&format!("{hsm}.key"), pem("PRIVATE KEY", der))
}

/// The seed of an HSM's transfer key, an X-Wing key, which its record holds.
fn transfer_seed(site: &Site, hsm: &str) -> Vec<u8> {
    let contents = contents(site, hsm);
    // That it is a seed, its algorithm, and that it has 32 bytes.
    let start = place(&contents, b"\x02\x19\x64\x7a\x58\x20") + 6;
    contents[start..start + 32].to_vec()
}

#[test]
fn a_restore_leaves_nothing_in_memory() {
    let folder = Folder::new();
    let encrypted = folder.custodian("s2048_0", "ada");
    fs::copy(fixture("pbes1-md5-des.key"), &encrypted).unwrap();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let keys = arguments![
        "--sd-file",
        domain,
        "--sd-wrapping-keys",
        encrypted,
        key("s2048_1"),
        "--password-file",
        folder.write("password", "correct horse"),
        folder.write("none", ""),
    ];
    let blob = folder.join("restore.json");
    let restore = arguments![
        "restore-blob",
        "--sd-exchange-key",
        vector("transfer/stransfer2048.pem"),
        "--sd-file-restore-blob",
        blob,
    ];
    let case = fs::read(vector("valid/v01-2of3-2048/case.json")).unwrap();
    let case: serde_json::Value = serde_json::from_slice(&case).unwrap();
    let hex = |text: &serde_json::Value| -> Vec<u8> {
        let text = text.as_str().unwrap();
        let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let mut secrets = Secrets::default();
    secrets
        .add("the password", b"correct horse")
        .add("the master key", &hex(&case["master_key_hex"]))
        .add("a share", &hex(&case["shares"][0]["plaintext_hex"]))
        .key(&key("s2048_0"))
        .key(&key("s2048_1"));
    secrets.are_gone_after(&[&arguments!["drill"][..], &keys].concat());
    secrets.are_gone_after(&[&restore[..], &keys].concat());

    let pfx = folder.join("ada.pfx");
    fs::copy(fixture("pkcs12-rc2.pfx"), &pfx).unwrap();
    fs::remove_file(encrypted.with_extension("cer")).unwrap();
    let keys = keys.map(|argument| match argument == encrypted {
        true => pfx.clone().into(),
        false => argument,
    });
    secrets.are_gone_after(&[&arguments!["drill"][..], &keys].concat());

    let out = folder.join("out");
    let line = crate::upload(&blob, &out);
    crate::secdom(&line).done();
    let mut secrets = Secrets::default();
    secrets.key(&key("stransfer2048"));
    secrets.add("the master key", &hex(&case["master_key_hex"]));
    for name in crate::names(&out) {
        secrets.file(&out.join(name));
    }
    fs::remove_dir_all(&out).unwrap();
    secrets.are_gone_after(&line);
}

#[test]
fn what_shows_a_key_leaves_nothing_in_memory() {
    Secrets::default()
        .key(&key("s2048_0"))
        .are_gone_after(&arguments!["inspect", key("s2048_0")]);
    let odd = fixture("odd/e3.key");
    Secrets::default()
        .key(&odd)
        .are_gone_after(&arguments!["inspect", odd]);
}

#[test]
fn a_key_on_paper_is_not_in_memory_afterwards() {
    let folder = Folder::new();
    let paper = |name: &str| {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/vectors/paper")
            .join(name)
    };
    let sheet = fs::read_to_string(paper("x-wing.txt")).unwrap();
    let parts: Vec<&str> = sheet.split("\n\n").collect();
    let text: String = parts[2].split_whitespace().collect();
    let upper = text.to_uppercase();
    let code = qrcode::bits::encode_auto(upper.as_bytes(), qrcode::EcLevel::Q).unwrap();
    // In the rows and in the QR code; what is public comes first.
    let mut secrets = Secrets::default();
    secrets
        .add("the seed", &(0..32).collect::<Vec<u8>>())
        .add("the rows", &parts[2].as_bytes()[24..])
        .add("the text", &text.as_bytes()[15..])
        .add("the text of the QR code", &upper.as_bytes()[15..])
        .add("the QR code", &code.into_bytes()[13..])
        .add("the words", parts[4].as_bytes());
    let [public, out] = [paper("x-wing.pub"), folder.join("x.svg")];
    secrets.are_gone_after(&arguments![
        "paper",
        "verify",
        "--pub",
        public,
        "--in",
        paper("x-wing.txt")
    ]);
    secrets.are_gone_after(&arguments![
        "paper",
        "write",
        "--key",
        paper("x-wing.key"),
        "--pub",
        public,
        "--out",
        out,
        "--no-verify",
    ]);
}

#[test]
fn a_key_that_is_made_is_not_in_memory_afterwards() {
    let folder = Folder::new();
    let key_file = folder.join("t.key");
    let line = arguments![
        "init-recovery",
        "--bits",
        "2048",
        "--sd-exchange-key",
        folder.join("t.pem"),
        "--transfer-key",
        key_file
    ];
    if let Some(memory) = memory_at_the_end(&line) {
        Secrets::default().key(&key_file).are_not_in(&memory);
    }
    // It reads the key that is there.
    fs::remove_file(folder.join("t.pem")).unwrap();
    Secrets::default().key(&key_file).are_gone_after(&line);

    let password = folder.write("password", "correct horse");
    for kind in ["rsa-2048", "x-wing"] {
        let [key, public] = ["key", "pub"].map(|end| folder.join(format!("{kind}.{end}")));
        let line = arguments!["keygen", "--kind", kind, "--key", key, "--pub", public];
        let plain = [&line[..], &arguments!["--no-password"]].concat();
        let secret = |secrets: &mut Secrets| match kind {
            "x-wing" => drop(secrets.add("the seed", &seed(&key))),
            _ => drop(secrets.key(&key)),
        };
        if let Some(memory) = memory_at_the_end(&plain) {
            let mut secrets = Secrets::default();
            secret(&mut secrets);
            secrets.are_not_in(&memory);
        }
        let mut secrets = Secrets::default();
        secret(&mut secrets);
        secrets.add("the password", b"correct horse");
        fs::remove_file(&public).unwrap();
        secrets.are_gone_after(&plain);
        fs::remove_file(&key).unwrap();
        fs::remove_file(&public).unwrap();
        // Another key, encrypted: the password is looked for.
        let encrypted = [&line[..], &arguments!["--password-file", password]].concat();
        let mut secrets = Secrets::default();
        secrets.add("the password", b"correct horse");
        secrets.are_gone_after(&encrypted);
    }
}

/// The seed in the file of an X-Wing key, which ends with it.
fn seed(key: &Path) -> Vec<u8> {
    let text = fs::read_to_string(key).unwrap();
    let body: String = text
        .lines()
        .filter(|line| !line.starts_with("--"))
        .collect();
    let mut der = vec![0; body.len()];
    let der = Base64::decode(&body, &mut der).unwrap();
    der[der.len() - 32..].to_vec()
}

#[test]
fn two_keys_leave_nothing_in_memory() {
    let ceremony = Ceremony::new("x-wing");
    let site = &ceremony.site;
    let mut secrets = Secrets::default();
    secrets
        .key(&site.key(0))
        .key(&site.key(1))
        .add("a seed", &seed(&ceremony.other[0][0]))
        .add("the other seed", &seed(&ceremony.other[1][0]));
    let keys = [ceremony.pair(0), ceremony.pair(1)];
    secrets.are_gone_after(&ceremony.line(&keys, &[]));
    site.is("second", "active");
}

#[test]
fn a_contribution_leaves_nothing_in_memory() {
    let folder = Folder::new();
    let share = unwrapped();
    let key = crate::contribute::private_key(&folder, "a");
    let file = folder.write("share", &share);
    let mut secrets = Secrets::default();
    secrets.add("a share", &share[..]).key(&key);
    secrets.are_gone_after(&with_share(&folder, &arguments!["--key", key]));
    fs::remove_file(folder.join("out")).unwrap();
    secrets.are_gone_after(&with_share(&folder, &arguments!["--share", file]));
}

#[test]
fn a_restore_session_leaves_nothing_in_memory() {
    let session = Session::new("v01-2of3-2048");
    let case = fs::read(vector("valid/v01-2of3-2048/case.json")).unwrap();
    let case: serde_json::Value = serde_json::from_slice(&case).unwrap();
    let hex = |text: &serde_json::Value| -> Vec<u8> {
        let text = text.as_str().unwrap();
        let byte = |place| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(byte).collect()
    };
    let begun = memory_at_the_end(&session.begin_line("session", "request"));
    let key_file = fs::read(session.path("session").join("key")).unwrap();
    let seed = &key_file[key_file.len() - 32..];
    if let Some(memory) = begun {
        let mut begun = Secrets::default();
        begun.add("the seed", seed).are_not_in(&memory);
    }
    let digest = session.status("session")["request_digest"].clone();
    let digest = digest.as_str().unwrap();
    let mut secrets = Secrets::default();
    for custodian in 0..2 {
        let share = hex(&case["shares"][custodian]["plaintext_hex"]);
        let (of, out) = (format!("s2048_{custodian}"), format!("c{custodian}"));
        secrets.add("a share", &share).key(&key(&of));
        secrets.are_gone_after(&session.contribute_line("request", digest, &of, &out));
    }
    secrets
        .add("the seed", seed)
        .add("the master key", &hex(&case["master_key_hex"]));
    secrets.are_gone_after(&session.add_line("session", &["c0"], "blob"));
    secrets.are_gone_after(&session.add_line("session", &["c1"], "blob"));
    assert!(session.path("blob").exists() && !session.path("session").exists());
}

#[test]
fn the_steps_of_an_hsm_leave_nothing_in_memory() {
    let site = Site::new();
    // The bytes of a secret that stands nowhere else.
    let secret = site.folder.write(
        "signing.bin",
        [b"0f:secret", &[0xa5; 40][..], b"end of the secret"].concat(),
    );
    let artifact = format!("signing={}", secret.display());
    let secrets = |hsm: &str| {
        let mut secrets = Secrets::default();
        secrets
            .file(&secret)
            .file(&site.path(hsm).join("device-key"));
        secrets
    };
    let hsm = |verb: &str, hsm: &str, more: &[OsString]| {
        [&arguments!["hsm", verb, "--hsm", site.path(hsm)][..], more].concat()
    };
    // The device key is made in the first step, and known after it.
    let mut init = Secrets::default();
    init.file(&secret);
    init.are_gone_after(&hsm("init", "hsm-1", &arguments!["--artifact", artifact]));
    let mut line = arguments![
        "--sealed",
        site.path("domain.sealed"),
        "--quorum",
        "2",
        "--custodians"
    ]
    .to_vec();
    line.extend(CUSTODIANS.map(|name| site.path(&format!("{name}.cer")).into()));
    secrets("hsm-1").are_gone_after(&hsm("activate", "hsm-1", &line));
    secrets("hsm-1").are_gone_after(&hsm("status", "hsm-1", &[]));
    let line = arguments!["--out-dir", site.path("out")];
    secrets("hsm-1").are_gone_after(&hsm("artifacts", "hsm-1", &line));
    let line = arguments!["--in", secret, "--out", site.path("backup")];
    secrets("hsm-1").are_gone_after(&hsm("backup", "hsm-1", &line));
    let line = arguments!["--in", site.path("backup"), "--out", site.path("back")];
    secrets("hsm-1").are_gone_after(&hsm("restore", "hsm-1", &line));

    let id = site.status("hsm-1")["domain_id"]
        .as_str()
        .unwrap()
        .to_owned();
    for (second, kind) in [("hsm-2", "x-wing"), ("hsm-5", "rsa-2048")] {
        let request = format!("request of {second}");
        let begin = arguments![
            "--sealed",
            site.path("domain.sealed"),
            "--expect-domain",
            id,
            "--request",
            site.path(&request),
            "--transfer-kind",
            kind,
        ];
        let begun = memory_at_the_end(&hsm("recover-begin", second, &begin));
        let mut session = Secrets::default();
        session.file(&site.path(second).join("device-key"));
        match kind {
            "x-wing" => session.add("the seed", &transfer_seed(&site, second)),
            _ => session.key(&transfer_key(&site, second)),
        };
        if let Some(memory) = begun {
            session.are_not_in(&memory);
        }
        session.file(&secret);
        session.are_gone_after(&hsm("status", second, &[]));
        let digest = site.status(second)["request_digest"]
            .as_str()
            .unwrap()
            .to_owned();
        for (custodian, from) in [(0, "ada"), (1, "bob")] {
            let out = format!("{from} to {second}");
            site.contribute(custodian, "domain.sealed", &id, (&request, &digest), &out);
            let line = arguments![site.path(&out)];
            session.are_gone_after(&hsm("recover-add", second, &line));
        }
    }
    secrets("hsm-2").are_gone_after(&hsm("zeroize", "hsm-2", &[]));
    let mut recover = secrets("hsm-2");
    recover.key(&key(CUSTODIANS[0])).key(&key(CUSTODIANS[1]));
    recover.are_gone_after(&site.recover_line("hsm-2", "domain.sealed", &id, &[0, 1]));
    site.is("hsm-2", "active");

    site.import_begin("hsm-3", "transfer.pem", &["first", "second"])
        .done();
    crate::hsm_import::restore_blob(&site, "transfer.pem", ["first", "second"], "blob").done();
    let line = arguments!["--sd-file", site.path("blob")];
    let mut session = secrets("hsm-3");
    session.key(&transfer_key(&site, "hsm-3"));
    session.are_gone_after(&hsm("import", "hsm-3", &line));
    let id = site.status("hsm-3")["domain_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let digest = Sha256::digest(fs::read(&secret).unwrap());
    let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let [first, second] = ["first", "second"].map(|tag| format!("{tag}={digest}"));
    let line = arguments!["--expect-domain", id, "--digest", first, second];
    session.are_gone_after(&hsm("import-confirm", "hsm-3", &line));
    secrets("hsm-3").are_gone_after(&hsm("discard", "hsm-3", &[]));

    let begun = memory_at_the_end(&hsm(
        "import-begin",
        "hsm-4",
        &arguments![
            "--sd-exchange-key",
            site.path("t.pem"),
            "--expect-tag",
            "first"
        ],
    ));
    let id = |name: &str| {
        let shown = crate::secdom(arguments!["inspect", "--json", site.path(name)]).done();
        let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
        let of = ["keys", "certificates"].map(|list| shown[list][0]["custodian_id"].clone());
        of.into_iter().find(|id| id.is_string())
    };
    let transfer = transfer_key(&site, "hsm-4");
    assert_eq!(id("t.pem"), id("hsm-4.key"));
    let mut session = secrets("hsm-4");
    session.key(&transfer);
    if let Some(memory) = begun {
        let mut begun = Secrets::default();
        begun.file(&site.path("hsm-4").join("device-key"));
        begun.key(&transfer).are_not_in(&memory);
    }
    session.are_gone_after(&hsm("recover-cancel", "hsm-4", &[]));
}
