// SPDX-License-Identifier: MIT OR Apache-2.0
//! What the interop steps need of the library and the tool does not offer. Data comes on standard
//! input and leaves on standard output; anything unexpected is a panic, which fails the step.
//!
//! ```text
//! probe oaep-encrypt PUBLIC.spki            message -> ciphertext
//! probe oaep-decrypt PRIVATE.pkcs8          ciphertext -> message
//! probe certificate-info QUORUM CERT.der..  -> the request for a download
//! probe transfer-key KID CERT.der           -> the answer that hands out a transfer key
//! probe split THRESHOLD COUNT               secret -> a line of hex for each share: value, index
//! probe combine THRESHOLD                   such lines -> secret
//! probe restore-time THRESHOLD TRANSFER.der ARTIFACTS KEY.pkcs8 CERT.der..   see `timing`
//! probe transcripts FOLDER SECDOM DOCUMENT.md..   -> how many of their commands were run there
//! ```

use std::io::{Read, Write, stdin, stdout};

mod documents;
mod oaep;
mod sharing;
mod timing;
mod transcripts;

/// The operating system's generator.
fn rng() -> rand_core::UnwrapErr<getrandom::SysRng> {
    rand_core::UnwrapErr(getrandom::SysRng)
}

fn input() -> Vec<u8> {
    let mut data = Vec::new();
    stdin().read_to_end(&mut data).expect("standard input");
    data
}

fn file(path: &str) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let output = match *words.as_slice() {
        ["oaep-encrypt", key] => oaep::encrypt(&file(key), &input()),
        ["oaep-decrypt", key] => oaep::decrypt(&file(key), &input()),
        ["certificate-info", quorum, ref certificates @ ..] => {
            documents::certificate_info(number(quorum), certificates)
        }
        ["transfer-key", kid, certificate] => documents::transfer_key(kid, &file(certificate)),
        ["split", threshold, count] => sharing::split(number(threshold), number(count), &input()),
        ["combine", threshold] => sharing::combine(number(threshold), &input()),
        [
            "restore-time",
            threshold,
            transfer,
            artifacts,
            ref custodians @ ..,
        ] => {
            return timing::serve(number(threshold), &file(transfer), artifacts, custodians);
        }
        ["transcripts", folder, secdom, ref documents @ ..] => {
            transcripts::run(folder.as_ref(), secdom.as_ref(), documents).into_bytes()
        }
        _ => panic!("no such command: {words:?}"),
    };
    stdout().write_all(&output).expect("standard output");
}

fn number(text: &str) -> u8 {
    text.parse().expect("a small number")
}
