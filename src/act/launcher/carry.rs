//! A start or a stop by a launcher's commands, from its beginning to its outcome.

use super::super::finish::{self, Finish, Then};
use super::super::start::{self, Adoption};
use super::super::tree::{Trees, leftover_grace, remembered};
use super::super::{Scene, not_done};
use super::run::{CommandRun, Order, run};
use super::tracked::Tracked;
use crate::model::SortedSet;
use crate::model::{
    Action, Commands, Conversation, Desired, Effect, Generation, LauncherStop, Moment, Origin,
    Outcome, Ownership, Period, ProcId, Rung, ServerId, SessionId, SessionName, Step, StopCommand,
    Target, Town, Verb, WhenAttached, Whose,
};
use crate::proc::child::end_leftover;
use crate::proc::process::Presence;
use crate::proc::{clock, process, tree};
use crate::store::StateDir;
use crate::tmux::fence::{Clients, Facts, Fence, Pane};
use crate::tmux::labels::Labels as Read;
use crate::tmux::list::{self, ListFault, Listing, PaneRow};
use crate::tmux::ops::{self, Labels, PaneAtEnd};
use crate::tmux::script::{Batch, Reply, Tag};
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// The time between two looks for the result of a command.
const TICK: Duration = Duration::from_millis(100);
/// How long the agent may take to appear in its session. Half of it if the command reports a
/// failure.
const AGENT_PATIENCE: Duration = Duration::from_secs(15);
/// How long a session may take to appear after its command has ended.
const SESSION_PATIENCE: Duration = Duration::from_secs(2);

/// Carries the step out. Returns the step to which the outcome belongs. That is a start if the
/// previous run has ended and no new one began.
pub(super) async fn carry(scene: Scene<'_>, store: &StateDir, step: &Step) -> (Step, Outcome) {
    let Some(commands) = step.action.commands() else {
        return (
            step.clone(),
            Outcome::Failed("there are no commands for it".to_owned()),
        );
    };
    let course = Course {
        scene,
        store,
        session: &step.session,
        commands,
    };
    store
        .view()
        .launcher_job(&step.session)
        .into_iter()
        .for_each(end_leftover);
    match course.take(&step.action).await {
        Ok(outcome) => (step.clone(), outcome),
        Err(outcome) => (as_start(step), outcome),
    }
}

/// The rest of a restart whose previous run has ended.
fn as_start(step: &Step) -> Step {
    let Action::Restart {
        desired,
        generation,
        handoff,
        crashes,
        ..
    } = &step.action
    else {
        return step.clone();
    };
    let (desired, generation, handoff, crashes) =
        (desired.clone(), *generation, *handoff, *crashes);
    Step {
        action: Action::Start {
            desired,
            generation,
            handoff,
            crashes,
            conversation: Conversation::Unnamed,
        },
        ..step.clone()
    }
}

/// The run that is to begin.
struct Life<'a> {
    desired: &'a Desired,
    generation: Generation,
    handoff: Option<Moment>,
}

/// What was found in the place of the session.
enum Found {
    /// Its agent, in this pane, and a label that is not trusted.
    Agent(Target, Option<String>),
    /// No agent, and what runs instead.
    Other(String),
    /// Nothing.
    Nothing,
    /// gtctl could not determine it.
    Untold(String),
}

struct Course<'a> {
    scene: Scene<'a>,
    store: &'a StateDir,
    session: &'a SessionName,
    commands: &'a Commands,
}

