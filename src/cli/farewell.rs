//! Makes a controller end after TERM, whatever it is doing.
//!
//! Usually it hears TERM between two cycles and ends in good order. But a cycle may take long: a
//! disk does not answer, a tmux server is stopped, another gtctl holds the turn. So a separate
//! thread listens too, and ends the process when the time is up. Nothing is lost: a controller may
//! die at any moment.

use super::exit::Exit;
use crate::proc::signal::is_asked_to_end;
use crate::store::View;
use std::io::Write;
use std::thread;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long the controller may take to end by itself. The promise is that it is gone within five
/// seconds.
const PATIENCE: Duration = Duration::from_millis(4500);
/// How often the thread checks that the state directory answers.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// The stack size, in bytes. The thread only waits.
const STACK: usize = 256 << 10;

/// Begins to listen. If no thread can be started, the controller ends at the end of its cycle.
pub(super) fn see_to_the_end(state: View) {
    let thread = thread::Builder::new()
        .name("gtctl-end".to_owned())
        .stack_size(STACK);
    let _ = thread.spawn(move || {
        // The thread has its own runtime: the controller's may be stuck.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        if let Ok(runtime) = runtime {
            runtime.block_on(wait_and_end(state));
        }
    });
}

async fn wait_and_end(state: View) {
    let (Ok(mut term), Ok(mut int)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::interrupt()),
    ) else {
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
        () = tell_of_silence(state) => {}
    }
    tokio::time::sleep(PATIENCE).await;
    let said =
        "gtctl: warning: stopped while a step took too long; the next controller continues it\n";
    let _ = std::io::stderr().write_all(said.as_bytes());
    std::process::exit(i32::from(Exit::Failed.code()));
}

/// Says when the state directory does not answer: the controller may be stuck there in the middle
/// of a cycle.
///
/// Returns if TERM or INT was sent meanwhile and no thread has taken it. Linux offers a signal to the
/// first thread of a process. While that thread waits for a disk, it takes no signal.
async fn tell_of_silence(state: View) {
    let mut told = None;
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let view = state.clone();
        // This thread may wait for the disk. The thread that ends the process must not.
        let answer = tokio::task::spawn_blocking(move || view.answers()).await;
        let late = answer
            .ok()
            .and_then(Result::err)
            .map(|late| late.to_string());
        if let Some(late) = late.as_ref().filter(|late| told.as_ref() != Some(*late)) {
            let said = format!("warning: {late}; nothing is done meanwhile\n");
            let _ = std::io::stderr().write_all(said.as_bytes());
        }
        told = late;
        if told.is_some() && is_asked_to_end() {
            return;
        }
    }
}
