// SPDX-License-Identifier: MIT OR Apache-2.0
//! Shows the module floor of a sealed domain: the firmware that sealed it, and the lowest version
//! that can open it.

use std::borrow::Cow;

use security_domain::sealed_domain::{ModuleFloor, ModuleVersion};
use serde_json::{Value, json};

use crate::show;

pub fn words(floor: ModuleFloor<'_>) -> String {
    let module: Cow<'_, str> = match floor.module.as_str() {
        "" => "not named".into(),
        module => show::whole(module).into(),
    };
    match floor.minimum {
        ModuleVersion::NONE => format!("{module}, opened by every version"),
        minimum => format!("{module}, opened by version {minimum} or later"),
    }
}

pub fn json(floor: ModuleFloor<'_>) -> Value {
    json!({ "module": floor.module.as_str(), "minimum": floor.minimum.get() })
}
