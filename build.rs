//! Links the unwinder into the program, so that it starts sooner.

use std::env::var;
use std::path::Path;
use std::process::Command;

/// Only with glibc on Linux, and where it is not linked statically anyway. Elsewhere all stays as
/// it is.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let has = |name: &str, value: &str| {
        var(name).is_ok_and(|values| values.split(',').any(|one| one == value))
    };
    let is_static = has("CARGO_CFG_TARGET_FEATURE", "crt-static");
    if !has("CARGO_CFG_TARGET_OS", "linux") || !has("CARGO_CFG_TARGET_ENV", "gnu") || is_static {
        return;
    }
    // As a library of its own it would be found, mapped and bound at every start.
    if has_unwinder() {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the compiler that links has GCC's unwinder as an archive: GCC always, others where they
/// find GCC.
fn has_unwinder() -> bool {
    let linker = var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(linker)
        .arg("-print-file-name=libgcc_eh.a")
        .output();
    // For a file that it does not have it prints the bare name.
    let has_path = |text: &[u8]| Path::new(String::from_utf8_lossy(text).trim()).is_absolute();
    found.is_ok_and(|found| has_path(&found.stdout))
}
