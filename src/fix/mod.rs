//! Fixes: named builders turn a place into byte edits; plans are applied in memory and verified. Writes no file.

mod apply;
mod area;
mod blocks;
mod build;
mod corefile;
pub mod corefile_format;
pub mod diff;
mod drop_in;
mod flags;
mod kubelet;
mod lines;
mod node;
mod owned;
mod plan;
#[cfg(test)]
mod tests;
mod yaml;

pub use apply::apply_edits;
pub use build::{BUILDERS, Draft, FixRequest, Workshop};
pub use diff::{Change, unified_diff};
pub use kubelet::{kubelet_config_file, with_dns_settings, with_keys, with_keys_at, with_keys_in};
pub use node::{DROP_IN, drop_in_behind, restated};
pub use plan::{Applied, Failed, Judged, MAX_ROUNDS, Mode, Outcome, Reason, run};
