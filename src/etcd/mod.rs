//! A small client of etcd: gRPC with messages declared by hand, so no compiler of protocols is
//! needed to build gtctl.
//!
//! | file | its part |
//! |---|---|
//! | `wire.rs` | the messages, with the numbers of `rpc.proto` and `kv.proto` of etcd 3.4 and later |
//! | `codec.rs` | message to bytes and back |
//! | `channel.rs` | the connections: several endpoints, TLS, a deadline for each call |
//! | `client.rs` | reads, writes and leases |
//! | `txn.rs` | transactions: compare, then write |
//! | `watch.rs` | what changes below a prefix |
//! | `mirror.rs` | a copy of a prefix that follows the store, also after compaction |
//! | `version.rs` | which versions end leases wrongly |
//!
//! **Architecture invariant:** only this room speaks gRPC. It decides nothing: a caller gets what
//! the store said, or why it said nothing ([`EtcdFault`]).

mod channel;
mod client;
mod codec;
mod fault;
mod mirror;
mod txn;
mod watch;
mod wire;

pub use channel::{EtcdAccess, Tls};
pub use client::{EtcdClient, Freshness, LeaseId, Pair, Status};
pub use fault::EtcdFault;
pub use mirror::{Mirror, Moved};
pub use txn::{Txn, TxnCondition, TxnDeed, TxnResult};
pub use watch::{Changes, KeyChange, KeyWatch};

/// The end of the range of all keys that begin with `prefix`.
#[must_use]
pub(crate) fn end_of_prefix(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Nothing is above a prefix of nothing but 0xff: the range ends with the last key.
    vec![0]
}

#[cfg(test)]
mod tests {
    use super::end_of_prefix;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        assert_eq!(end_of_prefix("/gtctl/a/"), b"/gtctl/a0");
        assert_eq!(end_of_prefix(""), [0]);
    }
}
