//! Carries a plan out: a [`Plan`] to [`Outcomes`].
//!
//! Steps go to tmux in batches: a thousand starts are some thirty calls. A step that fails stops no
//! other step.
//!
//! **Architecture invariant:** nothing is chosen here. A step says what is to be done to exactly
//! which session. This room checks the preconditions, does it, and reports the outcome. Where it
//! cannot tell whether something happened it reports [`Outcome::Unknown`], and does not try again:
//! the next check shows what happened.

mod answer;
mod env_file;
mod finish;
mod inject;
mod instruct;
mod known;
mod labels;
mod launch;
mod launcher;
mod nudge;
mod pipes;
mod probe;
mod ready;
mod rename;
mod send_escape;
mod start;
mod status_port;
mod stop;
mod tree;
mod typist;

pub use answer::{Answering, answer};
pub use inject::{runs_hooks, tells_by_port};
pub use instruct::{Instructions, instruct, instructions};
pub use known::Known;
pub use labels::name_conversations;
pub use launch::cannot_start;
pub use nudge::{Approach, may_type};
pub use pipes::{AddToLog, repipe};

pub use launcher::{LauncherJobs, LauncherOrder, Report as LauncherReport, hand_over};
pub use probe::{PROBE_DEADLINE, probe};
pub use ready::check_ready;
pub use status_port::{StatusFault, StatusPort};

use crate::model::{
    self, Action, AnswerStep, Desired, Done, Generation, Memory, Moment, Outcome, Outcomes, Plan,
    Rung, SessionName, Step, TextStep, Town,
};
use crate::store::View;
use crate::tmux::Client;
use crate::tmux::ops::{Labels, NewName};
use crate::tmux::pipe::pipe_command;
use crate::tmux::script::Reply;
use launch::{Found, LaunchFault, Wanted};
use std::path::Path;

/// Keeps the last screen of a run that is about to be removed. The session is removed only after
/// `Ok`.
pub type KeepLog<'a> = &'a dyn Fn(&SessionName, Generation, &str) -> std::io::Result<()>;

/// How the output of sessions is kept.
#[derive(Clone, Copy)]
pub struct LogKeeping<'a> {
    /// Keeps the last screen of a session whose output nothing else has kept.
    pub screen: KeepLog<'a>,
    /// The program that takes what panes print, and the state directory that it writes to. None:
    /// only screens are kept.
    pub sink: Option<(&'a Path, &'a View)>,
}

impl LogKeeping<'_> {
    /// The command that takes the output of one run.
    fn pipe(
        &self,
        session: &SessionName,
        generation: Generation,
        bounds: model::Logs,
    ) -> Option<String> {
        let (program, state) = self.sink?;
        let model::Logs {
            size,
            files,
            keep: _,
        } = bounds;
        Some(pipe_command(
            program,
            &state.log_dir(session),
            generation,
            size,
            files,
        ))
    }

    /// Whether the output of this run was written to its log.
    fn has(&self, session: &SessionName, generation: Generation) -> bool {
        self.sink
            .is_some_and(|(_, state)| state.log_of(session, generation).is_file())
    }
}

/// What every step needs to know.
#[derive(Clone, Copy)]
struct Scene<'a> {
    town: &'a Town,
    memory: &'a Memory,
    known: &'a Known,
    now: Moment,
    client: &'a Client,
    logs: LogKeeping<'a>,
}

/// The outcome of one step, with the place of the step in the plan.
type Placed = (usize, Outcome);

/// Carries out the steps of `plan`, and reports each outcome in the plan's order.
///
/// A step that is done by a launcher's commands is only checked here, as it can take minutes. Where
/// its outcome is [`Begun`](model::Effect::Begun) the caller begins it beside its cycles
/// ([`LauncherJobs::begin`]).
///
/// `known` is what else is known from the look that the plan was made from. Takes at most some
/// calls of [`Client::DEADLINE`], and two seconds for processes to end. Never panics, and never
/// fails as a whole.
pub async fn carry_out(
    plan: &Plan,
    town: &Town,
    memory: &Memory,
    known: &Known,
    now: Moment,
    client: &Client,
    logs: LogKeeping<'_>,
) -> Outcomes {
    let scene = Scene {
        town,
        memory,
        known,
        now,
        client,
        logs,
    };
    // A variable file can be a pipe, whose writer is waited for. The other steps go on meanwhile.
    let (waiting, ready) = plan
        .steps
        .iter()
        .enumerate()
        .partition(|(_, step)| reads_a_file(step));
    let (first, second) = tokio::join!(
        Box::pin(take_steps(&scene, ready)),
        Box::pin(take_steps(&scene, waiting))
    );
    let mut settled: Vec<Placed> = first.into_iter().chain(second).collect();
    settled.sort_by_key(|(place, _)| *place);
    let told = |(place, outcome): Placed| {
        let step = plan.steps.get(place)?;
        Some(Done {
            session: step.session.clone(),
            verb: step.action.verb(),
            outcome,
        })
    };
    settled.into_iter().filter_map(told).collect()
}

