//! Layers of settings: each knows its values and where they stand; [`Layers`] merges them.

use super::check::Path;
use super::fault::{Span, ValueOrigin};
use super::text::{Places, places, span_of};
use figment::value::{Dict, Map, Tag, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::cell::{OnceCell, RefCell};
use std::path::{Path as FsPath, PathBuf};
use toml::Spanned;
use toml::de::{DeArray, DeValue};

/// Where a layer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Compiled in: the name that `explain` shows, such as `profile standard`.
    BuiltIn(String),
    /// A file, by its index in [`Faults::files`](super::Faults::files).
    File(usize),
    /// An environment variable, by its name.
    Variable(String),
    /// A flag, as typed.
    Flag(String),
}

impl Source {
    /// Whether the user wrote it.
    pub(crate) fn is_users(&self) -> bool {
        match self {
            Self::BuiltIn(_) => false,
            Self::File(_) | Self::Variable(_) | Self::Flag(_) => true,
        }
    }
}

/// The lists of tables. Those of included files follow those of the manifest.
pub(crate) const LISTS: [&str; 3] = ["session", "policy", "chore"];

/// One layer of settings.
pub(crate) struct Layer {
    pub(crate) source: Source,
    pub(crate) values: Dict,
    /// The folder of an included file.
    folder: Option<PathBuf>,
    /// How many tables stand before its own in the merged lists, for each of [`LISTS`].
    pub(crate) starts: [usize; LISTS.len()],
    /// The text of a layer that was read from a file.
    text: Option<Box<str>>,
    /// The places in the text. Found when the first is asked for: most manifests have no fault.
    places: OnceCell<Places>,
}

/// Which part of an entry `key = value` to point at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    Key,
    Value,
}

impl Layer {
    /// A layer whose values have no place in a file.
    pub(crate) fn new(source: Source, values: Dict) -> Self {
        Self {
            source,
            values,
            folder: None,
            starts: LISTS.map(|_| 0),
            text: None,
            places: OnceCell::new(),
        }
    }

    /// A layer that was read from the text of a file.
    pub(crate) fn of_text(source: Source, values: Dict, text: &str) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::new(source, values)
        }
    }

    /// Makes it the layer of an included file in this folder.
    pub(crate) fn included_in(&mut self, folder: &FsPath) {
        self.folder = Some(folder.to_path_buf());
    }

    pub(crate) fn is_included(&self) -> bool {
        self.folder.is_some()
    }

    /// The path in the merged values of what has this path in the layer.
    pub(crate) fn merged_path(&self, mut path: Path) -> Path {
        let start = self.start_of(&path);
        if let Some((index, step)) = path.get_mut(1).and_then(numbered) {
            *step = (index + start).to_string();
        }
        path
    }

    /// As [`Layer::origin`], for a path in the merged values.
    fn origin_of_merged<S: AsRef<str>>(&self, path: &[S], part: Part) -> ValueOrigin {
        let start = self.start_of(path);
        if start == 0 {
            return self.origin(path, part);
        }
        let mut own: Path = path.iter().map(|step| step.as_ref().to_owned()).collect();
        if let Some((index, step)) = own.get_mut(1).and_then(numbered) {
            *step = index.saturating_sub(start).to_string();
        }
        self.origin(&own, part)
    }

    /// How many tables stand before its own in the merged list that `path` begins with.
    fn start_of<S: AsRef<str>>(&self, path: &[S]) -> usize {
        let list = path.first().map_or("", AsRef::as_ref);
        let starts = LISTS.iter().zip(self.starts);
        starts
            .into_iter()
            .find_map(|(name, start)| (*name == list).then_some(start))
            .unwrap_or(0)
    }

    /// Where the entry at `path` stands in this layer. If it is missing: the nearest table around
    /// it.
    pub(crate) fn origin<S: AsRef<str>>(&self, path: &[S], part: Part) -> ValueOrigin {
        match &self.source {
            Source::BuiltIn(name) => ValueOrigin::BuiltIn(name.clone()),
            Source::Variable(name) => ValueOrigin::Variable(name.clone()),
            Source::Flag(name) => ValueOrigin::Flag(name.clone()),
            Source::File(file) => ValueOrigin::File {
                file: *file,
                span: locate(self.places(), path, part),
            },
        }
    }

    fn places(&self) -> &Places {
        let find = || self.text.as_deref().map(places).unwrap_or_default();
        self.places.get_or_init(find)
    }
}

