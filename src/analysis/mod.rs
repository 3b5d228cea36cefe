//! Pure passes over the cluster: what the kubelet, k3s, CoreDNS, the node cache and the C libraries make of it.

pub mod address_pool;
pub mod collect;
pub mod coredns;
pub mod effective;
pub mod facts;
pub mod kubelet;
pub mod node_cache;
pub mod node_dns;
pub mod pod;
pub mod policy;
pub mod predict;
pub mod resolver;
pub mod servers;
pub mod service;
pub mod topology;
pub mod trace;
pub mod transport;
pub mod view;
pub mod views;
