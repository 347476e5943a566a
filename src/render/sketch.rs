//! The first town.toml of a town: short, with comments for a newcomer.

use std::fmt::Write;

/// The content of a first manifest. Every text must be valid in its place: names that tmux accepts,
/// paths without control characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sketch<'a> {
    /// The town's name.
    pub name: &'a str,
    /// The path of the schema, relative to the manifest. Editors read it.
    pub schema: &'a str,
    /// What runs in the sessions.
    pub agent: Runs<'a>,
    /// Which sessions.
    pub sessions: Sessions<'a>,
}

/// What runs in the sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Runs<'a> {
    /// One of the built-in agents, by its name there.
    Agent(&'a str),
    /// A plain shell, by its program.
    Shell(&'a str),
}

/// Which sessions there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sessions<'a> {
    /// Sessions of these names.
    Plain(&'a [String]),
    /// The sessions of Gas Town.
    Roles(Roles<'a>),
}

/// The sessions of Gas Town, by their roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Roles<'a> {
    /// The root, as written in the file. None for a town that has Gas Town's roles but no root.
    pub root: Option<&'a str>,
    /// The template of session names.
    pub naming: &'a str,
    /// The town's own roles: `mayor`, `deacon`.
    pub own: &'a [&'a str],
    /// The rigs.
    pub rigs: &'a [Rig],
    /// What was left out because its directory does not exist, such as `refinery of shop`.
    pub left_out: &'a [String],
}

/// One rig.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rig {
    /// Its name.
    pub name: String,
    /// `witness`, `refinery`.
    pub roles: Vec<&'static str>,
    /// Its crew.
    pub crew: Vec<CrewMember>,
}

/// One of a crew.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CrewMember {
    /// Its name.
    pub name: String,
    /// The file of its instructions, beside the manifest.
    pub instructions: Option<&'static str>,
}

/// The column at which comments begin beside a setting.
const COMMENTS: usize = 32;

/// The whole file.
#[must_use]
pub fn text(sketch: &Sketch<'_>) -> String {
    let mut text = format!(
        "#:schema {}\n\
         \n\
         # The sessions that are wanted in tmux. gtctl starts what is missing, restarts what died or grew too old, and\n\
         # leaves everything else alone.\n\
         #\n\
         #   gtctl diff        what would be done, and why; changes nothing\n\
         #   gtctl apply       do it\n\
         #   gtctl status      what every session is, and what comes next\n\
         #   gtctl doctor      what is wrong with this machine, and how to mend it\n\
         \n\
         [town]\n",
        sketch.schema
    );
    match &sketch.sessions {
        Sessions::Plain(names) => plain(&mut text, sketch, names),
        Sessions::Roles(roles) => gas_town(&mut text, sketch, roles),
    }
    text
}

fn plain(text: &mut String, sketch: &Sketch<'_>, names: &[String]) {
    set(
        text,
        "name",
        sketch.name,
        "labels its sessions, and names its state directory",
    );
    set(
        text,
        "socket",
        "default",
        "your usual tmux server: `tmux ls` shows them",
    );
    defaults(text, sketch.agent);
    line(
        text,
        "# dir = \"~/src/project\"",
        "where they run; this directory by default",
    );
    text.push_str(
        "\n# One table for each session. `gtctl attach NAME` shows it, C-b d leaves it again.\n",
    );
    for (nth, name) in names.iter().enumerate() {
        let gap = if nth == 0 { "" } else { "\n" };
        let _ = write!(text, "{gap}[[session]]\nsession = {}\n", quoted(name));
        if let Runs::Shell(program) = sketch.agent {
            let _ = writeln!(text, "command = [{}]", quoted(program));
        }
    }
    if let Runs::Agent(_) = sketch.agent {
        line(
            text,
            "# command = [\"./run.sh\"]",
            "any other command instead of the agent's own",
        );
    }
}

