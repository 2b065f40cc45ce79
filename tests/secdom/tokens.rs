// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#11 URIs in place of key files: which are read, and that every verb refuses a token that it
//! does not find. `tests/interop/tokens.py` has tokens.

use std::ffi::OsString;
use std::path::Path;

use crate::contribute::file;
use crate::{Folder, Run, arguments, key, restore_blob, tool, vector};

const PLAIN: &str = "pkcs11:token=A;object=a";

/// What every token is refused with where no module is named, or none can be loaded.
const NO_MODULE: &str = if cfg!(feature = "pkcs11") {
    "SECDOM_PKCS11_MODULE"
} else {
    "--features pkcs11"
};

/// Runs the tool without the variable that names a module.
fn run(line: Vec<OsString>) -> Run {
    let output = tool()
        .args(line)
        .env_remove("SECDOM_PKCS11_MODULE")
        .output();
    let output = output.unwrap();
    Run {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

fn drill(uri: &str) -> Run {
    let domain = vector("valid/v01-2of3-2048/sd.json");
    run(arguments!["drill", "--sd-file", domain, "--sd-wrapping-keys", uri].to_vec())
}

#[test]
fn every_verb_takes_a_token_where_it_takes_a_key_file() {
    let folder = Folder::new();
    drill(PLAIN).refused(&[PLAIN, NO_MODULE]);
    drill("PKCS11:token=A").refused(&["PKCS11:token=A", NO_MODULE]);
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let keys = [PLAIN.into(), key("s2048_0")];
    let out = folder.join("restore.json");
    run(restore_blob(&domain, &out, keys)).refused(&[PLAIN, NO_MODULE]);

    let sealed = file("good.sealed");
    let id = crate::contribute::inspected(&sealed)["domain_id"].clone();
    let id = id.as_str().unwrap();
    let request = file("request-without-an-end.cbor");
    let digest = crate::contribute::inspected(&request)["request_digest"].clone();
    let other = key("s2048_0");
    let both = format!("{PLAIN}+{}", other.display());
    let reversed = format!("{}+{PLAIN}", other.display());
    // A URI may have the sign in it.
    for uri in [
        PLAIN,
        both.as_str(),
        &reversed,
        "pkcs11:token=A+B;object=a+b",
    ] {
        let contribute = arguments![
            "contribute",
            "--sealed",
            sealed,
            "--expect-domain",
            id,
            "--request",
            request,
            "--request-digest",
            digest.as_str().unwrap(),
            "--out",
            folder.join("out"),
            "--key",
            uri
        ];
        let named = if uri.contains("A+B") { uri } else { PLAIN };
        let said = run(contribute.to_vec()).refused(&[NO_MODULE]);
        assert!(said.starts_with(&format!("secdom: {named}:")), "{said}");
        let recover = arguments![
            "hsm",
            "recover",
            "--hsm",
            folder.join("hsm"),
            "--sealed",
            sealed,
            "--expect-domain",
            id,
            "--keys",
            uri
        ];
        run(recover.to_vec()).refused(&[named, NO_MODULE]);
    }
}

#[test]
fn a_token_that_is_not_there_is_left_out_of_a_quorum() {
    let folder = Folder::new();
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let keys = [key("s2048_0"), PLAIN.into(), key("s2048_2")];
    let run = run(restore_blob(&domain, &folder.join("restore.json"), keys));
    assert_eq!(run.code, Some(0), "{run:?}");
    assert!(
        run.err.contains("left out: pkcs11:") && run.err.contains(NO_MODULE),
        "{run:?}"
    );
}

#[test]
fn uris_are_read_strictly() {
    // As openssl takes it, too, and where it is put by mistake.
    for (uri, words) in [
        (
            "pkcs11:token=A?pin-value=123456",
            ["pin-value", "pin-source"],
        ),
        (
            "pkcs11:token=A;type=private;pin-value=123456",
            ["pin-value", "pin-source"],
        ),
        ("pkcs11:token=A?123456", ["token=A", "no value"]),
        ("pkcs11:token=A;123456", ["token=A", "no value"]),
        ("pkcs11:token=A?pin-value:123456", ["token=A", "no value"]),
        (
            "pkcs11:token=A?module-path=/x.so;pin-value=123456",
            ["token=A", "%3B"],
        ),
        (
            "pkcs11:token=A;PIN-VALUE=123456",
            ["token=A", "not supported"],
        ),
    ] {
        let said = drill(uri).refused(&words);
        assert!(!said.contains("123456"), "{said}");
    }
    for (uri, words) in [
        ("pkcs11:tokn=A", ["tokn", "not supported"]),
        ("pkcs11:token=A;token=B", ["token", "twice"]),
        ("pkcs11:token", ["pkcs11:", "no value"]),
        ("pkcs11:token=%4", ["token", "two hexadecimal digits"]),
        ("pkcs11:token=%zz", ["token", "two hexadecimal digits"]),
        ("pkcs11:token=%ff", ["token", "UTF-8"]),
        ("pkcs11:slot-id=x", ["slot-id", "number"]),
        ("pkcs11:type=cert", ["type", "private"]),
        (
            "pkcs11:token=A?module-name=m",
            ["module-name", "module-path"],
        ),
        (
            "pkcs11:token=A?pin-source=|cat",
            ["pin-source", "no program"],
        ),
        ("pkcs11:token=A?what=1", ["what", "not supported"]),
        ("pkcs11:token=A?module-path=", ["module-path", "empty"]),
    ] {
        let said = drill(uri).refused(&words);
        assert!(said.starts_with("secdom: pkcs11:"), "{said}");
    }
    let all = "pkcs11:token=A;serial=1;manufacturer=M;model=X;slot-id=7;object=a%20b;id=%01%ff;type=private\
               ?pin-source=file:/none";
    drill(all).refused(&["id=%01%ff", NO_MODULE]);
}

#[cfg(all(unix, feature = "pkcs11"))]
#[test]
fn a_module_that_does_not_load_is_named() {
    let folder = Folder::new();
    let text = folder.write("text.so", b"no library");
    let with = |module: &Path| drill(&format!("{PLAIN}?module-path={}", module.display()));
    with(&text).refused(&[PLAIN, "text.so", "does not load"]);
    with(&folder.join("none.so")).refused(&[PLAIN, "none.so", "does not load"]);
    with(Path::new("relative.so")).refused(&["relative.so", "must be absolute"]);
    let domain = vector("valid/v01-2of3-2048/sd.json");
    let mut command = tool();
    command.args(arguments![
        "drill",
        "--sd-file",
        domain,
        "--sd-wrapping-keys",
        PLAIN
    ]);
    let output = command.env("SECDOM_PKCS11_MODULE", &text).output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(
        err.contains("text.so") && err.contains("does not load"),
        "{err}"
    );
}