impl Course<'_> {
    /// Carries out the action. An error says why an ended session was not started.
    async fn take(&self, action: &Action) -> Result<Outcome, Outcome> {
        match action {
            Action::Start {
                desired,
                generation,
                handoff,
                ..
            } => {
                self.end_remembered().await?;
                let life = Life {
                    desired,
                    generation: *generation,
                    handoff: *handoff,
                };
                self.start(&life).await
            }
            Action::Restart {
                desired,
                target,
                rung,
                generation,
                handoff,
                ..
            } => {
                let life = Life {
                    desired,
                    generation: *generation,
                    handoff: *handoff,
                };
                self.restart(target, *rung, &life).await
            }
            Action::Expire { target, .. } => match self.ask(target, None, Verb::Expire).await {
                Ok(_) => Ok(Outcome::Done(Effect::Removed)),
                Err(outcome) => Ok(outcome),
            },
            Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::Nudge { .. }
            | Action::SendEscape { .. }
            | Action::Answer(_) => Ok(Outcome::Failed("it is not done by commands".to_owned())),
        }
    }

    /// Takes this rung of a restart. Starts the session if nothing of it is left.
    async fn restart(
        &self,
        target: &Target,
        rung: Rung,
        life: &Life<'_>,
    ) -> Result<Outcome, Outcome> {
        let ended = match rung {
            Rung::Ask => self.ask(target, life.handoff, Verb::Restart).await,
            Rung::Finish => self.clear(target).await.map(|()| None),
            Rung::Term | Rung::Kill => Err(Outcome::Failed(
                "signals are not sent by commands".to_owned(),
            )),
        };
        match ended {
            Ok(None) => self.start(life).await,
            Ok(Some(ran)) => {
                self.verify(life, &self.commands.restart, &ran, &SortedSet::new())
                    .await
            }
            Err(outcome) => Ok(outcome),
        }
    }

    /// Starts the session, and makes it ours. An error says why there is no such run.
    async fn start(&self, life: &Life<'_>) -> Result<Outcome, Outcome> {
        let before = match list::list(self.scene.client).await {
            Ok(listing) => sessions_of(&listing),
            Err(_) => SortedSet::new(),
        };
        let ran = self
            .run(&self.commands.start, self.commands.start_timeout)
            .await;
        self.verify(life, &self.commands.start, &ran, &before).await
    }

    async fn run(&self, argv: &[String], limit: Period) -> CommandRun {
        let Scene { town, client, .. } = self.scene;
        let order = Order {
            argv,
            dir: &self.commands.dir,
            town,
            client,
            limit,
        };
        let note = |process| {
            if let Err(fault) = self.store.note_launcher_job(self.session, process) {
                tracing::warn!(%fault, session = %self.session, "the command's process is not written down");
            }
        };
        let ran = run(&order, note).await;
        // What is left of it names a process that has ended.
        let _ = self.store.forget_launcher_job(self.session);
        ran
    }

    /// Looks whether a command has begun a run, and makes it ours. `before` are the earlier
    /// sessions. An error says why there is no such run.
    async fn verify(
        &self,
        life: &Life<'_>,
        argv: &[String],
        ran: &CommandRun,
        before: &SortedSet<(u32, SessionId)>,
    ) -> Result<Outcome, Outcome> {
        let name = self.session;
        match self.look_out(life.desired, ran).await {
            Found::Agent(target, over) => Ok(self.label(life, &target, over.as_deref()).await),
            Found::Other(comm) => {
                let agent = &life.desired.agent.name;
                let told = ran.told(argv);
                Err(Outcome::Failed(format!(
                    "{told}; {name} is there, but runs {comm} and no {agent}"
                )))
            }
            Found::Nothing => {
                let stray = self.stray(before).await;
                Err(Outcome::Failed(format!(
                    "{}; there is no session {name}{stray}",
                    ran.told(argv)
                )))
            }
            Found::Untold(why) => Ok(Outcome::Unknown(format!("{}; {why}", ran.told(argv)))),
        }
    }

    /// Waits for the session and its agent. The wait is half as long if the command reports a
    /// failure.
    async fn look_out(&self, desired: &Desired, ran: &CommandRun) -> Found {
        let begun = Instant::now();
        let share = if ran.is_well() { 1 } else { 2 };
        loop {
            let found = match list::list(self.scene.client).await {
                Ok(listing) => find(&listing, self.scene.town, desired),
                Err(ListFault::NoServer(_)) => Found::Nothing,
                Err(fault) => Found::Untold(fault.to_string()),
            };
            let patience = match &found {
                Found::Agent(..) => Duration::ZERO,
                Found::Nothing => SESSION_PATIENCE / share,
                Found::Other(_) | Found::Untold(_) => AGENT_PATIENCE / share,
            };
            if begun.elapsed() >= patience {
                return found;
            }
            sleep(TICK).await;
        }
    }

    /// The sessions that the command has started instead, in words. They are left alone.
    async fn stray(&self, before: &SortedSet<(u32, SessionId)>) -> String {
        let Ok(listing) = list::list(self.scene.client).await else {
            return String::new();
        };
        let is_stray = |row: &&PaneRow| {
            row.labels == Read::default()
                && !before.contains(&(listing.server, row.session))
                && !self.scene.town.sessions.contains_key(row.name.as_str())
        };
        let names: SortedSet<&str> = listing
            .rows
            .iter()
            .filter(is_stray)
            .map(|row| row.name.as_str())
            .collect();
        if names.is_empty() {
            return String::new();
        }
        let names: Vec<&str> = names.into_iter().collect();
        format!(
            "; meanwhile {} came, which is left alone: is `naming` in [town] as gt has it?",
            names.join(", ")
        )
    }

    /// Labels the session as this run, and begins its log.
    async fn label(&self, life: &Life<'_>, target: &Target, over: Option<&str>) -> Outcome {
        let Life {
            desired,
            generation,
            handoff,
        } = *life;
        let labels = Labels {
            town: self.scene.town.name.clone(),
            session: self.session.clone(),
            generation,
            started: clock::now(),
            fingerprint: desired.fingerprint(),
            handoff,
            origin: Origin::Launcher,
            conversation: None,
        };
        let pipe = self.scene.logs.pipe(self.session, generation, desired.logs);
        let adoption = Adoption {
            place: 0,
            session: self.session,
            target,
            labels,
            pipe,
            over,
        };
        match start::adopt_all(&self.scene, vec![adoption]).await.pop() {
            Some((_, Outcome::Done(_))) => Outcome::Done(Effect::Started {
                generation,
                process: target.process,
            }),
            Some((_, outcome)) => outcome,
            None => Outcome::Unknown("it was not labelled".to_owned()),
        }
    }

    /// Takes the first rung of a stop: asks the run to end, and makes sure that nothing of it is
    /// left. Returns the command's output if the command has also begun the next run.
    ///
    /// An error is the outcome of a step that ends here: a fence refused it, or the run lives on.
    /// The plan then chooses what follows.
    async fn ask(
        &self,
        target: &Target,
        handoff: Option<Moment>,
        verb: Verb,
    ) -> Result<Option<CommandRun>, Outcome> {
        let tracked = self.aim(target, handoff).await?;
        match self.commands.stop_by(verb) {
            LauncherStop::Command(command) => self.ask_by(&command, target, &tracked).await,
            LauncherStop::TermThenCommand(command) => {
                self.ask_by_term(target, &tracked).await?;
                self.ask_by(&command, target, &tracked).await
            }
            LauncherStop::Term => {
                self.ask_by_term(target, &tracked).await?;
                self.end_leftovers(&tracked).await?;
                self.clear(target).await.map(|()| None)
            }
        }
    }

    /// Keeps the screen, looks for all processes of the run, and asks the fence.
    async fn aim(&self, target: &Target, handoff: Option<Moment>) -> Result<Tracked, Outcome> {
        let facts = self
            .fenced(target, |tag| {
                ops::probe(tag, target, Clients::for_asking(target))
            })
            .await?;
        let finish = Finish {
            place: 0,
            session: self.session,
            target,
            then: Then::Remove,
        };
        finish::keep_screen(&self.scene, &finish, facts).await?;
        let only = SortedSet::from([self.session]);
        let processes = Trees::look(&self.scene, &only).of(self.session, target, facts.process);
        // The slow work is done. Somebody may have attached meanwhile, so the fence is asked again.
        self.fenced(target, |tag| {
            ops::begin_stop(tag, target, handoff, PaneAtEnd::AsSet)
        })
        .await?;
        Ok(Tracked::new(processes, Some(target.server.0)))
    }

    /// Sends TERM, and gives the run its grace. An error says that it lives on.
    async fn ask_by_term(&self, target: &Target, tracked: &Tracked) -> Result<(), Outcome> {
        let grace = self.commands.stop_timeout;
        tracked.ask_to_end(grace.to_std()).await;
        if tracked.living().is_empty() || !self.stands(target).await {
            return Ok(());
        }
        Err(not_ended(
            tracked,
            format!("it has not ended within {grace} of TERM"),
        ))
    }

    /// Runs the command that ends the run, then ends what is left.
    async fn ask_by(
        &self,
        command: &StopCommand<'_>,
        target: &Target,
        tracked: &Tracked,
    ) -> Result<Option<CommandRun>, Outcome> {
        let StopCommand {
            argv,
            limit,
            restarts,
        } = *command;
        let ran = tracked.during(self.run(argv, limit)).await;
        // After a restart the session may have a fresh process. Then the old root process tells.
        let lives = if restarts {
            tracked.is_root_alive()
        } else {
            !tracked.living().is_empty()
        };
        if lives && self.stands(target).await {
            let said = format!("{}; it still runs", ran.told(argv));
            return Err(not_ended(tracked, said));
        }
        self.end_leftovers(tracked)
            .await
            .map_err(|outcome| with_words(outcome, argv, &ran))?;
        if restarts && !lives {
            return Ok(Some(ran));
        }
        self.clear(target)
            .await
            .map(|()| None)
            .map_err(|outcome| with_words(outcome, argv, &ran))
    }

    /// Sends tmux a line with the fence of a stop.
    async fn fenced(
        &self,
        target: &Target,
        line: impl FnOnce(&Tag) -> String,
    ) -> Result<Facts, Outcome> {
        let reply = Batch::run_one(self.scene.client, line).await;
        let Reply::Ok { fields, .. } = &reply else {
            let fence = Fence::new(target, Clients::for_asking(target), Pane::Any);
            return Err(not_done(reply, |fields| fence.explain(fields)));
        };
        Ok(Facts::read(target, fields).0)
    }

    /// Ends what lives on of a run whose session is gone or has a fresh process. An error names
    /// what survives KILL.
    async fn end_leftovers(&self, tracked: &Tracked) -> Result<(), Outcome> {
        if tracked.living().is_empty() {
            return Ok(());
        }
        let grace = leftover_grace(self.scene.town, self.session);
        let survivors = tracked.end(grace).await;
        let Some(first) = survivors.first() else {
            return Ok(());
        };
        Err(Outcome::Failed(format!(
            "{} of its processes survive KILL, the first is pid {}",
            survivors.len(),
            first.pid
        )))
    }

    /// Ends what lives on if the session has gone before the last rung of its stop.
    async fn end_remembered(&self) -> Result<(), Outcome> {
        let processes = remembered(self.scene.memory, self.session, clock::now().boot)
            .map(|stopping| stopping.tree.clone())
            .unwrap_or_default();
        let server = self.scene.known.server.map(|server| server.0);
        self.end_leftovers(&Tracked::new(processes, server)).await
    }

    async fn stands(&self, target: &Target) -> bool {
        let listing = list::list(self.scene.client).await;
        listing.is_ok_and(|listing| {
            listing.server == target.server.0.pid
                && listing.rows.iter().any(|row| row.session == target.session)
        })
    }

    /// Removes the session of a run that has ended, if the launcher has not.
    async fn clear(&self, target: &Target) -> Result<(), Outcome> {
        if !self.stands(target).await {
            return Ok(());
        }
        let finish = Finish {
            place: 0,
            session: self.session,
            target,
            then: Then::Remove,
        };
        match finish::all(&self.scene, vec![finish]).await.pop() {
            Some((_, Outcome::Done(_))) => Ok(()),
            // It has gone by itself meanwhile.
            _ if !self.stands(target).await => Ok(()),
            Some((_, outcome)) => Err(outcome),
            None => Err(Outcome::Unknown("it was not removed".to_owned())),
        }
    }
}

