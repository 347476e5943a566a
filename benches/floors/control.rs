//! The smallest control-mode client: a line goes out, its answer comes back.

use crate::Result;
use crate::stage::Stage;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};

/// A session of its own that shows nothing.
const HIDDEN: &str = "bench-control";

/// A connection to a running server.
pub(crate) struct Control {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Control {
    /// Connects.
    pub(crate) fn open(stage: &Stage) -> Result<Self> {
        stage.tmux(&["new-session", "-d", "-s", HIDDEN, "sleep", "100000"])?;
        let target = format!("={HIDDEN}");
        let mut child = stage
            .command(&["-C", "attach", "-t", &target, "-f", "no-output,ignore-size"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let input = child.stdin.take().ok_or("no input")?;
        let output = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut control = Self {
            child,
            input,
            output,
        };
        control.answer("0")?;
        control.ask("display-message -p ready")?;
        Ok(control)
    }

    /// One round trip; what was printed, without its frame.
    pub(crate) fn ask(&mut self, line: &str) -> Result<String> {
        writeln!(self.input, "{line}")?;
        self.answer("1")
    }

    /// Reads to the end of the next block of this flag; 1 stands for what this client asked.
    fn answer(&mut self, flag: &str) -> Result<String> {
        let (mut text, mut line) = (String::new(), String::new());
        loop {
            line.clear();
            if self.output.read_line(&mut line)? == 0 {
                return Err("the control client ended".into());
            }
            let is_ours = line.trim_end().rsplit(' ').next() == Some(flag);
            if line.starts_with("%end ") && is_ours {
                return Ok(text);
            }
            if line.starts_with("%error ") && is_ours {
                return Err(format!("tmux refused: {text}").into());
            }
            if !line.starts_with('%') {
                text.push_str(&line);
            } else if line.starts_with("%begin ") {
                text.clear();
            }
        }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
