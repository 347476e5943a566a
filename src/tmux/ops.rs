//! The operations on sessions, each as one line of a script. Either all of it happens, or the reply
//! says that it did not.
//!
//! They decide nothing: they do what their arguments say.

use super::fence::{ATTACHED, Clients, FACTS, Fence, Pane, equal, pane_target};
use super::labels;
use super::script::{Tag, quote, quote_format};
use crate::model::SortedMap;
use crate::model::{
    ConversationId, Fingerprint, Generation, Moment, Origin, ServerId, SessionName, Target,
};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::PathBuf;

/// The option with a note about the variables that we gave a session, such as `A B =DIGEST`.
///
/// The names let the next incarnation unset variables that it no longer has. The digest of the
/// values lets it skip setting equal ones. The option is a hidden variable of the session, and read
/// only when a process is replaced.
pub const VARIABLES: &str = "@gtctl_env";

/// What is to run in a session, already checked.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionLaunch {
    /// The session's name.
    pub name: SessionName,
    /// The working directory: absolute, and it exists.
    pub dir: PathBuf,
    /// The program and its arguments. It runs without a shell. The program is an absolute path
    /// without a `=`.
    pub argv: Vec<String>,
    /// The additional environment of the session. Names consist of letters, digits and `_`.
    pub env: SortedMap<String, String>,
    /// The env tag of the agent's process. Other panes of the session do not get it.
    pub marker: SortedMap<String, String>,
    /// The labels to write on the session.
    pub labels: Labels,
    /// The shell command that gets all output of the pane, see
    /// [`pipe_command`](super::pipe::pipe_command).
    pub pipe: Option<String>,
}

/// The labels of one of our sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Labels {
    /// The town's name.
    pub town: SessionName,
    /// The declared name of the session.
    pub session: SessionName,
    /// The generation of this incarnation.
    pub generation: Generation,
    /// When this incarnation started.
    pub started: Moment,
    /// What it was started with.
    pub fingerprint: Fingerprint,
    /// The last planned restart. `None` leaves the label unchanged.
    pub handoff: Option<Moment>,
    /// How the session became ours.
    pub origin: Origin,
    /// The conversation of its agent.
    pub conversation: Option<ConversationId>,
}

impl Labels {
    /// The commands that write the labels on the session of the agent's pane `at`.
    fn commands(&self, at: &str) -> Vec<String> {
        let Self {
            town,
            session,
            generation,
            started,
            fingerprint,
            handoff,
            origin,
            conversation,
        } = self;
        let origin = match origin {
            Origin::Started => labels::STARTED_BY_US,
            Origin::Adopted => labels::ADOPTED,
            Origin::Policy => labels::COVERED,
            Origin::Launcher => labels::BY_LAUNCHER,
        };
        let place = "pane=#{pane_id} pid=#{pane_pid} at=#{session_id}";
        let conversation = conversation
            .as_ref()
            .map(|id| format!(" {}={id}", labels::CONVERSATION))
            .unwrap_or_default();
        // No value contains a `#`: names and ids consist of letters, digits, `_` and `-`.
        let label = format!(
            "town={town} session={session} gen={generation} started={started} {place} spec={fingerprint} \
             origin={origin}{conversation}"
        );
        let label = format!("set-option -F -t {at} {} {}", labels::LABEL, quote(label));
        handoff
            .iter()
            .map(|moment| set_handoff(at, *moment))
            .chain([label])
            .collect()
    }
}

/// Creates the session. The reply has the session's id, the pane's id and its pid, separated by
/// spaces.
///
/// If `server` is given, any other server refuses. If two calls create the same name, tmux refuses
/// the second.
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

