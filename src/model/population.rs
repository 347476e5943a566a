//! Who lives on a tmux server, whether anybody has declared it or not: what those who move in begin
//! with.

use super::Period;
use std::path::PathBuf;

/// A session of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inhabitant {
    /// Its name in tmux: any text.
    pub name: String,
    /// The town that has labelled it already.
    pub town: Option<String>,
    /// Its panes, in tmux's order.
    pub panes: Vec<Vec<Program>>,
}

/// A process of a pane's tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// The kernel's name for it, cut at 15 bytes.
    pub comm: String,
    /// Its arguments, the program first, at most [`Program::MAX_ARGV`] bytes; or a title it gave
    /// itself. Empty where that cannot be read.
    pub argv: Vec<String>,
    /// Other names it goes by: of its file, and a title's first word.
    pub names: Vec<String>,
    /// Its working directory.
    pub cwd: Option<PathBuf>,
    /// Variables of its environment that the server does not have, or has with another value, and
    /// that no shell or terminal sets of itself: only their names.
    pub own_env: Vec<String>,
    /// For how long it has run.
    pub age: Period,
}

impl Program {
    /// Arguments of more bytes are not read.
    pub const MAX_ARGV: u64 = 32 << 10;

    /// Whether it goes by this name.
    #[must_use]
    pub fn is_called(&self, name: &str) -> bool {
        let cut = name.get(..15).unwrap_or(name);
        let is_plainly = |known: &str| super::plain_name(known) == name;
        self.comm == cut
            || is_plainly(&self.comm)
            || self
                .names
                .iter()
                .any(|known| known == name || is_plainly(known))
    }
}
