//! The files of a rendering, where they go, what decides their content, and what to do with them.

use super::chosen::{Chosen, Source};
use super::context::{self, texts};
use super::distribution::Distribution;
use super::node_files::{self, NodeChange};
use super::parameters::{Mode, OWN_FILE, Parameters, REDIRECT};
use super::request::{Request, Resolver};
use super::{flags, resolver_config, rke2, steps, templates};
use crate::analysis::collect::Assumptions;
use crate::analysis::facts::ProxyMode;
use crate::model::Cluster;
use crate::model::object::Meta;
use crate::model::read::{At, Place};
use crate::source::{FileId, Location, Snapshot};
use crate::syntax::yaml;

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Kubernetes objects.
    Manifests,
    /// Settings of nodes, or variables of what installs them.
    Node,
    /// The configuration of a resolver that runs outside Kubernetes.
    Resolver,
}

/// A file to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path below the directory of the cluster, or below the node's root where [`node`](Self::node) names one.
    pub path: String,
    /// Its whole text.
    pub text: String,
    /// What it is for.
    pub part: Part,
    /// The node that it belongs to.
    pub node: Option<String>,
}

/// A parameter as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is.
    pub name: &'static str,
    /// Its value.
    pub value: String,
    /// Where it comes from.
    pub source: Source,
}

/// A rendering.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The files, in the order in which they are written.
    pub files: Vec<File>,
    /// What decided them.
    pub parameters: Vec<Row>,
    /// True sentences about what is not carried over.
    pub notes: Vec<String>,
    /// What to do, in order: each with how to see that it worked.
    pub steps: Vec<String>,
    /// How to go back.
    pub back: Vec<String>,
}

/// Why nothing is rendered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A sentence.
    pub reason: String,
    /// The place that shows it.
    pub at: Option<Location>,
    /// What to choose instead.
    pub help: Option<String>,
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self { reason, at: None, help: None }
    }
}

/// Renders what `request` asks for.
///
/// # Errors
/// What the snapshot or the request makes impossible.
pub fn plan(request: &Request, snapshot: &Snapshot, cluster: &Cluster, assume: &Assumptions) -> Result<Plan, Refusal> {
    request.check()?;
    let parameters = Parameters::of(request, snapshot, cluster, assume);
    refuse(request, &parameters)?;
    let changes = node_files::changes(request, snapshot, cluster, &parameters);
    let changes = if request.wants(Part::Node) { changes } else { Vec::new() };
    let mut files = match request.resolver {
        Resolver::NodeCache if request.wants(Part::Manifests) => node_cache(request, snapshot, cluster, &parameters)?,
        Resolver::NodeCache => Vec::new(),
        Resolver::CoreDns | Resolver::HickoryDns => resolver_config::files(request, &parameters)?,
    };
    let (flags, rest) = flags::settle(request, snapshot, &parameters, &changes)?;
    files.extend(flags::files(snapshot, &flags)?);
    files.extend(node_files::files(request, snapshot, &parameters, &rest)?);
    files.retain(|file| request.wants(file.part));
    let mut notes = if request.wants(Part::Manifests) || request.wants(Part::Resolver) {
        not_carried(request, &parameters)
    } else {
        Vec::new()
    };
    notes.extend(flags::note(&flags));
    notes.extend(steps::kept_by_kubeadm(request, &files));
    Ok(Plan {
        steps: steps::forward(request, &parameters, &files, &changes, &flags),
        back: steps::back(request, &parameters, &files, &changes),
        parameters: rows(request, &parameters, &changes),
        files,
        notes,
    })
}

/// What no choice of files could make right.
fn refuse(request: &Request, parameters: &Parameters) -> Result<(), Refusal> {
    let local = &parameters.local_ips.value;
    let no = |reason: String, help: &str| Err(Refusal { reason, at: None, help: Some(help.to_owned()) });
    if let Some(both) = local.iter().find(|ip| parameters.cluster_dns.value.contains(ip)) {
        return no(
            format!("the cache's own address {both} is the address of the DNS Service"),
            "choose another --local-ip",
        );
    }
    if let Some(other) =
        local.iter().find(|ip| !parameters.cluster_dns.value.iter().any(|dns| dns.is_ipv4() == ip.is_ipv4()))
    {
        let reason = format!("the DNS Service has no address of the family of {other}");
        return no(reason, "name its addresses with --cluster-dns, or leave that --local-ip out");
    }
    if let Some(other) = parameters.redirect.as_ref().filter(|other| !other.to_cache) {
        return Err(Refusal {
            reason: format!("{} already sends the DNS Service to other pods", other.name),
            at: Some(other.location),
            help: Some("remove it first: Cilium takes one redirect policy for a Service".to_owned()),
        });
    }
    let on_rke2 = request.distribution == Distribution::Rke2 && request.takes_settings_alone();
    if let Some(v6) = local.iter().find(|ip| on_rke2 && ip.is_ipv6()) {
        let reason =
            format!("RKE2's chart writes `health {v6}:…` without brackets, with which its node cache does not start");
        return no(reason, "its node cache needs an IPv4 address of the DNS Service");
    }
    if request.resolver != Resolver::NodeCache && parameters.mode == Mode::Redirect {
        let reason = "Cilium's redirect needs the cache in a pod, and this resolver would run on the node".to_owned();
        return no(
            reason,
            "render the node cache, or let kubelets name the resolver's address with `--proxy-mode ipvs`",
        );
    }
    Ok(())
}

