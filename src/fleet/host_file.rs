//! `host.toml`: what only this host knows. How it reaches the store, and what it offers.

use crate::etcd::{EtcdAccess, Tls};
use crate::files::{self, Links};
use crate::model::SortedSet;
use crate::model::{HostName, StoreSettings, is_ssh_destination};
use crate::trust::{self, Distrust};
use serde::Deserialize;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The most bytes of the file, and of each certificate.
const LARGEST: u64 = 1 << 20;
/// The mode bits of a key that others could read or write.
const OTHERS: u32 = 0o077;

/// What the file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile {
    /// The host's name.
    pub name: HostName,
    /// How the store is reached.
    pub access: EtcdAccess,
    /// How many sessions it takes. None for as many as there are.
    pub slots: Option<u32>,
    /// Its labels.
    pub labels: SortedSet<String>,
    /// How other hosts reach it by ssh, where the manifest does not say it.
    pub ssh: Option<String>,
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum HostFileFault {
    /// It, or a file that it names, cannot be read.
    #[error("cannot read {}", .0.display())]
    Unreadable(PathBuf, #[source] std::io::Error),
    /// Others may change it.
    #[error("{0}")]
    Distrusted(#[from] Distrust),
    /// Others may read a key.
    #[error("{} can be read by others (mode {mode:04o})", path.display())]
    Open {
        /// The key.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It is no TOML, or has a field that there is not.
    #[error("{}: {why}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

impl HostFileFault {
    /// What to do, where one command does it.
    #[must_use]
    pub fn fix(&self) -> Option<String> {
        match self {
            Self::Distrusted(distrust) => Some(distrust.fix()),
            Self::Open { path, .. } => Some(format!("chmod 600 {}", path.display())),
            Self::Unreadable(..) | Self::Wrong { .. } => None,
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    name: String,
    endpoints: Vec<String>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    ca: Option<PathBuf>,
    slots: Option<u32>,
    #[serde(default)]
    labels: SortedSet<String>,
    ssh: Option<String>,
}

impl HostFile {
    /// Where the file is, unless somebody names another: `gtctl/host.toml` in `$XDG_CONFIG_HOME`, or
    /// in `~/.config`. None where neither is known.
    #[must_use]
    pub fn usual_place(config: Option<&Path>, home: Option<&Path>) -> Option<PathBuf> {
        let whole = |path: &&Path| path.is_absolute();
        let config = config.filter(whole).map(Path::to_path_buf);
        let folder = config.or_else(|| Some(home.filter(whole)?.join(".config")));
        Some(folder?.join("gtctl/host.toml"))
    }

    /// Reads the file, and the certificates that it names. A path in it is absolute, or relative to
    /// its folder. `name` is the host's name where somebody has said it: it wins.
    ///
    /// # Errors
    /// [`HostFileFault`].
    pub fn read(path: &Path, name: Option<&str>) -> Result<Self, HostFileFault> {
        let text = read(path, false)?;
        let wrong = |why: String| HostFileFault::Wrong {
            path: path.to_path_buf(),
            why,
        };
        let text = String::from_utf8(text).map_err(|_| wrong("it is no text".to_owned()))?;
        let table: Table = toml::from_str(&text).map_err(|fault| wrong(fault.to_string()))?;
        let Table {
            name: written,
            endpoints,
            certificate,
            key,
            ca,
            slots,
            labels,
            ssh,
        } = table;
        let name = name.unwrap_or(&written);
        let name = HostName::new(name).map_err(|_| wrong(format!("`{name}` is no host name")))?;
        if endpoints.is_empty() {
            return Err(wrong("`endpoints` is empty: name at least one".to_owned()));
        }
        let folder = path.parent().unwrap_or(Path::new("/"));
        let own = match (certificate, key) {
            (Some(certificate), Some(key)) => Some((
                read(&folder.join(certificate), false)?,
                read(&folder.join(key), true)?,
            )),
            (None, None) => None,
            (Some(_), None) => return Err(wrong("`certificate` needs a `key`".to_owned())),
            (None, Some(_)) => return Err(wrong("`key` needs a `certificate`".to_owned())),
        };
        let tls = match (ca, own) {
            (Some(ca), own) => Some(Tls {
                ca: read(&folder.join(ca), false)?,
                own,
            }),
            (None, None) => None,
            (None, Some(_)) => return Err(wrong("`certificate` needs a `ca`".to_owned())),
        };
        if let Some(ssh) = ssh.as_ref().filter(|ssh| !is_ssh_destination(ssh)) {
            return Err(wrong(format!(
                "`{ssh}` is no destination for ssh: write \"user@host\""
            )));
        }
        Ok(Self {
            name,
            access: EtcdAccess {
                endpoints,
                tls,
                limit: StoreSettings::CALL_TIMEOUT.to_std(),
            },
            slots,
            labels,
            ssh,
        })
    }
}

/// Reads a file that others may not change, nor read if it is secret.
fn read(path: &Path, is_secret: bool) -> Result<Vec<u8>, HostFileFault> {
    let unreadable = |fault| HostFileFault::Unreadable(path.to_path_buf(), fault);
    let opened = files::open(path, Links::Follow).map_err(unreadable)?;
    trust::check_open_file(&opened.file, path)?;
    let mode = opened.metadata.mode() & 0o7777;
    if is_secret && mode & OTHERS != 0 {
        return Err(HostFileFault::Open {
            path: path.to_path_buf(),
            mode,
        });
    }
    files::read_opened(opened, LARGEST).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    /// A folder of the test's own, whose path nobody else can change.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("gtctl-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn it_says_how_the_store_is_reached() {
        let folder = folder("host-file");
        let file = folder.join("host.toml");
        write(
            &file,
            "name = \"a\"\nendpoints = [\"https://s:2379\"]\nca = \"ca\"\ncertificate = \"c\"\n\
             key = \"k\"\nslots = 4\nlabels = [\"gpu\"]\n",
            0o600,
        );
        for (name, mode) in [("ca", 0o644), ("c", 0o644), ("k", 0o600)] {
            write(&folder.join(name), name, mode);
        }
        let read = HostFile::read(&file, None).unwrap();
        assert_eq!((read.name.as_str(), read.slots), ("a", Some(4)));
        let tls = read.access.tls.unwrap();
        assert_eq!(tls.own, Some((b"c".to_vec(), b"k".to_vec())));
        assert_eq!(HostFile::read(&file, Some("b")).unwrap().name.as_str(), "b");

        write(&folder.join("k"), "k", 0o640);
        let fault = HostFile::read(&file, None).unwrap_err();
        assert!(
            matches!(fault, HostFileFault::Open { mode: 0o640, .. }),
            "{fault}"
        );
        assert!(fault.fix().unwrap().starts_with("chmod 600 /"));
        write(&file, "name = \"a\"\nendpoints = []\n", 0o620);
        let fault = HostFile::read(&file, None).unwrap_err();
        assert!(matches!(fault, HostFileFault::Distrusted(_)), "{fault}");
        drop(fs::remove_dir_all(folder));
    }

    #[test]
    fn each_mistake_is_told() {
        let folder = folder("host-faults");
        let file = folder.join("host.toml");
        let one = "name = \"a\"\nendpoints = [\"http://s:2379\"]\n";
        for (text, part) in [
            ("name = \"a\"\n", "endpoints"),
            ("name = \"a\"\nendpoints = []\n", "is empty"),
            ("name = \"a b\"\nendpoints = [\"x\"]\n", "no host name"),
            (&format!("{one}lables = []\n"), "lables"),
            (&format!("{one}ssh = \"-x\"\n"), "no destination"),
            (&format!("{one}key = \"k\"\n"), "needs a `certificate`"),
            (&format!("{one}certificate = \"k\"\n"), "needs a `key`"),
        ] {
            write(&file, text, 0o600);
            let fault = HostFile::read(&file, None).unwrap_err().to_string();
            assert!(fault.contains(part), "{fault}");
        }
        drop(fs::remove_dir_all(folder));
    }

    #[test]
    fn it_is_in_the_configuration_of_the_user() {
        let place = |config, home| HostFile::usual_place(config, home);
        let path = |text: &'static str| Some(Path::new(text));
        let expected = |text: &str| Some(PathBuf::from(text));
        assert_eq!(
            place(path("/c"), path("/h")),
            expected("/c/gtctl/host.toml")
        );
        let usual = expected("/h/.config/gtctl/host.toml");
        assert_eq!(place(path("c"), path("/h")), usual);
        assert_eq!(place(None, None), None);
    }
}
