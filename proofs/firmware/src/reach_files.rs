// SPDX-License-Identifier: MIT OR Apache-2.0
//! The readers and writers of every file and key, for `proofs/reach.py`.

use core::task::Poll;

use security_domain::approval::{Act, Approval, Approvals};
use security_domain::backup::{BackupHeader, BackupInfo, Kind, Name};
use security_domain::contribution::{Contribution, Request, VettedRequest};
use security_domain::custodian::Recipient;
use security_domain::drill::{Challenge, Response};
use security_domain::hazmat::backup::{BackupKey, read, write};
use security_domain::rsa::{
    Decryption, KeyGeneration, ModulusSize, PrivateKey, PublicKey, Workspace,
};
use security_domain::sealed_domain::{
    ArtifactTag, DomainLabel, Epoch, ExpectedDomain, InstanceId, LedgerHead, Lineage, ModuleFloor,
    Root, SealedDomain, Sealing,
};
use security_domain::wrapped_share::read_share;
use security_domain::x509::{Certificate, RecoveryCertificate, SelfSigned, write_self_signed};

use crate::entry::entry;
use crate::reach::quorum;
use crate::rng::Xorshift;

entry!(reach_rsa_public, |input, out| {
    let Ok(key) = PublicKey::from_spki_der(input).or_else(|_| PublicKey::from_pkcs1_der(input))
    else {
        return 0;
    };
    let verified = key.verify_pkcs1v15_sha256(input, out).is_ok();
    let len = key.to_spki_der(out).unwrap_or(0);
    len + usize::from(verified)
        + key
            .encrypt_oaep_sha256(input, input, &mut Xorshift(1), out)
            .unwrap_or(0)
});

entry!(reach_rsa_import, |input, out| {
    let key = PrivateKey::from_pkcs8_der(input).or_else(|_| PrivateKey::from_pkcs1_der(input));
    key.map_or(0, |key| key.to_pkcs8_der(out).unwrap_or(0))
});

entry!(reach_rsa_private, |input, out| {
    let Ok(key) = PrivateKey::from_pkcs8_der(input) else {
        return 0;
    };
    let rng = &mut Xorshift(1);
    let signed = key.sign_pkcs1v15_sha256(input, rng, out).unwrap_or(0);
    signed + key.decrypt_oaep_sha256(input, input, rng, out).unwrap_or(0)
});

entry!(reach_rsa_steps, |input, out| {
    let (Ok(key), Some(size)) = (
        PrivateKey::from_pkcs8_der(input),
        ModulusSize::from_bits(out.len() as u32),
    ) else {
        return 0;
    };
    let rng = &mut Xorshift(1);
    let mut workspace = Workspace::<{ Decryption::workspace_len(ModulusSize::Rsa4096) }>::new();
    let Ok(mut decryption) = Decryption::new(&key, input, input, &mut workspace) else {
        return 0;
    };
    while let Ok(step) = decryption.step(rng, out) {
        if let Poll::Ready(len) = step {
            return len;
        }
    }
    drop(decryption);
    let Ok(mut generation) = KeyGeneration::new(size, &mut workspace) else {
        return 0;
    };
    while let Ok(step) = generation.step(rng) {
        if step.is_ready() {
            return generation
                .key()
                .map_or(0, |key| key.to_pkcs8_der(out).unwrap_or(0));
        }
    }
    0
});

entry!(reach_x509_read, |input, out| {
    let Ok(certificate) = Certificate::parse(input) else {
        return 0;
    };
    out.iter_mut()
        .zip(certificate.subject_der())
        .for_each(|(to, from)| *to = *from);
    certificate.common_name().map_or(0, str::len)
});

entry!(reach_x509_recovery, |input, out| {
    let Ok(certificate) = RecoveryCertificate::parse(input) else {
        return 0;
    };
    out.iter_mut()
        .zip(
            certificate
                .subject_der()
                .iter()
                .chain(certificate.modulus()),
        )
        .for_each(|(to, from)| *to = *from);
    certificate.warnings().iter().count()
});

entry!(reach_x509_write, |input, out| {
    let (Ok(key), Ok(common_name), Some(serial)) = (
        PrivateKey::from_pkcs8_der(input),
        core::str::from_utf8(input),
        core::num::NonZeroU64::new(out.len() as u64),
    ) else {
        return 0;
    };
    let content = SelfSigned {
        common_name,
        serial,
        not_before: input.len() as i64,
        not_after: out.len() as i64,
    };
    write_self_signed(&key, &content, &mut Xorshift(1), out).unwrap_or(0)
});

entry!(reach_wrap, |input, out| {
    let (Some((context, _)), Some(quorum)) =
        (input.split_first_chunk(), quorum(input.len(), out.len()))
    else {
        return 0;
    };
    let shares = quorum
        .indices()
        .filter(|index| read_share(out, context, *index).is_ok());
    shares.count()
});

entry!(reach_domain_parse, |input, out| {
    let Ok(sealed) = SealedDomain::parse(input) else {
        return 0;
    };
    let wrapped = sealed.wrapped_shares().map(|(of, wrapped)| {
        let accepted = sealed.accept_share(of.id, out).is_ok();
        wrapped.as_bytes().len() + usize::from(accepted)
    });
    wrapped.sum::<usize>() + sealed.changed().count()
});

