// SPDX-License-Identifier: MIT OR Apache-2.0
//! The static memory of a firmware. What begins as zeros takes no room in the flash, `.bss`; a single other byte
//! copies all of it there, `.data`.

use security_domain::lifecycle::{Vault, vault_room};

use crate::statics::Static;

/// The vault for four artifacts of one KiB in total.
#[unsafe(no_mangle)]
static memory_vault: Static<Vault<{ vault_room(4, 1024) }>> = Static::new(Vault::new());

/// What must be found not to be zeros.
#[unsafe(no_mangle)]
static planted_memory: Static<([u8; 4096], u8)> = Static::new(([0; 4096], 1));
