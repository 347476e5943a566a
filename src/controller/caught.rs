//! Turns a panic in a cycle into an error of that cycle. A defect of gtctl must not end the watch.

use crate::model::Period;
use std::any::Any;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

/// How long the watcher rests after the first panic.
const FIRST_REST: Period = Period::from_secs(1);
/// The longest rest.
const LONGEST_REST: Period = Period::from_mins(1);

/// Runs a future to its end. A panic in it is an error with its message.
pub(super) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, String> {
    let mut future = Box::pin(future);
    poll_fn(move |context| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(output)) => Poll::Ready(Ok(output)),
            Err(panic) => Poll::Ready(Err(words_of(&*panic))),
        }
    })
    .await
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("it did not say why").to_owned()
}

/// How long to rest after this many panics in a row: twice as long each time.
pub(super) fn rest_after(broken: u32) -> Period {
    let doublings = broken.saturating_sub(1).min(16);
    Period::from_millis(FIRST_REST.millis() << doublings).min(LONGEST_REST)
}

/// Panics while the file named by this variable exists: for tests. Only builds with debug assertions
/// do so, and no release has them.
#[cfg(debug_assertions)]
pub(super) fn break_off_for_a_test() {
    let told = std::env::var_os("_GTCTL_TEST_PANIC");
    let is_told = told.is_some_and(|file| std::path::Path::new(&file).exists());
    assert!(!is_told, "told to by a test");
}

/// Does nothing: no test runs this build.
#[cfg(not(debug_assertions))]
pub(super) fn break_off_for_a_test() {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_with_its_words_also_after_a_pause() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        assert_eq!(runtime.block_on(caught(async { 7 })), Ok(7));
        let breaking = async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "of {}", "this");
            7
        };
        assert_eq!(
            runtime.block_on(caught(breaking)),
            Err("of this".to_owned())
        );
    }

    #[test]
    fn rests_double_up_to_a_minute() {
        let rests: Vec<u64> = [1, 2, 3, 7, 40]
            .map(|n| rest_after(n).millis() / 1000)
            .into();
        assert_eq!(rests, [1, 2, 4, 60, 60]);
    }
}
