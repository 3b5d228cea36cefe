//! Pods: what name resolution looks like from inside, shape by shape.

pub mod api_limits;
pub mod dns_config;
pub mod hosts;
pub mod libc;
pub mod names;
pub mod resolv_conf_edits;
pub mod shape;
pub mod stale;
pub mod surroundings;
#[cfg(test)]
mod testing;
