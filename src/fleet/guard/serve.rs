//! The guard's own process: it waits for orders and for its alarm.

use super::socket;
use super::sweep::sweep;
use super::words::{GuardStanding, Order, line};
use crate::model::SortedSet;
use crate::model::written::from_bytes;
use crate::model::{BootTime, Period, SessionName};
use crate::proc::alarm::Alarm;
use crate::proc::signal::{Signal, signal};
use crate::proc::{clock, process};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;

/// The file whose lock makes a guard the only one of its state directory.
pub(super) const LOCK: &str = "guard.lock";
/// A guard without a deadline that nobody speaks to ends after this.
const IDLE: Duration = Duration::from_secs(60);
/// After the deadline it goes on looking for so long: tmux may carry out a start late.
const AFTERMATH: Period = Period::from_millis(2000);
/// The longest line of an order.
const LONGEST: usize = 4 << 20;

/// Why a guard does not guard.
#[derive(Debug, thiserror::Error)]
pub enum ServeFault {
    /// There is one already.
    #[error("another guard runs already")]
    Taken,
    /// The system does not let it.
    #[error("the guard cannot work")]
    System(#[from] io::Error),
}

/// A controller that is connected.
struct Peer {
    stream: UnixStream,
    unread: Vec<u8>,
    /// The sessions that it has named last.
    sessions: Option<Rc<SortedSet<SessionName>>>,
}

/// What is guarded now.
struct Task {
    order: Order,
    /// The sessions that can move.
    sessions: Rc<SortedSet<SessionName>>,
}

/// Guards the sessions of a town until its deadline has passed, or until nobody needs it.
///
/// # Errors
/// [`ServeFault`].
pub fn serve(town: &SessionName, state: &Path) -> Result<(), ServeFault> {
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(state.join(LOCK))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(ServeFault::Taken),
        Err(TryLockError::Error(fault)) => return Err(fault.into()),
    }
    let listener = socket::listen(state)?;
    let mut guard = Guard {
        town,
        alarm: Alarm::new()?,
        task: None,
        peers: Vec::new(),
    };
    guard.run(&listener)?;
    let _ = std::fs::remove_file(state.join(socket::NAME));
    drop(lock);
    Ok(())
}

struct Guard<'a> {
    town: &'a SessionName,
    alarm: Alarm,
    task: Option<Task>,
    peers: Vec<Peer>,
}

impl Guard<'_> {
    fn deadline(&self) -> Option<BootTime> {
        self.task.as_ref().and_then(|task| task.order.deadline)
    }

    fn run(&mut self, listener: &UnixListener) -> io::Result<()> {
        loop {
            let is_over = self.deadline().is_some_and(|at| at <= clock::boot_time());
            if is_over {
                // An order may have come while this process waited for the processor.
                self.hear();
                if self.deadline().is_some_and(|at| at <= clock::boot_time()) {
                    self.fire();
                    return Ok(());
                }
            }
            if !self.wait(listener)? && self.peers.is_empty() && self.deadline().is_none() {
                return Ok(());
            }
            self.alarm.quieten();
            self.welcome(listener);
            self.hear();
        }
    }

    /// Waits for an order, a controller or the alarm. Returns whether something came in time.
    fn wait(&self, listener: &UnixListener) -> io::Result<bool> {
        let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
        let alarm = self.alarm.fd();
        fds.extend(alarm.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)));
        let peers = self.peers.iter();
        fds.extend(peers.map(|peer| PollFd::new(&peer.stream, PollFlags::IN)));
        let idle = Timespec::try_from(self.alarm.at_most(IDLE)).map_err(io::Error::other)?;
        match rustix::event::poll(&mut fds, Some(&idle)) {
            Ok(count) => Ok(count > 0),
            Err(rustix::io::Errno::INTR) => Ok(true),
            Err(fault) => Err(fault.into()),
        }
    }

    fn welcome(&mut self, listener: &UnixListener) {
        while let Ok((stream, _)) = listener.accept() {
            let mut peer = Peer {
                stream,
                unread: Vec::new(),
                sessions: None,
            };
            let is_ready = peer.stream.set_nonblocking(true).is_ok();
            if is_ready && peer.stream.write_all(&line(&self.standing())).is_ok() {
                self.peers.push(peer);
            }
        }
    }

    fn standing(&self) -> GuardStanding {
        let me = process::identify(std::process::id());
        GuardStanding {
            deadline: self.deadline(),
            pid: std::process::id(),
            start: me.map_or(0, |me| me.start),
        }
    }

    /// Takes in what controllers have said, and forgets those that are gone.
    fn hear(&mut self) {
        let mut peers = std::mem::take(&mut self.peers);
        peers.retain_mut(|peer| {
            let lives = peer.read();
            let mut has_heard = false;
            while let Some(order) = peer.next_line() {
                let order = from_bytes::<Order>(&order).ok();
                if let Some(task) = order.and_then(|order| peer.task(order)) {
                    self.take(task);
                    has_heard = true;
                }
            }
            let answered = !has_heard || peer.stream.write_all(&line(&self.standing())).is_ok();
            lives && answered
        });
        self.peers.extend(peers);
    }

    fn take(&mut self, task: Task) {
        let set = self.alarm.set(task.order.deadline);
        self.task = Some(task);
        if let Err(fault) = set {
            tracing::error!(%fault, "the alarm cannot be set");
        }
    }

    /// Kills the controller, then all that can move.
    fn fire(&mut self) {
        let Some(Task { order, sessions }) = self.task.take() else {
            return;
        };
        let killed = signal(order.controller(), Signal::KILL);
        let is_meant = |name: &SessionName| sessions.contains(name);
        let swept = sweep(self.town, &order.host, is_meant);
        tracing::warn!(?killed, ?swept, "the deadline has passed");
        let until = clock::boot_time().plus(AFTERMATH);
        while clock::boot_time() < until {
            std::thread::sleep(Duration::from_millis(50));
            let _ = sweep(self.town, &order.host, is_meant);
        }
    }
}

impl Peer {
    /// Reads what has come. Returns whether the other side is still there.
    fn read(&mut self) -> bool {
        let mut buffer = [0; 16 << 10];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    self.unread.extend(buffer.get(..count).unwrap_or_default());
                    if self.unread.len() > LONGEST {
                        return false;
                    }
                }
                Err(fault) if fault.kind() == io::ErrorKind::WouldBlock => return true,
                Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// What an order asks for. None for a first one that names no sessions.
    fn task(&mut self, mut order: Order) -> Option<Task> {
        if let Some(sessions) = order.sessions.take() {
            self.sessions = Some(Rc::new(sessions));
        }
        let sessions = Rc::clone(self.sessions.as_ref()?);
        Some(Task { order, sessions })
    }

    fn next_line(&mut self) -> Option<Vec<u8>> {
        let end = self.unread.iter().position(|byte| *byte == b'\n')?;
        let rest = self.unread.split_off(end + 1);
        Some(std::mem::replace(&mut self.unread, rest))
    }
}
