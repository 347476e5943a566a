//! The terminal in other hands: a session that is attached to, the user's editor, the clipboard.

use super::look::Looked;
use crate::cli::attach;
use crate::cli::place::Place;
use crate::model::{Observed, SessionName};
use crate::proc::child::{attend_at_terminal, run_at_terminal};
use crossterm::clipboard::CopyToClipboard;
use crossterm::execute;
use std::ffi::OsStr;
use std::io;
use std::path::Path;

/// Editors that are given a line as `FILE:LINE`.
const WITH_COLON: [&str; 4] = ["hx", "helix", "subl", "zed"];
/// Editors that are given a line as `--goto FILE:LINE`.
const WITH_GOTO: [&str; 4] = ["code", "codium", "cursor", "code-insiders"];

/// How a session is shown to somebody at this terminal.
pub(super) enum Way {
    /// The client of tmux that shows us shows the session instead. We run in this pane.
    Switch(String),
    /// A client of its own, on this terminal.
    Attach,
}

/// The way to a session: we may run in its server ourselves.
pub(super) fn way(looked: &Looked) -> Way {
    let Observed::Up(server) = &looked.observed else {
        return Way::Attach;
    };
    // `socket,pid,session`
    let ours = std::env::var("TMUX").unwrap_or_default();
    let pid = ours.rsplit(',').nth(1);
    let is_same = pid.is_some_and(|pid| pid == server.id.0.pid.to_string());
    match std::env::var("TMUX_PANE") {
        Ok(pane) if is_same => Way::Switch(pane),
        Ok(_) | Err(_) => Way::Attach,
    }
}

/// Attaches this terminal to a session, until it is detached.
pub(super) async fn attach(looked: &Looked, session: &SessionName) -> Result<(), String> {
    let place = looked.place();
    check(place, looked, session).await?;
    let mut command = place.client.attach_command(session);
    // We may run in a pane of another server.
    command.env_remove("TMUX");
    let ended = attend_at_terminal(command).await;
    ended
        .map(drop)
        .map_err(|fault| format!("tmux cannot be run: {fault}"))
}

/// Has the client that shows us show a session instead.
pub(super) async fn switch(
    looked: &Looked,
    session: &SessionName,
    pane: &str,
) -> Result<(), String> {
    let place = looked.place();
    check(place, looked, session).await?;
    place.client.switch(pane, session).await
}

async fn check(place: &Place, looked: &Looked, session: &SessionName) -> Result<(), String> {
    let checked = attach::check(place, &looked.memory, session).await;
    checked.map_err(|trouble| trouble.message)
}

/// Opens the manifest in the user's editor, at the line that declares the session.
pub(super) async fn edit(place: &Place, session: &SessionName) -> Result<(), String> {
    let declared = place.origins.line_of(session);
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|editor| !editor.trim().is_empty())
        .unwrap_or_else(|| "vi".to_owned());
    let manifest = place.file.path.to_string_lossy().into_owned();
    let (file, line) = declared.map_or((manifest, 1), |(file, line)| (file.to_owned(), line));
    // The variable may hold arguments, as for git.
    let script = format!("exec {editor} \"$@\"");
    let mut argv = vec!["sh".to_owned(), "-c".to_owned(), script, "sh".to_owned()];
    argv.extend(at_line(&editor, &file, line));
    let argv: Vec<&OsStr> = argv.iter().map(OsStr::new).collect();
    match run_at_terminal(&argv, Path::new(".")).await {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("`{editor}` failed; EDITOR names the editor")),
        Err(fault) => Err(format!("`{editor}` cannot be run: {fault}")),
    }
}

fn at_line(editor: &str, file: &str, line: usize) -> Vec<String> {
    let program = editor.split_whitespace().next().unwrap_or_default();
    let program = program.rsplit('/').next().unwrap_or_default();
    if WITH_COLON.contains(&program) {
        return vec![format!("{file}:{line}")];
    }
    if WITH_GOTO.contains(&program) {
        return vec!["--goto".to_owned(), format!("{file}:{line}")];
    }
    vec![format!("+{line}"), file.to_owned()]
}

/// Puts a text into the clipboard of the terminal, where it has one.
pub(super) fn copy(text: &str) -> io::Result<()> {
    execute!(io::stdout(), CopyToClipboard::to_clipboard_from(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn editors_get_a_line_in_their_own_way() {
        for (editor, expected) in [
            ("vim", "+7 town.toml"),
            ("/usr/bin/nano -w", "+7 town.toml"),
            ("/opt/hx", "town.toml:7"),
            ("code --wait", "--goto town.toml:7"),
        ] {
            assert_eq!(at_line(editor, "town.toml", 7).join(" "), expected);
        }
    }
}
