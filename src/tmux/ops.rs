//! The operations on sessions, each as one line of a script: all of it happens, or it says that it
//! did not.
//!
//! None of them takes an argument apart or chooses anything: what they are given is what happens.

use super::fence::{ATTACHED, Clients, FACTS, Fence, Pane, equal, pane_target};
use super::labels;
use super::script::{Tag, quote, quote_format};
use crate::model::{Fingerprint, Generation, Moment, Origin, ServerId, SessionName, Target};
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// What is noted of the variables that a session of ours was given: their names, for the next life
/// to take back those it no longer has, and a `=` with a digest of their values, for one with the
/// same to leave them as they are.
///
/// A hidden variable of the session: it is only asked for when a process is replaced.
pub const VARIABLES: &str = "@gtctl_env";

/// What is to run in a session, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionLaunch {
    /// The session's name.
    pub name: SessionName,
    /// Its working directory, absolute; it exists.
    pub dir: PathBuf,
    /// What is executed, without a shell; the first is an absolute path without a `=`.
    pub argv: Vec<String>,
    /// The session's environment beyond tmux's own. The names are of letters, digits and `_`.
    pub env: BTreeMap<String, String>,
    /// What marks the agent's processes. Only they get it: not the panes a user opens beside them.
    pub marker: BTreeMap<String, String>,
    /// What is written on the session.
    pub labels: Labels,
    /// The shell command that gets all that the pane prints, as of
    /// [`pipe_command`](super::pipe::pipe_command).
    pub pipe: Option<String>,
}

/// The labels of a session of ours.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The town's name.
    pub town: SessionName,
    /// The name it was declared under.
    pub session: SessionName,
    /// Which life this is.
    pub generation: Generation,
    /// When it began.
    pub started: Moment,
    /// What it was started with.
    pub fingerprint: Fingerprint,
    /// The last planned restart. None leaves the label as it is.
    pub handoff: Option<Moment>,
    /// How it came to be ours.
    pub origin: Origin,
}

impl Labels {
    /// The commands that write them, on the session of the agent's pane `at`.
    fn commands(&self, at: &str) -> Vec<String> {
        let Self {
            town,
            session,
            generation,
            started,
            fingerprint,
            handoff,
            origin,
        } = self;
        let origin = match origin {
            Origin::Started => labels::STARTED_BY_US,
            Origin::Adopted => labels::ADOPTED,
            Origin::Policy => labels::COVERED,
            Origin::Launcher => labels::BY_LAUNCHER,
        };
        let place = "pane=#{pane_id} pid=#{pane_pid} at=#{session_id}";
        // No value here holds a `#`: names are letters, digits, `_` and `-`.
        let label = format!(
            "town={town} session={session} gen={generation} started={started} {place} spec={fingerprint} \
             origin={origin}"
        );
        let label = format!("set-option -F -t {at} {} {}", labels::LABEL, quote(label));
        handoff
            .iter()
            .map(|moment| set_handoff(at, *moment))
            .chain([label])
            .collect()
    }
}

/// Creates the session; its reply holds session id, pane id and the pane's pid, parted by spaces.
///
/// Given the server that was seen, it is refused by any other. Of two creates of one name, one is
/// refused.
#[must_use]
pub fn create(tag: &Tag, launch: &SessionLaunch, server: Option<ServerId>) -> String {
    let mut commands = new_session(launch);
    let pane = first_pane(&launch.name);
    commands.push(tag.ok(&pane, "#{session_id} #{pane_id} #{pane_pid}"));
    let commands = commands.join(" ; ");
    let Some(server) = server else {
        return commands;
    };
    let same = quote(format!("#{{==:#{{pid}},{}}}", server.0.pid));
    let stale = tag.stale(&pane, "another tmux server answers (pid #{pid})");
    format!("if-shell -F {same} {{ {commands} }} {{ {stale} }}")
}

