// SPDX-License-Identifier: MIT OR Apache-2.0
//! The entry points from which `proofs/reach.py` looks for a way to the panic handler.

use security_domain::hazmat::ct::eq_bytes;
use security_domain::hazmat::gf256::{Public, mul_add_row};
use security_domain::hazmat::gf257::{Element, weight};
use security_domain::hazmat::kdf::{Pseudorandom, sp800_108_hmac_sha512};
use security_domain::quorum::{Quorum, ShareIndex};
use security_domain::secret::Secret;
use security_domain::shamir::check::correct_rows;
use security_domain::shamir::encoded::{EncodedShare, combine_encoded};
use security_domain::shamir::renew::{refresh, repair, reshare};
use security_domain::shamir::{ShareRow, combine_rows, split_rows};

use crate::entry::entry;
use crate::rng::Xorshift;

entry!(reach_ct, |input, out| usize::from(
    eq_bytes(input, out).declassify()
));

entry!(reach_secret, |input, out| {
    let secret = Secret::<32>::random(&mut Xorshift(input.len() as u32));
    out.iter_mut()
        .zip(secret.iter().flat_map(Secret::expose))
        .for_each(|(to, from)| *to = *from);
    0
});

entry!(reach_gf256, |input, out| {
    usize::from(mul_add_row(out, Public::new(input.len() as u8), input).is_ok())
});

entry!(reach_gf257, |input, out| {
    let mut points = [Element::ZERO; 10];
    points
        .iter_mut()
        .zip(input)
        .for_each(|(to, from)| *to = Element::from_byte(*from));
    let weight = weight(&points, out.len(), Element::ZERO);
    weight.map_or(0, |weight| usize::from(weight.value()))
});

entry!(reach_kdf, |input, out| {
    let mut long = Secret::from_bytes(&mut [0; 64]);
    let mut pseudorandom = Pseudorandom::none();
    let derived = sp800_108_hmac_sha512(input, out.iter().copied(), input, &mut long);
    let extracted = pseudorandom.extract(out, input);
    let mut short = Secret::from_bytes(&mut [0; 32]);
    let expanded = pseudorandom.expand(&[input, out], &mut short);
    out.iter_mut()
        .zip(long.expose().iter().chain(short.expose()))
        .for_each(|(to, from)| *to = *from);
    usize::from(derived.and(extracted).and(expanded).is_err())
});

pub fn quorum(threshold: usize, count: usize) -> Option<Quorum> {
    Quorum::new(threshold as u8, count as u8).ok()
}

entry!(reach_shamir_split, |input, out| {
    let Some(quorum) = quorum(input.len(), out.len()) else {
        return 0;
    };
    let mut rows: [&mut [u8]; 255] = core::array::from_fn(|_| Default::default());
    let mut count = 0;
    for (row, part) in rows.iter_mut().zip(out.chunks_mut(input.len().max(1))) {
        *row = part;
        count += 1;
    }
    let rows = rows.get_mut(..count).unwrap_or_default();
    usize::from(split_rows(input, quorum, &mut Xorshift(1), rows).is_ok())
});

entry!(reach_shamir_combine, |input, out| {
    let Some(quorum) = quorum(input.len(), out.len()) else {
        return 0;
    };
    let mut rows = quorum.indices().map(|index| ShareRow {
        index,
        value: input,
    });
    let (Some(a), Some(b)) = (rows.next(), rows.next()) else {
        return 0;
    };
    usize::from(combine_rows(quorum, &[a, b], out).is_ok())
});

entry!(reach_shamir_correct, |input, out| {
    let Some(quorum) = quorum(input.len(), out.len()) else {
        return 0;
    };
    let mut rows = quorum.indices().map(|index| ShareRow {
        index,
        value: input,
    });
    let (Some(a), Some(b), Some(c), Some(d)) = (rows.next(), rows.next(), rows.next(), rows.next())
    else {
        return 0;
    };
    correct_rows(quorum, &[a, b, c, d], &mut Xorshift(1), out).map_or(0, |wrong| wrong.len())
});

entry!(reach_shamir_encoded, |input, out| {
    let (a, b) = input.split_at_checked(out.len()).unwrap_or_default();
    let (Ok(a), Ok(b)) = (EncodedShare::parse(a), EncodedShare::parse(b)) else {
        return 0;
    };
    let digest = usize::from(a.digest() == b.digest());
    match combine_encoded(&[a, b], out) {
        Ok(()) => a.encode(out).unwrap_or(digest),
        Err(_) => digest,
    }
});

entry!(reach_shamir_text, |input, out| {
    let (bytes, out) = out.split_at_mut_checked(input.len()).unwrap_or_default();
    let read = core::str::from_utf8(input)
        .ok()
        .and_then(|text| EncodedShare::parse_text(text, bytes).ok());
    match read.or_else(|| EncodedShare::parse(input).ok()) {
        Some(share) => share.encode_text(out).map_or(0, str::len),
        None => 0,
    }
});

entry!(reach_shamir_renew, |input, out| {
    let (Some(quorum), Ok(index)) = (
        quorum(input.len(), out.len()),
        ShareIndex::new(out.len() as u8),
    ) else {
        return 0;
    };
    let share = ShareRow {
        index,
        value: input,
    };
    let (a, b) = out.split_at_mut_checked(input.len()).unwrap_or_default();
    let rng = &mut Xorshift(1);
    let holders = quorum
        .indices()
        .take(2)
        .last()
        .map_or([index; 2], |b| [index, b]);
    let done = [
        repair::mask(quorum, &holders, index, share, rng, &mut [&mut *a, &mut *b]).is_ok(),
        repair::pool(quorum, &[input, &*b], a).is_ok(),
        refresh::deal(quorum, rng, &mut [&mut *a, &mut *b]).is_ok(),
        refresh::apply(share, &[&*b], a).is_ok(),
        reshare::deal(share, quorum, rng, &mut [&mut *a, &mut *b]).is_ok(),
        reshare::collect(quorum, &[share, share], a).is_ok(),
    ];
    done.into_iter().filter(|&done| done).count()
});
