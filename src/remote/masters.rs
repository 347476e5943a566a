//! Connections that several calls share: OpenSSH's `ControlMaster`.
//!
//! A shared connection can die without a word: the network has changed, the laptop has slept, or its
//! process hangs. So its process is asked before each call, and one that does not answer is
//! forgotten: its socket is removed, and the next call connects anew.

use super::{run, words};
use sha2::{Digest, Sha256};
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the process of a shared connection may take to say that it lives.
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a shared connection stays open after its last call, in seconds.
const PERSIST: u32 = 60;
/// The longest path of a socket's folder. The kernel allows 107 bytes for the socket, and ssh adds
/// a random ending of 17 while it makes it.
const LONGEST_FOLDER: usize = 70;

/// The shared connections of this user.
#[derive(Debug, Clone)]
pub struct Masters {
    /// ssh, and the options that the user gives it.
    ssh: Vec<String>,
    /// Where the sockets are. None where there is no fit folder: then nothing is shared.
    folder: Option<PathBuf>,
}

impl Masters {
    /// Prepares the folder of the sockets: `gtctl-ssh` in `runtime` (`$XDG_RUNTIME_DIR`), or a
    /// folder of the user's in `/tmp`. Nothing is shared where others could use that folder, too.
    ///
    /// `command` is ssh with options of the user's, such as `ssh -F config`; `ssh` where it is None.
    #[must_use]
    pub fn open(command: Option<&str>, runtime: Option<&Path>) -> Self {
        let words = command.unwrap_or("ssh").split_whitespace();
        let mut ssh: Vec<String> = words.map(str::to_owned).collect();
        if ssh.is_empty() {
            ssh.push("ssh".to_owned());
        }
        let user = nix::unistd::Uid::effective().as_raw();
        let in_runtime = runtime
            .filter(|folder| folder.is_absolute() && folder.is_dir())
            .map(|folder| folder.join("gtctl-ssh"));
        let folder = in_runtime.unwrap_or_else(|| format!("/tmp/gtctl-ssh-{user}").into());
        let is_short = folder.as_os_str().len() <= LONGEST_FOLDER;
        // What is already there is judged below.
        let _ = DirBuilder::new().mode(0o700).create(&folder);
        let is_fit = is_short && is_private(&folder, user);
        Self {
            ssh,
            folder: is_fit.then_some(folder),
        }
    }

    pub(super) fn ssh(&self) -> &[String] {
        &self.ssh
    }

    /// The socket of a destination's connection. Its name says nothing of the destination.
    fn socket(&self, to: &str) -> Option<PathBuf> {
        let mut digest = Sha256::new();
        for word in self.ssh.iter().map(String::as_str).chain([to]) {
            digest.update(word.as_bytes());
            digest.update([0]);
        }
        let digest = format!("{:x}", digest.finalize());
        let name: String = digest.chars().take(16).collect();
        Some(self.folder.as_ref()?.join(name))
    }

    /// The options that share a connection.
    pub(super) fn options(&self, to: &str) -> Vec<OsString> {
        let Some(socket) = self.socket(to) else {
            return ["-o", "ControlPath=none"].map(OsString::from).into();
        };
        let mut path = OsString::from("ControlPath=");
        path.push(socket);
        let options = [
            "ControlMaster=auto".into(),
            path,
            format!("ControlPersist={PERSIST}").into(),
        ];
        options
            .into_iter()
            .flat_map(|option| ["-o".into(), option])
            .collect()
    }

    /// Checks a connection that is there, and forgets one whose process does not answer. Returns
    /// whether there is one that answers.
    pub(super) async fn prepare(&self, to: &str) -> bool {
        let socket = self.socket(to);
        if socket.is_none_or(|path| fs::symlink_metadata(path).is_err()) {
            return false;
        }
        let mut argv = words::options(&self.ssh, Some(PATIENCE));
        argv.extend(self.options(to));
        argv.extend(["-O", "check", "--", to].map(OsString::from));
        let lives = run(&argv, "", PATIENCE).await.is_well();
        if !lives {
            self.forget(to);
        }
        lives
    }

    /// Removes the socket of a connection, so that the next call makes a new one. A process that
    /// still has the old one ends by itself.
    pub(super) fn forget(&self, to: &str) {
        if let Some(socket) = self.socket(to) {
            // If it stays, ssh says why.
            let _ = fs::remove_file(socket);
        }
    }
}

/// Whether it is a folder of ours that nobody else can enter.
fn is_private(folder: &Path, user: u32) -> bool {
    let of_others = |mode: u32| mode & 0o077;
    fs::symlink_metadata(folder)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == user && of_others(meta.mode()) == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nothing_is_shared_in_a_folder_that_others_can_enter() {
        let scratch = std::env::temp_dir().join(format!("gtctl-masters-{}", std::process::id()));
        fs::create_dir_all(&scratch).unwrap();
        let masters = Masters::open(Some("ssh -F x"), Some(&scratch));
        let socket = masters.socket("me@b").unwrap();
        assert!(socket.starts_with(&scratch) && socket != masters.socket("me@c").unwrap());
        assert_eq!(masters.ssh(), ["ssh", "-F", "x"]);
        let folder = scratch.join("gtctl-ssh");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        let masters = Masters::open(None, Some(&scratch));
        assert_eq!(masters.options("me@b"), ["-o", "ControlPath=none"]);
        fs::remove_dir_all(&scratch).unwrap();
    }
}
