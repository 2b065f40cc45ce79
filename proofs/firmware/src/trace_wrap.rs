// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shares wrapped to a custodian, as functions of 32 secret bytes; `proofs/trace.py` has each one's answer.

use security_domain::quorum::ShareIndex;
use security_domain::shamir::Share;
use security_domain::wrapped_share::{PLAINTEXT_LEN, WrappedShare, read_share};

use crate::masking::Masking;
use crate::rng::Xorshift;
use crate::trace::{secret, trace};

/// Shares its first bytes with some of the secrets, and is none of them.
const CONTEXT: [u8; 32] = {
    let mut context = [0; 32];
    context[31] = 1;
    context
};

// A share, wrapped and unwrapped.
trace!(trace_wrap_share, |bytes, out| {
    let index = ShareIndex::new(3).ok()?;
    let share = Share::new(index, secret(bytes));
    let mut wrapped = [0; 256];
    let rng = &mut Xorshift(7);
    let wrapped = WrappedShare::wrap(&share, &CONTEXT, &Masking(1), rng, &mut wrapped).ok()?;
    let share = wrapped.unwrap(&CONTEXT, index, &mut Masking(1), rng).ok()?;
    *out = *share.value().expose();
    Some(())
});

// What a token unwraps has the secret where the context should be: refused, whatever it is.
trace!(trace_wrap_refused, |bytes, out| {
    let mut plaintext = [3; PLAINTEXT_LEN];
    let (context, _) = plaintext.split_first_chunk_mut()?;
    *context = *bytes;
    let read = read_share(&plaintext, &CONTEXT, ShareIndex::new(3).ok()?);
    out.fill(u8::from(read.is_err()));
    Some(())
});
