//! Files of other tools as people have them, and the manifests they become.

use super::{Conversion, convert};
use crate::manifest::{Loaded, Sources, load};
use crate::model::{Desired, RestartPolicy};
use std::path::Path;

const TMUXINATOR: &str = "\
name: shop
root: ~/code/shop
pre_window: nvm use 20
socket_name: work
startup_window: editor
windows:
  - editor:
      layout: main-vertical
      panes:
        - vim .
        -
  - server: bundle exec rails s
  - agent:
      root: ~/code/shop/agent
      panes:
        - main:
            - export A=b
            - claude --model opus
  - shell:
";

const TMUXP: &str = "\
session_name: '2 shops'
start_directory: ./code
environment: { EDITOR: vim }
windows:
  - window_name: dev
    layout: tiled
    shell_command_before: [ . venv/bin/activate ]
    panes:
      - shell_command: [ python app.py, 'echo {rig}' ]
        environment: { PORT: 8000 }
      - pane
      - null
  - panes: [ htop ]
";

const COMPOSE: &str = "\
version: '0.5'
environment: [ 'LOG=debug' ]
env_file: [ .env ]
processes:
  db:
    command: postgres -D data
    availability: { restart: always, backoff_seconds: 2 }
    readiness_probe: { exec: { command: pg_isready } }
  api:
    command: ./api --port $PORT
    working_dir: api
    environment: { PORT: 8080 }
    depends_on: { db: { condition: process_healthy } }
    availability: { restart: on_failure }
    shutdown: { timeout_seconds: 20 }
    replicas: 3
  seed:
    command: ./seed
    disabled: true
";

const PROCFILE: &str = "# all\nweb: bundle exec puma -p $PORT\nworker: bundle exec sidekiq\nrelease: rake db:migrate\nnonsense\n";

const UNIT: &str = "\
[Unit]
Description=An agent
After=network.target db.service
[Service]
Type=simple
User=me
WorkingDirectory=%h/town
Environment=\"A=b c\" D=e
EnvironmentFile=-%h/.agent.env
ExecStart=/usr/bin/claude --dangerously-skip-permissions \\
  --model opus
Restart=on-failure
RestartSec=5
TimeoutStopSec=90
[Install]
WantedBy=default.target
";

fn converted(name: &str, text: &str) -> Conversion {
    convert(None, &[(Path::new(name), text)]).unwrap()
}

/// The sessions that the drafted manifest declares. It must be valid.
fn sessions(conversion: &Conversion) -> Vec<Desired> {
    let text = &conversion.text;
    let loaded = load(&Sources {
        town_path: Path::new("town.toml"),
        town_text: text,
        user: None,
        variables: &[],
        flags: &[],
        home: Some(Path::new("/home/me")),
        base_dir: Path::new("/towns"),
        read: &|_| None,
        machine: crate::manifest::Machine::default(),
        include: &crate::manifest::no_files,
    });
    let Loaded { town, .. } = loaded.unwrap_or_else(|faults| panic!("{:?}\n{text}", faults.list));
    town.sessions.into_values().collect()
}

fn names(sessions: &[Desired]) -> Vec<&str> {
    sessions
        .iter()
        .map(|desired| desired.name.as_str())
        .collect()
}

fn named<'d>(sessions: &'d [Desired], name: &str) -> &'d Desired {
    sessions
        .iter()
        .find(|desired| desired.name.as_str() == name)
        .unwrap()
}

fn left(conversion: &Conversion) -> Vec<&str> {
    conversion
        .left
        .iter()
        .map(|left| left.what.as_str())
        .collect()
}

#[test]
fn a_project_of_tmuxinator() {
    let conversion = converted("shop.yml", TMUXINATOR);
    let sessions = sessions(&conversion);
    assert_eq!(names(&sessions), ["agent-main", "editor-1", "server"]);
    let agent = named(&sessions, "agent-main");
    assert_eq!(agent.dir, Path::new("/home/me/code/shop/agent"));
    assert_eq!(
        agent.command[2],
        "nvm use 20 && export A=b && claude --model opus"
    );
    assert_eq!(
        left(&conversion),
        ["startup_window", "editor.layout", "editor-2", "shell"]
            .map(|what| format!("shop.yml: {what}"))
    );
    assert!(
        conversion.text.contains("socket = \"work\""),
        "{}",
        conversion.text
    );
    let erb = convert(None, &[(Path::new("a.yml"), "name: <%= x %>\nwindows: []")]);
    assert!(erb.unwrap_err().contains("ERB"));
}

