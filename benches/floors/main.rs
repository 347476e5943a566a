//! What gtctl costs, beside the floor it stands on and what people use without it.
//!
//! `cargo bench` runs every benchmark and prints one table; `cargo bench -- 1 5` runs only those.
//! Contestants take turns within one run, so that their ratio says something on a busy machine too;
//! the times alone do not. Every server is a private one in a directory of its own, and is ended by
//! its process id.

mod apply;
mod cold;
mod control;
mod logs;
mod manifest;
mod measure;
mod observe;
mod peers;
mod plan;
mod quiet;
mod reports;
mod respawn;
mod stage;
mod table;

use std::error::Error;
use std::process::ExitCode;
use table::Row;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// A benchmark: its number and what gives its rows.
type Benchmark = (&'static str, fn() -> Result<Vec<Row>>);

const BENCHMARKS: [Benchmark; 9] = [
    ("1", observe::run),
    ("2", respawn::run),
    ("3", apply::run),
    ("4", quiet::run),
    ("5", cold::run),
    ("6", logs::run),
    ("7", plan::run),
    ("8", manifest::run),
    ("9", reports::run),
];

fn main() -> ExitCode {
    // Cargo itself adds `--bench`.
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let mut rows = Vec::new();
    for (number, run) in BENCHMARKS {
        if !asked.is_empty() && !asked.iter().any(|n| n == number) {
            continue;
        }
        eprintln!("benchmark {number} …");
        match run() {
            Ok(found) => rows.extend(found),
            Err(fault) => {
                eprintln!("benchmark {number} could not be run: {fault}");
                return ExitCode::FAILURE;
            }
        }
    }
    table::print(&rows);
    ExitCode::SUCCESS
}
