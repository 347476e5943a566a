//! The users and groups of this machine, from `/etc/passwd` and `/etc/group`.
//!
//! gtctl asks no directory service (LDAP, sssd), because that may hang. A user who is not in
//! `/etc/passwd` is shown by number.

use std::fs::File;
use std::io::Read;

/// How much of each file is read, in bytes.
const MAX_FILE: u64 = 4 << 20;

/// The user as a message shows it: `alice (uid 1000)`, or `uid 1000` if the name is unknown.
#[must_use]
pub fn name_of(uid: u32) -> String {
    let passwd = read("/etc/passwd");
    let name = users(&passwd)
        .find(|user| user.uid == uid)
        .map(|user| user.name);
    name.map_or_else(
        || format!("uid {uid}"),
        |name| format!("{name} (uid {uid})"),
    )
}

/// Whether the group has no members other than this user and root.
pub(super) fn is_private_group(gid: u32, uid: u32) -> bool {
    is_private(&read("/etc/passwd"), &read("/etc/group"), gid, uid)
}

fn is_private(passwd: &str, group: &str, gid: u32, uid: u32) -> bool {
    let is_allowed = |user: &User<'_>| user.uid == uid || user.uid == 0;
    let allowed_names: Vec<&str> = users(passwd)
        .filter(is_allowed)
        .map(|user| user.name)
        .collect();
    // A user belongs to the group of their passwd entry without being in the group's list.
    let others_by_passwd = users(passwd).any(|user| user.gid == gid && !is_allowed(&user));
    let Some(members) = members_of(group, gid) else {
        return false;
    };
    let others_by_list = members
        .split(',')
        .any(|member| !member.is_empty() && !allowed_names.contains(&member));
    !others_by_passwd && !others_by_list
}

struct User<'t> {
    name: &'t str,
    uid: u32,
    gid: u32,
}

fn users(passwd: &str) -> impl Iterator<Item = User<'_>> {
    passwd.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let (name, _password) = (fields.next()?, fields.next()?);
        let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
        Some(User { name, uid, gid })
    })
}

fn members_of(group: &str, gid: u32) -> Option<&str> {
    group.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (_name, _password) = (fields.next()?, fields.next()?);
        let group_id: u32 = fields.next()?.parse().ok()?;
        fields.next().filter(|_| group_id == gid)
    })
}

fn read(path: &str) -> String {
    let mut bytes = Vec::new();
    let result = File::open(path).and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    // A file that cannot be read counts as empty: no group is private then, which is the safe side.
    result
        .map(|_| String::from_utf8_lossy(&bytes).into_owned())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\n\
                          cy:x:1002:100::/:/bin/sh\n";
    const GROUP: &str = "root:x:0:\nann:x:1000:\nbob:x:1001:ann\nusers:x:100:\nteam:x:500:ann,bob\nalone:x:501:ann,root\n";

    #[test]
    fn a_group_is_private_when_nobody_else_is_in_it() {
        let private = |gid, uid| is_private(PASSWD, GROUP, gid, uid);
        assert!(private(1000, 1000) && private(0, 0) && private(0, 1000) && private(501, 1000));
        assert!(!private(1001, 1001), "ann is in bob's group");
        assert!(!private(100, 1000), "users is cy's own group");
        assert!(!private(500, 1000) && !private(777, 1000));
    }

    #[test]
    fn users_are_named_as_far_as_the_machine_knows_them() {
        assert_eq!(name_of(0), "root (uid 0)");
        assert_eq!(name_of(4_000_000_000), "uid 4000000000");
    }
}
