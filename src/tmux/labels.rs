//! The labels: two user options on each of our sessions. They survive any loss of files.
//!
//! `@gtctl_label` says to whom the session belongs and which incarnation it is. It consists of
//! words of the form `name=value`:
//!
//! ```text
//! town=acme session=gt-shop-witness gen=1795259592688 started=1795259592688:3309065:899075f9 pane=%3 pid=3821 at=$3
//! spec=dc97b9f1:e75b3dbd:4fd0bfc1 origin=started conv=4f1c9a2e-0000-4000-8000-00000000beef
//! ```
//!
//! (in one line). `conv` is the conversation of the agent, where it is known. It is written again when
//! the agent changes to another one. A word that is no id of a conversation is passed over: the rest
//! of the label counts all the same. A session that was renamed since its start also has `as=NAME`:
//! its processes have that name in their environment. `@gtctl_handoff` is the time of the last planned restart. It is an option of its
//! own because a stop writes it alone, before the first signal. The rest is one option because each
//! `set-option` makes tmux walk every session, window and client. With a thousand sessions, eight
//! options were most of the cost of a start.
//!
//! A time is `wall:awake:boot`, a generation is decimal, a pane is `%3`, a fingerprint is
//! `command:dir:env`. No value contains a space or a `=`, so a pattern can match a single word (see
//! `fence`).
//!
//! `pid` and `at` prove the label: the pane's process, and the session on which it was written. A
//! format finds an option of the same name on the server, pane or window first. An option set for
//! all sessions shows in each session without its own. Such a label, like any copy, names another
//! session or process and is not believed (see `observe`).

use crate::model::{
    ConversationId, Flaw, Generation, Label, Origin, Ownership, SessionId, SessionName, Unproved,
};
use std::str::FromStr;

/// The option that says to whom the session belongs, and which incarnation it is.
pub const LABEL: &str = "@gtctl_label";
/// The option with the time of the last planned restart. Unset if there was none.
pub const HANDOFF: &str = "@gtctl_handoff";

/// The word with the name under which a renamed session was started.
pub const STARTED_AS: &str = "as";

/// The origin of a session that gtctl started. Its agent is the pane's own process.
pub const STARTED_BY_US: &str = "started";
/// The origin of a session that existed before and only got labels.
pub const ADOPTED: &str = "adopted";

/// The origin of a session that the commands of a launcher started.
pub const BY_LAUNCHER: &str = "launcher";

/// The origin of a session that others started and a policy covers.
pub const COVERED: &str = "policy";

/// The word of [`LABEL`] with the conversation of the agent.
pub(super) const CONVERSATION: &str = "conv";

/// The labels of one session as tmux has them: any text, empty if unset.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Labels {
    /// [`LABEL`].
    pub label: String,
    /// [`HANDOFF`].
    pub handoff: String,
}

impl Labels {
    /// To whom the session belongs, as this town sees it.
    ///
    /// A label that names another town is respected, whatever else it says. An incomplete or
    /// malformed label of ours is not believed. A well-formed one still needs a proof: see
    /// [`Labels::claim`].
    #[must_use]
    pub fn ownership(&self, ours: &SessionName) -> Ownership {
        let words = Words::of(&self.label);
        match words.town.and_then(|town| SessionName::new(town).ok()) {
            None if self.label.is_empty() => Ownership::Unlabelled,
            None => self.garbled(),
            Some(town) if town != *ours => Ownership::Foreign(town.to_string()),
            Some(_) => self
                .read(&words)
                .map_or_else(|| self.garbled(), Ownership::Ours),
        }
    }

    fn garbled(&self) -> Ownership {
        Ownership::Unproved(Unproved {
            text: self.label.clone(),
            flaw: Flaw::Garbled,
        })
    }

    /// The session and the process for which the label says it was written.
    #[must_use]
    pub fn claim(&self) -> Claim {
        let words = Words::of(&self.label);
        Claim {
            process: words.process.and_then(|pid| pid.parse().ok()),
            session: words.at.and_then(|session| session.parse().ok()),
        }
    }

    /// The town that the label names, even if the label is otherwise malformed.
    #[must_use]
    pub fn town(&self) -> Option<&str> {
        Words::of(&self.label)
            .town
            .filter(|town| SessionName::new(town).is_ok())
    }

    fn read(&self, words: &Words<'_>) -> Option<Label> {
        Some(Label {
            session: SessionName::new(words.session?).ok()?,
            started_as: unless_unset(words.started_as.unwrap_or_default()).ok()?,
            generation: Generation(words.generation?.parse().ok()?),
            started: words.started?.parse().ok()?,
            pane: words.pane?.parse().ok()?,
            fingerprint: unless_unset(words.fingerprint.unwrap_or_default()).ok()?,
            handoff: unless_unset(&self.handoff).ok()?,
            origin: match words.origin? {
                STARTED_BY_US => Origin::Started,
                ADOPTED => Origin::Adopted,
                COVERED => Origin::Policy,
                BY_LAUNCHER => Origin::Launcher,
                _ => return None,
            },
            conversation: words.conversation.and_then(|id| id.parse().ok()),
        })
    }
}

/// The format that gives the present label with another conversation. An id has no character that
/// means something in a format.
pub(super) fn with_conversation(id: &ConversationId) -> String {
    format!("#{{s/ {CONVERSATION}=[^ ]*//:{LABEL}}} {CONVERSATION}={id}")
}

