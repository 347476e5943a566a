//! Checks that every field of the manifest has an effect.
//!
//! A changed value must change what is planned or launched, or cause the advice that gtctl does not
//! use the field yet. The schema lists the fields, so a new field without a row fails the test.

use crate::cases::situation_file::{NOW, World};
use gtctl::manifest::{Included, Loaded, Machine, Sources, load, schema};
use gtctl::memory;
use gtctl::model::covered;
use gtctl::model::{Agent, Chore, Desired, ScreenState, Title, Town};
use gtctl::model::{SortedMap, SortedSet};
use gtctl::plan::{Situation, plan};
use gtctl::render::{Scene, json};
use gtctl::screen;
use serde_json::Value;
use std::fmt::Write;
use std::path::Path;

/// Two values of a field, as TOML.
type Row = (&'static str, &'static str, &'static str);

const RIGS: &str =
    r#"{"rigs":{"shop":{"beads":{"prefix":"sh"}},"yard":{"beads":{"prefix":"ya"}}}}"#;

/// The fields of a session, wherever they stand.
const SESSION: [Row; 60] = [
    ("enabled", "true", "false"),
    ("role", "'custom'", "'worker'"),
    ("rig", "'shop'", "'yard'"),
    ("name", "'n'", "'m'"),
    ("session", "'x'", "'x2'"),
    ("schedule", "'Mon 08:00-09:00'", "'always'"),
    (
        "timezone",
        "'UTC'\nschedule = '08:00-09:00'",
        "'Europe/Berlin'\nschedule = '08:00-09:00'",
    ),
    ("host", "'a'", "'b'"),
    ("on_host_loss", "'move'", "'stay'"),
    ("prepare", "['clone']", "['copy']"),
    ("agent", "'claude'", "'codex'"),
    ("command", "['run']", "['walk']"),
    ("launcher", "'tmux'", "'gt'"),
    (
        "start_timeout",
        "'1m'\nlauncher = 'gt'",
        "'2m'\nlauncher = 'gt'",
    ),
    ("dir", "'/a'", "'/b'"),
    ("env", "{ A = '1' }", "{ A = '2' }"),
    ("env_file", "['/a', '/b']", "['/b', '/a']"),
    ("pass_env", "['A']", "['B']"),
    ("restart", "'always'", "'never'"),
    ("wave", "1", "2"),
    ("after", "[]", "['y']"),
    ("ready_after", "'5s'", "'2h'"),
    ("max_age", "'1h'", "'2h'"),
    ("max_age_jitter", "'0s'", "'50m'"),
    ("handoff", "'soon'", "'now'"),
    ("handoff_gap", "'1h'", "'10m'"),
    ("drain", "'5m'", "'1m'"),
    ("idle_limit", "'10m'", "'1m'"),
    ("on_idle", "'report'", "'nudge'"),
    (
        "idle_nudge",
        "'go on'\non_idle = 'nudge'\nidle_limit = '1m'",
        "'what now?'\non_idle = 'nudge'\nidle_limit = '1m'",
    ),
    ("on_limit_end", "'nothing'", "'nudge'"),
    (
        "limit_nudge",
        "'go on'\non_limit_end = 'nudge'",
        "'what now?'\non_limit_end = 'nudge'",
    ),
    ("stuck_after", "'10m'", "'1m'"),
    ("max_memory", "'250MiB'", "'1GiB'"),
    ("max_tokens", "'2M'", "900000"),
    ("max_context", "'80%'", "'160k'"),
    ("on_drift", "'report'", "'restart'"),
    ("on_upgrade", "'report'", "'restart-when-idle'"),
    (
        "resume",
        "'never'\nagent = 'claude'",
        "'always'\nagent = 'claude'",
    ),
    ("when_attached", "'hold'", "'proceed'"),
    ("stop_grace", "'30s'", "'10s'"),
    ("instructions", "'/a'", "'/b'"),
    ("prune", "false", "true"),
    ("completion.markers", "['made']", "['done']"),
    // Only a task completes.
    (
        "completion.grace",
        "'5m'\nrestart = 'never'",
        "'10m'\nrestart = 'never'",
    ),
    ("completion.log", "'/b'", "'/a'"),
    ("completion.turn_ended", "'off'", "'1m'"),
    ("ready.log", "'up'", "'listening'"),
    ("ready.command", "['a']", "['b']"),
    ("ready.port", "80", "81"),
    (
        "ready.every",
        "'1s'\nready.port = 80",
        "'2s'\nready.port = 80",
    ),
    ("backoff.first", "'10s'", "'20s'"),
    ("backoff.max", "'5m'", "'11s'"),
    ("backoff.jitter", "0.0", "1.0"),
    ("backoff.reset_after", "'10m'", "'1m'"),
    ("backoff.burst", "5", "3"),
    ("backoff.window", "'15m'", "'1m'"),
    ("logs.size", "'2MiB'", "'1MiB'"),
    ("logs.files", "3", "2"),
    ("logs.keep", "20", "3"),
];

/// Those of `[[session]]` alone.
const MEMBERS: [Row; 4] = [
    ("count", "1", "2"),
    ("names", "['n']", "['m']"),
    ("rigs", "['shop']", "'all'"),
    ("moved", "['old']", "['older']"),
];

/// Those of roles alone.
const ROLE: [Row; 5] = [
    ("start", "['x']", "['y']"),
    ("stop", "['x']", "['y']"),
    ("restart_command", "['x']", "['y']"),
    ("nudge", "['x']", "['y']"),
    ("leaves_orphans", "false", "true"),
];

const OTHERS: [Row; 48] = [
    ("include", "[]", "['a.toml']"),
    ("town.name", "'acme'", "'other'"),
    ("town.root", "'/gt'", "'/gu'"),
    ("town.socket", "'default'", "'mine'"),
    ("town.naming", "'rig'", "'prefix'"),
    ("town.profile", "'standard'", "'high-throughput'"),
    ("agents.mine.command", "['mine']", "['yours']"),
    ("agents.mine.process_names", "['a']", "['b']"),
    ("agents.mine.ready", "['a']", "['b']"),
    ("agents.mine.busy", "['a']", "['b']"),
    ("agents.mine.asks_permission", "['a']", "['b']"),
    ("agents.mine.asks_trust", "['a']", "['b']"),
    ("agents.mine.auth", "['a']", "['b']"),
    ("agents.mine.limit", "['a']", "['b']"),
    ("agents.mine.context", "['a']", "['b']"),
    ("agents.mine.retrying", "['a']", "['b']"),
    ("agents.mine.title_busy", "['a']", "['b']"),
    ("agents.mine.title_asks", "['a']", "['b']"),
    ("agents.mine.title_ready", "['a']", "['b']"),
    ("agents.mine.fix", "'a'", "'b'"),
    ("agents.mine.quit", "['C-c']", "['C-d']"),
    ("agents.mine.submit", "['Enter']", "['C-d']"),
    ("agents.mine.clear", "['C-u']", "['C-c']"),
    ("agents.mine.like", "'codex'", "'aider'"),
    ("agents.mine.probe", "['mine', 'auth']", "['mine', 'login']"),
    ("agents.mine.resume", "['-r', '{id}']", "['-c']"),
    (
        "agents.mine.begin",
        "['--id', '{id}']",
        "['--session', '{id}']",
    ),
    ("agents.mine.hooks", "'off'", "'on'"),
    ("agents.mine.cost_per_hour", "0.5", "2"),
    (
        "agents.mine.answer",
        "[{ when = 'a', choose = 'b' }]",
        "[{ when = 'a', choose = 'c' }]",
    ),
    ("hosts.mine.ssh", "'me@a'", "'me@b'"),
    ("hosts.mine.gtctl", "'/a'", "'~/b'"),
    ("hosts.mine.town", "'/a'", "'~/b'"),
    ("store.lease", "'7s'", "'8s'"),
    ("store.fence", "'5500ms'", "'5600ms'"),
    ("store.beat", "'1s'", "'500ms'"),
    ("store.lock_delay", "'0s'", "'7s'"),
    ("controller.resync", "'15s'", "'20s'"),
    ("controller.metrics", "'/a.prom'", "'127.0.0.1:1'"),
    ("controller.web", "'unix:/a.sock'", "'127.0.0.1:1'"),
    ("controller.record", "'1h'", "'7d'"),
    ("notify.command", "['tell']", "['write']"),
    ("notify.on", "['held']", "['held', 'expired']"),
    ("limits.concurrent_starts", "1", "20"),
    ("limits.starts", "1", "'auto'"),
    ("limits.unavailable", "1", "'100%'"),
    ("limits.mass", "'10%'", "'100%'"),
    ("limits.server_losses", "1", "9"),
];

/// The fields of a chore, with the lines of one to which each of them means something.
const CHORE: [(Row, &str); 15] = [
    (
        ("kind", "'command'", "'analysis'"),
        "command = ['a']\nevery = '1h'",
    ),
    (("name", "'a'", "'b'"), A_COMMAND),
    (
        ("every", "'1h'", "'2h'"),
        "kind = 'command'\ncommand = ['a']",
    ),
    (
        ("at", "'0 9 * * *'", "'0 10 * * *'"),
        "kind = 'command'\ncommand = ['a']",
    ),
    (
        ("timezone", "'UTC'", "'Europe/Berlin'"),
        "kind = 'command'\ncommand = ['a']\nat = '0 9 * * *'",
    ),
    (("host", "'a'", "'b'"), A_COMMAND),
    (("timeout", "'1h'", "'2h'"), A_COMMAND),
    (("keep", "1", "2"), A_COMMAND),
    (
        ("command", "['a']", "['b']"),
        "kind = 'command'\nevery = '1h'",
    ),
    (("session", "'y'", "'z'"), "kind = 'nudge'\ntext = 'go'"),
    (("text", "'go'", "'come'"), "kind = 'nudge'\nsession = 'y'"),
    (
        ("as_command", "false", "true"),
        "kind = 'nudge'\nsession = 'y'\ntext = '/go'",
    ),
    (("repo", "'a/b'", "'a/c'"), "kind = 'upstream'"),
    (
        ("propose", "false", "true"),
        "kind = 'analysis'\ncommand = ['a']",
    ),
    (
        ("accept", "'ask'", "'auto'"),
        "kind = 'analysis'\ncommand = ['a']\npropose = true",
    ),
];

const A_COMMAND: &str = "kind = 'command'\ncommand = ['a']\nevery = '1h'";

const TWO_HOSTS: &str = "hosts.a.ssh = 'a'\nhosts.b.ssh = 'b'\n";

/// Those of policies.
const POLICY: [Row; 9] = [
    ("match", "'t-*'", "'u-*'"),
    ("max_age", "'1h'", "'2h'"),
    ("idle_limit", "'10m'", "'1m'"),
    ("completion.markers", "['made']", "['done']"),
    ("completion.grace", "'5m'", "'10m'"),
    ("completion.log", "'/a/{session}'", "'/b/{session}'"),
    ("max_memory", "'250MiB'", "'1GiB'"),
    ("when_attached", "'hold'", "'proceed'"),
    ("stop_grace", "'30s'", "'10s'"),
];

/// A policy with one field given.
fn policy(given: Option<(&str, &str)>) -> String {
    let usual = [
        ("match", "'t-*'"),
        ("max_age", "'1h'"),
        ("completion.grace", "'5m'"),
    ];
    let usual = usual
        .into_iter()
        .filter(|(name, _)| given.is_none_or(|(field, _)| field != *name));
    let lines = usual
        .chain(given)
        .map(|(name, value)| format!("{name} = {value}\n"));
    format!("[[policy]]\n{}", lines.collect::<String>())
}

/// A town in which every field of a session has something to do, with one field given.
fn manifest(path: &str, value: &str) -> String {
    let (table, field) = path.split_once('.').unwrap_or((path, ""));
    if table == "policy" {
        return format!(
            "{}{}",
            manifest("town.name", "'acme'"),
            policy(Some((field, value)))
        );
    }
    let (x, defaults, role) = match table {
        "session" => (Some(field), None, None),
        "defaults" => (None, Some(field), None),
        "roles" => (None, None, Some(field)),
        _ => (None, None, None),
    };
    let given =
        |at: Option<&str>| at.map_or_else(String::new, |field| format!("{field} = {value}\n"));
    // Only what gtctl starts itself knows most of the fields; what commands start knows the others.
    let by_commands = role.is_some_and(|field| ROLE.iter().any(|row| row.0 == field));
    let is_launched = field == "launcher" || value.contains("launcher =");
    let launcher = if by_commands || is_launched {
        ""
    } else {
        "launcher = 'tmux'\n"
    };
    let begin = if field == "start" && role.is_some() {
        ""
    } else {
        "start = ['begin']\n"
    };
    let usual = [
        ("session", "'x'"),
        ("role", "'custom'"),
        ("rig", "'shop'"),
        ("name", "'n'"),
        ("command", "['run', '{role}', '{rig}', '{name}']"),
        // A command without an agent has none by default.
        ("max_age", "'1h'"),
    ];
    let takes_its_place = |name: &str| matches!((field, name), ("names", "name") | ("rigs", "rig"));
    let is_given = |name: &str| {
        takes_its_place(name)
            || field == name && (x.is_some() || defaults.is_some() || role.is_some())
    };
    let own = usual
        .iter()
        .filter(|(n, _)| !is_given(n))
        .map(|(n, v)| format!("{n} = {v}\n"))
        .collect::<Vec<_>>()
        .concat();
    let y = "[[session]]\nsession = 'y'\nrole = 'plain'\nwave = 1\nafter = []\nrig = 'shop'\nname = 'y'\ncommand = ['sleep']\n";
    let z = "[[session]]\nsession = 'z'\nrole = 'plain'\nagent = 'mine'\nmax_age = '1h'\nmax_age_jitter = '0s'\n";
    let witness = "[[session]]\nrole = 'witness'\nrig = 'shop'\n";
    let town = [
        ("town.name", "'acme'"),
        ("town.root", "'/gt'"),
        ("agents.mine.command", "['mine']"),
        ("notify.command", "['tell']"),
    ];
    let town = town
        .iter()
        .filter(|(name, _)| *name != path)
        .map(|(name, value)| format!("{name} = {value}\n"))
        .collect::<Vec<_>>()
        .concat();
    let (rest, chore) = if table == "chore" {
        let lines = CHORE.iter().find(|(row, _)| row.0 == field).unwrap().1;
        (
            String::new(),
            format!("[[chore]]\n{field} = {value}\n{lines}\n"),
        )
    } else if x.or(defaults).or(role).is_none() {
        (format!("{path} = {value}\n"), String::new())
    } else {
        (String::new(), String::new())
    };
    let (hosts, home) = match (table, field) {
        ("hosts", _) => ("", "host = 'mine'\n"),
        ("defaults", "host") => (TWO_HOSTS, ""),
        (_, "host") => (TWO_HOSTS, "host = 'a'\n"),
        (_, "on_host_loss" | "prepare") => ("store.beat = '1s'\n", ""),
        _ => ("", ""),
    };
    format!(
        "{rest}{hosts}{town}[defaults]\n{home}{}[roles.custom]\n{begin}{}[roles.worker]\n[roles.plain]\n[[session]]\n{own}{launcher}{}{y}{z}{}{chore}",
        given(defaults),
        given(role),
        given(x),
        if field == "session" && table != "session" {
            ""
        } else {
            witness
        },
    )
}

fn read(text: &str) -> Result<Loaded, gtctl::manifest::Faults> {
    load(&Sources {
        town_path: Path::new("town.toml"),
        town_text: text,
        user: None,
        variables: &[],
        flags: &[],
        home: Some(Path::new("/home/me")),
        base_dir: Path::new("/work"),
        include: &|path| {
            let text = "[[session]]\nsession = 'included'\ncommand = ['sleep']\n";
            Ok(vec![Included {
                path: path.to_path_buf(),
                text: Ok(text.to_owned()),
            }])
        },
        machine: Machine {
            hostname: "a",
            ..Machine::default()
        },
        read: &|_| Some(RIGS.to_owned()),
    })
}

/// Situations that ask every rule and every hold about `x`.
fn worlds() -> Vec<World> {
    let mut texts = vec![
        "server = 'down'".to_owned(),
        "server = 'down'\n[memory]\nserver_losses = ['5m']".to_owned(),
    ];
    texts.push("[memory]\nstarts = ['5m']".to_owned());
    for rest in [
        "age = '1s'",
        "age = '30m'",
        "age = '90m'",
        "age = '90m'\nquiet = '1s'",
        "age = '90m'\nattached = 1",
        "age = '90m'\nhandoff = '30m'",
        "drifted = true",
        "replaced = true\nage = '30m'\nquiet = '1h'",
        "dead = 'exit 0'\ndead_for = '6m'",
        "dead = 'exit 1'\nage = '3m'",
    ] {
        texts.push(format!("[[seen]]\nname = 'x'\n{rest}"));
    }
    texts.push("[[seen]]\nname = 'x'\nage = '3h'\n[[seen]]\nname = 'z'\nage = '3h'".to_owned());
    texts.push(
        "orders = ['prune']\n[[seen]]\nname = 'gone-1'\n[[seen]]\nname = 'gone-2'".to_owned(),
    );
    texts.push("[[seen]]\nname = 'old'".to_owned());
    for screen in ["ready", "busy"] {
        let known = format!("screen = '{screen}'\nunchanged_for = '5m'\nage = '20m'");
        texts.push(format!(
            "[[seen]]\nname = 'x'\nrss = 300\n[[history]]\nname = 'x'\n{known}"
        ));
    }
    let old = "screen = 'ready'\nunchanged_for = '5m'\nage = '90m'";
    texts.push(format!(
        "[[seen]]\nname = 'x'\nage = '90m'\n[[history]]\nname = 'x'\n{old}"
    ));
    texts.push(
        "[[seen]]\nname = 't-1'\npolicy = true\nholds = 300\n[[history]]\nname = 't-1'\nheld = 300"
            .to_owned(),
    );
    texts.push(
        "[[seen]]\nname = 'x'\nholds = 300\n[[history]]\nname = 'x'\nage = '20m'\nheld = 300"
            .to_owned(),
    );
    texts.push(
        "[[seen]]\nname = 'x'\ncontext = 850\nwindow = 1000\n[[history]]\nname = 'x'\nage = '20m'\nscreen = 'ready'\ntokens = 1000000"
            .to_owned(),
    );
    let signed_out = "screen = 'auth'\nunchanged_for = '5m'\nage = '20m'";
    texts.push(format!(
        "[[seen]]\nname = 'z'\n[[history]]\nname = 'z'\n{signed_out}"
    ));
    let past_limit = "screen = 'limit'\nreset_ago = '5m'\nunchanged_for = '9m'\nage = '20m'";
    texts.push(format!(
        "[[seen]]\nname = 'x'\n[[history]]\nname = 'x'\n{past_limit}"
    ));
    texts.push(format!(
        "[[seen]]\nname = 'x'\nreported = 'idle'\nreported_for = '5m'\n[[history]]\nname = 'x'\nresting = true\n{}",
        "screen = 'ready'\nunchanged_for = '5m'\nage = '20m'"
    ));
    for crashes in [
        "['4m']",
        "['5m', '4m']",
        "['9m', '8m', '7m', '6m']",
        "['50m', '40m', '30m', '20m']",
    ] {
        texts.push(format!(
            "[[seen]]\nname = 'x'\ndead = 'exit 1'\ndead_for = '1s'\nage = '3m'\n[[history]]\nname = 'x'\ncrashes = {crashes}"
        ));
    }
    for rest in [
        "age = '90m'",
        "age = '90m'\nattached = 1",
        "age = '20m'\nsaid = 'completed'\nsaid_for = '6m'",
    ] {
        texts.push(format!("[[seen]]\nname = 't-1'\npolicy = true\n{rest}"));
    }
    texts.push(
        "[[seen]]\nname = 'x'\ndead = 'signal 9'\n[[history]]\nname = 'x'\nconversation = 'a-1'"
            .to_owned(),
    );
    texts.push("server = 'down'\n[[history]]\nname = 'x'\nconversation = 'a-1'".to_owned());
    let quiet = "screen = 'ready'\nunchanged_for = '5m'\nage = '20m'";
    texts.push(format!(
        "[[seen]]\nname = 't-1'\npolicy = true\n[[history]]\nname = 't-1'\n{quiet}"
    ));
    texts.push(
        "[[seen]]\nname = 'x'\n[[history]]\nname = 'x'\nstopping = 'restart'\nstopping_for = '20s'"
            .to_owned(),
    );
    texts
        .iter()
        .map(|text| toml::from_str(text).unwrap_or_else(|e| panic!("{text}: {e}")))
        .collect()
}

/// What is made of a screen that says it, for each of the things that a screen can say.
fn told_by_screens(agent: &Agent) -> Vec<ScreenState> {
    let read = |text: &str| screen::read(agent, &[text], NOW, &jiff::tz::TimeZone::UTC);
    let says = |text: &str| read(text).state;
    let is_titled = |title: &str| screen::with_title(agent, read(""), title, Title::Found(0)).state;
    ["a", "b"]
        .into_iter()
        .flat_map(|word| [says(word), is_titled(word)])
        .collect()
}

/// All that follows from a town: the plans, what is launched, what is remembered of it, and where.
#[expect(
    clippy::too_many_lines,
    reason = "one scene from its beginning to its end"
)]
fn effects(town: &Town, worlds: &[World]) -> String {
    let Town {
        name,
        root,
        socket,
        resync,
        sessions,
        chores,
        metrics,
        web,
        record,
        notify,
        hosts,
        ..
    } = town;
    let mut effects = format!(
        "{name} {root:?} {socket:?} {resync} {metrics:?} {web:?} {record:?} {notify:?} {:?} {:?}\n",
        hosts.all, hosts.fleet
    );
    for desired in sessions.values() {
        let Desired {
            ready,
            name,
            command,
            dir,
            env,
            identity_env,
            env_files,
            pass_env,
            agent,
            stop_grace,
            logs,
            completion,
            launch,
            ..
        } = desired;
        let launched = (
            command,
            dir,
            env,
            identity_env,
            env_files,
            pass_env,
            stop_grace,
            logs,
            launch,
        );
        let completed = (&completion.markers, &completion.log);
        let known = (
            &agent.process_names,
            &agent.ready,
            &agent.busy,
            &agent.quit,
            (&agent.submit, &agent.clear),
            (&agent.hooks, &agent.resume, &agent.begin, &agent.answers),
            agent.cost_per_hour,
        );
        writeln!(
            effects,
            "{name} {launched:?} {ready:?} {completed:?} {known:?} {:?}",
            told_by_screens(agent)
        )
        .unwrap();
    }
    for Chore {
        name,
        kind,
        times,
        timeout,
        keep,
        dir,
    } in chores
    {
        writeln!(
            effects,
            "{name} {kind:?} {times:?} {timeout} {keep} {dir:?}"
        )
        .unwrap();
    }
    for world in worlds {
        let observed = world.observed(town);
        let town = &*covered(town, &observed);
        for Desired {
            name,
            stop_grace,
            completion,
            ..
        } in town.sessions.values().filter(|d| d.policy.is_some())
        {
            writeln!(
                effects,
                "{name} {stop_grace} {:?} {:?}",
                completion.markers, completion.log
            )
            .unwrap();
        }
        let memory = memory::learn(world.memory(town), town, &observed, NOW);
        let plan = plan(&Situation {
            town,
            observed: &observed,
            memory: &memory,
            orders: world.orders(),
            now: NOW,
        });
        let prune: SortedMap<_, _> = memory
            .sessions
            .iter()
            .map(|(name, history)| (name, history.prune))
            .collect();
        let scene = Scene {
            town,
            observed: &observed,
            memory: &memory,
            plan: &plan,
            now: NOW,
        };
        writeln!(effects, "{} {prune:?}", json::text(&json::diff(&scene))).unwrap();
    }
    effects
}

