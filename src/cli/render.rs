//! `dnslint render`: the node cache, resolver configuration and node settings that fit a cluster.

use super::io::{Io, today};
use super::replace::Writable;
use super::values::{ColorChoice, ProxyMode};
use super::{EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS};
use crate::analysis::collect::Assumptions;
use crate::diagnostic::{Diagnostic, Severity};
use crate::fix::diff::unified;
use crate::lint::LintOptions;
use crate::model::Cluster;
use crate::render::chosen::Source;
use crate::render::distribution::Distribution;
use crate::render::request::{Companion, NodeForm, Resolver, Update};
use crate::render::{File, Part, Plan, Request, plan};
use crate::report::{Format, Report, ReportOptions, Summary, render, sanitize, show_diff};
use crate::source::{FileId, LoadOptions, NodeRoot, Snapshot};
use crate::{CheckOptions, builtin_rules, check};
use clap::{Arg, ArgAction, ArgGroup, ArgMatches, FromArgMatches};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

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
    output: OutputArgs,
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
struct OutputArgs {
    /// Write the files below this directory
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Print what would change below --out or PATH as a unified diff
    #[arg(long)]
    diff: bool,
    /// Write nothing; list the files that would change below --out or PATH
    #[arg(long, conflicts_with = "diff")]
    check: bool,
    /// Only these parts
    #[arg(long, value_name = "PART,..", value_enum, value_delimiter = ',')]
    only: Vec<PartArg>,
    /// Print neither parameters nor steps
    #[arg(short, long)]
    quiet: bool,
    /// When to colour
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ColorChoice::Auto)]
    color: ColorChoice,
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
    fn request(&self) -> Request {
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

    fn assume(&self) -> Assumptions {
        Assumptions {
            kubernetes: self.values.k8s_version.clone(),
            proxy_mode: self.values.proxy_mode.map(|mode| mode.name().to_owned()),
            ..Assumptions::default()
        }
    }
}

/// A file with the place where it goes.
struct Target {
    file: File,
    /// Path as shown, and as the snapshot would show it.
    shown: String,
    /// What stands there now.
    old: Option<String>,
}

/// Renders.
///
/// # Errors
/// Wrong usage, or a failed write of standard output.
pub fn run(args: &RenderArgs, io: &mut Io<'_>) -> Result<u8, String> {
    if let Some((path, reason)) = args.path.as_ref().and_then(|path| Some((path, super::disk::missing(path)?))) {
        return Err(format!("{}: {reason}", path.display()));
    }
    let snapshot = match &args.path {
        Some(path) => Snapshot::load(std::slice::from_ref(path), &LoadOptions::default()),
        None => Snapshot::default(),
    };
    let clusters = crate::model::assemble(&snapshot);
    let none = Cluster::default();
    let cluster = clusters.first().unwrap_or(&none);
    let request = Request { directory: directory(args, &snapshot), ..args.request() };
    let plan = match plan(&request, &snapshot, cluster, &args.assume()) {
        Ok(plan) => plan,
        Err(refusal) => return Ok(refuse(&refusal, &snapshot, io)),
    };
    if plan.files.is_empty() {
        io.message("nothing to render: nodes need no other settings\n");
        return Ok(EXIT_CLEAN);
    }
    let shown = match request.node_form {
        // variables show on no node before they are applied: judged is what they come to
        NodeForm::Ansible => crate::render::plan(
            &Request { node_form: NodeForm::Config, ..request.clone() },
            &snapshot,
            cluster,
            &args.assume(),
        )
        .unwrap_or_else(|_| plan.clone()),
        _ => plan.clone(),
    };
    if let Some(findings) = findings(args, &snapshot, &shown) {
        return Ok(refuse_findings(args, &findings, io));
    }
    let targets = targets(args, &snapshot, &plan);
    let code = write(args, &targets, io)?;
    if !args.output.quiet {
        io.message(&explanation(&plan, &snapshot));
    }
    Ok(code)
}

/// The directory below which the files of the cluster go, as shown.
fn directory(args: &RenderArgs, snapshot: &Snapshot) -> String {
    let given = || args.path.as_deref().unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/");
    match &args.output.out {
        Some(out) => out.to_string_lossy().into_owned(),
        None => snapshot.clusters.first().map_or_else(given, |cluster| cluster.path.clone()),
    }
}

