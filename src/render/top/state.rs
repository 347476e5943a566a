//! What the screen knows: the last look, where the cursor is, and what is being typed.

use super::glyphs::Theme;
use super::layout::Layout;
use super::rows::{TopHead, TopRow};
use super::series::Series;
use crate::model::SessionName;
use crate::model::{SortedMap, SortedSet};
use crate::render::Role;

/// The most characters that can be typed into a line.
pub(super) const MAX_TYPED: usize = 4000;

/// A key, as the screen understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TopKey {
    /// A character.
    Char(char),
    /// A letter with Ctrl, in lower case.
    Ctrl(char),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Tab with Shift.
    BackTab,
    /// Backspace.
    Backspace,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
    /// Home.
    Home,
    /// End.
    End,
}

/// What the screen is told.
#[derive(Debug, Clone)]
pub enum TopInput {
    /// A key was pressed.
    Key(TopKey),
    /// The terminal has another size.
    Resized {
        /// Columns.
        width: u16,
        /// Lines.
        height: u16,
    },
    /// A look is over.
    Looked {
        /// The first line.
        head: TopHead,
        /// All sessions, in order.
        rows: Vec<TopRow>,
    },
    /// What sessions use, as far as it was measured.
    Measured(SortedMap<SessionName, Measured>),
    /// The last day of each session.
    Past(SortedMap<SessionName, Series>),
    /// The text of the lower pane.
    Lower(LowerPane),
    /// What a command would do, to be confirmed.
    Proposed(Proposed),
    /// Something to be said in the last line.
    Say(String, Role),
    /// A command has printed this. It is shown until a key is pressed.
    Printed {
        /// The command.
        title: String,
        /// Its output, clean.
        lines: Vec<String>,
    },
    /// So many commands are being carried out.
    Running(usize),
}

/// What the caller shall do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopIntent {
    /// End.
    Quit,
    /// Stop this job, as Ctrl-Z does in a shell.
    Suspend,
    /// Draw every cell again.
    Redraw,
    /// Say what this command would do ([`TopInput::Proposed`]); carry out nothing.
    Propose(CommandWords),
    /// Carry out this command.
    Run(CommandWords),
    /// Carry out this command, which only prints, and show what it prints.
    Print(CommandWords),
    /// Attach this terminal to the session.
    Attach(SessionName),
    /// Put this text into the terminal's clipboard.
    Copy(String),
    /// Open the manifest where the session is declared.
    Edit(SessionName),
}

/// A command as it would be typed after `gtctl`.
pub type CommandWords = Vec<String>;

/// What a command would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Proposed {
    /// The command.
    pub words: CommandWords,
    /// To how many sessions it would do something, or whose stop it would ask for.
    pub sessions: usize,
    /// The lines of the plan, clean.
    pub lines: Vec<String>,
}

/// What the process tree of a session uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measured {
    /// Processor time in percent of one core since the measure before; none at the first.
    pub cpu_percent: Option<u32>,
    /// Resident memory in bytes.
    pub rss: u64,
}

/// What the lower pane shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LowerTab {
    /// The live text of the session's pane.
    #[default]
    Pane,
    /// The end of its log.
    Log,
    /// What each rule says, and its settings.
    Why,
    /// Its last events.
    Events,
    /// The chores of the town.
    Chores,
}

impl LowerTab {
    /// All, in the order of their keys.
    pub const ALL: [Self; 5] = [Self::Pane, Self::Log, Self::Why, Self::Events, Self::Chores];

    /// Its word.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pane => "Pane",
            Self::Log => "Log",
            Self::Why => "Why",
            Self::Events => "Events",
            Self::Chores => "Chores",
        }
    }

    /// Whether new lines come at its end.
    fn grows(self) -> bool {
        match self {
            Self::Pane | Self::Log | Self::Events => true,
            Self::Why | Self::Chores => false,
        }
    }

    pub(super) fn next(self, step: usize) -> Self {
        let at = Self::ALL.iter().position(|tab| *tab == self).unwrap_or(0);
        let next = (at + step) % Self::ALL.len();
        Self::ALL.get(next).copied().unwrap_or_default()
    }
}

/// A clean line of the lower pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TextLine {
    /// Its text.
    pub text: String,
    /// Its role.
    pub role: Role,
}

/// The text of the lower pane.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LowerPane {
    /// Of which session; none for what is the town's.
    pub session: Option<SessionName>,
    /// Of which tab.
    pub tab: LowerTab,
    /// Its lines, the oldest first.
    pub lines: Vec<TextLine>,
}

/// What keys do now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Mode {
    /// They move and act.
    #[default]
    Browse,
    /// They type a filter.
    Filter,
    /// They type a text for a session.
    Nudge {
        /// The session.
        session: SessionName,
        /// What was typed so far.
        typed: String,
    },
    /// They type a command.
    Command {
        /// What was typed so far.
        typed: String,
    },
    /// They answer whether this shall be done.
    Confirm {
        /// What would be done.
        proposed: Proposed,
        /// What was typed so far, where a number is asked for.
        typed: String,
    },
    /// The next one closes the help.
    Help,
    /// They scroll the output of a command, or close it.
    Printed {
        /// The command.
        title: String,
        /// Its output.
        lines: Vec<String>,
        /// The first line that is shown.
        top: usize,
    },
}

