//! Fixes: plan, apply in memory, verify, unified diff. Writes no file.

pub mod corefile_format;
pub mod diff;
