//! The node cache vectors of `testdata/vectors`: what the binary does with its flags, its Corefile and the kube-dns
//! ConfigMap.

use dnslint::analysis::coredns::{Binary, NothingKnown, check_with, first_fatal};
use dnslint::analysis::facts::Facts;
use dnslint::analysis::node_cache::views;
use dnslint::analysis::servers::graph::Routes;
use dnslint::analysis::servers::routing::Notice;
use dnslint::analysis::views::node_cache::NodeCacheView;
use dnslint::model::{Cluster, assemble};
use dnslint::source::{LoadOptions, Snapshot};
use dnslint::syntax::corefile::{NoImports, Options, parse};
use serde_json::{Value, json};

fn vectors() -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/vectors-coredns.yaml");
    let all: Value = serde_saphyr::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    all["node_cache"].as_array().unwrap().clone()
}

/// The Corefile of the upstream manifest, with a cluster domain.
const COREFILE: &str = "cluster.local:53 {\nerrors\ncache 30\nreload\nloop\nbind 127.0.0.20\nforward . __PILLAR__CLUSTER__DNS__ {\n\
    force_tcp\n}\nhealth 127.0.0.20:8080\n}\n.:53 {\nerrors\ncache 30\nreload\nloop\nbind 127.0.0.20\nforward . __PILLAR__UPSTREAM__SERVERS__\n}\n";

/// A cluster with a node cache of these arguments and `-conf`, this Corefile, and a kube-dns ConfigMap.
fn cluster_of(args: &[&str], corefile: &str, kube_dns: &Value) -> Vec<Cluster> {
    cluster_with([args, &["-conf", "/etc/Corefile"]].concat(), corefile, kube_dns)
}

fn cluster_with(args: Vec<&str>, corefile: &str, kube_dns: &Value) -> Vec<Cluster> {
    let meta = |name: &str| json!({"name": name, "namespace": "kube-system"});
    let objects = [
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("node-local-dns"), "data": {"Corefile": corefile}}),
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta("kube-dns"), "data": kube_dns}),
        json!({"apiVersion": "v1", "kind": "Service", "metadata": meta("kube-dns"), "spec": {
            "clusterIP": "10.96.0.10", "selector": {"k8s-app": "kube-dns"}, "ports": [{"port": 53, "protocol": "UDP"}],
        }}),
        json!({"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": meta("node-local-dns"), "spec": {"template": {"spec": {
            "hostNetwork": true, "dnsPolicy": "Default",
            "containers": [{"name": "node-cache", "image": "registry.k8s.io/dns/k8s-dns-node-cache:1.26.4", "args": args,
                "volumeMounts": [{"name": "config", "mountPath": "/etc/coredns"}]}],
            "volumes": [{"name": "config", "configMap": {"name": "node-local-dns",
                "items": [{"key": "Corefile", "path": "Corefile.base"}]}},
                {"name": "kube-dns-config", "configMap": {"name": "kube-dns", "optional": true}}],
        }}}}),
    ];
    let dir = tempfile::tempdir().unwrap();
    for (index, object) in objects.iter().enumerate() {
        std::fs::write(dir.path().join(format!("{index}.yaml")), object.to_string()).unwrap();
    }
    assemble(&Snapshot::load(&[dir.path().to_owned()], &LoadOptions::default()))
}

/// The view of the only node cache, and what its part of the graph says.
struct Seen {
    view: NodeCacheView,
    upstreams: Vec<String>,
    /// Zones of its blocks.
    zones: Vec<String>,
    pillar: Option<String>,
    /// Why it does not serve its Corefile.
    refused: Option<String>,
    /// Zones of loops, and whether the `loop` plugin finds them.
    loops: Vec<(String, bool)>,
}

fn see(clusters: &[Cluster]) -> Seen {
    let cluster = &clusters[0];
    let facts = Facts::of(cluster);
    let routes = Routes::of(cluster, &facts, Vec::new());
    let view = views(cluster, &facts, &routes, &[], &[]).remove(0).0.value;
    let cache = cluster.dns_servers.iter().position(|s| s.name.contains("node-local-dns")).unwrap();
    let vertex = &routes.graph.servers[cache];
    Seen {
        view,
        upstreams: vertex.upstream_nameservers.iter().map(|u| u.value.clone()).collect(),
        zones: vertex.blocks.iter().flat_map(|b| &b.zones).map(|z| z.value.clone()).collect(),
        refused: vertex.refused.as_ref().map(|reason| reason.value.clone()),
        pillar: vertex.cluster_dns_pillar.as_ref().map(|ip| ip.value.to_string()),
        loops: routes
            .loops
            .iter()
            .filter(|l| l.server == cache)
            .map(|l| (l.zone.clone(), l.notice == Notice::Stops))
            .collect(),
    }
}

