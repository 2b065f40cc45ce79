// SPDX-License-Identifier: MIT OR Apache-2.0
//! The paths in a source text that lead into this crate, whatever form they have.

/// A path from the crate's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    pub path: Vec<String>,
    /// It stands in a `pub use`.
    pub reexport: bool,
    /// It stands in a module of tests.
    pub test: bool,
}

/// Splits a text into identifiers and single characters, without comments, literals and lifetimes.
pub fn tokens(text: &str) -> Vec<String> {
    let c: Vec<char> = text.chars().collect();
    let at = |i: usize| c.get(i).copied().unwrap_or('\0');
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut out, mut i) = (Vec::new(), 0);
    while i < c.len() {
        match c[i] {
            '/' if at(i + 1) == '/' => i = (i..c.len()).find(|i| c[*i] == '\n').unwrap_or(c.len()),
            '/' if at(i + 1) == '*' => {
                let mut depth = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (depth, i) = (depth + 1, i + 2),
                        ('*', '/') => (depth, i) = (depth - 1, i + 2),
                        _ => i += 1,
                    }
                    if depth == 0 || i >= c.len() {
                        break;
                    }
                }
            }
            '"' => {
                i += 1;
                while i < c.len() && c[i] != '"' {
                    i += if c[i] == '\\' { 2 } else { 1 };
                }
                i += 1;
            }
            '\'' if at(i + 1) == '\\' => {
                i = (i + 3..c.len()).find(|i| c[*i] == '\'').unwrap_or(c.len()) + 1
            }
            '\'' if at(i + 2) == '\'' => i += 3,
            // A lifetime.
            '\'' => i += 1,
            'r' if matches!(at(i + 1), '"' | '#') && !is_word(at(i.wrapping_sub(1))) => {
                let hashes = (i + 1..).take_while(|i| at(*i) == '#').count();
                i += 1 + hashes;
                if at(i) != '"' {
                    // A raw identifier.
                    continue;
                }
                let end: String = ['"'].into_iter().chain(vec!['#'; hashes]).collect();
                let rest: String = c[i + 1..].iter().collect();
                let skipped = rest.find(&end).map_or(rest.len(), |at| at + end.len());
                i += 1 + rest[..skipped].chars().count();
            }
            first if is_word(first) => {
                let word: String = c[i..].iter().take_while(|c| is_word(**c)).collect();
                i += word.chars().count();
                // The quote of a byte string comes next.
                if !(matches!(at(i), '"' | '\'') && (word == "b" || word == "c")) {
                    out.push(word);
                }
            }
            space if space.is_whitespace() => i += 1,
            ':' if at(i + 1) == ':' => {
                out.push("::".into());
                i += 2;
            }
            other => {
                out.push(other.into());
                i += 1;
            }
        }
    }
    out
}

/// The paths into this crate in the text of the file of `module`. A path that names the root itself is
/// `[]`; a bare one counts if it begins with one of the `children` that the file declares.
pub fn paths(module: &[String], text: &str) -> Vec<Found> {
    let tokens = tokens(text);
    let children = children(&tokens);
    let mut reader = Reader {
        tokens: &tokens,
        at: 0,
        test: false,
        found: Vec::new(),
    };
    // The modules written out in the file that are open here, with the depth of their braces.
    let (mut inline, mut depth) = (Vec::<(String, usize)>::new(), 0);
    while reader.at < tokens.len() {
        reader.test = inline.iter().any(|(name, _)| name == "tests");
        let before = reader.at.checked_sub(1).map_or("", |at| &tokens[at]);
        let here = || {
            let inner = inline.iter().map(|(name, _)| name.clone());
            module.iter().cloned().chain(inner).collect::<Vec<_>>()
        };
        match reader.token(0) {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                inline.pop_if(|(_, opened)| *opened == depth);
            }
            "mod" if reader.token(2) == "{" => {
                inline.push((reader.token(1).into(), depth));
                depth += 1;
                reader.at += 3;
                continue;
            }
            // A visibility.
            "(" if before == "pub" => {
                while reader.token(0) != ")" {
                    reader.at += 1;
                }
            }
            "self" if before == "crate" => reader.add(Vec::new(), false),
            "crate" if before == "extern" => {}
            "use" => {
                let reexport = before == "pub" || before == ")";
                reader.at += 1;
                reader.tree(&here(), &[], true, &children, reexport);
                continue;
            }
            // `self` alone is a receiver.
            word @ ("crate" | "super" | "self") if word != "self" || reader.token(1) == "::" => {
                reader.tree(&here(), &[], true, &children, false);
                continue;
            }
            word if before != "::"
                && reader.token(1) == "::"
                && inline.is_empty()
                && children.iter().any(|child| child == word) =>
            {
                reader.tree(&here(), &[], true, &children, false);
                continue;
            }
            _ => {}
        }
        reader.at += 1;
    }
    reader.found
}

/// The modules that a file declares and that stand in files of their own.
pub fn children(tokens: &[String]) -> Vec<String> {
    let declared = tokens.windows(3).filter(|w| w[0] == "mod" && w[2] == ";");
    declared.map(|w| w[1].clone()).collect()
}

struct Reader<'t> {
    tokens: &'t [String],
    at: usize,
    test: bool,
    found: Vec<Found>,
}

impl Reader<'_> {
    fn token(&self, ahead: usize) -> &str {
        self.tokens.get(self.at + ahead).map_or("", |token| token)
    }

    fn add(&mut self, path: Vec<String>, reexport: bool) {
        let test = self.test;
        self.found.push(Found {
            path,
            reexport,
            test,
        });
    }

    /// Reads a path, or the tree of a `use`, whose first segment is looked up in `module`.
    fn tree(
        &mut self,
        module: &[String],
        front: &[String],
        first: bool,
        children: &[String],
        reexport: bool,
    ) {
        let (mut path, mut first, mut known) = (front.to_vec(), first, !first);
        loop {
            match self.token(0) {
                "::" if first => {
                    // Another crate's.
                    known = false;
                    first = false;
                }
                "::" => {}
                "{" => {
                    self.at += 1;
                    while !matches!(self.token(0), "}" | "") {
                        self.tree(module, &path, first, children, reexport);
                        if self.token(0) == "," {
                            self.at += 1;
                        }
                    }
                    self.at += 1;
                    return;
                }
                "*" => {
                    self.at += 1;
                    break;
                }
                "crate" if first => (path, known, first) = (Vec::new(), true, false),
                "self" if first => (path, known, first) = (module.to_vec(), true, false),
                // In a group: the module that it is a group of.
                "self" => {}
                "super" => {
                    if first {
                        (path, known, first) = (module.to_vec(), true, false);
                    }
                    path.pop();
                }
                word if word.starts_with(|c: char| c.is_alphabetic() || c == '_') => {
                    if first {
                        known = children.iter().any(|child| child == word);
                        path = module.to_vec();
                        first = false;
                    }
                    path.push(word.into());
                }
                _ => break,
            }
            self.at += 1;
            // The next segment, or the end of the path.
            if self.token(0) == "as" {
                self.at += 2;
                break;
            }
            let goes_on = self.token(0) == "::"
                && (matches!(self.token(1), "{" | "*")
                    || self
                        .token(1)
                        .starts_with(|c: char| c.is_alphabetic() || c == '_'));
            if !goes_on
                && self
                    .tokens
                    .get(self.at.wrapping_sub(1))
                    .is_none_or(|t| t != "::")
            {
                break;
            }
        }
        if known {
            self.add(path, reexport);
        }
    }
}
