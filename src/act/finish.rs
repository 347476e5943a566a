//! The last rung of a stop. It makes sure that nothing of the run lives, then gives the session a
//! fresh process, or removes it.

use super::start::{begun, date};
use super::tree::{Aimed, Trees, ask_to_end, kill_all, leftover_grace};
use super::{Placed, Scene, not_done};
use crate::model::SortedSet;
use crate::model::{Effect, Generation, Outcome, SessionName, Target};
use crate::proc::env_tag::Scan;
use crate::proc::process;
use crate::proc::signal::Signal;
use crate::tmux::fence::{Clients, Facts, Fence, Pane};
use crate::tmux::ops::{self, CaptureDepth, SessionLaunch};
use crate::tmux::script::{Batch, NoServer, Reply};
use std::cell::Cell;
use std::time::{Duration, Instant};

/// The most bytes that are kept of a screen. The end is kept.
const MAX_ARCHIVE: usize = 10 << 20;
/// The lines of history that are kept of a screen that is too long to be read whole.
const SHORT_ARCHIVE: u32 = 10_000;

/// A session to finish.
pub(super) struct Finish<'a> {
    pub(super) place: usize,
    pub(super) session: &'a SessionName,
    pub(super) target: &'a Target,
    pub(super) then: Then,
}

/// What comes after the end.
pub(super) enum Then {
    /// A fresh process.
    Start(Box<SessionLaunch>),
    /// Nothing.
    Remove,
}

/// A session to finish whose fence has held, or that needs none yet, and its state.
struct Found<'a> {
    finish: Finish<'a>,
    facts: Facts,
    /// The names of the variables that the last run was given.
    former: String,
    /// What must still be true of its pane when the last command reaches tmux.
    pane: Pane,
}

/// Finishes all of these.
pub(super) async fn all(scene: &Scene<'_>, finishes: Vec<Finish<'_>>) -> Vec<Placed> {
    let (mut found, mut unknown) = (vec![], vec![]);
    for finish in finishes {
        match seen_ended(scene, finish) {
            Ok(ended) => found.push(ended),
            Err(finish) => unknown.push(finish),
        }
    }
    let mut settled = vec![];
    let sessions = unknown.iter().map(|finish| finish.session).collect();
    let trees = (!unknown.is_empty()).then(|| Trees::look(scene, &sessions));
    for (finish, trees) in unknown.into_iter().zip(trees.iter().cycle()) {
        let place = finish.place;
        match probed(scene, finish, trees).await {
            Ok(passed) => found.push(passed),
            Err(outcome) => settled.push((place, outcome)),
        }
    }
    let mut clean = vec![];
    let asked = Instant::now();
    for found in emptied(scene, found).await {
        match found {
            Ok(mut found) => {
                if let Then::Start(launch) = &mut found.finish.then {
                    date(launch, asked.elapsed());
                }
                clean.push(found);
            }
            Err(placed) => settled.push(placed),
        }
    }
    settled.extend(replaced(scene, clean).await);
    settled
}

/// The state of a session whose agent was seen to have ended. It needs no probe: its fresh process
/// is given on the condition that the pane is still dead.
fn seen_ended<'a>(scene: &Scene<'_>, finish: Finish<'a>) -> Result<Found<'a>, Finish<'a>> {
    let former = scene.known.ended.get(&finish.target.session);
    match (former, &finish.then) {
        (Some(former), Then::Start(_)) => {
            let facts = Facts {
                process: None,
                present: true,
                dead: true,
            };
            Ok(Found {
                finish,
                facts,
                former: former.clone(),
                pane: Pane::Dead,
            })
        }
        (Some(_) | None, _) => Err(finish),
    }
}

