// SPDX-License-Identifier: MIT OR Apache-2.0
//! A roster: who holds each key, where and in which role, as the organization knows it.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use crate::report::{Outcome, Refusal};
use crate::{clock, input, show};

/// What a roster says of one custodian.
#[derive(Default)]
pub struct Entry {
    /// The id or the thumbprint as text.
    pub custodian: String,
    pub holder: Option<String>,
    pub place: Option<String>,
    pub role: Option<String>,
    /// Since when the key is in use, in Unix seconds.
    pub since: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    custodian: String,
    holder: Option<String>,
    place: Option<String>,
    role: Option<String>,
    since: Option<String>,
}

/// Reads a roster: a list of objects, each with the custodian's id and what is known of it.
pub fn read(path: &Path) -> Outcome<Vec<Entry>> {
    let bytes = input::read(path)?;
    let list: Vec<Value> =
        serde_json::from_slice(&bytes).map_err(|error| Refusal::file(path, error))?;
    let mut entries = Vec::<Entry>::new();
    for (place, value) in list.into_iter().enumerate() {
        let refuse = |reason: String| {
            Refusal::file(path, format!("entry {} of the roster: {reason}", place + 1))
        };
        let json: Json =
            serde_json::from_value(value).map_err(|error| refuse(error.to_string()))?;
        let custodian = json.custodian;
        if entries.iter().any(|entry| entry.custodian == custodian) {
            return Err(refuse(format!(
                "custodian {} is listed twice",
                show::text(&custodian)
            )));
        }
        let since = json.since.as_deref().map(clock::parse).transpose();
        entries.push(Entry {
            custodian,
            holder: json.holder,
            place: json.place,
            role: json.role,
            since: since.map_err(|error| refuse(format!("since: {error}")))?,
        });
    }
    Ok(entries)
}
