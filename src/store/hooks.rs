//! The files by which clients find the hooks that report on them: `hooks/` in the state directory.
//!
//! They are gtctl's own, so that no file of a user's has to be changed. Each is written only where
//! it is not as it should be.

use super::View;
use super::file::options_without_surprises;
use crate::files::{self, Links};
use serde_json::{Value, json};
use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder of all such files.
const FOLDER: &str = "hooks";
/// No such file is larger, in bytes.
const MAX: u64 = 64 << 10;
/// The events of Claude Code that say something of its agent.
const CLAUDE: [&str; 10] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PermissionRequest",
    "Notification",
    "Stop",
    "StopFailure",
    "PreCompact",
    "SessionEnd",
];
/// The events of Gemini CLI that say something of its agent.
const GEMINI: [&str; 7] = [
    "SessionStart",
    "BeforeAgent",
    "BeforeTool",
    "AfterTool",
    "Notification",
    "AfterAgent",
    "SessionEnd",
];
/// The events of Codex that say something of its agent.
const CODEX: [&str; 8] = [
    "SessionStart",
    "UserPromptSubmit",
    "PreToolUse",
    "PostToolUse",
    "PermissionRequest",
    "Interrupt",
    "Stop",
    "SessionEnd",
];

/// The settings by which clients run hooks.
pub struct HookFiles;

impl HookFiles {
    /// What makes Codex run hooks, as settings for its `-c`.
    #[must_use]
    pub fn codex_settings(program: &Path) -> Vec<String> {
        // A string of JSON is one of TOML, too.
        let command = Value::String(command(program, "codex")).to_string();
        let hook = format!("[{{hooks=[{{type=\"command\",command={command}}}]}}]");
        CODEX
            .iter()
            .map(|event| format!("hooks.{event}={hook}"))
            .collect()
    }

    /// What makes Claude Code run hooks: the hooks of a plugin. They run beside the agent, which
    /// does not wait for them.
    fn claude(program: &Path) -> Value {
        let hook = json!({
            "type": "command", "command": command(program, "claude"),
            "async": true, "timeout": 10,
        });
        json!({ "hooks": events(&CLAUDE, &hook) })
    }

    /// What makes Gemini CLI run hooks. Its timeout is in milliseconds.
    fn gemini(program: &Path) -> Value {
        let hook = json!({
            "type": "command", "name": "gtctl",
            "command": command(program, "gemini"), "timeout": 5000,
        });
        json!({
            "tools": { "enableHooks": true },
            "hooksConfig": { "enabled": true },
            "hooks": events(&GEMINI, &hook),
        })
    }
}

fn events(names: &[&str], hook: &Value) -> Value {
    let entries = names
        .iter()
        .map(|name| ((*name).to_owned(), json!([{ "hooks": [hook] }])));
    Value::Object(entries.collect())
}

/// What a client runs at each event. Where the program is gone, that is nothing: the client would
/// tell of a command that it cannot find.
fn command(program: &Path, client: &str) -> String {
    let path = program.to_string_lossy();
    let quoted = format!("'{}'", path.replace('\'', "'\\''"));
    format!("if [ -x {quoted} ]; then exec {quoted} hook {client}; fi")
}

impl View {
    /// Writes the plugin that makes Claude Code run hooks, and gives its folder.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_claude_hooks(&self, program: &Path) -> io::Result<PathBuf> {
        let folder = self.path().join(FOLDER).join("claude");
        let plugin = json!({
            "name": "gtctl", "version": env!("CARGO_PKG_VERSION"),
            "description": "Reports to gtctl what this agent does",
        });
        write(&folder.join(".claude-plugin/plugin.json"), &plugin)?;
        write(
            &folder.join("hooks/hooks.json"),
            &HookFiles::claude(program),
        )?;
        Ok(folder)
    }

    /// Writes the settings that make Gemini CLI run hooks, and gives their file.
    ///
    /// # Errors
    /// What the system says.
    pub fn write_gemini_hooks(&self, program: &Path) -> io::Result<PathBuf> {
        let file = self.path().join(FOLDER).join("gemini.json");
        write(&file, &HookFiles::gemini(program))?;
        Ok(file)
    }
}

fn write(path: &Path, value: &Value) -> io::Result<()> {
    let text = format!("{value:#}\n");
    let there = files::read(path, Links::Refuse, MAX).ok();
    if there.is_some_and(|there| there == text.as_bytes()) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let temporary = path.with_extension("tmp");
    let _ = fs::remove_file(&temporary);
    let mut file = options_without_surprises()
        .write(true)
        .create_new(true)
        .open(&temporary)?;
    file.write_all(text.as_bytes())?;
    fs::rename(&temporary, path)
}
