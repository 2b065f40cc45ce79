// SPDX-License-Identifier: MIT OR Apache-2.0
//! Breaks long lines between words, for a terminal, which would break them inside words. What is not shown on
//! a terminal keeps its lines.

use std::io::IsTerminal;

/// The width of a terminal that does not say it, and of the help.
pub const WIDTH: usize = 80;

/// Returns the width of the terminal that `stream` is, if it is one.
#[cfg(unix)]
pub fn width(stream: impl IsTerminal + std::os::fd::AsFd) -> Option<usize> {
    let size = || rustix::termios::tcgetwinsize(&stream).ok();
    let columns = || size().map(|size| usize::from(size.ws_col));
    { stream.is_terminal() }.then(|| columns().filter(|width| *width > 0).unwrap_or(WIDTH))
}

#[cfg(not(unix))]
pub fn width(stream: impl IsTerminal) -> Option<usize> {
    stream.is_terminal().then_some(WIDTH)
}

/// The longest label in a report, with the spaces after it.
const LABEL: usize = 20;

/// Breaks the lines of `text`. What follows a label is indented as far as it.
pub fn lines(text: &str, width: usize) -> String {
    let fold = |line: &str| one(line, label_len(line), width) + "\n";
    text.lines().map(fold).collect()
}

/// Breaks a line, and indents what follows by so many columns, or by fewer where an id would not
/// fit otherwise. A word that is longer than a line stays whole.
pub fn one(line: &str, indent: usize, width: usize) -> String {
    if line.chars().count() <= width {
        return line.into();
    }
    let lengths = line.split(' ').map(|word| word.chars().count());
    let longest = lengths.filter(|length| *length <= width).max().unwrap_or(0);
    let indent = indent.min(width - longest);
    let (mut out, mut column) = (String::new(), 0);
    for word in line.split_inclusive(' ') {
        let length = word.trim_end().chars().count();
        if length == 0 && column == indent {
            continue;
        }
        if column + length > width && column > indent {
            out.truncate(out.trim_end().len());
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            column = indent;
        }
        out.push_str(word);
        column += word.chars().count();
    }
    out
}

/// Returns the length of a label and the spaces after it; 2 where there is none.
fn label_len(line: &str) -> usize {
    let label = line.find("  ").unwrap_or(0);
    let spaces = line[label..].len() - line[label..].trim_start().len();
    match label + spaces {
        length @ 3..=LABEL if label > 0 => length,
        _ => 2,
    }
}
