//! Pins whole decisions. Each folder of `tests/cases` has a town, a situation, and the exact pages
//! that follow from them.
//!
//! `GTCTL_BLESS=1 cargo test --locked --test gtctl cases` writes the pages again. Read the
//! difference before you commit it.

use crate::cases::situation_file::{NOW, World};
use crate::harness::pages_are;
use gtctl::manifest::{Machine, Sources, load};
use gtctl::memory;
use gtctl::model::SortedSet;
use gtctl::model::covered;
use gtctl::model::{GastownHold, Hold, Memory, Observed, Plan, Reason, RestartPolicy, Town};
use gtctl::plan::{Situation, plan};
use gtctl::render::{Books, Clock, Colour, Detail, Paper, Scene, Selection, diff, json, status};
use std::fs;
use std::path::{Path, PathBuf};

const PAPER: Paper = Paper {
    clock: Clock {
        now: NOW,
        offset_seconds: 0,
    },
    width: Some(100),
    colour: Colour::Off,
    detail: Detail::Short,
};

/// One folder: what is given, and what follows from it.
struct Case {
    folder: PathBuf,
    town: Town,
    observed: Observed,
    memory: Memory,
    plan: Plan,
}

impl Case {
    fn read(folder: PathBuf) -> Self {
        let name = folder.display().to_string();
        let text = |file: &str| {
            fs::read_to_string(folder.join(file)).unwrap_or_else(|e| panic!("{name}/{file}: {e}"))
        };
        let mut town =
            town(&text("town.toml")).unwrap_or_else(|faults| panic!("{name}/town.toml: {faults}"));
        let world: World = toml::from_str(&text("world.toml"))
            .unwrap_or_else(|e| panic!("{name}/world.toml: {e}"));
        town.gastown = world.gastown();
        town.unstartable = world.unstartable();
        town.hosts.leaving.clone_from(&world.leaving);
        let observed = world.observed(&town);
        let town = covered(&town, &observed).into_owned();
        let memory = memory::learn(world.memory(&town), &town, &observed, NOW);
        let orders = world.orders();
        let plan = plan(&Situation {
            town: &town,
            observed: &observed,
            memory: &memory,
            orders,
            now: NOW,
        });
        Self {
            folder,
            town,
            observed,
            memory,
            plan,
        }
    }

    fn all() -> Vec<Self> {
        let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
        let mut folders: Vec<PathBuf> = fs::read_dir(cases)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        folders.sort();
        folders.into_iter().map(Self::read).collect()
    }

