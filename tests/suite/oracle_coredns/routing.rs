//! `coredns-route`: which block, plugin and upstream of a running server answers a query, and with what.

pub mod cases;
mod play;

use crate::common::coredns::start;
use crate::common::oracle::{answers, judge_queries};
use dnslint::analysis::coredns::Binary;
use dnslint::analysis::facts::Facts;
use dnslint::analysis::servers::chain::{self, Asked, Passage};
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::servers::read::{Block, Upstream};
use dnslint::analysis::servers::rewriting::Rule;
use dnslint::analysis::servers::select::{Arrival, connected, select};
use dnslint::analysis::trace::walk::Walk;
use dnslint::analysis::transport::Transport;
use dnslint::model::{Cluster, assemble};
use dnslint::source::Snapshot;
use dnslint::syntax::corefile::Version;
use serde_json::{Value, json};
use std::collections::BTreeSet;

use cases::cases;
use play::Play;

const JUDGE: Version = Version::new(1, 14, 7);

/// A cluster whose CoreDNS runs in the network of its node with the Corefile and the files of a case.
fn cluster_of(case: &Value) -> Cluster {
    let mut data = case["files"].as_object().unwrap().clone();
    data.insert("Corefile".to_owned(), case["conf"].clone());
    let map = json!({"apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "coredns", "namespace": "kube-system"}, "data": data});
    let deployment = json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "coredns", "namespace": "kube-system"},
        "spec": {"template": {"spec": {
            "hostNetwork": true, "dnsPolicy": "Default",
            "containers": [{"name": "coredns", "image": format!("registry.k8s.io/coredns/coredns:v{JUDGE}"),
                "args": ["-conf", "/etc/coredns/Corefile"],
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}]}],
            "volumes": [{"name": "config", "configMap": {"name": "coredns"}}],
        }}},
    });
    let snapshot = Snapshot::from_texts([("map.yaml", map.to_string()), ("deployment.yaml", deployment.to_string())]);
    assemble(&snapshot).into_iter().next().unwrap()
}

fn text_of<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap()
}

fn follow(case: &Value, routes: &Routes<'_>, cluster: &Cluster, query: &Value) -> Value {
    let (address, port) = text_of(query, "to").rsplit_once(':').unwrap();
    let types = [text_of(query, "type")];
    let mut walk = Walk::new(cluster, &routes.graph, 0, false, &types);
    let transport = if query["net"] == "tcp" { Transport::Tcp } else { Transport::Udp };
    let way = walk.from_node(address.parse().unwrap(), port.parse().unwrap(), text_of(query, "name"), transport);
    let outcomes = Play { case }.sent(&way);
    let mut shown: Vec<String> = outcomes
        .into_iter()
        .map(|mut outcome| {
            outcome.data.iter_mut().for_each(|data| *data = data.trim_matches('"').to_owned());
            outcome.data.sort_unstable();
            format!("{}|{}|{}", outcome.code, outcome.data.join(","), outcome.asked.join(","))
        })
        .collect();
    shown.sort_unstable();
    shown.dedup();
    json!(shown)
}

fn predict(case: &Value) -> Value {
    if start(case, Binary::CoreDns(Some(JUDGE))).0.is_some() {
        return json!("refused");
    }
    let cluster = cluster_of(case);
    let routes = Routes::of(&cluster, &Facts::of(&cluster), Vec::new());
    case["ask"].as_array().unwrap().iter().map(|query| follow(case, &routes, &cluster, query)).collect()
}

#[test]
fn queries_go_where_a_trace_goes() {
    let cases = cases();
    let (asked, refused) = judge_queries("coredns-route", &cases, predict);
    assert!(asked >= 4_000 && refused * 20 < cases.len(), "{asked} queries, {refused} refused");
}

/// The upstreams outside that a query was sent to under a name, by number.
fn asked_for(answer: &Value, name: &str) -> BTreeSet<String> {
    let outcomes = answer.as_array().unwrap().iter().map(|outcome| outcome.as_str().unwrap());
    let asked =
        outcomes.flat_map(|outcome| outcome.rsplit('|').next().unwrap().split(',')).filter(|text| !text.is_empty());
    let of_name = asked.filter(|text| text.split(' ').nth(1) == Some(name));
    of_name.map(|text| text.split(' ').next().unwrap().to_owned()).collect()
}

/// The numbers of a block's upstreams; `None` where one of them is another block.
fn numbers(block: &Block<'_>, forwards: &[usize]) -> Option<BTreeSet<String>> {
    let upstreams = forwards.iter().flat_map(|index| &block.forwards[*index].upstreams);
    let number = |upstream: &Upstream| match upstream {
        Upstream::Address { ip, .. } => ip.to_string().strip_prefix("198.51.100.").map(str::to_owned),
        _ => None,
    };
    upstreams.map(|upstream| number(&upstream.value)).collect()
}

/// What the search for loops takes for granted of a name, whatever its type: that no forward gets it, or which ones.
#[test]
fn names_pass_a_block_as_the_search_for_loops_says() {
    let cases = cases();
    let real = answers("coredns-route", &cases);
    let (mut compared, mut reached, mut differing) = (0, 0, Vec::new());
    for (case, answer) in cases.iter().zip(&real.values).filter(|(_, answer)| answer.is_array()) {
        let cluster = cluster_of(case);
        let routes = Routes::of(&cluster, &Facts::of(&cluster), Vec::new());
        for (query, answer) in case["ask"].as_array().unwrap().iter().zip(answer.as_array().unwrap()) {
            let (address, port) = text_of(query, "to").rsplit_once(':').unwrap();
            let name = text_of(query, "name");
            let to = connected(address.parse().unwrap());
            let arrival = Arrival { ip: Some(to), port: port.parse().ok(), encrypted: false };
            let blocks = &routes.graph.servers[0].blocks;
            let Some(index) = select(blocks, name, arrival) else { continue };
            let block = &blocks[index];
            // a rule about one type ends the rules for that type alone
            let rules = block.syntax.directives_named("rewrite").map(Rule::read);
            if rules.into_iter().any(|rule| rule.changes_type(text_of(query, "type"))) {
                continue;
            }
            let wrong = match chain::pass(block, name, Asked::Clients) {
                Passage::Unknown => continue,
                Passage::Ends(_) | Passage::Nowhere => !asked_for(answer, name).is_empty(),
                Passage::Forward { name: new, forwards } => {
                    let Some(own) = numbers(block, &forwards) else { continue };
                    // under the old name only where the rules leave it
                    reached += usize::from(!asked_for(answer, &new).is_empty());
                    let old = new != name && !asked_for(answer, name).is_empty();
                    old || !asked_for(answer, &new).is_subset(&own)
                }
            };
            compared += 1;
            if wrong {
                differing.push(format!("{}{query}\n  {answer}\n", text_of(case, "conf")));
            }
        }
    }
    println!(
        "passages: {} of {compared} are not contradicted by {} ({}); of {reached} a forward was seen to be asked",
        compared - differing.len(),
        real.program,
        real.source
    );
    let shown: Vec<&str> = differing.iter().take(10).map(String::as_str).collect();
    assert!(differing.is_empty(), "{} differ\n{}", differing.len(), shown.join("\n"));
    assert!(compared >= 4_000 && reached >= 1_000, "{compared} compared, {reached} reached");
}
