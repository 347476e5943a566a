//! The time zone of this host.

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
