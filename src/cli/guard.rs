//! `gtctl guard`: the process that ends the sessions that can move, once this host has lost the
//! store, and the question of such a session whether it may begin. Not for people.

use super::args::{Global, GuardVerb};
use super::exit::Exit;
use std::ffi::CString;

/// Runs a verb of `guard`.
pub(super) fn run(global: &Global, verb: &GuardVerb) -> Exit {
    match verb {
        GuardVerb::Keep { town } => keep(global, town),
        GuardVerb::Enter { command } => enter(command),
    }
}

#[cfg(feature = "etcd")]
fn keep(global: &Global, town: &str) -> Exit {
    let Ok(town) = crate::model::SessionName::new(town) else {
        return complain("the town's name is not valid");
    };
    let Some(state) = &global.state_dir else {
        return complain("the guard needs --state-dir");
    };
    match crate::fleet::guard::serve(&town, state) {
        Ok(()) => Exit::Done,
        Err(fault) => complain(&fault.to_string()),
    }
}

#[cfg(not(feature = "etcd"))]
fn keep(_global: &Global, _town: &str) -> Exit {
    complain("this gtctl was built without the feature `etcd`")
}

/// Becomes the command, if the guard lets it.
fn enter(command: &[String]) -> Exit {
    if let Err(why) = may_enter() {
        return complain(&why);
    }
    let words: Result<Vec<CString>, _> = command
        .iter()
        .map(|word| CString::new(word.as_str()))
        .collect();
    let Ok(words) = words else {
        return complain("the command has a NUL character");
    };
    let Some(program) = words.first() else {
        return complain("there is no command");
    };
    match nix::unistd::execv(program, &words) {
        Ok(never) => match never {},
        Err(fault) => complain(&format!("{}: {fault}", program.to_string_lossy())),
    }
}

#[cfg(feature = "etcd")]
fn may_enter() -> Result<(), String> {
    use crate::fleet::guard::{SOCKET_VARIABLE, may_begin};
    let state = std::env::var_os(SOCKET_VARIABLE).ok_or("there is no guard to ask")?;
    may_begin(state.as_ref())
        .map(drop)
        .map_err(|refused| refused.to_string())
}

#[cfg(not(feature = "etcd"))]
fn may_enter() -> Result<(), String> {
    Err("this gtctl was built without the feature `etcd`".to_owned())
}

fn complain(why: &str) -> Exit {
    super::output::complain_plainly(&super::exit::Trouble::new(why));
    Exit::Failed
}