fn refuse(refusal: &crate::render::plan::Refusal, snapshot: &Snapshot, io: &mut Io<'_>) -> u8 {
    let mut text = format!("error: not rendered: {}\n", sanitize(&refusal.reason));
    if let Some(at) = refusal.at {
        let file = snapshot.file(at.file);
        let place = file.position(at.span.start);
        let _ = writeln!(text, "  --> {}:{}:{}", sanitize(&file.path), place.line, place.column);
    }
    if let Some(help) = &refusal.help {
        let _ = writeln!(text, "  = help: {}", sanitize(help));
    }
    io.message(&text);
    EXIT_ERROR
}

/// The snapshot with the rendered files in their places.
fn patched(args: &RenderArgs, snapshot: &Snapshot, plan: &Plan) -> Snapshot {
    let base = args.path.clone().unwrap_or_default();
    let mut replaced: BTreeMap<FileId, String> = BTreeMap::new();
    let mut new: Vec<(String, String)> = Vec::new();
    for file in &plan.files {
        for path in places(snapshot, &base, file) {
            match snapshot.find(&path) {
                Some(old) => drop(replaced.insert(old.id, file.text.clone())),
                None => new.push((path, file.text.clone())),
            }
        }
    }
    if snapshot.files.is_empty() { Snapshot::from_texts(new) } else { snapshot.with_texts(&replaced, new) }
}

/// Shown paths of a file: below the node's root where it belongs to one.
fn places(snapshot: &Snapshot, base: &Path, file: &File) -> Vec<String> {
    let join = |root: &str| {
        if root.is_empty() || root == "." {
            file.path.clone()
        } else {
            format!("{}/{}", root.trim_end_matches('/'), file.path)
        }
    };
    let roots: Vec<&NodeRoot> = match &file.node {
        Some(name) => snapshot.nodes.iter().filter(|root| root.name == *name).collect(),
        None => Vec::new(),
    };
    if roots.is_empty() {
        let base =
            snapshot.clusters.first().map_or_else(|| base.to_string_lossy().replace('\\', "/"), |c| c.path.clone());
        return vec![join(&base)];
    }
    roots.into_iter().map(|root| join(&root.path)).collect()
}

/// What the rules say of the result and did not say before: then the result would be wrong.
fn findings(args: &RenderArgs, snapshot: &Snapshot, plan: &Plan) -> Option<(Snapshot, Vec<Diagnostic>)> {
    let options =
        CheckOptions { lint: LintOptions::default(), assume: args.assume(), today: today(), ..CheckOptions::default() };
    let key = |d: &Diagnostic| (d.rule.clone(), d.message.clone(), d.object.clone());
    let before: BTreeSet<_> = check(snapshot, builtin_rules(), &options).diagnostics.iter().map(key).collect();
    let after = patched(args, snapshot, plan);
    let mut new = check(&after, builtin_rules(), &options).diagnostics;
    new.retain(|d| d.severity > Severity::Info && !before.contains(&key(d)));
    (!new.is_empty()).then_some((after, new))
}

fn refuse_findings(args: &RenderArgs, (snapshot, findings): &(Snapshot, Vec<Diagnostic>), io: &mut Io<'_>) -> u8 {
    let summary = Summary::new(findings, snapshot.files.len(), Vec::new());
    let report = Report { diagnostics: findings, files: snapshot, rules: &[], summary: &summary };
    let options = io.report_options(args.output.color);
    let text = render(Format::Full, &report, &ReportOptions { quiet: true, ..options });
    io.message(&text);
    io.message("error: not rendered: in this cluster the result would be wrong, as the findings above show\n");
    EXIT_ERROR
}

/// Where each file goes, with what stands there.
fn targets(args: &RenderArgs, snapshot: &Snapshot, plan: &Plan) -> Vec<Target> {
    let base = args.path.clone().unwrap_or_default();
    let mut targets = Vec::new();
    for file in &plan.files {
        for place in places(snapshot, &base, file) {
            let shown = match &args.output.out {
                Some(out) => out.join(below(snapshot, &place)).to_string_lossy().into_owned(),
                None => place,
            };
            let old = super::disk::read(Path::new(&shown)).ok();
            targets.push(Target { file: file.clone(), shown, old });
        }
    }
    targets
}

/// A shown path below the directory of its cluster.
fn below<'p>(snapshot: &Snapshot, place: &'p str) -> &'p str {
    let base = snapshot.clusters.first().map_or("", |cluster| cluster.path.as_str());
    let inside = place.strip_prefix(base.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
    inside.unwrap_or(place).trim_start_matches('/')
}

