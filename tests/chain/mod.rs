// SPDX-License-Identifier: MIT OR Apache-2.0
//! An error with its sources, as programs print it.

use std::error::Error;
use std::iter::successors;

/// The text of `error`, and those of its sources.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let texts = successors(Some(error), |&error| error.source()).map(ToString::to_string);
    texts.collect::<Vec<_>>().join(": ")
}
