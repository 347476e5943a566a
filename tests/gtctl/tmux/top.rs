//! `gtctl top` in a real tmux, by keys and by what is seen.

use crate::harness::{QUICK, Yard, session, sleeper, until, until_or};
use gtctl::cli::LiveScreen;
use gtctl::model::ProcId;
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{process, tree};

/// A terminal: a shell in a tmux server of its own.
struct Glass<'y> {
    yard: &'y Yard,
    socket: String,
}

impl<'y> Glass<'y> {
    fn new(yard: &'y Yard, size: (u16, u16)) -> Self {
        let socket = yard.at("outer").to_str().unwrap().to_owned();
        let glass = Self { yard, socket };
        let (columns, lines) = (size.0.to_string(), size.1.to_string());
        glass.tmux(&[
            "-f",
            "/dev/null",
            "new-session",
            "-d",
            "-x",
            &columns,
            "-y",
            &lines,
        ]);
        let pid = glass.tmux(&["display-message", "-p", "#{pid}"]);
        yard.own(process::identify(pid.trim().parse().unwrap()).unwrap());
        glass.shell("PS1='ready> '; unset TMUX TMUX_PANE; clear");
        glass.sees("ready>");
        glass
    }

    /// With `gtctl top` running, and all sessions on it.
    fn showing(yard: &'y Yard, size: (u16, u16), sees: &str) -> Self {
        let glass = Self::new(yard, size);
        glass.run_top("");
        glass.sees(sees);
        glass
    }

    fn run_top(&self, variables: &str) {
        let program = env!("CARGO_BIN_EXE_gtctl");
        self.shell(&format!("{variables} {program} top"));
    }

    fn tmux(&self, args: &[&str]) -> String {
        let mut command = self.yard.command(&crate::harness::TMUX);
        command.env("SHELL", "/bin/bash").env("BASH_ENV", "");
        command.arg("-u").args(["-S", &self.socket]).args(args);
        let output = command.output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn shell(&self, line: &str) {
        self.tmux(&["send-keys", "-l", "--", line]);
        self.keys(&["Enter"]);
    }

    fn keys(&self, keys: &[&str]) {
        for key in keys {
            self.tmux(&["send-keys", key]);
        }
    }

    fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", "--", text]);
    }

