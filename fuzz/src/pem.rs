// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM, as the tool reads it.

#[path = "../../examples/secdom"]
mod secdom {
    pub mod pem;
}

use secdom::pem::{blocks, encode};

/// Text with blocks: a block that decodes is the same after it is written and read again.
pub fn pem(data: &[u8]) {
    for block in blocks(data) {
        let Some(der) = block.decode() else {
            continue;
        };
        assert!(!block.headers, "a colon is not in the alphabet");
        let text = encode(block.label, &der);
        let [again] = blocks(&text).try_into().ok().expect("one block");
        assert_eq!(again.label, block.label);
        assert_eq!(again.decode().expect("it was written"), der);
    }
}
