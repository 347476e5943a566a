//! The handles of processes whose end the kernel is asked to report, all together.
//!
//! Only Linux gives a handle to a process. Elsewhere [`Handles`] is always empty, because
//! [`super::machine::Machine::handle`] returns none.

#[cfg(target_os = "linux")]
pub(super) use self::linux::Handles;
#[cfg(not(target_os = "linux"))]
pub(super) use self::none::Handles;

#[cfg(target_os = "linux")]
mod linux {
    use crate::model::SortedSet;
    use crate::proc::ready::Ready;
    use rustix::event::{Timespec, epoll};
    use std::io;
    use std::os::fd::{BorrowedFd, OwnedFd};

    /// The most ends that one call to the kernel returns.
    const AT_ONCE: usize = 64;

    /// A set of handles.
    #[derive(Debug)]
    pub(in crate::proc) struct Handles(Ready);

    impl Handles {
        /// An empty set.
        ///
        /// # Errors
        /// The kernel refuses an epoll instance.
        pub(in crate::proc) fn new() -> io::Result<Self> {
            Ready::new(epoll::create(epoll::CreateFlags::CLOEXEC)?).map(Self)
        }

        /// Adds the handle of the process with this pid.
        pub(in crate::proc) fn add(&self, pid: u32, handle: &OwnedFd) -> io::Result<()> {
            let data = epoll::EventData::new_u64(u64::from(pid));
            epoll::add(self.0.fd(), handle, data, epoll::EventFlags::IN)?;
            Ok(())
        }

        /// Takes a handle out of the set. To close it is not enough: a child process that is just
        /// being started has a copy of it for an instant, and so long the kernel goes on reporting.
        pub(in crate::proc) fn remove(&self, handle: &OwnedFd) {
            let _ = epoll::delete(self.0.fd(), handle);
        }

        /// Waits until at least one process has ended, and returns the pids of those that have.
        /// The future may be dropped at any time.
        pub(in crate::proc) async fn ended(&self) -> SortedSet<u32> {
            let some = || Some(ended(self.0.fd())).filter(|pids| !pids.is_empty());
            self.0.until(some).await
        }
    }

    /// The pids of the processes whose end is ready to be reported.
    fn ended(epoll: BorrowedFd<'_>) -> SortedSet<u32> {
        let mut events = Vec::with_capacity(AT_ONCE);
        let now = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // After an error nothing is lost: epoll reports the same ends again.
        let _ = epoll::wait(
            epoll,
            rustix::buffer::spare_capacity(&mut events),
            Some(&now),
        );
        let pids = events.iter().map(|event| event.data.u64());
        pids.filter_map(|pid| u32::try_from(pid).ok()).collect()
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use crate::model::SortedSet;
    use std::io;
    use std::os::fd::OwnedFd;

    /// A set that stays empty.
    #[derive(Debug)]
    pub(in crate::proc) struct Handles;

    impl Handles {
        #[expect(clippy::unnecessary_wraps, reason = "as on Linux, where it can fail")]
        pub(in crate::proc) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        #[expect(clippy::unused_self, reason = "as on Linux")]
        pub(in crate::proc) fn add(&self, _pid: u32, _handle: &OwnedFd) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }

        #[expect(clippy::unused_self, reason = "as on Linux")]
        pub(in crate::proc) fn remove(&self, _handle: &OwnedFd) {}

        #[expect(clippy::unused_self, reason = "as on Linux")]
        pub(in crate::proc) async fn ended(&self) -> SortedSet<u32> {
            std::future::pending().await
        }
    }
}
