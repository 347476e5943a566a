//! Fields that take one of a few words.
//!
//! Written out by a macro instead of serde's derive, because figment hands an integer to a derived
//! enum as the index of a variant: `restart = 1` would mean `on-failure`.

use crate::model;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident => $model:ty { $($(#[$vdoc:meta])* $variant:ident = $word:literal => $value:expr),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
        pub enum $name { $($(#[$vdoc])* #[schemars(rename = $word)] $variant),+ }

        impl $name {
            const WORDS: &'static [&'static str] = &[$($word),+];
            /// What it means.
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
        /// `gt-<rig>-witness`, as the guide and gt up to 0.6 have it.
        Rig = "rig" => Naming::Rig,
        /// `<prefix>-witness`, the prefix read from `mayor/rigs.json`, as gt has it since 0.7.
        Prefix = "prefix" => Naming::Prefix,
    }
}

words! {
    /// A named set of defaults.
    Profile => Profile {
        /// Restart after 1h, look every 15s.
        Standard = "standard" => Profile::Standard,
        /// Restart after 30m, look every 5s.
        HighThroughput = "high-throughput" => Profile::HighThroughput,
        /// Restart after 1h, look every 60s, rare chores.
        LowBudget = "low-budget" => Profile::LowBudget,
    }
}

words! {
    /// How sessions are started and stopped.
    Launcher => model::Launcher {
        /// gtctl starts the agent itself, as the pane's own process.
        Tmux = "tmux" => model::Launcher::Tmux,
        /// Through the `gt` command line, or what else the role's `start` and `stop` name.
        Gt = "gt" => model::Launcher::Gt,
    }
}

words! {
    /// What happens when a session's process ends.
    Restart => model::RestartPolicy {
        /// Start it again, whatever the end was: a service.
        Always = "always" => model::RestartPolicy::Always,
        /// Start it again when it failed; a clean exit completes it: a task.
        OnFailure = "on-failure" => model::RestartPolicy::OnFailure,
        /// It runs once: a task.
        Never = "never" => model::RestartPolicy::Never,
    }
}

words! {
    /// What happens when a session runs with other fields than declared.
    OnDrift => model::OnDrift {
        /// Restart once it is idle, or when `drain` has passed.
        RestartWhenIdle = "restart-when-idle" => model::OnDrift::RestartWhenIdle,
        /// Restart now.
        Restart = "restart" => model::OnDrift::Restart,
        /// Only say so.
        Report = "report" => model::OnDrift::Report,
    }
}

words! {
    /// What happens once an agent's usage limit has ended.
    OnLimitEnd => model::OnLimitEnd {
        /// Nothing: it goes on by itself, or somebody sets it going.
        Nothing = "nothing" => model::OnLimitEnd::Nothing,
        /// Type `limit_nudge` at its prompt.
        Nudge = "nudge" => model::OnLimitEnd::Nudge,
    }
}

words! {
    /// What happens to a service that has been quiet for longer than `idle_limit`.
    OnIdle => model::OnIdle {
        /// Only say so.
        Report = "report" => model::OnIdle::Report,
        /// Type `idle_nudge` at its prompt.
        Nudge = "nudge" => model::OnIdle::Nudge,
        /// Restart it.
        Restart = "restart" => model::OnIdle::Restart,
    }
}

words! {
    /// What an attached client means for a session that should be killed or restarted.
    WhenAttached => model::WhenAttached {
        /// Leave it alone until the client is gone.
        Hold = "hold" => model::WhenAttached::Hold,
        /// Go on all the same.
        Proceed = "proceed" => model::WhenAttached::Proceed,
    }
}

words! {
    /// What becomes of an analysis' proposals.
    Accept => model::Accept {
        /// They are shown by `diff` and `status`, and carried out by `gtctl apply --accept`.
        Ask = "ask" => model::Accept::Ask,
        /// They are carried out without being asked, as far as the planner's own holds allow.
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
        /// Hand the town's state to `command`.
        Analysis = "analysis" => Kind::Analysis,
        /// Run `command`.
        Command = "command" => Kind::Command,
    }
}

words! {
    /// Something that people want to be told of.
    Topic => model::Topic {
        /// A session crashed too often and is held.
        CrashLoop = "crash-loop" => model::Topic::CrashLoop,
        /// An agent is signed out, at its usage limit, or its context is full.
        Blocked = "blocked" => model::Topic::Blocked,
        /// A session asks something that only a person can answer.
        Waiting = "waiting" => model::Topic::Waiting,
        /// A step is held by something that only a person can lift.
        Held = "held" => model::Topic::Held,
        /// A step failed.
        Failed = "failed" => model::Topic::Failed,
        /// A task has ended.
        Completed = "completed" => model::Topic::Completed,
        /// A session was expired.
        Expired = "expired" => model::Topic::Expired,
        /// The town could not be looked at, so nothing is done.
        Unreachable = "unreachable" => model::Topic::Unreachable,
        /// The manifest was changed and has faults; the last good one stays in force.
        ManifestBroken = "manifest-broken" => model::Topic::ManifestBroken,
        /// The controller began or ended.
        Controller = "controller" => model::Topic::Controller,
    }
}

words! {
    /// How far a session must be before one that names it in `after` is started.
    When => model::Milestone {
        /// It runs, or is a task that has run.
        Started = "started" => model::Milestone::Started,
        /// It runs and is ready, or is a task that has ended well.
        Ready = "ready" => model::Milestone::Ready,
        /// It is a task that has ended well.
        Completed = "completed" => model::Milestone::Completed,
    }
}
