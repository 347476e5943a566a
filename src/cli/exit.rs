//! How a verb ends.

use crate::controller::CycleFault;
use crate::files::aside::Late;
use crate::store::{LockFault, StoreFault};
use std::error::Error;
use std::process::ExitCode;

/// The exit codes. They are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Done; the town is as declared.
    Done,
    /// Failed: faults in the manifest, tmux unreachable, the state unusable.
    Failed,
    /// `diff`: something is to be done or held. `verify`: not all is well.
    Pending,
    /// `apply`, `reconcile`: something is held or failed; the rest is done.
    Partial,
    /// Another controller holds the town.
    Held,
    /// The command line was wrong.
    Usage,
}

impl Exit {
    /// The number by which it is known.
    pub(super) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Pending => 2,
            Self::Partial => 3,
            Self::Held => 4,
            Self::Usage => 64,
        }
    }

    /// The exit of another gtctl, by its code. A code that gtctl does not have is a failure.
    pub(super) fn of_code(code: u8) -> Self {
        let all = [
            Self::Done,
            Self::Failed,
            Self::Pending,
            Self::Partial,
            Self::Held,
            Self::Usage,
        ];
        let known = all.into_iter().find(|exit| exit.code() == code);
        known.unwrap_or(Self::Failed)
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Why a verb could not do its work.
#[derive(Debug)]
pub(super) struct Trouble {
    /// What went wrong, with its causes.
    pub(super) message: String,
    /// What to type next.
    pub(super) help: Option<String>,
    /// Already printed, such as a manifest's faults.
    pub(super) silent: bool,
    exit: Exit,
}

impl Trouble {
    pub(super) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: None,
            silent: false,
            exit: Exit::Failed,
        }
    }

    /// A failure that has been told in full.
    pub(super) fn told() -> Self {
        Self {
            silent: true,
            ..Self::new("")
        }
    }

    pub(super) fn because(mut self, cause: &dyn Error) -> Self {
        let mut next = Some(cause);
        while let Some(cause) = next {
            self.message.push_str(": ");
            self.message.push_str(&cause.to_string());
            next = cause.source();
        }
        self
    }

    /// A fault and its causes, in one line.
    pub(super) fn chain(fault: &dyn Error) -> String {
        let told = Self::new(fault.to_string());
        match fault.source() {
            Some(cause) => told.because(cause).message,
            None => told.message,
        }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with another exit code.
    pub(super) fn exits(self, exit: Exit) -> Self {
        Self { exit, ..self }
    }

    pub(super) fn exit(&self) -> Exit {
        self.exit
    }
}

impl From<StoreFault> for Trouble {
    fn from(fault: StoreFault) -> Self {
        let help = fault.help();
        Self::new(Self::chain(&fault)).help(help)
    }
}

impl From<LockFault> for Trouble {
    fn from(fault: LockFault) -> Self {
        let exit = match &fault {
            LockFault::Held { .. } => Exit::Held,
            LockFault::Io { .. } => Exit::Failed,
        };
        Self {
            exit,
            ..Self::new(Self::chain(&fault)).help(fault.help())
        }
    }
}

impl From<CycleFault> for Trouble {
    fn from(fault: CycleFault) -> Self {
        match fault {
            CycleFault::Lock(fault) => fault.into(),
            CycleFault::Store(fault) => fault.into(),
            CycleFault::Late(late) => late.into(),
            other @ (CycleFault::Defect { .. } | CycleFault::Fleet(_)) => {
                Self::new(other.to_string())
            }
        }
    }
}

impl From<Late> for Trouble {
    fn from(late: Late) -> Self {
        Self::new(late.to_string()).help(
            "see which disk that is: `findmnt`; it must answer, or be unmounted (`umount -l`)",
        )
    }
}
