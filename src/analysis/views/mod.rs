//! The views: documented structs that rules speak about, one file a kind.

pub mod address_pool;
pub mod cluster;
pub mod dns_server;
pub mod kubelet;
pub mod node_cache;
pub mod pod;
pub mod policy;
pub mod resolv_conf;
pub mod service;
pub mod unit;
