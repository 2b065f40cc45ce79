// SPDX-License-Identifier: MIT OR Apache-2.0
//! Frames on the UART: a byte that says what it is, the length of the body in 4 bytes, little
//! endian, and the body.

use core::fmt::{self, Write};

use crate::board::hardware;

/// The longest body.
pub const MAX_BODY: usize = 8192;

/// What the HSM sends: it was started, a command was served, or it was refused.
pub const STARTED: u8 = b'!';
pub const SERVED: u8 = b'+';
pub const REFUSED: u8 = b'-';

/// Receives a command and its body.
pub fn receive(body: &mut [u8; MAX_BODY]) -> (u8, &[u8]) {
    loop {
        let command = hardware::receive();
        let len = u32::from_le_bytes(core::array::from_fn(|_| hardware::receive()));
        if len as usize <= MAX_BODY {
            let body = &mut body[..len as usize];
            body.fill_with(hardware::receive);
            return (command, body);
        }
        for _ in 0..len {
            hardware::receive();
        }
        send(REFUSED, b"the message is too long");
    }
}

pub fn send(what: u8, body: &[u8]) {
    hardware::send(what);
    for byte in (body.len() as u32).to_le_bytes().iter().chain(body) {
        hardware::send(*byte);
    }
}

/// The items of a body, each behind its length in 2 bytes, little endian.
pub struct Items<'a>(pub &'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.0.split_first_chunk()?;
        let (item, rest) = rest.split_at_checked(u16::from_le_bytes(*len).into())?;
        self.0 = rest;
        Some(item)
    }
}

/// Text in a buffer, cut where the buffer ends.
pub struct Text<'a> {
    buffer: &'a mut [u8],
    len: usize,
}

impl<'a> Text<'a> {
    pub fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, len: 0 }
    }

    /// Prints `value`, and returns the bytes so far.
    pub fn print(mut self, value: &dyn fmt::Display) -> &'a [u8] {
        let _ = write!(self, "{value}");
        self.buffer.get(..self.len).unwrap_or_default()
    }
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let rest = self.buffer.get_mut(self.len..).unwrap_or_default();
        for (to, from) in rest.iter_mut().zip(text.bytes()) {
            *to = from;
            self.len += 1;
        }
        Ok(())
    }
}
