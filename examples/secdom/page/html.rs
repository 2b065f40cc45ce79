// SPDX-License-Identifier: MIT OR Apache-2.0
//! A page in HTML: one file that needs no script and loads nothing, for a screen of any width and
//! for paper. All text is escaped, and the browser is told to load and run nothing.

use std::fmt::Write;

use sha2::{Digest, Sha256};

use super::{Cell, Content, Page, Step};
use crate::inspect::base64;
use crate::show;

/// The longest words of a cell that stay on one line, in characters.
const SHORT: usize = 16;

/// On a narrow screen a table becomes a list: each cell has its column's name before it.
const STYLE: &str = "
:root { color-scheme: light; font: 16px/1.45 system-ui, sans-serif; color: #1b1b1b; background: #fff }
body { margin: 0 auto; padding: 1.5rem; max-width: 70rem }
h1 { font-size: 1.6rem; margin: 0 0 1rem }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-bottom: 2px solid #1b1b1b }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) minmax(0, 1fr); gap: .25rem 1rem; margin: 0 }
dt, th { font-weight: 600; text-align: left }
dd { margin: 0 }
time { white-space: nowrap }
dd, td { overflow-wrap: anywhere }
.short { white-space: nowrap }
table { border-collapse: collapse; width: 100% }
th, td { padding: .35rem .6rem .35rem 0; border-bottom: 1px solid #bbb; vertical-align: top }
.refuse, .fails, .warn, .holds, .note { font-weight: 600; padding: 0 .4em; border: 1px solid; border-radius: .3em }
.refuse, .fails { color: #8a0014; background: #fdecee }
.warn { color: #6b4600; background: #fff5dd }
.holds { color: #0b5224; background: #e8f6ec }
.note { color: #333; background: #f0f0f0 }
ol { padding-left: 1.6rem }
li { margin: .8rem 0; break-inside: avoid }
.box { display: inline-block; width: .9em; height: .9em; border: 1.5px solid; margin-right: .5em; vertical-align: -.1em }
pre { margin: .4rem 0; padding: .4rem .6rem; background: #f3f3f3; border: 1px solid #ccc; white-space: pre-wrap; overflow-wrap: anywhere }
.blank { border-bottom: 1px solid; min-height: 1.4em }
footer { margin-top: 2rem; border-top: 1px solid #bbb; padding-top: .5rem; color: #444 }
@media screen and (max-width: 45rem) {
  body { padding: 1rem }
  dl { grid-template-columns: minmax(0, 1fr); gap: 0 }
  dd { margin-bottom: .5rem }
  thead { display: none }
  tr { display: block; padding: .5rem 0; border-bottom: 1px solid #bbb }
  td { display: grid; grid-template-columns: 7.5rem minmax(0, 1fr); border: 0; padding: .1rem 0 }
  td::before { content: attr(data-label); font-weight: 600 }
  td.empty { display: none }
  time { white-space: normal }
  td > * { justify-self: start }
}
@media print {
  :root { font-size: 10pt }
  body { padding: 0; max-width: none }
  tr, dt, dd { break-inside: avoid }
  h2 { break-after: avoid }
}
";

impl Page {
    /// Returns the page in HTML.
    pub fn html(&self) -> String {
        let title = escaped(self.title);
        let style = base64(&Sha256::digest(STYLE));
        let mut out = format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
             style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'\">\n\
             <meta name=\"referrer\" content=\"no-referrer\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<h1>{title}</h1>\n"
        );
        for part in &self.parts {
            let _ = write!(out, "<section>\n<h2>{}</h2>\n", escaped(part.heading));
            match &part.content {
                Content::Facts(facts) => {
                    out += "<dl>\n";
                    for (label, cell) in facts {
                        if let Some(cell) = shown(cell) {
                            let label = escaped(label);
                            let _ = writeln!(out, "<dt>{label}</dt><dd>{cell}</dd>");
                        }
                    }
                    out += "</dl>\n";
                }
                Content::Table { columns, rows, .. } => table(columns, rows, &mut out),
                Content::Steps(steps) => listed(steps, &mut out),
            }
            out += "</section>\n";
        }
        let version = env!("CARGO_PKG_VERSION");
        let _ = write!(out, "<footer>secdom {version}</footer>\n</body>\n</html>\n");
        out
    }
}

fn table(columns: &[&str], rows: &[Vec<Cell>], out: &mut String) {
    if rows.is_empty() {
        *out += "<p>None.</p>\n";
        return;
    }
    // A column of which nothing is known in any row is left out.
    let is_known = |place: &usize| rows.iter().any(|cells| !cells[*place].is_none());
    let known: Vec<usize> = (0..columns.len()).filter(is_known).collect();
    *out += "<table>\n<thead><tr>";
    for place in &known {
        let _ = write!(out, "<th scope=\"col\">{}</th>", escaped(columns[*place]));
    }
    *out += "</tr></thead>\n<tbody>\n";
    for cells in rows {
        *out += "<tr>";
        for place in &known {
            let (column, cell) = (escaped(columns[*place]), &cells[*place]);
            let _ = match shown(cell) {
                Some(shown) => {
                    let class = if is_short(cell) {
                        " class=\"short\""
                    } else {
                        ""
                    };
                    write!(out, "<td{class} data-label=\"{column}\">{shown}</td>")
                }
                None => write!(out, "<td class=\"empty\"></td>"),
            };
        }
        *out += "</tr>\n";
    }
    *out += "</tbody>\n</table>\n";
}

/// Returns whether a cell is so short that it stays on one line.
fn is_short(cell: &Cell) -> bool {
    { cell.words() }.is_some_and(|words| words.chars().count() <= SHORT)
}

fn listed(steps: &[Step], out: &mut String) {
    *out += "<ol>\n";
    for step in steps {
        let (who, what) = (escaped(step.who), escaped(&step.what));
        let _ = write!(
            out,
            "<li><span class=\"box\"></span><strong>{who}</strong>: {what}"
        );
        if let Some(command) = &step.command {
            let _ = write!(out, "\n<pre><code>{}</code></pre>", escaped(command));
        }
        if !step.seen.is_empty() {
            *out += "\n<dl>";
            for (label, cell) in &step.seen {
                let label = escaped(label);
                let _ = match shown(cell) {
                    Some(cell) => write!(out, "<dt>{label}</dt><dd>{cell}</dd>"),
                    None => write!(out, "<dt>{label}</dt><dd class=\"blank\"></dd>"),
                };
            }
            *out += "</dl>";
        }
        *out += "</li>\n";
    }
    *out += "</ol>\n";
}

/// Returns a cell in HTML. The direction of foreign words does not spread to what is beside them.
fn shown(cell: &Cell) -> Option<String> {
    match cell {
        Cell::Foreign(text) => Some(format!("<bdi>{}</bdi>", escaped(text))),
        Cell::Time(_) => {
            let time = cell.words()?;
            Some(format!("<time datetime=\"{time}\">{time}</time>"))
        }
        Cell::Verdict(word) => Some(format!("<span class=\"{word}\">{word}</span>")),
        cell => cell.words().map(|words| escaped(&words)),
    }
}

/// Escapes text for HTML, and whatever cannot be printed as in a message.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in show::one_line(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}
