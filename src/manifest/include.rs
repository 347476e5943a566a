//! `include`: a manifest in several files.
//!
//! An included file is read as if its tables stood in the file that includes it. Where both give a
//! value, the including file wins; of two files that one file includes, the later one wins. Lists
//! of tables, such as `[[session]]`, follow one another. A file is read once, however often it is
//! named.

use super::Sources;
use super::check::{Findings, Path};
use super::fault::{Fault, SourceFile, ValueOrigin, shown};
use super::layer::{LISTS, Layer, Part, Source};
use super::{shown_path, text};
use crate::model::SortedSet;
use figment::value::Value;
use std::path::{Component, Path as FsPath, PathBuf};

/// The most files that a manifest may include.
const MAX_FILES: usize = 256;
/// The most bytes that all included files may have together.
const MAX_BYTES: usize = 4 << 20;
/// The field itself.
const INCLUDE: &str = "include";

/// A file that a pattern of `include` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Included {
    /// Its absolute path.
    pub path: PathBuf,
    /// Its text, or why it cannot be read.
    pub text: Result<String, Unread>,
}

/// Why a file cannot be included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// What is wrong, as a fragment.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// The files that a manifest is made of, each as it is shown and as a layer.
#[derive(Default)]
pub(crate) struct Parsed {
    /// The user file, the manifest, then the included files in the order in which they are named.
    pub(crate) files: Vec<SourceFile>,
    /// The same as layers, weakest first.
    pub(crate) layers: Vec<Layer>,
    /// Syntax errors. If there is one, nothing else counts.
    pub(crate) syntax: Vec<Fault>,
    /// Other faults of `include`.
    pub(crate) findings: Findings,
    /// The real paths of the manifest and of what it includes.
    seen: SortedSet<PathBuf>,
    /// The bytes of the included files.
    bytes: usize,
}

impl Parsed {
    /// Parses the user file, if there is one, and the manifest with all that it includes.
    pub(crate) fn of(sources: &Sources<'_>) -> Self {
        let mut parsed = Self::default();
        if let Some((path, text)) = sources.user
            && let Some(mut layer) = parsed.parse(path, text)
        {
            parsed.refuse(
                &mut layer,
                INCLUDE,
                "the user's own file cannot include files",
            );
            parsed.layers.push(layer);
        }
        let whole = sources.base_dir.join(file_name(sources.town_path));
        if let Some(layer) = parsed.parse(sources.town_path, sources.town_text) {
            parsed.seen.insert(whole.clone());
            parsed.add(layer, &whole, &[], sources);
        }
        parsed
    }

    /// Notes a file and parses its text. `None` if it is no TOML.
    fn parse(&mut self, shown: &FsPath, text: &str) -> Option<Layer> {
        let file = self.files.len();
        self.files.push(SourceFile {
            name: shown_path(shown),
            text: text.to_owned(),
        });
        match text::parse(file, text) {
            Ok(values) => Some(Layer::of_text(Source::File(file), values, text)),
            Err(faults) => {
                self.syntax.extend(faults);
                None
            }
        }
    }

    /// Adds what a file includes, and then the file itself: it is the stronger layer.
    ///
    /// `path` is the absolute path of the file. `above` has the files that include it.
    fn add(&mut self, layer: Layer, path: &FsPath, above: &[PathBuf], sources: &Sources<'_>) {
        let above: Vec<PathBuf> = above.iter().cloned().chain([path.to_path_buf()]).collect();
        let patterns = match layer.values.get(INCLUDE) {
            Some(Value::Array(_, items)) => items.clone(),
            // `check` reports what is no list.
            Some(_) | None => Vec::new(),
        };
        for (index, pattern) in patterns.iter().enumerate() {
            // `check` reports what is no text.
            let Some(pattern) = pattern.as_str() else {
                continue;
            };
            let at = [INCLUDE.to_owned(), index.to_string()];
            let origin = layer.origin(&at, Part::Value);
            if let Err(fault) = self.include(pattern, &origin, &above, sources) {
                self.findings.faults.push(*fault);
            }
        }
        self.layers.push(layer);
    }

    /// Adds the files that a pattern names.
    fn include(
        &mut self,
        pattern: &str,
        origin: &ValueOrigin,
        above: &[PathBuf],
        sources: &Sources<'_>,
    ) -> Result<(), Box<Fault>> {
        let including = above.last().map_or(sources.base_dir, PathBuf::as_path);
        let whole = absolute(pattern, including, sources, origin)?;
        let is_pattern = has_wildcard(&whole);
        let mut found = (sources.include)(&whole).map_err(|why| unread(origin, &why))?;
        found.sort_by(|a, b| a.path.cmp(&b.path));
        if found.is_empty() && !is_pattern {
            let message = format!("there is no file `{}`", shown(pattern));
            let fault = Fault::new("no-include", origin.clone(), message);
            return Err(Box::new(
                fault.help("create it, or remove it from `include`"),
            ));
        }
        for Included { path, text } in found {
            if above.contains(&path) && !is_pattern {
                return Err(cycle(origin, &path, above, sources));
            }
            if !self.seen.insert(path.clone()) {
                continue;
            }
            let text = text.map_err(|why| unread(origin, &why))?;
            self.bytes += text.len();
            if self.seen.len() > MAX_FILES + 1 || self.bytes > MAX_BYTES {
                return Err(too_many(origin));
            }
            let Some(mut layer) = self.parse(&as_shown(&path, sources), &text) else {
                continue;
            };
            self.refuse(&mut layer, "town", "an included file cannot have `[town]`");
            layer.included_in(path.parent().unwrap_or(FsPath::new("/")));
            self.add(layer, &path, above, sources);
        }
        Ok(())
    }

