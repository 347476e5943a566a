//! The loop: waits for keys, looks, verbs and signals, and does what the screen asks for.

use super::hand_over::{self, Way};
use super::keys::Keys;
use super::look::{LookEnd, Looked, Looking, look};
use super::lower;
use super::past::{Events, LastDay};
use super::propose::propose;
use super::screen::LiveScreen;
use super::signals::{Asked, Signals};
use super::usage::UsageMeter;
use super::verbs::{Show, Verb};
use crate::cli::agree::warn_of_others;
use crate::cli::args::{Global, TownArg};
use crate::cli::exit::{Exit, Trouble};
use crate::cli::looks::Looks;
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::cli::stamps::{Change, Followed};
use crate::controller::{Lookout, Pace};
use crate::model::SessionName;
use crate::model::SortedSet;
use crate::proc;
use crate::render::top::{
    CommandWords, LowerPane, LowerTab, TopHead, TopInput, TopIntent, TopKey, TopState, rows,
    update, view,
};
use crate::render::{Colour, Paper, Role};
use crate::store::View;
use std::future::pending;
use std::pin::Pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// The least time between two looks.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Looks at a large town are so far apart that they take one part of this many of a core.
const SHARE: u32 = 33;
/// The least time between two reads of the live pane.
const PANE_EVERY: Duration = Duration::from_millis(500);

/// So many remarks are remembered as told.
const MOST_TOLD: usize = 100;

/// A read of the live pane under way.
type Capturing = Pin<Box<dyn Future<Output = LowerPane>>>;

/// What the loop has waited for.
enum Happened {
    Keys(Option<Vec<TopKey>>),
    Signal(Asked),
    Looked(Box<LookEnd>),
    LookDue,
    Captured(LowerPane),
    PaneDue,
    Verb(TopInput),
}

/// Whether the screen goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Going {
    On,
    /// Somebody quit.
    Quit,
    /// The terminal is gone, or a signal asks for the end.
    Ended,
}

/// What the loop waits for.
struct Waits {
    keys: Keys,
    signals: Signals,
    lookout: Lookout,
    /// The look under way.
    looking: Option<Looking>,
    /// What looks keep for the next one, between two of them.
    looks: Option<Looks>,
    pace: Pace,
    capturing: Option<Capturing>,
    /// When the live pane may be read again.
    pane_due: Instant,
    verbs: JoinSet<TopInput>,
}

/// The screen and all that belongs to it.
pub(super) struct App<'g> {
    global: &'g Global,
    town: TownArg,
    terminal: Rc<Terminal>,
    place: Rc<Place>,
    followed: Followed,
    state: TopState,
    looked: Option<Rc<Looked>>,
    events: Events,
    last_day: LastDay,
    usage: UsageMeter,
    /// What was said beside the screen so far: each look would say it again.
    told: SortedSet<String>,
    /// Whether the screen differs from the state.
    is_stale: bool,
}

