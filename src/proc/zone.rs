//! The time zone of this host.

use jiff::tz::TimeZone;

/// Where the system says which zone is its own, in the form of `TZif` (RFC 9636); mostly a link
/// into its database.
const LOCAL: &str = "/etc/localtime";

/// The local time zone, as [`TimeZone::system`] has it, but without a name where the environment
/// names none. Reads one file then: jiff would first go through every folder of the database, in a
/// hundred calls.
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