/// A step of a path that is an index, and the index.
fn numbered(step: &mut String) -> Option<(usize, &mut String)> {
    Some((step.parse().ok()?, step))
}

/// The span of the entry at `path`, or of the nearest table around it. Empty if there is neither.
fn locate<S: AsRef<str>>(root: &Places, path: &[S], part: Part) -> Span {
    let mut span = (0..0).into();
    let Some((first, steps)) = path.split_first() else {
        return span;
    };
    let mut next = entry(root, first.as_ref());
    let mut steps = steps.iter();
    while let Some((key, item)) = next {
        let step = steps.next();
        let is_list = matches!(item.get_ref(), DeValue::Array(_));
        span = match key {
            Some(key) if step.is_none() && part == Part::Key => key,
            // The key stands for the whole list: its items may be far apart.
            Some(key) if step.is_some() && is_list => key,
            Some(_) | None => span_of(item),
        };
        let Some(step) = step else { break };
        next = match item.get_ref() {
            DeValue::Table(table) => entry(table, step.as_ref()),
            DeValue::Array(items) => element(items, step.as_ref()),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => None,
        };
    }
    span
}

/// The span of a key, which elements of lists lack, and the value.
type Entry<'p> = (Option<Span>, &'p Spanned<DeValue<'static>>);

fn entry<'p>(table: &'p Places, key: &str) -> Option<Entry<'p>> {
    let (key, item) = table.get_key_value(key)?;
    Some((Some(span_of(key)), item))
}

fn element<'p>(items: &'p DeArray<'static>, index: &str) -> Option<Entry<'p>> {
    let item = items.get(index.parse::<usize>().ok()?)?;
    Some((None, item))
}

/// The values of one layer, as figment takes them. figment knows the layer by its index.
struct Provided {
    index: usize,
    values: RefCell<Dict>,
}

impl Provider for Provided {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.index.to_string())
    }

    /// Moves the values instead of copying them. That is enough, because figment asks once.
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.take())]))
    }
}

/// All layers, and their merged values.
pub(crate) struct Layers {
    stack: Vec<Layer>,
    figment: Figment,
    merged: Value,
    has_included: bool,
}

impl Layers {
    /// Merges layers, weakest first. Tables are merged; a stronger layer replaces all else.
    ///
    /// # Errors
    /// The error of figment. No input is known that causes one.
    pub(crate) fn merge(mut layers: Vec<Layer>) -> Result<Self, Box<figment::Error>> {
        let included = take_lists(&mut layers);
        let mut figment = Figment::new();
        for (index, layer) in layers.iter_mut().enumerate() {
            figment = figment.merge(Provided {
                index,
                values: RefCell::new(std::mem::take(&mut layer.values)),
            });
        }
        let has_included = !included.is_empty();
        for provided in included {
            figment = figment.admerge(provided);
        }
        let merged = figment.find_value("").map_err(Box::new)?;
        Ok(Self {
            stack: layers,
            figment,
            merged,
            has_included,
        })
    }

    /// The merged values of all layers.
    pub(crate) fn merged(&self) -> &Value {
        &self.merged
    }

    /// The merged value at a path.
    pub(crate) fn value<S: AsRef<str>>(&self, path: &[S]) -> Option<&Value> {
        path.iter()
            .try_fold(&self.merged, |value, step| child(value, step.as_ref()))
    }

