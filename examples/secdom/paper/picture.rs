// SPDX-License-Identifier: MIT OR Apache-2.0
//! A QR code: on a terminal, as a path of SVG, as PNG.

use std::fmt::Write;

use qrcode::{Color, EcLevel, QrCode};
use zeroize::Zeroizing;

/// How many modules around the code are light.
const MARGIN: usize = 4;
/// The width of a module in pixels.
const SCALE: usize = 8;

/// A square of dark and light modules, with its margin.
pub struct Picture {
    width: usize,
    dark: Zeroizing<Vec<u8>>,
}

impl Picture {
    /// Makes the code of `text`, which can be read with a quarter of it covered.
    pub fn of(text: &str) -> Option<Self> {
        let code = QrCode::with_error_correction_level(text, EcLevel::Q).ok()?;
        let inner = code.width();
        let width = inner + 2 * MARGIN;
        let mut dark = Zeroizing::new(vec![0; width * width]);
        let rows = dark.chunks_exact_mut(width).skip(MARGIN);
        for (row, colors) in rows.zip(code.into_colors().chunks_exact(inner)) {
            for (module, color) in row.iter_mut().skip(MARGIN).zip(colors) {
                *module = u8::from(*color == Color::Dark);
            }
        }
        Some(Self { width, dark })
    }

    pub fn width(&self) -> usize {
        self.width
    }

    fn rows(&self) -> impl Iterator<Item = &[u8]> {
        self.dark.chunks_exact(self.width)
    }

    /// Two rows a line, black on white whatever the terminal's colours are.
    pub fn on_terminal(&self) -> Zeroizing<String> {
        let light = vec![0; self.width];
        let mut rows = self.rows();
        let mut text = Zeroizing::new(String::with_capacity(2 * self.dark.len() + 16 * self.width));
        while let Some(upper) = rows.next() {
            let lower = rows.next().unwrap_or(&light);
            text.push_str("\x1b[30;107m");
            for pair in upper.iter().zip(lower) {
                text.push(match pair {
                    (0, 0) => ' ',
                    (0, _) => '▄',
                    (_, 0) => '▀',
                    _ => '█',
                });
            }
            text.push_str("\x1b[0m\n");
        }
        text
    }

    /// Writes the data of a path in which a module is a unit wide.
    pub fn path(&self, out: &mut String) {
        for (y, row) in self.rows().enumerate() {
            for (x, _) in row.iter().enumerate().filter(|(_, module)| **module != 0) {
                let _ = write!(out, "M{x} {y}h1v1h-1z");
            }
        }
    }

    /// PNG with one bit a pixel (ISO/IEC 15948), stored without compression.
    pub fn png(&self) -> Zeroizing<Vec<u8>> {
        let side = self.width * SCALE;
        let mut pixels = Zeroizing::new(Vec::with_capacity((side / 8 + 1) * side));
        for row in self.rows() {
            for _ in 0..SCALE {
                // No filter; then a byte a module, since eight pixels are one byte.
                pixels.push(0);
                pixels.extend(row.iter().map(|module| match module {
                    0 => 0xff_u8,
                    _ => 0,
                }));
            }
        }
        let mut zlib = Zeroizing::new(Vec::with_capacity(pixels.len() + 16));
        zlib.extend([0x78, 0x01, 1]);
        let length = pixels.len() as u16;
        zlib.extend(length.to_le_bytes());
        zlib.extend((!length).to_le_bytes());
        zlib.extend_from_slice(&pixels);
        zlib.extend(adler32(&pixels).to_be_bytes());

        let side = (side as u32).to_be_bytes();
        let header = [&side[..], &side, &[1, 0, 0, 0, 0]].concat();
        let mut png = Zeroizing::new(Vec::with_capacity(zlib.len() + 80));
        png.extend(b"\x89PNG\r\n\x1a\n");
        chunk(&mut png, b"IHDR", &header);
        chunk(&mut png, b"IDAT", &zlib);
        chunk(&mut png, b"IEND", &[]);
        png
    }
}

fn chunk(png: &mut Vec<u8>, name: &[u8; 4], data: &[u8]) {
    png.extend((data.len() as u32).to_be_bytes());
    png.extend(name);
    png.extend_from_slice(data);
    png.extend(crc32(name.iter().chain(data)).to_be_bytes());
}

fn crc32<'a>(bytes: impl Iterator<Item = &'a u8>) -> u32 {
    !bytes.fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ ((crc & 1) * 0xedb8_8320)
        })
    })
}

fn adler32(bytes: &[u8]) -> u32 {
    let (low, high) = bytes.iter().fold((1, 0), |(low, high), byte| {
        let low = (low + u32::from(*byte)) % 65_521;
        (low, (high + low) % 65_521)
    });
    high << 16 | low
}
