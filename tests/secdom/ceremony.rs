// SPDX-License-Identifier: MIT OR Apache-2.0
//! What `secdom ceremony` plans.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::simulated::{CUSTODIANS, Site};
use crate::{Run, arguments, findings, secdom, tool};

fn plan(site: &Site, quorum: &str, custodians: &[&str], out: &str) -> Run {
    let mut line = arguments!["ceremony", "plan", "--quorum", quorum, "--json", "--out"].to_vec();
    line.push(site.path(out).into());
    line.push("--custodians".into());
    line.extend(custodians.iter().map(|name| site.path(name).into()));
    secdom(line)
}

/// Runs a command of the script where its files are, and returns what it prints.
fn shell(folder: &Path, command: &str) -> String {
    let program = tool();
    let tools = Path::new(program.get_program()).parent().unwrap();
    let path = format!("{}:{}", tools.display(), std::env::var("PATH").unwrap());
    let mut shell = Command::new("sh");
    shell.args(["-e", "-c", command]).current_dir(folder);
    let output = shell.env("PATH", path).output().unwrap();
    let shown = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {shown}");
    String::from_utf8(output.stdout).unwrap()
}

fn after<'t>(text: &'t str, label: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.strip_prefix(label));
    line.unwrap_or_else(|| panic!("no {label} in {text}"))
}

#[test]
fn the_commands_of_a_script_do_what_it_says() {
    let site = Site::new();
    let names = CUSTODIANS.map(|name| format!("{name}.cer"));
    // A file whose name is no plain word.
    let odd = "it's B.cer";
    fs::rename(site.path(&names[1]), site.path(odd)).unwrap();
    let folder = site.folder.join("");
    let line = format!(
        "secdom ceremony plan --json --quorum 2 --out plan.html --custodians {} \"{odd}\" {}",
        names[0], names[2]
    );
    let script: Value = serde_json::from_str(&shell(&folder, &line)).unwrap();
    let steps = script["steps"].as_array().unwrap();
    let cers = [names[0].as_str(), odd, names[2].as_str()];
    site.folder.write("witness.key", crate::transcript::WITNESS);
    let mut domain = String::new();
    let mut request = String::new();
    let mut run = Vec::new();
    for command in steps.iter().filter_map(|step| step["command"].as_str()) {
        let verb = command.split(" --").next().unwrap();
        let command = command
            .replace("NAME=FILE", "signing=signing.bin")
            .replace("SCRIPT", "plan.html")
            .replace("NAME", "Dora")
            .replace("W.ed25519", "witness.key")
            .replace("HEX", &request);
        let each = |place: usize| {
            command
                .replace("A.cer", &format!("\"{}\"", cers[place]))
                .replace("A.ed25519", "witness.key")
                .replace("A.key", &format!("{}.key", CUSTODIANS[place]))
                .replace("of-A", &format!("of-{place}"))
                .replace("from-A", &format!("from-{place}"))
        };
        let with_domain = |command: &str| format!("DOMAIN={domain}; {command}");
        let out = match verb {
            "DOMAIN=..." => continue,
            "secdom hsm handoff" | "secdom drill respond" => {
                { (0..3).map(|place| shell(&folder, &with_domain(&each(place)))) }.collect()
            }
            "secdom contribute" => {
                { (0..2).map(|place| shell(&folder, &with_domain(&each(place)))) }.collect()
            }
            _ => shell(&folder, &with_domain(&command)),
        };
        match verb {
            "secdom hsm activate" => domain = after(&out, "domain-id ").into(),
            "secdom rehearse begin" => request = after(&out, "request-digest ").into(),
            "secdom drill verify" => assert_eq!(out.matches(": key and share").count(), 3),
            "secdom rehearse report" => {
                let lines: Vec<_> = { out.lines() }
                    .filter(|line| line.starts_with("artifact "))
                    .collect();
                assert!(matches!(lines[..], [one, other] if one == other), "{out}");
            }
            _ => {}
        }
        run.push(verb.to_owned());
    }
    for verb in [
        "secdom hsm init",
        "secdom drill challenge",
        "secdom rehearse add",
        "secdom hsm handoff",
        "secdom ceremony sign",
        "secdom readiness",
    ] {
        assert!(run.iter().any(|one| one == verb), "{verb} in {run:?}");
    }
    let page = fs::read_to_string(site.path("plan.html")).unwrap();
    assert_eq!(page.matches("class=\"box\"").count(), steps.len() + 1);
    assert!(page.contains("it&#39;"), "{page}");
}

#[test]
fn a_script_has_the_digests_that_custodians_compare() {
    let site = Site::new();
    let names = CUSTODIANS.map(|name| format!("{name}.cer"));
    let names = names.each_ref().map(String::as_str);
    let out = plan(&site, "3", &names, "plan.html").done();
    let script: Value = serde_json::from_str(&out).unwrap();
    let facts = secdom(arguments!["inspect", site.path(names[0]), "--json"]).done();
    let facts: Value = serde_json::from_str(&facts).unwrap();
    let digest = facts["sha256"].as_str().unwrap();
    assert_eq!(script["files"][0]["sha256"], facts["sha256"]);
    let found = findings(&out);
    let has = |code: &str| found.iter().any(|[_, one, _]| one == code);
    assert!(has("no-spare") && has("weak-key"), "{found:?}");
    assert!(!has("no-drill") && !has("no-review"), "{found:?}");
    assert!(
        fs::read_to_string(site.path("plan.html"))
            .unwrap()
            .contains(digest)
    );
    // It is not overwritten.
    plan(&site, "3", &names, "plan.html").refused(&["plan.html", "already exists"]);
    plan(&site, "4", &names, "b.html").refused(&["4 of 3"]);
    plan(&site, "1", &names, "b.html").refused(&["1 of 3"]);
    plan(&site, "2", &names[..2], "b.html").refused(&["numbers"]);
    plan(&site, "2", &[names[0], names[1], names[0]], "b.html").refused(&["given twice"]);
    assert!(!site.path("b.html").exists());
}
