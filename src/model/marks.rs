//! The completion markers in a session's output, and how far the output was read.

use super::Moment;
use super::written::is_default;
use serde::{Deserialize, Serialize};

/// What is known about the output of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// How far its complete lines were read. None before there is a file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub position: Option<Position>,
    /// How many bytes of an incomplete line were read after that.
    #[serde(default)]
    pub beyond: u64,
    /// The marker that stands.
    #[serde(default, skip_serializing_if = "is_default")]
    pub standing: Option<Standing>,
    /// Whether it was seen in the incomplete line. Then it stands only until more is written.
    #[serde(default)]
    pub unfinished: bool,
    /// When output was last read that belongs to the marker or means that the agent goes on.
    pub last_output: Moment,
    /// The texts that the agent was given, as far as they contain markers.
    #[serde(flatten)]
    pub given: Given,
}

/// Pieces of the texts that a run was given at its start: in its command line, in files that it
/// names, in its environment and instructions.
///
/// A client shows these texts. A marker in them is not the agent's own.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Given {
    /// A digest of the markers that were looked for in the texts.
    #[serde(default, rename = "given_for")]
    pub markers: u64,
    /// The text around each marker in them, at most [`Given::MAX`] pieces.
    #[serde(default, rename = "given", skip_serializing_if = "is_default")]
    pub pieces: Vec<String>,
}

impl Given {
    /// How many pieces are kept.
    pub const MAX: usize = 16;
    /// The longest piece, in bytes.
    pub const MAX_PIECE: usize = 1024;
}

/// How far a file was read. It is kept in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file's device.
    pub device: u64,
    /// The file's inode.
    pub inode: u64,
    /// When the file was created, in nanoseconds since 1970, if the file system says. Inode numbers
    /// are soon used again.
    pub born: Option<u64>,
    /// How many bytes of it were read.
    pub offset: u64,
}

/// What a line says about the end of the agent's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The work is done.
    Completed,
    /// The work has ended without success.
    Failed,
}

/// A line that says how the agent's work ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The marker, as it was declared.
    pub marker: String,
    /// The verdict of the line.
    pub verdict: Verdict,
    /// The line, cut to [`Sighting::MAX_LINE`] characters. Not sanitised.
    pub line: String,
    /// Where the line ends in the stream, in bytes.
    pub at_byte: u64,
}

impl Sighting {
    /// The longest line, in characters.
    pub const MAX_LINE: usize = 240;
    /// The longest marker that is kept over a restart of gtctl, in bytes.
    pub const MAX_MARKER: usize = 8 << 10;
}

/// A sighting that stands: the agent has not gone on after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The sighting.
    pub sighting: Sighting,
    /// When it was read.
    pub seen: Moment,
    /// When output was last read that belongs to it. Its grace is counted from here.
    pub quiet_since: Moment,
    /// How many rows since then belong to it.
    pub trailer: u32,
    /// A hash of its row that stays the same when the row is painted again.
    pub key: u64,
}
