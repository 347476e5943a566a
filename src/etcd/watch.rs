//! What changes below a prefix, from a revision on.

use super::client::{EtcdClient, Pair};
use super::end_of_prefix;
use super::fault::EtcdFault;
use super::wire::{EventKind, WatchCreate, WatchOrder, WatchRequest, WatchResponse};
use futures_util::{StreamExt, future, stream};
use tonic::Streaming;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyChange {
    /// The key was written.
    Put(Pair),
    /// The key is gone.
    Gone(String),
}

/// Changes that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The revision up to which they count.
    pub revision: i64,
    /// The changes, oldest first. Empty where the store only says that nothing has changed.
    pub changes: Vec<KeyChange>,
}

/// A watch that goes on. It is over with its first fault.
#[derive(Debug)]
pub struct KeyWatch {
    prefix: String,
    answers: Streaming<WatchResponse>,
    from: i64,
}

impl EtcdClient {
    /// Watches all keys that begin with `prefix`, from revision `from` on.
    ///
    /// # Errors
    /// [`EtcdFault`].
    pub async fn watch(&self, prefix: &str, from: i64) -> Result<KeyWatch, EtcdFault> {
        let create = WatchRequest {
            order: Some(WatchOrder::Create(WatchCreate {
                key: prefix.into(),
                range_end: end_of_prefix(prefix),
                start_revision: from,
                progress_notify: true,
            })),
        };
        // The store ends a watch whose sender is closed, so it stays open after the one message.
        let messages = stream::once(future::ready(create)).chain(stream::pending());
        let answers = self
            .channels()
            .stream("/etcdserverpb.Watch/Watch", messages)
            .await?;
        Ok(KeyWatch {
            prefix: prefix.to_owned(),
            answers,
            from,
        })
    }
}

impl KeyWatch {
    /// The prefix that is watched.
    #[must_use]
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Waits for the next changes, however long that takes.
    ///
    /// # Errors
    /// [`EtcdFault::Compacted`] where changes were lost: list again. Else the watch broke off.
    pub async fn next(&mut self) -> Result<Changes, EtcdFault> {
        loop {
            let answer = self.answers.message().await;
            let answer = answer
                .map_err(|status| EtcdFault::of(&status, 0))?
                .ok_or_else(|| EtcdFault::Broken("it closed the watch".to_owned()))?;
            if answer.compact_revision > 0 {
                return Err(EtcdFault::Compacted(self.from, answer.compact_revision));
            }
            if answer.canceled {
                return Err(cancelled(answer.cancel_reason));
            }
            if answer.created {
                continue;
            }
            let revision = answer.header.as_ref().map_or(0, |header| header.revision);
            self.from = revision.saturating_add(1);
            let changes = answer.events.into_iter().filter_map(|event| {
                let pair = event.kv?;
                let is_gone = event.kind == i32::from(EventKind::Delete);
                Some(if is_gone {
                    KeyChange::Gone(String::from_utf8_lossy(&pair.key).into_owned())
                } else {
                    KeyChange::Put(pair.into())
                })
            });
            return Ok(Changes {
                revision,
                changes: changes.collect(),
            });
        }
    }
}

fn cancelled(why: String) -> EtcdFault {
    if why.contains("no leader") {
        return EtcdFault::NoLeader;
    }
    if why.contains("permission denied") {
        return EtcdFault::Denied(why);
    }
    EtcdFault::Broken(why)
}
