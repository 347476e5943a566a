//! Following a file through all that may be done to it.

use super::super::scratch::Scratch;
use super::*;
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::symlink;

fn append(path: &Path, text: &str) {
    OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
}

/// A follower from the beginning, and its file.
fn followed(name: &str) -> (Scratch, PathBuf, Follower) {
    let scratch = Scratch::new(name);
    let path = scratch.path().join("run.log");
    let follower = Follower::new(&path, From::Beginning);
    (scratch, path, follower)
}

fn read(follower: &mut Follower) -> (String, Option<Gap>) {
    let NewBytes { bytes, gap } = follower.read_new(1 << 20).unwrap();
    (String::from_utf8(bytes).unwrap(), gap)
}

fn all(follower: &mut Follower) -> (String, Option<Gap>) {
    let (mut text, mut gap) = (String::new(), None);
    loop {
        let (more, hole) = read(follower);
        gap = gap.or(hole);
        if more.is_empty() && hole.is_none() {
            return (text, gap);
        }
        text += &more;
    }
}

#[test]
fn only_new_bytes_and_no_read_without_them() {
    let (_scratch, path, mut follower) = followed("follow");
    assert_eq!(read(&mut follower), (String::new(), None), "not there yet");
    append(&path, "one\n");
    assert_eq!(read(&mut follower), ("one\n".into(), None));
    let reads = follower.reads();
    assert_eq!(read(&mut follower), (String::new(), None));
    assert_eq!(follower.reads(), reads);
    append(&path, "two\n");
    assert_eq!(follower.read_new(3).unwrap().bytes, b"two");
    assert_eq!(read(&mut follower), ("\n".into(), None));
}

#[test]
fn from_the_end_old_bytes_are_not_seen() {
    let (_scratch, path, _) = followed("follow-end");
    append(&path, "former life\n");
    let mut follower = Follower::new(&path, From::End);
    assert_eq!(read(&mut follower), (String::new(), None));
    append(&path, "new\n");
    assert_eq!(read(&mut follower), ("new\n".into(), None));
    let mut early = Follower::new(path.with_file_name("later.log"), From::End);
    assert_eq!(read(&mut early), (String::new(), None));
    append(early.path().to_owned().as_path(), "all of it\n");
    assert_eq!(read(&mut early), ("all of it\n".into(), None));
}

#[test]
fn rotated_once_and_several_times_nothing_is_lost_nor_twice() {
    let (scratch, path, mut follower) = followed("follow-rotate");
    let numbered = |n: u32| file::beside(&path, &n.to_string());
    append(&path, "a1 ");
    assert_eq!(read(&mut follower).0, "a1 ");
    append(&path, "a2 ");
    fs::rename(&path, numbered(1)).unwrap();
    assert_eq!(
        read(&mut follower).0,
        "",
        "nothing at its place for a moment"
    );
    append(&path, "b ");
    assert_eq!(all(&mut follower), ("a2 b ".into(), None));
    for text in ["c ", "", "d "] {
        fs::rename(numbered(2), numbered(3)).ok();
        fs::rename(numbered(1), numbered(2)).unwrap();
        fs::rename(&path, numbered(1)).unwrap();
        append(&path, text);
    }
    assert_eq!(all(&mut follower), ("c d ".into(), None));
    append(&path, "e ");
    fs::rename(&path, scratch.path().join("run.log-20261121")).unwrap();
    append(&path, "f ");
    assert_eq!(all(&mut follower), ("e f ".into(), None));
}

#[test]
fn truncated_and_replaced_are_gaps() {
    let (_scratch, path, mut follower) = followed("follow-gap");
    append(&path, "0123456789");
    read(&mut follower);
    File::create(&path).unwrap();
    assert_eq!(read(&mut follower), (String::new(), Some(Gap::Truncated)));
    append(&path, "abc");
    assert_eq!(read(&mut follower), ("abc".into(), None));
    let other = path.with_file_name("other");
    append(&other, "quite another file, and longer");
    fs::rename(&other, &path).unwrap();
    assert_eq!(
        read(&mut follower),
        ("quite another file, and longer".into(), Some(Gap::Replaced))
    );
    fs::remove_file(&path).unwrap();
    append(
        &path,
        "made anew, perhaps with the inode of the former, and longer than that",
    );
    let (text, gap) = read(&mut follower);
    assert!(
        text.starts_with("made anew") && gap == Some(Gap::Replaced),
        "{text:?} {gap:?}"
    );
}

#[test]
fn a_position_outlives_its_follower() {
    let (_scratch, path, mut follower) = followed("follow-kept");
    append(&path, "one ");
    read(&mut follower);
    let kept = serde_json::to_string(&follower.position().unwrap()).unwrap();
    append(&path, "two ");
    fs::rename(&path, file::beside(&path, "1")).unwrap();
    append(&path, "three ");
    let mut next = Follower::new(&path, From::Position(serde_json::from_str(&kept).unwrap()));
    assert_eq!(all(&mut next), ("two three ".into(), None));
}

#[test]
fn what_is_no_file_is_refused_at_once_and_followed_again_later() {
    let (scratch, path, mut follower) = followed("follow-odd");
    let refused = |follower: &mut Follower| follower.read_new(10).unwrap_err().to_string();
    append(&path, "one ");
    read(&mut follower);
    fs::rename(&path, scratch.path().join("kept")).unwrap();
    mkfifo(&path, Mode::S_IRWXU).unwrap();
    assert!(refused(&mut follower).ends_with("is a pipe, not a regular file"));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(refused(&mut follower).ends_with("is a folder, not a regular file"));
    fs::remove_dir(&path).unwrap();
    symlink("run.log", &path).unwrap();
    assert!(refused(&mut follower).starts_with("cannot read"));
    fs::remove_file(&path).unwrap();
    symlink("/dev/zero", &path).unwrap();
    assert!(refused(&mut follower).ends_with("is a device, not a regular file"));
    fs::remove_file(&path).unwrap();
    symlink("kept", &path).unwrap();
    append(&path, "two ");
    assert_eq!(
        read(&mut follower),
        ("two ".into(), None),
        "a link is followed"
    );
    append(&path, "three ");
    fs::rename(scratch.path().join("kept"), scratch.path().join("kept.1")).unwrap();
    append(&scratch.path().join("kept"), "four ");
    assert_eq!(
        all(&mut follower),
        ("three four ".into(), None),
        "and so is what it points at"
    );
}
