// SPDX-License-Identifier: MIT OR Apache-2.0
//! Encrypted PKCS#8: PBES2 and PBES1 (RFC 8018 section 6), and the password-based encryption of PKCS#12
//! (RFC 7292 appendix C). The work that a file asks for is bounded.

use ::cbc::Decryptor;
use ::cbc::cipher::block_padding::Pkcs7;
use ::cbc::cipher::{BlockCipherDecrypt, BlockModeDecrypt, InnerIvInit, KeyInit, KeyIvInit};
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader};
use des::{Des, TdesEde2, TdesEde3};
use md5::Md5;
use pkcs8::EncryptedPrivateKeyInfoRef;
use pkcs8::pkcs5::pbes2::Kdf;
use pkcs8::pkcs5::{self, EncryptionScheme};
use rc2::Rc2;
use sha1::{Digest, Sha1};
use zeroize::Zeroizing;

use super::Lock;
use crate::report::Outcome;

/// The most iterations of a derivation: some ten seconds of work.
const MOST_ITERATIONS: u64 = 20_000_000;

/// The most memory of scrypt, and how often it may be filled.
const MOST_MEMORY: u64 = 512 << 20;
const MOST_PASSES: u64 = 8;

pub const CONVERT: &str = "convert it with: openssl pkcs8 -topk8 -in OLD.key -out NEW.key -provider legacy -provider default";

/// Decrypts a key, or what is encrypted in the same way, and asks for the password if none is given.
pub fn decrypt(der: &[u8], lock: &mut Lock<'_>) -> Outcome<Zeroizing<Vec<u8>>> {
    if lock.may_be_empty()
        && let Ok(text) = decrypt_with(der, lock, |_| Ok(&[]))
    {
        return Ok(text);
    }
    decrypt_with(der, lock, |lock| lock.password())
}

/// Where a password comes from.
type Password = for<'l> fn(&'l mut Lock<'_>) -> Outcome<&'l [u8]>;

fn decrypt_with(
    der: &[u8],
    lock: &mut Lock<'_>,
    password: Password,
) -> Outcome<Zeroizing<Vec<u8>>> {
    let malformed = |_| lock.refuse("what is encrypted in it is malformed DER");
    let (oid, parameters, data) = read(der).map_err(malformed)?;
    let oid = oid.to_string();
    if oid == "1.2.840.113549.1.5.13" {
        return pbes2(der, lock, password);
    }
    let pbe = Pbe::read(parameters).map_err(malformed)?;
    bounded(u64::from(pbe.iterations), lock)?;
    let scheme = match oid.as_str() {
        "1.2.840.113549.1.5.3" => Pbe::md5_des,
        "1.2.840.113549.1.5.6" => Pbe::md5_rc2,
        "1.2.840.113549.1.5.10" => Pbe::sha1_des,
        "1.2.840.113549.1.5.11" => Pbe::sha1_rc2,
        "1.2.840.113549.1.12.1.3" => Pbe::pkcs12_3des,
        "1.2.840.113549.1.12.1.4" => Pbe::pkcs12_2des,
        "1.2.840.113549.1.12.1.5" => Pbe::pkcs12_rc2_128,
        "1.2.840.113549.1.12.1.6" => Pbe::pkcs12_rc2_40,
        oid => return Err(lock.unsupported(oid)),
    };
    let text = scheme(&pbe, password(lock)?, data);
    text.filter(|text| is_whole(text))
        .ok_or_else(|| lock.wrong())
}

/// Returns the algorithm, its parameters and the ciphertext.
fn read(der: &[u8]) -> der::Result<(ObjectIdentifier, AnyRef<'_>, &[u8])> {
    let mut reader = SliceReader::new(der)?;
    reader.sequence(|reader| {
        let (oid, parameters) = reader.sequence(|reader: &mut SliceReader<'_>| {
            Ok::<_, der::Error>((reader.decode()?, reader.decode()?))
        })?;
        let data = reader.decode::<&OctetStringRef>()?;
        Ok((oid, parameters, data.as_bytes()))
    })
}

