//! Where faults happen: a town of two sleepers, and somebody else's session on the same server.

use crate::harness::{QUICK, Running, Yard, sleeper};
use gtctl::model::ProcId;
use gtctl::proc::process;
use gtctl::proc::signal::Signal;

/// What came of a kind of fault that did not panic.
pub(crate) enum Ran {
    Held,
    /// It cannot be caused here; says why.
    Skipped(&'static str),
}

/// The verdict on a verb has to be there by then, whatever tmux does.
pub(super) const ANSWER: std::time::Duration = crate::harness::AT_ONCE;

/// Sessions come back quickly after any number of crashes. Ends within `[defaults]`.
pub(super) fn head() -> String {
    format!(
        "[limits]\nstarts = 100000\n{QUICK}backoff = {{ first = \"100ms\", max = \"100ms\", jitter = 0.0, burst = 1000 }}\n"
    )
}

/// A town of `one` and `two`, which sleep, beside `stranger`, which is nobody's business.
pub(super) struct Ground {
    pub(super) yard: Yard,
    pub(super) one: ProcId,
    pub(super) two: ProcId,
    pub(super) stranger: ProcId,
}

impl Ground {
    /// As it is after `apply`.
    pub(super) fn new() -> Self {
        Self::with("")
    }

    /// With further sessions.
    pub(super) fn with(more: &str) -> Self {
        let yard = Yard::new("");
        yard.declare(&manifest(more));
        yard.tmux(&[
            "new-session",
            "-d",
            "-s",
            "stranger",
            "tail",
            "-f",
            "/dev/null",
        ]);
        yard.gtctl(&["apply"]).exits(0);
        let [one, two, stranger] = ["one", "two", "stranger"].map(|session| yard.pid(session));
        Self {
            yard,
            one,
            two,
            stranger,
        }
    }

    /// The three processes are the ones they were.
    #[track_caller]
    pub(super) fn is_untouched(&self) {
        for process in [self.one, self.two, self.stranger] {
            assert!(
                process::may_live(process),
                "{process:?} of {:?} has ended",
                [self.one, self.two, self.stranger]
            );
        }
        for (session, process) in [("one", self.one), ("two", self.two)] {
            assert_eq!(
                self.yard.marked(session),
                [process],
                "{session} is not what it was"
            );
        }
    }

    /// Cycle by cycle the town becomes as declared; each session then has one process, and the
    /// stranger lives.
    #[track_caller]
    pub(super) fn heals(&self) {
        self.yard.until("the healing", || {
            self.yard.gtctl(&["reconcile"]);
            self.is_well()
        });
        self.is_single();
    }

    /// As [`Ground::heals`], by a controller that runs already.
    #[track_caller]
    pub(super) fn is_healed(&self) {
        self.yard.until("being healed", || self.is_well());
        self.is_single();
    }

    fn is_well(&self) -> bool {
        ["one", "two"]
            .iter()
            .all(|session| self.yard.process(session).is_some())
            && self.yard.gtctl(&["diff"]).code == Some(0)
    }

    #[track_caller]
    fn is_single(&self) {
        for session in ["one", "two"] {
            let now = self.yard.pid(session);
            self.yard.until("one process of each session", || {
                self.yard.marked(session) == [now]
            });
        }
        assert!(process::may_live(self.stranger), "the stranger has ended");
    }

    /// A controller that has run its first cycle.
    pub(super) fn watch(&self) -> Watch {
        let watch = self.yard.start(&["reconcile", "--watch"]);
        self.yard
            .until("the first cycle", || !watch.said().is_empty());
        Watch(watch)
    }
}

/// A running controller.
pub(super) struct Watch(pub(super) Running);

impl Watch {
    /// Tells it to end, which it does in good order.
    #[track_caller]
    pub(super) fn ends(self) {
        self.0.signal(Signal::TERM);
        self.0.end().exits(0);
    }
}

/// The manifest of the two, with further sessions.
pub(super) fn manifest(more: &str) -> String {
    format!(
        "{}{}{}{more}",
        head(),
        sleeper("one", ""),
        sleeper("two", "")
    )
}
