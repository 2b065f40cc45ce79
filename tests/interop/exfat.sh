#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# The tests of secdom with every file on a real exFAT volume, as on a USB stick, mounted through FUSE. Where nothing can
# be mounted, tests/secdom/media.rs remains, which injects the errors of exFAT.
set -euo pipefail
cd "$(dirname "$0")/../.."
. .ci/environment

.ci/tools exfat
work=$(mktemp -d)
loop=
finish() {
  mountpoint -q "$work/volume" && umount "$work/volume"
  [ -z "$loop" ] || losetup -d "$loop"
  rm -rf "$work"
}
trap finish EXIT
mkdir "$work/volume"
truncate -s 128M "$work/image"
mkfs.exfat "$work/image" >/dev/null
if ! { loop=$(losetup -f --show "$work/image") && mount.exfat-fuse -o hard_remove "$loop" "$work/volume"; }; then
  echo "figure: no exFAT volume can be mounted here"
  exit
fi

cargo build --all-features --example secdom
cargo test --all-features --test secdom --no-run
# The modules of every verb that writes. Without their tests of what exFAT does not have: permissions, links, and times that
# are set on an open file.
modules=(contribute damaged hsm hsm_backup hsm_flash hsm_import hsm_recover json killed media outputs restore simulated
  split_keys streams)
left_out=(what_init_makes_is_whole_and_for_its_owner secrets_are_readable_by_their_owner_alone
  a_dangling_link_counts_as_existing an_empty_file_of_somebody_else_stays killed_outputs)
TMPDIR=$work/volume cargo test --all-features --test secdom -- "${modules[@]/%/::}" "${left_out[@]/#/--skip=}" |
  tee "$work/log"
left=$(find "$work/volume" -mindepth 1 | wc -l)
((left == 0)) || { find "$work/volume"; exit 1; }
echo "figure: $(sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' "$work/log") tests of secdom on an exFAT volume"
