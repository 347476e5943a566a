//! A stand-in for Claude Code whose hooks report in order, late, twice, never, or not for this
//! agent. Its screen decides where they do not tell the truth.

use super::stage::{BY_EVENTS, BY_LOOKS, NAME, Sign, Stage};
use crate::harness::PATIENCE;
use gtctl::model::ProcId;
use gtctl::proc::clock;
use serde_json::{Value, json};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::process::Stdio;
use std::time::{Duration, Instant};

const PROMPT: &str = "● Done.\n\n────────\n❯ \n────────\n  ? for shortcuts\n";
const BUSY: &str =
    "✻ Brewing… (3s · esc to interrupt)\n\n────────\n❯ \n────────\n  esc to interrupt\n";
const QUESTION: &str = "Bash command\n\n  touch /etc/foo\n\nDo you want to proceed?\n❯ 1. Yes\n  2. No\n\nEsc to cancel\n";

/// An agent in the stand-in.
struct StandIn {
    stage: Stage,
    agent: ProcId,
}

impl StandIn {
    /// At its prompt. `agent` has more lines of its agent's table.
    fn start(resync: &str, agent: &str) -> Self {
        let agent = format!("command = [\"claude\"]\n{agent}");
        let mut stage = Stage::declared(resync, &agent, "");
        stage.yard.shim("claude", include_str!("standin.py"));
        stage.start();
        let agent = stage.yard.pid(NAME);
        let stand_in = Self { stage, agent };
        stand_in.draws(PROMPT);
        stand_in.becomes("idle");
        stand_in
    }

    /// Does what a line of its orders says, and gives how long that took.
    fn obeys(&self, order: &Value) -> Duration {
        let yard = &self.stage.yard;
        let before = yard.read("obeyed").lines().count();
        let line = format!("{order}\n");
        let orders = OpenOptions::new()
            .append(true)
            .create(true)
            .open(yard.at("orders"));
        orders.unwrap().write_all(line.as_bytes()).unwrap();
        yard.until("the order", || yard.read("obeyed").lines().count() > before);
        let obeyed = yard.read("obeyed");
        let took: f64 = obeyed.lines().last().unwrap().parse().unwrap();
        Duration::from_secs_f64(took)
    }

    fn draws(&self, screen: &str) {
        self.obeys(&json!({ "draw": screen }));
    }

    /// Draws, and tells of these events one by one.
    fn tells(&self, screen: &str, events: &[Value]) {
        self.obeys(&json!({ "draw": screen, "events": events, "pause": 0.2 }));
    }

    /// Draws, and tells of this event; its phase is seen soon.
    #[track_caller]
    fn shows(&self, screen: &str, event: &Value, phase: &str) -> Value {
        let before = clock::now().wall;
        self.tells(screen, std::slice::from_ref(event));
        let name = event["hook_event_name"].as_str().unwrap();
        let hook = recorded_name(name);
        self.stage.sees(name, before, Sign::Hook(hook), phase)
    }

    /// Waits until it has this phase.
    #[track_caller]
    fn becomes(&self, phase: &str) {
        let deadline = Instant::now() + PATIENCE;
        while self.stage.phase() != phase {
            assert!(
                Instant::now() < deadline,
                "no {phase}: {}",
                self.stage.line()
            );
        }
    }

    /// Asserts that it is still the same agent, and that gtctl has typed or sent nothing to it.
    #[track_caller]
    fn is_untouched(&self) {
        assert_eq!(self.stage.yard.pid(NAME), self.agent);
        assert_eq!(self.stage.line()["restarts"], 0);
    }

