//! Every test that runs dnslint as a whole, in one program: linking it many times would take longer than the tests.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::string_slice,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails loudly, says who judged, and lays out its own files"
)]

mod admission_policies;
mod cli;
mod clusters;
mod common;
mod docs;
mod fix_cli;
mod fix_killed;
mod fixes;
mod fmt;
mod folding;
mod graph;
mod incident_fixes;
mod incidents;
mod layers;
mod lint_engine;
mod loops;
mod node_cache;
mod oracle_apiserver;
mod oracle_coredns;
mod oracle_dnsmasq;
mod oracle_k3s;
mod oracle_kubelet;
mod oracle_libc;
mod oracle_node_cache;
mod oracle_serving;
mod oracle_systemd;
mod policies;
mod predict;
mod render;
mod render_charts;
mod render_clusters;
mod render_nodes;
mod render_steps;
mod report;
mod resolver_rules;
mod rule_commands;
mod rules;
mod source;
mod syntax_yaml;
mod tours;
mod vectors_coredns;
mod vectors_kubelet_k3s;
mod vectors_node_cache;
mod vectors_resolvers;
mod vectors_systemd;
