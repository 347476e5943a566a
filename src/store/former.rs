//! Reads what version 1 of the state format has, which gtctl 0.1.0 and the first builds of 0.2.0
//! wrote.
//!
//! Version 1 keeps what belongs to one run beside the run, and most of it names the generation
//! again. Version 2 keeps it in the run. What version 1 has of another run than the last one is
//! dropped: nothing looks at it any more.

use crate::model::SortedMap;
use crate::model::written::{bounded_map, from_value};
use crate::model::{
    Content, Death, Fingerprint, Finished, Footprint, Generation, History, Incarnation, Limited,
    Marks, Memory, Moment, ProgramCheck, RanWith, SessionName, Typed,
};
use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The fields of an object, not yet read as what they are.
type Fields = Map<String, Value>;

/// A memory as version 1 has it.
pub(super) struct FormerMemory {
    sessions: SortedMap<SessionName, FormerHistory>,
    /// All but the sessions is as it was.
    memory: Memory,
}

impl<'de> Deserialize<'de> for FormerMemory {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut fields = Fields::deserialize(d)?;
        let sessions = fields.remove("sessions");
        let sessions = sessions.as_ref().map(from_value::<FormerSessions>);
        Ok(Self {
            sessions: sessions
                .transpose()
                .map_err(D::Error::custom)?
                .unwrap_or_default()
                .0,
            memory: from_value(&Value::Object(fields)).map_err(D::Error::custom)?,
        })
    }
}

/// The sessions of a memory as version 1 has it.
#[derive(Default, Deserialize)]
struct FormerSessions(
    #[serde(deserialize_with = "bounded_map::<{ Memory::MAX_SESSIONS }, _, _, _>")]
    SortedMap<SessionName, FormerHistory>,
);

/// A history as version 1 has it.
struct FormerHistory {
    finished: Option<FormerFinished>,
    of_run: OfRun,
    /// All else is as it was.
    history: History,
}

impl<'de> Deserialize<'de> for FormerHistory {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let mut fields = Fields::deserialize(d)?;
        // It has another form now.
        let finished = fields.remove("finished").unwrap_or_default();
        // The first builds of 0.2.0 gave it this name.
        if let Some(job) = fields.remove("errand") {
            fields.insert("launcher_job".to_owned(), job);
        }
        let text = Value::Object(fields).to_string();
        Ok(Self {
            finished: from_value(&finished).map_err(D::Error::custom)?,
            of_run: serde_json::from_str(&text).map_err(D::Error::custom)?,
            history: serde_json::from_str(&text).map_err(D::Error::custom)?,
        })
    }
}

/// A field that names its run.
struct Named<T> {
    generation: Generation,
    field: T,
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let fields = Value::deserialize(d)?;
        let generation = fields.get("generation").unwrap_or(&Value::Null);
        Ok(Self {
            generation: from_value(generation).map_err(D::Error::custom)?,
            field: from_value(&fields).map_err(D::Error::custom)?,
        })
    }
}

/// When something was done.
#[derive(Deserialize)]
struct DoneAt {
    at: Moment,
}

/// What version 1 keeps beside the run that it belongs to.
#[derive(Default, Deserialize)]
#[serde(default)]
struct OfRun {
    draining: Option<Moment>,
    agentless: u32,
    content: Option<Named<Content>>,
    marks: Option<Named<Marks>>,
    nudged: Option<Moment>,
    typed: Vec<Named<Typed>>,
    #[serde(alias = "roused")]
    escape_sent: Option<Named<DoneAt>>,
    footprint: Option<Named<Footprint>>,
    program: Option<Named<ProgramCheck>>,
    ran_with: Option<RanWith>,
    limited: Option<Named<Limited>>,
    conversation_refused: Option<Generation>,
}

/// The end of a task as version 1 has it.
#[derive(Deserialize)]
struct FormerFinished {
    fingerprint: Fingerprint,
    death: Option<Death>,
    /// None where 0.1.0 wrote it.
    well: Option<bool>,
    at: Moment,
}

impl<T> Named<T> {
    /// The field, if it is of this run.
    fn of(self, generation: Generation) -> Option<T> {
        (self.generation == generation).then_some(self.field)
    }
}

impl OfRun {
    /// Puts all that belongs to the run into it.
    fn add_to(self, run: &mut Incarnation) {
        let Self {
            draining,
            agentless,
            content,
            marks,
            nudged,
            typed,
            escape_sent,
            footprint,
            program,
            ran_with,
            limited,
            conversation_refused,
        } = self;
        let of = run.generation;
        let typed = typed.into_iter().filter_map(|typed| typed.of(of));
        run.draining = draining;
        run.agentless = agentless;
        run.content = content.and_then(|content| content.of(of));
        run.marks = marks.and_then(|marks| marks.of(of));
        run.nudged = nudged;
        run.typed = typed.collect();
        run.escape_sent = escape_sent.and_then(|sent| sent.of(of)).map(|sent| sent.at);
        run.footprint = footprint.and_then(|footprint| footprint.of(of));
        run.program = program.and_then(|program| program.of(of));
        run.ran_with = ran_with;
        run.limited = limited.and_then(|limited| limited.of(of));
        run.conversation_refused = conversation_refused == Some(of);
    }
}

impl From<FormerFinished> for Finished {
    fn from(former: FormerFinished) -> Self {
        let FormerFinished {
            fingerprint,
            death,
            well,
            at,
        } = former;
        let left_well = death.is_none_or(|death| death.is_clean());
        Self {
            fingerprint,
            death,
            well: well.unwrap_or(left_well),
            at,
        }
    }
}

impl From<FormerHistory> for History {
    fn from(former: FormerHistory) -> Self {
        let FormerHistory {
            finished,
            of_run,
            mut history,
        } = former;
        if let Some(run) = &mut history.run {
            of_run.add_to(run);
        }
        Self {
            finished: finished.map(Finished::from),
            ..history
        }
    }
}

impl From<FormerMemory> for Memory {
    fn from(former: FormerMemory) -> Self {
        let FormerMemory { sessions, memory } = former;
        let sessions = sessions.into_iter();
        Self {
            sessions: sessions
                .map(|(name, history)| (name, history.into()))
                .collect(),
            ..memory
        }
    }
}
