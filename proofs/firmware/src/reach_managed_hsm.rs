// SPDX-License-Identifier: MIT OR Apache-2.0
//! The readers and writers of the interchange's documents, for `proofs/reach.py`.

use security_domain::contribution::SessionPublicKey;
use security_domain::custodian::Algorithm;
use security_domain::hazmat::managed_hsm::{master_key, share_from_words};
use security_domain::managed_hsm::certificate_info::{self, CertificateInfo};
use security_domain::managed_hsm::domain_file::{self, DomainFile};
use security_domain::managed_hsm::drill;
use security_domain::managed_hsm::key_backup::{self, KeyBackup};
use security_domain::managed_hsm::restore_blob::{self, RestoreBlob};
use security_domain::managed_hsm::restore_session::{
    self, Collector, Contribution, Request, Times, VettedRequest,
};
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::transfer_key::{self, TransferKey};
use security_domain::managed_hsm::{Artifact, Tag};
use security_domain::rsa::PrivateKey;
use security_domain::secret::Secret;
use security_domain::x509::{Certificate, RecoveryCertificate, Thumbprint};

use crate::entry::entry;
use crate::reach::quorum;
use crate::rng::Xorshift;

fn secret<const N: usize>(seed: usize) -> Option<Secret<N>> {
    Secret::random(&mut Xorshift(seed as u32)).ok()
}

/// Opens every artifact with a key.
fn open<'a>(artifacts: impl Iterator<Item = Artifact<'a>>, out: &mut [u8]) -> usize {
    let Some(key) = secret(out.len()).map(master_key) else {
        return 0;
    };
    artifacts
        .filter_map(|artifact| artifact.open(&key, out).ok())
        .sum()
}

entry!(reach_managed_domain_file, |input, out| {
    let Ok(file) = DomainFile::parse(input) else {
        return 0;
    };
    open(file.artifacts(), out) + file.custodians().count()
});

entry!(reach_managed_combine, |input, out| {
    let (Ok(file), Some(quorum)) = (DomainFile::parse(input), quorum(input.len(), out.len()))
    else {
        return 0;
    };
    let shares = [1, 2, 3, 4].map(|seed| {
        secret(seed)
            .and_then(|words| share_from_words(Thumbprint::new([seed as u8; 32]), quorum, &words))
    });
    let [Some(a), Some(b), Some(c), Some(d)] = shares else {
        return 0;
    };
    let shares = [a, b, c, d];
    let shares = shares.get(..input.len()).unwrap_or(&shares);
    file.combine(shares)
        .map_or(0, |combined| combined.left_out().len())
});

entry!(reach_managed_open_share, |input, out| {
    let (Ok(file), Ok(mut key), Ok(certificate)) = (
        DomainFile::parse(input),
        PrivateKey::from_pkcs8_der(out),
        RecoveryCertificate::parse(out),
    ) else {
        return 0;
    };
    if file.check_certificate(&certificate).is_err() {
        return 0;
    }
    let share = file.open_share(&certificate.thumbprint(), &mut key, &mut Xorshift(1));
    share.map_or(0, |share| usize::from(share.index().get()))
});

entry!(reach_managed_split_file, |input, out| {
    let (Ok(file), Ok(mut key), Ok(certificate)) = (
        SplitFile::parse(input),
        PrivateKey::from_pkcs8_der(out),
        RecoveryCertificate::parse(out),
    ) else {
        return 0;
    };
    let custodian = certificate.thumbprint();
    let Some(partner) = file.custodians().find(|partner| *partner != custodian) else {
        return file.damaged_halves().count();
    };
    if file.check_certificate(&certificate).is_err() {
        return 0;
    }
    let mut open = |of, with| file.open_half(of, with, &mut key, &mut Xorshift(1));
    let (Ok(one), Ok(two)) = (open(&custodian, &partner), open(&partner, &custodian)) else {
        return 0;
    };
    let key = file.combine([&one, &two]);
    key.map_or(0, |_| one.pair())
});

entry!(reach_managed_domain_write, |input, out| {
    let (Ok(certificate), Some(quorum), Ok(text)) = (
        Certificate::parse(input),
        quorum(input.len(), out.len()),
        core::str::from_utf8(input),
    ) else {
        return 0;
    };
    let Ok(tag) = Tag::new(text) else { return 0 };
    let artifacts = [(tag, input), (tag, input)];
    let certificates = [(); 4].map(|()| certificate.clone());
    let certificates = certificates.get(..input.len()).unwrap_or(&certificates);
    domain_file::write(
        artifacts.get(..input.len()).unwrap_or(&artifacts),
        quorum.threshold(),
        certificates,
        &mut Xorshift(1),
        out,
    )
    .unwrap_or(0)
});

entry!(reach_managed_restore_blob, |input, out| {
    let Ok(blob) = RestoreBlob::parse(input) else {
        return 0;
    };
    open(blob.artifacts(), out)
});

entry!(reach_managed_restore_request, |input, out| {
    let (Ok(request), Ok(file)) = (Request::parse(input), DomainFile::parse(out)) else {
        return 0;
    };
    let Ok(collector) = Collector::new(&file, request) else {
        return 1;
    };
    collector.request().key().as_spki_der().len()
});

