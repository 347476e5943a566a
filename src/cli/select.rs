//! Sessions that are chosen by role, rig or phase.

use super::args::Select;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use super::{ask, scene};
use crate::model::SortedSet;
use crate::model::{Desired, Orders, Phase, SessionName, Town};
use crate::observe::Depth;
use crate::render::words::phase_word;
use crate::render::{Scene, sanitise};

/// The longest word from the command line in a message, in characters.
const WORD: usize = 60;
/// So many sessions are named in a question.
const NAMED: usize = 8;

impl Select {
    /// The sessions of a look that fit all flags, among those named; among all when none is.
    ///
    /// # Errors
    /// A role, a rig or a phase that there is not.
    pub(super) fn choose(
        &self,
        scene: &Scene<'_>,
        named: &[SessionName],
    ) -> Result<Vec<SessionName>, Trouble> {
        self.check(scene.town)?;
        let rows = scene.rows();
        let is_named = |name: &SessionName| named.is_empty() || named.contains(name);
        let fits = |flags: &[String], is: &dyn Fn(&str) -> bool| {
            flags.is_empty() || flags.iter().any(|flag| is(flag))
        };
        let chosen = rows.iter().filter(|row| {
            is_named(row.session)
                && fits(&self.roles, &|role| row.role == Some(role))
                && fits(&self.rigs, &|rig| row.rig == Some(rig))
                && fits(&self.phases, &|phase| is_phase(row.phase, phase))
        });
        Ok(chosen.map(|row| row.session.clone()).collect())
    }

    /// Refuses a word that fits no session of the town whatever happens.
    fn check(&self, town: &Town) -> Result<(), Trouble> {
        let of = |word: fn(&Desired) -> Option<&str>| -> SortedSet<&str> {
            town.sessions.values().filter_map(word).collect()
        };
        let roles = of(|desired| Some(desired.role.as_str()));
        let rigs = of(|desired| desired.rig.as_deref());
        let phases = Phase::words().iter().copied().collect();
        all_known("role", &self.roles, &roles)?;
        all_known("rig", &self.rigs, &rigs)?;
        let asked: Vec<String> = self
            .phases
            .iter()
            .filter(|word| *word != phase_word(Phase::Foreign))
            .cloned()
            .collect();
        all_known("phase", &asked, &phases)
    }

    /// A sentence's object: `role crew, phase dead`.
    fn described(&self) -> String {
        let kinds = [
            ("role", &self.roles),
            ("rig", &self.rigs),
            ("phase", &self.phases),
        ];
        let parts: Vec<String> = kinds
            .iter()
            .filter(|(_, words)| !words.is_empty())
            .map(|(kind, words)| format!("{kind} {}", shown(&words.join(" or "))))
            .collect();
        parts.join(", ")
    }
}

fn is_phase(phase: Phase, word: &str) -> bool {
    phase.word() == word || phase_word(phase) == word
}

fn all_known(kind: &str, asked: &[String], known: &SortedSet<&str>) -> Result<(), Trouble> {
    let Some(unknown) = asked.iter().find(|word| !known.contains(word.as_str())) else {
        return Ok(());
    };
    let what = match kind {
        "phase" => format!("`{}` is not a phase", shown(unknown)),
        _ => format!("no session has the {kind} `{}`", shown(unknown)),
    };
    let names: Vec<&str> = known.iter().copied().collect();
    let help = if names.is_empty() {
        format!("no session of this town has a {kind}")
    } else {
        format!("{kind}s: {}", names.join(", "))
    };
    Err(Trouble::new(what).help(help).exits(Exit::Usage))
}

fn shown(text: &str) -> String {
    sanitise::line(text, WORD)
}

/// The declared sessions that a verb acts on: those named, those that fit the flags, or those named
/// that fit the flags.
///
/// # Errors
/// A name, role, rig or phase that there is not, or nothing that fits.
pub(super) async fn declared(
    place: &Place,
    named: &[impl AsRef<str>],
    select: &Select,
    terminal: &Terminal,
) -> Result<Vec<SessionName>, Trouble> {
    let named = place.all_declared(named)?;
    if select.is_empty() {
        return Ok(named);
    }
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let mut chosen = select.choose(&scene::of_survey(&survey), &named)?;
    // What others start is only ever expired.
    let is_declared = |name: &SessionName| place.town.sessions.contains_key(name);
    chosen.retain(is_declared);
    if chosen.is_empty() {
        let what = select.described();
        let trouble = Trouble::new(format!("no session fits ({what}): nothing was done"));
        return Err(trouble
            .help("`gtctl status` with the same flags shows what fits")
            .exits(Exit::Partial));
    }
    Ok(chosen)
}

/// Asks somebody at the terminal before a verb acts on several sessions that nobody named. A script
/// is not asked.
pub(super) fn consents(
    verb: &str,
    sessions: &[SessionName],
    select: &Select,
    yes: bool,
) -> Result<bool, Trouble> {
    if yes || !ask::is_somebody_there() || select.is_empty() || sessions.len() < 2 {
        return Ok(true);
    }
    let names: Vec<&str> = sessions
        .iter()
        .take(NAMED)
        .map(SessionName::as_str)
        .collect();
    let more = match sessions.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let names = names.join(", ");
    ask::consents(&format!(
        "{verb} {} sessions ({names}{more})?",
        sessions.len()
    ))
}