/// Starts a new process in the pane and labels the session as a new incarnation. The reply has the
/// pid.
///
/// Session, pane, clients and history stay. `former` is the note about the former incarnation's
/// variables ([`probe`]). `pane_seen` is the required state of the pane.
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
    // A pane that shows an ended process already has this option.
    if pane_seen != Pane::Dead {
        let keep = format!("set-option -w -t {pane} remain-on-exit on");
        commands.push(format!(
            "if-shell -F -t {pane} {} {{ {keep} }}",
            quote("#{!=:#{remain-on-exit},on}")
        ));
    }
    // The process gets the variables directly, in case somebody has changed them on the session.
    let (dir, env) = (quote_format(bytes(&launch.dir)), variables(&launch.env));
    let what = match launch.argv.as_slice() {
        // tmux gives a single word to a shell.
        [_] => format!("-- {}", words(launch)),
        _ if set_anew(launch).next().is_some() => format!("-- {}", words(launch)),
        argv => format!(
            "{} -- {}",
            variables(&launch.marker),
            argv.iter().map(quote).collect::<Vec<_>>().join(" ")
        ),
    };
    commands.push(format!("respawn-pane -k -t {pane} -c {dir} {env} {what}"));
    // The old pipe belongs to the former incarnation, and tmux 3.8 closes it when the process ends.
    commands.extend(launch.pipe.iter().map(|command| pipe_pane(&pane, command)));
    commands.extend(launch.labels.commands(&pane));
    Fence::new(target, Clients::for_finishing(target), pane_seen).line(
        tag,
        &commands,
        "#{pane_pid}",
    )
}

/// Starts a new process in a new window of a session whose own pane is gone. Other windows stay.
/// The reply is that of [`create`].
///
/// It disturbs nobody: if a client is attached, its window stays the current one. For `former` see
/// [`respawn`].
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
    // The fence replies for the old target, which is now another pane. So this command replies for
    // the new pane.
    commands.push(tag.ok(&last, "#{session_id} #{pane_id} #{pane_pid}"));
    Fence::new(target, Clients::Ignore, Pane::Absent).line(tag, &commands, "")
}

/// Removes the session. `pane` is the state in which its pane was seen.
///
/// If another pane of it lives, somebody opened that pane. Then only the agent's pane and the
/// labels are removed.
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

/// The content of a `stale` reply of [`remove_only_pane`] if the session has several panes.
pub const SEVERAL_PANES: &str = "several-panes";

/// Removes a session with a single window and pane, to which nobody is attached.
#[must_use]
pub fn remove_only_pane(tag: &Tag, target: &Target) -> String {
    let pane = pane_target(target.session, target.pane);
    let is_only = quote("#{==:#{session_windows} #{window_panes},1 1}");
    let stale = tag.stale(&pane, SEVERAL_PANES);
    let done =
        Fence::new(target, Clients::Forbid, Pane::Present).line(tag, &[kill_session(target)], "");
    format!("if-shell -F -t {pane} {is_only} {{ {done} }} {{ {stale} }}")
}

/// Changes nothing. The reply has [`FACTS`] and the note about the variables.
#[must_use]
pub fn probe(tag: &Tag, target: &Target, clients: Clients) -> String {
    let fields = format!("{FACTS} #{{{VARIABLES}}}");
    Fence::new(target, clients, Pane::Any).line(tag, &[], &fields)
}

/// What happens to the agent's pane when its process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PaneAtEnd {
    /// What its `remain-on-exit` option says.
    AsSet,
    /// It stays, and shows that its process has ended.
    Stays,
}

/// As [`probe`]. Also writes the time of a planned restart on the session, so that its gap survives
/// a loss of files.
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

/// How much of a pane's text is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaptureDepth {
    /// The lines of the screen, as they are shown.
    Screen,
    /// The screen and at most this many lines of history, with wrapped lines joined.
    History(u32),
    /// The screen and all history, with wrapped lines joined.
    All,
}

/// Reads the text of the pane without colours. The reply's field says whether its output is piped.
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

/// Sends keys to the pane, each a tmux key name or a text. Leaves copy mode first.
#[must_use]
pub fn send_keys(tag: &Tag, target: &Target, keys: &[String]) -> String {
    quit(tag, target, keys, None)
}

/// As [`send_keys`]. First writes the time of a planned restart on the session, as [`begin_stop`]
/// does.
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

/// Labels a session as ours, and pipes the output of its pane to `pipe` unless it is already piped.
/// The reply has the label that the session has afterwards.
///
/// Nothing else changes, so attached clients do not matter. `over` is a label of the session that
/// is not believed. Then labels of its pane and window are removed too, because they would hide the
/// new one.
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

/// The new name of a session.
#[derive(Debug, Clone)]
pub struct NewName<'a> {
    /// The name.
    pub name: &'a SessionName,
    /// The name in the environment of its processes.
    pub started_as: &'a SessionName,
    /// The command that gets the output of its pane from now on, if that is piped now.
    pub pipe: Option<String>,
}

