// SPDX-License-Identifier: MIT OR Apache-2.0
//! The simulated HSM's folder: what is in it, who may use it, and what happens when it fails.

use std::fs::{self, File};
use std::process::Stdio;

use crate::simulated::Site;
use crate::{arguments, names, secdom, tool};

#[test]
fn what_init_makes_is_whole_and_for_its_owner() {
    let site = Site::new();
    site.init("hsm");
    let status = site.status("hsm");
    let log = format!("ledger-{}", status["instance_id"].as_str().unwrap());
    let files = [
        "counter",
        "device-key",
        "events",
        &log,
        "lock",
        "slot-a",
        "slot-b",
    ];
    assert_eq!(names(&site.path("hsm")), files);
    #[cfg(unix)]
    for name in files {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(site.path("hsm").join(name))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(status["state"], "provisioned");
    assert_eq!(status["counter_is_hardware"], false);
    assert!(status["epoch"].is_null() && status["header_digest"].is_null());
    assert_eq!(status["instance_id"].as_str().unwrap().len(), 32);
}

#[test]
fn an_init_that_is_refused_leaves_nothing() {
    let site = Site::new();
    let before = site.folder.names();
    let file = site.path("signing.bin");
    let artifact = |tag: &str| format!("{tag}={}", file.display());
    let init = |artifacts: &[String]| {
        let start = arguments!["hsm", "init", "--hsm", site.path("hsm"), "--artifact"];
        secdom(start.into_iter().chain(artifacts.iter().map(Into::into)))
    };
    init(&[artifact("a"), artifact("a")]).refused(&["--artifact \"a\"", "twice"]);
    init(&[artifact("")]).refused(&["--artifact \"\""]);
    init(&[artifact(&"x".repeat(65))]).refused(&["--artifact"]);
    init(&["a=missing".into()]).refused(&["missing", "no such file"]);
    let many: Vec<String> = (0..33).map(|tag| artifact(&tag.to_string())).collect();
    init(&many).refused(&["32"]);
    let large = site.folder.write("large", vec![0; (1 << 20) + 1]);
    init(&[format!("a={}", large.display())]).refused(&["room"]);
    fs::remove_file(large).unwrap();
    init(&["no equals sign".into()]).unreadable();
    assert_eq!(site.folder.names(), before);
    site.init("hsm");
    init(&[artifact("a")]).refused(&["hsm", "provisioned"]);
    fs::create_dir(site.path("other")).unwrap();
    let other = site.hsm("init", "other", &arguments!["--artifact", artifact("a")]);
    other.refused(&["other", "not a simulated HSM"]);
}

#[test]
fn an_hsm_that_was_zeroized_is_made_again() {
    let site = Site::new();
    site.active("hsm", "sealed");
    assert_eq!(site.plain("zeroize", "hsm").done(), "empty\n");
    site.is("hsm", "empty");
    assert!(site.status("hsm")["instance_id"].is_null());
    assert!(!site.path("hsm/sealed").exists());
    site.init("hsm");
    site.is("hsm", "provisioned");
    assert_eq!(site.events("hsm")[2..], ["zeroize", "provision"]);
}

#[test]
fn one_process_at_a_time() {
    let site = Site::new();
    site.init("hsm");
    let lock = File::open(site.path("hsm").join("lock")).unwrap();
    lock.try_lock().unwrap();
    site.plain("status", "hsm")
        .refused(&["hsm", "in use by another process"]);
    drop(lock);
    site.is("hsm", "provisioned");
}

#[test]
fn a_folder_that_is_no_hsm_is_refused() {
    let site = Site::new();
    site.plain("status", "none")
        .refused(&["none", "not a simulated HSM"]);
    fs::create_dir(site.path("empty")).unwrap();
    site.plain("status", "empty")
        .refused(&["empty", "not a simulated HSM"]);
    assert!(names(&site.path("empty")).is_empty());
    site.init("hsm");
    fs::write(site.path("hsm").join("device-key"), [0; 31]).unwrap();
    site.plain("status", "hsm")
        .refused(&["device-key", "32 bytes"]);
    fs::write(site.path("hsm").join("device-key"), [0; 32]).unwrap();
    site.plain("status", "hsm").refused(&["hsm"]);
    fs::write(site.path("hsm").join("counter"), "x\n").unwrap();
    site.plain("status", "hsm")
        .refused(&["counter", "not a number"]);
}

#[test]
fn an_event_that_cannot_be_written_stops_what_it_tells_of() {
    let site = Site::new();
    site.init("hsm");
    let events = site.path("hsm").join("events");
    fs::remove_file(&events).unwrap();
    fs::create_dir(&events).unwrap();
    site.activate_to("hsm", &site.path("sealed"), "2")
        .refused(&["events"]);
    assert!(!site.path("sealed").exists());
    site.is("hsm", "provisioned");
    fs::remove_dir(&events).unwrap();
    fs::write(&events, "").unwrap();
    site.activate_to("hsm", &site.path("sealed"), "2").done();
    assert_eq!(site.events("hsm"), ["activate"]);
}

#[test]
fn an_old_image_of_the_slots_is_refused() {
    let site = Site::new();
    site.init("hsm");
    let hsm = site.path("hsm");
    let old = ["slot-a", "slot-b"].map(|name| (name, fs::read(hsm.join(name)).unwrap()));
    site.activate_to("hsm", &site.path("sealed"), "2").done();
    for (name, bytes) in old {
        fs::write(hsm.join(name), bytes).unwrap();
    }
    site.plain("status", "hsm").refused(&["hsm", "older"]);
    site.plain("zeroize", "hsm").refused(&["hsm", "older"]);
    assert_eq!(site.plain("discard", "hsm").done(), "empty\n");
    site.is("hsm", "empty");
}

#[test]
fn an_activation_that_cannot_be_written_out_does_not_happen() {
    let site = Site::new();
    site.init("hsm");
    site.activate_to("hsm", &site.path("none/sealed"), "2")
        .refused(&["none", "none does not exist"]);
    site.folder.write("taken", b"keep");
    site.activate_to("hsm", &site.path("taken"), "2")
        .refused(&["taken", "exists"]);
    for quorum in ["0", "1", "4", "256"] {
        site.activate_to("hsm", &site.path("sealed"), quorum)
            .refused(&["--quorum"]);
    }
    site.is("hsm", "provisioned");
    site.artifacts("hsm", "out")
        .refused(&["hsm", "provisioned"]);
    site.activate_to("hsm", &site.path("sealed"), "3").done();
    site.activate_to("hsm", &site.path("again"), "2")
        .refused(&["already sealed to its custodians"]);
    // The same command once more gives the same file.
    site.activate_to("hsm", &site.path("copy"), "3").done();
    let [first, copy] = ["sealed", "copy"].map(|name| fs::read(site.path(name)).unwrap());
    assert!(first == copy);
    fs::remove_file(site.path("hsm").join("sealed")).unwrap();
    site.activate_to("hsm", &site.path("third"), "3")
        .refused(&["hsm/sealed", "no such file"]);
    assert!(!site.path("again").exists() && !site.path("out").exists());
}

/// Wherever the process is killed, the HSM is in a state that it was in or that it was to reach, and
/// goes on from there.
#[test]
fn a_process_that_is_killed_leaves_a_state() {
    let site = Site::new();
    let domain = site.active("first", "sealed");
    for milliseconds in [1, 4, 8, 12, 16, 20, 30, 40, 60, 80] {
        let hsm = format!("after-{milliseconds}");
        let line = site.recover_line(&hsm, "sealed", &domain, &[0, 1]);
        let mut process = tool().args(line).stdout(Stdio::null()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        process.kill().unwrap();
        process.wait().unwrap();

        // It may not have come to making the HSM.
        let state = match site.path(&hsm).exists() {
            true => site.status(&hsm)["state"].as_str().unwrap().to_owned(),
            false => "empty".to_owned(),
        };
        match state.as_str() {
            "active" | "empty" => {}
            "recovering" => drop(site.plain("recover-cancel", &hsm).done()),
            other => panic!("{other}"),
        }
        if state != "active" {
            site.recover(&hsm, "sealed", &domain, &[1, 2]).done();
        }
        assert_eq!(site.status(&hsm)["domain_id"], domain);
        site.has_the_secrets(&hsm);
    }
}