#[test]
fn a_workspace_of_tmuxp() {
    let conversion = converted("shop.yaml", TMUXP);
    let sessions = sessions(&conversion);
    assert_eq!(names(&sessions), ["dev-1", "window-2"]);
    let dev = named(&sessions, "dev-1");
    assert_eq!(
        dev.command[2],
        ". venv/bin/activate && python app.py && echo {rig}"
    );
    assert_eq!(dev.dir, Path::new("/towns/./code"));
    assert_eq!(dev.env["PORT"], "8000");
    assert_eq!(dev.env["EDITOR"], "vim");
    assert_eq!(named(&sessions, "window-2").command, ["htop"]);
    assert!(
        conversion.text.contains("name = \"2-shops\""),
        "{}",
        conversion.text
    );
    assert_eq!(conversion.left.len(), 3, "{:?}", conversion.left);
}

#[test]
fn processes_of_process_compose() {
    let conversion = converted("process-compose.yaml", COMPOSE);
    let sessions = sessions(&conversion);
    assert_eq!(names(&sessions), ["api-1", "api-2", "api-3", "db", "seed"]);
    let api = named(&sessions, "api-2");
    assert_eq!(api.command, ["sh", "-c", "./api --port $PORT"]);
    assert_eq!(api.restart, RestartPolicy::OnFailure);
    assert_eq!(api.stop_grace.millis(), 20_000);
    assert!(api.after.keys().any(|name| name.as_str() == "db"));
    assert_eq!(named(&sessions, "db").restart, RestartPolicy::Always);
    assert_eq!(named(&sessions, "seed").restart, RestartPolicy::Never);
    assert!(
        conversion.text.contains("enabled = false"),
        "{}",
        conversion.text
    );
    let left = left(&conversion);
    assert!(
        left.iter().any(|what| what.ends_with("db.readiness_probe")),
        "{left:?}"
    );
    assert!(
        left.iter().any(|what| what.ends_with("backoff_seconds")),
        "{left:?}"
    );
}

#[test]
fn a_procfile() {
    let conversion = converted("Procfile.dev", PROCFILE);
    let sessions = sessions(&conversion);
    assert_eq!(names(&sessions), ["web", "worker"]);
    assert_eq!(
        named(&sessions, "worker").command,
        ["bundle", "exec", "sidekiq"]
    );
    assert_eq!(left(&conversion).len(), 3, "{:?}", conversion.left);
}

#[test]
fn units_of_systemd() {
    let db = "[Service]\nExecStart=postgres\nRestart=always\n";
    let files = [
        (Path::new("watcher.service"), UNIT),
        (Path::new("db.service"), db),
    ];
    let conversion = convert(Some("acme"), &files).unwrap();
    let sessions = sessions(&conversion);
    assert_eq!(names(&sessions), ["db", "watcher"]);
    let watcher = named(&sessions, "watcher");
    assert_eq!(watcher.agent.name, "claude");
    assert_eq!(
        watcher.command[1..],
        ["--dangerously-skip-permissions", "--model", "opus"]
    );
    assert_eq!(watcher.env["A"], "b c");
    assert_eq!(watcher.dir, Path::new("/home/me/town"));
    assert_eq!(watcher.stop_grace.millis(), 90_000);
    assert!(watcher.after.keys().any(|name| name.as_str() == "db"));
    let left = left(&conversion);
    assert_eq!(
        left,
        ["watcher.service: User", "watcher.service: RestartSec"]
    );
}

#[test]
fn what_is_no_file_of_a_known_tool_is_said_to_be_none() {
    for (name, text, why) in [
        ("a.yml", "x: 1", "no file of a known tool"),
        ("a.yml", "a: [", "cannot be read as YAML"),
        ("a.yml", "", "no file of a known tool"),
    ] {
        let fault = convert(None, &[(Path::new(name), text)]).unwrap_err();
        assert!(
            fault.starts_with("a.yml: ") && fault.contains(why),
            "{fault}"
        );
    }
}

#[test]
fn two_programs_of_one_name_are_told_apart() {
    let files = [
        (Path::new("Procfile"), "web: a\n"),
        (Path::new("Procfile.b"), "web: b\n"),
    ];
    let conversion = convert(None, &files).unwrap();
    assert_eq!(names(&sessions(&conversion)), ["web", "web-2"]);
}
