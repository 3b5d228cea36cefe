//! What node-cache was seen to make of its flags, its template and the kube-dns ConfigMap (`oracles/README.md`).

use crate::common::oracle::{Seed, judge};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::node_cache::views;
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::servers::read::{Block, Upstream};
use dnslint::analysis::servers::routing::Vertex;
use dnslint::model::{Cluster, assemble};
use dnslint::source::Snapshot;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

// ---------------------------------------------------------------------------------------------- questions

fn template(seed: &mut Seed) -> String {
    let mut text = String::new();
    for keys in ["cluster.local:53", "in-addr.arpa:53 ip6.arpa:53", "corp.lan", ".:53"] {
        if seed.chance(30) {
            continue;
        }
        text += &format!("{keys} {{\n    errors\n    cache 30\n");
        text += seed.word(
            "|    bind 127.0.0.20\n|    bind __PILLAR__LOCAL__DNS__\n|    bind __PILLAR__LOCAL__DNS__ __PILLAR__DNS__SERVER__\n|\
             \x20   bind 127.0.0.20 __PILLAR__DNS__SERVER__\n|    bind __PILLAR__LOCAL__DNS__ 127.0.0.30\n",
        );
        let to = seed.word(
            "__PILLAR__CLUSTER__DNS__|__PILLAR__CLUSTER__DNS__|__PILLAR__UPSTREAM__SERVERS__|__PILLAR__UPSTREAM__SERVERS__|\
             __PILLAR__UPSTREAM__SERVERS__|/etc/resolv.conf|10.9.9.9 10.9.9.8:5353",
        );
        text += &match seed.below(4) {
            0 => format!("    forward . {to}\n"),
            1 => format!("    forward . {to} {{\n        force_tcp\n    }}\n"),
            // as the upstream manifest is indented
            _ => format!("    forward . {to} {{\n            force_tcp\n    }}\n"),
        };
        text += seed.word("|    prometheus :9253\n|    reload\n    loop\n");
        text += "}\n";
    }
    text
}

fn stub_domains(seed: &mut Seed) -> String {
    let servers = |seed: &mut Seed| -> Vec<&'static str> {
        let count = *seed.pick(&[1, 1, 1, 2, 3]);
        let odd = "dns.acme.com|/etc/resolv.conf|tls://1.1.1.1|dns://1.1.1.1|1.1.1.1:|1.1.1.1:x|1.1.1.1:70000|010.0.0.1|fe80::1%eth0||[::1]";
        let one = |seed: &mut Seed| {
            if seed.chance(12) {
                seed.word(odd)
            } else {
                seed.word("10.0.0.1|10.0.0.2:5353|fd00::1|[fd00::2]:53|127.0.0.20")
            }
        };
        (0..count).map(|_| one(seed)).collect()
    };
    let domain = |seed: &mut Seed| {
        if seed.chance(12) {
            seed.word("Acme.local|acme.local.|.|_x.lan|a..b|-a.lan|acme_local")
        } else {
            seed.word("acme.local|example.org|a|10.in-addr.arpa|long-name.with.parts.example")
        }
    };
    match seed.below(20) {
        0 => seed.word("{bad|{}|[]|null||\"\"|{\"a\": \"10.0.0.1\"}|{\"a\": null}|{\"a\": [1]}|a: [10.0.0.1]|{\"a\":[\"10.0.0.1\"],}|{\"a\":[\"10.0.0.1\"]} x").to_owned(),
        _ => {
            let count = *seed.pick(&[1, 1, 2]);
            let mut map = Map::new();
            for _ in 0..count {
                map.insert(domain(seed).to_owned(), json!(servers(seed)));
            }
            Value::Object(map).to_string()
        }
    }
}

fn upstream_nameservers(seed: &mut Seed) -> String {
    let odd = "dns.google|/etc/resolv.conf|tls://1.1.1.1|1.1.1.1:|1.1.1.1:x|1.1.1.1:70000|010.0.0.1|fe80::1%eth0||[::1]|1.1.1.1:0|1.1.1.1 ";
    let one = |seed: &mut Seed| {
        if seed.chance(10) {
            seed.word(odd)
        } else {
            seed.word("8.8.8.8|1.1.1.1:5353|fd00::53|[fd00::54]:53|127.0.0.20")
        }
    };
    match seed.below(20) {
        0 => seed
            .word("[bad|[]|{}|null||\"8.8.8.8\"|[1]|[null]|8.8.8.8|- 8.8.8.8|[\"8.8.8.8\"] x|['8.8.8.8']")
            .to_owned(),
        _ => {
            let count = *seed.pick(&[1, 1, 2, 3, 3, 4]);
            let list: Vec<&str> = (0..count).map(|_| one(seed)).collect();
            json!(list).to_string()
        }
    }
}

fn arguments(seed: &mut Seed) -> Vec<String> {
    let local_ip = if seed.chance(20) {
        seed.word("|127.0.0.20,|127.0.0.20, 127.0.0.21|localhost|127.0.0.020|::1,127.0.0.20|127.0.0.20,::ffff:127.0.0.21|0x7f.1|127.0.0.20;127.0.0.21|fe80::1%lo|[::1]|127.1|127.0.0.20/32")
    } else {
        seed.word("127.0.0.20|127.0.0.20,127.0.0.21|127.0.0.20,127.0.0.20|::1|::1,::ffff")
    };
    let mut args = match seed.below(3) {
        0 => vec!["-localip".to_owned(), local_ip.to_owned()],
        1 => vec![format!("-localip={local_ip}")],
        _ => vec![format!("--localip={local_ip}")],
    };
    match seed.below(4) {
        0 => {}
        1 => args.extend(["-upstreamsvc".to_owned(), "kube-dns".to_owned()]),
        2 => args.push("--upstreamsvc=kube-dns-upstream".to_owned()),
        _ => args.extend(["--upstreamsvc".to_owned(), "no-such-service".to_owned()]),
    }
    args
}

