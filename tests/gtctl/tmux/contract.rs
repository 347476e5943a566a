//! The contract between the planner and the world: the same facts hold on the simulated server and
//! on real tmux, so that what the simulation finds is true of the other.

use crate::harness::{PATIENCE, TestServer, desired, name, until};
use gtctl::act::{Known, carry_out};
use gtctl::model::{
    Action, Death, Desired, Done, Effect, Generation, History, Label, Launch, Life, Memory, Moment,
    Observed, Origin, Outcome, Ownership, Period, Phase, Plan, ProcId, Purpose, Reason, Rung, Seen,
    ServerId, Step, Stopping, Target, Town, WhenAttached,
};
use gtctl::observe::{Depth, Living, LookCache, LookRequest, look};
use gtctl::proc::clock;
use gtctl::proc::signal::{Signal, signal};
use gtctl::sim::{Agentry, Random, World};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// Somewhere sessions live.
trait Ground {
    async fn look(&mut self) -> Observed;
    async fn carry_out(&mut self, action: Action, tree: Vec<ProcId>) -> Outcome;
    fn now(&self) -> Moment;
    fn kill_agent(&mut self, session: &str);
    fn attach(&mut self, session: &str);
    fn detach(&mut self);
    fn move_in(&mut self, session: &str, runs_agent: bool);
    /// A little time passes.
    fn pass(&mut self);
}

struct Fake {
    world: World,
    attached: String,
}

struct Real {
    stage: TestServer,
    client: Option<Child>,
    seen: Observed,
}

fn agent(session: &str) -> Desired {
    let mut desired = desired(session, &["sleep", "600"]);
    Arc::make_mut(&mut desired.agent).process_names = vec!["sleep".to_owned()];
    desired
}

fn town(named: &str) -> Town {
    let mut town = crate::harness::town(&[]);
    town.name = name(named);
    town.sessions = ["one", "two"]
        .map(|session| (name(session), agent(session)))
        .into();
    town
}

fn step(action: Action) -> Step {
    let session = match &action {
        Action::Start { desired, .. } | Action::Restart { desired, .. } => desired.name.clone(),
        Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => name("one"),
    };
    Step {
        session,
        action,
        reason: Reason::Asked,
        phase: Phase::Unknown,
    }
}

impl Ground for Fake {
    async fn look(&mut self) -> Observed {
        self.world.settle();
        self.world.observe()
    }

    async fn carry_out(&mut self, action: Action, _: Vec<ProcId>) -> Outcome {
        let now = self.world.now;
        self.world.carry_out(&step(action), now)
    }

    fn now(&self) -> Moment {
        self.world.now
    }

    fn kill_agent(&mut self, session: &str) {
        self.world.kill_agent(session);
    }

    fn attach(&mut self, session: &str) {
        session.clone_into(&mut self.attached);
        self.world.attach(session, 1);
    }

    fn detach(&mut self) {
        self.world.attach(&self.attached, 0);
    }

    fn move_in(&mut self, session: &str, runs_agent: bool) {
        self.world.move_in(session, runs_agent);
    }

    fn pass(&mut self) {
        self.world.pass(Period::from_millis(50));
    }
}

impl Ground for Real {
    async fn look(&mut self) -> Observed {
        let (stage, none) = (&self.stage, Memory::default());
        let request = LookRequest {
            client: &stage.client,
            town: &stage.town,
            memory: &none,
            now: clock::now(),
            depth: Depth::Plan,
            living: Living::default(),
        };
        self.seen = look(request, &mut LookCache::default()).await.observed;
        self.seen.clone()
    }

    async fn carry_out(&mut self, action: Action, tree: Vec<ProcId>) -> Outcome {
        let step = step(action);
        let stopping = target_of(&step.action)
            .and_then(|target| target.generation)
            .map(|generation| Stopping {
                generation,
                since: clock::now(),
                rung: Rung::Ask,
                rung_at: clock::now(),
                purpose: Purpose::Restart,
                reason: "asked".into(),
                begun_for: None,
                tree,
            });
        let history = History {
            stopping,
            ..History::default()
        };
        let memory = Memory {
            sessions: [(step.session.clone(), history)].into(),
            ..Memory::default()
        };
        let plan = Plan {
            steps: vec![step],
            ..Plan::default()
        };
        let stage = &self.stage;
        let known = Known {
            server: stage.server(),
            ..Known::of(&self.seen)
        };
        let keep = |_: &_, _, _: &str| Ok(());
        let logs = gtctl::act::LogKeeping {
            screen: &keep,
            sink: None,
        };
        let done = carry_out(
            &plan,
            &stage.town,
            &memory,
            &known,
            clock::now(),
            &stage.client,
            logs,
        )
        .await;
        let [Done { outcome, .. }] = <[Done; 1]>::try_from(done).unwrap();
        outcome
    }

