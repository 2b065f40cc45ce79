// SPDX-License-Identifier: MIT OR Apache-2.0
//! The QR code of a sheet is read as a phone would, from each picture, and with a stain.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{Folder, arguments, secdom};

fn vector(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors/paper")
        .join(name)
}

/// A picture of dark and light pixels.
struct Pixels {
    width: usize,
    dark: Vec<bool>,
}

impl Pixels {
    fn new(width: usize, dark: impl Fn(usize, usize) -> bool) -> Self {
        let places = (0..width).flat_map(|y| (0..width).map(move |x| (x, y)));
        let dark = places.map(|(x, y)| dark(x, y)).collect();
        Self { width, dark }
    }

    fn at(&self, x: usize, y: usize) -> bool {
        self.dark[y * self.width + x]
    }

    /// Each pixel four times as wide, so that modules have an inside.
    fn enlarged(&self) -> Self {
        Self::new(4 * self.width, |x, y| self.at(x / 4, y / 4))
    }

    fn read(&self) -> String {
        let mut image =
            rqrr::PreparedImage::prepare_from_bitmap(self.width, self.width, |x, y| self.at(x, y));
        let grids = image.detect_grids();
        assert_eq!(grids.len(), 1, "one code");
        grids[0].decode().unwrap().1
    }
}

/// The path of an SVG, in which each module is a square.
fn of_svg(svg: &str) -> Pixels {
    let mut squares = Vec::new();
    for square in svg.split('M').skip(1) {
        let Some((place, _)) = square.split_once("h1v1h-1z") else {
            continue;
        };
        let (x, y) = place.split_once(' ').unwrap();
        squares.push((x.parse::<usize>().unwrap(), y.parse::<usize>().unwrap()));
    }
    // The code has a margin of four modules.
    let width = squares.iter().map(|(x, _)| x + 1).max().unwrap() + 4;
    Pixels::new(width, |x, y| squares.contains(&(x, y))).enlarged()
}

/// PNG of one bit a pixel in one block that is not compressed.
fn of_png(png: &[u8]) -> Pixels {
    let width = u32::from_be_bytes(png[16..20].try_into().unwrap()) as usize;
    let data = png.windows(4).position(|name| name == b"IDAT").unwrap() + 4;
    // The header of zlib, and that of the block.
    let rows = &png[data + 7..];
    let dark = |x: usize, y: usize| rows[y * (width / 8 + 1) + 1 + x / 8] >> (7 - x % 8) & 1 == 0;
    Pixels::new(width, dark)
}

/// The lines of a code on a terminal.
fn lines(shown: &str) -> Vec<Vec<char>> {
    let painted = shown.split("\x1b[30;107m").skip(1);
    let whole = painted.filter_map(|line| line.split_once("\x1b[0m"));
    whole.map(|(line, _)| line.chars().collect()).collect()
}

/// Two rows of modules in each line.
fn of_terminal(lines: &[Vec<char>]) -> Pixels {
    let dark = |x: usize, y: usize| {
        let half = ['▀', '▄'][y % 2];
        ['█', half].contains(&lines[y / 2][x])
    };
    Pixels::new(lines[0].len(), dark).enlarged()
}

/// The command that writes the known answer's sheet.
fn write(out: impl Into<OsString>) -> [OsString; 9] {
    arguments![
        "paper",
        "write",
        "--key",
        vector("x-wing.key"),
        "--pub",
        vector("x-wing.pub"),
        "--no-verify",
        "--out",
        out.into()
    ]
}

fn written(folder: &Folder, name: &str) -> Vec<u8> {
    let out = folder.join(name);
    secdom(write(&out)).done();
    fs::read(out).unwrap()
}

/// The text on the sheet, without spaces.
fn text() -> String {
    let sheet = fs::read_to_string(vector("x-wing.txt")).unwrap();
    let text = sheet.split("\n\n").nth(2).unwrap();
    text.split_whitespace().collect()
}

#[test]
fn a_code_is_read_as_the_text_of_its_sheet() {
    let folder = Folder::new();
    let text = text();
    let svg = of_svg(&String::from_utf8(written(&folder, "sheet.svg")).unwrap());
    let png = of_png(&written(&folder, "sheet.png"));
    for picture in [&svg, &png] {
        assert_eq!(picture.read().to_lowercase(), text);
        // A stain in the middle, away from the patterns by which a code is found.
        let stained = picture.width * 9 / 20..picture.width * 12 / 20;
        let stain = |x: usize, y: usize| stained.contains(&x) && stained.contains(&y);
        let stained = Pixels::new(picture.width, |x, y| picture.at(x, y) || stain(x, y));
        assert_eq!(stained.read().to_lowercase(), text);
    }
}

#[cfg(all(
    target_os = "linux",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
#[test]
fn a_code_on_a_terminal_is_read() {
    let mut terminal = crate::interrupted::Terminal::new();
    let mut child = terminal.run(write("-"));
    let mut shown = String::new();
    let lines = loop {
        shown += &terminal.shown();
        let lines = lines(&shown);
        if { lines.first() }.is_some_and(|line| lines.len() == line.len().div_ceil(2)) {
            break lines;
        }
    };
    assert!(child.wait().unwrap().success());
    assert_eq!(of_terminal(&lines).read().to_lowercase(), text());
}
