//! Who asks first: pods by what decides their way, and the nodes' own processes.

use super::build::Input;
use super::fold::first_names;
use super::groups::Group;
use super::{Kind, Transport, Vertex, name_list};
use crate::analysis::effective::pod_dns::{PodDnsSpec, SourcedWord};
use crate::analysis::facts::parse_located;
use crate::analysis::node_dns::pod_file::PodFile;
use crate::analysis::predict::{self, NodeInput};
use crate::model::workload::Workload;
use crate::source::{Located, Origins};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Clients that ask alike.
pub struct Client {
    /// The vertex.
    pub vertex: Vertex,
    /// They run in the node's network.
    pub on_node: bool,
    /// How they ask.
    pub transport: Transport,
    /// Nameservers by group of nodes; `None` where they do not run there.
    pub nameservers: Vec<Option<Vec<Located<IpAddr>>>>,
}

/// What tells pods apart before their files are known.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Spec {
    policy: String,
    host_network: bool,
    config: String,
    pinned: Option<String>,
}

/// What tells pods apart on the map: policy, network, and for each group of nodes the nameservers or why there are none.
type Shape = (String, bool, bool, Vec<Option<Result<Vec<String>, String>>>);

/// The pods of a cluster, then the processes of nodes that ask a resolver of their own.
pub fn all(input: &Input<'_>) -> Vec<Client> {
    let mut specs: BTreeMap<Spec, Vec<&Workload>> = BTreeMap::new();
    for (index, workload) in input.cluster.objects.workloads.iter().enumerate() {
        let server = input.cluster.dns_servers.iter().any(|s| s.workload == Some(index));
        if !server && !input.graph.pods.iter().any(|p| p.workload == index) {
            specs.entry(spec(workload)).or_default().push(workload);
        }
    }
    let nodes = predict::inputs(input.snapshot, input.cluster, input.facts, input.nodes);
    let mut shapes: BTreeMap<Shape, (Client, Vec<String>)> = BTreeMap::new();
    for workloads in specs.values() {
        let Some(first) = workloads.first() else { continue };
        let runs_on = |group: &Group| group.names.is_empty() || group.names.iter().any(|n| may_run(first, n));
        let names = workloads.iter().map(|w| format!("{}/{}", w.meta.namespace.value, w.meta.name.value));
        add(&mut shapes, input, &nodes, &predict::spec_of(first), &runs_on, names.collect());
    }
    if !shapes.keys().any(|(policy, host, ..)| policy == "ClusterFirst" && !host) {
        let any = PodDnsSpec { policy: Located::default_value("ClusterFirst".to_owned()), ..predict::default_spec() };
        let mut other = BTreeMap::new();
        add(&mut other, input, &nodes, &any, &|_| true, Vec::new());
        other.retain(|_, (client, _)| client.nameservers.iter().flatten().any(|list| !list.is_empty()));
        shapes.extend(other);
    }
    let mut clients: Vec<Client> = shapes.into_values().map(|(client, names)| named(client, names)).collect();
    clients.extend(processes(input));
    clients
}

fn spec(workload: &Workload) -> Spec {
    let pod = &workload.pod;
    let config = pod.dns_config.as_ref().map(|config| {
        let nameservers: Vec<&str> = config.value.nameservers.iter().map(|n| n.value.as_str()).collect();
        let options: Vec<&str> = config.value.options.iter().map(|o| o.value.name.as_str()).collect();
        format!("{nameservers:?} {options:?}")
    });
    Spec {
        policy: pod.policy().to_owned(),
        host_network: pod.uses_host_network(),
        config: config.unwrap_or_default(),
        pinned: pod.node_name.as_ref().or(pod.node_selector.get("kubernetes.io/hostname")).map(|n| n.value.clone()),
    }
}

fn may_run(workload: &Workload, node: &str) -> bool {
    predict::may_run_on(&workload.pod, node)
}