/// The session and the process for which a label was written. Labels of 0.1.0 name neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Claim {
    /// The pid of the pane's process.
    pub process: Option<u32>,
    /// The id of the session.
    pub session: Option<SessionId>,
}

/// The values in a label. If a name occurs twice, the first value counts.
#[derive(Default)]
struct Words<'a> {
    town: Option<&'a str>,
    session: Option<&'a str>,
    started_as: Option<&'a str>,
    generation: Option<&'a str>,
    started: Option<&'a str>,
    pane: Option<&'a str>,
    process: Option<&'a str>,
    at: Option<&'a str>,
    fingerprint: Option<&'a str>,
    origin: Option<&'a str>,
    conversation: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn of(label: &'a str) -> Self {
        let mut words = Self::default();
        for (name, value) in label.split(' ').filter_map(|word| word.split_once('=')) {
            let place = match name {
                "town" => &mut words.town,
                "session" => &mut words.session,
                STARTED_AS => &mut words.started_as,
                "gen" => &mut words.generation,
                "started" => &mut words.started,
                "pane" => &mut words.pane,
                "pid" => &mut words.process,
                "at" => &mut words.at,
                "spec" => &mut words.fingerprint,
                "origin" => &mut words.origin,
                CONVERSATION => &mut words.conversation,
                _ => continue,
            };
            place.get_or_insert(value);
        }
        words
    }
}

/// Parses a value that may be unset. A malformed value is an error.
fn unless_unset<T: FromStr>(text: &str) -> Result<Option<T>, T::Err> {
    if text.is_empty() {
        Ok(None)
    } else {
        text.parse().map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Moment, PaneId};

    const WHOLE: &str = "town=t session=s gen=4 started=1000:20:ab pane=%7 spec=00000001:00000002:00000003 origin=adopted";

    fn ours(label: &str, handoff: &str) -> Ownership {
        let labels = Labels {
            label: label.to_owned(),
            handoff: handoff.to_owned(),
        };
        labels.ownership(&SessionName::new("t").unwrap())
    }

    #[test]
    fn whole_labels_are_read() {
        let Ownership::Ours(label) = ours(WHOLE, "") else {
            panic!("not ours")
        };
        assert_eq!(label.generation, Generation(4));
        assert_eq!(
            label.started,
            Moment {
                wall: 1000,
                awake: 20,
                boot: 0xab
            }
        );
        assert_eq!(
            (label.pane, label.origin, label.handoff),
            (PaneId(7), Origin::Adopted, None)
        );
        let without = WHOLE.replace(" spec=00000001:00000002:00000003", "");
        let Ownership::Ours(label) = ours(&without, "5:6:7") else {
            panic!("not ours")
        };
        assert_eq!(
            (label.fingerprint, label.handoff),
            (
                None,
                Some(Moment {
                    wall: 5,
                    awake: 6,
                    boot: 7
                })
            )
        );
        let covered = WHOLE.replace("origin=adopted", "origin=policy");
        assert!(
            matches!(ours(&covered, ""), Ownership::Ours(label) if label.origin == Origin::Policy)
        );
    }

    #[test]
    fn only_an_id_is_read_as_a_conversation() {
        let read = |word: &str| match ours(&format!("{WHOLE} conv={word}"), "") {
            Ownership::Ours(label) => label.conversation,
            other => panic!("{other:?}"),
        };
        let id = "4f1c9a2e-0000-4000-8000-00000000beef";
        assert_eq!(read(id).unwrap().as_str(), id);
        let long = "a".repeat(ConversationId::MAX + 1);
        for bad in [
            "",
            "--dangerous",
            "a/b",
            "$(id)",
            "a\u{1b}[2J",
            "#{pid}",
            &long,
        ] {
            assert_eq!(read(bad), None, "{bad:?}");
        }
        assert_eq!(read("a conv=b").unwrap().as_str(), "a", "the first counts");
    }

    #[test]
    fn a_label_says_for_what_it_was_written() {
        let claim = |label: &str| {
            Labels {
                label: label.to_owned(),
                handoff: String::new(),
            }
            .claim()
        };
        assert_eq!(claim(WHOLE), Claim::default());
        let whole = WHOLE.replace("pane=%7", "pane=%7 pid=12 at=$4");
        assert_eq!(
            claim(&whole),
            Claim {
                process: Some(12),
                session: Some(SessionId(4))
            }
        );
    }

    #[test]
    fn damaged_labels_are_not_believed_and_another_town_is_respected() {
        let is_garbled = |owner: &Ownership| matches!(owner, Ownership::Unproved(unproved) if unproved.flaw == Flaw::Garbled);
        for name in [
            "town", "session", "gen", "started", "pane", "spec", "origin",
        ] {
            for bad in ["", "\n", "?", "$(id)", "a\u{1b}[2J"] {
                let damaged: Vec<String> = WHOLE
                    .split(' ')
                    .map(|word| {
                        if word.starts_with(name) {
                            format!("{name}={bad}")
                        } else {
                            word.to_owned()
                        }
                    })
                    .collect();
                let unset_spec = name == "spec" && bad.is_empty();
                assert_eq!(
                    is_garbled(&ours(&damaged.join(" "), "")),
                    !unset_spec,
                    "{damaged:?}"
                );
            }
        }
        assert!(is_garbled(&ours(WHOLE, "zz")) && is_garbled(&ours("x", "")));
        assert_eq!(ours("", ""), Ownership::Unlabelled);
        assert_eq!(ours("town=other", ""), Ownership::Foreign("other".into()));
    }
}
