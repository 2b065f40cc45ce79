// SPDX-License-Identifier: MIT OR Apache-2.0
//! The member `EncData`: the artifacts, each sealed under a key derived from the master key.
//!
//! Domain files and restore blobs have the same member.

use super::error::{Fault, Field, FileError, OpenError, WriteError};
use super::json::{Member, Reader, Str, Unescaped};
use super::jwe::{Algorithm, ContentKey, Jwe, Sealer, padded_len, sealed_len};
use super::master_key::MasterKey;
use super::source::Text;
use super::tag::Tag;
use super::writer::{Writer, escape};
use crate::burn::{self, burning};
use crate::ct::Mask;
use crate::hardened::{self, Permit, Verdict};
use crate::kdf;
use crate::list::List;
use crate::rng::Generator;

/// The most artifacts of a file.
pub const MAX_ENTRIES: usize = 32;

const KDF: &str = "sp108_kdf";

/// A sealed artifact in a file.
#[derive(Clone, Copy)]
pub struct Artifact<'a> {
    tag: Tag<'a>,
    jwe: Str<Text<'a>>,
    ciphertext_len: usize,
}

impl<'a> Artifact<'a> {
    /// Returns the artifact's tag.
    pub fn tag(&self) -> Tag<'a> {
        self.tag
    }

    /// Returns the length of the ciphertext in bytes, a multiple of 16.
    pub fn ciphertext_len(&self) -> usize {
        self.ciphertext_len
    }

    /// Returns the maximum length of the artifact when opened, which is the buffer that
    /// [`open`](Self::open) needs. Padding hides the exact length, which is up to 15 bytes less.
    pub fn max_len(&self) -> usize {
        self.ciphertext_len.saturating_sub(1)
    }

    /// Opens the artifact into the front of `out`, and returns its length.
    ///
    /// Secret: `key`, the artifact. Public: the file. Leaks: whether it opens, and the artifact's
    /// length then.
    ///
    /// # Errors
    ///
    /// Fails for each reason in [`OpenError`].
    pub fn open(&self, key: &MasterKey, out: &mut [u8]) -> Result<usize, OpenError> {
        burning::<{ burn::JWE }, _>(move || {
            let mut content = ContentKey::zeroed();
            content_key(key, &self.tag, &mut content)?;
            self.jwe()?.open(&content, out)
        })
    }

    /// Returns the JWE, whose form was checked when the file was parsed.
    fn jwe(&self) -> Result<Jwe<Unescaped<Text<'a>>>, hardened::Fault> {
        parse_jwe(&self.jwe, &self.tag, Field::new("")).map_err(|_| hardened::Fault)
    }

    /// Returns whether the tag belongs to this key, without checking the padding.
    fn authentic(&self, key: &MasterKey) -> Result<Mask, hardened::Fault> {
        let mut content = ContentKey::zeroed();
        content_key(key, &self.tag, &mut content)?;
        self.jwe()?.authentic(&content)
    }

    /// Returns a permit if [`open`](Self::open) would succeed.
    fn opens(&self, key: &MasterKey) -> Result<Permit, OpenError> {
        let mut content = ContentKey::zeroed();
        content_key(key, &self.tag, &mut content)?;
        self.jwe()?.opens(&content)
    }
}

impl core::fmt::Debug for Artifact<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Artifact")
            .field("tag", &self.tag)
            .field("ciphertext_len", &self.ciphertext_len)
            .finish()
    }
}

/// Fills `out` with the content key of an artifact: SP 800-108 with the tag as the label and no context.
///
/// Secret: `key`, the result. Public: the tag. Leaks: nothing else.
fn content_key(
    key: &MasterKey,
    tag: &Tag<'_>,
    out: &mut ContentKey,
) -> Result<(), hardened::Fault> {
    kdf::sp800_108_hmac_sha512(key.secret().expose(), tag.bytes(), b"", out)
}

fn parse_jwe<'a>(
    text: &Str<Text<'a>>,
    tag: &Tag<'_>,
    at: Field,
) -> Result<Jwe<Unescaped<Text<'a>>>, FileError> {
    Jwe::parse(text.bytes(), Algorithm::Direct, tag.bytes(), at)
}