    /// Every page by its file's name.
    fn pages(&self) -> [(&'static str, String); 3] {
        let Self {
            folder: _,
            town,
            observed,
            memory,
            plan,
        } = self;
        let scene = Scene {
            town,
            observed,
            memory,
            plan,
            now: NOW,
        };
        [
            ("diff.txt", diff::page(&scene, &PAPER)),
            ("diff.json", json::text(&json::diff(&scene))),
            (
                "status.txt",
                status::page(&scene, &Books::default(), Selection::All, &PAPER),
            ),
        ]
    }

    /// Everything the plan gives as a reason, with the policy of its session where that is
    /// declared.
    fn reasons(&self) -> impl Iterator<Item = (&Reason, Option<RestartPolicy>)> {
        let Plan {
            checks: _,
            steps,
            held,
            unchanged,
            probes: _,
            chores: _,
            proposals: _,
            wake: _,
            mass: _,
        } = &self.plan;
        let steps = steps.iter().map(|step| (&step.session, &step.reason));
        let held = held.iter().map(|held| (&held.session, &held.reason));
        let noted = unchanged
            .iter()
            .filter_map(|same| Some((&same.session, same.note.as_ref()?)));
        let policy = |session| {
            self.town
                .sessions
                .get(session)
                .map(|desired| desired.restart)
        };
        steps
            .chain(held)
            .chain(noted)
            .map(move |(session, reason)| (reason, policy(session)))
    }
}

fn town(text: &str) -> Result<Town, String> {
    let loaded = load(&Sources {
        town_path: Path::new("town.toml"),
        town_text: text,
        user: None,
        variables: &[],
        flags: &[],
        home: Some(Path::new("/home/me")),
        base_dir: Path::new("/work"),
        include: &gtctl::manifest::no_files,
        machine: Machine {
            hostname: "here",
            ..Machine::default()
        },
        read: &|_| None,
    });
    loaded
        .map(|loaded| loaded.town)
        .map_err(|faults| format!("{:#?}", faults.list))
}

#[test]
fn every_case_gives_its_pages() {
    let cases = Case::all();
    let pages = cases.iter().flat_map(|case| {
        case.pages()
            .map(|(file, page)| (case.folder.join(file), page))
    });
    pages_are(pages);
}

/// The code of a reason. A variant without an arm does not compile; one without a case fails the
/// test below.
fn reason_code(reason: &Reason) -> &'static str {
    match reason {
        Reason::Missing { .. } => REASONS[0],
        Reason::Died { .. } => REASONS[1],
        Reason::Completed { .. } => REASONS[2],
        Reason::TooOld { .. } => REASONS[3],
        Reason::Drifted { .. } => REASONS[4],
        Reason::Adoptable { .. } => REASONS[5],
        Reason::Orphaned => REASONS[6],
        Reason::StopBegun { .. } => REASONS[7],
        Reason::Asked => REASONS[8],
        Reason::TooQuiet { .. } => REASONS[9],
        Reason::Stuck { .. } => REASONS[10],
        Reason::Blocked { .. } => REASONS[11],
        Reason::Marked { .. } => REASONS[12],
        Reason::MarkedFailed { .. } => REASONS[13],
        Reason::Covered { .. } => REASONS[14],
        Reason::Uncovered => REASONS[15],
        Reason::TooLarge { .. } => REASONS[16],
        Reason::FailedStart { .. } => REASONS[17],
        Reason::SignedIn { .. } => REASONS[18],
        Reason::UnderWay { .. } => REASONS[19],
        Reason::NotStarted { .. } => REASONS[20],
        Reason::LimitOver { .. } => REASONS[21],
        Reason::TurnEnded { .. } => REASONS[22],
        Reason::Upgraded { .. } => REASONS[23],
        Reason::AnswerDeclared { .. } => REASONS[24],
        Reason::Disabled => REASONS[25],
        Reason::DeclaredElsewhere { .. } => REASONS[26],
        Reason::TooManyTokens { .. } => REASONS[27],
        Reason::ContextNearFull { .. } => REASONS[28],
        Reason::NameChanged { .. } => REASONS[29],
        Reason::OffSchedule { .. } => REASONS[30],
        Reason::LeavesHost { .. } => REASONS[31],
    }
}

const REASONS: [&str; 32] = [
    "missing",
    "died",
    "completed",
    "too-old",
    "drifted",
    "adoptable",
    "orphaned",
    "stop-begun",
    "asked",
    "too-quiet",
    "stuck",
    "blocked",
    "marked",
    "marked-failed",
    "covered",
    "uncovered",
    "too-large",
    "failed-start",
    "signed-in",
    "under-way",
    "not-started",
    "limit-over",
    "turn-ended",
    "upgraded",
    "answer-declared",
    "disabled",
    "declared-elsewhere",
    "too-many-tokens",
    "context-near-full",
    "name-changed",
    "off-schedule",
    "leaves-host",
];

/// What cannot be: a service never completes, a task that runs once is over when it died, an orphan
/// has no entry nor has what a policy lets go, and what one covers runs once.
const IMPOSSIBLE: [(&str, &str); 15] = [
    ("completed", "always"),
    ("died", "never"),
    ("failed-start", "on-failure"),
    ("failed-start", "never"),
    ("orphaned", "always"),
    ("orphaned", "on-failure"),
    ("orphaned", "never"),
    ("declared-elsewhere", "always"),
    ("declared-elsewhere", "on-failure"),
    ("declared-elsewhere", "never"),
    ("uncovered", "always"),
    ("uncovered", "on-failure"),
    ("uncovered", "never"),
    ("covered", "always"),
    ("covered", "on-failure"),
];

fn policy_word(policy: RestartPolicy) -> &'static str {
    match policy {
        RestartPolicy::Always => "always",
        RestartPolicy::OnFailure => "on-failure",
        RestartPolicy::Never => "never",
    }
}

