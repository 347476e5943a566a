//! Instructions: a file of the user's, put where a session's agent reads it, and never over edits.
//!
//! What is written carries a digest of itself. So it is known from the file alone whether it is still what was written,
//! whatever became of the state directory; anything else is somebody's own, stays, and gets the instructions beside it.

use crate::model::signed::{is_as_signed, signed};
use crate::model::{Action, Desired, Plan};
use crate::trust::check_open_file;
use nix::fcntl::OFlag;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The most bytes of instructions, and of what stands in their place.
const MAX_BYTES: u64 = 1 << 20;
/// What the instructions beside an edited file end in.
const BESIDE: &str = "gtctl-new";

/// How the file that an agent reads stands to its instructions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instructions {
    /// It is as it should be.
    Same,
    /// It is not there, or as it was written before: it is written.
    Fresh,
    /// It is not what was written: it stays. Whether the instructions are beside it already.
    Edited {
        /// Where they are, or will be.
        beside: PathBuf,
        /// Whether they are there, as they are now.
        told: bool,
    },
    /// The instructions cannot be read; says why.
    Unreadable(String),
    /// There is no directory to write them to.
    NoDir,
}

/// How a session's file stands, and which it is; nothing where there are no instructions. Writes nothing.
#[must_use]
pub fn instructions(desired: &Desired) -> Option<(PathBuf, Instructions)> {
    let (source, file) = (desired.instructions.as_deref()?, desired.instructed()?);
    let standing = match text(source) {
        _ if !desired.dir.is_dir() => Instructions::NoDir,
        Err(fault) => Instructions::Unreadable(fault.to_string()),
        Ok((raw, text)) => standing(&file, &raw, &text),
    };
    Some((file, standing))
}

/// Writes the instructions of the sessions that this plan gives a fresh process. Tells what their users should know.
///
/// A session without them is started all the same: dead it would be of no more use.
#[must_use]
pub fn instruct(plan: &Plan) -> Vec<String> {
    let begun = plan.steps.iter().filter(|step| step.action.begins().is_some());
    begun.filter_map(|step| told(started(&step.action)?)).collect()
}

fn started(action: &Action) -> Option<&Desired> {
    match action {
        Action::Start { desired, .. } | Action::Restart { desired, .. } => Some(desired),
        Action::Expire { .. } | Action::Adopt { .. } | Action::Nudge { .. } | Action::Rouse { .. } => None,
    }
}

fn told(desired: &Desired) -> Option<String> {
    let (file, standing) = instructions(desired)?;
    let source = desired.instructions.as_deref()?;
    let (shown, name) = (file.display(), &desired.name);
    let wrote = |to: &Path| match text(source).and_then(|(_, text)| replace(to, &text)) {
        Ok(()) => None,
        Err(fault) => Some(format!("the instructions of {name} were not written to {}: {fault}", to.display())),
    };
    match standing {
        Instructions::Same | Instructions::Edited { told: true, .. } | Instructions::NoDir => None,
        Instructions::Fresh => wrote(&file),
        Instructions::Edited { beside, told: false } => wrote(&beside).or_else(|| {
            Some(format!(
                "{shown} was edited, or is not from gtctl, and stays as it is: the instructions of {name} are in {}",
                beside.display()
            ))
        }),
        Instructions::Unreadable(why) => Some(format!(
            "the instructions of {name} cannot be read ({}: {why}); {shown} stays as it is",
            source.display()
        )),
    }
}

/// The instructions as they are, and as they are written.
fn text(source: &Path) -> io::Result<(String, String)> {
    let raw = read_trusted(source)?;
    let name = source.file_name().unwrap_or_default().to_string_lossy().into_owned();
    // The name stands in a comment, which it must not end.
    let name: String = name.chars().filter(|c| c.is_alphanumeric() || "._ ".contains(*c)).collect();
    let gap = if raw.ends_with('\n') { "\n" } else { "\n\n" };
    let before = format!(
        "{raw}{gap}<!-- Written by gtctl from {name}. What you change here stays; gtctl then writes beside it. "
    );
    Ok((raw, signed(&before, " -->\n")))
}

fn standing(file: &Path, raw: &str, text: &str) -> Instructions {
    let found = read(file, OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW);
    match found {
        Ok(found) if found == text || found == raw => Instructions::Same,
        Ok(found) if is_as_signed(&found) => Instructions::Fresh,
        Err(fault) if fault.kind() == ErrorKind::NotFound => Instructions::Fresh,
        // A link, a folder, what is no text: somebody's own as well.
        Ok(_) | Err(_) => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".");
            beside.push(BESIDE);
            let beside = PathBuf::from(beside);
            let told = read(&beside, OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW).is_ok_and(|found| found == text);
            Instructions::Edited { beside, told }
        }
    }
}

/// The text of a file that nobody else could have written: an agent does what it says.
fn read_trusted(path: &Path) -> io::Result<String> {
    let file = OpenOptions::new().read(true).custom_flags(OFlag::O_NONBLOCK.bits()).open(path)?;
    check_open_file(&file, path).map_err(|distrust| {
        io::Error::new(ErrorKind::PermissionDenied, format!("{distrust}; type: {}", distrust.fix()))
    })?;
    text_of(file)
}

/// The text of a regular file. Never waits on a pipe.
fn read(path: &Path, flags: OFlag) -> io::Result<String> {
    text_of(OpenOptions::new().read(true).custom_flags(flags.bits()).open(path)?)
}

fn text_of(file: fs::File) -> io::Result<String> {
    let invalid = |why: &str| io::Error::new(ErrorKind::InvalidData, why.to_owned());
    if !file.metadata()?.is_file() {
        return Err(invalid("it is no regular file"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_BYTES {
        return Err(invalid("it is too large"));
    }
    Ok(text)
}

/// Puts a whole file in the place of another, in one go.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let mut temporary = file.as_os_str().to_owned();
    temporary.push(format!(".{}.tmp", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)
        .and_then(|mut new| new.write_all(text.as_bytes()))
        .and_then(|()| fs::rename(&temporary, file));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}