/// Whether the process that the step starts gets variables from a file.
fn reads_a_file(step: &Step) -> bool {
    begun_by(step).is_some_and(|desired| !desired.env_files.is_empty())
}

/// The session for which gtctl itself starts a fresh process by this step, or ends one in order to.
fn begun_by(step: &Step) -> Option<&Desired> {
    match &step.action {
        _ if step.action.commands().is_some() => None,
        Action::Start { desired, .. }
        | Action::Restart {
            desired,
            rung: Rung::Ask | Rung::Finish,
            ..
        } => Some(desired),
        Action::Restart {
            rung: Rung::Term | Rung::Kill,
            ..
        }
        | Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => None,
    }
}

/// Carries out some of a plan's steps.
async fn take_steps(scene: &Scene<'_>, steps: Vec<(usize, &Step)>) -> Vec<Placed> {
    if steps.is_empty() {
        return vec![];
    }
    let wanted = steps
        .iter()
        .filter_map(|(_, step)| begun_by(step))
        .map(Wanted::of)
        .collect();
    let mut found = launch::find_all(wanted).await.into_iter();
    let mut work = Work::default();
    for (place, step) in steps {
        let found = begun_by(step).and_then(|_| found.next());
        work.take(scene, place, step, found);
    }
    let client = scene.client;
    let Work {
        starts,
        adoptions,
        renames,
        stops,
        finishes,
        texts,
        rouses,
        answers,
        mut settled,
    } = work;
    let (places, texts): (Vec<usize>, Vec<&TextStep>) = texts.into_iter().unzip();
    let (started, adopted, renamed, stopped, finished, typed, escape_sent, answered) = tokio::join!(
        start::all(scene, starts),
        start::adopt_all(scene, adoptions),
        rename::all(scene, renames),
        stop::all(scene, stops),
        finish::all(scene, finishes),
        nudge::type_all(client, &texts, scene.now),
        send_escape::all(scene, rouses),
        answer::all(scene, answers),
    );
    settled.extend(
        started
            .into_iter()
            .chain(adopted)
            .chain(renamed)
            .chain(stopped)
            .chain(finished)
            .chain(escape_sent)
            .chain(answered),
    );
    settled.extend(
        places
            .into_iter()
            .zip(typed.into_iter().map(nudge::outcome)),
    );
    settled
}

