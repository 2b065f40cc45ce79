// SPDX-License-Identifier: MIT OR Apache-2.0
//! Drills of a domain file: a custodian shows, alone and offline, that his key still opens his share
//! (`docs/format.md`, "Drills of a domain file").
//!
//! Whoever wants to know writes a [`Challenge`]. It holds a fresh value for each custodian who is
//! asked, wrapped to the key in his certificate as his content key is. The custodian opens his share
//! and unwraps the value with the same key ([`respond`]), and [`Response::verify`] tells who did. No
//! share leaves its custodian, and nothing is combined.
//!
//! A response proves that somebody has the custodian's key now. It does not prove that the share
//! opened: an Azure share has no possession key that could sign. That the share opened is what the
//! custodian's program says by responding at all, because [`respond`] makes no response otherwise.
//! The native format proves both: see [`drill`](crate::drill).
//!
//! ```
//! # use rand_chacha::{ChaCha20Rng, rand_core::SeedableRng};
//! # let mut rng = ChaCha20Rng::from_seed([1; 32]);
//! # macro_rules! vector { ($name:literal) => {
//! #     include_str!(concat!("../../tests/vectors/managed-hsm/", $name))
//! # }; }
//! # fn der(pem: &str) -> Vec<u8> {
//! #     let body: String = pem.lines().filter(|line| !line.starts_with("--")).collect();
//! #     let mut der = vec![0; body.len()];
//! #     <base64ct::Base64 as base64ct::Encoding>::decode(&body, &mut der).unwrap().to_vec()
//! # }
//! # let text = vector!("valid/v01-2of3-2048/sd.json").as_bytes();
//! # let certificate = der(vector!("keys/s2048_0.cer"));
//! # let key = der(vector!("keys/s2048_0.key"));
//! use security_domain::managed_hsm::domain_file::DomainFile;
//! use security_domain::managed_hsm::drill::{Challenge, Response, respond};
//! use security_domain::rsa::PrivateKey;
//! use security_domain::x509::RecoveryCertificate;
//!
//! // Whoever asks has the custodian's certificate.
//! let file = DomainFile::parse(text)?;
//! let asked = [RecoveryCertificate::parse(&certificate)?];
//! let mut out = vec![0; Challenge::written_len(&asked)];
//! let challenge = Challenge::write(&file, &asked, 1_790_000_000, &mut rng, &mut out)?;
//!
//! // The custodian.
//! let me = asked[0].thumbprint();
//! let mut my_key = PrivateKey::from_pkcs8_der(&key)?;
//! let mut answer = [0; Response::LEN];
//! let response = respond(&file, &challenge, &me, &mut my_key, &mut rng, &mut answer)?;
//!
//! // Whoever asked.
//! assert_eq!(response.verify(&file, &challenge)?, me);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod challenge;
mod respond;
mod response;
mod write;

pub use challenge::Challenge;
pub use respond::{RespondError, respond};
pub use response::{Response, ResponseError};
pub use write::ChallengeError;