/// The artifacts of a file: 1 to 32 with different tags.
#[derive(Clone)]
pub struct EncData<'a> {
    entries: List<Artifact<'a>, MAX_ENTRIES>,
}

impl<'a> EncData<'a> {
    /// Makes an empty list.
    pub const fn new() -> Self {
        Self {
            entries: List::new(),
        }
    }

    /// Reads the member's value. After the whole file has been read, [`check`](Self::check)
    /// decides.
    pub fn read(&mut self, reader: &mut Reader<'_, Text<'a>>) -> Result<(), FileError> {
        let data = Field::new("EncData.data");
        let kdf = Field::new("EncData.kdf");
        let members = [Member::new("data", data), Member::new("kdf", kdf)];
        reader.object(
            Field::new("EncData"),
            &members,
            |reader, member| match member {
                0 => reader
                    .array(data, |reader, index| {
                        let entry = read_entry(reader, Field::element("EncData.data[]", index))?;
                        self.push(entry, index)
                    })
                    .map(|_| ()),
                _ => reader.literal(kdf, KDF),
            },
        )
    }

    fn push(&mut self, entry: Artifact<'a>, index: usize) -> Result<(), FileError> {
        if self.entries.iter().any(|earlier| earlier.tag == entry.tag) {
            return Err(Field::element("EncData.data[].tag", index).has(Fault::Repeated));
        }
        self.entries
            .push(entry)
            .map_err(|_| Field::new("EncData.data").has(Fault::Count))
    }

    /// Checks that there is an artifact.
    pub fn check(&self) -> Result<(), FileError> {
        if self.entries.is_empty() {
            return Err(Field::new("EncData.data").has(Fault::Count));
        }
        Ok(())
    }

    /// Iterates over the artifacts, in the order of the file.
    pub fn artifacts(&self) -> impl Iterator<Item = Artifact<'a>> + '_ {
        self.entries.iter().copied()
    }

    /// Returns whether the authentication tag of the shortest artifact belongs to this key, which
    /// is enough to distinguish keys.
    ///
    /// Secret: `key`. Public: the file. Leaks: nothing.
    pub fn suits(&self, key: &MasterKey) -> Result<Mask, hardened::Fault> {
        let shortest = self.entries.iter().min_by_key(|entry| entry.ciphertext_len);
        shortest.ok_or(hardened::Fault)?.authentic(key)
    }

    /// Returns a permit if every artifact opens with this key. All are tried, even if one does not
    /// open.
    ///
    /// Secret: `key`. Public: the file. Leaks: which artifacts open.
    pub fn opens(&self, key: &MasterKey) -> Result<Permit, OpenError> {
        let (mut tried, mut failed) = (0, None);
        let mut all = Verdict::twice(|| Mask::public(!self.entries.is_empty()))
            .permit(OpenError::DoesNotOpen)?;
        for entry in &self.entries {
            tried += 1;
            match entry.opens(key) {
                Ok(permit) => all = all.and(permit),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            return Err(error);
        }
        let count = self.entries.len() as u32;
        Verdict::twice(|| Mask::eq(tried, count))
            .permit(OpenError::Fault)
            .map(|whole| all.and(whole))
    }
}

fn read_entry<'a>(reader: &mut Reader<'_, Text<'a>>, at: Field) -> Result<Artifact<'a>, FileError> {
    let jwe_at = at.path("EncData.data[].compact_jwe");
    let tag_at = at.path("EncData.data[].tag");
    let members = [
        Member::new("compact_jwe", jwe_at),
        Member::new("tag", tag_at),
    ];
    let (mut jwe, mut tag) = (None, None);
    reader.object(at, &members, |reader, member| {
        if member == 0 {
            jwe = Some(reader.string(jwe_at)?);
        } else {
            let text = Tag::from_json(reader.string(tag_at)?);
            tag = Some(text.map_err(|error| tag_at.has(Fault::Tag(error)))?);
        }
        Ok(())
    })?;
    let jwe = jwe.ok_or(jwe_at.has(Fault::Missing))?;
    let tag = tag.ok_or(tag_at.has(Fault::Missing))?;
    Ok(Artifact {
        tag,
        jwe,
        ciphertext_len: parse_jwe(&jwe, &tag, jwe_at)?.ciphertext_len(),
    })
}

/// The separators between members, as the service or the client writes them.
pub struct Spacing {
    /// Follows a member or an element.
    pub comma: &'static str,
    /// Follows a name.
    pub colon: &'static str,
}

impl Spacing {
    /// The service's: without spaces.
    pub const COMPACT: Self = Self {
        comma: ",",
        colon: ":",
    };
    /// The client's, which is Python's.
    pub const PYTHON: Self = Self {
        comma: ", ",
        colon: ": ",
    };
}

/// Checks the artifacts to be written: 1 to 32 with different tags.
pub fn check<'t>(tags: impl Iterator<Item = Tag<'t>> + Clone) -> Result<(), WriteError> {
    let mut rest = tags.clone();
    let mut count = 0;
    while let Some(tag) = rest.next() {
        count += 1;
        if count > MAX_ENTRIES {
            return Err(WriteError::ArtifactCount);
        }
        if rest.clone().any(|later| later == tag) {
            return Err(WriteError::RepeatedTag);
        }
    }
    if count == 0 {
        return Err(WriteError::ArtifactCount);
    }
    Ok(())
}