/// The steps by what they need.
#[derive(Default)]
struct Work<'a> {
    starts: Vec<start::Start>,
    adoptions: Vec<start::Adoption<'a>>,
    renames: Vec<rename::Rename<'a>>,
    stops: Vec<stop::Stop<'a>>,
    finishes: Vec<finish::Finish<'a>>,
    texts: Vec<(usize, &'a TextStep)>,
    rouses: Vec<send_escape::SendEscape<'a>>,
    answers: Vec<(usize, &'a AnswerStep)>,
    settled: Vec<Placed>,
}

impl<'a> Work<'a> {
    /// Sorts one step in. `found` is what it needs from the file system, if it starts a process.
    fn take(
        &mut self,
        scene: &Scene<'a>,
        place: usize,
        step: &'a Step,
        found: Option<Result<Found, LaunchFault>>,
    ) {
        let session = &step.session;
        if let Some(commands) = step.action.commands() {
            self.settled
                .push((place, launcher::preflight(&step.action, commands)));
            return;
        }
        let no_program = || Err(LaunchFault::NoCommand);
        match &step.action {
            Action::Start { .. } => {
                self.take_start(scene, place, step, found.unwrap_or_else(no_program));
            }
            Action::Restart { .. } => {
                self.take_restart(scene, place, step, found.unwrap_or_else(no_program));
            }
            Action::Expire {
                target,
                rung: Rung::Finish,
                ..
            } => self.finishes.push(finish::Finish {
                place,
                session,
                target,
                then: finish::Then::Remove,
            }),
            Action::Expire {
                target,
                rung,
                agent,
                launch,
            } => self.stops.push(stop::Stop {
                place,
                session,
                target,
                rung: *rung,
                agent,
                handoff: None,
                pane_at_end: stop::pane_at_end(launch),
            }),
            Action::Adopt { .. } => self.take_adoption(scene, place, step),
            Action::Rename {
                target,
                started_as,
                log,
            } => {
                let generation = target.generation.unwrap_or_default();
                let pipe = scene
                    .logs
                    .pipe(session, generation, *log)
                    .filter(|_| scene.logs.has(session, generation));
                let new = NewName {
                    name: session,
                    started_as,
                    pipe,
                };
                self.renames.push(rename::Rename { place, target, new });
            }
            Action::Nudge(text) => self.texts.push((place, text)),
            Action::SendEscape { target, agent } => self.rouses.push(send_escape::SendEscape {
                place,
                target,
                agent,
            }),
            Action::Answer(step) => self.answers.push((place, step)),
        }
    }

    fn take_start(
        &mut self,
        scene: &Scene<'a>,
        place: usize,
        step: &'a Step,
        found: Result<Found, LaunchFault>,
    ) {
        let Action::Start {
            desired,
            generation,
            handoff,
            crashes,
            conversation,
        } = &step.action
        else {
            return;
        };
        match found {
            Ok(found) => {
                let beginning = launch::Beginning {
                    generation: *generation,
                    handoff: *handoff,
                    crashes: *crashes,
                    conversation,
                };
                let launch = launch::prepare(scene, desired, found, &beginning);
                self.starts.push(start::Start { place, launch });
            }
            Err(fault) => self.fail(place, &fault),
        }
    }

    fn take_restart(
        &mut self,
        scene: &Scene<'a>,
        place: usize,
        step: &'a Step,
        found: Result<Found, LaunchFault>,
    ) {
        let Action::Restart {
            desired,
            target,
            rung,
            generation,
            handoff,
            crashes,
            conversation,
        } = &step.action
        else {
            return;
        };
        let session = &step.session;
        match (rung, found) {
            // Nothing that runs is ended for a process that could not be started.
            (Rung::Ask | Rung::Finish, Err(fault)) => self.fail(place, &fault),
            (Rung::Finish, Ok(found)) => {
                let beginning = launch::Beginning {
                    generation: *generation,
                    handoff: *handoff,
                    crashes: *crashes,
                    conversation,
                };
                let launch = launch::prepare(scene, desired, found, &beginning);
                self.finishes.push(finish::Finish {
                    place,
                    session,
                    target,
                    then: finish::Then::Start(Box::new(launch)),
                });
            }
            (Rung::Ask | Rung::Term | Rung::Kill, _) => self.stops.push(stop::Stop {
                place,
                session,
                target,
                rung: *rung,
                agent: &desired.agent,
                handoff: *handoff,
                pane_at_end: stop::pane_at_end(&desired.launch),
            }),
        }
    }

    fn take_adoption(&mut self, scene: &Scene<'a>, place: usize, step: &'a Step) {
        let Action::Adopt {
            target,
            fingerprint,
            generation,
            started,
            handoff,
            origin,
            log,
            over,
        } = &step.action
        else {
            return;
        };
        let session = &step.session;
        let labels = Labels {
            town: scene.town.name.clone(),
            session: session.clone(),
            generation: *generation,
            started: *started,
            fingerprint: *fingerprint,
            handoff: *handoff,
            origin: *origin,
            conversation: None,
        };
        let pipe = log.and_then(|log| scene.logs.pipe(session, *generation, log));
        self.adoptions.push(start::Adoption {
            place,
            session,
            target,
            labels,
            pipe,
            over: over.as_deref(),
        });
    }

    fn fail(&mut self, place: usize, fault: &LaunchFault) {
        let outcome = Outcome::Failed(fault.to_string());
        self.settled.push((place, outcome));
    }
}

/// The outcome of a line that was not done.
fn not_done(reply: Reply, explain: impl FnOnce(&str) -> String) -> Outcome {
    match reply {
        Reply::Ok { .. } => Outcome::Unknown("the reply was not understood".to_owned()),
        Reply::Stale(fields) => Outcome::Stale(explain(&fields)),
        Reply::Refused(said) => Outcome::Failed(format!("tmux: {said}")),
        Reply::Unseen(why) => Outcome::Unknown(why),
    }
}
