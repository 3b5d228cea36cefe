//! The arguments of `dnslint render`.

use super::values::{ColorChoice, ProxyMode};
use crate::analysis::collect::Assumptions;
use crate::render::distribution::Distribution;
use crate::render::request::{Companion, NodeForm, Resolver, Update};
use crate::render::{Part, Request};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, FromArgMatches};
use std::net::IpAddr;
use std::path::PathBuf;

/// Arguments of `render`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Without --out, --diff or --check the manifests go to standard output, ready for `kubectl apply -f -`; where each value \
comes from, and what to do in which order, goes to standard error.

Exit codes:
  0  rendered, or nothing to change
  1  with --diff or --check: something would change
  2  wrong usage, or the snapshot makes the result wrong: the findings say why")]
pub struct RenderArgs {
    /// Cluster directory, repository of manifests, or a node's root [default: what the distribution installs by itself]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    #[command(flatten)]
    distribution: DistributionArg,
    #[command(flatten)]
    pub(super) output: OutputArgs,
    #[command(flatten)]
    values: ValueArgs,
}

/// The distribution: a flag for each.
#[derive(Clone, Copy, Debug)]
struct DistributionArg(Distribution);

impl FromArgMatches for DistributionArg {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let chosen = Distribution::ALL.into_iter().find(|distribution| matches.get_flag(distribution.word()));
        chosen.map(Self).ok_or_else(|| clap::Error::new(clap::error::ErrorKind::MissingRequiredArgument))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl clap::Args for DistributionArg {
    fn augment_args(command: clap::Command) -> clap::Command {
        let flag = |distribution: Distribution| {
            let what = if distribution.has_own_manifests() { ", as settings of its own node cache" } else { "" };
            Arg::new(distribution.word())
                .long(distribution.word())
                .help(format!("For {}{what}", distribution.name()))
                .help_heading("Distribution")
                .action(ArgAction::SetTrue)
        };
        let group = ArgGroup::new("distribution").args(Distribution::ALL.map(Distribution::word)).required(true);
        command.args(Distribution::ALL.map(flag)).group(group)
    }

    fn augment_args_for_update(command: clap::Command) -> clap::Command {
        Self::augment_args(command)
    }
}

/// Where the files go.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Write the files below this directory
    #[arg(long, value_name = "DIR")]
    pub(super) out: Option<PathBuf>,
    /// Print what would change below --out or PATH as a unified diff
    #[arg(long)]
    pub(super) diff: bool,
    /// Write nothing; list the files that would change below --out or PATH
    #[arg(long, conflicts_with = "diff")]
    pub(super) check: bool,
    /// Only these parts
    #[arg(long, value_name = "PART,..", value_enum, value_delimiter = ',')]
    only: Vec<PartArg>,
    /// Print neither parameters nor steps
    #[arg(short, long)]
    pub(super) quiet: bool,
    /// When to colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    pub(super) color: ColorChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum PartArg {
    /// Kubernetes objects
    Manifests,
    /// Settings of nodes
    Node,
    /// The configuration of a resolver outside Kubernetes
    Resolver,
}

