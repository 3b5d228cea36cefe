//! One lossless, span-carrying parser a format: text in, tree and errors out. Never panics, knows nothing of Kubernetes.

pub mod corefile;
pub mod dnsmasq;
pub mod env_file;
pub mod kubelet_flags;
pub mod resolv_conf;
pub mod resolved;
pub mod systemd;
pub mod yaml;
