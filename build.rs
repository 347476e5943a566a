//! How the program is linked.

use std::env::var;

/// Where it is placed in memory is settled now: a program that can be placed anywhere has ten thousand addresses to fill
/// in whenever it starts, a tenth of what a short verb takes. Only where it is linked with glibc, which has both kinds.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let has = |name: &str, value: &str| var(name).is_ok_and(|values| values.split(',').any(|one| one == value));
    let is_static = has("CARGO_CFG_TARGET_FEATURE", "crt-static");
    if has("CARGO_CFG_TARGET_OS", "linux") && has("CARGO_CFG_TARGET_ENV", "gnu") && !is_static {
        println!("cargo:rustc-link-arg-bins=-no-pie");
    }
}
