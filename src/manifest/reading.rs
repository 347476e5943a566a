//! What every step on the way to a town shares: the layers, the faults so far, and how to make a
//! fault for a path.

use super::Sources;
use super::check::Path;
use super::fault::{Fault, SourceFile, Span, ValueOrigin, shown};
use super::layer::{Layers, Part};
use super::template::{TemplateFault, WORDS, Words};
use super::wire;
use crate::model::SortedSet;
use std::path::PathBuf;

/// The state of one reading, on the way from the tables to a town.
pub(crate) struct Reading<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) layers: &'a Layers,
    pub(crate) files: &'a [SourceFile],
    pub(crate) manifest: &'a wire::Manifest,
    pub(crate) faults: Vec<Fault>,
    /// What `check` has removed because it was faulty.
    cut: SortedSet<Path>,
    /// Code and place of each fault that is noted only once, see [`Reading::add_once`].
    pub(crate) noted: SortedSet<(&'static str, ValueOrigin)>,
}

/// A path of these steps, such as `["town", "root"]`.
pub(crate) fn path<'s>(steps: impl IntoIterator<Item = &'s str>) -> Path {
    steps.into_iter().map(str::to_owned).collect()
}

impl<'a> Reading<'a> {
    /// Starts a reading of merged layers. `cut` has the paths that `check` has removed.
    pub(crate) fn new(
        sources: &'a Sources<'a>,
        layers: &'a Layers,
        files: &'a [SourceFile],
        manifest: &'a wire::Manifest,
        cut: Vec<Path>,
    ) -> Self {
        Self {
            sources,
            layers,
            files,
            manifest,
            faults: Vec::new(),
            noted: SortedSet::new(),
            cut: cut.into_iter().collect(),
        }
    }

    /// Whether `check` has removed this entry or a table around it.
    ///
    /// Such an entry already has its fault, so it must not be reported as missing, too.
    pub(crate) fn is_cut(&self, path: &[String]) -> bool {
        let is_removed = |table: &[String]| self.cut.contains(table);
        (1..=path.len()).any(|length| path.get(..length).is_some_and(is_removed))
    }

    /// An error at the value of a path.
    pub(crate) fn at(
        &self,
        path: &[String],
        code: &'static str,
        message: impl Into<String>,
    ) -> Fault {
        Fault::new(code, self.layers.origin(path, Part::Value), message)
    }

    /// An error at a table that lacks a required field. `None` if the field was there and faulty.
    pub(crate) fn lacks(
        &self,
        table: &[String],
        field: &str,
        message: impl Into<String>,
    ) -> Option<Fault> {
        let whole: Path = table.iter().cloned().chain([field.to_owned()]).collect();
        (!self.is_cut(&whole)).then(|| self.at(table, "missing-field", message))
    }

    /// Fills in the template at a path. Notes a fault and returns `None` if that fails.
    pub(crate) fn fill(
        &mut self,
        words: &Words<'_>,
        text: &str,
        path: impl FnOnce() -> Path,
    ) -> Option<String> {
        match words.fill(text) {
            Ok(filled) if filled.contains('\0') => {
                let fault = self.at(
                    &path(),
                    "bad-text",
                    "contains a NUL character; a program cannot get one",
                );
                self.faults.push(fault.help("remove \\u0000"));
                None
            }
            Ok(filled) => Some(filled),
            Err(fault) => {
                let fault = self.bad_template(&fault, &path());
                self.faults.push(fault);
                None
            }
        }
    }

    fn bad_template(&self, fault: &TemplateFault, path: &[String]) -> Fault {
        let origin = self.layers.origin(path, Part::Value);
        match fault {
            TemplateFault::Unknown(word) => Fault::new(
                "unknown-template",
                self.within(origin, &format!("{{{word}}}")),
                format!("there is no template `{{{}}}`", shown(word)),
            )
            .label("not known")
            .did_you_mean(word, WORDS, || {
                format!(
                    "use one of {{{}}}; write {{{{word}}}} for a literal {{word}}",
                    WORDS.join("} {")
                )
            }),
            TemplateFault::Unset(word) => Fault::new(
                "unset-template",
                self.within(origin, &format!("{{{word}}}")),
                format!("`{{{word}}}` has no value for this session"),
            )
            .help(unset_help(word)),
        }
    }

    /// The place of `piece` within a value. The whole value if it does not contain the piece.
    fn within(&self, origin: ValueOrigin, piece: &str) -> ValueOrigin {
        let ValueOrigin::File { file, span } = origin else {
            return origin;
        };
        let text = self
            .files
            .get(file)
            .and_then(|f| f.text.get(span.start..span.end))
            .unwrap_or_default();
        let span = text.find(piece).map_or(span, |offset| {
            let start = span.start + offset;
            let end = start + piece.len();
            Span { start, end }
        });
        ValueOrigin::File { file, span }
    }

    /// Makes a path of the manifest absolute. Notes a fault and returns `None` if that fails.
    ///
    /// `~` and `~/x` are in the home directory. A relative path is relative to the included file in
    /// which it stands, else to the manifest.
    pub(crate) fn absolute(&mut self, text: &str, path: impl FnOnce() -> Path) -> Option<PathBuf> {
        if let Some((code, message, help)) = self.path_fault(text) {
            let fault = self.at(&path(), code, message).help(help);
            self.faults.push(fault);
            return None;
        }
        let home = self.sources.home.unwrap_or(self.sources.base_dir);
        if let Some(below_home) = text.strip_prefix('~') {
            return Some(tidy(&home.join(below_home.trim_start_matches('/'))));
        }
        let folder = if self.layers.has_included() {
            self.layers.folder_of(&path())
        } else {
            None
        };
        Some(tidy(&folder.unwrap_or(self.sources.base_dir).join(text)))
    }

    /// Code, message and help of what is wrong with a path.
    fn path_fault(&self, text: &str) -> Option<(&'static str, &'static str, &'static str)> {
        let is_home = text == "~" || text.starts_with("~/");
        if text.is_empty() {
            Some((
                "empty-path",
                "an empty path",
                "remove it, or write \".\" for the manifest's directory",
            ))
        } else if text.starts_with('~') && !is_home {
            Some((
                "bad-path",
                "gtctl does not look up another user's home directory",
                "write the path in full",
            ))
        } else if is_home && self.sources.home.is_none() {
            Some((
                "no-home",
                "there is no home directory for `~`",
                "set HOME, or write the path in full",
            ))
        } else {
            None
        }
    }
}

/// The path without `.` components and doubled slashes.
fn tidy(path: &std::path::Path) -> PathBuf {
    path.components().collect()
}

/// The help for a template word that has no value.
pub(crate) fn unset_help(word: &str) -> String {
    match word {
        "rig" | "prefix" => "add rig = \"NAME\", with a rig of the town".to_owned(),
        "name" => "add name = \"NAME\"".to_owned(),
        "n" => "add count = 3, which numbers so many sessions".to_owned(),
        "agent" => "add agent = \"claude\"".to_owned(),
        other => format!("`{{{other}}}` cannot be used in this place"),
    }
}