fn fault_of(path: &str, (_, a, b): Row, worlds: &[World]) -> Option<String> {
    let follows = |value: &str| match read(&manifest(path, value)) {
        Ok(loaded) => Ok(effects(&loaded.town, worlds)),
        Err(faults) => Err(format!("{path} = {value}: {:?}", faults.list)),
    };
    match (follows(a), follows(b)) {
        (Ok(one), Ok(other)) => {
            (one == other).then(|| format!("{path}: {a} or {b} is all the same"))
        }
        (Err(fault), _) | (_, Err(fault)) => Some(fault),
    }
}

/// Every row, by the whole path of its field.
fn rows() -> Vec<(String, Row)> {
    let placed = |table: &'static str, row: &Row| (format!("{table}.{}", row.0), *row);
    let mut rows: Vec<(String, Row)> = Vec::new();
    for row in &SESSION {
        rows.extend([placed("session", row), placed("defaults", row)]);
        rows.extend((row.0 != "role").then(|| placed("roles", row)));
    }
    rows.extend(MEMBERS.iter().map(|row| placed("session", row)));
    rows.extend(POLICY.iter().map(|row| placed("policy", row)));
    rows.extend(ROLE.iter().map(|row| placed("roles", row)));
    rows.extend(CHORE.iter().map(|(row, _)| placed("chore", row)));
    rows.extend(OTHERS.iter().map(|row| (row.0.to_owned(), *row)));
    rows
}