    fn page(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    #[track_caller]
    fn sees(&self, text: &str) {
        self.until(text, |page| page.contains(text));
    }

    #[track_caller]
    fn until(&self, what: &str, holds: impl Fn(&str) -> bool) {
        let shows = || holds(&self.page());
        until_or(&format!("{what:?} on the screen"), shows, || {
            format!("\n{}", self.page())
        });
    }

    /// The program that has the terminal.
    fn runs(&self) -> String {
        let name = self.tmux(&["display-message", "-p", "#{pane_current_command}"]);
        name.trim().to_owned()
    }

    /// The program that the shell runs.
    fn child(&self) -> ProcId {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let shell: u32 = shell.trim().parse().unwrap();
        let child = || {
            tree::children(shell)?
                .into_iter()
                .find_map(process::identify)
        };
        until("the program", || child().is_some());
        child().unwrap()
    }

    /// The shell is back, and its terminal is as it was: it echoes, and reads by lines.
    #[track_caller]
    fn is_a_shell_again(&self) {
        // Keys that come before would be read by the program that still ends.
        until_or(
            "the shell",
            || self.runs() == "bash",
            || format!("{} runs\n{}", self.runs(), self.page()),
        );
        self.shell("clear; stty -a | tr ' ' '\\n' | grep -cx -e echo -e icanon -e isig; echo back-$((6*7))");
        self.until("a usable shell", |page| {
            let lines: Vec<&str> = page.lines().collect();
            lines.windows(2).any(|pair| pair == ["3", "back-42"])
        });
        assert!(!self.page().contains("NEXT"), "{}", self.page());
        let modes = self.tmux(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
        assert_eq!(modes.trim(), "0 1", "no other screen, and the cursor shows");
    }
}

fn yard() -> Yard {
    let one = session("one", "echo the first one; exec sleep 100000", "");
    let yard = Yard::new(&format!(
        "{QUICK}{one}{}{}",
        sleeper("two", ""),
        sleeper("three", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard
}

#[test]
fn rows_filter_and_panes_are_shown_and_q_gives_the_terminal_back() {
    let yard = yard();
    let glass = Glass::showing(&yard, (120, 40), "3 ok");
    glass.sees("no controller");
    glass.until("all columns", |page| {
        page.contains("RSS") && page.contains("24h")
    });
    glass.types("/one");
    glass.until("one row", |page| {
        page.contains("1 of 3 shown") && !page.contains("three")
    });
    glass.keys(&["Enter"]);
    glass.sees("the first one");
    glass.types("3");
    glass.sees("nothing to do");
    glass.types("4");
    glass.sees("one started");
    glass.types("2");
    glass.until("its log", |page| {
        page.contains("[2 Log]") && page.contains("the first one")
    });
    glass.types("5");
    glass.sees("no chores");
    glass.keys(&["Escape"]);
    glass.sees("three");
    glass.types("?");
    glass.sees("any key closes it");
    glass.types("x");
    glass.until("no help", |page| !page.contains("any key closes it"));
    glass.types(":explain one --all");
    glass.keys(&["Enter"]);
    glass.sees("rules, in order");
    glass.keys(&["Escape"]);
    glass.types("q");
    glass.is_a_shell_again();
}

#[test]
fn a_session_is_attached_to_and_left_again() {
    let yard = yard();
    let glass = Glass::showing(&yard, (100, 30), "3 ok");
    glass.types(":attach one");
    glass.keys(&["Enter"]);
    glass.yard.until("the client", || {
        yard.format("one", "#{session_attached}") == "1"
    });
    glass.sees("the first one");
    glass.keys(&["C-b", "d"]);
    glass.sees("NEXT");
    glass.yard.until("no client", || {
        yard.format("one", "#{session_attached}") == "0"
    });
    glass.types("q");
    glass.is_a_shell_again();
}

#[test]
fn within_its_own_server_the_client_is_switched() {
    let yard = yard();
    let top = format!("'{}' top", env!("CARGO_BIN_EXE_gtctl"));
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        "watching",
        "-x",
        "90",
        "-y",
        "30",
        &top,
    ]);
    let _client = yard.attach("watching");
    let page = || yard.tmux(&["capture-pane", "-p", "-t", "=watching:"]);
    yard.until("the screen", || page().contains("3 ok"));
    yard.tmux(&["send-keys", "-t", "=watching:", "-l", ":attach two"]);
    yard.tmux(&["send-keys", "-t", "=watching:", "Enter"]);
    let shown = || yard.tmux(&["list-clients", "-F", "#{client_session}"]);
    yard.until("the client to show two", || shown() == "two");
    assert!(page().contains("3 ok"), "the screen goes on in its pane");
}

#[test]
fn a_restart_happens_after_a_yes_and_of_two_after_a_two() {
    let yard = yard();
    let glass = Glass::showing(&yard, (120, 30), "3 ok");
    let [one, two, three] = ["one", "two", "three"].map(|name| yard.pid(name));
    glass.types("/one");
    glass.keys(&["Enter"]);
    glass.types("r");
    glass.sees("restart? y/N");
    glass.sees("asked for by hand");
    glass.types("n");
    glass.sees("restart: not done");
    assert_eq!(yard.pid("one"), one);
    glass.types("r");
    glass.sees("restart? y/N");
    glass.types("y");
    let fresh = yard.fresh("one", Some(one));
    glass.sees("restart: ");
    glass.keys(&["Escape"]);
    glass.sees("three");
    glass.types("/t");
    glass.keys(&["Enter"]);
    glass.sees("2 of 3 shown");
    glass.types(":restart");
    glass.keys(&["Enter"]);
    glass.sees("restart 2 sessions?");
    glass.types("2");
    glass.sees("press enter: 2");
    glass.keys(&["Enter"]);
    yard.fresh("two", Some(two));
    yard.fresh("three", Some(three));
    assert_eq!(yard.pid("one"), fresh);
    glass.types("p");
    let is_paused = |page: &str| {
        page.lines()
            .next()
            .is_some_and(|head| head.contains("paused"))
    };
    glass.until("the pause", is_paused);
    glass.types("p");
    glass.until("to go on", |page| {
        page.contains("town ") && page.contains("resumed")
    });
}

#[test]
fn other_sizes_are_drawn_at_once() {
    let yard = yard();
    let glass = Glass::showing(&yard, (120, 40), "3 ok");
    glass.sees("RSS");
    glass.tmux(&["resize-window", "-x", "80", "-y", "24"]);
    glass.until("few columns", |page| {
        page.contains("NEXT") && !page.contains("RSS") && page.contains("1 Pane")
    });
    glass.tmux(&["resize-window", "-x", "80", "-y", "15"]);
    glass.until("one pane", |page| {
        page.contains("NEXT") && !page.contains("1 Pane")
    });
    glass.tmux(&["resize-window", "-x", "200", "-y", "60"]);
    glass.until("all again", |page| {
        page.contains("RSS") && page.contains("1 Pane")
    });
}

#[test]
fn signals_leave_a_usable_terminal() {
    let yard = yard();
    let glass = Glass::new(&yard, (100, 30));
    for ending in [Signal::TERM, Signal::INT, Signal::HUP] {
        glass.run_top("");
        glass.sees("3 ok");
        signal(glass.child(), ending);
        glass.until("the shell", |page| !page.contains("3 ok"));
        glass.is_a_shell_again();
    }
    // By the key, by a signal to it alone, and by one that nothing can catch.
    glass.run_top("");
    glass.sees("3 ok");
    glass.keys(&["C-z"]);
    glass.sees("Stopped");
    glass.is_a_shell_again();
    glass.shell("fg");
    glass.sees("3 ok");
    let top = glass.child();
    signal(top, Signal::TSTP);
    glass.sees("Stopped");
    glass.is_a_shell_again();
    glass.shell("fg");
    glass.sees("3 ok");
    glass.types("/one");
    glass.sees("1 of 3 shown");
    glass.keys(&["Escape"]);
    glass.types("q");
    glass.is_a_shell_again();
}

#[test]
#[ignore = "run by the next test, in a terminal"]
fn panics_under_a_screen() {
    let _screen = LiveScreen::open().unwrap();
    panic!("as told");
}

#[test]
fn a_panic_leaves_a_usable_terminal_and_its_message() {
    let yard = Yard::new("");
    let glass = Glass::new(&yard, (150, 30));
    let program = std::env::current_exe().unwrap();
    let test = "tmux::top::panics_under_a_screen";
    glass.shell(&format!(
        "{} {test} --exact --ignored --nocapture",
        program.display()
    ));
    glass.sees("as told");
    glass.sees("test result");
    glass.is_a_shell_again();
}

#[test]
fn it_ends_with_its_terminal() {
    let yard = yard();
    let glass = Glass::showing(&yard, (80, 24), "3 ok");
    let top = glass.child();
    yard.own(top);
    glass.tmux(&["kill-server"]);
    until("it to end", || !process::may_live(top));
}

#[test]
fn without_colour_and_utf_8_it_is_as_readable() {
    let yard = yard();
    let glass = Glass::new(&yard, (80, 24));
    glass.run_top("NO_COLOR=1 LC_ALL=C");
    glass.sees("3 ok");
    let page = glass.tmux(&["capture-pane", "-p", "-e"]);
    assert!(page.is_ascii(), "{page}");
    let has_colour = (30..38).any(|colour| page.contains(&format!("\u{1b}[{colour}m")));
    assert!(!has_colour, "{page:?}");
    assert!(glass.page().contains(">   "), "the cursor is seen: {page}");
}

#[test]
fn status_watch_is_the_same_at_a_terminal_and_tells_changes_elsewhere() {
    let yard = yard();
    let glass = Glass::new(&yard, (100, 30));
    glass.shell(&format!(
        "{} status --watch two",
        env!("CARGO_BIN_EXE_gtctl")
    ));
    glass.until("the screen", |page| {
        page.contains("? help") && page.contains(" two ")
    });
    assert!(!glass.page().contains("three"), "{}", glass.page());
    let refused = yard.gtctl(&["top"]).exits(64);
    assert!(refused.err.contains("needs a terminal"), "{}", refused.err);

    let watch = yard.start(&["status", "--watch"]);
    yard.until("a page", || watch.said().contains("3 sessions"));
    yard.gtctl(&["stop", "three"]).exits(0);
    yard.until("another page", || watch.said().contains("1 stopped"));
    // A session is working, then idle; it is stopping, then stopped. No page tells the same twice.
    let pages = watch.said().matches("3 sessions").count();
    assert!((2..=8).contains(&pages), "{pages}\n{}", watch.said());
}
