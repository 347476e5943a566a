//! The words of a verb, as the gtctl of another host gets them. Its program may be of the same
//! version only, so it knows all of them.

use super::Form;
use crate::cli::args::{Global, OrderArgs, Output, Select, Sessions, Waiting};
use crate::model::Request;

/// The words of a verb, put together.
#[derive(Debug, Clone, Default)]
pub(in super::super) struct VerbWords(Vec<String>);

impl VerbWords {
    /// A verb.
    pub(in super::super) fn of(verb: &str) -> Self {
        Self(verb.split(' ').map(str::to_owned).collect())
    }

    /// With a flag, where it is given.
    pub(in super::super) fn flag(mut self, flag: &str, is_given: bool) -> Self {
        self.0.extend(is_given.then(|| flag.to_owned()));
        self
    }

    /// With a flag that takes a value, where there is one.
    pub(in super::super) fn value(mut self, flag: &str, value: Option<impl ToString>) -> Self {
        if let Some(value) = value {
            self.0.push(format!("{flag}={}", value.to_string()));
        }
        self
    }

    /// With the flags that say how long to wait.
    pub(in super::super) fn waiting(self, flags: &Waiting) -> Self {
        self.flag("--no-wait", flags.no_wait)
            .value("--timeout", flags.timeout)
    }

    /// With the flags that choose sessions.
    pub(in super::super) fn select(self, select: &Select) -> Self {
        let flags = [
            ("--role", &select.roles),
            ("--rig", &select.rigs),
            ("--phase", &select.phases),
        ];
        let values = flags
            .into_iter()
            .flat_map(|(flag, words)| words.iter().map(move |word| (flag, word)));
        values.fold(self, |words, (flag, value)| words.value(flag, Some(value)))
    }

    /// With orders beyond the manifest.
    pub(in super::super) fn orders(self, orders: &OrderArgs) -> Self {
        self.flag("--prune", orders.prune)
            .flag("--allow-mass", orders.allow_mass)
    }

    /// With arguments, which may begin with a dash.
    pub(in super::super) fn arguments<S: AsRef<str>>(mut self, arguments: &[S]) -> Vec<String> {
        if !arguments.is_empty() {
            self.0.push("--".to_owned());
        }
        self.0
            .extend(arguments.iter().map(|word| word.as_ref().to_owned()));
        self.0
    }

    /// Without arguments.
    pub(in super::super) fn done(self) -> Vec<String> {
        self.0
    }

    /// A verb by hand, without its sessions.
    pub(super) fn by_hand(request: Request, args: &Sessions) -> Self {
        let (verb, resume, fresh) = match request {
            Request::Start => ("start", false, false),
            Request::Stop => ("stop", false, false),
            Request::Down => ("down", false, false),
            Request::Reset => ("reset", false, false),
            Request::Restart => ("restart", false, false),
            Request::RestartResuming => ("restart", true, false),
            Request::RestartFresh => ("restart", false, true),
        };
        Self::of(verb)
            .flag("--resume", resume)
            .flag("--fresh", fresh)
            .flag("--yes", args.yes)
            .waiting(&args.waiting)
            .select(&args.select)
    }
}

/// The words for the form of an answer.
pub(super) fn of_form(form: Form, global: &Global) -> Vec<String> {
    let words: &[&str] = match (form, global.output) {
        (Form::Pages, _) => &["--output", "json", "--message-format", "json"],
        (Form::Text, Output::Wide) => &["--output", "wide", "--color", "never"],
        (Form::Text, _) => &["--output", "text", "--color", "never"],
    };
    words.iter().map(|word| (*word).to_owned()).collect()
}
