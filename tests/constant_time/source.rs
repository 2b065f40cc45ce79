// SPDX-License-Identifier: MIT OR Apache-2.0
//! The functions of `src/`, as rustfmt lays them out.

use std::fs;
use std::path::Path;

/// A function outside of tests.
pub struct Function {
    /// The path of its file, as a module's.
    pub module: String,
    pub name: String,
    /// Whether code outside of its module can call it.
    pub is_visible: bool,
    /// Whether code outside of its family can.
    pub is_entry: bool,
    pub doc: String,
    /// With its signature, without comments.
    pub body: String,
}

impl Function {
    pub fn path(&self) -> String {
        format!("{}::{}", self.module, self.name)
    }

    /// What its documentation calls secret, by the three words of the style.
    pub fn secrets(&self) -> Option<&str> {
        let (_, rest) = self.doc.split_once("Secret: ")?;
        let end = [" Public: ", " Leaks: "].map(|word| rest.find(word));
        let end = end.into_iter().flatten().min()?;
        Some(&rest[..end])
    }
}

/// Every function of the crate.
pub fn all() -> Vec<Function> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    visit(&root, "", &mut found);
    assert!(found.len() > 500, "src was read");
    found
}

fn visit(folder: &Path, module: &str, found: &mut Vec<Function>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(Result::unwrap).collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let path = entry.path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let module = match module {
            "" => name.to_owned(),
            _ => format!("{module}::{name}"),
        };
        if path.is_dir() {
            visit(&path, &module, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests" {
            found.extend(functions(&module, &fs::read_to_string(&path).unwrap()));
        }
    }
}

/// The functions in the text of a module, those of its tests left out.
pub fn functions(module: &str, text: &str) -> Vec<Function> {
    let tests = text.find("#[cfg(test)]\nmod tests {");
    let lines: Vec<&str> = text[..tests.unwrap_or(text.len())].lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some((visibility, name)) = head(line) else {
            continue;
        };
        let indent = &line[..line.len() - line.trim_start().len()];
        let last = lines[at..].iter().position(|line| {
            line.strip_prefix(indent).is_some_and(|rest| {
                !rest.starts_with(' ') && (rest.ends_with('}') || rest.ends_with(';'))
            })
        });
        let body = lines[at..].iter().take(last.unwrap_or(0) + 1);
        let body = body.map(|line| line.split("// ").next().unwrap());
        // An attribute may take several lines: from its last, `)]`, up to its first.
        let mut in_attribute = false;
        let doc = lines[..at].iter().rev().take_while(|line| {
            let line = line.trim();
            in_attribute = (in_attribute || line == ")]") && !line.starts_with('#');
            in_attribute || line.starts_with("///") || line.starts_with('#')
        });
        let mut doc: Vec<&str> = doc
            .filter_map(|line| line.trim().strip_prefix("///"))
            .collect();
        doc.reverse();
        found.push(Function {
            module: module.to_owned(),
            name: name.to_owned(),
            is_visible: !visibility.is_empty(),
            is_entry: matches!(visibility, "pub" | "pub(crate)"),
            doc: doc.concat(),
            body: body.collect::<Vec<_>>().join("\n"),
        });
    }
    found
}

/// The visibility and the name, if a function begins in this line.
fn head(line: &str) -> Option<(&str, &str)> {
    let line = line.trim_start();
    let (before, after) = line.split_once("fn ")?;
    let mut before = before.trim_end();
    for word in ["unsafe", "const"] {
        before = before.strip_suffix(word).unwrap_or(before).trim_end();
    }
    let is_visibility = before.is_empty()
        || before.starts_with("pub") && !before.contains(' ')
        || before.starts_with("pub(in ");
    let end = after.find(|c: char| !c.is_alphanumeric() && c != '_')?;
    (is_visibility && end > 0).then_some((before, &after[..end]))
}

#[test]
fn functions_are_found_with_what_they_say() {
    let text = "
/// Adds.
///
/// Secret: `a`, the
/// sum. Public: `b`. Leaks: nothing else.
#[inline]
pub const fn add(a: u8, b: u8) -> u8 {
    a + b // Not a - b.
}

impl X {
    fn one() -> u8 { 1 }
    pub(in crate::x) fn two(
        self,
    ) -> u8 {
        2
    }
}

#[cfg(test)]
mod tests {
    fn three() {}
}
";
    let found = functions("m", text);
    let paths: Vec<String> = found.iter().map(Function::path).collect();
    assert_eq!(paths, ["m::add", "m::one", "m::two"]);
    let [add, one, two] = &found[..] else {
        panic!("three functions");
    };
    assert_eq!(add.secrets(), Some("`a`, the sum."));
    assert!(add.is_entry && two.is_visible && !two.is_entry && !one.is_visible);
    assert!(add.body.ends_with("    a + b \n}"), "{:?}", add.body);
    assert!(two.body.ends_with("2\n    }"), "{:?}", two.body);
}
