//! What is recorded of a simulated town is read back as it was, and decides the same.

use super::*;
use crate::model::{Done, Period, ProcId, Town, covered};
use crate::reconcile::{Arrivals, Beside, Observation, Shipped, learn, take_in};
use crate::sim::{Random, World, random_town};
use std::borrow::Cow;

const TOWNS: u64 = 10;
const CHECKS: u32 = 100;
const ME: ProcId = ProcId { pid: 1, start: 1 };

/// A town that lives, and the lines of its record.
fn recorded(seed: u64) -> (Town, Vec<String>, Vec<Circumstances>) {
    let mut random = Random::new(seed);
    let name = SessionName::new("town").unwrap();
    let town = random_town(name.clone(), &mut random);
    let mut world = World::new(name, random.fork());
    let mut recorder = Recorder::default();
    let (mut memory, mut lines, mut all) = (Memory::default(), Vec::new(), Vec::new());
    for nth in 0..CHECKS {
        let now = world.now;
        memory = take_in(memory, Arrivals::default(), |_| true).memory;
        let circumstances = Circumstances {
            now,
            memory: memory.clone(),
            observed: world.observe(),
            last_reports: LastReports::new(),
            scope: Scope::Town,
            orders: Orders::default(),
            gastown: Gastown::default(),
            unstartable: SortedMap::new(),
        };
        let observed = circumstances.observed.clone();
        let observation = Observation {
            now,
            town: Cow::Owned(covered(&town, &observed).into_owned()),
            observed,
            last_reports: LastReports::new(),
            scope: Scope::Town,
        };
        let decided = learn(&Shipped, memory, observation).decide(Orders::default());
        if nth == CHECKS / 2 {
            recorder.begin_anew();
        }
        let line = recorder.line(&town.name, circumstances.clone(), decided.plan());
        lines.push(line.unwrap());
        all.push(circumstances);
        let intended = decided.intend(ME, Beside::Launchers);
        let outcomes: Vec<Done> = intended
            .plan()
            .steps
            .iter()
            .map(|step| Done {
                session: step.session.clone(),
                verb: step.action.verb(),
                outcome: world.carry_out(step, now),
            })
            .collect();
        memory = intended.settle(&outcomes).into_parts().1;
        world.pass(Period::from_secs(
            random.pick(&[1, 1, 15, 60, 900]).unwrap_or(1),
        ));
    }
    (town, lines, all)
}

fn replayed(town: Town, lines: &[String]) -> Replay {
    let (mut player, mut replayer) = (Player::default(), Replayer::new(town));
    for line in lines {
        replayer.check(player.read(line).unwrap());
    }
    replayer.end().unwrap()
}

#[test]
fn a_record_is_read_back_as_it_was_and_decides_the_same() {
    let (mut whole, mut kept) = (0, 0);
    for seed in 0..TOWNS {
        let (town, lines, all) = recorded(seed);
        let mut player = Player::default();
        for (line, circumstances) in lines.iter().zip(&all) {
            let read = player.read(line).unwrap();
            assert_eq!(read.circumstances, *circumstances, "seed {seed}");
        }
        // Its second half stands alone.
        let half = &lines[lines.len() / 2..];
        let later = replayed(town.clone(), half);
        assert_eq!(
            (later.checks, later.same),
            (u64::from(CHECKS / 2), later.checks)
        );
        assert!(Player::default().read(&lines[1]).is_err());
        let replay = replayed(town, &lines);
        assert_eq!(replay.same, replay.checks, "seed {seed}: {replay:?}");
        assert_eq!(replay.recorded_digest, replay.replayed_digest);
        assert_eq!(replay.differences, []);
        kept += lines.iter().map(String::len).sum::<usize>();
        whole += lines.len() * lines[0].len().max(lines[lines.len() / 2].len());
    }
    assert!(
        kept < whole / 2,
        "{kept} of {whole} bytes: what is the same is left out"
    );
}

#[test]
fn another_manifest_decides_otherwise_where_it_says_otherwise() {
    let mut differences = 0;
    for seed in 0..TOWNS {
        let (mut town, lines, _) = recorded(seed);
        for desired in town.sessions.values_mut() {
            desired.max_age = Some(Period::from_secs(30));
        }
        let names: Vec<SessionName> = town.sessions.keys().cloned().collect();
        let replay = replayed(town, &lines);
        differences += replay.differences.len();
        for difference in &replay.differences {
            assert_ne!(difference.recorded, difference.replayed);
            assert!(names.contains(&difference.session) && difference.checks > 0);
        }
        let is_ordered = replay
            .differences
            .windows(2)
            .all(|pair| pair[0].from.wall <= pair[1].from.wall);
        assert!(is_ordered);
    }
    assert!(differences > 10, "{differences}");
}