fn node_cache(
    request: &Request,
    snapshot: &Snapshot,
    cluster: &Cluster,
    parameters: &Parameters,
) -> Result<Vec<File>, Refusal> {
    let manifest = |path: &str, text: String| File { path: path.to_owned(), text, part: Part::Manifests, node: None };
    match request.distribution {
        // the role installs the cache itself
        Distribution::Kubespray => Ok(Vec::new()),
        Distribution::Rke2 => {
            let path = place(request, snapshot, cluster, &["HelmChartConfig/kube-system/rke2-coredns".to_owned()])?;
            Ok(vec![manifest(&path, rke2::chart_config(parameters, cluster)?)])
        }
        Distribution::K3s | Distribution::Kubeadm => {
            let text = manifests(request, parameters)?;
            let names: Vec<String> = objects(FileId(0), &text).iter().map(Meta::display).collect();
            let path = place(request, snapshot, cluster, &names)?;
            Ok(vec![manifest(&path, text)])
        }
    }
}

fn manifests(request: &Request, parameters: &Parameters) -> Result<String, String> {
    let upstreams = context::cluster_upstreams(parameters);
    let corefile =
        templates::render("resolver/node-cache.Corefile.j2", &context::corefile(request, parameters, &upstreams))?;
    templates::render("node-cache/manifests.yaml.j2", &context::manifests(request, parameters, corefile))
}

/// Identity of every object of a manifest, of whatever kind.
fn objects(file: FileId, text: &str) -> Vec<Meta> {
    let parsed = yaml::parse(text);
    let place = Place::file(file);
    parsed.documents.iter().filter_map(|document| Meta::read(At::new(document.root(), &place))).collect()
}

/// Objects of a node cache that only some modes need; in its file they are replaced with it.
const OTHER_MODES: [&str; 2] = ["Service/kube-system/kube-dns-upstream", REDIRECT];

/// Where manifests go: the file that already holds these objects, if it holds nothing else; else a new one.
fn place(request: &Request, snapshot: &Snapshot, cluster: &Cluster, names: &[String]) -> Result<String, Refusal> {
    let ours = |meta: &Meta| {
        let name = meta.display();
        names.contains(&name) || OTHER_MODES.contains(&name.as_str())
    };
    let held: Vec<&Meta> = cluster.objects.metas().filter(|meta| ours(meta)).collect();
    let Some(first) = held.first() else { return Ok(usual_place(request, snapshot)) };
    let file = snapshot.file(first.location.file);
    if let Some(other) = held.iter().find(|meta| meta.location.file != file.id) {
        return Err(Refusal {
            reason: format!("{} and {} stand in different files", first.display(), other.display()),
            at: other.name.location(),
            help: Some("put the node cache into one file, or remove it, and render again".to_owned()),
        });
    }
    match objects(file.id, &file.text).into_iter().find(|meta| !ours(meta)) {
        None => Ok(relative(request, &file.path)),
        Some(meta) => Err(Refusal {
            reason: format!("the file with the node cache also holds {}", meta.display()),
            at: meta.name.location(),
            help: Some("move the node cache into a file of its own: rendering replaces the whole file".to_owned()),
        }),
    }
}

/// Where the distribution picks manifests up by itself, on a node; else a folder of manifests.
fn usual_place(request: &Request, snapshot: &Snapshot) -> String {
    let on_node = snapshot.nodes.iter().any(|root| root.path == request.base) || snapshot.files.is_empty();
    match request.distribution {
        Distribution::K3s if on_node => "var/lib/rancher/k3s/server/manifests/node-local-dns.yaml",
        Distribution::Rke2 if on_node => "var/lib/rancher/rke2/server/manifests/rke2-coredns-config.yaml",
        Distribution::Rke2 => "manifests/rke2-coredns-config.yaml",
        _ => "manifests/node-local-dns.yaml",
    }
    .to_owned()
}

/// A shown path below the directory of the cluster.
fn relative(request: &Request, path: &str) -> String {
    let below = path.strip_prefix(&request.base).and_then(|rest| rest.strip_prefix('/'));
    below.unwrap_or(path).to_owned()
}