impl<'g> App<'g> {
    pub(super) fn new(
        (global, town): (&'g Global, TownArg),
        place: Place,
        terminal: Terminal,
        state: TopState,
    ) -> Self {
        Self {
            global,
            town,
            terminal: Rc::new(terminal),
            followed: Followed::new(place.stamps.clone()),
            events: Events::of(&place.state),
            place: Rc::new(place),
            state,
            looked: None,
            last_day: LastDay::default(),
            usage: UsageMeter::default(),
            told: SortedSet::new(),
            is_stale: true,
        }
    }

    /// Runs until somebody quits. What is still being carried out then is waited for, on `plain`.
    pub(super) async fn run(
        mut self,
        mut screen: LiveScreen,
        plain: &Terminal,
    ) -> Result<Exit, Trouble> {
        let mut waits = self.listen()?;
        let going = loop {
            self.draw(&mut screen)?;
            let happened = waits.next(self.shows_live_pane()).await;
            let going = self.take(happened, &mut waits, &mut screen).await;
            if going != Going::On {
                break going;
            }
        };
        drop(screen);
        if going == Going::Quit {
            finish(waits, plain).await;
        }
        Ok(Exit::Done)
    }

    fn listen(&self) -> Result<Waits, Trouble> {
        let unheard = |e: std::io::Error| Trouble::new("cannot listen for events").because(&e);
        let looking = look(
            Rc::clone(&self.place),
            Looks::default(),
            Rc::clone(&self.terminal),
        );
        Ok(Waits {
            keys: Keys::listen().map_err(unheard)?,
            signals: Signals::listen()?,
            lookout: Lookout::new(&View::of(&self.place.state)).map_err(unheard)?,
            looking: Some(looking),
            looks: None,
            pace: Pace {
                least: LOOK_EVERY,
                most: LOOK_EVERY,
            },
            capturing: None,
            pane_due: Instant::now(),
            verbs: JoinSet::new(),
        })
    }

    fn draw(&mut self, screen: &mut LiveScreen) -> Result<(), Trouble> {
        if !std::mem::take(&mut self.is_stale) {
            return Ok(());
        }
        screen
            .draw(|frame| view(&self.state, frame))
            .map_err(|fault| Trouble::new("the terminal cannot be written").because(&fault))
    }

    async fn take(
        &mut self,
        happened: Happened,
        waits: &mut Waits,
        screen: &mut LiveScreen,
    ) -> Going {
        match happened {
            Happened::Keys(None) => return Going::Ended,
            Happened::Keys(Some(keys)) => {
                for key in keys {
                    let going = self.input(TopInput::Key(key), waits, screen).await;
                    if going != Going::On {
                        return going;
                    }
                }
            }
            Happened::Signal(asked) => return self.heed(asked, screen),
            Happened::Looked(end) => self.take_in(*end, waits),
            Happened::LookDue => self.begin_look(waits),
            Happened::Captured(lower) => self.tell(TopInput::Lower(lower)),
            Happened::PaneDue => {
                waits.pane_due = Instant::now() + PANE_EVERY;
                waits.capturing = self.capture();
            }
            Happened::Verb(told) => {
                self.tell(told);
                self.tell(TopInput::Running(waits.verbs.len()));
                self.begin_look(waits);
            }
        }
        Going::On
    }

    /// Takes in what asks for nothing in return.
    fn tell(&mut self, input: TopInput) {
        let (state, _) = update(std::mem::take(&mut self.state), input);
        self.state = state;
        self.is_stale = true;
    }

    /// Takes in a key, and does what it asks for.
    async fn input(
        &mut self,
        input: TopInput,
        waits: &mut Waits,
        screen: &mut LiveScreen,
    ) -> Going {
        let before = wanted(&self.state);
        let (state, intents) = update(std::mem::take(&mut self.state), input);
        self.state = state;
        self.is_stale = true;
        for intent in intents {
            let going = self.carry_out(intent, waits, screen).await;
            if going != Going::On {
                return going;
            }
        }
        if wanted(&self.state) != before {
            self.show_lower();
            waits.capturing = None;
        }
        Going::On
    }

    async fn carry_out(
        &mut self,
        intent: TopIntent,
        waits: &mut Waits,
        screen: &mut LiveScreen,
    ) -> Going {
        match intent {
            TopIntent::Quit => return Going::Quit,
            TopIntent::Suspend => self.suspend(screen),
            TopIntent::Redraw => self.redraw(screen),
            TopIntent::Propose(words) => self.propose(words),
            TopIntent::Run(words) => self.begin_verb(words, Show::LastLine, waits),
            TopIntent::Print(words) => self.begin_verb(words, Show::All, waits),
            TopIntent::Attach(session) => self.attach(&session, screen).await,
            TopIntent::Copy(text) => match hand_over::copy(&text) {
                Ok(()) => self.say(format!("copied {text}"), Role::Plain),
                Err(fault) => self.say(format!("cannot copy: {fault}"), Role::Bad),
            },
            TopIntent::Edit(session) => self.edit(&session, screen).await,
        }
        Going::On
    }

    fn heed(&mut self, asked: Asked, screen: &mut LiveScreen) -> Going {
        match asked {
            Asked::End => return Going::Ended,
            Asked::Stop => self.suspend(screen),
            Asked::Continued => {
                if screen.enter().is_err() {
                    return Going::Ended;
                }
                self.is_stale = true;
            }
            Asked::Resized => {
                if let Ok((width, height)) = screen.size() {
                    self.tell(TopInput::Resized { width, height });
                    self.show_lower();
                }
            }
        }
        Going::On
    }

    fn suspend(&mut self, screen: &mut LiveScreen) {
        LiveScreen::leave();
        let was_stopped = proc::own::stop();
        self.enter(screen);
        if !was_stopped {
            let text = "no shell has started gtctl here, so nobody could continue it";
            self.say(text.to_owned(), Role::Change);
        }
    }

    /// Takes the terminal back. Where that fails, the next drawing fails as well, and ends it.
    fn enter(&mut self, screen: &mut LiveScreen) {
        let _ = screen.enter();
        if let Ok((width, height)) = screen.size() {
            self.tell(TopInput::Resized { width, height });
        }
        self.is_stale = true;
    }

    fn redraw(&mut self, screen: &mut LiveScreen) {
        let _ = screen.forget();
        self.is_stale = true;
    }

    fn say(&mut self, text: String, role: Role) {
        self.tell(TopInput::Say(text, role));
    }

    fn paper(&self, columns: Option<usize>) -> Paper {
        Paper {
            width: columns,
            colour: Colour::Off,
            ..self.terminal.paper(proc::clock::now())
        }
    }

    fn propose(&mut self, words: CommandWords) {
        let paper = self.paper(None);
        let proposed = match &self.looked {
            Some(looked) => propose(looked, words, &paper),
            None => Err("nothing is known of the town yet".to_owned()),
        };
        match proposed {
            Ok(proposed) => self.tell(TopInput::Proposed(proposed)),
            Err(why) => self.say(why, Role::Change),
        }
    }

    fn begin_verb(&mut self, words: CommandWords, show: Show, waits: &mut Waits) {
        let verb = Verb::new(words, show, &self.place, self.global);
        self.say(format!("{} …", verb.title()), Role::Plain);
        waits.verbs.spawn(verb.run());
        self.tell(TopInput::Running(waits.verbs.len()));
    }

    async fn attach(&mut self, session: &SessionName, screen: &mut LiveScreen) {
        let Some(looked) = self.looked.clone() else {
            return;
        };
        let ended = match hand_over::way(&looked) {
            Way::Switch(pane) => hand_over::switch(&looked, session, &pane).await,
            Way::Attach => {
                LiveScreen::leave();
                let ended = hand_over::attach(&looked, session).await;
                self.enter(screen);
                ended
            }
        };
        if let Err(why) = ended {
            self.say(why, Role::Bad);
        }
    }

    async fn edit(&mut self, session: &SessionName, screen: &mut LiveScreen) {
        LiveScreen::leave();
        let ended = hand_over::edit(&self.place, session).await;
        self.enter(screen);
        if let Err(why) = ended {
            self.say(why, Role::Bad);
        }
    }

    fn begin_look(&mut self, waits: &mut Waits) {
        self.read_past();
        self.read_manifest();
        if let Some(looks) = waits.looks.take() {
            let (place, terminal) = (Rc::clone(&self.place), Rc::clone(&self.terminal));
            waits.looking = Some(look(place, looks, terminal));
        }
    }

    /// Reads the manifest again where it was edited. One with errors changes nothing.
    fn read_manifest(&mut self) {
        if self.followed.look(proc::clock::now()) != Change::Settled {
            return;
        }
        match Place::find_or_last_good(self.global, &self.town, &self.terminal) {
            Ok(place) => {
                self.followed = Followed::new(place.stamps.clone());
                self.place = Rc::new(place);
            }
            Err(trouble) => {
                self.followed.read_late();
                self.say(trouble.message, Role::Bad);
            }
        }
    }

    fn take_in(&mut self, end: LookEnd, waits: &mut Waits) {
        let LookEnd {
            looks,
            looked,
            cost,
        } = end;
        let most = LOOK_EVERY.max(cost * SHARE);
        waits.pace = Pace {
            least: LOOK_EVERY.max(most / 2),
            most,
        };
        let view = View::of(&self.place.state);
        match looked {
            Ok(looked) => {
                waits.lookout.attend(&looked.observed, &looks.cache, &view);
                self.show_look(looked);
            }
            Err(trouble) => {
                waits.lookout.rest();
                self.say(trouble.message, Role::Bad);
            }
        }
        waits.looks = Some(looks);
        self.tell_new();
    }

    /// Says what a look has said beside the screen, unless it was said before.
    fn tell_new(&mut self) {
        if self.told.len() > MOST_TOLD {
            self.told.clear();
        }
        for text in self.terminal.take_kept() {
            if self.told.insert(text.clone()) {
                self.say(text, Role::Change);
            }
        }
    }

    fn show_look(&mut self, looked: Looked) {
        let scene = looked.scene();
        let head = TopHead::of(&scene, &looked.keeper);
        let rows = rows(&scene, &self.paper(None));
        self.tell(TopInput::Looked { head, rows });
        if self.state.shows_usage() {
            let measured = self.usage.measure(&looked, self.state.visible());
            self.tell(TopInput::Measured(measured));
        }
        self.looked = Some(Rc::new(looked));
        self.show_lower();
    }

    /// Reads what has happened. Not before the first look is shown: it may take longer than that.
    fn read_past(&mut self) {
        let Some(looked) = &self.looked else { return };
        if !self.events.is_begun() {
            warn_of_others(&self.place, &self.terminal);
        }
        self.events.read();
        let view = View::of(&self.place.state);
        if let Some(past) = self.last_day.read(&view, looked.now) {
            self.tell(TopInput::Past(past));
        }
        if self
            .state
            .wanted()
            .is_some_and(|(tab, _)| tab == LowerTab::Events)
        {
            self.show_lower();
        }
    }

    /// Brings the lower pane up to date; the live pane is read by [`capture`](Self::capture).
    fn show_lower(&mut self) {
        let (Some(looked), Some((tab, session))) = (&self.looked, self.state.wanted()) else {
            return;
        };
        let is_live = session.is_some_and(|session| lower::live_pane(looked, session).is_some());
        if tab == LowerTab::Pane && is_live {
            return;
        }
        let (columns, _) = self.state.lower_size();
        let paper = self.paper(Some(usize::from(columns)));
        let text = lower::text(looked, &self.events, (tab, session), &paper);
        self.tell(TopInput::Lower(text));
    }

    /// Whether the text of a living session's pane is shown.
    fn shows_live_pane(&self) -> bool {
        let (Some(looked), Some((LowerTab::Pane, Some(session)))) =
            (&self.looked, self.state.wanted())
        else {
            return false;
        };
        lower::live_pane(looked, session).is_some()
    }

    fn capture(&self) -> Option<Capturing> {
        let (looked, (_, session)) = (self.looked.as_ref()?, self.state.wanted()?);
        let session = session?.clone();
        let pane = lower::live_pane(looked, &session)?;
        let client = self.place.client.clone();
        Some(Box::pin(lower::capture(client, pane, session)))
    }
}

/// What the lower pane shall show.
fn wanted(state: &TopState) -> Option<(LowerTab, Option<SessionName>)> {
    let (tab, session) = state.wanted()?;
    Some((tab, session.cloned()))
}

impl Waits {
    async fn next(&mut self, shows_live_pane: bool) -> Happened {
        let Self {
            keys,
            signals,
            lookout,
            looking,
            looks,
            pace,
            capturing,
            pane_due,
            verbs,
        } = self;
        let is_resting = looks.is_some();
        let reads_pane = shows_live_pane && capturing.is_none();
        tokio::select! {
            biased;
            asked = signals.next() => Happened::Signal(asked),
            keys = keys.next() => Happened::Keys(keys),
            Some(told) = verbs.join_next() => Happened::Verb(ended(told)),
            lower = under_way(capturing) => Happened::Captured(lower),
            end = under_way(looking) => Happened::Looked(Box::new(end)),
            () = lookout.wait_at(*pace), if is_resting => Happened::LookDue,
            () = sleep_until(*pane_due), if reads_pane => Happened::PaneDue,
        }
    }
}

fn ended(told: Result<TopInput, tokio::task::JoinError>) -> TopInput {
    told.unwrap_or_else(|fault| TopInput::Say(fault.to_string(), Role::Bad))
}

/// Waits for what is under way; for ever where nothing is. It is then no longer.
async fn under_way<T>(what: &mut Option<Pin<Box<dyn Future<Output = T>>>>) -> T {
    let Some(future) = what else {
        return pending().await;
    };
    let done = future.await;
    *what = None;
    done
}

/// Waits for the verbs that are still being carried out. The next signal ends the wait, and them.
async fn finish(waits: Waits, plain: &Terminal) {
    let Waits {
        mut verbs,
        mut signals,
        ..
    } = waits;
    if verbs.is_empty() {
        return;
    }
    plain.note("finishing what was begun; Ctrl-C breaks it off");
    loop {
        tokio::select! {
            told = verbs.join_next() => match told {
                None => return,
                Some(told) => {
                    if let TopInput::Say(text, _) = ended(told) {
                        plain.note(&text);
                    }
                }
            },
            asked = signals.next() => if asked == Asked::End { return },
        }
    }
}
