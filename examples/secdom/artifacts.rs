// SPDX-License-Identifier: MIT OR Apache-2.0
//! Artifacts: `TAG=FILE` arguments, and folders with one file for each tag.

#[cfg(unix)]
use std::ffi::OsStr;
use std::ffi::OsString;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use clap::builder::{OsStringValueParser, TypedValueParser};

use serde_json::json;

use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{output, show};

/// The longest file name that file systems allow.
const MAX_NAME: usize = 255;

/// Returns clap's parser of `TAG=FILE`.
pub fn parser() -> impl TypedValueParser<Value = (String, PathBuf)> {
    OsStringValueParser::new().try_map(tag_and_file)
}

/// Parses `TAG=FILE`; the file may have any name that the system allows.
fn tag_and_file(argument: OsString) -> Result<(String, PathBuf), &'static str> {
    const EXPECTED: &str = "expected TAG=FILE, the tag in UTF-8";
    #[cfg(unix)]
    let (tag, file) = {
        use std::os::unix::ffi::OsStrExt;
        let bytes = argument.as_bytes();
        let end = bytes
            .iter()
            .position(|&byte| byte == b'=')
            .ok_or(EXPECTED)?;
        (
            str::from_utf8(&bytes[..end]).map_err(|_| EXPECTED)?,
            OsStr::from_bytes(&bytes[end + 1..]),
        )
    };
    #[cfg(not(unix))]
    let (tag, file) = argument
        .to_str()
        .and_then(|text| text.split_once('='))
        .ok_or(EXPECTED)?;
    if file.is_empty() {
        return Err(EXPECTED);
    }
    Ok((tag.into(), file.into()))
}

/// Returns the name of an artifact's file: the tag in the percent-encoding of RFC 3986, except for
/// its unreserved characters. `.` and `..` are names of folders, so their dots are encoded.
pub fn file_name(tag: &str) -> Result<String, String> {
    let mut name = String::new();
    let dots = matches!(tag, "." | "..");
    for byte in tag.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'~' => name.push(byte.into()),
            b'.' if !dots => name.push('.'),
            _ => {
                let _ = write!(name, "%{byte:02X}");
            }
        }
    }
    if name.len() > MAX_NAME {
        return Err(format!(
            "the tag {} gives a file name of {} bytes, more than {MAX_NAME}",
            show::text(tag),
            name.len(),
        ));
    }
    Ok(name)
}

/// Writes the files into the new folder `out`, and lists them.
pub fn publish<'a>(
    out: &Path,
    files: impl Iterator<Item = (&'a str, &'a [u8])> + Clone,
    json: &JsonArg,
) -> Outcome<Report> {
    let output = output::folder(out, files.clone())?.publish()?;
    let (mut text, mut listed) = (String::new(), Vec::new());
    for (name, content) in files {
        let (file, length) = (show::path(&out.join(name)), content.len());
        let _ = writeln!(text, "{file}: {}", show::count(length, "byte"));
        listed.push(json!({ "file": file, "length": length }));
    }
    let object = json!({ "folder": show::path(out), "files": listed });
    Ok(Report::written([output], json.either(text, &object)))
}

/// Makes a refusal of an `--artifact` argument.
pub fn refuse(tag: &str, reason: impl std::fmt::Display) -> Refusal {
    Refusal::new(format!("--artifact {}: {reason}", show::text(tag)))
}
