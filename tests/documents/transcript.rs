// SPDX-License-Identifier: MIT OR Apache-2.0
//! Runs the commands that a Markdown document shows, and compares what they print with what it shows.
//!
//! A block `console` has commands after `$ ` and their output below; a block `sh` has commands only. A
//! command may go on after a backslash at the end of a line, and ends at ` # `. A value may be
//! shortened, as in `2c26...e7ae`: it stands for what the command printed at that place, there and
//! in later commands. One without an end, as in `2036-...`, stands for a value that is not used again.
//! Each other word of the output must be the word that is shown.

use std::collections::BTreeMap;

/// A block of commands.
pub struct Block {
    /// The line that the block begins at, from 1.
    pub line: usize,
    pub steps: Vec<Step>,
}

/// A command and the lines that it prints; `None` in a block that shows no output.
pub struct Step {
    pub words: Vec<String>,
    pub output: Option<Vec<String>>,
}

/// The blocks of a document, in order.
pub fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines().enumerate();
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let body: Vec<&str> = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| *line != "```")
            .collect();
        let steps = match language {
            "console" => steps(&body, "$ ", Some(Vec::new())),
            "sh" => steps(&body, "", None),
            _ => continue,
        };
        let line = number + 1;
        blocks.push(Block { line, steps });
    }
    blocks
}

fn steps(body: &[&str], prompt: &str, output: Option<Vec<String>>) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = body.iter();
    while let Some(line) = lines.next() {
        let Some(command) = line.strip_prefix(prompt) else {
            let step = steps.last_mut().expect("output follows a command");
            step.output.get_or_insert_default().push((*line).to_owned());
            continue;
        };
        let mut command = command.to_owned();
        while let Some(begun) = command.strip_suffix('\\') {
            command = begun.to_owned() + lines.next().expect("a backslash goes on");
        }
        let command = command.split(" # ").next().unwrap_or_default();
        steps.push(Step {
            words: command.split_whitespace().map(str::to_owned).collect(),
            output: output.clone(),
        });
    }
    steps
}

/// The values that were shown shortened, each with what was printed.
#[derive(Default)]
pub struct Values(BTreeMap<String, String>);

impl Values {
    /// The command with the values that it names.
    pub fn fill(&self, step: &Step) -> Result<Vec<String>, String> {
        let words = step.words.iter().map(|word| match self.0.get(word) {
            Some(value) => Ok(value.clone()),
            None if word.contains("...") => Err(format!("nothing printed {word} before")),
            None => Ok(word.clone()),
        });
        words.collect()
    }

    /// Compares what is shown with what was printed, and takes note of shortened values.
    pub fn compare(&mut self, step: &Step, printed: &str) -> Result<(), String> {
        let Some(shown) = &step.output else {
            return Ok(());
        };
        let printed: Vec<&str> = printed.lines().collect();
        if shown.len() != printed.len() {
            return Err(format!("it prints {printed:#?}, shown are {shown:#?}"));
        }
        for (shown, printed) in shown.iter().zip(printed) {
            self.line(shown, printed)
                .map_err(|reason| format!("{printed:?}, shown as {shown:?}: {reason}"))?;
        }
        Ok(())
    }

    fn line(&mut self, shown: &str, printed: &str) -> Result<(), String> {
        let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let (shown, printed) = (words(shown), words(printed));
        if shown.len() != printed.len() {
            return Err("another number of words".into());
        }
        for (shown, printed) in shown.iter().zip(&printed) {
            let ends = [';', ':', ',', ')'];
            let (short, value) = (shown.trim_end_matches(ends), printed.trim_end_matches(ends));
            if !short.contains("...") {
                if shown != printed {
                    return Err(format!("{printed:?} is not {shown:?}"));
                }
                continue;
            }
            if shown[short.len()..] != printed[value.len()..] || value.len() <= short.len() {
                return Err(format!("{printed:?} cannot be shortened to {shown:?}"));
            }
            if short.ends_with("...") {
                continue;
            }
            let known = self.0.entry(short.to_owned()).or_insert(value.to_owned());
            if known != value {
                return Err(format!("{shown:?} stood for {known:?}, not {value:?}"));
            }
        }
        Ok(())
    }
}