/// Returns how many characters [`write()`] writes for artifacts with these tags and ciphertext
/// lengths.
pub fn encoded_len<'t>(
    spacing: &Spacing,
    entries: impl Iterator<Item = (Tag<'t>, usize)>,
) -> usize {
    let (comma, colon) = (spacing.comma.len(), spacing.colon.len());
    let entry = |(tag, ciphertext): (Tag<'t>, usize)| {
        let names = "{\"compact_jwe\"\"\"\"tag\"\"\"}".len() + 2 * colon + comma;
        let jwe = sealed_len(Algorithm::Direct, tag.chars(), 0, ciphertext);
        names + jwe + escape(tag.chars()).count() + comma
    };
    // The surplus comma of the last entry stands for the one between the members.
    let frame = "\"EncData\"{\"data\"[]\"kdf\"\"\"}".len() + 3 * colon;
    entries.map(entry).sum::<usize>() + frame + KDF.len()
}

/// Writes the member, name and value. `seal` writes the ciphertext of each artifact.
pub fn write<'t, T, R: Generator + ?Sized>(
    writer: &mut Writer<'_>,
    spacing: &Spacing,
    key: &MasterKey,
    rng: &mut R,
    entries: impl Iterator<Item = (Tag<'t>, T)>,
    mut seal: impl FnMut(Sealer<'_, '_>, Tag<'t>, T) -> Result<(), WriteError>,
) -> Result<(), WriteError> {
    let Spacing { comma, colon } = *spacing;
    for text in ["\"EncData\"", colon, "{\"data\"", colon, "["] {
        writer.put(text)?;
    }
    let mut before = "";
    for (tag, artifact) in entries {
        for text in [before, "{\"compact_jwe\"", colon, "\""] {
            writer.put(text)?;
        }
        let mut content = ContentKey::zeroed();
        content_key(key, &tag, &mut content)?;
        let kid = tag.chars();
        let sealer = Sealer::begin(writer, Algorithm::Direct, kid, &[], &content, rng)?;
        seal(sealer, tag, artifact)?;
        for text in ["\"", comma, "\"tag\"", colon, "\""] {
            writer.put(text)?;
        }
        writer.put_all(escape(tag.chars()))?;
        writer.put("\"}")?;
        before = comma;
    }
    for text in ["]", comma, "\"kdf\"", colon, "\"", KDF, "\"}"] {
        writer.put(text)?;
    }
    Ok(())
}

/// Seals an artifact again: `sealer` encrypts, chunk by chunk, what the old key decrypts. The
/// padding is copied, so the artifact must have been opened before.
///
/// Secret: both keys, the artifact. Public: the file. Leaks: nothing else.
pub fn reseal(
    artifact: &Artifact<'_>,
    old: &MasterKey,
    mut sealer: Sealer<'_, '_>,
) -> Result<(), WriteError> {
    let mut content = ContentKey::zeroed();
    content_key(old, &artifact.tag, &mut content)?;
    artifact
        .jwe()?
        .decrypt(&content, |chunk| sealer.chunk(chunk))?;
    sealer.finish()
}

/// Returns the ciphertext length of an artifact.
pub const fn ciphertext_len(artifact: &[u8]) -> usize {
    padded_len(artifact.len())
}