/// Refuses a derivation that takes too long.
fn bounded(iterations: u64, lock: &Lock<'_>) -> Outcome<()> {
    if iterations <= MOST_ITERATIONS {
        return Ok(());
    }
    Err(lock.refuse(format!(
        "its encryption asks for {iterations} iterations; the limit is {MOST_ITERATIONS}"
    )))
}

fn pbes2(der: &[u8], lock: &mut Lock<'_>, password: Password) -> Outcome<Zeroizing<Vec<u8>>> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der);
    let info = info.map_err(|_| lock.unsupported("PBES2"))?;
    match info.encryption_algorithm.pbes2().map(|scheme| &scheme.kdf) {
        Some(Kdf::Pbkdf2(kdf)) => bounded(kdf.iteration_count.into(), lock)?,
        Some(Kdf::Scrypt(kdf)) => {
            let block = 128 * u64::from(kdf.block_size);
            let memory = block.saturating_mul(kdf.cost_parameter);
            let passes = u64::from(kdf.parallelization);
            if memory > MOST_MEMORY || passes.saturating_mul(block) > MOST_MEMORY {
                return Err(lock.refuse(format!(
                    "its encryption asks for {} MiB of memory (scrypt); the limit is {} MiB",
                    memory.max(passes.saturating_mul(block)) >> 20,
                    MOST_MEMORY >> 20
                )));
            }
            if memory.saturating_mul(passes) > MOST_MEMORY * MOST_PASSES {
                return Err(lock.refuse(format!(
                    "its encryption asks for {passes} passes over {} MiB (scrypt), which is too much",
                    memory >> 20
                )));
            }
            // The crate aborts if there is not so much.
            let room = usize::try_from(memory).unwrap_or(usize::MAX);
            if Vec::<u8>::new().try_reserve_exact(room).is_err() {
                return Err(lock.refuse(format!(
                    "its encryption needs {} MiB of memory (scrypt), which this machine does not give",
                    memory >> 20
                )));
            }
        }
        _ => return Err(lock.unsupported("PBES2")),
    }
    let mut buffer = Zeroizing::new(info.encrypted_data.as_bytes().to_vec());
    let decrypted = decrypt_in_place(&info.encryption_algorithm, password(lock)?, &mut buffer);
    match decrypted {
        Ok(length) => buffer.truncate(length),
        Err(pkcs5::Error::DecryptFailed) => return Err(lock.wrong()),
        Err(_) => return Err(lock.unsupported("PBES2")),
    }
    if is_whole(&buffer) {
        Ok(buffer)
    } else {
        Err(lock.wrong())
    }
}

fn decrypt_in_place(
    scheme: &EncryptionScheme,
    password: &[u8],
    buffer: &mut [u8],
) -> pkcs5::Result<usize> {
    scheme.decrypt_in_place(password, buffer).map(<[u8]>::len)
}

/// Returns whether this is a complete sequence. Once in 256 times a wrong password passes the check of the
/// padding; then the plaintext is not one.
pub fn is_whole(text: &[u8]) -> bool {
    AnyRef::from_der(text).is_ok_and(|all| text.first() == Some(&0x30) && !all.value().is_empty())
}

/// The parameters of PBES1 and of PKCS#12.
struct Pbe<'a> {
    salt: &'a [u8],
    iterations: u32,
}

impl<'a> Pbe<'a> {
    fn read(parameters: AnyRef<'a>) -> der::Result<Self> {
        parameters.sequence(|reader| {
            Ok(Self {
                salt: reader.decode::<&OctetStringRef>()?.as_bytes(),
                iterations: reader.decode()?,
            })
        })
    }

    fn md5_des(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.pbkdf1::<Md5>(password);
        cbc::<Des>(&key[..8], &key[8..16], data)
    }

    fn sha1_des(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.pbkdf1::<Sha1>(password);
        cbc::<Des>(&key[..8], &key[8..16], data)
    }

    fn md5_rc2(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.pbkdf1::<Md5>(password);
        rc2_cbc(&key[..8], &key[8..16], data)
    }

    fn sha1_rc2(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let key = self.pbkdf1::<Sha1>(password);
        rc2_cbc(&key[..8], &key[8..16], data)
    }

