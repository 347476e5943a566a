//! All sessions of a tmux server with their processes, declared or not. `gtctl import` begins with
//! them.

use super::Period;
use std::path::PathBuf;

/// A session of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhabitant {
    /// Its name in tmux. It may be any text.
    pub name: String,
    /// The town that has labelled it, if any.
    pub town: Option<String>,
    /// Its panes in tmux's order, each with its processes.
    pub panes: Vec<Vec<Program>>,
}

/// A process of a pane's tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The kernel's name for it (`comm`), at most 15 bytes.
    pub comm: String,
    /// Its argv, at most [`Program::MAX_ARGV`] bytes, or the title that it has given itself. Empty
    /// if it cannot be read.
    pub argv: Vec<String>,
    /// Other names of it: the name of its file, and the first word of its title.
    pub names: Vec<String>,
    /// Its working directory.
    pub cwd: Option<PathBuf>,
    /// The names of variables that it has and the server does not have, or has with another value.
    /// Variables that shells and terminals set by themselves are left out.
    pub own_env: Vec<String>,
    /// How long it has run.
    pub age: Period,
}

impl Program {
    /// The longest argv that is read, in bytes.
    pub const MAX_ARGV: u64 = 32 << 10;

    /// Whether this is one of its names.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let cut_name = name.get(..15).unwrap_or(name);
        let is_plainly = |own_name: &str| super::plain_name(own_name) == name;
        self.comm == cut_name
            || is_plainly(&self.comm)
            || self
                .names
                .iter()
                .any(|own_name| own_name == name || is_plainly(own_name))
    }
}