/// Gives the pane a fresh process, and the session the labels of a new life; the reply holds the
/// pane's pid.
///
/// Session, pane, clients and history stay. `former` is what is noted of the last life's variables,
/// as of [`probe`], and `pane_seen` what must be true of its pane.
#[must_use]
pub fn respawn(
    tag: &Tag,
    target: &Target,
    launch: &SessionLaunch,
    former: &str,
    pane_seen: Pane,
) -> String {
    let at = quote(format!("{}:", target.session));
    let pane = pane_target(target.session, target.pane);
    let mut commands = renew_variables(&at, launch, former);
    // A pane that shows a dead process has it on.
    if pane_seen != Pane::Dead {
        let keep = format!("set-option -w -t {pane} remain-on-exit on");
        commands.push(format!(
            "if-shell -F -t {pane} {} {{ {keep} }}",
            quote("#{!=:#{remain-on-exit},on}")
        ));
    }
    // Given to the process itself as well, whatever somebody has set on the session meanwhile.
    let (dir, env) = (quote_format(bytes(&launch.dir)), variables(&launch.env));
    let what = match launch.argv.as_slice() {
        // A single word would be a shell's.
        [_] => format!("-- {}", words(launch)),
        _ if set_anew(launch).next().is_some() => format!("-- {}", words(launch)),
        argv => format!(
            "{} -- {}",
            variables(&launch.marker),
            argv.iter().map(quote).collect::<Vec<_>>().join(" ")
        ),
    };
    commands.push(format!("respawn-pane -k -t {pane} -c {dir} {env} {what}"));
    // Anew in any case: the sink is that of the former life, and 3.8 closes it at death.
    commands.extend(launch.pipe.iter().map(|command| pipe_pane(&pane, command)));
    commands.extend(launch.labels.commands(&pane));
    Fence::new(target, Clients::for_finishing(target), pane_seen).line(
        tag,
        &commands,
        "#{pane_pid}",
    )
}

/// Gives a session whose own pane is gone a window with a fresh process, beside what others have
/// opened there, which stays as it is; replies as [`create`] does.
///
/// Nobody is disturbed: where a client is attached, its window stays the current one. `former` as
/// for [`respawn`].
#[must_use]
pub fn start_beside(tag: &Tag, target: &Target, launch: &SessionLaunch, former: &str) -> String {
    let at = quote(format!("{}:", target.session));
    let last = quote(format!("{}:{{end}}", target.session));
    let mut commands = renew_variables(&at, launch, former);
    commands.extend([
        format!(
            "new-window -d -a -t {last} -c {} {} -- {}",
            quote_format(bytes(&launch.dir)),
            variables(&launch.env),
            words(launch)
        ),
        format!("set-option -w -t {last} remain-on-exit on"),
        format!(
            "if-shell -F -t {at} {} {{ select-window -t {last} }}",
            quote(equal(ATTACHED, "0"))
        ),
    ]);
    commands.extend(launch.pipe.iter().map(|command| pipe_pane(&last, command)));
    commands.extend(launch.labels.commands(&last));
    // The fence replies at the old target, which is another pane: so this reply is a command of its
    // own.
    commands.push(tag.ok(&last, "#{session_id} #{pane_id} #{pane_pid}"));
    Fence::new(target, Clients::Ignore, Pane::Absent).line(tag, &commands, "")
}

/// Removes the session. `pane` is what was seen of its pane.
///
/// Where another pane of it lives, opened by somebody, the session stays for that: only the agent's
/// pane and the labels go.
#[must_use]
pub fn remove(tag: &Tag, target: &Target, pane: Pane) -> String {
    let clients = match pane {
        Pane::Present | Pane::Dead => Clients::for_removing(target),
        Pane::Absent | Pane::Any => Clients::for_asking(target),
    };
    let at = quote(format!("{}:", target.session));
    let agents = pane_target(target.session, target.pane);
    let mut leave = vec![
        format!("set-option -qu -t {at} {}", labels::LABEL),
        format!("set-option -qu -t {at} {}", labels::HANDOFF),
    ];
    match pane {
        Pane::Present | Pane::Dead => leave.push(format!("kill-pane -t {agents}")),
        Pane::Absent | Pane::Any => {}
    }
    let others = format!(
        "#{{W:#{{P:#{{?#{{||:#{{pane_dead}},#{{==:#{{pane_id}},{}}}}},,1}}}}}}",
        target.pane
    );
    let gone = format!(
        "if-shell -F -t {agents} {} {{ {} }} {{ {} }}",
        quote(others),
        leave.join(" ; "),
        kill_session(target)
    );
    Fence::new(target, clients, pane).line(tag, &[gone], "")
}

/// What a `stale` reply of [`remove_only_pane`] holds where the session has more than one pane.
pub const SEVERAL_PANES: &str = "several-panes";

/// Removes a session of one window with one pane, to which nobody is attached.
#[must_use]
pub fn remove_only_pane(tag: &Tag, target: &Target) -> String {
    let pane = pane_target(target.session, target.pane);
    let is_only = quote("#{==:#{session_windows} #{window_panes},1 1}");
    let stale = tag.stale(&pane, SEVERAL_PANES);
    let done =
        Fence::new(target, Clients::Forbid, Pane::Present).line(tag, &[kill_session(target)], "");
    format!("if-shell -F -t {pane} {is_only} {{ {done} }} {{ {stale} }}")
}

/// Only looks: replies with [`FACTS`] and the names of the life's variables.
#[must_use]
pub fn probe(tag: &Tag, target: &Target, clients: Clients) -> String {
    let fields = format!("{FACTS} #{{{VARIABLES}}}");
    Fence::new(target, clients, Pane::Any).line(tag, &[], &fields)
}

