//! The `gtctl` binary: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    gtctl::cli::main()
}