/// Asks the fence of one session, and kills what lives in its pane as soon as the fence holds. The
/// slow work is done before, because somebody can attach at any time.
async fn probed<'a>(
    scene: &Scene<'_>,
    finish: Finish<'a>,
    trees: &Trees<'_>,
) -> Result<Found<'a>, Outcome> {
    let target = finish.target;
    let aimed = Aimed::at(trees.of(finish.session, target, None));
    let reply = Batch::run_one(scene.client, |tag| {
        ops::probe(tag, target, Clients::for_finishing(target))
    })
    .await;
    let passed = passed(finish, reply)?;
    if passed.facts.process.is_some() {
        aimed.send(Signal::KILL);
    }
    Ok(passed)
}

/// Judges the reply to the probe. A process that began after the plan was made is not killed.
fn passed(finish: Finish<'_>, reply: Reply) -> Result<Found<'_>, Outcome> {
    let target = finish.target;
    let Reply::Ok { fields, .. } = &reply else {
        let fence = Fence::new(target, Clients::for_finishing(target), Pane::Any);
        return Err(not_done(reply, |fields| fence.explain(fields)));
    };
    let (facts, former) = Facts::read(target, fields);
    let lives = |pid: &u32| process::child_of(target.server.0, *pid).is_some();
    if let Some(pid) = facts.stranger(target.process).filter(lives) {
        return Err(Outcome::Stale(format!(
            "its pane has a living process again (pid {pid})"
        )));
    }
    let former = former.to_owned();
    let pane = if facts.present {
        Pane::Present
    } else {
        Pane::Absent
    };
    Ok(Found {
        finish,
        facts,
        former,
        pane,
    })
}

/// Kills what is left of each session, and keeps the screens of those that are to be removed.
async fn emptied<'a>(scene: &Scene<'_>, found: Vec<Found<'a>>) -> Vec<Result<Found<'a>, Placed>> {
    if found.is_empty() {
        return vec![];
    }
    let living = |trees: &Trees<'_>, f: &Found<'_>| {
        trees.of(f.finish.session, f.finish.target, f.facts.process)
    };
    let sessions: SortedSet<&SessionName> = found.iter().map(|f| f.finish.session).collect();
    ask_leftovers(scene, &found, &sessions).await;
    // A scan that was made earlier counts only if it is empty: a process may have started others
    // since.
    let ahead = scene.known.scan.take().map(Scan::finish);
    let ahead = Cell::new(
        ahead
            .map(|sighted| sighted.renamed(&scene.known.renames))
            .filter(|sighted| sighted.is_clear_of(|session| sessions.contains(session))),
    );
    let survivors = kill_all(|| {
        let trees = match ahead.take() {
            Some(sighted) => Trees::of_scan(scene, &sessions, sighted),
            None => Trees::look(scene, &sessions),
        };
        found.iter().flat_map(|f| living(&trees, f)).collect()
    })
    .await;
    // Only survivors are looked for again.
    let trees = (!survivors.is_empty()).then(|| Trees::look(scene, &sessions));
    let mut judged = vec![];
    for found in found {
        let place = found.finish.place;
        let left = trees
            .as_ref()
            .map_or_else(Vec::new, |trees| living(trees, &found));
        let archived = match (left.first(), &found.finish.then) {
            (Some(process), Then::Start(_) | Then::Remove) => Err(Outcome::Failed(format!(
                "{} of its processes survive KILL; the first is pid {}: `cat /proc/{}/stack` shows what it waits for",
                left.len(),
                process.pid,
                process.pid
            ))),
            (None, Then::Remove) if found.facts.present && !is_logged(scene, &found.finish) => {
                archive(scene, &found.finish).await
            }
            (None, Then::Remove | Then::Start(_)) => Ok(()),
        };
        judged.push(archived.map(|()| found).map_err(|outcome| (place, outcome)));
    }
    judged
}

/// Asks the processes of closed panes to end. Such a process has ignored the hangup, and may obey
/// TERM.
async fn ask_leftovers(scene: &Scene<'_>, found: &[Found<'_>], sessions: &SortedSet<&SessionName>) {
    let closed: Vec<&Found<'_>> = found.iter().filter(|found| !found.facts.present).collect();
    if closed.is_empty() {
        return;
    }
    let trees = Trees::look(scene, sessions);
    let mut left = vec![];
    let mut grace = Duration::ZERO;
    for Found { finish, .. } in closed {
        let of_it = trees.of(finish.session, finish.target, None);
        if !of_it.is_empty() {
            grace = grace.max(leftover_grace(scene.town, finish.session));
            left.extend(of_it);
        }
    }
    ask_to_end(&left, grace).await;
}

