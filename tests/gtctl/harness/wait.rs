//! Waits for a condition, never for a fixed time.

use std::time::{Duration, Instant};

/// How long any condition may take to come true, on a machine that does much else too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Something came at once and not with a later look. No machine needs so long for it, and what would
/// bring it otherwise takes longer.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(30);

/// Waits until it holds. Panics after [`PATIENCE`].
#[track_caller]
pub(crate) fn until(what: &str, holds: impl FnMut() -> bool) {
    until_or(what, holds, String::new);
}

/// As [`until`], and says how things are when it panics.
#[track_caller]
pub(crate) fn until_or(what: &str, mut holds: impl FnMut() -> bool, state: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "waited in vain for {what}: {}",
            state()
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until `found` finds something. Panics after [`PATIENCE`].
pub(crate) async fn wait_for<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
