//! What the output of a session says about its end, and how far it has been read.

use super::written::is_default;
use super::{Generation, Moment};
use serde::{Deserialize, Serialize};

/// What is known of one life's output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// Of which life; a former one's says nothing.
    pub generation: Generation,
    /// How far its whole lines were read; none before there was a file.
    #[serde(default, skip_serializing_if = "is_default")]
    pub position: Option<Position>,
    /// Bytes of a last line without end that were seen after it.
    #[serde(default)]
    pub beyond: u64,
    /// The marker that stands.
    #[serde(default, skip_serializing_if = "is_default")]
    pub standing: Option<Standing>,
    /// Whether that was seen in the line without end: then it only stands until more is written.
    #[serde(default)]
    pub unfinished: bool,
    /// When output was last read that means that the agent goes on, or that belongs to the marker.
    pub last_output: Moment,
    /// What the agent was given to read, as far as markers are in it.
    #[serde(flatten)]
    pub given: Given,
}

/// Pieces of the texts that one incarnation was given at its start: in its command line, in files
/// that this names, in its environment and instructions. A client shows them, and a marker in them
/// is not the agent's word.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Given {
    /// A digest of the markers that were looked for in the texts.
    #[serde(default, rename = "given_for")]
    pub markers: u64,
    /// The surroundings of each marker that was found, at most [`Given::MAX`].
    #[serde(default, rename = "given", skip_serializing_if = "is_default")]
    pub pieces: Vec<String>,
}

impl Given {
    /// The most pieces kept.
    pub const MAX: usize = 16;
    /// The longest piece, in bytes.
    pub const MAX_PIECE: usize = 1024;
}

/// How far a file has been read. It outlives gtctl in the state file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// The file's device.
    pub device: u64,
    /// The file's inode.
    pub inode: u64,
    /// When the file was made, in nanoseconds since 1970, where the file system tells: an inode is
    /// soon used again.
    pub born: Option<u64>,
    /// Bytes read of it.
    pub offset: u64,
}

/// What a line says about the end of the agent's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is done.
    Completed,
    /// It has ended without success.
    Failed,
}

/// A line that says how the agent's work ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The marker, as it was declared.
    pub marker: String,
    /// What it says.
    pub verdict: Verdict,
    /// The line, cut to [`Sighting::MAX_LINE`] characters; text from outside.
    pub line: String,
    /// Where in the stream the line ended, in bytes.
    pub at_byte: u64,
}

impl Sighting {
    /// The longest line kept, in characters.
    pub const MAX_LINE: usize = 240;
    /// The longest marker kept over a restart of gtctl, in bytes.
    pub const MAX_MARKER: usize = 8 << 10;
}

/// A sighting after which the agent has not gone on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// What was seen.
    pub sighting: Sighting,
    /// When it was read.
    pub seen: Moment,
    /// When output was last read that belongs to it; its grace is counted from here.
    pub quiet_since: Moment,
    /// Rows since that belong to it.
    pub trailer: u32,
    /// What its row has in common with itself when it is painted anew.
    pub key: u64,
}