/// What becomes of the agent's pane when its process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaneAtEnd {
    /// What it is set to.
    AsSet,
    /// It stays, and shows that its process has ended.
    Stays,
}

/// As [`probe`], and writes the planned restart on the session, so that its gap outlives any loss
/// of files.
#[must_use]
pub fn begin_stop(
    tag: &Tag,
    target: &Target,
    handoff: Option<Moment>,
    pane_at_end: PaneAtEnd,
) -> String {
    let at = quote(format!("{}:", target.session));
    let mut commands: Vec<String> = handoff
        .iter()
        .map(|moment| set_handoff(&at, *moment))
        .collect();
    match pane_at_end {
        PaneAtEnd::AsSet => {}
        PaneAtEnd::Stays => {
            let pane = pane_target(target.session, target.pane);
            commands.push(format!("set-option -w -t {pane} remain-on-exit on"));
        }
    }
    Fence::new(target, Clients::for_asking(target), Pane::Any).line(tag, &commands, FACTS)
}

/// How much of a pane is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureDepth {
    /// What is on the screen, line by line as it is.
    Screen,
    /// At most so many lines of history too, wrapped lines joined.
    History(u32),
    /// All history, wrapped lines joined.
    All,
}

/// Reads the pane's text, without colours; it is the reply's text. Its field says whether its
/// output goes somewhere.
#[must_use]
pub fn capture(tag: &Tag, target: &Target, depth: CaptureDepth) -> String {
    let pane = pane_target(target.session, target.pane);
    let which = match depth {
        CaptureDepth::Screen => String::new(),
        CaptureDepth::History(lines) => format!("-J -S -{lines}"),
        CaptureDepth::All => "-J -S -".to_owned(),
    };
    let commands = [tag.begin(), format!("capture-pane -p {which} -t {pane}")];
    Fence::new(target, Clients::Ignore, Pane::Present).line(tag, &commands, "#{pane_pipe}")
}

/// Sends keys to the pane, each by its tmux name or as text. A copy mode is left first.
#[must_use]
pub fn send_keys(tag: &Tag, target: &Target, keys: &[String]) -> String {
    quit(tag, target, keys, None)
}

/// As [`send_keys`], and writes the planned restart on the session before, as [`begin_stop`] does.
#[must_use]
pub fn quit(tag: &Tag, target: &Target, keys: &[String], handoff: Option<Moment>) -> String {
    let at = quote(format!("{}:", target.session));
    let pane = pane_target(target.session, target.pane);
    let mut commands: Vec<String> = handoff
        .iter()
        .map(|moment| set_handoff(&at, *moment))
        .collect();
    commands.push(format!(
        "if-shell -F -t {pane} {} {{ send-keys -t {pane} -X cancel }}",
        quote("#{pane_in_mode}")
    ));
    commands.extend(
        keys.iter()
            .map(|key| format!("send-keys -t {pane} -- {}", quote(key))),
    );
    Fence::new(target, Clients::for_asking(target), Pane::Present).line(tag, &commands, "")
}

/// Labels a session as ours, and gives what its pane prints from now on to `pipe` unless it already
/// goes elsewhere. Touches nothing else, so attached clients do not matter. The reply holds the
/// label that is read there afterwards.
///
/// `over` is a label that it has and that is not believed. Labels of its pane and window go too:
/// they would hide it.
#[must_use]
pub fn adopt(
    tag: &Tag,
    target: &Target,
    written: &Labels,
    pipe: Option<&str>,
    over: Option<&str>,
) -> String {
    let pane = pane_target(target.session, target.pane);
    let mut commands = vec![];
    if over.is_some() {
        commands.push(format!("set-option -pqu -t {pane} {}", labels::LABEL));
        commands.push(format!("set-option -wqu -t {pane} {}", labels::LABEL));
    }
    commands.extend(written.commands(&pane));
    commands.extend(pipe.map(|command| {
        format!(
            "if-shell -F -t {pane} {} {{ {} }}",
            quote("#{==:#{pane_pipe},0}"),
            pipe_pane(&pane, command)
        )
    }));
    let label = format!("#{{{}}}", labels::LABEL);
    Fence::new(target, Clients::Ignore, Pane::Present)
        .over(over)
        .line(tag, &commands, &label)
}

/// Gives all that the pane prints from now on to this command, and no longer to another. The reply
/// holds `pane_pipe`.
#[must_use]
pub fn pipe(tag: &Tag, target: &Target, command: &str) -> String {
    let pane = pane_target(target.session, target.pane);
    Fence::new(target, Clients::Ignore, Pane::Present).line(
        tag,
        &[pipe_pane(&pane, command)],
        "#{pane_pipe}",
    )
}

