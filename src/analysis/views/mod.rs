//! The views: documented structs that rules speak about, one file a kind.

pub mod dns_server;
pub mod pod;
pub mod resolv_conf;
