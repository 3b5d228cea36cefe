//! Generates the node cache, the resolver's configuration and the settings of nodes, from what the snapshot shows.

mod changes;
pub mod chosen;
mod context;
pub mod distribution;
mod inventory;
mod kubeadm;
mod manifests;
mod node_files;
mod notes;
pub mod parameters;
pub mod places;
pub mod plan;
mod policies;
mod proof;
mod rancher;
mod refuse;
pub mod request;
mod resolver_config;
mod rke2;
mod rows;
mod scene;
mod standing;
mod steps;
pub mod stubs;
mod templates;
mod unused;

pub use plan::{File, Part, Plan, is_printed, plan};
pub use request::Request;

/// Port of the cache's health check (kubespray takes 9254).
pub const HEALTH_PORT: u16 = 8080;
/// Port of the cache's metrics.
pub const METRICS_PORT: u16 = 9253;