    fn pkcs12_3des(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (key, iv) = self.pkcs12(password, 24);
        cbc::<TdesEde3>(&key, &iv, data)
    }

    fn pkcs12_2des(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (key, iv) = self.pkcs12(password, 16);
        cbc::<TdesEde2>(&key, &iv, data)
    }

    fn pkcs12_rc2_128(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (key, iv) = self.pkcs12(password, 16);
        rc2_cbc(&key, &iv, data)
    }

    fn pkcs12_rc2_40(&self, password: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (key, iv) = self.pkcs12(password, 5);
        rc2_cbc(&key, &iv, data)
    }

    /// PBKDF1 (RFC 8018 section 5.1): a key of 8 bytes, then a vector of 8 bytes.
    fn pbkdf1<D: Digest>(&self, password: &[u8]) -> Zeroizing<Vec<u8>> {
        let mut key = Zeroizing::new(vec![0; <D as Digest>::output_size()]);
        key.copy_from_slice(
            &D::new()
                .chain_update(password)
                .chain_update(self.salt)
                .finalize(),
        );
        for _ in 1..self.iterations {
            let next = D::digest(&key[..]);
            key.copy_from_slice(&next);
        }
        key
    }

    /// The derivation of PKCS#12: the key, and the vector of 8 bytes.
    fn pkcs12(&self, password: &[u8], len: usize) -> (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>) {
        // The password is in UTF-16, with a zero at its end.
        let text = Zeroizing::new(String::from_utf8_lossy(password).into_owned());
        let mut wide = Zeroizing::new(Vec::with_capacity(2 * text.len() + 2));
        wide.extend(text.encode_utf16().chain([0]).flat_map(u16::to_be_bytes));
        let derive = |id, len| derive_pkcs12(id, &wide, self.salt, self.iterations, len);
        (derive(1, len), derive(2, 8))
    }
}

/// RFC 7292 appendix B.2, with SHA-1.
fn derive_pkcs12(
    id: u8,
    password: &[u8],
    salt: &[u8],
    iterations: u32,
    len: usize,
) -> Zeroizing<Vec<u8>> {
    const BLOCK: usize = 64;
    let fill = |text: &[u8]| {
        let len = text.len().next_multiple_of(BLOCK);
        text.iter().copied().cycle().take(len).collect::<Vec<u8>>()
    };
    let (salt, password) = (fill(salt), Zeroizing::new(fill(password)));
    let mut input = Zeroizing::new([&salt[..], &password[..]].concat());
    let mut out = Zeroizing::new(Vec::with_capacity(len + 20));
    while out.len() < len {
        let mut hash = Sha1::new()
            .chain_update([id; BLOCK])
            .chain_update(&input[..])
            .finalize();
        for _ in 1..iterations {
            hash = Sha1::digest(hash);
        }
        out.extend_from_slice(&hash);
        for block in input.chunks_mut(BLOCK) {
            // The block plus the repeated hash plus 1.
            let mut carry = 1;
            for (place, byte) in block.iter_mut().enumerate().rev() {
                carry += u16::from(*byte) + u16::from(hash[place % hash.len()]);
                *byte = carry as u8;
                carry >>= 8;
            }
        }
    }
    out.truncate(len);
    out
}

/// Decrypts CBC with the padding of PKCS#7.
pub fn cbc<C: BlockCipherDecrypt + KeyInit>(
    key: &[u8],
    iv: &[u8],
    data: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    unpadded(Decryptor::<C>::new_from_slices(key, iv).ok()?, data)
}

/// The same with RC2, whose effective length is that of its key.
fn rc2_cbc(key: &[u8], iv: &[u8], data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = Rc2::new_with_eff_key_len(key, 8 * key.len());
    unpadded(Decryptor::inner_iv_slice_init(cipher, iv).ok()?, data)
}

fn unpadded(cipher: impl BlockModeDecrypt, data: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(data.to_vec());
    let length = cipher.decrypt_padded::<Pkcs7>(&mut text).ok()?.len();
    text.truncate(length);
    Some(text)
}