#[test]
fn every_field_means_something() {
    let worlds = worlds();
    let rows = rows();
    let faults: Vec<String> = rows
        .iter()
        .filter_map(|(path, row)| fault_of(path, *row, &worlds))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The fields of an object of the schema, with those of the tables within.
fn fields_of(schema: &Value, object: &Value, path: &str, found: &mut SortedSet<String>) {
    let named = |value: &Value| {
        let reference = value
            .get("$ref")
            .or_else(|| value.get("allOf")?.get(0)?.get("$ref"))?
            .as_str()?;
        schema.pointer(reference.strip_prefix('#')?).cloned()
    };
    let object = named(object).unwrap_or_else(|| object.clone());
    let Some(properties) = object.get("properties").and_then(Value::as_object) else {
        found.insert(path.to_owned());
        return;
    };
    for (name, value) in properties {
        fields_of(schema, value, &format!("{path}.{name}"), found);
    }
}

#[test]
fn every_field_of_the_schema_has_a_row() {
    let schema: Value = serde_json::to_value(schema()).unwrap();
    let mut fields = SortedSet::new();
    for (table, value) in schema["properties"].as_object().unwrap() {
        let item = value
            .get("items")
            .or_else(|| value.get("additionalProperties").filter(|v| v.is_object()));
        let table = match table.as_str() {
            "agents" => "agents.mine",
            "hosts" => "hosts.mine",
            other => other,
        };
        fields_of(&schema, item.unwrap_or(value), table, &mut fields);
    }
    assert!(fields.len() > 100, "{fields:?}");
    let rows: SortedSet<String> = rows().into_iter().map(|(path, _)| path).collect();
    assert_eq!(fields, rows);
}