impl PartArg {
    const fn part(self) -> Part {
        match self {
            Self::Manifests => Part::Manifests,
            Self::Node => Part::Node,
            Self::Resolver => Part::Resolver,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum ResolverArg {
    /// NodeLocal DNSCache, as a DaemonSet
    NodeCache,
    /// Plain CoreDNS on the node
    Coredns,
    /// hickory-dns on the node
    HickoryDns,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum UpdateArg {
    /// A few nodes at a time
    Rolling,
    /// When a pod is deleted
    OnDelete,
    /// In the running pod, with OpenKruise's DaemonSet
    InPlace,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
enum CompanionArg {
    /// For the Prometheus operator
    PodMonitor,
    /// Lets pods of a restricted namespace ask the cache
    NetworkPolicy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum NodeFormArg {
    /// A drop-in of the agent's configuration
    Config,
    /// A drop-in of the systemd unit
    Unit,
    /// The unit's environment file
    Env,
    /// Variables of k3s-ansible
    Ansible,
}

/// Values that beat the snapshot.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Values")]
struct ValueArgs {
    /// The program that answers on the nodes
    #[arg(long, value_enum, default_value_t = ResolverArg::NodeCache)]
    resolver: ResolverArg,
    /// Cluster domain
    #[arg(long, value_name = "DOMAIN")]
    cluster_domain: Option<String>,
    /// Addresses of the DNS Service
    #[arg(long, value_name = "IP,..", value_delimiter = ',')]
    cluster_dns: Vec<IpAddr>,
    /// Addresses that the cache makes for itself on each node
    #[arg(long, value_name = "IP,..", value_delimiter = ',')]
    local_ip: Vec<IpAddr>,
    /// How Services reach pods
    #[arg(long, value_name = "MODE", value_enum)]
    proxy_mode: Option<ProxyMode>,
    /// Where names outside the cluster go: addresses, or one resolver file
    #[arg(long, value_name = "IP|FILE,..", value_delimiter = ',')]
    upstream: Vec<String>,
    /// The resolver file that kubelets hand to pods
    #[arg(long, value_name = "FILE")]
    resolv_conf: Option<String>,
    /// Image of the node cache
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// Port of the health check
    #[arg(long, value_name = "PORT")]
    health_port: Option<u16>,
    /// Port of the metrics
    #[arg(long, value_name = "PORT")]
    metrics_port: Option<u16>,
    /// Cached answers for the cluster's names
    #[arg(long, value_name = "COUNT")]
    cache_entries: Option<u32>,
    /// Ask CoreDNS over UDP instead of TCP
    #[arg(long)]
    udp: bool,
    /// How the cache's pods are replaced
    #[arg(long, value_enum, default_value_t = UpdateArg::Rolling)]
    update: UpdateArg,
    /// Further manifests
    #[arg(long, value_name = "WHAT,..", value_enum, value_delimiter = ',')]
    with: Vec<CompanionArg>,
    /// Where node settings go
    #[arg(long, value_enum, default_value_t = NodeFormArg::Config)]
    node_form: NodeFormArg,
    /// Kubernetes release where the input does not show it
    #[arg(long, value_name = "VERSION")]
    k8s_version: Option<String>,
}

impl RenderArgs {
    /// What is asked for.
    pub(super) fn request(&self) -> Request {
        let values = &self.values;
        let mut companions: Vec<CompanionArg> = values.with.clone();
        companions.sort_unstable();
        companions.dedup();
        Request {
            resolver: match values.resolver {
                ResolverArg::NodeCache => Resolver::NodeCache,
                ResolverArg::Coredns => Resolver::CoreDns,
                ResolverArg::HickoryDns => Resolver::HickoryDns,
            },
            cluster_domain: values.cluster_domain.clone(),
            cluster_dns: values.cluster_dns.clone(),
            local_ips: values.local_ip.clone(),
            proxy: values.proxy_mode.map(ProxyMode::fact),
            upstreams: values.upstream.clone(),
            resolv_conf: values.resolv_conf.clone(),
            image: values.image.clone(),
            health_port: values.health_port,
            metrics_port: values.metrics_port,
            cache_entries: values.cache_entries,
            udp: values.udp,
            update: match values.update {
                UpdateArg::Rolling => Update::Rolling,
                UpdateArg::OnDelete => Update::OnDelete,
                UpdateArg::InPlace => Update::InPlace,
            },
            companions: companions
                .into_iter()
                .map(|companion| match companion {
                    CompanionArg::PodMonitor => Companion::PodMonitor,
                    CompanionArg::NetworkPolicy => Companion::NetworkPolicy,
                })
                .collect(),
            node_form: match values.node_form {
                NodeFormArg::Config => NodeForm::Config,
                NodeFormArg::Unit => NodeForm::Unit,
                NodeFormArg::Env => NodeForm::Environment,
                NodeFormArg::Ansible => NodeForm::Ansible,
            },
            parts: self.output.only.iter().map(|part| part.part()).collect(),
            stream: self.output.out.is_none() && !self.output.diff && !self.output.check,
            ..Request::of(self.distribution.0)
        }
    }

    /// What is taken for granted where the snapshot is silent.
    pub(super) fn assume(&self) -> Assumptions {
        Assumptions {
            kubernetes: self.values.k8s_version.clone(),
            proxy_mode: self.values.proxy_mode.map(|mode| mode.name().to_owned()),
            ..Assumptions::default()
        }
    }
}
