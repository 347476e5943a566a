//! How the program is linked: so that it starts quickly, which counts for what is run over and over.

use std::env::var;
use std::path::Path;
use std::process::Command;

/// Only with glibc on Linux, and where it is not linked statically already; elsewhere all stays as it is.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let has = |name: &str, value: &str| var(name).is_ok_and(|values| values.split(',').any(|one| one == value));
    let is_static = has("CARGO_CFG_TARGET_FEATURE", "crt-static");
    if !has("CARGO_CFG_TARGET_OS", "linux") || !has("CARGO_CFG_TARGET_ENV", "gnu") || is_static {
        return;
    }
    // Where it lies in memory is settled now: one that can lie anywhere has ten thousand addresses to fill in at each
    // start.
    println!("cargo:rustc-link-arg-bins=-no-pie");
    // What unwinds a panic comes with the program, and not from a library of its own that is mapped and bound each time.
    if has_unwinder() {
        println!("cargo:rustc-link-lib=static:-bundle=gcc_eh");
    }
}

/// Whether the compiler that links has GCC's unwinder as an archive: GCC always, others where they find GCC.
fn has_unwinder() -> bool {
    let linker = var("RUSTC_LINKER").unwrap_or_else(|_| "cc".to_owned());
    let found = Command::new(linker).arg("-print-file-name=libgcc_eh.a").output();
    // Of a file that it does not have it prints the bare name.
    found.is_ok_and(|found| Path::new(String::from_utf8_lossy(&found.stdout).trim()).is_absolute())
}
