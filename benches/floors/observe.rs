//! 1: a look and a plan when there is nothing to do.

use crate::Result;
use crate::control::Control;
use crate::measure::{in_turns, timed};
use crate::stage::{Stage, session};
use crate::table::{Against, Row};
use gtctl::controller::Eyes;
use gtctl::model::{Memory, Orders};
use gtctl::observe::{Depth, LookCache};
use gtctl::tmux::{Access, Client};
use std::cell::RefCell;
use std::process::Command;
use std::time::Duration;

/// Sessions, rounds, and how many times faster than the bash loop.
const SIZES: [(usize, usize, f64); 3] = [(10, 101, 190.0), (100, 51, 290.0), (1000, 21, 770.0)];

/// What a planner needs of each pane, in 15 fields.
const FIELDS: &str = "#{session_id} #{pane_id} #{pane_pid} #{pane_dead} #{pane_dead_status} #{pane_dead_signal} \
     #{pane_dead_time} #{session_attached} #{session_created} #{window_activity} #{pane_pipe} #{session_name} \
     #{@gtctl_town} #{@gtctl_gen} #{@gtctl_started}";

/// The guide's loop asks after one session at a time; in a large town only so many are asked, and
/// the rest reckoned.
const ASKED_BY_LOOP: usize = 100;

/// So many looks are enough to know every screen.
const LOOKS: usize = 100;

pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (sessions, rounds, goal) in SIZES {
        rows.extend(at(sessions, rounds, goal)?);
    }
    Ok(rows)
}

fn at(sessions: usize, rounds: usize, goal: f64) -> Result<Vec<Row>> {
    let stage = Stage::running(sessions)?;
    let town = stage.town()?;
    let nowhere = gtctl::store::View::of("/nonexistent");
    // As the controller's, between looks that are close.
    let client = Client::new(&town.socket).lasting(Access::Act);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let looks = RefCell::new(LookCache::default());
    let look = |memory| {
        let eyes = Eyes {
            client: &client,
            state: &nowhere,
            depth: Depth::Plan,
            looks: &mut looks.borrow_mut(),
        };
        runtime.block_on(eyes.survey(&town, memory, Orders::default()))
    };
    let memory = known(&client, stage.memory()?, |memory| look(memory).memory)?;
    let mut control = Control::open(&stage)?;
    let list = format!("list-panes -a -F '{FIELDS}'");
    let [ours, held, fresh] = in_turns(
        rounds,
        [
            Box::new(|| {
                let memory = memory.clone();
                timed(|| {
                    let seen = look(memory);
                    let calm = seen.plan.steps.is_empty() && seen.plan.unchanged.len() == sessions;
                    if calm {
                        Ok(seen)
                    } else {
                        Err("there was something to do".into())
                    }
                })
            }),
            Box::new(|| timed(|| control.ask(&list))),
            Box::new(|| timed(|| stage.tmux(&["list-panes", "-a", "-F", FIELDS]))),
        ],
    )?;
    let bash = verify_loop(&stage, sessions)?;
    let row = |against| Row {
        what: "1 observe + plan, quiet",
        sessions,
        gtctl: ours,
        against,
    };
    Ok(vec![
        row(Against::Floor(
            "list-panes over control mode",
            held,
            Some(1.15),
        )),
        row(Against::Floor("fresh tmux list-panes -a", fresh, None)),
        row(Against::Peer(
            "the guide's bash verify loop",
            bash,
            Some(goal),
        )),
    ])
}

/// What is remembered once two looks have agreed on every screen: a quiet town's are not read
/// again. Only the first look may have read them in its one call.
fn known(client: &Client, mut memory: Memory, look: impl Fn(Memory) -> Memory) -> Result<Memory> {
    memory = look(memory);
    for _ in 0..LOOKS {
        let before = client.calls();
        memory = look(memory);
        if client.calls() - before == 1 {
            return Ok(memory);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err("the screens do not come to rest".into())
}

fn verify_loop(stage: &Stage, sessions: usize) -> Result<Duration> {
    let asked = sessions.min(ASKED_BY_LOOP);
    let names: Vec<String> = (0..asked).map(session).collect();
    let script = r#"for s in "$@"; do
        dead=$(tmux -S "$SOCKET" list-panes -t "$s" -F '#{pane_dead}' 2>/dev/null | head -1)
        [ "$dead" = 0 ] || exit 1
    done"#;
    let took = timed(|| {
        let mut bash = Command::new("bash");
        bash.args(["-c", script, "verify"])
            .args(&names)
            .env("SOCKET", stage.socket())
            .env_remove("TMUX");
        if bash.status()?.success() {
            Ok(())
        } else {
            Err("the loop found somebody dead".into())
        }
    })?;
    let scale = u32::try_from(sessions / asked.max(1))?;
    Ok(took * scale)
}
