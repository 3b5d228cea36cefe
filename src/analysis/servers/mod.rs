//! DNS servers: what their blocks answer, where their forwards lead, and where a query comes back.

pub mod block_view;
pub mod chain;
mod custom_keys;
pub mod dead_ends;
pub mod dnsmasq_upstreams;
pub mod entrances;
pub mod forward_view;
pub mod graph;
mod hidden_names;
pub mod kube_dns_config;
pub mod local_resolver;
pub mod missing_keys;
pub mod mixed;
pub mod pod_resolvers;
pub mod public;
pub mod read;
pub mod rewriting;
pub mod routing;
pub mod select;
pub mod served;
pub mod server_view;
pub mod setup_view;
pub mod template;
pub mod upstream_files;
