// SPDX-License-Identifier: MIT OR Apache-2.0
//! What stands on a sheet, as text, SVG or PNG.

use std::fmt::Write;

use zeroize::Zeroizing;

use super::code::{self, Contents, GROUP, ROW, SEED, SHORT_ID};
use super::picture::Picture;
use super::{character, no_sheet, words};
use crate::kem::{PrivateKey, PublicKey};
use crate::report::{Outcome, Refusal};

/// Room for a sheet as text, with a QR code on a terminal.
const ROOM: usize = 32 << 10;

pub struct Sheet {
    lines: Vec<Zeroizing<String>>,
    code: Picture,
}

impl Sheet {
    /// Makes the sheet of a key whose public key is `public`.
    pub fn new(key: &PrivateKey, public: &PublicKey) -> Outcome<Self> {
        let seed = <&[u8; SEED]>::try_from(key.seed()).ok();
        let (Some(seed), Some(kind)) = (seed, character(key.kind)) else {
            return Err(Refusal::new(no_sheet(key.kind.name())));
        };
        let contents = Contents {
            kind,
            id: short(public),
            seed: Zeroizing::new(*seed),
        };
        let text = code::encode(&contents).ok_or_else(|| Refusal::new("the text has no end"))?;
        let upper = Zeroizing::new(text.to_ascii_uppercase());
        let code = Picture::of(&upper).ok_or_else(|| Refusal::new("the QR code has no room"))?;
        let name = key.kind.name();
        let mut lines = vec![
            Zeroizing::new(format!(
                "PRIVATE KEY ({name}) of a custodian of a security domain"
            )),
            Zeroizing::new("Who has this sheet has the key.".into()),
            Zeroizing::default(),
            Zeroizing::new(format!("custodian-id {}", public.id)),
            Zeroizing::default(),
        ];
        lines.extend(rows(&text));
        lines.push(Zeroizing::default());
        lines.push(Zeroizing::new("The same key in words:".into()));
        lines.push(Zeroizing::default());
        let words = words::encode(seed);
        for (row, words) in words.chunks(6).enumerate() {
            let mut line = Zeroizing::new(String::with_capacity(100));
            for (number, word) in (6 * row + 1..).zip(words) {
                let _ = write!(line, "{number:2} {word:<9}");
            }
            let end = line.trim_end().len();
            line.truncate(end);
            lines.push(line);
        }
        lines.push(Zeroizing::default());
        for line in [
            "To check the sheet: secdom paper verify --pub PUB, and type the 4 rows or the 24 words.",
            "To use the key:     secdom paper read --pub PUB --key OUT",
        ] {
            lines.push(Zeroizing::new(line.into()));
        }
        Ok(Self { lines, code })
    }

    /// Returns the sheet as text, for a terminal with the QR code.
    pub fn text(&self, for_terminal: bool) -> Zeroizing<Vec<u8>> {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        for line in &self.lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        if for_terminal {
            text.push(b'\n');
            text.extend_from_slice(self.code.on_terminal().as_bytes());
        }
        text
    }

    /// Returns the sheet with its QR code on a page of A4.
    pub fn svg(&self) -> Zeroizing<Vec<u8>> {
        let mut svg = Zeroizing::new(String::with_capacity(2 * ROOM));
        svg.push_str(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"210mm\" height=\"297mm\" \
             viewBox=\"0 0 210 297\">\n<rect width=\"210\" height=\"297\" fill=\"#fff\"/>\n",
        );
        for (number, line) in self.lines.iter().enumerate() {
            let y = 20 + 6 * number;
            let _ = writeln!(
                svg,
                "<text x=\"15\" y=\"{y}\" font-family=\"monospace\" font-size=\"3.2\" \
                 xml:space=\"preserve\">{}</text>",
                line.as_str()
            );
        }
        let _ = write!(
            svg,
            "<path transform=\"translate(15 {}) scale({})\" shape-rendering=\"crispEdges\" d=\"",
            20 + 6 * self.lines.len(),
            90.0 / self.code.width() as f32
        );
        self.code.path(&mut svg);
        svg.push_str("\"/>\n</svg>\n");
        Zeroizing::new(std::mem::take(&mut *svg).into_bytes())
    }

    /// Returns the QR code alone.
    pub fn png(&self) -> Zeroizing<Vec<u8>> {
        self.code.png()
    }
}

/// Returns the front of the custodian's id.
pub fn short(public: &PublicKey) -> [u8; SHORT_ID] {
    let mut short = [0; SHORT_ID];
    short.copy_from_slice(&public.id.as_bytes()[..SHORT_ID]);
    short
}

/// Returns the rows of a text, in groups.
fn rows(text: &str) -> impl Iterator<Item = Zeroizing<String>> {
    text.as_bytes().chunks(GROUP * ROW).map(|row| {
        let mut line = Zeroizing::new(String::with_capacity((GROUP + 1) * ROW));
        for group in row.chunks(GROUP) {
            line.extend(group.iter().copied().map(char::from));
            line.push(' ');
        }
        line.pop();
        line
    })
}