fn defaults(text: &mut String, agent: Runs<'_>) {
    match agent {
        Runs::Agent(agent) => {
            set(
                text,
                "profile",
                "standard",
                "or \"high-throughput\", \"low-budget\": how often to restart",
            );
            text.push_str("\n[defaults]\n");
            set(
                text,
                "agent",
                agent,
                "it runs unattended: `gtctl diff` shows each start command",
            );
            set(
                text,
                "max_age",
                "1h",
                "restarted at this age, when idle; \"off\" for never",
            );
            set(
                text,
                "idle_limit",
                "30m",
                "reported when quiet for longer; see on_idle",
            );
        }
        Runs::Shell(_) => {
            text.push_str(
                "\n# Plain shells to begin with. For an agent write agent = \"claude\" here (or kimi, codex, …),\n",
            );
            text.push_str("# max_age = \"1h\", and take the commands out below.\n[defaults]\n");
            set(text, "max_age", "off", "never restart a shell for its age");
            set(text, "idle_limit", "off", "nor report it as quiet");
            set(text, "ready_after", "1s", "ready after this time");
        }
    }
}

fn gas_town(text: &mut String, sketch: &Sketch<'_>, roles: &Roles<'_>) {
    let Roles {
        root,
        naming,
        own,
        rigs,
        left_out,
    } = roles;
    set(
        text,
        "name",
        sketch.name,
        "labels its sessions, and names its state directory",
    );
    if let Some(root) = root {
        set(
            text,
            "root",
            root,
            "the Gas Town: rigs, directories and names come from it",
        );
        let names = if *naming == "prefix" {
            "as gt has it since 0.7; \"rig\" before"
        } else {
            "\"prefix\" since gt 0.7"
        };
        set(text, "naming", naming, names);
        set(text, "socket", "gastown", "gt's own tmux server");
    }
    defaults(text, sketch.agent);
    if let Runs::Agent(_) = sketch.agent {
        set(
            text,
            "handoff_gap",
            "1h",
            "least time between two planned restarts of a session",
        );
        if own.contains(&"mayor") {
            text.push_str("\n[roles.mayor]\n");
            set(
                text,
                "max_age",
                "4h",
                "the mayor keeps the overview: restart it less often",
            );
        }
    }
    let shell = match sketch.agent {
        Runs::Agent(_) => None,
        Runs::Shell(program) => Some(program),
    };
    let mut table = |role: &str, rig: Option<&str>, member: Option<&CrewMember>| {
        let _ = write!(text, "\n[[session]]\nrole = {}\n", quoted(role));
        let name = member.map(|member| member.name.as_str());
        let instructions = member.and_then(|member| member.instructions);
        for (field, value) in [("rig", rig), ("name", name), ("instructions", instructions)] {
            let _ = value.map(|value| writeln!(text, "{field} = {}", quoted(value)));
        }
        let _ = shell.map(|program| writeln!(text, "command = [{}]", quoted(program)));
    };
    for role in *own {
        table(role, None, None);
    }
    for Rig {
        name: rig,
        roles,
        crew,
    } in *rigs
    {
        for role in roles {
            table(role, Some(rig), None);
        }
        for member in crew {
            table("crew", Some(rig), Some(member));
        }
    }
    if !left_out.is_empty() {
        let _ = write!(
            text,
            "\n# Left out, because their directories do not exist: {}.\n",
            left_out.join(", ")
        );
    }
}

/// A setting with its comment.
fn set(text: &mut String, field: &str, value: &str, why: &str) {
    line(text, &format!("{field} = {}", quoted(value)), why);
}

fn line(text: &mut String, what: &str, why: &str) {
    let gap = if what.chars().count() < COMMENTS {
        ""
    } else {
        "  "
    };
    let _ = writeln!(text, "{what:<COMMENTS$}{gap}# {why}");
}

/// A TOML string.
fn quoted(value: &str) -> String {
    let mut text = String::from("\"");
    for c in value.chars() {
        match c {
            '"' | '\\' => text.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04x}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_town_reads_well() {
        let names = ["acme-1".to_owned(), "acme-2".to_owned()];
        let sketch = Sketch {
            name: "acme",
            schema: "./town.schema.json",
            agent: Runs::Agent("claude"),
            sessions: Sessions::Plain(&names),
        };
        let text = text(&sketch);
        assert!(text.starts_with("#:schema ./town.schema.json\n"));
        assert!(
            text.contains("name = \"acme\"                   # labels"),
            "{text}"
        );
        assert!(text.ends_with("[[session]]\nsession = \"acme-2\"\n# command = [\"./run.sh\"]        # any other command instead of the agent's own\n"), "{text}");
        assert!(
            text.lines().all(|line| line.chars().count() <= 120),
            "{text}"
        );
    }

    #[test]
    fn strings_are_quoted() {
        assert_eq!(quoted("a \"b\"\\\u{1}"), "\"a \\\"b\\\"\\\\\\u0001\"");
    }
}