fn write(args: &RenderArgs, targets: &[Target], io: &mut Io<'_>) -> Result<u8, String> {
    if args.output.diff {
        let diff: String = targets.iter().map(|t| unified(&t.shown, t.old.as_deref(), &t.file.text)).collect();
        let color = io.report_options(args.output.color).color;
        io.print(show_diff(&diff, color, io.is_terminal).as_bytes())?;
        return Ok(if diff.is_empty() { EXIT_CLEAN } else { EXIT_FINDINGS });
    }
    if args.output.check {
        let changed = targets.iter().filter(|t| t.old.as_deref() != Some(t.file.text.as_str()));
        let list: String = changed.map(|t| format!("would write: {}\n", sanitize(&t.shown))).collect();
        io.print(list.as_bytes())?;
        return Ok(if list.is_empty() { EXIT_CLEAN } else { EXIT_FINDINGS });
    }
    match &args.output.out {
        Some(out) => write_files(out, targets, io),
        None => print_files(targets, io),
    }
}

fn write_files(out: &Path, targets: &[Target], io: &mut Io<'_>) -> Result<u8, String> {
    super::replace::make_directory(out)?;
    let writable = Writable::new(std::slice::from_ref(&out.to_path_buf()));
    let mut code = EXIT_CLEAN;
    for target in targets {
        let path = Path::new(&target.shown);
        let (done, word) = match &target.old {
            Some(old) if *old == target.file.text => (Ok(()), "unchanged"),
            Some(old) => (writable.replace(path, old, &target.file.text), "replaced"),
            None => (writable.create(path, &target.file.text), "wrote"),
        };
        match done {
            Ok(()) => io.message(&format!("{word}: {}\n", sanitize(&target.shown))),
            Err(reason) => {
                io.message(&format!("error: {}: not written: {}\n", sanitize(&target.shown), sanitize(&reason)));
                code = EXIT_ERROR;
            }
        }
    }
    Ok(code)
}

/// One stream for `kubectl apply -f -`; other files only where there are no objects, each behind its path.
fn print_files(targets: &[Target], io: &mut Io<'_>) -> Result<u8, String> {
    let objects: Vec<&str> =
        targets.iter().filter(|t| t.file.part == Part::Manifests).map(|t| t.file.text.as_str()).collect();
    let text = if objects.is_empty() {
        let one = |t: &Target| format!("# {}\n{}", sanitize(&t.shown), t.file.text);
        targets.iter().map(one).collect::<Vec<_>>().join("\n")
    } else {
        let others: Vec<&Target> = targets.iter().filter(|t| t.file.part != Part::Manifests).collect();
        for other in others {
            io.message(&format!(
                "not printed: {} (--only node prints it, --out DIR writes all)\n",
                sanitize(&other.shown)
            ));
        }
        objects.join("---\n")
    };
    io.print(text.as_bytes())?;
    Ok(EXIT_CLEAN)
}

/// Parameters with their sources, notes, steps and the way back.
fn explanation(plan: &Plan, snapshot: &Snapshot) -> String {
    let mut out = String::from("parameters:\n");
    let width = |of: fn(&crate::render::plan::Row) -> usize| plan.parameters.iter().map(of).max().unwrap_or(0);
    let (names, values) = (width(|row| row.name.len()), width(|row| row.value.len()).min(48));
    for row in &plan.parameters {
        let _ = writeln!(out, "  {:names$}  {:values$}  {}", row.name, row.value, source(&row.source, snapshot));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "note: {note}");
    }
    for (title, steps) in [("then:", &plan.steps), ("the way back:", &plan.back)] {
        let _ = writeln!(out, "{title}");
        for (index, step) in steps.iter().enumerate() {
            let _ = writeln!(out, "  {}. {step}", index + 1);
        }
    }
    sanitize(&out) + "\n"
}

fn source(source: &Source, snapshot: &Snapshot) -> String {
    match source {
        Source::Flag(flag) => (*flag).to_owned(),
        Source::Default(whose) => format!("default of {whose}"),
        Source::Snapshot(None, what) => what.clone(),
        Source::Snapshot(Some(at), what) => {
            let file = snapshot.file(at.file);
            format!("{what}: {}:{}", file.path, file.position(at.span.start).line)
        }
    }
}
