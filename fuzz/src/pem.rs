// SPDX-License-Identifier: MIT OR Apache-2.0
//! PEM, as the tool reads it.

#[path = "../../examples/secdom"]
mod secdom {
    pub mod pem;
}

use secdom::pem::{blocks, encode, find};

/// Text with blocks: a block that decodes is the same after it is written and read again.
pub fn pem(data: &[u8]) {
    for block in blocks(data) {
        let Some(der) = block.decode() else {
            continue;
        };
        let text = encode(block.label, &der);
        let found = find(&text);
        assert_eq!(found.cut, None);
        let [again] = found.whole.try_into().ok().expect("one block");
        assert!(again.headers.is_empty(), "a colon is not in the alphabet");
        assert_eq!(again.label, block.label);
        assert_eq!(again.decode().expect("it was written"), der);
    }
}
