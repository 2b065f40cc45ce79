// SPDX-License-Identifier: MIT OR Apache-2.0
//! The files of Azure Managed HSM.