/// A dual-stack Service: the second family is left to CoreDNS.
fn other_family(parameters: &Parameters) -> Option<String> {
    let served = parameters.served_dns();
    let other = parameters.cluster_dns.value.iter().find(|ip| !served.contains(ip))?;
    Some(format!("one node cache serves one address family: queries to {other} go to CoreDNS as before"))
}

fn not_carried(request: &Request, parameters: &Parameters) -> Vec<String> {
    let mut notes = parameters.notes.clone();
    notes.extend(other_family(parameters));
    notes.extend(parameters.redirect.as_ref().map(|other| {
        format!("{} already sends the DNS Service to the cache: no second policy is rendered", other.name)
    }));
    let redirected = parameters.mode == Mode::Redirect && parameters.redirect.is_none();
    notes.extend(redirected.then(|| {
        "Cilium ignores redirect policies unless they are switched on (`localRedirectPolicies.enabled: true` in its Helm values, in \
         older charts `localRedirectPolicy: true`)"
            .to_owned()
    }));
    if request.takes_settings_alone() {
        notes.extend(not_in_settings(request.distribution, parameters));
    }
    notes
}

/// What the distribution's own node cache does otherwise.
fn not_in_settings(distribution: Distribution, parameters: &Parameters) -> Vec<String> {
    let mut notes = Vec::new();
    let upstreams = &parameters.upstreams.value;
    let own_file = upstreams.iter().all(|upstream| upstream == OWN_FILE);
    match distribution {
        Distribution::Rke2 => {
            notes.extend((!own_file).then(|| {
                format!(
                    "RKE2's chart sends other names to the node's resolver file: CoreDNS's own upstreams ({}) are not taken over",
                    upstreams.join(", ")
                )
            }));
            notes.extend((!parameters.stub_zones.is_empty()).then(|| {
                "charts rke2-coredns before 1.46.003 ignore `extraClusterDomains`: there the stub zones go where all other \
                 names go"
                    .to_owned()
            }));
        }
        Distribution::Kubespray => {
            notes.extend((!own_file && node_files::kubespray_upstreams(parameters).is_empty()).then(|| {
                format!(
                    "kubespray writes `upstream_dns_servers` into the nodes' resolv.conf, too, which takes plain addresses: \
                     CoreDNS's own upstreams ({}) are not taken over",
                    upstreams.join(", ")
                )
            }));
            notes.extend((parameters.proxy.value == ProxyMode::Replaced).then(|| {
                "kubespray has no Cilium redirect for its node cache: pods are sent to its address instead".to_owned()
            }));
        }
        Distribution::K3s | Distribution::Kubeadm => {}
    }
    notes
}

fn rows(request: &Request, parameters: &Parameters, changes: &[NodeChange]) -> Vec<Row> {
    fn row<T>(name: &'static str, chosen: &Chosen<T>, text: impl Fn(&T) -> String) -> Row {
        Row { name, value: text(&chosen.value), source: chosen.source.clone() }
    }
    let addresses = |list: &Vec<std::net::IpAddr>| texts(list).join(" ");
    if !request.wants(Part::Manifests) && !request.wants(Part::Resolver) && !request.takes_settings_alone() {
        let named = changes.iter().any(|change| !change.cluster_dns.is_empty());
        let cache = named.then(|| row("cache address", &parameters.local_ips, addresses));
        return cache.into_iter().chain(node_rows(changes)).collect();
    }
    let mut rows = vec![
        row("cluster domain", &parameters.cluster_domain, Clone::clone),
        row("DNS Service", &parameters.dns_service, |s| format!("{}/{}", s.namespace, s.name)),
        row("its addresses", &parameters.cluster_dns, addresses),
        row("kube-proxy", &parameters.proxy, |mode| mode.as_str().to_owned()),
        row("cache address", &parameters.local_ips, addresses),
        row("other names go to", &parameters.upstreams, |list| list.join(" ")),
    ];
    let on_rke2 = request.takes_settings_alone() && request.distribution == Distribution::Rke2;
    rows.extend(parameters.stub_zones.iter().map(|stub| {
        row("stub zone", stub, |s| {
            let to = if s.servers.is_empty() || on_rke2 { "CoreDNS".to_owned() } else { s.servers.join(" ") };
            format!("{} to {to}", s.zone)
        })
    }));
    if request.resolver == Resolver::NodeCache && !request.takes_settings_alone() {
        rows.push(row("image", &parameters.image, Clone::clone));
        rows.push(row("health port", &parameters.health_port, ToString::to_string));
        rows.push(row("metrics port", &parameters.metrics_port, ToString::to_string));
    }
    rows.extend(node_rows(changes));
    rows
}

/// What decides the settings of nodes.
fn node_rows(changes: &[NodeChange]) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for path in changes.iter().filter_map(|change| change.resolv_conf.as_ref()) {
        rows.push(Row { name: "resolver file for pods", value: path.value.clone(), source: path.source.clone() });
    }
    rows.dedup();
    rows
}
