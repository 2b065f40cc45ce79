// SPDX-License-Identifier: MIT OR Apache-2.0
//! A domain file with a member that the service did not write when this tool was made.

use std::fs;

use crate::{Folder, arguments, key, restore_blob, sealed, secdom, vector};

#[test]
fn an_unknown_member_is_named_with_the_flag_that_passes_over_it() {
    let folder = Folder::new();
    let text = fs::read_to_string(sealed(&folder)).unwrap();
    let newer = text.replacen("{\"EncData\"", "{\"issued\\u001b\":[1],\"EncData\"", 1);
    assert_ne!(text, newer);
    let file = folder.write("newer.json", newer);
    let restored = folder.join("restore.json");
    let restore = restore_blob(&file, &restored, [key("s2048_0"), key("s2048_2")]);
    let drill = arguments![
        "drill",
        "--sd-file",
        file,
        "--sd-wrapping-keys",
        key("s2048_0")
    ];
    let inspect = arguments!["inspect", file];
    let name = "issued\\u{1b}";
    for verb in [&restore[..], &drill, &inspect] {
        let refused = ["newer.json", name, "--allow-unknown-members"];
        secdom(verb).refused(&refused);
        assert_eq!(restored.exists(), verb[0] != "restore-blob");
        let flag = ["--allow-unknown-members".into()];
        let run = secdom([verb, &flag].concat());
        assert_eq!(run.code, Some(0), "{run:?}");
        let said = if verb[0] == "inspect" {
            &run.out
        } else {
            &run.err
        };
        assert!(
            said.contains(name) && said.contains("newer.json"),
            "{run:?}"
        );
    }
    assert!(restored.exists());
}

#[test]
fn no_flag_is_named_where_none_helps() {
    let file = vector("malformed/data-zip.json");
    let line = secdom(arguments!["inspect", file]).refused(&["data-zip.json", "\"zip\""]);
    assert!(!line.contains("--allow"), "{line}");
    let flag = "--allow-unknown-members";
    secdom(arguments!["inspect", file, flag]).refused(&["data-zip.json", "\"zip\""]);
}
