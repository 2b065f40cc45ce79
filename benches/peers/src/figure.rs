// SPDX-License-Identifier: MIT OR Apache-2.0
//! The figure for the README: time for each library, on a logarithmic scale, as an SVG that follows the
//! reader's light or dark colours.

use std::fmt::Write;

use crate::report::{OURS, Sharing, time};
use crate::shamir::{Kind, LARGE, SMALL};

/// A panel of the figure: 3 of 5, with the generator where there is a choice.
const PANELS: [(&str, &str, usize, &str); 4] = [
    ("split 32 B, 3 of 5", "split", SMALL, "chacha20"),
    ("combine 32 B, 3 of 5", "combine", SMALL, "own"),
    ("split 1 MiB, 3 of 5", "split", LARGE, "aes256ctr"),
    ("combine 1 MiB, 3 of 5", "combine", LARGE, "own"),
];

const WIDTH: f64 = 800.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 75.0;
const ROW: f64 = 20.0;
const HEAD: f64 = 46.0;
const FOOT: f64 = 14.0;

const STYLE: &str = "\
text { font: 13px system-ui, sans-serif; fill: #1f2328 } \
.title { font-weight: 600; font-size: 14px } .tick { font-size: 11px; fill: #59636e } \
.grid { stroke: #d1d9e0 } .ours { fill: #0969da } .peer { fill: #9a6700 } .bound { fill: #818b98 } \
.name { text-anchor: end } .mid { text-anchor: middle } \
@media (prefers-color-scheme: dark) { text { fill: #f0f6fc } .tick { fill: #9198a1 } \
.grid { stroke: #3d444d } .ours { fill: #4493f8 } .peer { fill: #d29922 } .bound { fill: #656c76 } }";

/// Draws the panels for which there are measurements.
pub fn draw(rows: &[Sharing]) -> String {
    let mut body = String::new();
    let mut top = 8.0;
    for (title, work, bytes, rng) in PANELS {
        let mut chosen: Vec<(&Sharing, f64)> = rows
            .iter()
            .filter(|row| row.work == work && row.bytes == bytes)
            .filter(|row| (row.threshold, row.count) == (3, 5))
            .filter(|row| row.rng == rng || row.rng == "own")
            .filter_map(|row| Some((row, row.median?)))
            .collect();
        chosen.sort_by(|one, other| one.1.total_cmp(&other.1));
        if !chosen.is_empty() {
            top += panel(&mut body, top, title, &chosen);
        }
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {top}\" role=\"img\" \
         aria-label=\"Time to split and to combine, for each library\">\n<style>{STYLE}</style>\n\
         {body}</svg>\n"
    )
}

/// Adds one panel at `top` and returns its height.
fn panel(body: &mut String, top: f64, title: &str, rows: &[(&Sharing, f64)]) -> f64 {
    let medians = rows.iter().map(|row| row.1.log10());
    let low = medians.clone().fold(f64::INFINITY, f64::min).floor();
    let high = medians
        .fold(f64::NEG_INFINITY, f64::max)
        .ceil()
        .max(low + 1.0);
    let at = |log: f64| LEFT + (log - low) / (high - low) * (WIDTH - LEFT - RIGHT);
    let bottom = top + HEAD + ROW * rows.len() as f64;
    line(
        body,
        format_args!(
            r#"<text class="title" x="8" y="{}">{title}</text>"#,
            top + 16.0
        ),
    );
    let decades = (high - low) as u32;
    for decade in 0..=decades {
        let log = low + f64::from(decade);
        let (x, y) = (at(log), top + HEAD - 4.0);
        line(
            body,
            format_args!(r#"<path class="grid" d="M{x:.1} {y:.1}V{bottom:.1}"/>"#),
        );
        let text = power(log);
        line(
            body,
            format_args!(
                r#"<text class="tick mid" x="{x:.1}" y="{:.1}">{text}</text>"#,
                y - 5.0
            ),
        );
    }
    for (number, (row, median)) in rows.iter().enumerate() {
        let y = top + HEAD + ROW * number as f64;
        let width = at(median.log10()) - LEFT;
        let (middle, end) = (y + 14.0, LEFT + width + 6.0);
        let class = match row.kind {
            Kind::Ours => "ours",
            Kind::Bound => "bound",
            Kind::Peer | Kind::ConstantTimePeer => "peer",
        };
        let weight = if row.library == OURS {
            r#" font-weight="600""#
        } else {
            ""
        };
        let name = row.library;
        line(
            body,
            format_args!(
                r#"<text class="name" x="{}" y="{middle:.1}"{weight}>{name}</text>"#,
                LEFT - 8.0
            ),
        );
        line(
            body,
            format_args!(
                r#"<rect class="{class}" x="{LEFT}" y="{:.1}" width="{width:.1}" height="14" rx="2"/>"#,
                y + 3.0
            ),
        );
        line(
            body,
            format_args!(
                r#"<text x="{end:.1}" y="{middle:.1}"{weight}>{}</text>"#,
                time(*median)
            ),
        );
    }
    bottom - top + FOOT
}

/// A power of ten nanoseconds.
fn power(log: f64) -> String {
    let exponent = log as u32;
    let unit = ["ns", "us", "ms", "s"][(exponent / 3).min(3) as usize];
    let digits = 10u32.pow(exponent - 3 * (exponent / 3).min(3));
    format!("{digits} {unit}")
}

fn line(body: &mut String, text: std::fmt::Arguments<'_>) {
    writeln!(body, "{text}").expect("a string grows");
}
