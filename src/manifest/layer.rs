//! A layer of settings: a figment provider that can say where each of its values stands.

use super::fault::ValueOrigin;
use super::text::{Places, places, span_of};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use std::cell::{OnceCell, RefCell};
use toml::de::DeValue;

/// Where a layer comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Compiled in; how `explain` calls it.
    BuiltIn(String),
    /// A file, by its index.
    File(usize),
    /// One environment variable.
    Variable(String),
    /// One flag.
    Flag(String),
}

impl Source {
    /// Whether a person wrote it.
    pub(crate) fn is_users(&self) -> bool {
        match self {
            Self::BuiltIn(_) => false,
            Self::File(_) | Self::Variable(_) | Self::Flag(_) => true,
        }
    }
}

/// One layer of settings.
pub(crate) struct Layer {
    pub(crate) source: Source,
    pub(crate) values: Dict,
    /// The text, for a layer read from one; its places are looked for when the first is asked for.
    text: Option<Box<str>>,
    places: OnceCell<Places>,
}

/// Which part of an entry is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    /// The key.
    Key,
    /// The value.
    Value,
}

impl Layer {
    /// A layer without places.
    pub(crate) fn new(source: Source, values: Dict) -> Self {
        Self {
            source,
            values,
            text: None,
            places: OnceCell::new(),
        }
    }

    /// A layer read from a text.
    pub(crate) fn of_text(source: Source, values: Dict, text: &str) -> Self {
        Self {
            text: Some(text.into()),
            ..Self::new(source, values)
        }
    }

    /// Where the entry at `path` stands; if it is not there, where the nearest table around it
    /// does.
    pub(crate) fn origin<S: AsRef<str>>(&self, path: &[S], part: Part) -> ValueOrigin {
        match &self.source {
            Source::BuiltIn(name) => ValueOrigin::BuiltIn(name.clone()),
            Source::Variable(name) => ValueOrigin::Variable(name.clone()),
            Source::Flag(name) => ValueOrigin::Flag(name.clone()),
            Source::File(file) => ValueOrigin::File {
                file: *file,
                span: locate(
                    self.places
                        .get_or_init(|| self.text.as_deref().map(places).unwrap_or_default()),
                    path,
                    part,
                ),
            },
        }
    }
}

fn locate<S: AsRef<str>>(root: &Places, path: &[S], part: Part) -> super::fault::Span {
    let mut found = (0..0).into();
    let mut here: Option<&DeValue<'static>> = None;
    for (depth, step) in path.iter().enumerate() {
        let table = match here {
            None => Some(root),
            Some(DeValue::Table(table)) => Some(table),
            Some(_) => None,
        };
        let next = match (table, here) {
            (Some(table), _) => table
                .get_key_value(step.as_ref())
                .map(|(key, item)| (Some(span_of(key)), item)),
            (None, Some(DeValue::Array(items))) => step
                .as_ref()
                .parse::<usize>()
                .ok()
                .and_then(|i| items.get(i))
                .map(|item| (None, item)),
            (None, _) => None,
        };
        let Some((key, item)) = next else {
            return found;
        };
        let last = depth + 1 == path.len();
        found = match (key, part) {
            (Some(key), Part::Key) if last => key,
            (Some(key), _) if !last && matches!(item.get_ref(), DeValue::Array(_)) => key,
            _ => span_of(item),
        };
        here = Some(item.get_ref());
    }
    found
}

/// A layer's values on their way into figment; its name there is the layer's index.
struct Provided {
    index: usize,
    values: RefCell<Dict>,
}

impl Provider for Provided {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.index.to_string())
    }

    /// Hands the values over instead of copying them: figment asks once.
    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        Ok(Map::from([(Profile::Default, self.values.take())]))
    }
}

/// All layers, and what they come to.
pub(crate) struct Layers {
    stack: Vec<Layer>,
    figment: Figment,
    merged: Value,
}

impl Layers {
    /// Merges layers, weakest first: tables are united, all else is replaced.
    ///
    /// # Errors
    /// Whatever figment says; none is known.
    pub(crate) fn merge(mut layers: Vec<Layer>) -> Result<Self, Box<figment::Error>> {
        let mut figment = Figment::new();
        for (index, layer) in layers.iter_mut().enumerate() {
            figment = figment.merge(Provided {
                index,
                values: RefCell::new(std::mem::take(&mut layer.values)),
            });
        }
        let merged = figment.find_value("").map_err(Box::new)?;
        Ok(Self {
            stack: layers,
            figment,
            merged,
        })
    }

    /// Everything, merged.
    pub(crate) fn merged(&self) -> &Value {
        &self.merged
    }

    /// The merged value at a path.
    pub(crate) fn value<S: AsRef<str>>(&self, path: &[S]) -> Option<&Value> {
        path.iter()
            .try_fold(&self.merged, |value, step| child(value, step.as_ref()))
    }

    /// The layer that has the say over the entry at `path`, or over the nearest table around it.
    pub(crate) fn layer_of<S: AsRef<str>>(&self, path: &[S]) -> Option<&Layer> {
        let mut here = &self.merged;
        let mut found = None;
        for step in path {
            let Some(next) = child(here, step.as_ref()) else {
                break;
            };
            here = next;
            found = self.figment.get_metadata(here.tag()).or(found);
        }
        self.stack.get(found?.name.parse::<usize>().ok()?)
    }

    /// Where the entry at `path` that has the say stands.
    pub(crate) fn origin<S: AsRef<str>>(&self, path: &[S], part: Part) -> ValueOrigin {
        self.layer_of(path)
            .map_or_else(|| self.start(), |layer| layer.origin(path, part))
    }

    /// Where a thing would stand that is nowhere: the start of the strongest file.
    fn start(&self) -> ValueOrigin {
        self.in_file::<&str>(&[])
    }

    /// Where an entry stands in the strongest file, or should stand.
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
