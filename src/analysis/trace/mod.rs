//! The way of one look-up: the names a library asks for, the servers each passes, and who answers.

pub mod candidates;
pub mod wait;

pub use candidates::{Candidate, Candidates, Failure, Library, candidates};
