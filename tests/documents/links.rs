// SPDX-License-Identifier: MIT OR Apache-2.0
//! Links of Markdown documents, and the anchors that headings have.

/// The targets of the links in a document, in text and in definitions.
pub fn targets(markdown: &str) -> Vec<String> {
    let mut targets = Vec::new();
    for line in prose(markdown) {
        let definition = line
            .strip_prefix('[')
            .and_then(|rest| rest.split_once("]: "));
        let inline = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next());
        targets.extend(
            inline
                .chain(definition.map(|(_, target)| target))
                .map(str::to_owned),
        );
    }
    targets
}

/// The anchors of a document, made of its headings as repository sites make them.
pub fn anchors(markdown: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for line in prose(markdown) {
        let heading = line.trim_start_matches('#');
        if heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let anchor: String = heading
            .trim()
            .to_lowercase()
            .chars()
            .filter(|c| c.is_alphanumeric() || " -_".contains(*c))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let earlier = anchors.iter().filter(|other| **other == anchor).count();
        anchors.push(match earlier {
            0 => anchor,
            _ => format!("{anchor}-{earlier}"),
        });
    }
    anchors
}

/// The paths of this project that a document names between backticks.
pub fn paths(markdown: &str) -> Vec<String> {
    const FOLDERS: [&str; 8] = [
        ".ci/",
        "benches/",
        "docs/",
        "examples/",
        "fuzz/",
        "proofs/",
        "src/",
        "tests/",
    ];
    let spans = prose(markdown).flat_map(|line| line.split('`').skip(1).step_by(2));
    spans
        .filter_map(|span| span.split(' ').next())
        .filter(|path| FOLDERS.iter().any(|folder| path.starts_with(folder)))
        .filter(|path| !path.contains(['*', '<']))
        .map(str::to_owned)
        .collect()
}

/// The lines outside of code blocks.
fn prose(markdown: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    markdown.lines().filter(move |line| {
        let fence = line.starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}