    /// Whether there is a value at a path, which nobody has to build.
    pub(crate) fn has<'s>(&self, mut path: impl Iterator<Item = &'s &'s str>) -> bool {
        path.try_fold(&self.merged, |value, step| child(value, step))
            .is_some()
    }

    /// The layer whose entry at `path` is in force. If no layer has it: the layer of the nearest
    /// table around it.
    pub(crate) fn layer_of<S: AsRef<str>>(&self, path: &[S]) -> Option<&Layer> {
        let mut value = &self.merged;
        let mut metadata = None;
        for step in path {
            let Some(next) = child(value, step.as_ref()) else {
                break;
            };
            value = next;
            metadata = self.figment.get_metadata(value.tag()).or(metadata);
        }
        let index = metadata?.name.parse::<usize>().ok()?;
        self.stack.get(index)
    }

    /// Where the entry at `path` that is in force stands.
    pub(crate) fn origin<S: AsRef<str>>(&self, path: &[S], part: Part) -> ValueOrigin {
        self.layer_of(path)
            .map_or_else(|| self.start(), |layer| layer.origin_of_merged(path, part))
    }

    /// The folder of the included file whose entry at `path` is in force. `None` if the entry
    /// stands elsewhere.
    pub(crate) fn folder_of<S: AsRef<str>>(&self, path: &[S]) -> Option<&FsPath> {
        self.layer_of(path)?.folder.as_deref()
    }

    /// Whether there are included files.
    pub(crate) fn has_included(&self) -> bool {
        self.has_included
    }

    /// The start of the strongest file: the place of what stands nowhere.
    fn start(&self) -> ValueOrigin {
        self.in_file::<&str>(&[])
    }

    /// Where an entry stands in the strongest file, or where it should stand.
    pub(crate) fn in_file<S: AsRef<str>>(&self, path: &[S]) -> ValueOrigin {
        let file = self
            .stack
            .iter()
            .rev()
            .find(|layer| matches!(layer.source, Source::File(_)));
        file.map_or_else(
            || ValueOrigin::BuiltIn("built-in".into()),
            |layer| layer.origin(path, Part::Key),
        )
    }
}

/// Takes the lists of tables out of the layers of included files, in the order of the files.
///
/// The manifest gets an empty list for each that only included files have, so that its lists still
/// replace those of the user's file.
fn take_lists(layers: &mut [Layer]) -> Vec<Provided> {
    let mut taken: Vec<([usize; LISTS.len()], Provided)> = Vec::new();
    for (index, layer) in layers.iter_mut().enumerate() {
        if !layer.is_included() {
            continue;
        }
        let lists = LISTS
            .iter()
            .filter_map(|list| layer.values.remove_entry(*list));
        let values = RefCell::new(lists.collect::<Dict>());
        taken.push((layer.starts, Provided { index, values }));
    }
    taken.sort_by_key(|(starts, _)| *starts);
    let names: Vec<String> = taken
        .iter()
        .flat_map(|(_, provided)| provided.values.borrow().keys().cloned().collect::<Vec<_>>())
        .collect();
    let manifest = layers
        .iter_mut()
        .rev()
        .find(|layer| matches!(layer.source, Source::File(_)) && !layer.is_included());
    if let Some(manifest) = manifest {
        for name in names {
            let empty = || Value::Array(Tag::Default, Vec::new());
            manifest.values.entry(name).or_insert_with(empty);
        }
    }
    taken.into_iter().map(|(_, provided)| provided).collect()
}

fn child<'v>(value: &'v Value, step: &str) -> Option<&'v Value> {
    match value {
        Value::Dict(_, entries) => entries.get(step),
        Value::Array(_, items) => items.get(step.parse::<usize>().ok()?),
        Value::String(..)
        | Value::Char(..)
        | Value::Bool(..)
        | Value::Num(..)
        | Value::Empty(..) => None,
    }
}
