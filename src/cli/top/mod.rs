//! `gtctl top`: the town, live.
//!
//! The screen itself is pure ([`crate::render::top`]). This folder does what it asks for: it owns
//! the terminal, looks at the town, and carries out verbs.
//!
//! | file | its part |
//! |---|---|
//! | `screen.rs` `keys.rs` `signals.rs` | the terminal |
//! | `look.rs` `usage.rs` `past.rs` `lower.rs` | what is shown |
//! | `propose.rs` `verbs.rs` `hand_over.rs` | what is done |

mod app;
mod hand_over;
mod keys;
mod look;
mod lower;
mod past;
mod propose;
mod screen;
mod signals;
mod usage;
mod verbs;

use super::args::{Global, Select, Status, Top, Words};
use super::exit::{Exit, Trouble};
use super::fleet;
use super::output::Terminal;
use super::place::Place;
use super::shared;
use crate::render::top::{Glyphs, Theme, TopState};
use app::App;
pub use screen::LiveScreen;
use std::io::{self, IsTerminal};

pub(super) async fn run(global: &Global, args: &Top, terminal: &Terminal) -> Result<Exit, Trouble> {
    if !can_show(terminal) {
        let trouble = Trouble::new("`gtctl top` needs a terminal");
        return Err(trouble
            .help("`gtctl status` prints the same once; `gtctl status --watch -o json` prints it again and again")
            .exits(Exit::Usage));
    }
    show(global, &args.words, terminal).await
}

/// Whether a screen can be shown: both ends are a terminal that can move its cursor.
pub(super) fn can_show(terminal: &Terminal) -> bool {
    terminal.moves_cursor && io::stdin().is_terminal()
}

/// Shows the town until somebody quits: these sessions (or the manifest, by a path), all where none
/// is named.
pub(super) async fn show(
    global: &Global,
    words: &Words,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let town = words.town();
    let place = Place::find_or_last_good(global, &town, terminal)?;
    if place.town.hosts.fleet.is_some() {
        let args = Status {
            words: words.clone(),
            select: Select::default(),
            watch: true,
        };
        return Box::pin(shared::status(&place, global, &args, terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        return fleet.live(words, terminal).await;
    }
    let only = place.sessions(&words.sessions())?;
    let theme = Theme {
        colour: terminal.colour_out,
        glyphs: glyphs(),
    };
    let unusable = |fault: io::Error| Trouble::new("the terminal cannot be used").because(&fault);
    let screen = LiveScreen::open().map_err(unusable)?;
    let size = screen.size().map_err(unusable)?;
    let state = TopState::new(theme, size, &only);
    let app = App::new((global, town), place, terminal.under_screen(), state);
    app.run(screen, terminal).await
}

/// Which characters the locale has, by the first of its variables that is set.
fn glyphs() -> Glyphs {
    let variables = ["LC_ALL", "LC_CTYPE", "LANG"];
    let locale = variables
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|value| !value.is_empty());
    let locale = locale.unwrap_or_default().to_lowercase();
    if locale.contains("utf-8") || locale.contains("utf8") {
        Glyphs::Unicode
    } else {
        Glyphs::Ascii
    }
}