#[test]
fn node_cache_vectors() {
    let none = json!({});
    let ours = ["-localip", "127.0.0.20", "-upstreamsvc", "kube-dns"];
    let all = vectors();
    for vector in &all {
        let id = vector["id"].as_str().unwrap();
        let msg = vector["msg"].as_str().unwrap_or_default();
        let given: Vec<&str> = vector["given"].as_array().unwrap().iter().map(|w| w.as_str().unwrap()).collect();
        match id {
            // said once, as the placeholder that nobody fills
            "localip-pillar" => {
                let seen = see(&cluster_of(&given, COREFILE, &none));
                let names: Vec<&str> = seen.view.placeholders.iter().map(|p| p.value.name.as_str()).collect();
                assert!(names.contains(&"__PILLAR__LOCAL__DNS__"), "{id}: {names:?}");
            }
            "localip-missing" | "localip-blank" | "localip-mixed-family" => {
                let seen = see(&cluster_of(&given, COREFILE, &none));
                let logged = &seen.view.local_ip_problems.first().unwrap_or_else(|| panic!("{id}")).value.logged;
                assert!(logged.contains(msg) || msg.contains(logged.as_str()), "{id}: {logged} is not {msg}");
                assert_eq!(vector["result"], "FATAL", "{id}");
            }
            "syncinterval-60" | "syncinterval-30s" => {
                let seen = see(&cluster_of(&[&ours[..], &given[..]].concat(), COREFILE, &none));
                let logged: Vec<&str> = seen.view.flag_problems.iter().map(|p| p.value.logged.as_str()).collect();
                assert!(matches!(logged.as_slice(), [one] if one.contains(msg)), "{id}: {logged:?} is not {msg}");
            }
            "two-ips-health-placeholder" => {
                let corefile = COREFILE.replace("health 127.0.0.20:8080", "health __PILLAR__LOCAL__DNS__:5388");
                let seen = see(&cluster_of(&given, &corefile, &none));
                let names: Vec<&str> = seen.view.placeholders.iter().map(|p| p.value.name.as_str()).collect();
                assert!(names.contains(&"__PILLAR__LOCAL__DNS__"), "{id}: {names:?}");
            }
            "no-conf-flag" => {
                let seen = see(&cluster_with(given, COREFILE, &none));
                assert!(seen.view.without_conf.is_some(), "{id}");
                assert!(
                    seen.refused.is_some_and(|reason| reason.contains("serves CoreDNS's built-in `whoami`")),
                    "{id}"
                );
            }
            "corefile-flag-ignored" => {
                let with = see(&cluster_of(&[&ours[..], &given[..2]].concat(), COREFILE, &none));
                let without = see(&cluster_of(&ours, COREFILE, &none));
                assert_eq!(with.zones, without.zones, "{id}");
                assert!(with.view.flag_problems.is_empty(), "{id}");
            }
            "upstreamsvc-default-uses" => {
                // $KUBE_DNS_SERVICE_HOST is the ClusterIP of the Service kube-dns
                assert_eq!(see(&cluster_of(&given, COREFILE, &none)).pillar.as_deref(), Some("10.96.0.10"), "{id}");
            }
            "domain-placeholder-left" => {
                let corefile = COREFILE.replace("cluster.local", "__PILLAR__DNS__DOMAIN__");
                let seen = see(&cluster_of(&given, &corefile, &none));
                assert!(seen.view.local_ip_problems.is_empty(), "{id}");
                assert!(seen.view.placeholders.iter().any(|p| p.value.name == "__PILLAR__DNS__DOMAIN__"), "{id}");
            }
            "plugin-kubernetes" | "plugin-acl" => {
                let plugin = id.trim_start_matches("plugin-");
                let text = format!(".:53 {{\n{plugin}\n}}\n");
                let options = Options {
                    main_file_name: "Corefile",
                    directory: "/etc",
                    env: &|_| None,
                    valid_directives: None,
                    imports: &NoImports,
                };
                let problems = check_with(&parse(&text, &options), &Binary::NodeCache(None), &NothingKnown);
                let fatal = first_fatal(&problems).and_then(|p| p.coredns_message.clone());
                assert_eq!(fatal.as_deref(), Some(msg), "{id}");
            }
            "cm-upstreams-and-stub" => {
                let map = json!({
                    "upstreamNameservers": "[\"8.8.8.8\",\"1.1.1.1:5353\"]", "stubDomains": "{\"acme.local\":[\"10.0.0.1\"]}",
                });
                let seen = see(&cluster_of(&ours, COREFILE, &map));
                assert_eq!(seen.upstreams, ["8.8.8.8", "1.1.1.1:5353"], "{id}");
                assert!(seen.zones.contains(&"acme.local.".to_owned()), "{id}: {:?}", seen.zones);
            }
            "cm-stub-hostname" | "cm-bad-json" | "cm-four-upstreams" => {
                let map = match id {
                    "cm-stub-hostname" => json!({"stubDomains": "{\"acme.local\":[\"dns.acme.com\"]}"}),
                    "cm-bad-json" => json!({"stubDomains": "{bad"}),
                    _ => json!({"upstreamNameservers": "[\"1.0.0.1\",\"1.0.0.2\",\"1.0.0.3\",\"1.0.0.4\"]"}),
                };
                let seen = see(&cluster_of(&ours, COREFILE, &map));
                assert_eq!((seen.upstreams.len(), seen.zones.len()), (0, 2), "{id}: the update is refused");
            }
            "c13-upstream-is-self" => {
                let map = json!({"upstreamNameservers": "[\"127.0.0.20\"]"});
                let seen = see(&cluster_of(&ours, COREFILE, &map));
                assert_eq!(seen.loops, [(".".to_owned(), true)], "{id}");
            }
            "c14-stub-to-self" => {
                let map = json!({"stubDomains": "{\"acme.local\":[\"127.0.0.20\"]}"});
                let seen = see(&cluster_of(&ours, COREFILE, &map));
                assert_eq!(seen.loops, [("acme.local.".to_owned(), false)], "{id}");
            }
            other => panic!("vector {other} is not compared"),
        }
    }
    assert_eq!(all.len(), 19);
}