    /// Removes an entry that a file may not have, and notes the fault.
    fn refuse(&mut self, layer: &mut Layer, key: &str, message: &str) {
        if !layer.values.contains_key(key) {
            return;
        }
        let path: Path = vec![key.to_owned()];
        let fault = Fault::new("not-here", layer.origin(&path, Part::Key), message);
        let help = format!("write it into town.toml, and remove it here: `{key}`");
        self.findings.faults.push(fault.help(help));
        layer.values.remove(key);
    }
}

/// Tells the included layers where their lists begin in the merged lists.
///
/// The lists of the manifest come first, then those of the files in the order of their reading.
pub(crate) fn place_lists(layers: &mut [Layer]) {
    let mut order: Vec<usize> = (0..layers.len()).collect();
    order.sort_by_key(
        |index| match layers.get(*index).map(|layer| &layer.source) {
            Some(Source::File(file)) => *file,
            Some(_) | None => usize::MAX,
        },
    );
    let mut length = LISTS.map(|_| 0);
    for index in order {
        let Some(layer) = layers.get_mut(index) else {
            continue;
        };
        let own = LISTS.map(|list| match layer.values.get(list) {
            Some(Value::Array(_, items)) => items.len(),
            Some(_) | None => 0,
        });
        if layer.is_included() {
            layer.starts = length;
            for (total, own) in length.iter_mut().zip(own) {
                *total += own;
            }
        } else if matches!(layer.source, Source::File(_)) {
            // The manifest's lists replace those of the user's file.
            length = own;
        }
    }
}

/// The absolute path of a pattern in the file `including`.
fn absolute(
    pattern: &str,
    including: &FsPath,
    sources: &Sources<'_>,
    origin: &ValueOrigin,
) -> Result<PathBuf, Box<Fault>> {
    let fault = |message: &str, help: &str| {
        let fault = Fault::new("bad-include", origin.clone(), message);
        Err(Box::new(fault.help(help)))
    };
    let folder = including.parent().unwrap_or(FsPath::new("/"));
    let whole = match (pattern.strip_prefix("~/"), sources.home) {
        (Some(below), Some(home)) => home.join(below),
        (Some(_), None) => {
            return fault(
                "there is no home directory for `~`",
                "write the path in full",
            );
        }
        (None, _) => folder.join(pattern),
    };
    let whole = tidy(&whole);
    let in_folder = FsPath::new(pattern)
        .parent()
        .is_some_and(|folder| folder.ancestors().any(has_wildcard));
    match pattern {
        "" => fault("an empty path", "write a path such as \"rigs/*.toml\""),
        _ if pattern.contains('\0') => fault("contains a NUL character", "remove \\u0000"),
        _ if in_folder => fault(
            "`*` and `?` can stand only in the name of the file",
            "name each folder, as in include = [\"a/*.toml\", \"b/*.toml\"]",
        ),
        _ => Ok(whole),
    }
}

/// The path without `.` and `..`: the same file must have the same path.
fn tidy(path: &FsPath) -> PathBuf {
    let mut tidy = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                tidy.pop();
            }
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::Normal(_) => tidy.push(part),
        }
    }
    tidy
}

/// Whether the name of a file is a pattern, with `*` or `?`.
#[must_use]
pub fn has_wildcard(path: &FsPath) -> bool {
    path.file_name()
        .is_some_and(|name| name.to_string_lossy().contains(['*', '?']))
}

/// The path of an included file as messages show it: as the manifest's own, where it lies below.
fn as_shown(path: &FsPath, sources: &Sources<'_>) -> PathBuf {
    let folder = sources.town_path.parent().unwrap_or(FsPath::new(""));
    path.strip_prefix(sources.base_dir)
        .map_or_else(|_| path.to_path_buf(), |below| folder.join(below))
}

fn file_name(path: &FsPath) -> &FsPath {
    path.file_name().map_or(path, FsPath::new)
}

fn unread(origin: &ValueOrigin, why: &Unread) -> Box<Fault> {
    let message = shown_whole(&why.message);
    let fault = Fault::new("unread-include", origin.clone(), message);
    Box::new(fault.help(shown_whole(&why.help)))
}

/// As [`shown`], but whole: the text has paths.
fn shown_whole(text: &str) -> String {
    super::fault::escaped(text, 4096)
}

fn cycle(
    origin: &ValueOrigin,
    path: &FsPath,
    above: &[PathBuf],
    sources: &Sources<'_>,
) -> Box<Fault> {
    let start = above
        .iter()
        .position(|file| file == path)
        .unwrap_or_default();
    let files = above.iter().skip(start).map(PathBuf::as_path).chain([path]);
    let names: Vec<String> = files
        .map(|file| shown_path(&as_shown(file, sources)))
        .collect();
    let message = format!("files include each other: {}", names.join(" → "));
    let fault = Fault::new("include-cycle", origin.clone(), message);
    Box::new(fault.help("remove one of them from `include`"))
}

fn too_many(origin: &ValueOrigin) -> Box<Fault> {
    let message = format!(
        "more than {MAX_FILES} included files, or more than {} MiB of them",
        MAX_BYTES >> 20
    );
    let fault = Fault::new("too-many-includes", origin.clone(), message);
    let help = "put several into one file, or make two towns, each with its own `town.name`";
    Box::new(fault.help(help))
}
