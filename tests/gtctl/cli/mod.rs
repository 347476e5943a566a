//! The command line: what each verb says, and its exit codes.

mod doctor;
mod habits;
mod home;
mod hosts;
mod init;
mod resource_limits;
mod verbs;