/// The state of the screen.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TopState {
    pub(super) theme: Theme,
    pub(super) width: u16,
    pub(super) height: u16,
    pub(super) head: TopHead,
    pub(super) rows: Vec<TopRow>,
    /// The indexes of the rows that the filters let through.
    pub(super) shown: Vec<usize>,
    /// Only these sessions, where some were named; else all.
    pub(super) only: SortedSet<SessionName>,
    pub(super) filter: String,
    pub(super) phase: Option<&'static str>,
    pub(super) only_needing: bool,
    /// The session that the cursor is on.
    pub(super) cursor: Option<SessionName>,
    /// The line of the cursor among those shown.
    pub(super) at: usize,
    /// The first of the shown rows that is drawn.
    pub(super) top: usize,
    pub(super) marked: SortedSet<SessionName>,
    pub(super) measured: SortedMap<SessionName, Measured>,
    pub(super) past: SortedMap<SessionName, Series>,
    pub(super) tab: LowerTab,
    pub(super) lower: LowerPane,
    /// The first line that the lower pane shows, where it does not follow its end.
    pub(super) scrolled: usize,
    pub(super) follow: bool,
    /// Whether the lower pane is shown instead of the table, where there is room for one only.
    pub(super) lower_alone: bool,
    pub(super) mode: Mode,
    pub(super) said: Option<(String, Role)>,
    pub(super) running: usize,
}

impl TopState {
    /// A screen of so many columns and lines before the first look. `only` are the sessions to
    /// show; all, where none is named.
    #[must_use]
    pub fn new(theme: Theme, (width, height): (u16, u16), only: &[SessionName]) -> Self {
        Self {
            theme,
            width,
            height,
            only: only.iter().cloned().collect(),
            follow: true,
            ..Self::default()
        }
    }

    /// The session that the cursor is on.
    #[must_use]
    pub fn selected(&self) -> Option<&SessionName> {
        self.cursor.as_ref()
    }

    /// The sessions whose rows are drawn.
    pub fn visible(&self) -> impl Iterator<Item = &SessionName> {
        let height = usize::from(self.layout().table.height);
        let shown = self.shown.iter().skip(self.top).take(height);
        shown.filter_map(|index| Some(&self.rows.get(*index)?.session))
    }

    /// What the lower pane shall show; none where it is not drawn.
    #[must_use]
    pub fn wanted(&self) -> Option<(LowerTab, Option<&SessionName>)> {
        if self.layout().lower.height == 0 {
            return None;
        }
        match self.tab {
            LowerTab::Chores => Some((LowerTab::Chores, None)),
            LowerTab::Pane | LowerTab::Log | LowerTab::Why | LowerTab::Events => {
                Some((self.tab, Some(self.selected()?)))
            }
        }
    }

    /// Columns and lines of the lower pane's text.
    #[must_use]
    pub fn lower_size(&self) -> (u16, u16) {
        let lower = self.layout().lower;
        (lower.width, lower.height)
    }

    /// Whether columns are shown for which processes must be measured.
    #[must_use]
    pub fn shows_usage(&self) -> bool {
        super::table::is_wide(self.width)
    }

    pub(super) fn layout(&self) -> Layout {
        Layout::of(self)
    }

    /// The row of the cursor.
    pub(super) fn selected_row(&self) -> Option<&TopRow> {
        self.rows.get(*self.shown.get(self.at)?)
    }

    /// Whether any filter is on.
    pub(super) fn is_filtered(&self) -> bool {
        !self.filter.is_empty() || self.phase.is_some() || self.only_needing
    }

    /// The sessions that an action is meant for: those that are marked, else that of the cursor.
    pub(super) fn targets(&self) -> Vec<SessionName> {
        if self.marked.is_empty() {
            self.cursor.iter().cloned().collect()
        } else {
            self.marked.iter().cloned().collect()
        }
    }

    /// The sessions that a typed command without names is meant for: the marked ones, those that
    /// the filter shows, else that of the cursor.
    pub(super) fn targets_of_line(&self) -> Vec<SessionName> {
        if !self.marked.is_empty() || !self.is_filtered() {
            return self.targets();
        }
        let shown = self.shown.iter().filter_map(|index| self.rows.get(*index));
        shown.map(|row| row.session.clone()).collect()
    }

    pub(super) fn is_shown(&self, row: &TopRow) -> bool {
        let is_named = self.only.is_empty() || self.only.contains(&row.session);
        let is_phase = self.phase.is_none_or(|phase| phase == row.phase);
        let is_needing = !self.only_needing || row.needs_somebody;
        is_named && is_phase && is_needing && self.matches_filter(row)
    }

    fn matches_filter(&self, row: &TopRow) -> bool {
        if self.filter.is_empty() {
            return true;
        }
        let filter = self.filter.to_lowercase();
        let has = |text: &str| text.to_lowercase().contains(&filter);
        has(row.session.as_str()) || row.rig.as_deref().is_some_and(has) || has(&row.next)
    }

    /// The window of the lower pane's lines that is drawn, of `height` lines.
    pub(super) fn lower_top(&self, height: usize) -> usize {
        let most = self.lower.lines.len().saturating_sub(height);
        if self.follow && self.tab.grows() {
            most
        } else {
            self.scrolled.min(most)
        }
    }
}
