//! Effective configuration: kubelet, k3s and RKE2 precedence, resolver file choice, a pod's resolv.conf.

pub mod address;
pub mod cluster_dns;
pub mod config_value;
pub mod flag;
mod flag_csv;
pub mod k3s_args;
pub mod k3s_config;
pub mod k3s_flags;
pub mod k3s_kubelet;
pub mod k3s_resolver;
pub mod k3s_viability;
pub mod kubeadm;
pub mod kubelet;
pub mod kubelet_names;
pub mod losing;
mod merge_patch;
pub mod node_check;
pub mod origin;
pub mod pod_dns;
pub mod pod_resolv_conf;
mod refusals;
pub mod runtime;
mod spellings;
pub mod versions;

pub use crate::model::node::Distribution;
pub use config_value::ConfigValue;
pub use flag::FlagValue;
pub use losing::{Losing, LosingReason};
pub use runtime::Runtime;
pub use versions::{KubeVersion, Version};