/// Gives a session of ours its new name, in tmux and in its label. The reply has the label.
///
/// Its processes, its clients and everything else in the label stay. tmux refuses a name that
/// another session has, before anything is changed.
#[must_use]
pub fn rename(tag: &Tag, target: &Target, new: &NewName<'_>) -> String {
    let at = quote(format!("{}:", target.session));
    let former = target.whose.as_ref().map(|whose| &whose.session);
    let former = former.unwrap_or(new.name);
    let remark = if new.started_as == former {
        format!(" {}={former}", labels::STARTED_AS)
    } else {
        // The label has it already.
        String::new()
    };
    let label = format!(
        "#{{s/ session={former} / session={}{remark} /:{}}}",
        new.name,
        labels::LABEL
    );
    let mut commands = vec![
        format!(
            "rename-session -t {} {}",
            quote(target.session.to_string()),
            quote(new.name.as_str())
        ),
        format!("set-option -F -t {at} {} {}", labels::LABEL, quote(label)),
    ];
    let pane = pane_target(target.session, target.pane);
    commands.extend(new.pipe.iter().map(|command| {
        let is_piped = format!(
            "#{{&&:#{{==:#{{pane_id}},{}}},#{{pane_pipe}}}}",
            target.pane
        );
        format!(
            "if-shell -F -t {pane} {} {{ {} }}",
            quote(is_piped),
            pipe_pane(&pane, command)
        )
    }));
    let label = format!("#{{{}}}", labels::LABEL);
    Fence::new(target, Clients::Ignore, Pane::Any).line(tag, &commands, &label)
}

/// Pipes the output of the pane to this command instead of any other. The reply has `pane_pipe`.
#[must_use]
pub fn pipe(tag: &Tag, target: &Target, command: &str) -> String {
    let pane = pane_target(target.session, target.pane);
    Fence::new(target, Clients::Ignore, Pane::Present).line(
        tag,
        &[pipe_pane(&pane, command)],
        "#{pane_pipe}",
    )
}

/// Writes into the label that its agent holds this conversation now. Nothing else of the label
/// changes.
#[must_use]
pub fn name_conversation(tag: &Tag, target: &Target, id: &ConversationId) -> String {
    let pane = pane_target(target.session, target.pane);
    let label = quote(labels::with_conversation(id));
    let write = format!("set-option -F -t {pane} {} {label}", labels::LABEL);
    Fence::new(target, Clients::Ignore, Pane::Present).line(tag, &[write], "")
}

/// Whether a text is a valid name of an environment variable.
#[must_use]
pub fn is_variable(name: &str) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
}

/// The commands that create a session and make it ours. They stand on one line, so that no hook or
/// option comes in between. They are few, because each makes tmux walk all its sessions.
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

/// The first window of a session that was created on the same line, with any `base-index`.
fn first_pane(name: &SessionName) -> String {
    quote(format!("={name}:^"))
}

/// Pipes a pane. There is no `-o`, which would close an open pipe.
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

fn note_variables(at: &str, env: &SortedMap<String, String>) -> String {
    format!(
        "set-environment -h -t {at} {VARIABLES} {}",
        quote(note_of(env))
    )
}

/// The commands that set the variables of a new incarnation and unset those of the former one.
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

/// The value of [`VARIABLES`]. Empty if there are no variables.
fn note_of(env: &SortedMap<String, String>) -> String {
    if env.is_empty() {
        return String::new();
    }
    // This hasher has no random key, so equal values have equal digests in every run. If a digest
    // differs, the variables are only set again.
    let mut digest = DefaultHasher::new();
    env.hash(&mut digest);
    let names = env.keys().map(String::as_str).collect::<Vec<_>>().join(" ");
    format!("{names} ={:016x}", digest.finish())
}

fn variables(env: &SortedMap<String, String>) -> String {
    env.iter()
        .map(|(name, value)| format!("-e {}", quote(format!("{name}={value}"))))
        .collect::<Vec<_>>()
        .join(" ")
}

/// Variables that tmux always sets for a new process.
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

/// Declared variables that `env` must set again after tmux. None is secret: they are arguments of
/// `env`, which every user can read for a moment.
fn set_anew(launch: &SessionLaunch) -> impl Iterator<Item = (&String, &String)> {
    launch
        .env
        .iter()
        .filter(|(name, _)| SET_BY_TMUX.contains(&name.as_str()))
}

/// The command line of a new session: `env` with the agent's tag, then the command. tmux could only
/// set the tag for the whole session; `env` sets it for this process.
///
/// It has more than one word, so tmux runs it without a shell.
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
