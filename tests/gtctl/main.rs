//! gtctl as a whole: its decisions as pages, its command line, and its work on real tmux servers, each private to
//! its test.

#[cfg(test)]
mod act;
#[cfg(test)]
mod goldens;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod look;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod support;
#[cfg(test)]
mod world;
