//! Fences: tmux itself checks, in the same round trip, that an operation hits exactly the session
//! for which it was decided.
//!
//! A call that timed out may still run. A user may attach in between. Another session may have
//! taken the name. So each operation is one `if-shell -F`. It compares the server's pid and the
//! session's id, the town, session and generation in its label, its pane, its process and its
//! clients. A repeated call meets a newer incarnation and is refused.

use super::labels;
use super::list::MAX_TEXT;
use super::script::{Tag, quote};
use crate::model::{PaneId, ProcId, SessionId, Target, WhenAttached, Whose};

/// When attached clients forbid an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// Always.
    Forbid,
    /// While the pane's process lives. Once it has ended, or the pane is closed, nobody is
    /// disturbed.
    ForbidAlive,
    /// Unless the pane's process has ended and the session has no other pane to use.
    ForbidUnlessOver,
    /// Never.
    Ignore,
}

impl Clients {
    /// The rule for signals and keys.
    #[must_use]
    pub fn for_asking(target: &Target) -> Self {
        match target.attached {
            WhenAttached::Hold => Self::Forbid,
            WhenAttached::Proceed => Self::Ignore,
        }
    }

    /// The rule for removing an ended session, including its other panes.
    #[must_use]
    pub fn for_removing(target: &Target) -> Self {
        match target.attached {
            WhenAttached::Hold => Self::ForbidUnlessOver,
            WhenAttached::Proceed => Self::Ignore,
        }
    }

    /// The rule for restarting an ended session.
    #[must_use]
    pub fn for_finishing(target: &Target) -> Self {
        match target.attached {
            WhenAttached::Hold => Self::ForbidAlive,
            WhenAttached::Proceed => Self::Ignore,
        }
    }
}

/// What must be true of the agent's pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pane {
    /// It exists. Its process is the expected one or has ended.
    Present,
    /// It exists, and tmux knows that its process has ended.
    Dead,
    /// It does not exist.
    Absent,
    /// It may exist or not.
    Any,
}

/// A condition that the target of an operation must fulfil.
#[derive(Debug, Clone, Copy)]
pub struct Fence<'a> {
    target: &'a Target,
    clients: Clients,
    pane: Pane,
    over: Option<&'a str>,
}

impl<'a> Fence<'a> {
    /// The fence of `target`.
    #[must_use]
    pub fn new(target: &'a Target, clients: Clients, pane: Pane) -> Self {
        Self {
            target,
            clients,
            pane,
            over: None,
        }
    }

    /// The same fence for a session with exactly this label. It applies if the target names no
    /// incarnation.
    #[must_use]
    pub fn over(self, label: Option<&'a str>) -> Self {
        Self {
            over: label,
            ..self
        }
    }

    /// A line that runs `commands` and then says `ok` with `fields` if the fence holds. Otherwise
    /// it only says `stale`.
    #[must_use]
    pub fn line(&self, tag: &Tag, commands: &[String], fields: &str) -> String {
        let at = match self.pane {
            Pane::Present | Pane::Dead | Pane::Any => {
                pane_target(self.target.session, self.target.pane)
            }
            // A pane that has moved to another session would be found there.
            Pane::Absent => quote(format!("{}:", self.target.session)),
        };
        let mut done = commands.to_vec();
        done.push(tag.ok(&at, fields));
        format!(
            "if-shell -F -t {at} {} {{ {} }} {{ {} }}",
            quote(self.condition()),
            done.join(" ; "),
            tag.stale(&at, STALE_FIELDS),
        )
    }

