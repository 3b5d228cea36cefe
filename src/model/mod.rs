//! The cluster as the programs will see it; every value carries its origin.

pub mod cluster;
pub mod config_map;
pub mod dns_server;
pub mod manifests;
pub mod node;
pub mod object;
pub mod pillar;
pub mod pod;
pub mod process;
pub mod read;
pub mod service;
pub mod string_map;
pub mod value;
pub mod workload;

pub use cluster::{BrokenInput, Cluster, assemble};
