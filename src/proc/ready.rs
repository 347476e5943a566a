//! Waiting for descriptors that the runtime knows no type for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use tokio::io::unix::AsyncFd;

/// A descriptor whose becoming readable is waited for.
#[derive(Debug)]
pub struct Ready(AsyncFd<OwnedFd>);

impl Ready {
    /// Waits for this one, which nobody replaces as long as it lives.
    ///
    /// # Errors
    /// When it is of a kind that cannot be waited for.
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

    /// Asks `take`, which must not wait, whenever there may be something to take, until it has. May
    /// be dropped at any time; never returns once the descriptor fails.
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
