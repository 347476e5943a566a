//! The time zone of this host.

use crate::model::Zone;
use jiff::tz::TimeZone;

/// The system's time zone, in the `TZif` format (RFC 9636).
const LOCAL: &str = "/etc/localtime";

/// The local time zone.
///
/// Equal to [`TimeZone::system`], but without a name unless `TZ` or `TZDIR` is set. It reads one
/// file, where jiff would walk the whole zone database in about a hundred system calls.
#[must_use]
pub fn local() -> TimeZone {
    let is_named = ["TZ", "TZDIR"]
        .iter()
        .any(|name| std::env::var_os(name).is_some());
    let unnamed = || TimeZone::tzif("local", &std::fs::read(LOCAL).ok()?).ok();
    if is_named { None } else { unnamed() }.unwrap_or_else(TimeZone::system)
}

/// The local time zone, with its name: `Europe/Berlin`, or `local` if nothing names it.
#[must_use]
pub fn named() -> Zone {
    let by_variable = std::env::var("TZ").ok().filter(|name| !name.is_empty());
    let by_link = || {
        let target = std::fs::read_link(LOCAL).ok()?;
        let target = target.to_str()?.to_owned();
        let (_, name) = target.split_once("/zoneinfo/")?;
        Some(name.to_owned())
    };
    let name = by_variable.or_else(by_link);
    Zone {
        name: name.unwrap_or_else(|| "local".to_owned()),
        rules: local(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::Timestamp;

    #[test]
    fn it_is_that_of_the_system() {
        let (local, system) = (local(), TimeZone::system());
        for month in 0..600 {
            let at = Timestamp::from_second(month * 2_629_746).unwrap();
            assert_eq!(local.to_offset(at), system.to_offset(at));
        }
    }
}
