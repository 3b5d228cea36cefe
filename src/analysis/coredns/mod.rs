//! What CoreDNS and the node cache make of a Corefile: plugins by release, set-up checks, typed readers of directives.

mod forward;
mod golang;
mod options;
mod plugins;
mod problem;
mod readers;
mod roles;
mod setup;
mod surroundings;
mod version;
pub mod zone_file;

pub use crate::syntax::corefile::Version;
pub use forward::{ForwardSpec, Upstream, UpstreamKind, classify_upstream};
pub use golang::{Nanoseconds, SECOND, duration, regexp, split_host_port};
pub use options::{OptionStatus, status as option_status};
pub use plugins::{
    Knowledge, classify, default_build_has, directive_known, external_plugin, nearest, plugin_order, position,
};
pub use problem::{Cause, ProblemKind, Rank, SetupProblem, first_fatal};
pub use readers::{
    BindSpec, CacheSpec, Fallthrough, HealthSpec, HostsEntry, HostsSpec, KubernetesSpec, ReadySpec, RewriteSpec,
    TemplateSpec,
};
pub use roles::Role;
pub use setup::{block_listeners, check, check_with};
pub use surroundings::{FileState, NothingKnown, Surroundings};
pub use version::{Binary, NEWEST};
