//! Starts and adoptions: each is one line for tmux.

use super::tree::{Former, Here};
use super::{Placed, Scene, not_done, tree};
use crate::model::{Effect, Outcome, Period, ProcId, ServerId, SessionName, Target};
use crate::model::{SortedMap, SortedSet};
use crate::proc::process;
use crate::tmux::fence::{Clients, Fence, Pane};
use crate::tmux::list;
use crate::tmux::ops::{self, CaptureDepth, Labels, SessionLaunch};
use crate::tmux::script::{Batch, NoServer, Reply};
use std::time::{Duration, Instant};

/// A session to create.
pub(super) struct Start {
    pub(super) place: usize,
    pub(super) launch: SessionLaunch,
}

/// A session to label.
pub(super) struct Adoption<'a> {
    pub(super) place: usize,
    pub(super) session: &'a SessionName,
    pub(super) target: &'a Target,
    pub(super) labels: Labels,
    /// The command that gets what its pane prints from now on. None: nothing gets it.
    pub(super) pipe: Option<String>,
    /// The label that it has and that is not believed. It is written over.
    pub(super) over: Option<&'a str>,
}

/// Creates all sessions, each once nothing of its earlier runs is left. A tmux server that was
/// killed leaves behind the processes that ignore a hangup.
pub(super) async fn all(scene: &Scene<'_>, starts: Vec<Start>) -> Vec<Placed> {
    if starts.is_empty() {
        return vec![];
    }
    let asked = Instant::now();
    let (mut starts, mut settled) = without_leftovers(scene, starts).await;
    for start in &mut starts {
        date(&mut start.launch, asked.elapsed());
    }
    let mut batch = Batch::default();
    for start in &starts {
        batch.push(|tag| ops::create(tag, &start.launch, scene.known.server));
    }
    let no_server = if scene.known.server.is_some() {
        NoServer::Stale
    } else {
        NoServer::Start
    };
    let replies = batch.run(scene.client, no_server).await;
    settled.extend(
        starts
            .iter()
            .zip(replies)
            .map(|(start, reply)| (start.place, begun(&start.launch, scene.known.server, reply))),
    );
    settled
}

/// A start that waited no longer than this keeps its planned date.
const UNNOTICED: Duration = Duration::from_millis(100);

/// Dates a start anew that had to wait until something else had ended. `ready_after` counts from
/// the real start.
pub(super) fn date(launch: &mut SessionLaunch, waited: Duration) {
    if waited > UNNOTICED {
        launch.labels.started = launch.labels.started.plus(Period::from_millis(
            u64::try_from(waited.as_millis()).unwrap_or(0),
        ));
    }
}

/// Ends what earlier runs have left behind. Gives the starts that can go on, and the outcomes of
/// those that cannot.
async fn without_leftovers(scene: &Scene<'_>, starts: Vec<Start>) -> (Vec<Start>, Vec<Placed>) {
    let beginning: SortedMap<_, _> = starts
        .iter()
        .map(|start| (&start.launch.name, start.launch.labels.generation))
        .collect();
    let server = scene.known.server;
    let unlisted = server.map(|server| Here {
        server,
        panes: None,
    });
    let first = tree::former(scene, unlisted, &beginning);
    if first.left.is_empty() && first.agents.is_empty() {
        return (starts, vec![]);
    }
    let panes = living_panes(scene).await;
    let here = server.map(|server| Here {
        server,
        panes: panes.as_ref(),
    });
    let former = || tree::former(scene, here, &beginning);
    let Former { left, agents } = former();
    let grace = left
        .iter()
        .map(|(session, _)| tree::leftover_grace(scene.town, session))
        .max();
    let left: Vec<ProcId> = left.into_iter().map(|(_, process)| process).collect();
    tree::ask_to_end(&left, grace.unwrap_or_default()).await;
    let survivors = tree::kill_all(|| {
        former()
            .left
            .into_iter()
            .map(|(_, process)| process)
            .collect()
    })
    .await;
    let stuck = if survivors.is_empty() {
        vec![]
    } else {
        former().left
    };
    let mut moved = vec![];
    for (session, process) in agents {
        // If the session stands after all, tmux refuses a second one of its name.
        if !stands(scene, &session).await {
            moved.push((session, process));
        }
    }
    let (mut free, mut settled) = (vec![], vec![]);
    for start in starts {
        let of_it = |found: &[(SessionName, ProcId)]| {
            found
                .iter()
                .find(|(session, _)| *session == start.launch.name)
                .map(|(_, process)| process.pid)
        };
        let why = match (of_it(&moved), of_it(&stuck)) {
            (Some(pid), _) => format!(
                "its agent still runs in a pane that was moved out of the session: pid {pid}"
            ),
            (None, Some(pid)) => format!("a process of its previous run survives KILL: pid {pid}"),
            (None, None) => {
                free.push(start);
                continue;
            }
        };
        settled.push((start.place, Outcome::Failed(why)));
    }
    (free, settled)
}

