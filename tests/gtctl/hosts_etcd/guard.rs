//! The guard by itself, with real processes.

use crate::harness::{Scratch, name, wait_for};
use gtctl::fleet::guard::{EntryRefused, HOST_VARIABLE, Link, Order, may_begin};
use gtctl::model::SortedSet;
use gtctl::model::{BootTime, HostName, Period, ProcId, SessionName};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{clock, env_tag, process};
use std::ffi::OsString;
use std::process::{Child, Command};
use std::sync::Arc;

/// A process that is killed with this value.
struct Sleeper(Child, ProcId);

impl Sleeper {
    /// A process with the tag of a session, or without one.
    fn start(town: &SessionName, session: Option<&str>, host: &str) -> Self {
        let mut command = Command::new("sleep");
        command.arg("600").env(HOST_VARIABLE, host);
        if let Some(session) = session {
            command
                .env(env_tag::TOWN, town.as_str())
                .env(env_tag::SESSION, session)
                .env(env_tag::GENERATION, "1");
        }
        let child = command.spawn().unwrap();
        let id = process::identify(child.id()).unwrap();
        Self(child, id)
    }

    fn id(&self) -> ProcId {
        self.1
    }

    fn lives(&self) -> bool {
        process::may_live(self.id())
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// A town of a test's own, with a way to its guard.
struct Place {
    scratch: Scratch,
    town: SessionName,
}

impl Place {
    fn new() -> Self {
        let scratch = Scratch::new();
        let town = name(scratch.name());
        Self { scratch, town }
    }

    fn link(&self) -> Link {
        let state = self.scratch.path();
        let words = ["guard", "keep", self.town.as_str(), "--state-dir"];
        let mut command = vec![OsString::from(env!("CARGO_BIN_EXE_gtctl"))];
        command.extend(words.map(OsString::from));
        command.push(state.into());
        Link::new(state.to_path_buf(), command)
    }

    fn order(controller: ProcId, deadline: Option<BootTime>) -> Order {
        Order {
            pid: controller.pid,
            start: controller.start,
            host: HostName::new("a").unwrap(),
            sessions: None,
            deadline,
        }
    }
}

fn movable() -> Arc<SortedSet<SessionName>> {
    Arc::new(SortedSet::from([name("m")]))
}

fn later(millis: u64) -> BootTime {
    clock::boot_time().plus(Period::from_millis(millis))
}

#[tokio::test]
async fn it_ends_the_controller_and_what_can_move_and_nothing_else() {
    let place = Place::new();
    let controller = Sleeper::start(&place.town, None, "a");
    signal(controller.id(), Signal::STOP);
    let moves = Sleeper::start(&place.town, Some("m"), "a");
    let stays = Sleeper::start(&place.town, Some("p"), "a");
    let elsewhere = Sleeper::start(&place.town, Some("m"), "b");
    let mut link = place.link();
    assert_eq!(link.open().await.unwrap().deadline, None);
    let deadline = Some(later(1500));
    // The sessions are named once, and count for the orders after that.
    let movable = movable();
    for deadline in [Some(later(600_000)), deadline] {
        let order = Place::order(controller.id(), deadline);
        let standing = link.order(&movable, order).await.unwrap();
        assert_eq!(standing.deadline, deadline);
    }
    assert!(
        moves.lives() && controller.lives(),
        "not before the deadline"
    );
    wait_for("the guard", async || (!moves.lives()).then_some(())).await;
    assert!(Some(clock::boot_time()) >= deadline);
    assert!(!controller.lives(), "the controller goes first");
    assert!(stays.lives() && elsewhere.lives());
    wait_for("the end of the guard", async || {
        may_begin(place.scratch.path()).is_err().then_some(())
    })
    .await;
    assert!(stays.lives() && elsewhere.lives());
}

#[tokio::test]
async fn the_end_of_a_controller_is_no_reason_and_the_next_one_takes_it_over() {
    let place = Place::new();
    let path = place.scratch.path().to_path_buf();
    let moves = Sleeper::start(&place.town, Some("m"), "a");
    let controller = Sleeper::start(&place.town, None, "a");
    let mut first = place.link();
    first.open().await.unwrap();
    assert_eq!(
        may_begin(&path),
        Err(EntryRefused::Late),
        "there is no deadline yet"
    );
    let deadline = Some(later(600_000));
    let order = Place::order(controller.id(), deadline);
    let movable = movable();
    first.order(&movable, order.clone()).await.unwrap();
    let guard = first.guard().unwrap();
    drop((first, controller));
    let mut next = place.link();
    assert_eq!(next.open().await.unwrap().deadline, deadline);
    assert_eq!(next.guard(), Some(guard), "it is the same");
    assert_eq!(may_begin(&path).ok(), deadline);
    assert!(moves.lives());

    // One that is stopped is replaced, with what the controller knows.
    signal(guard, Signal::STOP);
    assert!(next.order(&movable, order.clone()).await.is_err());
    let another = wait_for("another guard", async || next.open().await.ok()).await;
    assert_eq!(another.deadline, None);
    assert_ne!(next.guard(), Some(guard));
    next.order(&movable, order.clone()).await.unwrap();
    assert_eq!(may_begin(&path).ok(), deadline);
    assert!(moves.lives());
    signal(next.guard().unwrap(), Signal::KILL);
    wait_for("the end of the guard", async || {
        matches!(may_begin(&path), Err(EntryRefused::NoGuard(_))).then_some(())
    })
    .await;
}
