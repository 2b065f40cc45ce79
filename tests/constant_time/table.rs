// SPDX-License-Identifier: MIT OR Apache-2.0
//! `docs/constant-time.md` names, for each function on secrets, what runs it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::source::{self, Function};

const TITLE: &str = "## What runs each function";

/// A row of the table: functions of a module, and what runs them.
struct Row {
    module: String,
    functions: Vec<String>,
    memcheck: Vec<String>,
    traces: Vec<String>,
    other: Vec<String>,
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// What stands between a pair of these marks.
fn quoted(text: &str, mark: char) -> impl Iterator<Item = &str> {
    text.split(mark).skip(1).step_by(2)
}

fn rows(text: &str) -> Vec<Row> {
    let (_, section) = text.split_once(TITLE).expect("the section is there");
    let section = section.split("\n## ").next().unwrap();
    let table = section.lines().filter(|line| line.starts_with("| `"));
    table
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
            let [module, functions, evidence] = cells[..] else {
                panic!("three cells: {line}");
            };
            let names = |text| quoted(text, '`').map(str::to_owned).collect::<Vec<_>>();
            let (traces, others): (Vec<_>, Vec<_>) = names(evidence)
                .into_iter()
                .partition(|name| name.starts_with("trace_"));
            let (other, memcheck) = others.into_iter().partition(|name| name.starts_with('.'));
            Row {
                module: names(module).remove(0),
                functions: names(functions),
                memcheck,
                traces,
                other,
            }
        })
        .collect()
}

/// The names of the rows that memcheck runs, and of the functions that are traced.
fn runs() -> (BTreeSet<String>, BTreeSet<String>) {
    let sources = |folder: &str| -> Vec<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    };
    let mut memcheck = BTreeSet::new();
    for text in sources("proofs/host/src/memcheck") {
        if let Some((_, table)) = text.split_once("OPERATIONS: &[Operation] = &[") {
            let table = table
                .split("\n];")
                .next()
                .unwrap()
                .split("];")
                .next()
                .unwrap();
            memcheck.extend(quoted(table, '"').map(str::to_owned));
        }
    }
    let mut traces = BTreeSet::new();
    for text in sources("proofs/firmware/src") {
        for before in ["trace!(trace_", "fn trace_"] {
            for (at, _) in text.match_indices(before) {
                let name = &text[at + before.len() - "trace_".len()..];
                let end = name
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap();
                traces.insert(name[..end].to_owned());
            }
        }
    }
    assert!(
        memcheck.len() > 40 && traces.len() > 10,
        "the lists were read"
    );
    (memcheck, traces)
}

/// Functions that this rule is for: what another family of modules can call.
fn entries(functions: &[Function]) -> BTreeSet<String> {
    let entries = functions
        .iter()
        .filter(|function| function.is_entry && function.secrets().is_some());
    entries.map(Function::path).collect()
}

fn named(rows: &[Row]) -> BTreeSet<String> {
    let named = rows.iter().flat_map(|row| {
        row.functions
            .iter()
            .map(|function| format!("{}::{function}", row.module))
    });
    named.collect()
}

#[test]
fn each_function_on_secrets_has_a_row() {
    let rows = rows(&read("docs/constant-time.md"));
    let (expected, named) = (entries(&source::all()), named(&rows));
    let missing: Vec<_> = expected.difference(&named).collect();
    assert!(
        missing.is_empty(),
        "nothing is named that runs {missing:#?}"
    );
    let stale: Vec<_> = named.difference(&expected).collect();
    assert!(
        stale.is_empty(),
        "there are no such functions on secrets: {stale:#?}"
    );
}

#[test]
fn each_row_names_what_there_is_and_all_of_that() {
    let rows = rows(&read("docs/constant-time.md"));
    let (memcheck, traces) = runs();
    for row in &rows {
        let evidence = row.memcheck.len() + row.traces.len() + row.other.len();
        assert!(evidence > 0, "{} has no evidence", row.module);
        for check in &row.other {
            let (script, _) = check.split_once(' ').unwrap_or((check, ""));
            assert!(!read(script).is_empty());
        }
    }
    let of = |list: fn(&Row) -> &Vec<String>| -> BTreeSet<String> {
        rows.iter().flat_map(list).cloned().collect()
    };
    assert_eq!(
        of(|row| &row.memcheck),
        memcheck,
        "left: the document, right: memcheck's rows"
    );
    assert_eq!(
        of(|row| &row.traces),
        traces,
        "left: the document, right: the traces"
    );
}

#[test]
fn a_planted_function_without_a_row_is_missed() {
    let text = "/// Secret: `key`. Leaks: nothing.\npub fn mix(key: &[u8]) {\n}\n";
    let functions = source::functions("kdf", text);
    let document = format!("{TITLE}\n\n| `kdf` | `hkdf` | `kdf: HKDF` `trace_kdf` |\n");
    let rows = rows(&document);
    assert_eq!(rows[0].memcheck, ["kdf: HKDF"]);
    assert_eq!(rows[0].traces, ["trace_kdf"]);
    assert!(entries(&functions).contains("kdf::mix"));
    assert!(!named(&rows).contains("kdf::mix") && named(&rows).contains("kdf::hkdf"));
}
