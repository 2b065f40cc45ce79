// SPDX-License-Identifier: MIT OR Apache-2.0
//! `secdom hsm backup` and `restore`: seals a file under the HSM's domain, and opens it in any HSM
//! of that domain.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use security_domain::backup::{
    BackupHeader, BackupId, CHUNK_LEN, FRONT_MAX_LEN, Kind, Name, SEALED_CHUNK_LEN, TAG_LEN,
};
use security_domain::lifecycle::AnyDomain;
use zeroize::Zeroizing;

use super::device::Device;
use super::{HsmArg, demand, in_use, not_in_state, vault};
use serde_json::json;

use crate::input::{self, reason};
use crate::kind::{self, FileKind};
use crate::output::{self, Access, Published};
use crate::progress::Progress;
use crate::report::{JsonArg, Outcome, Refusal, Report};
use crate::show;

const BACKUP_EXAMPLE: &str = "Example:
  secdom hsm backup --hsm hsm-1 --in keys.db --out keys.backup
  secdom hsm backup --hsm hsm-1 --in signing.bin --key signing \\
      --out signing.backup
  secdom hsm backup --hsm hsm-1 --in keys.db --out keys.backup \\
      --approvals approval-of-ada approval-of-bob";

const RESTORE_EXAMPLE: &str = "Example:
  secdom hsm restore --hsm hsm-2 --in keys.backup --out keys.db";

/// Back up a file under the HSM's domain: everything that the HSM keeps, or one key
#[derive(clap::Args)]
#[command(after_help = BACKUP_EXAMPLE)]
pub struct Args {
    #[command(flatten)]
    at: HsmArg,
    /// The file to back up
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// The backup to write
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
    /// The name of the key in the file; without it, the file is everything that the HSM keeps
    #[arg(long, value_name = "NAME")]
    key: Option<String>,
    /// Approvals of the act that hsm ask wrote for this, if the HSM demands them
    #[arg(long, num_args = 1.., value_name = "APPROVAL", conflicts_with = "key")]
    approvals: Vec<PathBuf>,
}

pub fn backup(args: &Args) -> Outcome<Report> {
    let (path, out) = (&args.input, &args.out);
    output::must_be_free(out)?;
    let kind = match &args.key {
        Some(name) => Kind::Key(
            Name::new(name)
                .map_err(|error| Refusal::new(format!("--key {}: {error}", show::text(name))))?,
        ),
        None => Kind::Full(None),
    };
    let failed = |error: io::Error| Refusal::file(path, reason(&error));
    let mut file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(Refusal::file(
            path,
            "is not a regular file, whose length is known",
        ));
    }
    let length = metadata.len();

    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut stream = output::stream(out, Access::Owner)?;
    let mut start = device.start(&mut vault)?;
    let approved = match args.approvals.is_empty() {
        true => None,
        false => Some(demand::approved(&device, &args.approvals)?),
    };
    let begun = in_use!(device, &mut start, domain => match approved {
        None => domain.begin_backup(kind, length, &mut device),
        Some(approved) => domain.begin_backup_approved(None, length, approved, &mut device),
    });
    let mut writer = begun.map_err(|error| device.refusal(error))?;
    let id = writer.backup_id();
    stream.write(writer.front())?;
    let mut buffer = Zeroizing::new(vec![0; SEALED_CHUNK_LEN]);
    let progress = Progress::show("sealing");
    while let Some(len) = writer.next_len() {
        let chunk = &mut buffer[..len + TAG_LEN];
        read_whole(path, &mut file, &mut chunk[..len])?;
        writer
            .seal(chunk, &mut device)
            .map_err(|error| Refusal::file(path, error))?;
        stream.write(chunk)?;
    }
    drop(progress);
    must_end(path, &mut file)?;
    writer
        .finish(&mut device)
        .map_err(|error| Refusal::file(path, error))?;
    let output = stream.finish()?.publish()?;
    Ok(report(output, id, length, &args.json))
}

/// Restore a backup that an HSM of the same domain made
#[derive(clap::Args)]
#[command(after_help = RESTORE_EXAMPLE)]
pub struct RestoreArgs {
    #[command(flatten)]
    at: HsmArg,
    /// The backup; - reads standard input
    #[arg(long = "in", value_name = "FILE")]
    input: PathBuf,
    /// The file to write
    #[arg(long, value_name = "OUT")]
    out: PathBuf,
    #[command(flatten)]
    json: JsonArg,
}

pub fn restore(args: &RestoreArgs) -> Outcome<Report> {
    let (path, out) = (&args.input, &args.out);
    output::must_be_free(out)?;
    let mut file = input::open(path)?;
    let mut front = Vec::new();
    (&mut file)
        .take(FRONT_MAX_LEN as u64)
        .read_to_end(&mut front)
        .map_err(|error| Refusal::file(path, reason(&error)))?;
    let header = BackupHeader::parse(&front)
        .map_err(|error| kind::refusal(path, &front, &FileKind::Backup, error))?;
    let (length, id) = (header.info().length, header.backup_id());
    let chunks = length.div_ceil(CHUNK_LEN as u64).max(1);
    let mut rest = (&front[header.front().len()..]).chain(file);

    let mut device = Device::open(&args.at.hsm)?;
    let mut vault = vault();
    let mut start = device.start(&mut vault)?;
    let begun = in_use!(device, &mut start, domain => domain.begin_restore(&header, &mut device));
    let mut reader = begun.map_err(|error| {
        device
            .failed()
            .unwrap_or_else(|| Refusal::file(path, error))
    })?;
    // The file gets its name only after the whole backup was authenticated.
    let mut stream = output::stream(out, Access::Owner)?;
    let mut buffer = Zeroizing::new(vec![0; SEALED_CHUNK_LEN]);
    let progress = Progress::show("opening");
    let mut number = 0;
    while let Some(len) = reader.next_len() {
        number += 1;
        let chunk = &mut buffer[..len + TAG_LEN];
        read_whole(path, &mut rest, chunk)?;
        let text = reader
            .open(chunk, &mut device)
            .map_err(|error| Refusal::file(path, format!("chunk {number} of {chunks}: {error}")))?;
        stream.write(text)?;
    }
    drop(progress);
    must_end(path, &mut rest)?;
    reader
        .finish(&mut device)
        .map_err(|error| Refusal::file(path, error))?;
    let output = stream.finish()?.publish()?;
    Ok(report(output, id, length, &args.json))
}

/// Reports the written file.
fn report(output: Published, id: BackupId, length: u64, json: &JsonArg) -> Report {
    let file = show::path(output.path());
    let text = format!("{file}: backup-id {id}; {length} bytes\n");
    let object = json!({ "file": file, "backup_id": id.to_string(), "length": length });
    Report::written([output], json.either(text, &object))
}

fn read_whole(path: &Path, from: &mut impl Read, out: &mut [u8]) -> Outcome<()> {
    from.read_exact(out).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => Refusal::file(path, "ends too early"),
        _ => Refusal::file(path, reason(&error)),
    })
}

fn must_end(path: &Path, from: &mut impl Read) -> Outcome<()> {
    match from.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(Refusal::file(path, "continues after its end")),
        Err(error) => Err(Refusal::file(path, reason(&error))),
    }
}
