//! The `gtctl` binary: everything is in the library.

fn main() {}
