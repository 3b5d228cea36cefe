//! Generates the node cache, the resolver's configuration and the settings of nodes, from what the snapshot shows.

pub mod chosen;
mod context;
pub mod distribution;
mod flags;
mod kubeadm;
mod node_files;
pub mod parameters;
pub mod plan;
pub mod request;
mod resolver_config;
mod rke2;
mod steps;
pub mod stubs;
mod templates;

pub use plan::{File, Part, Plan, plan};
pub use request::Request;

/// Port of the cache's health check (kubespray takes 9254).
pub const HEALTH_PORT: u16 = 8080;
/// Port of the cache's metrics.
pub const METRICS_PORT: u16 = 9253;