    /// A hook of somebody: a report of an event with these variables, outside the agent's tree.
    fn forge(&self, generation: &str, event: &Value) {
        let mut hook = self.stage.yard.gtctl_command(&["hook", "claude"]);
        hook.env("GTCTL_SESSION", NAME)
            .env("GTCTL_GENERATION", generation)
            .env("GTCTL_REPORTS", self.stage.yard.state().join("reports"))
            .stdin(Stdio::piped());
        let mut child = hook.spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(event.to_string().as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
    }

    /// The number of its incarnation.
    fn generation(&self) -> String {
        let variables = fs::read(format!("/proc/{}/environ", self.agent.pid)).unwrap();
        let variables = String::from_utf8_lossy(&variables).into_owned();
        let generation = variables
            .split('\0')
            .find_map(|variable| variable.strip_prefix("GTCTL_GENERATION="));
        generation.unwrap().to_owned()
    }
}

/// The event of this name and with this field that a real client has sent.
fn recorded(event: &str, holding: &str) -> Value {
    let recorded = include_str!("../../reports/events.jsonl");
    recorded
        .lines()
        .filter(|line| !line.starts_with('#') && line.contains(holding))
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .find(|line| line["client"] == "claude" && line["event"]["hook_event_name"] == event)
        .map_or_else(
            || panic!("no {event} with {holding}"),
            |line| line["event"].clone(),
        )
}

/// The name as it lives as long as a test.
fn recorded_name(name: &str) -> &'static str {
    let names = [
        "SessionStart",
        "UserPromptSubmit",
        "PreToolUse",
        "PermissionRequest",
        "Stop",
        "StopFailure",
    ];
    names.into_iter().find(|known| *known == name).unwrap()
}

fn prompt() -> Value {
    recorded("UserPromptSubmit", "prompt")
}

fn tool() -> Value {
    recorded("PreToolUse", "sleep 12")
}

fn stop() -> Value {
    recorded("Stop", "\"background_tasks\": []")
}

#[test]
fn events_in_their_order_make_each_phase() {
    let agent = StandIn::start(BY_EVENTS, "");
    agent.shows(BUSY, &prompt(), "working");
    let line = agent.shows(QUESTION, &recorded("PermissionRequest", "touch"), "waiting");
    assert_eq!(line["screen"]["evidence"], "Bash: touch /etc/foo");
    // Right after a question a tool's event is that of the tool in question.
    agent.stage.stays("waiting");
    agent.shows(BUSY, &tool(), "working");
    agent.shows(PROMPT, &recorded("Stop", "b4ccex13d"), "background");
    agent.shows(PROMPT, &stop(), "idle");
    for (failure, state) in [
        ("authentication_failed", "auth"),
        ("Prompt is too long", "context"),
        ("(429)", "limit"),
    ] {
        agent.shows(BUSY, &prompt(), "working");
        let event = recorded("StopFailure", failure);
        let line = agent.shows(PROMPT, &event, "blocked");
        assert_eq!(line["screen"]["state"], state, "{line}");
    }
    agent.shows(BUSY, &prompt(), "working");
    agent.shows(PROMPT, &stop(), "idle");
    agent.is_untouched();
}

#[test]
fn where_events_are_dropped_the_screen_decides() {
    let agent = StandIn::start(BY_LOOKS, "");
    agent.shows(BUSY, &prompt(), "working");
    // Its Stop is lost.
    agent.draws(PROMPT);
    agent.becomes("idle");
    // Its prompt is lost.
    agent.draws(BUSY);
    agent.becomes("working");
    agent.draws(QUESTION);
    agent.becomes("waiting");
    agent.shows(PROMPT, &stop(), "idle");
    agent.is_untouched();
}

#[test]
fn late_and_repeated_events_do_not_take_back_the_end_of_a_turn() {
    let agent = StandIn::start(BY_LOOKS, "");
    agent.shows(BUSY, &prompt(), "working");
    // Hooks run beside each other: that of the last tool may come after that of the end.
    agent.obeys(&json!({ "draw": PROMPT, "events": [stop(), tool()], "pause": 0.02 }));
    agent.becomes("idle");
    agent.stage.stays("idle");

    let thrice = |event: Value| vec![event; 3];
    agent.tells(BUSY, &thrice(prompt()));
    agent.becomes("working");
    agent.tells(PROMPT, &thrice(stop()));
    agent.becomes("idle");
    agent.stage.stays("idle");

    // A tool's event comes long after the end of its turn: the screen corrects it.
    agent.tells(PROMPT, &[tool()]);
    agent.becomes("idle");
    agent.is_untouched();
}