    fn condition(&self) -> String {
        let Target {
            server,
            session,
            pane,
            generation,
            whose,
            process,
            attached: _,
        } = self.target;
        let mut all = vec![
            equal("#{pid}", &server.0.pid.to_string()),
            equal("#{session_id}", &session.to_string()),
        ];
        all.push(match (generation, self.over) {
            (Some(generation), _) => has_word("gen", &generation.to_string()),
            (None, Some(label)) => format!("#{{m:{},#{{{}}}}}", pattern_of(label), labels::LABEL),
            (None, None) => equal(&format!("#{{{}}}", labels::LABEL), ""),
        });
        if let Some(Whose { town, session }) = whose {
            all.extend([
                has_word("town", town.as_str()),
                has_word("session", session.as_str()),
            ]);
        }
        let nobody = equal(ATTACHED, "0");
        match self.clients {
            Clients::Forbid => all.push(nobody),
            Clients::ForbidAlive => {
                let closed = unequal("#{pane_id}", &pane.to_string());
                all.push(either(&closed, &either("#{pane_dead}", &nobody)));
            }
            Clients::ForbidUnlessOver => {
                let alone = equal("#{pane_dead} #{session_windows} #{window_panes}", "1 1 1");
                all.push(either(&alone, &nobody));
            }
            Clients::Ignore => {}
        }
        // If the target's pane does not exist, tmux reads the session's current pane instead.
        let (present, gone) = (
            equal("#{pane_id}", &pane.to_string()),
            unequal("#{pane_id}", &pane.to_string()),
        );
        let same =
            process.map(|p| either("#{pane_dead}", &equal("#{pane_pid}", &p.pid.to_string())));
        match self.pane {
            Pane::Present => all.extend([Some(present), same].into_iter().flatten()),
            Pane::Dead => all.extend([present, "#{pane_dead}".to_owned()]),
            // Lists all panes of the session, each between spaces.
            Pane::Absent => all.push(format!(
                "#{{?#{{m:* {pane} *, #{{W:#{{P:#{{pane_id}} }}}}}},0,1}}"
            )),
            Pane::Any => all.extend(same.map(|same| either(&gone, &same))),
        }
        all.into_iter()
            .reduce(|a, b| format!("#{{&&:{a},{b}}}"))
            .unwrap_or_default()
    }

    /// Explains why the fence refused, from the fields of its `stale` reply.
    #[must_use]
    pub fn explain(&self, fields: &str) -> String {
        let mut parts = fields.splitn(6, ' ');
        let mut next = || parts.next().unwrap_or("");
        let (server, session, attached, pane, process, label) =
            (next(), next(), next(), next(), next(), next());
        let Target {
            server: wanted,
            generation: life,
            pane: wanted_pane,
            ..
        } = self.target;
        if server != wanted.0.pid.to_string() {
            return if server.chars().all(|c| c.is_ascii_digit()) {
                format!(
                    "another tmux server answers (pid {server}, not {})",
                    wanted.0.pid
                )
            } else {
                fields.to_owned()
            };
        }
        if session.is_empty() {
            return "the session is gone".to_owned();
        }
        match life {
            Some(life) if !label.contains(&format!(" gen={life} ")) => {
                return format!("it is another run now, not {life}");
            }
            None if self.over.is_none() && !label.is_empty() => {
                return "it has been labelled since".to_owned();
            }
            None if self.over.is_some_and(|over| over != label) => {
                return "its label has been changed since".to_owned();
            }
            Some(_) | None => {}
        }
        if let Some(whose) = &self.target.whose
            && !is_of(label, whose)
        {
            return format!(
                "its label does not name session {} of town {} any more",
                whose.session, whose.town
            );
        }
        if self.clients != Clients::Ignore && attached != "0" {
            return "somebody is attached".to_owned();
        }
        let is_present = pane == wanted_pane.to_string();
        match self.pane {
            Pane::Present | Pane::Dead if !is_present => "its pane is gone".to_owned(),
            Pane::Absent if is_present => "its pane is there".to_owned(),
            Pane::Dead => format!("its pane has a living process again (pid {process})"),
            Pane::Present | Pane::Absent | Pane::Any => {
                format!("its pane runs another process (pid {process})")
            }
        }
    }
}

