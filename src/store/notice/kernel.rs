//! What the kernel tells of changes to files: inotify on Linux, nothing elsewhere.

#[cfg(target_os = "linux")]
pub(super) use self::linux::{Kernel, Watch};
#[cfg(not(target_os = "linux"))]
pub(super) use self::none::{Kernel, Watch};

use std::ffi::OsString;

/// One piece of news.
#[derive(Debug)]
pub(super) enum News {
    /// Some news were lost: everything may have changed.
    Lost,
    /// Something happened to what this watch is on.
    Of {
        /// The watch.
        watch: Watch,
        /// The entry of a watched folder that it is about.
        name: Option<OsString>,
        /// What happened.
        what: What,
    },
}

/// What happened to a watched file or folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// It was written to.
    Written,
    /// Another file may have its name now.
    Renamed,
    /// The watch has ended, because what it was on is gone.
    Ended,
}

#[cfg(target_os = "linux")]
mod linux {
    use super::{News, What};
    use crate::model::SortedSet;
    use nix::errno::Errno;
    use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::path::Path;

    /// A watch on a file or a folder.
    pub(in super::super) type Watch = WatchDescriptor;

    /// The most batches of events read in one call, so that a flood does not block the caller.
    const MAX_BATCHES: usize = 64;

    /// An inotify instance.
    #[derive(Debug)]
    pub(in super::super) struct Kernel(Inotify);

    impl Kernel {
        /// None where the kernel gives no instance.
        pub(in super::super) fn new() -> Option<Self> {
            let flags = InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK;
            Inotify::init(flags).ok().map(Self)
        }

        /// What is readable when there is news.
        pub(in super::super) fn fd(&self) -> BorrowedFd<'_> {
            self.0.as_fd()
        }

        /// Watches what is written to a file.
        pub(in super::super) fn watch_file(&self, path: &Path) -> Option<Watch> {
            let flags = AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_ATTRIB;
            self.0.add_watch(path, flags).ok()
        }

        /// Watches which entries a folder gets.
        pub(in super::super) fn watch_folder(&self, path: &Path) -> Option<Watch> {
            let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO;
            self.0
                .add_watch(path, flags | AddWatchFlags::IN_ONLYDIR)
                .ok()
        }

        /// Ends a watch. It may have ended by itself.
        pub(in super::super) fn unwatch(&self, watch: Watch) {
            let _ = self.0.rm_watch(watch);
        }

        /// The news since the last call, each once. Does not block.
        pub(in super::super) fn news(&self) -> Vec<News> {
            let mut news = Vec::new();
            // A file is written to a thousand times where it is looked at once.
            let mut written = SortedSet::new();
            for _ in 0..MAX_BATCHES {
                match self.0.read_events() {
                    Ok(events) => {
                        let fresh = events
                            .into_iter()
                            .filter(|event| !is_written(event) || written.insert(event.wd));
                        news.extend(fresh.map(of_event));
                    }
                    Err(Errno::EINTR) => {}
                    Err(_) => break,
                }
            }
            news
        }
    }

    /// Whether it is only about what was written to a watched file.
    fn is_written(event: &InotifyEvent) -> bool {
        event.mask == AddWatchFlags::IN_MODIFY && event.name.is_none()
    }

    fn of_event(event: InotifyEvent) -> News {
        if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            return News::Lost;
        }
        let what = if event.mask.contains(AddWatchFlags::IN_IGNORED) {
            What::Ended
        } else if event.mask.contains(AddWatchFlags::IN_MODIFY) {
            What::Written
        } else {
            What::Renamed
        };
        News::Of {
            watch: event.wd,
            name: event.name,
            what,
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod none {
    use super::News;
    use std::os::fd::BorrowedFd;
    use std::path::Path;

    /// There is none.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    pub(in super::super) enum Watch {}

    /// There is none.
    #[derive(Debug)]
    pub(in super::super) enum Kernel {}

    impl Kernel {
        pub(in super::super) fn new() -> Option<Self> {
            None
        }

        pub(in super::super) fn fd(&self) -> BorrowedFd<'_> {
            match *self {}
        }

        pub(in super::super) fn watch_file(&self, _path: &Path) -> Option<Watch> {
            match *self {}
        }

        pub(in super::super) fn watch_folder(&self, _path: &Path) -> Option<Watch> {
            match *self {}
        }

        pub(in super::super) fn unwatch(&self, _watch: Watch) {
            match *self {}
        }

        pub(in super::super) fn news(&self) -> Vec<News> {
            match *self {}
        }
    }
}