#[test]
fn every_reason_is_seen_under_every_restart_policy() {
    let cases = Case::all();
    let mut codes = SortedSet::new();
    let mut pairs = SortedSet::new();
    for (reason, policy) in cases.iter().flat_map(Case::reasons) {
        assert_eq!(reason_code(reason), reason.code());
        codes.insert(reason.code());
        pairs.extend(policy.map(|policy| (reason.code(), policy_word(policy))));
    }
    assert_eq!(codes, SortedSet::from(REASONS));
    let policies = ["always", "on-failure", "never"];
    let all = REASONS
        .into_iter()
        .flat_map(|code| policies.map(|policy| (code, policy)));
    let missing: Vec<_> = all
        .filter(|pair| !pairs.contains(pair) && !IMPOSSIBLE.contains(pair))
        .collect();
    assert!(missing.is_empty(), "no case shows {missing:?}");
    let possible: Vec<_> = IMPOSSIBLE
        .iter()
        .filter(|pair| pairs.contains(*pair))
        .collect();
    assert!(possible.is_empty(), "held to be impossible: {possible:?}");
}

/// The code of a hold; see [`reason_code`].
fn hold_code(hold: &Hold) -> &'static str {
    match hold {
        Hold::BackOff { .. } => HOLDS[0],
        Hold::CrashLoop { .. } => HOLDS[1],
        Hold::HandoffGap { .. } => HOLDS[2],
        Hold::Attached { .. } => HOLDS[3],
        Hold::OwnSession => HOLDS[4],
        Hold::Wave { .. } => HOLDS[5],
        Hold::After { .. } => HOLDS[6],
        Hold::ConcurrentStarts { .. } => HOLDS[7],
        Hold::StartBudget { .. } => HOLDS[8],
        Hold::MassGuard { .. } => HOLDS[9],
        Hold::ClockJump { .. } => HOLDS[10],
        Hold::Draining { .. } => HOLDS[11],
        Hold::Stopping { .. } => HOLDS[12],
        Hold::NameTaken { .. } => HOLDS[13],
        Hold::ForeignTown { .. } => HOLDS[14],
        Hold::SecondLook => HOLDS[15],
        Hold::Paused => HOLDS[16],
        Hold::ServerLosses { .. } => HOLDS[17],
        Hold::NotDurable => HOLDS[18],
        Hold::EmptyTown => HOLDS[19],
        Hold::Blocked { .. } => HOLDS[20],
        Hold::EscapeSent { .. } => HOLDS[21],
        Hold::Gastown(GastownHold::EmergencyStop { .. }) => HOLDS[22],
        Hold::Gastown(GastownHold::ShuttingDown) => HOLDS[23],
        Hold::Gastown(GastownHold::RigRests { .. }) => HOLDS[24],
        Hold::Gastown(GastownHold::DeaconPaused { .. }) => HOLDS[25],
        Hold::Gastown(GastownHold::Daemon) => HOLDS[26],
        Hold::MovedOut { .. } => HOLDS[27],
        Hold::LauncherFailed { .. } => HOLDS[28],
        Hold::Rolling { .. } => HOLDS[29],
        Hold::RollStopped { .. } => HOLDS[30],
        Hold::Failed { .. } => HOLDS[31],
        Hold::CannotStart { .. } => HOLDS[32],
        Hold::LabelUnproved { .. } => HOLDS[33],
        Hold::ManifestChanging => HOLDS[34],
        Hold::BothNames { .. } => HOLDS[35],
        Hold::FormerNameTaken { .. } => HOLDS[36],
    }
}

/// The codes of all holds.
pub(crate) const HOLDS: [&str; 37] = [
    "back-off",
    "crash-loop",
    "handoff-gap",
    "attached",
    "own-session",
    "wave",
    "after",
    "concurrent-starts",
    "start-budget",
    "mass-guard",
    "clock-jump",
    "draining",
    "stopping",
    "name-taken",
    "foreign-town",
    "second-look",
    "paused",
    "server-losses",
    "not-durable",
    "empty-town",
    "blocked",
    "roused",
    "emergency-stop",
    "gt-shutdown",
    "rig-rests",
    "deacon-paused",
    "gt-daemon",
    "moved-out",
    "launcher-failed",
    "rolling",
    "roll-stopped",
    "failed",
    "cannot-start",
    "label-unproved",
    "manifest-changing",
    "both-names",
    "former-name-taken",
];

#[test]
fn every_hold_is_seen() {
    let cases = Case::all();
    let mut seen = SortedSet::new();
    for held in cases.iter().flat_map(|case| &case.plan.held) {
        assert_eq!(hold_code(&held.hold), held.hold.code());
        seen.insert(held.hold.code());
    }
    assert_eq!(seen, SortedSet::from(HOLDS));
}
