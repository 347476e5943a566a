//! Waits for file descriptors that the runtime has no type for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// A file descriptor that can be awaited until it is readable.
#[derive(Debug)]
pub struct Ready(AsyncFd<OwnedFd>);

impl Ready {
    /// Registers the descriptor with the runtime.
    ///
    /// # Errors
    /// The descriptor is of a kind that cannot be polled.
    #[expect(
        deprecated,
        reason = "its successor asks, by `unsafe`, for what an owned descriptor in private hands is"
    )]
    pub fn new(fd: OwnedFd) -> io::Result<Self> {
        AsyncFd::with_interest(fd, tokio::io::Interest::READABLE).map(Self)
    }

    /// The descriptor.
    #[must_use]
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.0.get_ref().as_fd()
    }

    /// Calls `take` each time the descriptor may be readable, until it returns a value.
    ///
    /// `take` must not block. The future may be dropped at any time. It never completes once the
    /// descriptor fails.
    pub async fn until<T>(&self, mut take: impl FnMut() -> Option<T>) -> T {
        loop {
            let Ok(mut guard) = self.0.readable().await else {
                return std::future::pending().await;
            };
            match take() {
                Some(taken) => return taken,
                None => guard.clear_ready(),
            }
        }
    }
}