fn add(
    shapes: &mut BTreeMap<Shape, (Client, Vec<String>)>,
    input: &Input<'_>,
    nodes: &[NodeInput],
    pod: &PodDnsSpec,
    runs_on: &dyn Fn(&Group) -> bool,
    names: Vec<String>,
) {
    let mut nameservers = Vec::new();
    let mut outcomes = Vec::new();
    let mut tcp = false;
    for group in &input.groups {
        let node = nodes.get(group.site).filter(|_| runs_on(group));
        let prediction = node.map(|node| predict::on_node(node, pod));
        let Some(prediction) = prediction else {
            nameservers.push(None);
            outcomes.push(None);
            continue;
        };
        let known = prediction.outcome.as_ref().ok().filter(|dns| dns.text().is_some());
        let list: Vec<Located<IpAddr>> = known
            .map(|dns| dns.nameservers.iter().filter_map(|n| parse_located(&n.word)).collect())
            .unwrap_or_default();
        tcp |= known.is_some_and(|dns| dns.options.iter().map(SourcedWord::text).any(|o| o == "use-vc"));
        let texts = list.iter().map(|ip| ip.value.to_string()).collect();
        outcomes.push(Some(prediction.variant().map(|_| texts)));
        nameservers.push(Some(list));
    }
    if outcomes.iter().all(Option::is_none) {
        return;
    }
    let transport = if tcp { Transport::Tcp } else { Transport::Udp };
    let shape = (pod.policy.value.clone(), pod.host_network, tcp, outcomes);
    let details = details(&shape);
    let (_, all) = shapes.entry(shape).or_insert_with(|| {
        let vertex = Vertex {
            kind: Kind::Pods,
            title: "any pod".to_owned(),
            details,
            members: Vec::new(),
            count: 0,
            nodes: Vec::new(),
            blocks: Vec::new(),
        };
        (Client { vertex, on_node: pod.host_network, transport, nameservers }, Vec::new())
    });
    all.extend(names);
}

/// The policy, and the nameservers where they are the same everywhere.
fn details((policy, host_network, _, outcomes): &Shape) -> Vec<String> {
    let mut lines = vec![format!("dnsPolicy {policy}{}", if *host_network { ", hostNetwork" } else { "" })];
    let mut known = outcomes.iter().flatten();
    let first = known.next();
    match first {
        Some(_) if known.any(|other| Some(other) != first) => lines.push("nameservers differ by node".to_owned()),
        Some(Ok(list)) if list.is_empty() => lines.push("no nameserver".to_owned()),
        Some(Ok(list)) => lines.push(format!("nameserver {}", list.join(", "))),
        Some(Err(reason)) => lines.push(reason.clone()),
        None => {}
    }
    lines
}

fn named(mut client: Client, names: Vec<String>) -> Client {
    let count = names.len();
    let members = first_names(names);
    if let [only] = members.as_slice() {
        client.vertex.title.clone_from(only);
    } else if count > 1 {
        client.vertex.title = format!("{count} workloads");
        let list = name_list(&members, count, "workloads");
        if list == members.join(", ") {
            client.vertex.details.insert(0, list);
        }
    }
    client.vertex.count = count;
    client.vertex.members = members;
    client
}

/// Processes of the nodes, where the node's own file names a resolver of the node.
fn processes(input: &Input<'_>) -> Vec<Client> {
    let mut found: BTreeMap<Vec<String>, Client> = BTreeMap::new();
    for (index, group) in input.groups.iter().enumerate() {
        let Some(node) = input.nodes.get(group.site) else { continue };
        let file = PodFile { path: String::new(), setting: Origins::none(), state: node.host_file.clone() };
        let list: Vec<Located<IpAddr>> =
            file.nameservers().unwrap_or_default().iter().filter_map(parse_located).collect();
        let local = |ip: &Located<IpAddr>| {
            let sent = input.graph.from_client(group.site, true, ip, ".");
            sent.takers.iter().any(|site| matches!(site, crate::analysis::servers::routing::Site::Local { .. }))
        };
        if !list.iter().any(local) {
            continue;
        }
        let key = list.iter().map(|ip| ip.value.to_string()).collect::<Vec<_>>();
        let detail = format!("nameserver {}", key.join(", "));
        let client = found.entry(key).or_insert_with(|| Client {
            vertex: Vertex {
                kind: Kind::NodeProcesses,
                title: "processes of the node".to_owned(),
                details: vec!["/etc/resolv.conf".to_owned(), detail],
                members: Vec::new(),
                count: 0,
                nodes: Vec::new(),
                blocks: Vec::new(),
            },
            on_node: true,
            transport: Transport::Udp,
            nameservers: vec![None; input.groups.len()],
        });
        client.vertex.nodes.extend(group.names.iter().cloned());
        client.vertex.count = client.vertex.nodes.len();
        if let Some(slot) = client.nameservers.get_mut(index) {
            *slot = Some(list);
        }
    }
    found.into_values().collect()
}