/// Whether the run has a log, so that its screen need not be kept.
fn is_logged(scene: &Scene<'_>, finish: &Finish<'_>) -> bool {
    finish
        .target
        .generation
        .is_some_and(|life| scene.logs.has(finish.session, life))
}

/// Keeps the screen of a run that a launcher is about to end, where nothing else has kept its
/// output.
pub(super) async fn keep_screen(
    scene: &Scene<'_>,
    finish: &Finish<'_>,
    facts: Facts,
) -> Result<(), Outcome> {
    if facts.present && !is_logged(scene, finish) {
        archive(scene, finish).await
    } else {
        Ok(())
    }
}

/// Reads the pane's text and keeps it.
async fn archive(scene: &Scene<'_>, finish: &Finish<'_>) -> Result<(), Outcome> {
    let target = finish.target;
    let mut reply = Batch::run_one(scene.client, |tag| {
        ops::capture(tag, target, CaptureDepth::All)
    })
    .await;
    if matches!(reply, Reply::Unseen(_)) {
        // The whole text may be more than a call can carry. Reading twice does no harm.
        reply = Batch::run_one(scene.client, |tag| {
            ops::capture(tag, target, CaptureDepth::History(SHORT_ARCHIVE))
        })
        .await;
    }
    let Reply::Ok { text, .. } = reply else {
        let fence = Fence::new(target, Clients::Ignore, Pane::Present);
        return Err(not_done(reply, |fields| fence.explain(fields)));
    };
    let generation = target.generation.unwrap_or(Generation(0));
    (scene.logs.screen)(finish.session, generation, end_of(&text)).map_err(|fault| {
        Outcome::Failed(format!(
            "its log cannot be kept, so it was not removed: {fault}"
        ))
    })
}

/// The last [`MAX_ARCHIVE`] bytes, from the beginning of a line.
fn end_of(text: &str) -> &str {
    let Some(mut from) = text.len().checked_sub(MAX_ARCHIVE) else {
        return text;
    };
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = text.split_at(from).1;
    end.split_once('\n').map_or(end, |(_, lines)| lines)
}

/// Gives each session its fresh process, or removes it.
async fn replaced(scene: &Scene<'_>, clean: Vec<Found<'_>>) -> Vec<Placed> {
    let mut batch = Batch::default();
    for Found {
        finish,
        facts,
        former,
        pane,
    } in &clean
    {
        batch.push(|tag| match (&finish.then, facts.present) {
            (Then::Start(launch), true) => ops::respawn(tag, finish.target, launch, former, *pane),
            (Then::Start(launch), false) => ops::start_beside(tag, finish.target, launch, former),
            (Then::Remove, _) => ops::remove(tag, finish.target, *pane),
        });
    }
    let replies = batch.run(scene.client, NoServer::Stale).await;
    let told = |(found, reply): (&Found<'_>, Reply)| {
        let finish = &found.finish;
        let fence = Fence::new(
            finish.target,
            Clients::for_finishing(finish.target),
            found.pane,
        );
        let outcome = match (&finish.then, reply) {
            (Then::Start(launch), Reply::Ok { fields, text }) => begun(
                launch,
                Some(finish.target.server),
                Reply::Ok { fields, text },
            ),
            (Then::Remove, Reply::Ok { .. }) => Outcome::Done(Effect::Removed),
            (Then::Start(_) | Then::Remove, reply) => {
                not_done(reply, |fields| fence.explain(fields))
            }
        };
        (finish.place, outcome)
    };
    clean.iter().zip(replies).map(told).collect()
}