    fn now(&self) -> Moment {
        clock::now()
    }

    fn kill_agent(&mut self, session: &str) {
        let pid = self.stage.format(&format!("={session}:"), "#{pane_pid}");
        signal(crate::harness::proc_of(&pid), Signal::KILL);
    }

    fn attach(&mut self, session: &str) {
        let mut command = Command::new("tmux");
        command
            .args(["-C", "-S"])
            .arg(self.stage.dir().join("s"))
            .args(["attach", "-t", &format!("={session}")]);
        command
            .env_remove("TMUX")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        self.client = Some(command.spawn().unwrap());
        let at = format!("={session}:");
        until("the client", || {
            self.stage.format(&at, "#{session_attached}") == "1"
        });
    }

    fn detach(&mut self) {
        let mut client = self.client.take().unwrap();
        drop(client.stdin.take());
        client.wait().unwrap();
        until("nobody", || {
            !self
                .stage
                .run(&["list-sessions", "-F", "#{session_attached}"])
                .contains('1')
        });
    }

    fn move_in(&mut self, session: &str, runs_agent: bool) {
        let program = if runs_agent { "sleep" } else { "tail" };
        let arguments = if runs_agent {
            vec!["600"]
        } else {
            vec!["-f", "/dev/null"]
        };
        self.stage.run(
            &[
                &["new-session", "-d", "-s", session, program],
                &arguments[..],
            ]
            .concat(),
        );
    }

    fn pass(&mut self) {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

fn target_of(action: &Action) -> Option<&Target> {
    match action {
        Action::Start { .. } => None,
        Action::Restart { target, .. }
        | Action::Expire { target, .. }
        | Action::Adopt { target, .. }
        | Action::Rename { target, .. }
        | Action::SendEscape { target, .. } => Some(target),
        Action::Nudge(typing) => Some(&typing.target),
        Action::Answer(answer) => Some(&answer.target),
    }
}

fn start(session: &str, generation: u64) -> Action {
    let desired = Box::new(agent(session));
    Action::Start {
        desired,
        generation: Generation(generation),
        handoff: None,
        crashes: 0,
        conversation: gtctl::model::Conversation::Unnamed,
    }
}

fn restart(target: Target, rung: Rung, generation: u64) -> Action {
    let (desired, generation) = (Box::new(agent("one")), Generation(generation));
    Action::Restart {
        desired,
        target,
        rung,
        generation,
        handoff: None,
        crashes: 0,
        conversation: gtctl::model::Conversation::Unnamed,
    }
}

fn expire(target: Target, rung: Rung) -> Action {
    Action::Expire {
        target,
        rung,
        agent: Arc::default(),
        launch: Launch::Tmux,
    }
}

fn label(seen: &Seen) -> Option<&Label> {
    match &seen.ownership {
        Ownership::Ours(label) => Some(label),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
    }
}

fn is_alive(seen: &Seen) -> bool {
    matches!(seen.life, Life::Alive { matches: true, .. })
}

/// Looks until a session is as it should be, and gives what an operation on it must name.
async fn seen(
    ground: &mut impl Ground,
    session: &str,
    what: &str,
    holds: impl Fn(&Seen) -> bool,
) -> (Seen, Target) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let observed = ground.look().await;
        if let Observed::Up(server) = &observed
            && let Some(seen) = server.sessions.get(session).filter(|seen| holds(seen))
        {
            return (seen.clone(), target(server.id, seen));
        }
        assert!(
            Instant::now() < deadline,
            "waited in vain for {what}: {observed:?}"
        );
        ground.pass();
    }
}

fn target(server: ServerId, seen: &Seen) -> Target {
    let process = match &seen.life {
        Life::Alive { process, .. } => Some(*process),
        Life::Dead { process, .. } => *process,
        Life::Unknown(_) => None,
    };
    let generation = label(seen).map(|label| label.generation);
    let (session, pane, attached) = (seen.id, seen.pane, WhenAttached::Hold);
    Target {
        server,
        session,
        pane,
        generation,
        whose: None,
        process,
        attached,
    }
}

fn is_stale(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Stale(_))
}

fn is_started(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Done(Effect::Started { .. }))
}