/// A condition: the session's label contains this word.
fn has_word(name: &str, value: &str) -> String {
    // A space is added at both ends, so that the first and the last word match too.
    format!("#{{m:* {name}={value} *, #{{{}}} }}", labels::LABEL)
}

/// Whether this label names the town and the session.
fn is_of(label: &str, whose: &Whose) -> bool {
    let has = |name: &str, value: &str| {
        label
            .split(' ')
            .any(|word| word.split_once('=') == Some((name, value)))
    };
    has("town", whose.town.as_str()) && has("session", whose.session.as_str())
}

/// Whether a client may see the agent's window: 0 or 1. It is attached to the session, to one of
/// its group, or to another session that has the window.
pub(super) const ATTACHED: &str =
    "#{||:#{||:#{session_attached},#{session_group_attached}},#{window_active_clients}}";

/// The fields for [`Fence::explain`]; the third is [`ATTACHED`]. The label comes last, because it
/// may contain any text.
const STALE_FIELDS: &str = "#{pid} #{session_id} #{||:#{||:#{session_attached},#{session_group_attached}},#{window_active_clients}} \
     #{pane_id} #{pane_pid} #{@gtctl_label}";

/// What a fenced operation has seen of the agent's pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The pid of the pane's process. `None` if the pane does not exist or its process has ended:
    /// tmux still shows that pid, but it may be reused.
    pub process: Option<u32>,
    /// Whether the pane exists in this session.
    pub present: bool,
    /// Whether tmux has seen its process end.
    pub dead: bool,
}

/// The fields of [`Facts`].
///
/// tmux finds a pane by its id even if it has moved to another session. So the session's own panes
/// are listed too. Each is followed by a slash, because tmux reads a comma as the start of another
/// argument.
pub const FACTS: &str = "#{pane_id} #{pane_dead} #{pane_pid} #{W:#{P:#{pane_id}/}}";

impl Facts {
    /// Reads the values of [`FACTS`] from the start of a reply's fields. Returns the facts and the
    /// remaining fields.
    #[must_use]
    pub fn read<'f>(target: &Target, fields: &'f str) -> (Self, &'f str) {
        let mut parts = fields.splitn(5, ' ');
        let mut next = || parts.next().unwrap_or("");
        let (pane, dead, process, panes) = (next(), next(), next(), next());
        let expected = target.pane.to_string();
        let present = pane == expected && panes.split('/').any(|pane| pane == expected);
        let dead = dead == "1";
        let process = process.parse().ok().filter(|_| present && !dead);
        (
            Self {
                process,
                present,
                dead,
            },
            next(),
        )
    }

    /// The pid of a living process in the pane, if it is not the expected one.
    #[must_use]
    pub fn stranger(&self, expected: Option<ProcId>) -> Option<u32> {
        self.process
            .filter(|&pid| expected.is_none_or(|p| p.pid != pid))
    }
}

/// The target of a pane in a session, quoted. If the pane does not exist, formats read the
/// session's current pane.
#[must_use]
pub fn pane_target(session: SessionId, pane: PaneId) -> String {
    quote(format!("{session}:.{pane}"))
}

/// A pattern that matches this text. Characters with a meaning in formats match any text.
fn pattern_of(text: &str) -> String {
    let mut pattern = String::new();
    let is_cut = text.len() + 4 > MAX_TEXT;
    for letter in text.chars().chain(is_cut.then_some('#')) {
        if letter.is_ascii_alphanumeric() || "=_- ".contains(letter) {
            pattern.push(letter);
        } else if !pattern.ends_with('*') {
            pattern.push('*');
        }
    }
    pattern
}

pub(super) fn equal(a: &str, b: &str) -> String {
    format!("#{{==:{a},{b}}}")
}

fn unequal(a: &str, b: &str) -> String {
    format!("#{{!=:{a},{b}}}")
}

fn either(a: &str, b: &str) -> String {
    format!("#{{||:{a},{b}}}")
}