entry!(reach_managed_restore_ask, |input, out| {
    let (Ok(file), Ok(transfer), Ok(key)) = (
        DomainFile::parse(input),
        Certificate::parse(input),
        SessionPublicKey::new(Algorithm::Rsa2048OaepSha256, input),
    ) else {
        return 0;
    };
    let times = Times {
        created: input.len() as u64,
        expires: out.len() as u64,
    };
    let asked = restore_session::ask(&file, &transfer, key, times, &mut Xorshift(1), out);
    asked.map_or(0, |request| request.as_bytes().len())
});

entry!(reach_managed_drill_challenge, |input, out| {
    let (Ok(file), Ok(certificate)) = (DomainFile::parse(input), RecoveryCertificate::parse(input))
    else {
        return 0;
    };
    let now = input.len() as u64;
    let written = drill::Challenge::write(&file, &[certificate], now, &mut Xorshift(1), out);
    written.map_or(0, |challenge| challenge.values().count())
});

entry!(reach_managed_drill_respond, |input, out| {
    let (Ok(file), Ok(challenge), Ok(mut key)) = (
        DomainFile::parse(input),
        drill::Challenge::parse(input),
        PrivateKey::from_pkcs8_der(input),
    ) else {
        return 0;
    };
    let of = Thumbprint::of(input);
    let given = drill::respond(&file, &challenge, &of, &mut key, &mut Xorshift(1), out);
    given.map_or(0, |given| {
        usize::from(given.verify(&file, &challenge).is_ok())
    })
});

entry!(reach_managed_restore_contribute, |input, out| {
    let (Ok(file), Ok(request), Ok(mut key)) = (
        DomainFile::parse(input),
        Request::parse(input),
        PrivateKey::from_pkcs8_der(input),
    ) else {
        return 0;
    };
    let (of, now) = (Thumbprint::of(input), input.len() as u64);
    let shown = request.digest();
    let Ok(vetted) = VettedRequest::compared(request, shown) else {
        return 0;
    };
    let rng = &mut Xorshift(1);
    let given = restore_session::contribute(&file, &vetted, &of, &mut key, now, rng, out);
    given.map_or(0, |given| given.as_bytes().len())
});

entry!(reach_managed_restore_collect, |input, out| {
    let (Ok(file), Ok(request), Ok(given), Ok(mut key), Ok(transfer)) = (
        DomainFile::parse(input),
        Request::parse(input),
        Contribution::parse(input),
        PrivateKey::from_pkcs8_der(input),
        Certificate::parse(input),
    ) else {
        return 0;
    };
    let now = input.len() as u64;
    let Ok(mut collector) = Collector::new(&file, request) else {
        return 0;
    };
    let taken = collector.add(&given, &mut key, now, &mut Xorshift(1));
    let restored = collector.restore(&transfer, now, &mut Xorshift(2), out);
    let len = restored.map_or(0, |restored| restored.len() + restored.left_out().count());
    len + usize::from(taken.is_ok()) + usize::from(collector.remove(&given.custodian()))
});

entry!(reach_managed_restore_open, |input, out| {
    let (Ok(blob), Ok(mut key), Ok(certificate)) = (
        RestoreBlob::parse(input),
        PrivateKey::from_pkcs8_der(out),
        Certificate::parse(out),
    ) else {
        return 0;
    };
    if blob.check_certificate(&certificate).is_err() {
        return 0;
    }
    let opened = blob.open(&certificate.thumbprint(), &mut key, &mut Xorshift(1));
    usize::from(opened.is_ok())
});

entry!(reach_managed_restore_write, |input, out| {
    let (Ok(file), Ok(transfer), Some(key)) = (
        DomainFile::parse(input),
        Certificate::parse(input),
        secret(input.len()),
    ) else {
        return 0;
    };
    restore_blob::write(&file, &master_key(key), &transfer, &mut Xorshift(1), out).unwrap_or(0)
});

entry!(reach_managed_transfer_key, |input, out| {
    let len = TransferKey::parse(input, out).map_or(0, |key| key.certificate().der().len());
    let (Ok(certificate), Ok(kid)) = (Certificate::parse(input), core::str::from_utf8(input))
    else {
        return len;
    };
    transfer_key::write(kid, &certificate, out).unwrap_or(0)
});

entry!(reach_managed_certificate_info, |input, out| {
    let Ok(info) = CertificateInfo::parse(input, out) else {
        return 0;
    };
    let first = info.custodians().next();
    let der = first.and_then(|custodian| info.certificate(&custodian, out).ok());
    der.map_or(0, |certificate| certificate.der().len())
});

entry!(reach_managed_info_write, |input, out| {
    let (Ok(certificate), Some(quorum)) =
        (Certificate::parse(input), quorum(input.len(), out.len()))
    else {
        return 0;
    };
    let certificates = [(); 4].map(|()| certificate.clone());
    let certificates = certificates.get(..input.len()).unwrap_or(&certificates);
    certificate_info::write(certificates, quorum.threshold(), out).unwrap_or(0)
});

entry!(reach_managed_key_backup, |input, out| {
    let Some(key) = secret(input.len()) else {
        return 0;
    };
    match KeyBackup::parse(input) {
        Ok(backup) => backup.open(&key, out).unwrap_or(0),
        Err(_) => key_backup::seal(&key, input, &mut Xorshift(1), out).unwrap_or(0),
    }
});