fn cases() -> Vec<Value> {
    let mut seed = Seed::new(0x6e63_6163_6865);
    let env = json!({"KUBE_DNS_SERVICE_HOST": "10.96.0.10", "KUBE_DNS_UPSTREAM_SERVICE_HOST": "10.96.0.11"});
    let case = |seed: &mut Seed| {
        let mut map = Map::new();
        if seed.chance(60) {
            map.insert("stubDomains".to_owned(), json!(stub_domains(seed)));
        }
        if seed.chance(60) {
            map.insert("upstreamNameservers".to_owned(), json!(upstream_nameservers(seed)));
        }
        json!({"args": arguments(seed), "base": template(seed), "kube_dns": map, "env": env})
    };
    (0..2000).map(|_| case(&mut seed)).collect()
}

// ---------------------------------------------------------------------------------------------- predictions

fn cluster_of(case: &Value) -> Vec<Cluster> {
    let meta = |name: &str| json!({"name": name, "namespace": "kube-system"});
    let service = |name: &str, ip: &str| {
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta(name), "spec": {
            "clusterIP": ip, "selector": {"k8s-app": "kube-dns"}, "ports": [{"port": 53, "protocol": "UDP"}],
        }})
    };
    let args: Vec<&str> = case["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap()).collect();
    let args: Vec<&str> = args.into_iter().chain(["-conf", "/etc/Corefile"]).collect();
    let objects = [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("node-local-dns"), "data": {"Corefile.base": case["base"]}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("kube-dns"), "data": case["kube_dns"]}),
        service("kube-dns", "10.96.0.10"),
        service("kube-dns-upstream", "10.96.0.11"),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("node-local-dns"), "spec": {"template": {"spec": {
            "hostNetwork": true, "dnsPolicy": "Default",
            "containers": [{"name": "node-cache", "image": "registry.k8s.io/dns/k8s-dns-node-cache:1.26.7", "args": args,
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}, {"name": "kube-dns-config", "mountPath": "/etc/kube-dns"}]}],
            "volumes": [{"name": "config", "configMap": {"name": "node-local-dns"}},
                {"name": "kube-dns-config", "configMap": {"name": "kube-dns", "optional": true}}],
        }}}}),
    ];
    let texts = objects.iter().enumerate().map(|(index, object)| (format!("{index}.yaml"), object.to_string()));
    assemble(&Snapshot::from_texts(texts))
}

/// `zone.:port`, as the harness writes keys.
fn keys(block: &Block<'_>) -> Vec<String> {
    block.zones.iter().zip(&block.sockets).map(|(zone, socket)| format!("{}:{}", zone.value, socket.port)).collect()
}

fn word(upstream: &Upstream) -> String {
    match upstream {
        Upstream::Address { ip, port: 53, .. } => ip.to_string(),
        Upstream::Address { ip, port, .. } => std::net::SocketAddr::new(*ip, *port).to_string(),
        // without the Service the environment has no address; that it is not in a snapshot proves nothing
        Upstream::Placeholder(text) if text == "__PILLAR__CLUSTER__DNS__" => "<nil>".to_owned(),
        Upstream::File(text) | Upstream::Placeholder(text) | Upstream::Other(text) => text.clone(),
    }
}

fn block(vertex: &Vertex<'_>, block: &Block<'_>) -> Value {
    let forward = |forward: &dnslint::analysis::servers::read::Forward<'_>| {
        let mut to = vec![forward.from.clone()];
        for upstream in &forward.upstreams {
            to.extend(vertex.filled(upstream).iter().map(|upstream| word(&upstream.value)));
        }
        to
    };
    // Go prints an IPv4 address inside IPv6 as IPv4
    let address =
        |text: &str| text.parse::<IpAddr>().map_or_else(|_| text.to_owned(), |ip| ip.to_canonical().to_string());
    let bind: Vec<String> = block.bind.iter().map(|word| address(&word.value)).collect();
    let tcp = block.forwards.iter().any(|forward| forward.force_tcp.is_some());
    let forwards: Vec<_> = block.forwards.iter().map(forward).collect();
    // in the order by which the harness sorts
    json!({"bind": bind, "force_tcp": tcp, "forward": forwards, "keys": keys(block)})
}

fn predict(case: &Value) -> Value {
    let clusters = cluster_of(case);
    let cluster = &clusters[0];
    let facts = Facts::of(cluster);
    let routes = Routes::of(cluster, &facts, Vec::new());
    let view = views(cluster, &facts, &routes, &[], &[]).remove(0).0.value;
    if let Some(problem) = view.local_ip_problems.first() {
        let logged = problem.value.logged.trim_start_matches("Error parsing flags - ").trim_end_matches(", Exiting");
        return json!({"refused": logged});
    }
    let cache = cluster.dns_servers.iter().position(|server| server.name.contains("node-local-dns")).unwrap();
    let vertex = &routes.graph.servers[cache];
    let mut blocks: Vec<Value> = vertex.blocks.iter().map(|found| block(vertex, found)).collect();
    blocks.sort_by_key(Value::to_string);
    json!({"blocks": blocks})
}

#[test]
fn generated_corefiles() {
    judge("node-cache", &cases(), predict, &[]);
}
