//! Shows that the invariants notice bugs.
//!
//! Each test leaves out one rule of a transition or one fence of the world. An invariant must then
//! break.

use super::Driver;
use crate::sim::seeds::{live, town_name};
use gtctl::memory;
use gtctl::model::{
    Action, Activity, Answer, Answered, Content, Death, Held, Hold, Life, Marks, Mass, Memory,
    Moment, Observed, Orders, Orphans, PaneId, Period, Plan, Probed, ScreenState, Step, Town,
    Verdict, WhenAttached,
};
use gtctl::plan::{Situation, plan};
use gtctl::reconcile::{Logic, Shipped};
use gtctl::sim::Neglect;

/// More seeds than any of these bugs takes to be noticed.
const SEEDS: u64 = 4000;

/// Plans as if the situation were another.
#[derive(Debug)]
struct Deluded(fn(&Situation<'_>) -> (Town, Observed, Memory, Orders));

impl Logic for Deluded {
    fn plan(&self, situation: &Situation<'_>) -> Plan {
        let (town, observed, memory, orders) = (self.0)(situation);
        plan(&Situation {
            town: &town,
            observed: &observed,
            memory: &memory,
            orders,
            now: situation.now,
        })
    }
}

fn as_it_is(s: &Situation<'_>) -> (Town, Observed, Memory, Orders) {
    (
        s.town.clone(),
        s.observed.clone(),
        s.memory.clone(),
        s.orders,
    )
}

/// Spoils the plan afterwards.
#[derive(Debug)]
struct Careless(fn(&mut Plan));

impl Logic for Careless {
    fn plan(&self, situation: &Situation<'_>) -> Plan {
        let mut plan = plan(situation);
        (self.0)(&mut plan);
        plan
    }
}

/// Forgets something it should have noted.
#[derive(Debug)]
struct Forgetful {
    learn: fn(&mut Memory),
    intend: fn(&mut Memory),
}

impl Logic for Forgetful {
    fn learn(&self, memory: Memory, town: &Town, observed: &Observed, now: Moment) -> Memory {
        let mut memory = memory::learn(memory, town, observed, now);
        (self.learn)(&mut memory);
        memory
    }

    fn intend(&self, memory: Memory, plan: &Plan, now: Moment) -> Memory {
        let mut memory = memory::intend(memory, plan, now);
        (self.intend)(&mut memory);
        memory
    }
}

fn nothing(_: &mut Memory) {}

/// Takes what a former life has said for what this one says.
#[derive(Debug)]
struct Haunted;

impl Logic for Haunted {
    fn learn(&self, memory: Memory, town: &Town, observed: &Observed, now: Moment) -> Memory {
        let former = memory.clone();
        let mut memory = memory::learn(memory, town, observed, now);
        for (name, history) in &mut memory.sessions {
            let former = former.sessions.get(name);
            let said = former.and_then(|history| history.run.as_ref()?.marks.clone());
            let said = said.filter(|marks| marks.standing.is_some());
            let marks = history.run.as_mut().and_then(|run| run.marks.as_mut());
            if let (Some(marks), Some(said)) = (marks, said) {
                *marks = said;
            }
        }
        memory
    }
}

/// Takes an end that it only guessed at for a new one at every look.
#[derive(Debug)]
struct Redating;

impl Logic for Redating {
    fn learn(&self, memory: Memory, town: &Town, observed: &Observed, now: Moment) -> Memory {
        let mut memory = memory;
        for run in memory
            .sessions
            .values_mut()
            .filter_map(|history| history.run.as_mut())
        {
            run.ended = run.ended.filter(|ended| ended.death != Death::Vanished);
        }
        memory::learn(memory, town, observed, now)
    }
}

fn each_remembered(memory: &mut Memory, change: impl Fn(&mut Marks)) {
    memory
        .sessions
        .values_mut()
        .filter_map(|history| history.run.as_mut()?.marks.as_mut())
        .for_each(change);
}

/// Bugs of what is heard.
fn deafness() -> Vec<Bug> {
    let bug = |law, what, delusion| (law, what, deluded(delusion), None);
    vec![
        (
            "S11",
            "what a former life said counts",
            Box::new(Haunted),
            None,
        ),
        (
            "S29",
            "a closed pane is a new death at every look",
            Box::new(Redating),
            None,
        ),
        bug("S11", "there is no grace", |s| {
            let (mut town, observed, memory, orders) = as_it_is(s);
            town.sessions
                .values_mut()
                .for_each(|desired| desired.completion.grace = gtctl::model::Period::ZERO);
            (town, observed, memory, orders)
        }),
        bug("S11", "a failure is a completion", |s| {
            let (town, observed, mut memory, orders) = as_it_is(s);
            each_remembered(&mut memory, |marks| {
                marks
                    .standing
                    .iter_mut()
                    .for_each(|standing| standing.sighting.verdict = Verdict::Completed);
            });
            (town, observed, memory, orders)
        }),
    ]
}

/// Bugs of what is done for sessions that are alive and do no good.
fn impatience() -> Vec<Bug> {
    let bug = |law, what, delusion| (law, what, deluded(delusion), None);
    vec![
        bug("S21", "agents are believed to be signed in", |s| {
            let (town, observed, mut memory, orders) = as_it_is(s);
            let answered = Some(Answered {
                asked: s.now,
                answer: Answer::Passed,
            });
            let probed = Probed {
                asked: s.now,
                failed: 0,
                answered,
            };
            memory.probes = ["claude", "kimi"]
                .map(|agent| (agent.to_owned(), probed.clone()))
                .into();
            (town, observed, memory, orders)
        }),
        bug(
            "S26 rouse",
            "what is stuck is restarted without an Escape",
            |s| {
                let (town, observed, mut memory, orders) = as_it_is(s);
                let at = s.now.minus(Period::from_secs(31));
                let histories = memory.sessions.values_mut();
                for run in histories.filter_map(|history| history.run.as_mut()) {
                    run.escape_sent = run.content.is_some().then_some(at);
                    run.content
                        .iter_mut()
                        .for_each(|content| content.state_since = at);
                }
                (town, observed, memory, orders)
            },
        ),
        bug("S25 too large", "one measure is enough", |s| {
            let (town, observed, mut memory, orders) = as_it_is(s);
            let footprints = memory
                .sessions
                .values_mut()
                .filter_map(|history| history.run.as_mut()?.footprint.as_mut());
            footprints.for_each(|footprint| footprint.before = footprint.bytes);
            (town, observed, memory, orders)
        }),
        bug("S34 tokens", "other runs' tokens count, too", |s| {
            let (town, observed, mut memory, orders) = as_it_is(s);
            let runs = memory.sessions.values_mut();
            for run in runs.filter_map(|history| history.run.as_mut()) {
                run.tokens.unlisted = run.tokens.unlisted.saturating_add(1_000_000);
            }
            (town, observed, memory, orders)
        }),
        bug(
            "S38 stale",
            "a hook is believed whatever the screen shows",
            |s| {
                let (town, observed, mut memory, orders) = as_it_is(s);
                let histories = memory.sessions.values_mut();
                let contents =
                    histories.filter_map(|history| history.run.as_mut()?.content.as_mut());
                contents.for_each(believe_the_hook);
                (town, observed, memory, orders)
            },
        ),
        bug("S24 probes", "an agent is asked all the time", |s| {
            let (town, observed, mut memory, orders) = as_it_is(s);
            memory.probes.clear();
            (town, observed, memory, orders)
        }),
    ]
}

/// Takes the end of a turn that a hook has told of for what is so now.
fn believe_the_hook(content: &mut Content) {
    let Some(reported) = &content.reported else {
        return;
    };
    if reported.activity == Activity::Idle && content.state.is_at_work() {
        content.state = ScreenState::Ready;
        content.since = reported.at;
        content.cpu.iter_mut().for_each(|cpu| cpu.resting = true);
    }
}

/// The laws that the first violations break, over the first seeds that show any.
fn noticed(law: &str, bug: &dyn Logic, neglect: Option<Neglect>) -> Result<u64, String> {
    let mut others = vec![];
    for seed in 0..SEEDS {
        if let Err(violation) = Driver::new(&town_name(), seed, bug, neglect).run(3) {
            if violation.breach.law.starts_with(law) {
                return Ok(seed + 1);
            }
            others.push(violation.breach.law);
        }
    }
    others.sort_unstable();
    others.dedup();
    Err(format!("{law} was never broken, only {others:?}"))
}

fn each_seen(observed: &mut Observed, change: impl Fn(&mut gtctl::model::Seen)) {
    if let Observed::Up(server) = observed {
        server.sessions.values_mut().for_each(change);
    }
}

type Bug = (&'static str, &'static str, Box<dyn Logic>, Option<Neglect>);

fn deluded(delusion: fn(&Situation<'_>) -> (Town, Observed, Memory, Orders)) -> Box<dyn Logic> {
    Box::new(Deluded(delusion))
}

fn neglects() -> Vec<Bug> {
    let world = |law, what, neglect| {
        (
            law,
            what,
            Box::new(Shipped) as Box<dyn Logic>,
            Some(neglect),
        )
    };
    vec![
        world(
            "S2 other server",
            "operations ignore the server's identity",
            Neglect::ServerFence,
        ),
        world(
            "S2 other life",
            "operations ignore the generation",
            Neglect::GenerationFence,
        ),
        world(
            "S3",
            "operations ignore attached clients",
            Neglect::AttachedFence,
        ),
        (
            "S6",
            "a restart skips the stop, and its fence",
            Box::new(Careless(skip_the_stop)),
            Some(Neglect::DeathFence),
        ),
        world("S6", "a name is taken twice", Neglect::NameFence),
        world("S5", "intents are not written", Neglect::Intent),
        world(
            "S4",
            "planned restarts leave no label",
            Neglect::HandoffLabel,
        ),
        world(
            "S30",
            "what outlived its pane is not ended",
            Neglect::Leftovers,
        ),
        (
            "S30",
            "moved agents are overlooked, and have no fence",
            blind_to_moved(),
            Some(Neglect::MovedFence),
        ),
        world("S23", "what was typed is typed again", Neglect::NudgeStamp),
        world(
            "S38 forged",
            "reports of other processes and incarnations count",
            Neglect::ReportFence,
        ),
        world(
            "S38 background",
            "a report that was written late counts as the latest",
            Neglect::ReportOrder,
        ),
        (
            "S32",
            "a user's process is taken for the dead agent's pane",
            blind_to_guests(),
            Some(Neglect::PaneFence),
        ),
        (
            "L1",
            "a pane that was given away is held for ever",
            puzzled_by_guests(),
            None,
        ),
    ]
}

/// Bugs of what the manifest says of names and of rest, and of what waits for a readiness probe.
fn misread() -> Vec<Bug> {
    vec![
        (
            "S35",
            "a new name ends the agent",
            Box::new(Shipped),
            Some(Neglect::RenameSpares),
        ),
        (
            "S36",
            "everything is enabled at all hours",
            deluded(|s| {
                let (mut town, observed, memory, orders) = as_it_is(s);
                for desired in town.sessions.values_mut() {
                    desired.enabled = true;
                    desired.schedule = None;
                }
                (town, observed, memory, orders)
            }),
            None,
        ),
        (
            "S37",
            "a stop by hand is forgotten",
            deluded(|s| {
                let (town, observed, mut memory, orders) = as_it_is(s);
                for history in memory.sessions.values_mut() {
                    history.stopped = false;
                }
                (town, observed, memory, orders)
            }),
            None,
        ),
        (
            "S33",
            "nobody waits for a readiness probe",
            deluded(|s| {
                let (mut town, observed, memory, orders) = as_it_is(s);
                for desired in town.sessions.values_mut() {
                    desired.ready = None;
                }
                (town, observed, memory, orders)
            }),
            None,
        ),
        (
            "S35",
            "former names mean nothing",
            deluded(|s| {
                let (mut town, observed, memory, orders) = as_it_is(s);
                town.sessions
                    .values_mut()
                    .for_each(|desired| desired.moved.clear());
                (town, observed, memory, orders)
            }),
            None,
        ),
    ]
}

/// Sees no agent whose pane was moved into another session: its own session has gone, or stands
/// dead.
fn blind_to_moved() -> Box<dyn Logic> {
    deluded(|s| {
        let (town, mut observed, memory, orders) = as_it_is(s);
        if let Observed::Up(server) = &mut observed {
            server.moved.clear();
        }
        (town, observed, memory, orders)
    })
}

/// Takes the pane that somebody has given another process for the agent's own, with nothing living
/// in it. The world's panes are numbered by their sessions.
fn blind_to_guests() -> Box<dyn Logic> {
    deluded(|s| {
        let (town, mut observed, memory, orders) = as_it_is(s);
        each_seen(&mut observed, |seen| {
            if seen.pane == PaneId::NOWHERE {
                seen.pane = PaneId(seen.id.0);
            }
        });
        (town, observed, memory, orders)
    })
}

/// Does not believe the label of a session whose pane somebody has given another process.
fn puzzled_by_guests() -> Box<dyn Logic> {
    deluded(|s| {
        let (town, mut observed, memory, orders) = as_it_is(s);
        each_seen(&mut observed, |seen| {
            if seen.pane == PaneId::NOWHERE {
                let flaw = gtctl::model::Flaw::Replaced;
                seen.ownership = gtctl::model::Ownership::Unproved(gtctl::model::Unproved {
                    text: String::new(),
                    flaw,
                });
            }
        });
        (town, observed, memory, orders)
    })
}

fn skip_the_stop(plan: &mut Plan) {
    for step in &mut plan.steps {
        if let Action::Restart { rung, .. } = &mut step.action {
            *rung = gtctl::model::Rung::Finish;
        }
    }
}

/// Bugs of what is seen.
fn blindness() -> Vec<Bug> {
    let bug = |law, what, delusion| (law, what, deluded(delusion), None);
    vec![
        bug("S8", "a failed look is an empty town", |s| {
            let (town, observed, memory, orders) = as_it_is(s);
            let observed = if let Observed::Unknown(_) = observed {
                Observed::Down
            } else {
                observed
            };
            (town, observed, memory, orders)
        }),
        bug("S8", "what could not be determined is dead", |s| {
            let (town, mut observed, memory, orders) = as_it_is(s);
            each_seen(&mut observed, |seen| {
                if let Life::Unknown(_) = seen.life {
                    seen.life = Life::Dead {
                        death: Death::StatusLost,
                        process: None,
                        at: None,
                        tail: vec![],
                    };
                }
            });
            (town, observed, memory, orders)
        }),
        bug("S3", "attached clients are overlooked", |s| {
            let (town, mut observed, memory, orders) = as_it_is(s);
            each_seen(&mut observed, |seen| seen.attached = 0);
            (town, observed, memory, orders)
        }),
    ]
}

/// Bugs of what is allowed.
fn licence() -> Vec<Bug> {
    let bug = |law, what, delusion| (law, what, deluded(delusion), None);
    vec![
        bug("S4", "no handoff gap", |s| {
            let (mut town, observed, memory, orders) = as_it_is(s);
            town.sessions
                .values_mut()
                .for_each(|desired| desired.handoff_gap = gtctl::model::Period::ZERO);
            (town, observed, memory, orders)
        }),
        bug("S7 start", "no start budget", |s| {
            let (mut town, observed, memory, orders) = as_it_is(s);
            town.limits.starts = gtctl::model::StartBudget::Fixed(1000);
            (town, observed, memory, orders)
        }),
        bug("S27", "all that are due are restarted at once", |s| {
            let (mut town, observed, memory, orders) = as_it_is(s);
            town.limits.unavailable = gtctl::model::Unavailable::Count(100);
            (
                town,
                observed,
                memory,
                Orders {
                    mass: Mass::Allow,
                    ..orders
                },
            )
        }),
        bug(
            "S28",
            "budgets hold what was ended for a planned restart",
            |s| {
                let (town, observed, mut memory, orders) = as_it_is(s);
                memory
                    .sessions
                    .values_mut()
                    .for_each(|history| history.stopping = None);
                memory
                    .sessions
                    .values_mut()
                    .for_each(|history| history.replacing = None);
                (town, observed, memory, orders)
            },
        ),
        bug("S7 conc", "all start at once", |s| {
            let (mut town, observed, memory, orders) = as_it_is(s);
            town.limits.concurrent_starts = 100;
            (town, observed, memory, orders)
        }),
        bug("S9", "no mass guard", |s| {
            let (town, observed, memory, orders) = as_it_is(s);
            (
                town,
                observed,
                memory,
                Orders {
                    mass: Mass::Allow,
                    ..orders
                },
            )
        }),
        bug("S10", "orphans are always expired", |s| {
            let (town, observed, memory, orders) = as_it_is(s);
            (
                town,
                observed,
                memory,
                Orders {
                    orphans: Orphans::Prune,
                    ..orders
                },
            )
        }),
        bug("S16", "no waves", |s| {
            let (mut town, observed, memory, orders) = as_it_is(s);
            town.sessions
                .values_mut()
                .for_each(|desired| desired.wave = 0);
            (town, observed, memory, orders)
        }),
        bug("S5", "the full disk goes unnoticed", |s| {
            let (town, observed, memory, _) = as_it_is(s);
            (town, observed, memory, Orders::default())
        }),
    ]
}

/// Bugs of who and when.
fn confusion() -> Vec<Bug> {
    let bug = |law, what, delusion| (law, what, deluded(delusion), None);
    vec![
        bug("S18", "it does not know its own session", |s| {
            let (town, mut observed, memory, orders) = as_it_is(s);
            if let Observed::Up(server) = &mut observed {
                server.own = None;
            }
            (town, observed, memory, orders)
        }),
        bug("S1", "a stranger's session is taken for ours", |s| {
            let (town, mut observed, memory, orders) = as_it_is(s);
            if let Observed::Up(server) = &mut observed {
                for (name, seen) in &mut server.sessions {
                    take_for_ours(name, seen);
                }
            }
            (town, observed, memory, orders)
        }),
        bug("S31", "a label is believed without proof", |s| {
            let (town, mut observed, memory, orders) = as_it_is(s);
            if let Observed::Up(server) = &mut observed {
                let unproved = |seen: &gtctl::model::Seen| {
                    matches!(seen.ownership, gtctl::model::Ownership::Unproved(_))
                };
                for (name, seen) in server
                    .sessions
                    .iter_mut()
                    .filter(|(_, seen)| unproved(seen))
                {
                    seen.ownership = gtctl::model::Ownership::Unlabelled;
                    take_for_ours(name, seen);
                }
            }
            (town, observed, memory, orders)
        }),
        bug("S13", "clock jumps are shrugged off", |s| {
            let (town, observed, memory, orders) = as_it_is(s);
            (
                town,
                observed,
                Memory {
                    settling: 0,
                    ..memory
                },
                orders,
            )
        }),
        bug("S12", "ages go by the wall clock", |s| {
            let (town, mut observed, memory, orders) = as_it_is(s);
            let now = s.now;
            each_seen(&mut observed, |seen| {
                if let gtctl::model::Ownership::Ours(label) = &mut seen.ownership {
                    let by_wall = now
                        .wall
                        .saturating_sub(label.started.wall)
                        .max(0)
                        .unsigned_abs();
                    label.started.awake = now.awake.saturating_sub(by_wall);
                }
            });
            (town, observed, memory, orders)
        }),
    ]
}

fn take_for_ours(name: &str, seen: &mut gtctl::model::Seen) {
    let (Ok(session), gtctl::model::Ownership::Unlabelled) =
        (gtctl::model::SessionName::new(name), &seen.ownership)
    else {
        return;
    };
    let started = Moment {
        wall: 0,
        awake: 0,
        boot: 1,
    };
    seen.ownership = gtctl::model::Ownership::Ours(gtctl::model::Label {
        session,
        started_as: None,
        generation: gtctl::model::Generation(1),
        started,
        pane: seen.pane,
        fingerprint: None,
        handoff: None,
        origin: gtctl::model::Origin::Started,
        conversation: None,
    });
}

fn spoilt() -> Vec<Bug> {
    let plan = |law, what, spoil: fn(&mut Plan)| {
        (law, what, Box::new(Careless(spoil)) as Box<dyn Logic>, None)
    };
    vec![
        plan("L2", "a held restart is dropped from the plan", |plan| {
            let dropped = plan
                .held
                .extract_if(.., |held| matches!(held.hold, Hold::BackOff { .. }));
            let calm = dropped.map(|Held { session, phase, .. }| gtctl::model::Unchanged {
                session,
                phase,
                note: None,
                next: None,
            });
            plan.unchanged.extend(calm);
            plan.unchanged.sort_by(|a, b| a.session.cmp(&b.session));
        }),
        plan("once", "a session is left out", |plan| {
            plan.unchanged.pop();
        }),
        plan("L1", "nothing is ever started", |plan| {
            let starts = plan
                .steps
                .extract_if(.., |step| matches!(step.action, Action::Start { .. }));
            plan.held.extend(starts.map(hold_for_ever));
            plan.held.sort_by(|a, b| a.session.cmp(&b.session));
            plan.wake = None;
        }),
        plan("S3", "every step proceeds over attached clients", |plan| {
            plan.steps.iter_mut().for_each(proceed);
        }),
    ]
}

fn hold_for_ever(step: Step) -> Held {
    let phase = gtctl::model::Phase::Absent;
    Held {
        verb: step.action.verb(),
        session: step.session,
        reason: step.reason,
        hold: Hold::Paused,
        until: None,
        phase,
    }
}

fn proceed(step: &mut Step) {
    if let Action::Restart { target, .. } | Action::Expire { target, .. } = &mut step.action {
        target.attached = WhenAttached::Proceed;
    }
}

fn forgotten() -> Vec<Bug> {
    let bug = |law, what, learn: fn(&mut Memory), intend: fn(&mut Memory)| {
        (
            law,
            what,
            Box::new(Forgetful { learn, intend }) as Box<dyn Logic>,
            None,
        )
    };
    vec![
        bug("S5", "stops are not noted", nothing, |memory| {
            memory
                .sessions
                .values_mut()
                .for_each(|history| history.stopping = None);
        }),
        bug("S7 start", "starts are not counted", nothing, |memory| {
            memory.starts.clear();
        }),
        bug(
            "L5",
            "crashes are never forgotten",
            |memory| {
                for history in memory
                    .sessions
                    .values_mut()
                    .filter(|history| history.crashes.is_empty())
                {
                    history
                        .crashes
                        .extend(history.run.as_ref().map(|run| run.started));
                }
            },
            nothing,
        ),
    ]
}

fn check(bugs: Vec<Bug>) {
    let mut missed = vec![];
    for (law, what, bug, neglect) in bugs {
        match noticed(law, &*bug, neglect) {
            Ok(seeds) => println!("{law:8} noticed after {seeds:4} seeds: {what}"),
            Err(miss) => missed.push(format!("{what}: {miss}")),
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn neglected_fences_are_noticed() {
    check(neglects());
    check(deafness());
    check(impatience());
}

#[test]
fn wrong_views_are_noticed() {
    check(blindness());
}

#[test]
fn wrong_licences_are_noticed() {
    check(licence());
}

#[test]
fn confused_identities_and_times_are_noticed() {
    check(confusion());
}

#[test]
fn spoilt_plans_are_noticed() {
    check(spoilt());
}

#[test]
fn forgotten_facts_are_noticed() {
    check(forgotten());
}

#[test]
fn misread_manifests_are_noticed() {
    check(misread());
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 0..50 {
        assert_eq!(
            live(seed, &Shipped, None),
            live(seed, &Shipped, None),
            "L7: seed {seed}"
        );
    }
    let traces: gtctl::model::SortedSet<_> = (1..50)
        .flat_map(|seed| live(seed, &Shipped, None))
        .map(|r| r.trace)
        .collect();
    assert!(traces.len() > 45, "traces tell runs apart");
}
