//! 2: an agent is killed; how long until another runs in its place.

use crate::Result;
use crate::control::Control;
use crate::measure::{Watching, quantile};
use crate::peers;
use crate::stage::{Stage, session};
use crate::table::{Against, Row};
use gtctl::model::ProcId;
use gtctl::model::SortedSet;
use gtctl::proc::process::{self, Presence};
use gtctl::proc::signal::{Signal, signal};
use std::error::Error;
use std::process::Command;
use std::time::{Duration, Instant};

const SESSIONS: usize = 100;
/// Each session is killed so often: a fifth death within a quarter of an hour is a crash loop.
const DEATHS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is looked whether the next process is there; as much may be added to a time.
const GLANCE: Duration = Duration::from_micros(200);
/// The same for many; the server is not asked, for its answer would take longer than some restarts.
const BLINK: Duration = Duration::from_millis(2);
/// What is allowed of the median, and of all but one in a hundred.
const GOALS: [Duration; 2] = [Duration::from_millis(4), Duration::from_millis(15)];

/// A large town, and so many of it killed at once.
const MANY: usize = 1000;
const AT_ONCE: usize = 100;
const GOAL_AT_ONCE: Duration = Duration::from_millis(350);
/// Kills of a usual run; `GTCTL_KILLS` says how many otherwise.
const FEW_KILLS: usize = 1000;

pub(crate) fn run() -> Result<Vec<Row>> {
    let stage = Stage::running(SESSIONS)?;
    let watching = Watching::start(&stage)?;
    let mut ours = Vec::new();
    for n in 0..SESSIONS * DEATHS {
        ours.push(replaced(&stage, n % SESSIONS, || Ok(()))?);
        // The watcher looks again at once and some time later; a death between is another
        // measurement.
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(watching);
    let mut control = Control::open(&stage)?;
    let mut bare = Vec::new();
    for n in 0..SESSIONS {
        let target = session(n);
        let respawn = || {
            control
                .ask(&format!("respawn-pane -k -t '={target}:' -- sleep 100000"))
                .map(drop)
        };
        bare.push(replaced(&stage, n, respawn)?);
    }
    let mut child = Vec::new();
    for _ in 0..SESSIONS {
        child.push(own_child()?);
    }
    let row = |what, part: f64, goal| {
        let [ours, bare, child] = [&ours, &bare, &child].map(|times| quantile(times, part));
        let row = |against| Row {
            what,
            sessions: SESSIONS,
            gtctl: ours,
            against,
        };
        [
            row(Against::Limit(goal)),
            row(Against::Floor("respawn-pane over control mode", bare, None)),
            row(Against::Floor(
                "a child of one's own, started anew",
                child,
                None,
            )),
        ]
    };
    let [median, tail] = GOALS;
    let mut rows = [
        row("2 kill -9 to new, median", 0.5, median),
        row("2 kill -9 to new, p99", 0.99, tail),
    ]
    .concat();
    let ours = quantile(&ours, 0.5);
    let peer = |(name, took)| Row {
        what: "2 kill -9 to new, median",
        sessions: 1,
        gtctl: ours,
        against: Against::Peer(name, took, None),
    };
    rows.extend(peers::respawns()?.into_iter().map(peer));
    drop((control, stage));
    rows.extend(many_at_once()?);
    Ok(rows)
}

/// Deaths of many at once, again and again, until there were as many as were asked for; each must
/// be made good.
fn many_at_once() -> Result<Vec<Row>> {
    let kills: usize = std::env::var("GTCTL_KILLS").map_or(Ok(FEW_KILLS), |kills| kills.parse())?;
    let stage = Stage::running(MANY)?;
    let watching = Watching::start(&stage)?;
    let server = stage
        .tmux(&["display-message", "-p", "#{pid}"])?
        .trim()
        .parse()?;
    let (mut times, mut lost, mut from) = (Vec::new(), 0, 0);
    for _ in 0..kills.div_ceil(AT_ONCE) {
        let pids = living(&stage)?;
        let victims: SortedSet<u32> = pids
            .iter()
            .cycle()
            .skip(from)
            .take(AT_ONCE)
            .copied()
            .collect();
        from = (from + AT_ONCE) % MANY;
        let (known, mut fresh) = (children(server)?, SortedSet::new());
        let begun = Instant::now();
        for process in victims.iter().filter_map(|pid| process::identify(*pid)) {
            signal(process, Signal::KILL);
        }
        while fresh.len() < victims.len() && begun.elapsed() < PATIENCE {
            std::thread::sleep(BLINK);
            let found = children(server)?
                .into_iter()
                .filter(|pid| !known.contains(pid) && !fresh.contains(pid));
            let found: Vec<u32> = found.filter(|pid| is_sleep(*pid)).collect();
            fresh.extend(found);
        }
        times.push(begun.elapsed());
        // What tmux shows of a victim whose end it has not heard of counts as little as a dead
        // pane.
        let replaced = || {
            Ok::<_, Box<dyn Error>>(
                living(&stage)?
                    .iter()
                    .filter(|pid| !victims.contains(pid))
                    .count(),
            )
        };
        let mut there = replaced()?;
        while there < MANY && begun.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(50));
            there = replaced()?;
        }
        lost += MANY.saturating_sub(there);
    }
    drop(watching);
    let bare = bare_at_once(&stage)?;
    let took = quantile(&times, 0.5);
    let row = |against| Row {
        what: "2 100 of 1,000 at once",
        sessions: MANY,
        gtctl: took,
        against,
    };
    eprintln!("  {} kills, {lost} lost", times.len() * AT_ONCE);
    Ok(vec![
        row(Against::Limit(GOAL_AT_ONCE)),
        row(Against::Floor(
            "bare respawn-pane lines, one client",
            bare,
            None,
        )),
        row(Against::Count("agents lost", lost, 0)),
    ])
}

