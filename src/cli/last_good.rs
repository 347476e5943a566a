//! The last good definition of a town. Some verbs can work with it while the manifest is broken.

use super::args::Global;
use super::manifest::{ManifestFile, Texts};
use super::output::Terminal;
use super::states::{state_of, views_of_all};
use crate::manifest::{Fault, Faults, Loaded, Severity, ValueOrigin};
use crate::model::{Period, SessionName};
use crate::proc;
use crate::store::{LastGood, View};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A definition that was good when it was saved.
pub(super) struct Kept {
    pub(super) loaded: Loaded,
    pub(super) texts: Texts,
    /// The state directory in which it was saved.
    pub(super) state: PathBuf,
    since: SystemTime,
}

/// The last good definition from this manifest. None where there is none, or where it is no longer
/// good.
pub(super) fn find(file: &ManifestFile, broken: Option<&Texts>, global: &Global) -> Option<Kept> {
    let text = broken.map_or("", |texts| texts.town.as_str());
    let named = named_state(file, text, global);
    let everywhere = || {
        newest(
            views_of_all(global)
                .iter()
                .filter_map(|view| kept_in(view, file)),
        )
    };
    let kept = named
        .and_then(|view| kept_in(&view, file))
        .or_else(everywhere)?;
    let LastGood {
        layers: _,
        town_text,
        user_text,
        included,
    } = kept.good;
    let texts = Texts {
        town: town_text,
        user: user_text,
        included,
    };
    let loaded = file.resolve_kept(&texts).ok()?.ok()?;
    Some(Kept {
        loaded,
        texts,
        state: kept.state,
        since: kept.since,
    })
}

/// The definition in one state directory.
struct Found {
    good: LastGood,
    state: PathBuf,
    since: SystemTime,
}

fn newest(found: impl Iterator<Item = Found>) -> Option<Found> {
    found.max_by_key(|found| found.since)
}

/// The definition in this state directory, if it came from this manifest and nobody else could have
/// written it.
fn kept_in(view: &View, file: &ManifestFile) -> Option<Found> {
    let path = view.last_good_file();
    let metadata = fs::symlink_metadata(&path).ok()?;
    file.check(&path, &metadata).ok()?;
    let good = view.last_good().filter(|good| !good.town_text.is_empty())?;
    let is_of_it = is_same_file(&good.layers.file, &file.absolute().ok()?);
    is_of_it.then_some(Found {
        good,
        state: view.path().to_path_buf(),
        since: metadata.modified().ok()?,
    })
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// The state directory of the town whose name a broken text still tells.
fn named_state(file: &ManifestFile, text: &str, global: &Global) -> Option<View> {
    let name = SessionName::new(value_of(text, "name")?).ok()?;
    let folder = file.absolute().ok()?.parent()?.to_path_buf();
    let root = value_of(text, "root").map(|root| folder.join(root));
    state_of(global, &name, root.as_deref()).ok().map(View::of)
}

/// A string of the `[town]` table in a text that may be broken TOML. Reads only a whole line
/// without escapes.
fn value_of<'t>(text: &'t str, key: &str) -> Option<&'t str> {
    let after_head = text
        .lines()
        .map(str::trim)
        .skip_while(|line| *line != "[town]")
        .skip(1);
    let mut table = after_head.take_while(|line| !line.starts_with('['));
    table.find_map(|line| {
        let value = line
            .strip_prefix(key)?
            .trim_start()
            .strip_prefix('=')?
            .trim_start()
            .strip_prefix('"')?;
        let (value, _) = value.split_once('"')?;
        (!value.contains('\\')).then_some(value)
    })
}

/// Warns that the manifest is broken and that the verb uses this definition.
pub(super) fn warn(kept: &Kept, faults: &Faults, file: &ManifestFile, terminal: &Terminal) {
    let (broken, time) = (complaint(faults, &file.path), time_of(kept, terminal));
    terminal.warn(&format!(
        "{broken}; gtctl uses the last good one, of {time}. `gtctl validate` shows the errors"
    ));
}

/// Warns that the manifest is missing or no text, and that the verb uses this definition.
pub(super) fn warn_of_no_text(kept: &Kept, file: &ManifestFile, terminal: &Terminal) {
    let (shown, time) = (file.path.display(), time_of(kept, terminal));
    let what = if file.path.exists() {
        "is not text"
    } else {
        "does not exist"
    };
    terminal.warn(&format!(
        "{shown} {what}; gtctl uses the last good one, of {time}"
    ));
}

/// When it was saved, in words.
fn time_of(kept: &Kept, terminal: &Terminal) -> String {
    let now = proc::clock::now();
    let age = kept.since.elapsed().unwrap_or_default();
    let age = Period::from_millis(u64::try_from(age.as_millis()).unwrap_or(u64::MAX));
    terminal.paper(now).clock.time(now.minus(age))
}

/// The number of errors, and the first one.
fn complaint(faults: &Faults, path: &Path) -> String {
    let mut errors = faults
        .list
        .iter()
        .filter(|fault| fault.severity == Severity::Error);
    let first = errors.next();
    let count = first.iter().count() + errors.count();
    let noun = if count == 1 { "error" } else { "errors" };
    let unplaced = (path.display().to_string(), String::new());
    let (name, line) = first
        .and_then(|fault| place_of(fault, faults))
        .unwrap_or(unplaced);
    let message = first
        .map(|fault| fault.message.as_str())
        .unwrap_or_default();
    format!("{name} has {count} {noun} ({line}{message})")
}

/// The file of a fault, and its line in words.
fn place_of(fault: &Fault, faults: &Faults) -> Option<(String, String)> {
    let ValueOrigin::File { file, span } = &fault.origin else {
        return None;
    };
    let file = faults.files.get(*file)?;
    let (line, _) = file.position(span.start);
    Some((file.name.clone(), format!("line {line}: ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_read_from_a_text_that_is_no_toml() {
        let text = "# a\n[defaults\nname = \"no\"\n[town]\nname = \"gt\" # ours\nroot=\"/gt\n[[session]]\nroot = \"/x\"\n";
        assert_eq!(
            (value_of(text, "name"), value_of(text, "root")),
            (Some("gt"), None)
        );
        assert_eq!(value_of("name = \"gt\"", "name"), None);
    }
}