#[test]
fn forged_reports_say_nothing() {
    let agent = StandIn::start(BY_EVENTS, "");
    agent.shows(BUSY, &prompt(), "working");
    agent.shows(PROMPT, &stop(), "idle");
    let generation = agent.generation();
    let ended = recorded("SessionEnd", "prompt_input_exit");
    for event in [prompt(), recorded("PermissionRequest", "touch"), ended] {
        // Outside the agent's tree, then of another incarnation too.
        agent.forge(&generation, &event);
        agent.forge("1", &event);
    }
    agent.stage.stays("idle");

    let reports = agent.stage.reports();
    let mut file = OpenOptions::new().append(true).open(&reports).unwrap();
    file.write_all(b"\0\xff\xfe{\"at\":\n[[[[\n{}\nnull\n")
        .unwrap();
    agent.stage.stays("idle");
    agent.shows(BUSY, &prompt(), "working");
    file.write_all(&vec![b'x'; 100 << 10]).unwrap();
    file.write_all(b"\n").unwrap();
    agent.shows(PROMPT, &stop(), "idle");
    let size = fs::metadata(&reports).unwrap().len();
    assert!(
        size < 64 << 10,
        "the next hook cuts a file that is too large: {size}"
    );
    agent.is_untouched();
}

#[test]
fn a_link_in_the_place_of_the_reports_is_not_followed() {
    let agent = StandIn::start(BY_LOOKS, "");
    agent.shows(BUSY, &prompt(), "working");
    let (reports, target) = (agent.stage.reports(), agent.stage.yard.at("target"));
    fs::rename(&reports, &target).unwrap();
    let before = fs::read(&target).unwrap();
    std::os::unix::fs::symlink(&target, &reports).unwrap();
    agent.tells(PROMPT, &[stop()]);
    agent.becomes("idle");
    agent.tells(BUSY, &[prompt()]);
    agent.becomes("working");
    assert_eq!(fs::read(&target).unwrap(), before);
    agent
        .stage
        .yard
        .gtctl(&["doctor"])
        .says("the report could not be written");
    agent.is_untouched();
}

/// Replaces a file whole: the agent may be reading it.
fn replace(path: &std::path::Path, text: &str) {
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, text).unwrap();
    fs::rename(fresh, path).unwrap();
}

#[test]
fn a_hook_that_is_missing_or_hangs_slows_nothing() {
    let agent = StandIn::start(BY_LOOKS, "");
    let yard = &agent.stage.yard;
    yard.shim("hang", "#!/bin/sh\nexec sleep 1000\n");
    let hooks = yard.state().join("hooks/claude/hooks/hooks.json");
    let declared = fs::read_to_string(&hooks).unwrap();
    let hang = yard.at("bin/hang");
    for program in ["/nonexistent/gtctl", hang.to_str().unwrap()] {
        replace(
            &hooks,
            &declared.replace(env!("CARGO_BIN_EXE_gtctl"), program),
        );
        let took = agent.obeys(&json!({ "draw": BUSY, "events": [prompt(), tool()] }));
        assert!(took < Duration::from_secs(1), "{program}: {took:?}");
        agent.becomes("working");
        agent.obeys(&json!({ "draw": PROMPT, "events": [stop()] }));
        agent.becomes("idle");
    }
    replace(&hooks, &declared);
    agent.shows(BUSY, &prompt(), "working");
    agent.is_untouched();
}

#[test]
fn without_hooks_nothing_is_added_and_no_report_counts() {
    let agent = StandIn::start(BY_LOOKS, "hooks = \"off\"");
    let line = fs::read(format!("/proc/{}/cmdline", agent.agent.pid)).unwrap();
    let line = String::from_utf8_lossy(&line).into_owned();
    assert!(
        !line.contains("--plugin-dir") && !line.contains("hook"),
        "{line}"
    );
    assert!(!agent.stage.yard.state().join("hooks").exists());
    agent.draws(BUSY);
    agent.becomes("working");
    assert_eq!(agent.stage.line()["screen"]["by"], "text");
}
