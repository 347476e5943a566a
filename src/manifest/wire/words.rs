//! The types of fields that take one of a few words, such as `restart = "always"`.
//!
//! A macro writes them, not serde's derive. figment takes an integer for the index of a variant of
//! a derived enum, so `restart = 1` would mean `on-failure`.

use crate::model;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident => $model:ty { $($(#[$vdoc:meta])* $variant:ident = $word:literal => $value:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[cfg_attr(test, derive(schemars::JsonSchema))]
        pub enum $name { $($(#[$vdoc])* #[cfg_attr(test, schemars(rename = $word))] $variant),+ }

        impl $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            /// The value that the word stands for.
            #[must_use]
            pub fn meaning(self) -> $model {
                match self { $(Self::$variant => $value),+ }
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                struct Word;
                impl serde::de::Visitor<'_> for Word {
                    type Value = $name;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(f, "one of {}", $name::WORDS.join(", "))
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        match text {
                            $($word => Ok($name::$variant),)+
                            other => Err(E::unknown_variant(other, $name::WORDS)),
                        }
                    }
                }
                d.deserialize_str(Word)
            }
        }
    };
}

words! {
    /// How Gas Town's sessions are named.
    Naming => Naming {
        /// `gt-<rig>-witness`, as in the guide and in gt up to 0.6.
        Rig = "rig" => Naming::Rig,
        /// `<prefix>-witness`, with the prefix from `mayor/rigs.json`, as in gt since 0.7.
        Prefix = "prefix" => Naming::Prefix,
    }
}

words! {
    /// A named set of defaults.
    Profile => Profile {
        /// Restart after 1h, check every 15s.
        Standard = "standard" => Profile::Standard,
        /// Restart after 30m, check every 5s.
        HighThroughput = "high-throughput" => Profile::HighThroughput,
        /// Restart after 1h, check every 60s, rare chores.
        LowBudget = "low-budget" => Profile::LowBudget,
    }
}

words! {
    /// How sessions are started and stopped.
    Launcher => model::Launcher {
        /// gtctl starts the agent itself, as the process of the tmux pane.
        Tmux = "tmux" => model::Launcher::Tmux,
        /// gtctl runs the role's `start` and `stop`, which are commands of `gt` by default.
        Gt = "gt" => model::Launcher::Gt,
    }
}

words! {
    /// What happens when a session's process ends.
    Restart => model::RestartPolicy {
        /// Start it again after any exit: a service.
        Always = "always" => model::RestartPolicy::Always,
        /// Start it again after a failure. An exit without an error completes it: a task.
        OnFailure = "on-failure" => model::RestartPolicy::OnFailure,
        /// Run it once: a task.
        Never = "never" => model::RestartPolicy::Never,
    }
}

words! {
    /// What happens when a session runs with other fields than declared.
    OnDrift => model::OnDrift {
        /// Restart it when it is idle, at the latest after `drain`.
        RestartWhenIdle = "restart-when-idle" => model::OnDrift::RestartWhenIdle,
        /// Restart now.
        Restart = "restart" => model::OnDrift::Restart,
        /// Only report it.
        Report = "report" => model::OnDrift::Report,
    }
}

words! {
    /// What happens to a session whose host is lost.
    OnHostLoss => model::LossPolicy {
        /// It starts on another host.
        Move = "move" => model::LossPolicy::Move,
        /// It stays, and runs on there without the store.
        Stay = "stay" => model::LossPolicy::Stay,
    }
}

words! {
    /// What happens when the program of a running session was replaced, by an upgrade for example.
    OnUpgrade => model::OnUpgrade {
        /// Only report it: the session runs on with the old program.
        Report = "report" => model::OnUpgrade::Report,
        /// Restart it when it is idle, at the latest after `drain`.
        RestartWhenIdle = "restart-when-idle" => model::OnUpgrade::RestartWhenIdle,
    }
}

words! {
    /// Whether an agent's client reports to gtctl what the agent does.
    HooksWord => model::Hooks {
        /// It does, where that changes nothing of the user's own.
        Auto = "auto" => model::Hooks::Auto,
        /// It does, also where gtctl must pass a flag that trusts the user's own hooks, too.
        On = "on" => model::Hooks::On,
        /// It does not, and gtctl reads nothing else that the client says of itself.
        Off = "off" => model::Hooks::Off,
    }
}

/// Whether an agent's client reports to gtctl: one of the words, or `true` for `on` and `false` for
/// `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HooksField(pub HooksWord);

impl HooksField {
    /// The value that it stands for.
    #[must_use]
    pub fn meaning(self) -> model::Hooks {
        self.0.meaning()
    }
}

impl<'de> serde::Deserialize<'de> for HooksField {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Either;
        impl serde::de::Visitor<'_> for Either {
            type Value = HooksField;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(f, "one of {}", HooksWord::WORDS.join(", "))
            }
            fn visit_bool<E: serde::de::Error>(self, is_on: bool) -> Result<HooksField, E> {
                let word = if is_on { HooksWord::On } else { HooksWord::Off };
                Ok(HooksField(word))
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<HooksField, E> {
                let word = serde::de::value::StrDeserializer::new(text);
                serde::Deserialize::deserialize(word).map(HooksField)
            }
        }
        d.deserialize_any(Either)
    }
}

