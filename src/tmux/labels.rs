//! The names of the labels: hidden variables on a session of ours, which outlive any loss of files.
//!
//! A format reads `#{@gtctl_gen}` from a session's hidden variables as from its options, but setting an option makes tmux
//! walk every session, window and client twice more: with a thousand sessions that was most of the cost of a start. No
//! process is given hidden variables; `tmux show-environment -h -t =NAME` shows them.
//!
//! Values are plain text: a moment as `wall:awake:boot`, a generation in decimal, a pane as `%3`, a fingerprint as
//! `command:dir:env`.
//!
//! A format finds an option of the same name on the server, the session, the pane or the window before the variable.
//! Whoever sets one there can make a session of ours unreadable or another town's, so that it is left alone; it is as able to kill it.

use crate::model::{Generation, Label, Origin, Ownership, SessionName};
use std::str::FromStr;

/// The town's name. The one label that tells whose a session is.
pub const TOWN: &str = "@gtctl_town";
/// The name the session was declared under.
pub const SESSION: &str = "@gtctl_session";
/// Which life of the session this is.
pub const GENERATION: &str = "@gtctl_gen";
/// When this life began.
pub const STARTED: &str = "@gtctl_started";
/// The pane the agent runs in.
pub const PANE: &str = "@gtctl_pane";
/// The fingerprint of what it was started with; unset when that is not known.
pub const SPEC: &str = "@gtctl_spec";
/// The last planned restart; unset when there was none.
pub const HANDOFF: &str = "@gtctl_handoff";
/// How the session came to be ours: [`STARTED_BY_US`] or [`ADOPTED`].
pub const ORIGIN: &str = "@gtctl_origin";

/// The [`ORIGIN`] of a session whose agent gtctl started as the pane's own process.
pub const STARTED_BY_US: &str = "started";
/// The [`ORIGIN`] of a session that was there before and only got its labels.
pub const ADOPTED: &str = "adopted";

/// The labels of one session as they were read: any text, empty where unset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// [`TOWN`].
    pub town: String,
    /// [`SESSION`].
    pub session: String,
    /// [`GENERATION`].
    pub generation: String,
    /// [`STARTED`].
    pub started: String,
    /// [`PANE`].
    pub pane: String,
    /// [`SPEC`].
    pub spec: String,
    /// [`HANDOFF`].
    pub handoff: String,
    /// [`ORIGIN`].
    pub origin: String,
}

impl Labels {
    /// Whose the session is, seen from this town.
    ///
    /// A readable town that is another's is respected, whatever the rest says. Labels of ours that are incomplete or
    /// malformed count as none: nobody can tell what they were meant to protect.
    #[must_use]
    pub fn ownership(&self, ours: &SessionName) -> Ownership {
        match SessionName::new(&self.town) {
            Err(_) => Ownership::Unlabelled,
            Ok(town) if town != *ours => Ownership::Foreign(self.town.clone()),
            Ok(_) => self.label().map_or(Ownership::Unlabelled, Ownership::Ours),
        }
    }

    fn label(&self) -> Option<Label> {
        Some(Label {
            session: SessionName::new(&self.session).ok()?,
            generation: Generation(self.generation.parse().ok()?),
            started: self.started.parse().ok()?,
            pane: self.pane.parse().ok()?,
            fingerprint: unless_unset(&self.spec).ok()?,
            handoff: unless_unset(&self.handoff).ok()?,
            origin: match self.origin.as_str() {
                STARTED_BY_US => Origin::Started,
                ADOPTED => Origin::Adopted,
                _ => return None,
            },
        })
    }
}

/// A label that may be unset: malformed is not the same as unset.
fn unless_unset<T: FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    if text.is_empty() { Ok(None) } else { text.parse().map(Some) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, PaneId};

    fn whole() -> Labels {
        Labels {
            town: "t".into(),
            session: "s".into(),
            generation: "4".into(),
            started: "1000:20:ab".into(),
            pane: "%7".into(),
            spec: "00000001:00000002:00000003".into(),
            handoff: String::new(),
            origin: "adopted".into(),
        }
    }

    fn ours(labels: &Labels) -> Ownership {
        labels.ownership(&SessionName::new("t").unwrap())
    }

    #[test]
    fn whole_labels_are_read() {
        let Ownership::Ours(label) = ours(&whole()) else { panic!("not ours") };
        assert_eq!(label.generation, Generation(4));
        assert_eq!(label.started, Moment { wall: 1000, awake: 20, boot: 0xab });
        assert_eq!((label.pane, label.origin, label.handoff), (PaneId(7), Origin::Adopted, None));
        let without = Labels { spec: String::new(), handoff: "5:6:7".into(), ..whole() };
        let Ownership::Ours(label) = ours(&without) else { panic!("not ours") };
        assert_eq!((label.fingerprint, label.handoff), (None, Some(Moment { wall: 5, awake: 6, boot: 7 })));
    }

    #[test]
    fn damaged_labels_count_as_none_and_another_town_is_respected() {
        type Damage = fn(&mut Labels, &str);
        let required: [Damage; 6] = [
            |l, t| l.town = t.into(),
            |l, t| l.session = t.into(),
            |l, t| l.generation = t.into(),
            |l, t| l.started = t.into(),
            |l, t| l.pane = t.into(),
            |l, t| l.origin = t.into(),
        ];
        for damage in required {
            for text in ["", "\n", "?", "$(id)", "a\u{1b}[2J"] {
                let mut labels = whole();
                damage(&mut labels, text);
                assert_eq!(ours(&labels), Ownership::Unlabelled, "{labels:?}");
            }
        }
        let optional: [Damage; 2] = [|l, t| l.spec = t.into(), |l, t| l.handoff = t.into()];
        for damage in optional {
            let mut labels = whole();
            damage(&mut labels, "zz");
            assert_eq!(ours(&labels), Ownership::Unlabelled);
        }
        let other = Labels { town: "other".into(), ..Labels::default() };
        assert_eq!(ours(&other), Ownership::Foreign("other".into()));
    }
}
