// SPDX-License-Identifier: MIT OR Apache-2.0
//! What a parser returns borrows the file's bytes only until its last use: it has nothing to drop, so the caller
//! may change the bytes while it is still in scope.
#![cfg(feature = "managed-hsm")]

use std::mem::needs_drop;

use security_domain::backup::BackupHeader;
use security_domain::contribution::{Contribution, Request, VettedRequest};
use security_domain::lifecycle::Artifacts;
use security_domain::managed_hsm::certificate_info::CertificateInfo;
use security_domain::managed_hsm::domain_file::DomainFile;
use security_domain::managed_hsm::key_backup::KeyBackup;
use security_domain::managed_hsm::restore_blob::{Origin, RestoreBlob};
use security_domain::managed_hsm::split_file::SplitFile;
use security_domain::managed_hsm::transfer_key::TransferKey;
use security_domain::sealed_domain::SealedDomain;
use security_domain::wrapped_share::WrappedShare;
use security_domain::x509::{Certificate, RecoveryCertificate};

#[test]
fn a_view_has_nothing_to_drop() {
    macro_rules! drops {
        ($($view:ty),* $(,)?) => {
            [$((stringify!($view), needs_drop::<$view>())),*]
        };
    }
    let dropped = drops![
        Artifacts<'_>,
        BackupHeader<'_>,
        Certificate<'_>,
        CertificateInfo<'_>,
        Contribution<'_>,
        DomainFile<'_>,
        KeyBackup<'_>,
        Origin<'_>,
        RecoveryCertificate<'_>,
        Request<'_>,
        RestoreBlob<'_>,
        SealedDomain<'_>,
        SplitFile<'_>,
        TransferKey<'_>,
        VettedRequest<'_>,
        WrappedShare<'_>,
    ];
    for (view, drops) in dropped {
        assert!(!drops, "{view}");
    }
}
