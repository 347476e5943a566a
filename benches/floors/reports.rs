//! 9: the watching controller while the hooks of every agent report many times a second.

use crate::Result;
use crate::measure::Watching;
use crate::stage::Stage;
use crate::table::{Against, Row};
use gtctl::model::{Activity, AgentReport, Generation, ProcId, ReportingClient, SessionName};
use gtctl::proc::{clock, process};
use gtctl::store::add_report;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

const SESSIONS: usize = 1000;
/// The time between two reports of a session: 20 a second.
const PAUSE: Duration = Duration::from_millis(50);
const SECONDS: u32 = 60;
/// What the controller may use per second: a fifth of a core.
const MOST: Duration = Duration::from_millis(200);
/// The most resident memory, in KiB.
const MOST_MEMORY: usize = 64 << 10;
/// Every session is an agent that is known by its program, and whose client reports.
const AGENT: &str = "agent = \"claude\"\n[agents.claude]\nprocess_names = [\"sleep\"]\n";

pub(crate) fn run() -> Result<Vec<Row>> {
    let stage = Stage::running_with(SESSIONS, AGENT)?;
    let reporters = reporters(&stage)?;
    for reporter in &reporters {
        reporter.report("SessionStart", Activity::Ready)?;
    }
    let watching = Watching::start(&stage)?;
    let is_over = AtomicBool::new(false);
    let written = AtomicU64::new(0);
    let (used, memory) = std::thread::scope(|scope| {
        scope.spawn(|| write_until(&is_over, &written, &reporters));
        let measured = measure(&watching);
        is_over.store(true, Ordering::Relaxed);
        measured
    })?;
    let unseen = unseen_questions(&stage, &reporters)?;
    let wanted = u64::from(SECONDS) * 20 * SESSIONS as u64;
    eprintln!("{} of {wanted} reports were written", written.into_inner());
    let row = |against| Row {
        what: "9 reporting agents, per second",
        sessions: SESSIONS,
        gtctl: used,
        against,
    };
    Ok(vec![
        row(Against::Limit(MOST)),
        row(Against::Count("KiB of memory", memory, MOST_MEMORY)),
        row(Against::Count("questions that are not seen", unseen, 0)),
    ])
}

/// The processor time per second, and the resident memory at the end in KiB.
fn measure(watching: &Watching) -> Result<(Duration, usize)> {
    let before = watching.used_by_threads()?;
    std::thread::sleep(Duration::from_secs(SECONDS.into()));
    let used = watching.used_by_threads()?.saturating_sub(before) / SECONDS;
    Ok((used, watching.memory()?))
}

/// A session whose hooks report.
struct Reporter {
    folder: PathBuf,
    session: SessionName,
    generation: Generation,
    process: ProcId,
}

impl Reporter {
    fn report(&self, event: &str, activity: Activity) -> Result<()> {
        let report = AgentReport {
            at: clock::now(),
            generation: self.generation,
            client: ReportingClient::Claude,
            event: event.to_owned(),
            activity,
            conversation: "4f1c9a2e-0000-4000-8000-00000000beef".parse().ok(),
            text: String::new(),
            transcript: Some("/home/a/.claude/projects/-x/4f1c9a2e.jsonl".to_owned()),
            ancestors: vec![self.process],
        };
        Ok(add_report(&self.folder, &self.session, &report)?)
    }
}

fn reporters(stage: &Stage) -> Result<Vec<Reporter>> {
    let panes = stage.tmux(&["list-panes", "-a", "-F", "#{session_name} #{pane_pid}"])?;
    let folder = stage.reports();
    panes
        .lines()
        .filter(|line| !line.starts_with('_'))
        .map(|line| reporter(&folder, line))
        .collect()
}

fn reporter(folder: &Path, pane: &str) -> Result<Reporter> {
    let (session, pid) = pane.split_once(' ').ok_or("no pane")?;
    let variables = std::fs::read(format!("/proc/{pid}/environ"))?;
    let variables = String::from_utf8_lossy(&variables);
    let generation = variables
        .split('\0')
        .find_map(|variable| variable.strip_prefix("GTCTL_GENERATION="))
        .ok_or("no generation")?;
    Ok(Reporter {
        folder: folder.to_owned(),
        session: session.parse()?,
        generation: Generation(generation.parse()?),
        process: process::identify(pid.parse()?).ok_or("no process")?,
    })
}

/// Has every session report 20 times a second: a turn of 18 tools, again and again.
fn write_until(is_over: &AtomicBool, written: &AtomicU64, reporters: &[Reporter]) {
    let mut due = Instant::now();
    for round in 0_u64.. {
        let (event, activity) = match round % 20 {
            0 => ("UserPromptSubmit", Activity::Working),
            19 => ("Stop", Activity::Idle),
            _ => ("PreToolUse", Activity::Working),
        };
        for reporter in reporters {
            if is_over.load(Ordering::Relaxed) {
                return;
            }
            if reporter.report(event, activity).is_ok() {
                written.fetch_add(1, Ordering::Relaxed);
            }
        }
        due += PAUSE;
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Has every agent ask, and counts those of which `status` does not say so.
fn unseen_questions(stage: &Stage, reporters: &[Reporter]) -> Result<usize> {
    std::thread::sleep(Duration::from_secs(1));
    for reporter in reporters {
        reporter.report("PermissionRequest", Activity::Asks)?;
    }
    let output = stage.gtctl(&["status", "-o", "json"]).output()?;
    let page: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let sessions = page
        .get("sessions")
        .and_then(serde_json::Value::as_array)
        .ok_or("no sessions")?;
    let asking = sessions
        .iter()
        .filter(|session| {
            session.get("phase").and_then(serde_json::Value::as_str) == Some("waiting")
        })
        .count();
    Ok(reporters.len().saturating_sub(asking))
}
