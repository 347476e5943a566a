//! The one integration test binary: it links once. What needs tmux uses servers private to each
//! test.

#[cfg(test)]
mod cases;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod clients;
#[cfg(test)]
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(test)]
mod harness;
#[cfg(test)]
#[cfg(feature = "etcd")]
mod hosts_etcd;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod sim;
#[cfg(test)]
mod tmux;
#[cfg(test)]
mod web;