/// What tmux alone takes for it: the same deaths, and a bare line for each that is known
/// beforehand.
fn bare_at_once(stage: &Stage) -> Result<Duration> {
    let mut times = Vec::new();
    for from in (0..MANY).step_by(AT_ONCE).take(5) {
        let listed = stage.tmux(&["list-panes", "-a", "-F", "#{pane_pid} #{pane_id}"])?;
        let victims: Vec<(u32, &str)> = listed
            .lines()
            .skip(from)
            .take(AT_ONCE)
            .filter_map(|line| {
                line.split_once(' ')
                    .and_then(|(pid, pane)| Some((pid.parse().ok()?, pane)))
            })
            .collect();
        let lines = victims.iter().fold(String::new(), |lines, (_, pane)| {
            lines + &format!("respawn-pane -k -t {pane} -- sleep 100000\n")
        });
        let begun = Instant::now();
        for process in victims
            .iter()
            .filter_map(|(pid, _)| process::identify(*pid))
        {
            signal(process, Signal::KILL);
        }
        stage.source(&lines)?;
        times.push(begun.elapsed());
    }
    Ok(quantile(&times, 0.5))
}

/// The processes of all panes that are not dead.
fn living(stage: &Stage) -> Result<Vec<u32>> {
    let listed = stage.tmux(&[
        "list-panes",
        "-a",
        "-f",
        "#{==:#{pane_dead},0}",
        "-F",
        "#{pane_pid}",
    ])?;
    Ok(listed.lines().filter_map(|pid| pid.parse().ok()).collect())
}

/// From the death of a session's process until another has its name and runs its program.
fn replaced(stage: &Stage, n: usize, respawn: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let target = format!("={}:", session(n));
    let ids = stage.tmux(&["display-message", "-p", "-t", &target, "#{pid} #{pane_pid}"])?;
    let mut ids = ids.split_whitespace().map(str::parse::<u32>);
    let (server, former) = (
        ids.next().ok_or("no server")??,
        ids.next().ok_or("no pane")??,
    );
    let known = children(server)?;
    let process: ProcId = process::identify(former).ok_or("its process is gone")?;
    let begun = Instant::now();
    signal(process, Signal::KILL);
    respawn()?;
    while begun.elapsed() < PATIENCE {
        let mut fresh = children(server)?
            .into_iter()
            .filter(|pid| !known.contains(pid));
        if fresh.any(is_sleep) {
            return Ok(begun.elapsed());
        }
        // Who only looks would take one of two processors from those who are measured.
        std::thread::sleep(GLANCE);
    }
    Err(format!("{target} was not restarted").into())
}

fn children(pid: u32) -> Result<SortedSet<u32>> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    Ok(text
        .split_whitespace()
        .filter_map(|pid| pid.parse().ok())
        .collect())
}

/// Whether the program of a session runs in this process.
fn is_sleep(pid: u32) -> bool {
    matches!(process::look(pid), Presence::Alive(stat) if stat.comm == "sleep")
}

fn own_child() -> Result<Duration> {
    let start = || Command::new("sleep").arg("100000").spawn();
    let mut child = start()?;
    let begun = Instant::now();
    child.kill()?;
    child.wait()?;
    let mut next = start()?;
    let took = begun.elapsed();
    next.kill()?;
    next.wait()?;
    Ok(took)
}
