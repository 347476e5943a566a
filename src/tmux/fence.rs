//! Fences: an operation is only done to exactly the session it was decided for, checked by tmux in
//! the same round trip.
//!
//! A call that timed out may still be carried out, a user may attach in between, a session may have
//! been replaced by another of its name. So each operation is a single `if-shell -F` of the
//! server's pid, the session's id, the town, the session and the life that its label names, its
//! pane, its process and its clients. A replay finds a newer life and is refused.

use super::labels;
use super::list::MAX_TEXT;
use super::script::{Tag, quote};
use crate::model::{PaneId, ProcId, SessionId, Target, WhenAttached, Whose};

/// What attached clients mean for one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clients {
    /// They forbid it.
    Forbid,
    /// They forbid it while the pane's process lives: nobody is disturbed where nothing runs any
    /// more, or where the pane was closed.
    ForbidAlive,
    /// They forbid it unless the pane's process has ended and there is no other pane they could be
    /// using.
    ForbidUnlessOver,
    /// They do not matter.
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

    /// The rule for removing what has ended, other panes included.
    #[must_use]
    pub fn for_removing(target: &Target) -> Self {
        match target.attached {
            WhenAttached::Hold => Self::ForbidUnlessOver,
            WhenAttached::Proceed => Self::Ignore,
        }
    }

    /// The rule for restarting what has ended.
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
    /// It is there and has its process, or a dead one.
    Present,
    /// It is there, and tmux knows that its process has ended.
    Dead,
    /// It is not there.
    Absent,
    /// Either.
    Any,
}

/// A condition on the world, with the operation's target.
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

    /// The same, of a session that has this label and no other, where the target names no
    /// incarnation.
    #[must_use]
    pub fn over(self, label: Option<&'a str>) -> Self {
        Self {
            over: label,
            ..self
        }
    }

    /// The line that does `commands` if the fence holds, then says `ok` with `fields`; else only
    /// says `stale`.
    #[must_use]
    pub fn line(&self, tag: &Tag, commands: &[String], fields: &str) -> String {
        let at = match self.pane {
            Pane::Present | Pane::Dead | Pane::Any => {
                pane_target(self.target.session, self.target.pane)
            }
            // A pane that was moved elsewhere would be found there.
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
        // A target whose pane is gone reads as its session's current pane.
        let (there, gone) = (
            equal("#{pane_id}", &pane.to_string()),
            unequal("#{pane_id}", &pane.to_string()),
        );
        let same =
            process.map(|p| either("#{pane_dead}", &equal("#{pane_pid}", &p.pid.to_string())));
        match self.pane {
            Pane::Present => all.extend([Some(there), same].into_iter().flatten()),
            Pane::Dead => all.extend([there, "#{pane_dead}".to_owned()]),
            // All panes of the session, each between spaces.
            Pane::Absent => all.push(format!(
                "#{{?#{{m:* {pane} *, #{{W:#{{P:#{{pane_id}} }}}}}},0,1}}"
            )),
            Pane::Any => all.extend(same.map(|same| either(&gone, &same))),
        }
        all.into_iter()
            .reduce(|a, b| format!("#{{&&:{a},{b}}}"))
            .unwrap_or_default()
    }

    /// Says in words why the fence refused, from the fields of its `stale` reply.
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
        let there = pane == wanted_pane.to_string();
        match self.pane {
            Pane::Present | Pane::Dead if !there => "its pane is gone".to_owned(),
            Pane::Absent if there => "its pane is there".to_owned(),
            Pane::Dead => format!("its pane has a living process again (pid {process})"),
            Pane::Present | Pane::Absent | Pane::Any => {
                format!("its pane runs another process (pid {process})")
            }
        }
    }
}

/// Whether the session's label has this word.
fn has_word(name: &str, value: &str) -> String {
    // Each word of it stands between spaces, the first and the last too.
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

/// Whether a client is attached to the session, or to one grouped with it, which shows the same
/// windows, or sees the agent's window through any other session that it is linked into: 0 or 1.
pub(super) const ATTACHED: &str =
    "#{||:#{||:#{session_attached},#{session_group_attached}},#{window_active_clients}}";

/// See [`Fence::explain`]. The label may hold any text, so it comes last. The third is
/// [`ATTACHED`].
const STALE_FIELDS: &str = "#{pid} #{session_id} #{||:#{||:#{session_attached},#{session_group_attached}},#{window_active_clients}} \
     #{pane_id} #{pane_pid} #{@gtctl_label}";

/// What a fenced operation found of the agent's pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The pid of the pane's process; none when the pane is gone or dead. tmux goes on showing the
    /// pid of a process that has ended, and by now it may be anybody's.
    pub process: Option<u32>,
    /// Whether the pane is there.
    pub present: bool,
    /// Whether tmux has seen its process end.
    pub dead: bool,
}

/// The fields of [`Facts`].
///
/// A pane that was moved into another session is found by its id all the same: so the session's own
/// panes are listed, each with a slash: tmux takes a comma for the beginning of another argument.
pub const FACTS: &str = "#{pane_id} #{pane_dead} #{pane_pid} #{W:#{P:#{pane_id}/}}";

impl Facts {
    /// Reads [`FACTS`], of a fence on `target`, from the front of a reply's fields; the rest is
    /// left over.
    #[must_use]
    pub fn read<'f>(target: &Target, fields: &'f str) -> (Self, &'f str) {
        let mut parts = fields.splitn(5, ' ');
        let mut next = || parts.next().unwrap_or("");
        let (pane, dead, process, panes) = (next(), next(), next(), next());
        let meant = target.pane.to_string();
        let present = pane == meant && panes.split('/').any(|pane| pane == meant);
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

    /// Whether the pane has a living process as far as tmux knows, other than the one meant.
    #[must_use]
    pub fn stranger(&self, meant: Option<ProcId>) -> Option<u32> {
        self.process
            .filter(|&pid| meant.is_none_or(|p| p.pid != pid))
    }
}

/// The target of a pane in a session. Where the pane is gone, formats read the session's current
/// pane instead.
#[must_use]
pub fn pane_target(session: SessionId, pane: PaneId) -> String {
    quote(format!("{session}:.{pane}"))
}

/// A pattern for tmux that a text fits, and few others: what could mean something in a format
/// stands for any text.
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
