//! The one integration test binary: it links once. What needs tmux uses servers private to each
//! test.

#[cfg(test)]
mod act;
#[cfg(test)]
mod after;
#[cfg(test)]
mod background;
#[cfg(test)]
mod bugs;
#[cfg(test)]
mod chaos;
#[cfg(test)]
mod chores;
#[cfg(test)]
mod cli;
#[cfg(test)]
mod completion;
#[cfg(test)]
mod content;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod departures;
#[cfg(test)]
mod direct;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod documents;
#[cfg(test)]
mod fields;
#[cfg(test)]
mod gastown;
#[cfg(test)]
mod gastown_faults;
#[cfg(test)]
mod goldens;
#[cfg(test)]
mod heeding;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod init;
#[cfg(test)]
mod instructions;
#[cfg(test)]
mod laws;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod leftovers;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod look;
#[cfg(test)]
mod misread;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod nudge;
#[cfg(test)]
mod policy;
#[cfg(test)]
mod quiet;
#[cfg(test)]
mod robust;
#[cfg(test)]
mod rolling;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod situation;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod straits;
#[cfg(test)]
mod strangers;
#[cfg(test)]
mod support;
#[cfg(test)]
mod titles;
#[cfg(test)]
mod town;
#[cfg(test)]
mod town_age;
#[cfg(test)]
mod town_edit;
#[cfg(test)]
mod town_fault;
#[cfg(test)]
mod town_host;
#[cfg(test)]
mod unwell;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod world;
#[cfg(test)]
mod yard;
