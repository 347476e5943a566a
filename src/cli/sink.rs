//! `gtctl sink`: tmux runs it beside each pane to keep the pane's output. Not for people.

use super::args::Sink;
use super::exit::Exit;
use crate::model::{Generation, parse_bytes};
use crate::store::{self, Bounds};
use nix::sys::signal::{SigSet, Signal};
use std::ffi::OsString;
use std::io;

pub(super) fn run(args: &Sink) -> Exit {
    block_signals();
    let bounds = Bounds {
        size: args.size,
        files: args.files,
    };
    // It leaves its folder, so that the disk can be unmounted.
    let _ = std::env::set_current_dir("/");
    store::Sink::new(&args.log_dir, Generation(args.generation), bounds).drain(&mut io::stdin());
    Exit::Done
}

/// Blocks the signals that must not end a sink, if the command line starts one. Call it before
/// other threads start: they inherit it.
pub(super) fn block_signals_of(words: impl Iterator<Item = OsString>) {
    if words.into_iter().nth(1).is_some_and(|verb| verb == "sink") {
        block_signals();
    }
}

/// They are blocked and not ignored: that takes no unsafe code. XFSZ: a limit on file sizes must be
/// an error, not the end.
fn block_signals() {
    let blocked: SigSet = [
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGXFSZ,
    ]
    .into_iter()
    .collect();
    let _ = blocked.thread_block();
}

/// A size such as `10MiB`, or a number of bytes; at least 1.
pub(super) fn size(text: &str) -> Result<u64, String> {
    parse_bytes(text)
        .filter(|bytes| *bytes > 0)
        .ok_or_else(|| "write a whole number and KiB, MiB or GiB, such as 10MiB".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(size("10MiB"), Ok(10 << 20));
        assert_eq!(size("12"), Ok(12));
        for wrong in ["", "0", "MiB", "1MB", "-1", "99999999999GiB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