async fn a_start_happens_once(ground: &mut impl Ground) {
    assert_eq!(ground.look().await, Observed::Down);
    let outcome = ground.carry_out(start("one", 5), vec![]).await;
    assert!(is_started(&outcome), "{outcome:?}");
    let (one, _) = seen(ground, "one", "its life", is_alive).await;
    let label = label(&one).expect("ours");
    assert_eq!(
        (label.session.as_str(), label.generation, label.handoff),
        ("one", Generation(5), None)
    );
    assert_eq!(
        (one.attached, label.fingerprint),
        (0, Some(agent("one").fingerprint()))
    );
    let again = ground.carry_out(start("one", 6), vec![]).await;
    assert!(is_stale(&again), "{again:?}");
    let (after, _) = seen(ground, "one", "the same life", is_alive).await;
    assert_eq!((after.id, after.ownership), (one.id, one.ownership));
}

async fn a_death_is_seen_and_a_restart_keeps_the_session(ground: &mut impl Ground) {
    assert!(is_started(&ground.carry_out(start("one", 5), vec![]).await));
    let (before, alive) = seen(ground, "one", "its life", is_alive).await;
    ground.kill_agent("one");
    let (gone, dead) = seen(ground, "one", "its death", |seen| {
        matches!(seen.life, Life::Dead { .. })
    })
    .await;
    assert!(
        matches!(
            gone.life,
            Life::Dead {
                death: Death::Signal(9) | Death::StatusLost,
                ..
            }
        ),
        "{gone:?}"
    );
    let wrong = Target {
        generation: Some(Generation(4)),
        ..dead.clone()
    };
    assert!(
        is_stale(
            &ground
                .carry_out(restart(wrong.clone(), Rung::Finish, 9), vec![])
                .await
        ),
        "another life"
    );
    let other = Target {
        server: ServerId(ProcId { pid: 1, start: 1 }),
        ..dead.clone()
    };
    assert!(
        is_stale(
            &ground
                .carry_out(restart(other.clone(), Rung::Finish, 9), vec![])
                .await
        ),
        "another server"
    );
    assert!(is_started(
        &ground
            .carry_out(restart(dead.clone(), Rung::Finish, 10), vec![])
            .await
    ));
    let (after, _) = seen(ground, "one", "its next life", is_alive).await;
    assert_eq!(
        (after.id, after.pane),
        (before.id, before.pane),
        "the session stays"
    );
    assert_eq!(
        label(&after).map(|label| label.generation),
        Some(Generation(10))
    );
    for late in [
        restart(dead.clone(), Rung::Finish, 10),
        restart(alive.clone(), Rung::Ask, 11),
        expire(dead.clone(), Rung::Finish),
    ] {
        let outcome = ground.carry_out(late, vec![]).await;
        assert!(
            is_stale(&outcome),
            "what comes late does nothing: {outcome:?}"
        );
    }
    // Its name may still have been that of what executed it.
    let process = |seen: &Seen| match &seen.life {
        Life::Alive { process, .. } => Some(*process),
        Life::Dead { .. } | Life::Unknown(_) => None,
    };
    assert_eq!(
        process(&seen(ground, "one", "the same life", is_alive).await.0),
        process(&after)
    );
}

async fn an_attached_session_is_left_alone(ground: &mut impl Ground) {
    assert!(is_started(&ground.carry_out(start("one", 5), vec![]).await));
    ground.attach("one");
    let (one, target) = seen(ground, "one", "the client", |seen| {
        seen.attached == 1 && is_alive(seen)
    })
    .await;
    for rung in [Rung::Ask, Rung::Term, Rung::Kill] {
        assert!(
            is_stale(
                &ground
                    .carry_out(restart(target.clone(), rung, 6), vec![])
                    .await
            ),
            "{rung:?}"
        );
        assert!(
            is_stale(&ground.carry_out(expire(target.clone(), rung), vec![]).await),
            "{rung:?}"
        );
    }
    assert_eq!(
        seen(ground, "one", "its life", is_alive).await.0.life,
        one.life
    );
    let proceed = Target {
        attached: WhenAttached::Proceed,
        ..target.clone()
    };
    let outcome = ground
        .carry_out(restart(proceed.clone(), Rung::Kill, 6), vec![])
        .await;
    assert!(
        matches!(outcome, Outcome::Done(Effect::Signalled { .. })),
        "{outcome:?}"
    );
    let (_, dead) = seen(ground, "one", "its death", |seen| {
        matches!(seen.life, Life::Dead { .. })
    })
    .await;
    assert!(
        is_started(
            &ground
                .carry_out(restart(dead.clone(), Rung::Finish, 6), vec![])
                .await
        ),
        "nobody is disturbed"
    );
    let (after, _) = seen(ground, "one", "its next life", is_alive).await;
    assert_eq!(
        (after.id, after.attached),
        (one.id, 1),
        "and the client stays"
    );
    ground.detach();
}