#[cfg(test)]
impl schemars::JsonSchema for HooksField {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hooks".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        // Editors offer the words.
        HooksWord::json_schema(generator)
    }
}

words! {
    /// When a fresh process resumes its agent's conversation.
    Resume => model::ResumePolicy {
        /// After a crash, a lost server or a reboot; a planned restart begins afresh.
        AfterCrash = "after-crash" => model::ResumePolicy::AfterCrash,
        /// At each restart.
        Always = "always" => model::ResumePolicy::Always,
        /// Never.
        Never = "never" => model::ResumePolicy::Never,
    }
}

words! {
    /// What happens once an agent's usage limit has ended.
    OnLimitEnd => model::OnLimitEnd {
        /// Do nothing: it continues by itself, or somebody continues it.
        Nothing = "nothing" => model::OnLimitEnd::Nothing,
        /// Type `limit_nudge` at its prompt.
        Nudge = "nudge" => model::OnLimitEnd::Nudge,
    }
}

words! {
    /// What happens to a service that has been quiet for longer than `idle_limit`.
    OnIdle => model::OnIdle {
        /// Only report it.
        Report = "report" => model::OnIdle::Report,
        /// Type `idle_nudge` at its prompt.
        Nudge = "nudge" => model::OnIdle::Nudge,
        /// Restart it.
        Restart = "restart" => model::OnIdle::Restart,
    }
}

words! {
    /// What to do when a session should be stopped or restarted while a client is attached.
    WhenAttached => model::WhenAttached {
        /// Wait until the client is gone.
        Hold = "hold" => model::WhenAttached::Hold,
        /// Do it anyway.
        Proceed = "proceed" => model::WhenAttached::Proceed,
    }
}

words! {
    /// What happens with the proposals of an analysis.
    Accept => model::Accept {
        /// `diff` and `status` show them; `gtctl apply --accept` carries them out.
        Ask = "ask" => model::Accept::Ask,
        /// gtctl carries them out without asking, under the same conditions as its own steps.
        Auto = "auto" => model::Accept::Auto,
    }
}

words! {
    /// What a chore does.
    Kind => Kind {
        /// Compare the installed gt with the newest release of `repo`.
        Upstream = "upstream" => Kind::Upstream,
        /// Type `text` into `session`.
        Nudge = "nudge" => Kind::Nudge,
        /// Give the town's state to `command`.
        Analysis = "analysis" => Kind::Analysis,
        /// Run `command`.
        Command = "command" => Kind::Command,
    }
}

words! {
    /// An event of which the notify command hears.
    Topic => model::Topic {
        /// A session crashed too often; its restart waits.
        CrashLoop = "crash-loop" => model::Topic::CrashLoop,
        /// An agent is signed out, at its usage limit, or has a full context.
        Blocked = "blocked" => model::Topic::Blocked,
        /// A session asks something that only a person can answer.
        Waiting = "waiting" => model::Topic::Waiting,
        /// A step waits for something that only a person can change.
        Held = "held" => model::Topic::Held,
        /// A step failed.
        Failed = "failed" => model::Topic::Failed,
        /// A task has ended.
        Completed = "completed" => model::Topic::Completed,
        /// A session was expired.
        Expired = "expired" => model::Topic::Expired,
        /// The state of the town is unknown, so gtctl changes nothing.
        Unreachable = "unreachable" => model::Topic::Unreachable,
        /// The manifest was changed and has errors; gtctl uses the last good one.
        ManifestBroken = "manifest-broken" => model::Topic::ManifestBroken,
        /// The controller started or stopped.
        Controller = "controller" => model::Topic::Controller,
    }
}

words! {
    /// How far a session must be before gtctl starts one that names it in `after`.
    When => model::Milestone {
        /// It runs; a task may also have run before.
        Started = "started" => model::Milestone::Started,
        /// It runs and is ready; a task may also have completed without an error.
        Ready = "ready" => model::Milestone::Ready,
        /// It is a task and has completed without an error.
        Completed = "completed" => model::Milestone::Completed,
    }
}
