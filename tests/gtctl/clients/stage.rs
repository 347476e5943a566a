//! A town of one agent, with a controller that only events wake.

use crate::harness::{PATIENCE, Running, Yard, of};
use gtctl::proc::clock;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// The one session.
pub(super) const NAME: &str = "agent";
/// So soon after an event its state must be seen. It is seen within a second; this machine may be
/// busy with other tests.
const SOON: Duration = Duration::from_secs(3);
/// Nothing but an event has the controller look within a test.
pub(super) const BY_EVENTS: &str = "10m";
/// The controller looks every second: where nothing reports, only a look shows the screen.
pub(super) const BY_LOOKS: &str = "1s";

/// A town of one agent and its controller.
pub(super) struct Stage {
    /// Before the yard, so that it ends first.
    watch: Option<Running>,
    pub(super) yard: Yard,
}

/// What tells when an event has happened.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sign {
    /// The client's registry has this word, since then.
    Registry(&'static str),
    /// A hook of this name has reported.
    Hook(&'static str),
    /// The screen shows this text.
    Screen(&'static str),
}

impl Stage {
    /// A town of one session. `agent` has the lines of its agent's table, `session` those of its
    /// own. Nothing runs yet.
    pub(super) fn declared(resync: &str, agent: &str, session: &str) -> Self {
        let stage = Self {
            watch: None,
            yard: Yard::new(""),
        };
        stage.declare(resync, agent, session);
        stage
    }

    /// Declares it anew.
    pub(super) fn declare(&self, resync: &str, agent: &str, session: &str) {
        self.yard.declare(&format!(
            "[controller]\nresync = \"{resync}\"\n[defaults]\nready_after = \"100ms\"\n\
             stop_grace = \"1s\"\nmax_age = \"off\"\nagent = \"claude\"\n\
             [agents.claude]\n{agent}\n[[session]]\nsession = \"{NAME}\"\n{session}\n"
        ));
    }

    /// Starts the controller, and with it the agent.
    pub(super) fn start(&mut self) {
        self.watch = Some(self.yard.start(&["reconcile", "--watch"]));
        self.yard.fresh(NAME, None);
    }

    /// What `status` says of the session.
    pub(super) fn line(&self) -> Value {
        let page = self.yard.gtctl(&["status", "-o", "json"]).json();
        of(&page, "sessions", NAME).cloned().unwrap_or_default()
    }

    pub(super) fn phase(&self) -> String {
        self.line()["phase"].as_str().unwrap_or_default().to_owned()
    }

    pub(super) fn screen(&self) -> String {
        self.yard
            .tmux(&["capture-pane", "-p", "-t", &format!("={NAME}:")])
    }

    pub(super) fn press(&self, key: &str) {
        self.yard
            .tmux(&["send-keys", "-t", &format!("={NAME}:"), key]);
    }

    /// Waits until an event of after `since` and its phase are seen. The phase must be seen soon
    /// after the event. Gives what `status` says then.
    #[track_caller]
    pub(super) fn sees(&self, what: &str, since: i64, sign: Sign, phase: &str) -> Value {
        let deadline = Instant::now() + PATIENCE;
        let (mut happened, mut seen) = (None, None);
        loop {
            happened = happened.or_else(|| self.happened(sign, since));
            let line = self.line();
            if line["phase"] != phase {
                seen = None;
            } else if seen.is_none() {
                seen = Some(clock::now().wall);
            }
            if let (Some(happened), Some(seen)) = (happened, seen) {
                let took = Duration::from_millis(u64::try_from(seen - happened).unwrap_or(0));
                eprintln!("{what}: {phase} after {took:?}");
                assert!(took <= SOON, "{what}: {phase} only after {took:?}");
                return line;
            }
            assert!(
                Instant::now() < deadline,
                "{what}: {sign:?} happened: {happened:?}; no {phase}: {line}\n{}",
                self.screen()
            );
        }
    }

    /// Asserts that the phase is this one, and that it stays.
    #[track_caller]
    pub(super) fn stays(&self, phase: &str) {
        let deadline = Instant::now() + Duration::from_secs(1);
        while Instant::now() < deadline {
            assert_eq!(self.phase(), phase, "{}\n{}", self.line(), self.screen());
        }
    }

    /// When it has happened, in wall milliseconds, if not before `since`.
    fn happened(&self, sign: Sign, since: i64) -> Option<i64> {
        match sign {
            Sign::Registry(word) => self.registered(word).filter(|at| *at >= since),
            Sign::Hook(event) => self.hooked(event).filter(|at| *at >= since),
            Sign::Screen(text) => self.screen().contains(text).then(|| clock::now().wall),
        }
    }

    fn registered(&self, word: &str) -> Option<i64> {
        let entry = fs::read_dir(self.yard.at("home/.claude/sessions"))
            .ok()?
            .flatten()
            .find(|entry| entry.path().extension().is_some_and(|end| end == "json"))?;
        let entry: Value = serde_json::from_slice(&fs::read(entry.path()).ok()?).ok()?;
        let is_so = entry["status"] == word;
        let at = entry["statusUpdatedAt"].as_i64();
        at.or_else(|| entry["updatedAt"].as_i64()).filter(|_| is_so)
    }

    /// The last report of this event.
    fn hooked(&self, event: &str) -> Option<i64> {
        let reports = fs::read(self.reports()).ok()?;
        let reports = String::from_utf8_lossy(&reports).into_owned();
        let report = reports
            .lines()
            .filter_map(|line| serde_json::from_str::<Value>(line).ok())
            .rfind(|report| report["event"] == event)?;
        let at: gtctl::model::Moment = report["at"].as_str()?.parse().ok()?;
        Some(at.wall)
    }

    /// The file of the session's reports.
    pub(super) fn reports(&self) -> std::path::PathBuf {
        self.yard
            .state()
            .join("reports")
            .join(format!("{NAME}.jsonl"))
    }
}