async fn a_stop_takes_rungs_and_ends_in_nothing(ground: &mut impl Ground) {
    for (session, generation) in [("one", 5), ("two", 6)] {
        assert!(is_started(
            &ground.carry_out(start(session, generation), vec![]).await
        ));
    }
    let (_, target) = seen(ground, "one", "its life", is_alive).await;
    let handoff = ground.now();
    let Action::Restart {
        desired,
        generation,
        ..
    } = restart(target.clone(), Rung::Ask, 7)
    else {
        unreachable!()
    };
    let ask = Action::Restart {
        desired,
        target,
        rung: Rung::Ask,
        generation,
        handoff: Some(handoff),
        crashes: 0,
        conversation: gtctl::model::Conversation::Unnamed,
    };
    let Outcome::Done(Effect::Signalled { tree }) = ground.carry_out(ask, vec![]).await else {
        panic!("not asked")
    };
    assert!(!tree.is_empty());
    let (ended, dead) = seen(ground, "one", "its end", |seen| {
        matches!(seen.life, Life::Dead { .. })
    })
    .await;
    assert_eq!(
        label(&ended).and_then(|label| label.handoff),
        Some(handoff),
        "written before the first signal"
    );
    let outcome = ground
        .carry_out(expire(dead.clone(), Rung::Finish), tree)
        .await;
    assert_eq!(outcome, Outcome::Done(Effect::Removed));
    let Observed::Up(server) = ground.look().await else {
        panic!("not up")
    };
    assert_eq!(server.sessions.keys().collect::<Vec<_>>(), ["two"]);
    assert!(
        is_stale(
            &ground
                .carry_out(expire(dead.clone(), Rung::Finish), vec![])
                .await
        ),
        "it is gone"
    );
}

async fn a_stranger_is_adopted_by_its_label_only(ground: &mut impl Ground) {
    ground.move_in("one", true);
    ground.move_in("two", false);
    let (one, target) = seen(ground, "one", "the agent", is_alive).await;
    let (two, _) = seen(ground, "two", "the stranger", |_| true).await;
    assert_eq!(
        (&one.ownership, &two.ownership),
        (&Ownership::Unlabelled, &Ownership::Unlabelled)
    );
    assert!(!is_alive(&two), "it does not run the agent: {two:?}");
    let now = ground.now();
    let adopt = || Action::Adopt {
        target: target.clone(),
        fingerprint: agent("one").fingerprint(),
        generation: Generation(8),
        started: now,
        handoff: Some(now),
        origin: Origin::Adopted,
        log: None,
        over: None,
    };
    let outcome = ground.carry_out(adopt(), vec![]).await;
    assert_eq!(
        outcome,
        Outcome::Done(Effect::Adopted {
            generation: Generation(8)
        })
    );
    assert!(
        is_stale(&ground.carry_out(adopt(), vec![]).await),
        "it has its label"
    );
    let (after, _) = seen(ground, "one", "its label", |seen| label(seen).is_some()).await;
    assert_eq!(
        (after.id, &after.life),
        (one.id, &one.life),
        "the same process"
    );
}

macro_rules! on_both {
    ($($fact:ident),* $(,)?) => {
        mod simulated {
            $(#[tokio::test]
            async fn $fact() {
                let mut world = World::new(super::name("contract"), super::Random::new(7));
                world.agentry = super::Agentry::Tame;
                super::$fact(&mut super::Fake { world, attached: String::new() }).await;
            })*
            use super::World;
        }
        mod on_tmux {
            $(#[tokio::test]
            async fn $fact() {
                let mut stage = super::TestServer::not_started();
                stage.town = super::town(stage.town.name.as_str());
                super::$fact(&mut super::Real { stage, client: None, seen: super::Observed::Down }).await;
            })*
        }
    };
}

on_both!(
    a_start_happens_once,
    a_death_is_seen_and_a_restart_keeps_the_session,
    an_attached_session_is_left_alone,
    a_stop_takes_rungs_and_ends_in_nothing,
    a_stranger_is_adopted_by_its_label_only,
);
