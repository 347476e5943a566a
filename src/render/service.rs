//! What a service manager reads to keep the controller running: a systemd user unit, or a launchd
//! property list.
//!
//! Each text has a digest of itself, so that gtctl notices when somebody has edited it.

use crate::model::signed::{self, UNSIGNED, is_as_signed};

/// A controller that a service manager keeps running.
#[derive(Debug, Clone)]
pub struct Service<'a> {
    /// The town's name.
    pub town: &'a str,
    /// The program and its arguments, all paths absolute.
    pub argv: &'a [String],
    /// Variables that it needs and that a service manager does not set, such as `PATH`.
    pub env: &'a [(String, String)],
    /// Seconds without a cycle after which it counts as hung.
    pub watchdog_seconds: u64,
    /// The file for its messages, where the manager keeps no journal. An absolute path.
    pub log: &'a str,
}

/// The name of the unit of a town.
#[must_use]
pub fn unit_name(town: &str) -> String {
    format!("gtctl-{town}.service")
}

/// The label of the launchd job of a town; its file has this name and ends in `.plist`.
#[must_use]
pub fn job_label(town: &str) -> String {
    format!("gtctl.{town}")
}

/// A systemd user unit.
///
/// `KillMode=process`: tmux servers that the controller started live on in the unit's control group
/// when it is stopped or restarted, and with them the town. A separate scope would need a bus at
/// each start of a server, and the town would gain nothing. For the same reason an agent that runs
/// out of memory does not end the unit (`OOMPolicy=continue`), and agents do not count as the
/// unit's tasks.
#[must_use]
pub fn unit(service: &Service<'_>) -> String {
    let Service {
        town,
        argv,
        env,
        watchdog_seconds,
        log: _,
    } = service;
    let argv: Vec<String> = argv
        .iter()
        .map(|word| quoted(word, Dollar::Doubled))
        .collect();
    let env: Vec<String> = env
        .iter()
        .map(|(name, value)| {
            format!(
                "Environment={}\n",
                quoted(&format!("{name}={value}"), Dollar::Plain)
            )
        })
        .collect();
    let env = env.concat();
    signed(&format!(
        "# Written by `gtctl service install`, which never overwrites what was edited since.\n\
         # {UNSIGNED}\n\
         [Unit]\n\
         Description=gtctl keeps town {town}\n\
         StartLimitIntervalSec=0\n\
         \n\
         [Service]\n\
         Type=notify\n\
         NotifyAccess=main\n\
         ExecStart={}\n\
         ExecReload=/bin/kill -HUP $MAINPID\n\
         {env}\
         Restart=always\n\
         RestartSec=5\n\
         RestartPreventExitStatus=64\n\
         WatchdogSec={watchdog_seconds}\n\
         TimeoutStopSec=60\n\
         KillMode=process\n\
         OOMPolicy=continue\n\
         TasksMax=infinity\n\
         \n\
         [Install]\n\
         WantedBy=default.target\n",
        argv.join(" ")
    ))
}

/// A launchd property list for a user's agent. The processes that the controller started outlive
/// it.
#[must_use]
pub fn plist(service: &Service<'_>) -> String {
    let Service {
        town,
        argv,
        env,
        watchdog_seconds: _,
        log,
    } = service;
    let string = |text: &str| format!("<string>{}</string>", xml(text));
    let argv: Vec<String> = argv
        .iter()
        .map(|word| format!("    {}\n", string(word)))
        .collect();
    let env: Vec<String> = env
        .iter()
        .map(|(name, value)| format!("    <key>{}</key>\n    {}\n", xml(name), string(value)))
        .collect();
    let (argv, env) = (argv.concat(), env.concat());
    signed(&format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <!-- Written by `gtctl service install`, which never overwrites what was edited since. {UNSIGNED} -->\n\
         <!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" \"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n\
         <plist version=\"1.0\">\n\
         <dict>\n  \
         <key>Label</key>\n  {}\n  \
         <key>ProgramArguments</key>\n  <array>\n{argv}  </array>\n  \
         <key>EnvironmentVariables</key>\n  <dict>\n{env}  </dict>\n  \
         <key>RunAtLoad</key>\n  <true/>\n  \
         <key>KeepAlive</key>\n  <true/>\n  \
         <key>ThrottleInterval</key>\n  <integer>5</integer>\n  \
         <key>AbandonProcessGroup</key>\n  <true/>\n  \
         <key>StandardErrorPath</key>\n  {}\n\
         </dict>\n\
         </plist>\n",
        string(&job_label(town)),
        string(log),
    ))
}

