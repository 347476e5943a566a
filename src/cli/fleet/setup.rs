//! `gtctl hosts setup`: what to do on a host before it can be part of the town.

use super::unknown_host;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::model::{HostName, shell_word};

/// Prints the commands. Nothing is run.
pub(super) fn run(place: &Place, text: &str, terminal: &Terminal) -> Result<Exit, Trouble> {
    let name = HostName::new(text).ok();
    let found = name.and_then(|name| place.town.hosts.all.get_key_value(&name));
    let Some((name, host)) = found else {
        return Err(unknown_host(place, text));
    };
    let Some(ssh) = host.ssh.as_deref() else {
        return Err(
            Trouble::new(format!("the manifest has no `ssh` for {name}"))
                .help(format!("add ssh = \"me@{name}\" to [hosts.{name}]")),
        );
    };
    let (to, program, town) = (
        shell_word(ssh),
        shell_word(&host.gtctl),
        shell_word(&host.town),
    );
    let version = env!("CARGO_PKG_VERSION");
    let hostname = format!("export GTCTL_HOST={name}");
    terminal.print(&format!(
        "\
# 1. ssh without a password; say yes to its key once
ssh-copy-id {to}
ssh -o BatchMode=yes {to} true

# 2. tmux 3.3a or later, and gtctl {version}, on {name}
ssh {to} tmux -V
ssh {to} {program} --version

# 3. its name, if `hostname` there does not print {name}
ssh {to} hostname
ssh {to} \"echo '{hostname}' >> ~/.profile\"

# 4. the manifest, and the sessions that it has for {name}
gtctl hosts push {name}
gtctl apply --on {name}

# 5. a controller there, so that its sessions are kept while nobody looks
ssh -t {to} {program} --this-host {name} -f {town} service install

# 6. each agent signed in there
gtctl doctor --on {name}
"
    ));
    Ok(Exit::Done)
}
