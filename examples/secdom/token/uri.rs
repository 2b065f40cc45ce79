// SPDX-License-Identifier: MIT OR Apache-2.0
//! PKCS#11 URIs (RFC 7512).

use std::path::{Path, PathBuf};

use crate::report::{Outcome, Refusal};

const SCHEME: &str = "pkcs11:";

/// The attributes of a URI's path that are read here.
const PATH: [&str; 8] = [
    "token",
    "serial",
    "manufacturer",
    "model",
    "slot-id",
    "object",
    "id",
    "type",
];

const PIN_VALUE: &str = "pin-value: other users can see a PIN on the command line: use pin-source=FILE, \
                         --password-file, or the prompt";

/// A private key in a token, as a URI names it. What is not given matches everything.
#[derive(Clone, Debug, Default)]
#[cfg_attr(not(all(unix, feature = "pkcs11")), allow(dead_code))]
pub struct Uri {
    /// The URI without its query and what is not known, by which messages name the key.
    name: String,
    pub token: Option<String>,
    pub serial: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub slot: Option<u64>,
    pub object: Option<String>,
    pub id: Option<Vec<u8>>,
    /// The file with the PIN.
    pub pin_source: Option<PathBuf>,
    pub module: Option<PathBuf>,
}

/// Returns whether an argument is a PKCS#11 URI.
pub fn is_uri(argument: &Path) -> bool {
    let scheme = argument.to_str().and_then(|text| text.get(..SCHEME.len()));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

impl Uri {
    /// Reads an argument, if it is such a URI.
    pub fn of(argument: &Path) -> Option<Outcome<Self>> {
        let text = argument.to_str().filter(|_| is_uri(argument))?;
        let (scheme, rest) = text.split_at(SCHEME.len());
        let name = format!("{scheme}{}", known(rest));
        let parsed = parse(rest).map(|uri| Self {
            name: name.clone(),
            ..uri
        });
        Some(parsed.map_err(|reason| Refusal::file(Path::new(&name), reason)))
    }

    pub fn name(&self) -> PathBuf {
        PathBuf::from(&self.name)
    }
}

/// Returns what messages repeat of a URI: a PIN can be anywhere else in it, by mistake.
fn known(text: &str) -> String {
    let path = text.split_once('?').map_or(text, |(path, _)| path);
    let known = path.split(';').filter(|attribute| {
        let name = attribute.split_once('=').map(|(name, _)| name);
        name.is_some_and(|name| PATH.contains(&name))
    });
    known.collect::<Vec<_>>().join(";")
}

fn parse(text: &str) -> Result<Uri, String> {
    let (path, query) = text.split_once('?').unwrap_or((text, ""));
    if query.contains(';') {
        return Err("the query of a URI has & between attributes, and a ; as %3B".into());
    }
    let mut uri = Uri::default();
    let mut seen = Vec::new();
    let mut each =
        |text: &str, mark: char, set: fn(&mut Uri, &str, Vec<u8>) -> Result<(), String>| {
            for attribute in text.split(mark).filter(|attribute| !attribute.is_empty()) {
                let (name, value) =
                    { attribute.split_once('=') }.ok_or("an attribute of the URI has no value")?;
                if seen.contains(&name.to_owned()) {
                    return Err(format!("{name}: is given twice in the URI"));
                }
                seen.push(name.to_owned());
                let value = decoded(value).ok_or_else(|| {
                    format!("{name}: a % in the URI is not followed by two hexadecimal digits")
                })?;
                set(&mut uri, name, value)?;
            }
            Ok(())
        };
    each(path, ';', set_path)?;
    each(query, '&', set_query)?;
    Ok(uri)
}

fn set_path(uri: &mut Uri, name: &str, value: Vec<u8>) -> Result<(), String> {
    match name {
        "token" => uri.token = Some(utf8(name, value)?),
        "serial" => uri.serial = Some(utf8(name, value)?),
        "manufacturer" => uri.manufacturer = Some(utf8(name, value)?),
        "model" => uri.model = Some(utf8(name, value)?),
        "object" => uri.object = Some(utf8(name, value)?),
        "id" => uri.id = Some(value),
        "slot-id" => {
            let number = utf8(name, value)?.parse();
            uri.slot = Some(number.map_err(|_| format!("{name}: is not a number"))?);
        }
        "type" if value == b"private" => {}
        "type" => return Err("type: the URI must name a private key (type=private)".into()),
        "pin-value" => return Err(PIN_VALUE.into()),
        _ => {
            return Err(format!(
                "{name}: this attribute of a PKCS#11 URI is not supported"
            ));
        }
    }
    Ok(())
}

fn set_query(uri: &mut Uri, name: &str, value: Vec<u8>) -> Result<(), String> {
    match name {
        "pin-source" => uri.pin_source = Some(file(name, &value)?),
        "pin-value" => return Err(PIN_VALUE.into()),
        "module-path" => uri.module = Some(file(name, &value)?),
        "module-name" => {
            return Err(
                "module-name: is not supported; give the module's file as module-path".into(),
            );
        }
        _ => {
            return Err(format!(
                "{name}: this query of a PKCS#11 URI is not supported"
            ));
        }
    }
    Ok(())
}

/// Returns the path that a value names, as a path or as a URI with the scheme `file`.
fn file(name: &str, value: &[u8]) -> Result<PathBuf, String> {
    let path = value.strip_prefix(b"file:").unwrap_or(value);
    let path = path.strip_prefix(b"//localhost").unwrap_or(path);
    let path = match path {
        [b'/', b'/', rest @ ..] => rest,
        path => path,
    };
    match path {
        [] => Err(format!("{name}: is empty")),
        [b'|', ..] => Err(format!("{name}: no program is run; give a file")),
        path => utf8(name, path.to_vec()).map(PathBuf::from),
    }
}

fn utf8(name: &str, value: Vec<u8>) -> Result<String, String> {
    String::from_utf8(value).map_err(|_| format!("{name}: is not UTF-8"))
}

/// Decodes `%XX`.
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let (digits, after) = rest.split_at_checked(2)?;
        rest = after;
        let digit = |digit: u8| char::from(digit).to_digit(16);
        bytes.push((digit(digits[0])? << 4 | digit(digits[1])?) as u8);
    }
    Some(bytes)
}
