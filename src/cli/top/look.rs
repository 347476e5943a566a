//! One look at the town, as the screen keeps it.

use crate::cli::exit::Trouble;
use crate::cli::looks::Looks;
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::cli::states::keeper;
use crate::model::SortedMap;
use crate::model::{
    Keeper, Life, Memory, Moment, Observed, PaneId, Plan, ProcId, Seen, SessionName, Town,
};
use crate::proc;
use crate::render::Scene;
use crate::store::View;
use std::borrow::Cow;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;

/// What a look saw, and what follows from it.
pub(super) struct Looked {
    place: Rc<Place>,
    /// The town with the sessions of others that a policy covers, where there are any.
    town: Option<Town>,
    pub(super) now: Moment,
    pub(super) observed: Observed,
    pub(super) memory: Memory,
    pub(super) plan: Plan,
    pub(super) keeper: Keeper,
}

/// Where a session is.
pub(super) enum Whereabouts {
    /// It lives in this pane.
    Lives(PaneId),
    /// It has ended, and left these lines.
    Ended(Vec<String>),
    /// There is none.
    Nowhere,
}

impl Looked {
    /// The town as it was declared and covered at the look.
    pub(super) fn town(&self) -> &Town {
        self.town.as_ref().unwrap_or(&self.place.town)
    }

    /// What it was made from.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    /// What pages are drawn from.
    pub(super) fn scene(&self) -> Scene<'_> {
        Scene {
            town: self.town(),
            observed: &self.observed,
            memory: &self.memory,
            plan: &self.plan,
            now: self.now,
        }
    }

    /// The processes of the sessions that lived.
    pub(super) fn processes(&self) -> SortedMap<&str, ProcId> {
        let process = |seen: &Seen| match seen.life {
            Life::Alive { process, .. } => Some(process),
            Life::Dead { .. } | Life::Unknown(_) => None,
        };
        let seen = self.scene().seen().into_iter();
        seen.filter_map(|(name, seen)| Some((name, process(seen)?)))
            .collect()
    }

    /// Where a session was.
    pub(super) fn whereabouts(&self, session: &SessionName) -> Whereabouts {
        let seen = self.scene().seen();
        let Some(seen) = seen.get(session.as_str()) else {
            return Whereabouts::Nowhere;
        };
        match &seen.life {
            Life::Alive { .. } => Whereabouts::Lives(seen.pane),
            Life::Dead { tail, .. } => Whereabouts::Ended(tail.clone()),
            Life::Unknown(_) => Whereabouts::Nowhere,
        }
    }
}

/// The end of a look.
pub(super) struct LookEnd {
    pub(super) looks: Looks,
    pub(super) looked: Result<Looked, Trouble>,
    /// The processor time that it took.
    pub(super) cost: Duration,
}

/// A look under way.
pub(super) type Looking = Pin<Box<dyn Future<Output = LookEnd>>>;

/// Begins a look.
pub(super) fn look(place: Rc<Place>, mut looks: Looks, terminal: Rc<Terminal>) -> Looking {
    Box::pin(async move {
        let before = proc::clock::cpu_time();
        let looked = looked(&place, &mut looks, &terminal).await;
        LookEnd {
            looks,
            looked,
            cost: proc::clock::cpu_time().saturating_sub(before),
        }
    })
}

async fn looked(
    place: &Rc<Place>,
    looks: &mut Looks,
    terminal: &Terminal,
) -> Result<Looked, Trouble> {
    let view = View::of(&place.state);
    let survey = looks.next(place, &view, terminal).await?;
    survey
        .notices
        .iter()
        .for_each(|notice| terminal.warn(notice));
    looks.memory = Some(survey.memory.clone());
    let town = match survey.town {
        Cow::Borrowed(_) => None,
        Cow::Owned(town) => Some(town),
    };
    Ok(Looked {
        place: Rc::clone(place),
        town,
        now: survey.now,
        observed: survey.observed,
        memory: survey.memory,
        plan: survey.plan,
        keeper: keeper(&view, survey.now),
    })
}