entry!(reach_domain_open, |input, out| {
    let Ok(sealed) = SealedDomain::parse(input) else {
        return 0;
    };
    let mut shares = sealed
        .header()
        .custodians()
        .filter_map(|of| sealed.accept_share(of.id, out).ok());
    let (Some(a), Some(b), Some(c)) = (shares.next(), shares.next(), shares.next()) else {
        return 0;
    };
    drop(shares);
    sealed
        .open(&ExpectedDomain::unpinned(), &[&a, &b, &c], out)
        .map_or(0, |opened| opened.artifacts().count())
});

entry!(reach_domain_seal, |input, out| {
    let rng = &mut Xorshift(1);
    let (Ok(root), Ok(text), Some(quorum)) = (
        Root::random(rng),
        core::str::from_utf8(input),
        quorum(input.len(), out.len()),
    ) else {
        return 0;
    };
    let (Ok(tag), Ok(label), Ok(key)) = (
        ArtifactTag::new(text),
        DomainLabel::new(text),
        PublicKey::from_spki_der(input),
    ) else {
        return 0;
    };
    let custodians = [key.clone(), key.clone(), key.clone(), key];
    let artifacts = [(tag, input), (tag, input)];
    let sealing = Sealing {
        root: &root,
        artifacts: artifacts.get(..input.len()).unwrap_or(&artifacts),
        custodians: custodians.get(..input.len()).unwrap_or(&custodians),
        threshold: quorum.threshold(),
        label,
        lineage: Lineage::FIRST,
        floor: ModuleFloor::NONE,
        break_glass: None,
        created: input.len() as u64,
        instance: InstanceId::from_bytes([7; 16]),
    };
    let (scratch, out) = out.split_at_mut_checked(input.len()).unwrap_or_default();
    let sealed = sealing.seal(rng, scratch, out);
    sealed.map_or(0, |sealed| sealed.as_bytes().len())
});

entry!(reach_backup_read, |input, out| {
    let (Ok(header), Ok(root)) = (BackupHeader::parse(input), Root::random(&mut Xorshift(1)))
    else {
        return 0;
    };
    let mut key = BackupKey::none();
    let Ok(mut reader) = read(&root, &header, &mut key) else {
        return 0;
    };
    let mut len = 0;
    while let Some(next) = reader.next_len() {
        let chunk = out.get_mut(..next).unwrap_or_default();
        let Ok(chunk) = reader.open(&mut key, chunk) else {
            return 0;
        };
        len += chunk.len();
    }
    len + usize::from(reader.finish().is_ok())
});

entry!(reach_backup_write, |input, out| {
    let rng = &mut Xorshift(1);
    let (Ok(root), Ok(text)) = (Root::random(rng), core::str::from_utf8(input)) else {
        return 0;
    };
    let plan = BackupInfo {
        epoch: Epoch::new(input.len() as u32),
        instance: InstanceId::from_bytes([7; 16]),
        ledger_head: LedgerHead::NONE,
        kind: Kind::Full(Name::new(text).ok()),
        created: input.len() as u64,
        length: out.len() as u64,
    };
    let mut key = BackupKey::none();
    let Ok(mut writer) = write(&root, &plan, rng, &mut key) else {
        return 0;
    };
    let mut len = writer.front().len();
    while let Some(next) = writer.next_len() {
        if writer
            .seal(&mut key, out.get_mut(..next).unwrap_or_default())
            .is_err()
        {
            return 0;
        }
        len += next;
    }
    len + usize::from(writer.finish().is_ok())
});

entry!(reach_request, |input, out| {
    let Ok(request) = Request::parse(input) else {
        return 0;
    };
    let len = request.transfer().as_spki_der().len();
    let Ok(sealed) = SealedDomain::parse(out) else {
        return len;
    };
    usize::from(VettedRequest::signed(request, &sealed).is_ok())
});

entry!(reach_contribution, |input, out| {
    out.len() + usize::from(Contribution::parse(input).is_ok())
});

entry!(reach_drill, |input, out| {
    let Ok(challenge) = Challenge::parse(input) else {
        return 0;
    };
    let (Ok(sealed), Ok(response)) = (SealedDomain::parse(out), Response::parse(input)) else {
        return challenge.values().count();
    };
    let expect = ExpectedDomain::unpinned();
    usize::from(response.verify(&sealed, &expect, &challenge).is_ok())
});

entry!(reach_approval, |input, out| {
    let Ok(act) = Act::parse(input) else {
        return 0;
    };
    let (Ok(sealed), Ok(approval)) = (SealedDomain::parse(out), Approval::parse(input)) else {
        return 1;
    };
    let Ok(mut approvals) = Approvals::new(&sealed, &ExpectedDomain::unpinned(), &act) else {
        return 2;
    };
    let _ = approvals.add(&approval, 0);
    usize::from(approvals.enough(0).is_ok())
});

entry!(reach_custodian_id, |input, out| {
    let Ok(key) = PublicKey::from_spki_der(input) else {
        return 0;
    };
    let id = key.id();
    out.iter_mut()
        .zip(id.as_bytes())
        .for_each(|(to, from)| *to = *from);
    0
});
