//! The terminal as a screen: taken over, drawn on, and given back however the process ends.

use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::style::ResetColor;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui_core::terminal::Terminal;
use ratatui_crossterm::CrosstermBackend;
use std::io::{self, BufWriter, Stdout, stdout};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;

/// Bytes that are written at once: more than a large screen takes.
const BUFFER: usize = 64 << 10;

/// Whether a screen is shown now, for a panic.
static IS_SHOWN: AtomicBool = AtomicBool::new(false);

/// A screen that the terminal shows. Dropping it gives the terminal back.
pub struct LiveScreen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl LiveScreen {
    /// Takes the terminal on standard output over. A panic gives it back, too.
    ///
    /// # Errors
    /// Where it is no terminal, or cannot be written to.
    pub fn open() -> io::Result<Self> {
        restore_at_panic();
        let buffer = BufWriter::with_capacity(BUFFER, stdout());
        let terminal = Terminal::new(CrosstermBackend::new(buffer))?;
        let screen = Self { terminal };
        take()?;
        Ok(screen)
    }

    /// Draws.
    pub(super) fn draw(
        &mut self,
        draw: impl FnOnce(&mut ratatui_core::terminal::Frame<'_>),
    ) -> io::Result<()> {
        self.terminal.draw(draw).map(drop)
    }

    /// Draws every cell again with the next [`draw`](Self::draw).
    pub(super) fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear()
    }

    /// Columns and lines.
    pub(super) fn size(&self) -> io::Result<(u16, u16)> {
        let size = self.terminal.size()?;
        Ok((size.width, size.height))
    }

    /// Gives the terminal back for a while.
    pub(super) fn leave() {
        give_back();
    }

    /// Takes it over again, whatever others have done to it.
    pub(super) fn enter(&mut self) -> io::Result<()> {
        // Only what is given back is set anew.
        give_back();
        take()?;
        self.forget()
    }
}

impl std::fmt::Debug for LiveScreen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveScreen").finish_non_exhaustive()
    }
}

impl Drop for LiveScreen {
    fn drop(&mut self) {
        if IS_SHOWN.load(Ordering::Relaxed) {
            give_back();
        }
    }
}

fn take() -> io::Result<()> {
    IS_SHOWN.store(true, Ordering::Relaxed);
    enable_raw_mode()?;
    execute!(stdout(), EnterAlternateScreen, Hide)
}

/// A terminal that has gone needs nothing.
fn give_back() {
    IS_SHOWN.store(false, Ordering::Relaxed);
    let _ = execute!(stdout(), ResetColor, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// Gives the terminal back before the message of a panic is printed. A panic of another thread does
/// not end the screen, so its message would only spoil it.
fn restore_at_panic() {
    static ONCE: Once = Once::new();
    let screens_thread: ThreadId = std::thread::current().id();
    ONCE.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let is_shown = IS_SHOWN.load(Ordering::Relaxed);
            if is_shown && std::thread::current().id() != screens_thread {
                return;
            }
            if is_shown {
                give_back();
            }
            usual(panic);
        }));
    });
}
