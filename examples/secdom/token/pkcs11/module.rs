// SPDX-License-Identifier: MIT OR Apache-2.0
//! Loads PKCS#11 modules, each once.

use std::cell::RefCell;
use std::env;
use std::path::PathBuf;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};

use super::{Uri, reason};
use crate::report::{Outcome, Refusal};
use crate::show;

/// The variable with the module for URIs that name none.
const VARIABLE: &str = "SECDOM_PKCS11_MODULE";

thread_local! {
    /// The modules that are loaded. A module must not be initialised twice.
    static LOADED: RefCell<Vec<(PathBuf, Pkcs11)>> = const { RefCell::new(Vec::new()) };
}

/// Loads and initialises the module that a URI names, or the variable.
pub fn load(uri: &Uri) -> Outcome<Pkcs11> {
    let refuse = |reason: String| Err(Refusal::file(&uri.name(), reason));
    let variable = || env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let Some(path) = uri.module.clone().or_else(|| Some(variable()?.into())) else {
        return refuse(format!(
            "which PKCS#11 module has the token is not given: add ?module-path=FILE to the URI, or set {VARIABLE}"
        ));
    };
    let loaded = LOADED.with_borrow(|all| {
        let mut all = all.iter();
        all.find_map(|(other, module)| (*other == path).then(|| module.clone()))
    });
    if let Some(module) = loaded {
        return Ok(module);
    }
    // A bare name would be looked for in the folders of the system's libraries.
    if path.is_relative() {
        return refuse(format!(
            "the path of the PKCS#11 module {} must be absolute",
            show::path(&path)
        ));
    }
    let of_module = |what: &str, error: Error| {
        let path = show::path(&path);
        let reason = format!("the PKCS#11 module {path} {what}: {}", reason(&error));
        Refusal::file(&uri.name(), reason)
    };
    let module = Pkcs11::new(&path).map_err(|error| of_module("does not load", error))?;
    match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
        Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
        Err(error) => return Err(of_module("does not start", error)),
    }
    LOADED.with_borrow_mut(|all| all.push((path, module.clone())));
    Ok(module)
}
