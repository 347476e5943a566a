//! Instructions: copies a file of the user to the place where a session's agent reads it. It never
//! overwrites edits.
//!
//! The written file has a digest of itself. So the file alone tells whether it is unchanged, even
//! without the state directory. Any other file belongs to somebody else. It stays, and the
//! instructions are written beside it.

use crate::files::aside::{self, Asking, Late};
use crate::files::{self, Links};
use crate::model::signed::{is_as_signed, signed};
use crate::model::{Action, Desired, Plan, SessionName};
use crate::trust::check_open_file;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The largest instructions, and the largest file in their place, in bytes.
const MAX_BYTES: u64 = 1 << 20;
/// The name suffix of the instructions beside an edited file.
const BESIDE: &str = "gtctl-new";

/// The state of the file that an agent reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Instructions {
    /// It has the instructions.
    Same,
    /// It does not exist, or has older instructions. It will be written.
    Fresh,
    /// Somebody has edited it, so it stays. Tells whether the instructions are already beside it.
    Edited {
        /// Where they are, or will be.
        beside: PathBuf,
        /// Whether the present instructions are there.
        told: bool,
    },
    /// The instructions cannot be read, and why.
    Unreadable(String),
    /// The directory for them does not exist.
    NoDir,
}

/// The state and the path of a session's file. None without instructions. Writes nothing.
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

/// Writes the instructions of the sessions that this plan starts. Returns messages for the users.
///
/// If that fails a session starts anyway: a dead session would help nobody.
///
/// Takes at most [`aside::PATIENCE`]. A file that is not written by then, on a disk that does not
/// answer, is reported.
pub async fn instruct(plan: &Plan) -> Vec<String> {
    let begun = plan
        .steps
        .iter()
        .filter(|step| step.action.begins().is_some());
    let started = begun.filter_map(|step| started(&step.action));
    let instructed: Vec<Desired> = started
        .filter(|desired| desired.instructions.is_some())
        .cloned()
        .collect();
    if instructed.is_empty() {
        return vec![];
    }
    let about: Vec<_> = instructed
        .iter()
        .map(|desired| (desired.name.clone(), place(desired).to_path_buf()))
        .collect();
    let written = aside::many(aside::PATIENCE, instructed, |desired, _| {
        let _asking = Asking::about(place(desired))?;
        Ok(told(desired))
    });
    let written = written
        .await
        .into_iter()
        .map(|answer| answer.unwrap_or_else(Err));
    let outcome = |((name, place), written): ((SessionName, PathBuf), Result<_, Late>)| {
        written.unwrap_or_else(|late| {
            let late = late.about(&place);
            Some(format!(
                "the instructions of {name} may not have been written: {late}"
            ))
        })
    };
    about.into_iter().zip(written).filter_map(outcome).collect()
}

/// Files on a disk that may not answer. If several sessions have the same instructions, the disk is
/// asked once.
fn place(desired: &Desired) -> &Path {
    desired.instructions.as_ref().unwrap_or(&desired.dir)
}

fn started(action: &Action) -> Option<&Desired> {
    match action {
        Action::Start { desired, .. } | Action::Restart { desired, .. } => Some(desired),
        Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => None,
    }
}

fn told(desired: &Desired) -> Option<String> {
    let (file, standing) = instructions(desired)?;
    let source = desired.instructions.as_deref()?;
    let (shown, name) = (file.display(), &desired.name);
    let wrote = |to: &Path| match text(source).and_then(|(_, text)| replace(to, &text)) {
        Ok(()) => None,
        Err(fault) => Some(format!(
            "the instructions of {name} were not written to {}: {fault}",
            to.display()
        )),
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

/// The instructions as read, and as written.
fn text(source: &Path) -> io::Result<(String, String)> {
    let raw = read_trusted(source)?;
    let name = source
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    // The name is part of a comment. It must not end the comment.
    let name: String = name
        .chars()
        .filter(|c| c.is_alphanumeric() || "._ ".contains(*c))
        .collect();
    let gap = if raw.ends_with('\n') { "\n" } else { "\n\n" };
    let before = format!(
        "{raw}{gap}<!-- Written by gtctl from {name}. What you change here stays; gtctl then writes beside it. "
    );
    Ok((raw, signed(&before, " -->\n")))
}

fn standing(file: &Path, raw: &str, text: &str) -> Instructions {
    let found = read(file, Links::Refuse);
    match found {
        Ok(found) if found == text || found == raw => Instructions::Same,
        Ok(found) if is_as_signed(&found) => Instructions::Fresh,
        Err(fault) if fault.kind() == ErrorKind::NotFound => Instructions::Fresh,
        // A link, a folder or a file that is no text belongs to somebody else too.
        Ok(_) | Err(_) => {
            let mut beside = file.as_os_str().to_owned();
            beside.push(".");
            beside.push(BESIDE);
            let beside = PathBuf::from(beside);
            let told = read(&beside, Links::Refuse).is_ok_and(|found| found == text);
            Instructions::Edited { beside, told }
        }
    }
}

/// The text of a file that nobody else could have written: an agent obeys it.
fn read_trusted(path: &Path) -> io::Result<String> {
    let opened = files::open(path, Links::Follow)?;
    check_open_file(&opened.file, path).map_err(|distrust| {
        io::Error::new(
            ErrorKind::PermissionDenied,
            format!("{distrust}; type: {}", distrust.fix()),
        )
    })?;
    files::read_opened(opened, MAX_BYTES).and_then(files::text_of)
}

/// The text of a regular file. It never waits for a pipe.
fn read(path: &Path, links: Links) -> io::Result<String> {
    files::read_text(path, links, MAX_BYTES)
}

/// Replaces a file by a whole new one in one step.
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
