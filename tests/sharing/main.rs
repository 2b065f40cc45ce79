// SPDX-License-Identifier: MIT OR Apache-2.0
//! Sharing: what comes out, what shares tell, and what is refused.

mod check;
mod dealing;
mod encoded;
mod hostile;
mod renew;
mod split_combine;
mod text;
mod uniform;
mod worn;
