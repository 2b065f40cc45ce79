#!/usr/bin/env bash
# SPDX-License-Identifier: MIT OR Apache-2.0
# Against the programs that others use: the real client, openssl, the npm package for sharing; and an independent
# reader of the sealed domain. One line a step; a step whose tool cannot be had fails. .ci/tools installs them.
# Usage: tests/interop/run.sh [STEP...]     with names, only those steps.
set -uo pipefail
cd "$(dirname "$0")/../.."

python=target/tools/azure-cli/bin/python
failed=0
only=("$@")
log=$(mktemp)
trap 'rm -f "$log"' EXIT

step() { # NAME COMMAND [ARGUMENT...]
  local name=$1 start=$SECONDS
  shift
  if ((${#only[@]})) && [[ " ${only[*]} " != *" $name "* ]]; then return; fi
  if "$@" </dev/null >"$log" 2>&1; then
    printf '%-20s ok   %4ds\n' "$name" $((SECONDS - start))
    grep '^figure: ' "$log"
  else
    failed=$((failed + 1))
    printf '%-20s FAIL %4ds\n' "$name" $((SECONDS - start))
    tail -n 40 "$log" | sed 's/^/    | /'
  fi
}

tools() {
  local name
  for name in azure-cli openssl npm-shamir cbor2 tokens chromium; do .ci/tools "$name" || return; done
}

build() {
  cargo build --release --all-features --example secdom --target-dir target &&
    cargo build --release --locked --manifest-path tests/interop/probe/Cargo.toml --target-dir target
}

# Without these two nothing else can run.
only_given=("${only[@]}")
only=()
step tools tools
step build build
only=("${only_given[@]}")

step vectors        "$python" tests/interop/vectors.py
step round-trips    "$python" tests/interop/round_trips.py
step real-command   "$python" tests/interop/real_command.py
step restore-blobs  "$python" tests/interop/restore_blobs.py
step variants       "$python" tests/interop/variants.py
step private-keys   "$python" tests/interop/private_keys.py
step split-keys     "$python" tests/interop/split_keys.py
step documents      "$python" tests/interop/documents.py
step exfat          tests/interop/exfat.sh
step openssl        "$python" tests/interop/openssl.py
step transcripts    "$python" tests/interop/transcripts.py
step share-by-openssl "$python" tests/interop/share_by_openssl.py
step tokens         "$python" tests/interop/tokens.py
step sealed-domain  target/tools/sealed-domain/bin/python tests/interop/sealed_domain.py check
step backup         target/tools/sealed-domain/bin/python tests/interop/backup.py check
step sessions       target/tools/sealed-domain/bin/python tests/interop/sessions.py check
step restore-session target/tools/sealed-domain/bin/python tests/interop/restore_session.py check
step drills         target/tools/sealed-domain/bin/python tests/interop/drills.py check
step approvals      target/tools/sealed-domain/bin/python tests/interop/approvals.py check
step file-drills    target/tools/sealed-domain/bin/python tests/interop/file_drills.py check
step custody        target/tools/sealed-domain/bin/python tests/interop/custody.py check
step record         target/tools/sealed-domain/bin/python tests/interop/record.py check
step kinds          target/tools/sealed-domain/bin/python tests/interop/kinds.py check
step self-test      target/tools/sealed-domain/bin/python tests/interop/self_test.py check
step paper          target/tools/sealed-domain/bin/python tests/interop/paper.py
step pages          python3 tests/interop/pages.py
step npm-sharing    node tests/interop/npm_sharing.mjs
# A measurement, and long: only by name.
((${#only[@]} == 0)) || step restore-time "$python" tests/interop/restore_time.py

((failed == 0))
