//! Removes an idle shell that has the name of a declared session. Tools that save tmux sessions leave
//! such shells after a reboot.

use super::cycle::{CycleFault, TURN_PATIENCE};
use super::setup::Controller;
use super::survey::{Survey, survey};
use crate::events::{Actor, TownEvent, What};
use crate::model::{
    Life, Observed, Orders, Ownership, ProcId, Seen, Server, SessionName, Target, Town,
    WhenAttached,
};
use crate::proc::{process, tree};
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::ops;
use crate::tmux::script::{Batch, NoServer, Reply};

/// The names of shells that wait for somebody to type.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "fish", "ksh", "tcsh", "csh"];
/// The most bytes of a shell's arguments: a shell that waits for somebody has few.
const MAX_ARGV: u64 = 4 << 10;

impl Controller {
    /// Removes a session that nobody has labelled, that has this name, and that holds nothing but
    /// an idle shell. Gives why it was not removed, where it was not.
    ///
    /// Idle means: one window with one pane, a shell without a command of its own and without a
    /// child in it, and nobody attached. tmux checks all but the children again in the call that
    /// removes it.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was touched then.
    pub async fn remove_idle_shell(
        &mut self,
        town: &Town,
        session: &SessionName,
    ) -> Result<Result<(), String>, CycleFault> {
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let memory = self.recall(&mut Vec::new())?;
        let state = self.store.view();
        let looked = survey(&self.client, town, state, memory, Orders::default()).await;
        let Survey { now, observed, .. } = looked;
        let (target, shell) = match idle_shell(&observed, session) {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        if !turn.still_ours() {
            return Ok(Err("the lock file was replaced while this ran".to_owned()));
        }
        let mut batch = Batch::default();
        batch.push(|tag| ops::remove_only_pane(tag, &target));
        let removed = match batch.run(&self.client, NoServer::Stale).await.pop() {
            Some(Reply::Ok { .. }) => Ok(()),
            Some(Reply::Stale(fields)) if fields == ops::SEVERAL_PANES => {
                Err("it has several panes".to_owned())
            }
            Some(Reply::Stale(fields)) => {
                Err(Fence::new(&target, Clients::Forbid, Pane::Present).explain(&fields))
            }
            Some(Reply::Refused(said)) => Err(format!("tmux: {said}")),
            Some(Reply::Unseen(why)) => Err(why),
            None => Err("tmux was not asked".to_owned()),
        };
        if removed.is_ok() {
            // The session is removed already, even if the journal cannot be written.
            let event = TownEvent::of(session, now, What::ShellRemoved { shell });
            self.tell_journal(&[event.by(Actor::Person)]);
        }
        Ok(removed)
    }
}

/// The idle shell that has this name: what is to be removed, and the shell's own name. Else why it
/// is none.
fn idle_shell(observed: &Observed, session: &SessionName) -> Result<(Target, String), String> {
    let server = match observed {
        Observed::Unknown(why) => {
            return Err(format!("it cannot be determined what is there: {why}"));
        }
        Observed::Down => {
            return Err(format!(
                "no session has this name: `gtctl start {session}` starts it"
            ));
        }
        Observed::Up(server) => server,
    };
    let absent = || format!("no session has this name: `gtctl start {session}` starts it");
    let seen = server.sessions.get(session.as_str()).ok_or_else(absent)?;
    match &seen.ownership {
        Ownership::Unlabelled => {}
        Ownership::Unproved(_) => {
            let why = "it has a label that is not believed: take it off with `tmux set-option -u -t =NAME: @gtctl_label`";
            return Err(why.to_owned());
        }
        Ownership::Ours(_) => return Err("it is gtctl's already".to_owned()),
        Ownership::Foreign(town) => return Err(format!("it belongs to town {town}")),
    }
    match &seen.life {
        Life::Alive { matches: true, .. } => Err(format!(
            "it runs its agent: `gtctl adopt {session}` adopts it without --replace"
        )),
        Life::Alive { process, comm, .. } => {
            check_idle(seen, *process, comm)?;
            Ok((target(server, seen, *process), comm.clone()))
        }
        Life::Dead { .. } => {
            Err("nothing runs in it any more: end it with `tmux kill-session`".to_owned())
        }
        Life::Unknown(why) => Err(format!("it cannot be determined what runs in it: {why}")),
    }
}

fn check_idle(seen: &Seen, shell: ProcId, comm: &str) -> Result<(), String> {
    if !SHELLS.contains(&comm) {
        return Err(format!(
            "it runs {comm}, which is no shell: end it yourself, or give this session another name"
        ));
    }
    if seen.attached > 0 {
        return Err("somebody is attached to it".to_owned());
    }
    let arguments = process::argv(shell.pid, MAX_ARGV).ok_or("its arguments cannot be read")?;
    let is_plain = |argument: &String| {
        argument.starts_with('-') && (argument.starts_with("--") || !argument.contains('c'))
    };
    if !arguments.iter().skip(1).all(is_plain) {
        return Err(format!("its {comm} runs a script"));
    }
    match tree::children(shell.pid) {
        Some(children) if children.is_empty() => Ok(()),
        Some(_) => Err(format!("something runs in its {comm}")),
        None => Err(format!(
            "it cannot be determined whether something runs in its {comm}"
        )),
    }
}

fn target(server: &Server, seen: &Seen, shell: ProcId) -> Target {
    Target {
        server: server.id,
        session: seen.id,
        pane: seen.pane,
        generation: None,
        whose: None,
        process: Some(shell),
        attached: WhenAttached::Hold,
    }
}
