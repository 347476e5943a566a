//! The client of the store, with a real etcd. Each test starts one, and says SKIPPED where the
//! machine has none.

mod secure;
mod store;