/// The outcome that the run lives on, after `said`.
fn not_ended(tracked: &Tracked, said: String) -> Outcome {
    let tree = tracked.living();
    Outcome::Done(Effect::NotEnded { tree, said })
}

/// The outcome with the command's output, where that may explain it.
fn with_words(outcome: Outcome, argv: &[String], ran: &CommandRun) -> Outcome {
    match outcome {
        Outcome::Failed(why) if !ran.is_well() => {
            Outcome::Failed(format!("{}; {why}", ran.told(argv)))
        }
        Outcome::Done(_) | Outcome::Stale(_) | Outcome::Failed(_) | Outcome::Unknown(_) => outcome,
    }
}

/// The sessions of a server.
fn sessions_of(listing: &Listing) -> SortedSet<(u32, SessionId)> {
    listing
        .rows
        .iter()
        .map(|row| (listing.server, row.session))
        .collect()
}

/// Finds the session and its agent.
fn find(listing: &Listing, town: &Town, desired: &Desired) -> Found {
    let mut found = Found::Nothing;
    let Some(server) = server_of(listing) else {
        return Found::Untold("the tmux server has just ended".to_owned());
    };
    for row in listing
        .rows
        .iter()
        .filter(|row| row.name == desired.name.as_str() && !row.dead)
    {
        let Some(process) = process::child_of(server, row.pid) else {
            continue;
        };
        let members = tree::tree(process);
        if tree::find_named(&members, &desired.agent.process_names).is_some() {
            let over = match row.labels.ownership(&town.name) {
                Ownership::Unproved(unproved) => Some(unproved.text),
                Ownership::Ours(_) | Ownership::Unlabelled | Ownership::Foreign(_) => None,
            };
            return Found::Agent(target_of(ServerId(server), row, town, process), over);
        }
        let comm = members
            .first()
            .map(|member| member.stat.comm.clone())
            .unwrap_or_default();
        found = Found::Other(comm);
    }
    found
}

/// The listed server, if it runs on this host and is a tmux.
fn server_of(listing: &Listing) -> Option<ProcId> {
    match process::look(listing.server) {
        Presence::Alive(stat) if stat.comm.starts_with("tmux") => Some(ProcId {
            pid: listing.server,
            start: stat.start,
        }),
        Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => None,
    }
}

fn target_of(server: ServerId, row: &PaneRow, town: &Town, process: ProcId) -> Target {
    // A launcher may give an existing session a fresh process, and leave the old labels.
    let label = match row.labels.ownership(&town.name) {
        Ownership::Ours(label) => Some(label),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    };
    let generation = label.as_ref().map(|label| label.generation);
    let whose = label.map(|label| Whose {
        town: town.name.clone(),
        session: label.session,
    });
    let (session, pane) = (row.session, row.pane);
    Target {
        server,
        session,
        pane,
        generation,
        whose,
        process: Some(process),
        attached: WhenAttached::Hold,
    }
}