/// Whether gtctl wrote a text and nobody has edited it since.
#[must_use]
pub fn is_as_written(text: &str) -> bool {
    is_as_signed(text)
}

/// The text with its digest in its place.
fn signed(text: &str) -> String {
    let (before, after) = text.split_once(UNSIGNED).unwrap_or((text, ""));
    signed::signed(before, after)
}

/// Whether systemd expands variables in a word.
#[derive(Debug, Clone, Copy)]
enum Dollar {
    /// It does. A plain `$` must be written twice.
    Doubled,
    /// It does not expand them.
    Plain,
}

/// A word as systemd reads it: in double quotes, with each `%` doubled because `%` begins a
/// specifier.
fn quoted(word: &str, dollar: Dollar) -> String {
    let mut text = String::from("\"");
    for c in word.chars() {
        match (c, dollar) {
            ('"', _) => text.push_str("\\\""),
            ('\\', _) => text.push_str("\\\\"),
            ('%', _) => text.push_str("%%"),
            ('$', Dollar::Doubled) => text.push_str("$$"),
            ('\n', _) => text.push_str("\\n"),
            ('\t', _) => text.push_str("\\t"),
            (c, _) if c.is_ascii_control() => text.extend(hexadecimal(c)),
            (c, _) => text.push(c),
        }
    }
    text.push('"');
    text
}

/// A control character as `\x1b`.
fn hexadecimal(c: char) -> [char; 4] {
    let digit = |n: u32| char::from_digit(n, 16).unwrap_or('0');
    [
        '\\',
        'x',
        digit(u32::from(c) / 16 % 16),
        digit(u32::from(c) % 16),
    ]
}

fn xml(text: &str) -> String {
    let plain = text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    // XML allows no other control characters in any form.
    plain
        .chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(
        argv: &[String],
        env: &[(String, String)],
        write: fn(&Service<'_>) -> String,
    ) -> String {
        write(&Service {
            town: "acme",
            argv,
            env,
            watchdog_seconds: 60,
            log: "/home/me/l & g",
        })
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn words_are_quoted_as_systemd_reads_them() {
        let argv = words(&["/opt/my tools/gt%ctl", "-f", "/a \"b\"\\c$d\n\u{1}.toml"]);
        let env = [("PATH".to_owned(), "/a b:/c%d$e".to_owned())];
        let text = service(&argv, &env, unit);
        let line =
            "ExecStart=\"/opt/my tools/gt%%ctl\" \"-f\" \"/a \\\"b\\\"\\\\c$$d\\n\\x01.toml\"\n";
        assert!(text.contains(line), "{text}");
        assert!(
            text.contains("Environment=\"PATH=/a b:/c%%d$e\"\n"),
            "{text}"
        );
    }

    #[test]
    fn a_property_list_is_escaped() {
        let argv = words(&["/opt/a & b", "<x>\u{1}"]);
        let text = service(&argv, &[("PATH".to_owned(), "/a".to_owned())], plist);
        for line in [
            "<string>gtctl.acme</string>",
            "<string>/opt/a &amp; b</string>",
            "<string>&lt;x&gt;</string>",
            "<key>PATH</key>\n    <string>/a</string>",
            "<string>/home/me/l &amp; g</string>",
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert_eq!(
            text.matches("<dict>").count(),
            text.matches("</dict>").count()
        );
    }

    #[test]
    fn an_edit_is_noticed() {
        for write in [unit, plist] {
            let text = service(&words(&["/gtctl"]), &[], write);
            assert!(is_as_written(&text) && !text.contains(UNSIGNED), "{text}");
            for edited in [
                text.replace("acme", "other"),
                format!("{text}\n"),
                text.replace("gtctl-digest:", "x"),
            ] {
                assert!(!is_as_written(&edited), "{edited}");
            }
        }
    }
}
