//! This very program as a command: the same manifest, server and state, for verbs that it runs as a
//! child.

use super::args::Global;
use super::place::{Place, program};
use std::ffi::OsString;

/// The command line up to the verb.
pub(super) fn command(place: &Place, global: &Global) -> Vec<OsString> {
    let program = program().unwrap_or_else(|| "/proc/self/exe".into());
    let file = place.file.absolute();
    let file = file.unwrap_or_else(|_| place.file.path.clone());
    let mut argv: Vec<OsString> = vec![program.into(), "--file".into(), file.into()];
    if let Some(socket) = &global.socket {
        argv.extend(["--socket".into(), socket.into()]);
    }
    if let Some(state) = &global.state_dir {
        argv.extend(["--state-dir".into(), state.into()]);
    }
    argv.extend(global.trust.then(|| "--trust".into()));
    argv.extend(global.take_over.then(|| "--take-over".into()));
    argv
}