/// The processes of all living panes. None where they could not be listed.
async fn living_panes(scene: &Scene<'_>) -> Option<SortedSet<u32>> {
    let listing = list::list(scene.client).await.ok()?;
    let is_meant = scene
        .known
        .server
        .is_some_and(|server| server.0.pid == listing.server);
    is_meant.then(|| {
        listing
            .rows
            .iter()
            .filter(|row| !row.dead)
            .map(|row| row.pid)
            .collect()
    })
}

/// Whether there is a session of this name.
async fn stands(scene: &Scene<'_>, session: &SessionName) -> bool {
    let listing = list::list(scene.client).await;
    listing.is_ok_and(|listing| listing.rows.iter().any(|row| row.name == session.as_str()))
}

/// The outcome of a line whose reply ends with the pid of the process that it started.
///
/// A process that has ended already was started all the same. The next check judges how it ended.
pub(super) fn begun(launch: &SessionLaunch, server: Option<ServerId>, reply: Reply) -> Outcome {
    match reply {
        Reply::Ok { fields, .. } => {
            let pid = fields.rsplit(' ').next().and_then(|pid| pid.parse().ok());
            let of_server = |pid| match server {
                Some(ServerId(server)) => process::child_of(server, pid),
                // The server was started by this call, so it was not seen before.
                None => process::identify(pid),
            };
            let process = pid.and_then(of_server);
            Outcome::Done(Effect::Started {
                generation: launch.labels.generation,
                process,
            })
        }
        Reply::Refused(said) if said.starts_with("duplicate session") => {
            Outcome::Stale(format!("a session named {} already exists", launch.name))
        }
        Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => not_done(reply, str::to_owned),
    }
}

/// Labels all of these.
pub(super) async fn adopt_all(scene: &Scene<'_>, adoptions: Vec<Adoption<'_>>) -> Vec<Placed> {
    keep_histories(scene, &adoptions).await;
    let mut batch = Batch::default();
    for Adoption {
        target,
        labels,
        pipe,
        over,
        ..
    } in &adoptions
    {
        batch.push(|tag| ops::adopt(tag, target, labels, pipe.as_deref(), *over));
    }
    let replies = batch.run(scene.client, NoServer::Stale).await;
    let told = |(adoption, reply): (&Adoption<'_>, Reply)| {
        let outcome = match reply {
            Reply::Ok { fields, .. } => adopted(&adoption.labels, &fields),
            Reply::Stale(_) | Reply::Refused(_) | Reply::Unseen(_) => {
                let fence =
                    Fence::new(adoption.target, Clients::Ignore, Pane::Present).over(adoption.over);
                not_done(reply, |fields| fence.explain(fields))
            }
        };
        (adoption.place, outcome)
    };
    adoptions.iter().zip(replies).map(told).collect()
}

/// Whether the label that was written is the one that is read. A label that is set for the whole
/// server hides it.
fn adopted(labels: &Labels, read: &str) -> Outcome {
    let generation = labels.generation;
    if read.contains(&format!(" gen={generation} ")) {
        return Outcome::Done(Effect::Adopted { generation });
    }
    let why = "a label that is set for the whole server hides its own: remove it with `tmux set-option -su @gtctl_label`";
    Outcome::Failed(why.to_owned())
}

/// Begins the logs of adopted sessions with what their panes have printed so far.
///
/// What is printed between this and the pipe is missing in the log. A pane whose output goes
/// elsewhere gets no log, as that would never grow.
async fn keep_histories(scene: &Scene<'_>, adoptions: &[Adoption<'_>]) {
    for Adoption {
        session,
        target,
        labels,
        ..
    } in adoptions.iter().filter(|adoption| adoption.pipe.is_some())
    {
        let reply = Batch::run_one(scene.client, |tag| {
            ops::capture(tag, target, CaptureDepth::All)
        })
        .await;
        let Reply::Ok { fields, text } = reply else {
            continue;
        };
        let text = format!("{}\n", text.trim_end());
        let kept =
            || (scene.logs.screen)(session, labels.generation, text.trim_start_matches('\n'));
        if let (Some(Err(fault)), session) = ((fields == "0").then(kept), session) {
            tracing::debug!(%fault, %session, "no history");
        }
    }
}
