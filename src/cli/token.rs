//! The token that readers of a site need.

use super::exit::Trouble;
use crate::trust::check_open_file;
use crate::web::{MIN_TOKEN, Secret};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of a random token.
const BYTES: usize = 32;
/// The longest token that is read, in bytes.
const LONGEST: u64 = 4096;
/// The bits of a mode that let others read or write.
const OTHERS: u32 = 0o077;

/// Something that nobody can guess.
pub(super) fn random() -> Result<Secret, Trouble> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .map_err(|e| Trouble::new("cannot read random bytes").because(&e))?;
    Ok(Secret::of_bytes(&bytes))
}

/// The token in a file that only its owner can read. Where there is no file, it is made.
pub(super) fn of_file(path: &Path) -> Result<Secret, Trouble> {
    let refused = |why: &dyn std::error::Error| {
        Trouble::new(format!("cannot read the token in {}", path.display())).because(why)
    };
    match File::open(path) {
        Ok(file) => read(&file, path),
        Err(fault) if fault.kind() == io::ErrorKind::NotFound => {
            let token = random()?;
            write(&token, path).map_err(|fault| refused(&fault))?;
            Ok(token)
        }
        Err(fault) => Err(refused(&fault)),
    }
}

fn write(token: &Secret, path: &Path) -> io::Result<()> {
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{}", token.text())
}

fn read(file: &File, path: &Path) -> Result<Secret, Trouble> {
    check_open_file(file, path).map_err(|why| Trouble::new(why.to_string()).help(why.fix()))?;
    let cannot = |e: io::Error| {
        Trouble::new(format!("cannot read the token in {}", path.display())).because(&e)
    };
    let mode = file.metadata().map_err(cannot)?.mode();
    let shown = path.display();
    if mode & OTHERS != 0 {
        let message = format!("other users can read the token in {shown}");
        return Err(Trouble::new(message).help(format!("chmod 600 {shown}")));
    }
    let mut text = String::new();
    file.take(LONGEST)
        .read_to_string(&mut text)
        .map_err(cannot)?;
    let token = text.trim();
    if token.len() < MIN_TOKEN || token.contains(char::is_whitespace) {
        let message = format!("the token in {shown} is no word of {MIN_TOKEN} characters or more");
        return Err(
            Trouble::new(message).help("remove the file; gtctl makes one with a good token")
        );
    }
    Ok(Secret::new(token))
}
