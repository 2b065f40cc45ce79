// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm recover`: a quorum in one place brings a sealed domain into this HSM.

use std::path::{Path, PathBuf};

use getrandom::SysRng;
use security_domain::custodian::CustodianId;
use security_domain::lifecycle::{Domain, Empty, InSession};
use security_domain::sealed_domain::{
    DomainId, DomainShare, Epoch, ExpectedDomain, SealedDomain, ShareError,
};

use super::device::Device;
use super::recover::{Opened, parse};
use super::{HsmArg, ROOM, empty, vault};
use crate::custodian::{self, Sealed};
use crate::custodians::{self, LeftOut};
use crate::key::Key;
use crate::names::{CertsArg, Names};
use crate::pair::KeyFiles;
use crate::passwords::PasswordArgs;
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::{certificate, input, show};

const EXAMPLE: &str = "Example:
  secdom hsm recover --hsm hsm-2 --sealed domain.sealed \\
      --expect-domain 2c26...e7ae --keys A.key B.key";

/// Recover a sealed domain in a new HSM or an empty one with a quorum's keys at one place
#[derive(clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The sealed domain
    #[arg(long, value_name = "FILE")]
    sealed: PathBuf,
    /// The domain's id, as noted when it was activated
    #[arg(long, value_name = "HEX")]
    expect_domain: DomainId,
    /// The custodians' private keys in PEM, or PKCS#11 URIs of keys in tokens; KEY+KEY for a
    /// custodian who needs two
    #[arg(long, required = true, num_args = 1.., value_name = "KEY")]
    keys: Vec<PathBuf>,
    #[command(flatten)]
    passwords: PasswordArgs,
    #[command(flatten)]
    certs: CertsArg,
    #[command(flatten)]
    json: JsonArg,
}

pub fn run(args: Args) -> Outcome<Report> {
    let path = &args.sealed;
    let names = args.certs.read()?;
    let bytes = input::read(path)?;
    let sealed = parse(path, &bytes)?;
    let expect = ExpectedDomain::new(args.expect_domain, Epoch::FIRST);
    expect
        .check(sealed.header())
        .map_err(|error| Refusal::file(path, error))?;

    let hsm = args.at.hsm.clone();
    Device::empty(&hsm, |mut device| {
        recover_in(&mut device, args, &names, &sealed, &expect)
    })
}

fn recover_in(
    device: &mut Device,
    args: Args,
    names: &Names,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
) -> Outcome<Report> {
    let path = &args.sealed;
    let mut vault = vault();
    let domain = empty(device, &mut vault)?;
    let files = KeyFiles::of_all(&args.keys);
    let passwords = { args.passwords }.read(files.iter().map(KeyFiles::count).sum())?;
    let of = Sealed {
        domain: sealed,
        path,
    };
    let need = usize::from(sealed.header().quorum().threshold().get());
    let mut keys: Vec<(&Path, CustodianId, Key)> = Vec::new();
    let mut left_out = LeftOut::none(args.keys.len(), need);
    let mut first = 0;
    for (argument, files) in args.keys.iter().zip(&files) {
        let read = custodian::read(files, &passwords, first, of);
        let is_new = |(id, key): (CustodianId, Key)| match keys.iter().find(|key| key.1 == id) {
            Some((earlier, ..)) => Err(certificate::same_key(argument, earlier)),
            None => Ok((id, key)),
        };
        match read.and_then(is_new) {
            Ok((id, key)) => keys.push((argument, id, key)),
            Err(refusal) => left_out.key(&refusal)?,
        }
        first += files.count();
    }
    let (shares, wrong) = shares(&mut keys, names, sealed)?;
    let left_out = left_out.reasons();
    if shares.len() < need {
        let few = format!(
            "{} available, but {need} are required",
            show::count(shares.len(), "share")
        );
        let wrong = (!wrong.is_empty()).then(|| custodians::wrong_shares(&wrong));
        let reasons = left_out.into_iter().chain(wrong).chain([few]);
        return Err(Refusal::file(path, reasons.collect::<Vec<_>>().join("; ")));
    }
    device.keep_sealed(sealed)?;
    let opened = recover(domain, sealed, expect, shares, device)?;
    let mut report = opened.report(&args.json);
    let left_out = left_out.iter();
    report
        .notes
        .extend(left_out.map(|reason| format!("left out: {reason}")));
    if !wrong.is_empty() {
        report
            .notes
            .push(custodians::wrong_shares(&wrong) + ", and is left out");
    }
    Ok(report)
}

/// Returns the shares that open, and the custodians whose share does not open.
fn shares(
    keys: &mut [(&Path, CustodianId, Key)],
    names: &Names,
    sealed: &SealedDomain<'_>,
) -> Outcome<(Vec<DomainShare>, Vec<String>)> {
    let progress = Progress::show("opening shares");
    let (mut shares, mut wrong) = (Vec::new(), Vec::new());
    for (file, id, key) in keys {
        match sealed.unwrap_share(*id, key, &mut SysRng) {
            Ok(share) => shares.push(share),
            Err(ShareError::DoesNotOpen(_) | ShareError::Changed(_)) => {
                wrong.push(format!(
                    "{} (custodian {})",
                    show::path(file),
                    names.show(*id)
                ));
            }
            Err(error) => return Err(Refusal::file(file, error)),
        }
        progress.tick();
    }
    Ok((shares, wrong))
}

/// Runs one session from beginning to end. If it does not end with an active HSM, it is cancelled.
fn recover(
    domain: Domain<'_, Empty, ROOM>,
    sealed: &SealedDomain<'_>,
    expect: &ExpectedDomain,
    shares: Vec<DomainShare>,
    device: &mut Device,
) -> Outcome<Opened> {
    let mut domain = domain
        .begin_recovery_here(sealed, expect, None, device)
        .map_err(|error| device.refusal(error))?;
    for share in shares {
        if let Err(error) = domain.add_share(sealed, share, device) {
            let refusal = device.refusal(error);
            return Err(given_up(domain, device, refusal));
        }
    }
    let domain = match domain.quorum() {
        Ok(domain) => domain,
        Err(domain) => {
            let refusal = Refusal::new("the quorum is not met");
            return Err(given_up(domain, device, refusal));
        }
    };
    match domain.open(sealed, device) {
        Ok(domain) => Ok(Opened::of(&domain, sealed)),
        Err(refused) => {
            let refusal = device.refusal(refused.error);
            Err(given_up(refused.domain, device, refusal))
        }
    }
}

/// Cancels the session. The operator sees why it ended, unless the flash fails as well.
fn given_up<S: InSession>(
    domain: Domain<'_, S, ROOM>,
    device: &mut Device,
    refusal: Refusal,
) -> Refusal {
    device.forget_session();
    match domain.cancel(device) {
        Ok(_) => refusal,
        Err(refused) => device.refusal(refused.error),
    }
}
