//! A time on the boot clock to wake up at, also after the machine was suspended.

#[cfg(target_os = "linux")]
pub use self::linux::Alarm;
#[cfg(not(target_os = "linux"))]
pub(crate) use self::polled::Alarm;

/// By a timer of the kernel. It rings at once when the machine wakes up too late.
#[cfg(target_os = "linux")]
mod linux {
    use crate::model::BootTime;
    use nix::sys::time::TimeSpec;
    use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::time::Duration;

    /// At most one time to wake up at.
    #[derive(Debug)]
    pub struct Alarm(TimerFd);

    impl Alarm {
        /// An alarm that is not set.
        ///
        /// # Errors
        /// The kernel refuses a timer.
        pub fn new() -> io::Result<Self> {
            let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
            Ok(Self(TimerFd::new(ClockId::CLOCK_BOOTTIME, flags)?))
        }

        /// Sets the alarm, or takes it back.
        ///
        /// # Errors
        /// The kernel refuses the time.
        pub fn set(&self, at: Option<BootTime>) -> io::Result<()> {
            match at {
                None => self.0.unset()?,
                Some(at) => {
                    // Zero would take it back.
                    let whole = TimeSpec::from_duration(Duration::from_millis(at.0.max(1)));
                    let flags = TimerSetTimeFlags::TFD_TIMER_ABSTIME;
                    self.0.set(Expiration::OneShot(whole), flags)?;
                }
            }
            Ok(())
        }

        /// What is readable once the alarm rings. None where nothing is.
        #[must_use]
        pub fn fd(&self) -> Option<BorrowedFd<'_>> {
            Some(self.0.as_fd())
        }

        /// How long its owner may sleep on [`Self::fd`], given how long it wants to.
        #[must_use]
        pub fn at_most(&self, wanted: Duration) -> Duration {
            wanted
        }

        /// Makes an alarm that has rung quiet again.
        pub fn quieten(&self) {
            let _ = self.0.wait();
        }
    }
}

/// By looking at the clock several times a second, where the kernel's timers stand still while the
/// machine is suspended.
#[cfg(any(test, not(target_os = "linux")))]
mod polled {
    use crate::model::BootTime;
    use crate::proc::clock;
    use std::cell::Cell;
    use std::io;
    use std::os::fd::BorrowedFd;
    use std::time::Duration;

    /// How late it may ring.
    pub(super) const LATE: Duration = Duration::from_millis(100);

    /// At most one time to wake up at.
    #[derive(Debug)]
    pub(crate) struct Alarm(Cell<Option<BootTime>>);

    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "its callers are the same on Linux, where these calls do something"
    )]
    impl Alarm {
        /// An alarm that is not set.
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self(Cell::new(None)))
        }

        /// Sets the alarm, or takes it back.
        pub(crate) fn set(&self, at: Option<BootTime>) -> io::Result<()> {
            self.0.set(at);
            Ok(())
        }

        /// Nothing is readable.
        #[must_use]
        pub(crate) fn fd(&self) -> Option<BorrowedFd<'_>> {
            None
        }

        /// How long its owner may sleep, given how long it wants to.
        #[must_use]
        pub(crate) fn at_most(&self, wanted: Duration) -> Duration {
            let Some(at) = self.0.get() else {
                return wanted;
            };
            let left = Duration::from_millis(at.since(clock::boot_time()).millis());
            wanted.min(left).min(LATE)
        }

        /// Does nothing.
        pub(crate) fn quieten(&self) {}
    }
}

#[cfg(test)]
mod tests {
    use crate::model::Period;
    use crate::proc::clock;
    use rustix::event::{PollFd, PollFlags, Timespec};
    use std::time::Duration;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn the_kernels_alarm_rings_at_its_time() {
        let alarm = super::Alarm::new().unwrap();
        let begin = clock::boot_time();
        let at = begin.plus(Period::from_millis(50));
        alarm.set(Some(at)).unwrap();
        assert_eq!(alarm.at_most(LONG), LONG);
        let fd = alarm.fd().unwrap();
        let waits = |limit: Duration| {
            let limit = Timespec::try_from(limit).unwrap();
            let mut fds = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
            rustix::event::poll(&mut fds, Some(&limit)).unwrap()
        };
        assert_eq!(waits(LONG), 1);
        assert!(clock::boot_time() >= at);
        alarm.quieten();
        assert_eq!(waits(Duration::from_millis(1)), 0, "it rings once");
        alarm.set(Some(begin)).unwrap();
        assert_eq!(waits(LONG), 1, "a time that has passed rings at once");
        alarm.set(None).unwrap();
        alarm.quieten();
        assert_eq!(waits(Duration::from_millis(1)), 0, "taken back");
    }

    #[test]
    fn where_no_timer_rings_the_owner_sleeps_in_small_parts() {
        let alarm = super::polled::Alarm::new().unwrap();
        assert!(alarm.fd().is_none());
        assert_eq!(alarm.at_most(LONG), LONG);
        let now = clock::boot_time();
        alarm.set(Some(now.plus(Period::from_hours(1)))).unwrap();
        assert_eq!(alarm.at_most(LONG), super::polled::LATE);
        alarm.set(Some(now)).unwrap();
        assert_eq!(alarm.at_most(LONG), Duration::ZERO);
        alarm.quieten();
        alarm.set(None).unwrap();
        assert_eq!(alarm.at_most(LONG), LONG);
    }
}