/// Whether a text can be the name of a variable of the environment.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
}

/// The commands that create a session and make it ours, all on one line, so that no hook or option
/// gets in between.
///
/// As few as can be: each makes tmux walk all its sessions.
fn new_session(launch: &SessionLaunch) -> Vec<String> {
    let at = quote(format!("={}:", launch.name));
    let pane = first_pane(&launch.name);
    let spare = format!("set-option -t {at} destroy-unattached off");
    let mut commands = vec![
        format!(
            "new-session -d -s {} -x 200 -y 50 -c {} {} -- {}",
            quote(launch.name.as_str()),
            quote_format(bytes(&launch.dir)),
            variables(&launch.env),
            words(launch)
        ),
        format!("set-option -w -t {pane} remain-on-exit on"),
        format!(
            "if-shell -F -t {at} {} {{ {spare} }}",
            quote("#{destroy-unattached}")
        ),
    ];
    commands.extend(launch.pipe.iter().map(|command| pipe_pane(&pane, command)));
    if !launch.env.is_empty() {
        commands.push(note_variables(&at, &launch.env));
    }
    commands.extend(launch.labels.commands(&pane));
    commands
}

/// The first window of a session that was created on the same line, whatever `base-index` is.
fn first_pane(name: &SessionName) -> String {
    quote(format!("={name}:^"))
}

/// Without `-o`, which would turn off what is on.
fn pipe_pane(pane: &str, command: &str) -> String {
    format!("pipe-pane -t {pane} {}", quote(command))
}

fn kill_session(target: &Target) -> String {
    format!("kill-session -t {}", quote(target.session.to_string()))
}

fn set_handoff(at: &str, moment: Moment) -> String {
    format!(
        "set-option -t {at} {} {}",
        labels::HANDOFF,
        quote(moment.to_string())
    )
}

fn note_variables(at: &str, env: &BTreeMap<String, String>) -> String {
    format!(
        "set-environment -h -t {at} {VARIABLES} {}",
        quote(note_of(env))
    )
}

/// The commands that give the session the variables of a new life, and take back those of the last
/// one.
fn renew_variables(at: &str, launch: &SessionLaunch, former: &str) -> Vec<String> {
    let mut commands = vec![];
    if former == note_of(&launch.env) {
        return commands;
    }
    for name in former
        .split(' ')
        .filter(|name| is_variable(name) && !launch.env.contains_key(*name))
    {
        commands.push(format!("set-environment -t {at} -u {}", quote(name)));
    }
    for (name, value) in &launch.env {
        commands.push(format!(
            "set-environment -t {at} -- {} {}",
            quote(name),
            quote(value)
        ));
    }
    commands.push(note_variables(at, &launch.env));
    commands
}

/// What [`VARIABLES`] says of these; nothing where there are none.
fn note_of(env: &BTreeMap<String, String>) -> String {
    if env.is_empty() {
        return String::new();
    }
    // Without a key, so that it is the same in every run; another digest only has them written
    // anew.
    let mut digest = DefaultHasher::new();
    env.hash(&mut digest);
    let names = env.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    format!("{names} ={:016x}", digest.finish())
}

fn variables(env: &BTreeMap<String, String>) -> String {
    env.iter()
        .map(|(name, value)| format!("-e {}", quote(format!("{name}={value}"))))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Variables that tmux sets for each process itself, whatever it was told before.
const SET_BY_TMUX: [&str; 9] = [
    "COLORTERM",
    "PATH",
    "PWD",
    "SHELL",
    "TERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "TMUX",
    "TMUX_PANE",
];

/// The declared variables that must be set again behind tmux. None of them is a secret: they stand
/// in the words that `env` is given, which every user can read for a moment.
fn set_anew(launch: &SessionLaunch) -> impl Iterator<Item = (&String, &String)> {
    launch
        .env
        .iter()
        .filter(|(name, _)| SET_BY_TMUX.contains(&name.as_str()))
}

/// What is executed in a new session, of which tmux can mark the whole alone: the command, by way
/// of `env`, which marks its process and no other, and sets what tmux would set otherwise.
///
/// More than one word, so tmux executes it itself and asks no shell.
fn words(launch: &SessionLaunch) -> String {
    let marker = launch
        .marker
        .iter()
        .chain(set_anew(launch))
        .map(|(name, value)| format!("{name}={value}"));
    let all = ["/usr/bin/env".to_owned()]
        .into_iter()
        .chain(marker)
        .chain(launch.argv.iter().cloned());
    all.map(quote).collect::<Vec<_>>().join(" ")
}

fn bytes(path: &std::path::Path) -> &[u8] {
    std::os::unix::ffi::OsStrExt::as_bytes(path.as_os_str())
}
