// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of one family depend on each other without a circle.
//!
//! What the root file of a family gathers with `pub use` is not the root's: who imports it depends on the file
//! that it comes from, and the root depends on it only if it uses the name itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::paths::{Found, paths, tokens};

pub type Module = Vec<String>;
type Graph = BTreeMap<Module, BTreeSet<Module>>;

/// Each module with its text.
pub type Texts = BTreeMap<Module, String>;

/// The circles: the sets of modules each of which depends on every other, as one line each.
pub fn circles(texts: &Texts) -> Vec<String> {
    let graph = graph(texts);
    let reach: BTreeMap<_, _> = graph
        .keys()
        .map(|from| (from, reached(&graph, from)))
        .collect();
    let mut circles = BTreeSet::new();
    for module in graph.keys() {
        let circle: Vec<_> = { reach[module].iter() }
            .filter(|other| reach.get(other).is_some_and(|back| back.contains(module)))
            .map(|module| module.join("::"))
            .collect();
        if circle.len() > 1 {
            circles.insert(circle.join(" "));
        }
    }
    circles.into_iter().collect()
}

fn reached(graph: &Graph, from: &Module) -> BTreeSet<Module> {
    let (mut seen, mut next) = (BTreeSet::new(), vec![from]);
    while let Some(module) = next.pop() {
        for to in graph.get(module).into_iter().flatten() {
            if seen.insert(to.clone()) {
                next.push(to);
            }
        }
    }
    seen
}

/// Which file of its own family each file depends on.
fn graph(texts: &Texts) -> Graph {
    let found: BTreeMap<_, _> = { texts.iter() }
        .map(|(module, text)| (module, paths(module, text)))
        .collect();
    let mut graph = Graph::new();
    for (module, text) in texts {
        if module.last().is_some_and(|name| name == "tests") {
            continue;
        }
        let targets = graph.entry(module.clone()).or_default();
        for Found {
            path,
            reexport,
            test,
        } in &found[module]
        {
            let name = path.last().cloned().unwrap_or_default();
            let used = uses(text, &name);
            if *test || path.first() != module.first() || (*reexport && !used) {
                continue;
            }
            let target = home(texts, &found, path, 0);
            if &target != module {
                targets.insert(target);
            }
        }
    }
    graph
}

/// Whether code in `text` uses the name itself: not as a module, not as a macro, and not only to import it.
fn uses(text: &str, name: &str) -> bool {
    let tokens = tokens(text);
    let mut importing = false;
    tokens.iter().enumerate().any(|(i, token)| {
        let near = |i: usize| tokens.get(i).map_or("", String::as_str);
        importing = token == "use" || (importing && token != ";");
        let declared = i > 0 && near(i - 1) == "mod";
        token == name && !importing && !declared && near(i + 1) != "!"
    })
}

/// The file that what `path` names is written in.
fn home(
    texts: &Texts,
    found: &BTreeMap<&Module, Vec<Found>>,
    path: &[String],
    depth: usize,
) -> Module {
    let len = (1..=path.len())
        .rev()
        .find(|len| texts.contains_key(&path[..*len]));
    let file = path[..len.unwrap_or(1)].to_vec();
    // A module whose file has another name, one for each machine.
    if let Some(name) = path.get(file.len()) {
        let tokens = tokens(&texts[&file]);
        if { tokens.windows(3) }.any(|t| t[0] == "mod" && t[1] == *name && t[2] == ";") {
            return path[..=file.len()].to_vec();
        }
    }
    let gathered = path.get(file.len()).and_then(|name| {
        { found.get(&file)?.iter() }
            .find(|found| found.reexport && found.path.last() == Some(name))
            .filter(|found| found.path != path)
    });
    match gathered {
        Some(gathered) if depth < 8 => home(texts, found, &gathered.path, depth + 1),
        _ => file,
    }
}
