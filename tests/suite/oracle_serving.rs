//! Rendered configurations, run by the programs that they are for: who is asked for which names, over what, and what is
//! answered from the cache.
//!
//! A small cluster is rendered; the real program runs with the result, on the real addresses and port 53, in a network of its
//! own (`oracles/serving`). Stand-ins answer for the cluster DNS, the upstreams and the stub zones, and note who was asked.

use crate::common::oracle::judge;
use crate::common::renderings::requests;
use dnslint::analysis::collect::Assumptions;
use dnslint::analysis::facts::ProxyMode;
use dnslint::model::{Cluster, assemble};
use dnslint::render::distribution::Distribution;
use dnslint::render::request::Resolver;
use dnslint::render::{Request, plan};
use dnslint::source::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What stands behind `kube-dns-upstream`: node-cache replaces `__PILLAR__CLUSTER__DNS__` by that Service's address
/// (`cmd/node-cache/app/configmap.go` of kubernetes/dns), and so do the questions.
const UPSTREAM_SERVICE: [&str; 2] = ["10.96.0.99", "fd00:96::99"];

/// The cluster: a domain of its own, a PTR zone, two stub zones, two upstreams.
struct Setting {
    dns: &'static str,
    own: &'static str,
    upstreams: [&'static str; 2],
    stubs: [&'static str; 2],
}

const V4: Setting = Setting {
    dns: "10.96.0.10",
    own: "169.254.20.10",
    upstreams: ["192.0.2.53", "192.0.2.54"],
    stubs: ["198.51.100.53", "198.51.100.54"],
};
const V6: Setting = Setting {
    dns: "fd00:96::a",
    own: "fd00:169:254:20::10",
    upstreams: ["2001:db8::53", "2001:db8::54"],
    stubs: ["2001:db8:1::53", "2001:db8:1::54"],
};

impl Setting {
    fn snapshot(&self, root_forward: &str) -> Snapshot {
        let [plain, tcp] = self.stubs;
        let manifests = format!(
            "apiVersion: v1
kind: ConfigMap
metadata: {{name: coredns, namespace: kube-system}}
data:
  Corefile: |
    .:53 {{
        errors
        kubernetes k8s.example.net in-addr.arpa ip6.arpa {{
            fallthrough in-addr.arpa ip6.arpa
        }}
        forward . {root_forward}
        cache 30
        loop
        reload
    }}
    corp.example:53 {{
        forward . {plain}
    }}
    own.example:53 {{
        hosts {{
            10.0.0.9 app.own.example
        }}
    }}
    lab.example:53 {{
        forward . {tcp} {{
            force_tcp
        }}
    }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: coredns, namespace: kube-system}}
spec:
  selector: {{matchLabels: {{k8s-app: kube-dns}}}}
  template:
    metadata: {{labels: {{k8s-app: kube-dns}}}}
    spec:
      dnsPolicy: Default
      containers:
      - name: coredns
        image: registry.k8s.io/coredns/coredns:v1.12.1
        args: [-conf, /etc/coredns/Corefile]
        volumeMounts: [{{name: config, mountPath: /etc/coredns}}]
      volumes:
      - name: config
        configMap: {{name: coredns}}
---
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system, labels: {{k8s-app: kube-dns}}}}
spec:
  clusterIP: {dns}
  selector: {{k8s-app: kube-dns}}
  ports:
  - {{name: dns, port: 53, protocol: UDP}}
  - {{name: dns-tcp, port: 53, protocol: TCP}}
",
            dns = self.dns
        );
        Snapshot::from_texts([("manifests/coredns.yaml", manifests)])
    }

    /// Where CoreDNS is reached by the cache.
    fn cluster(&self, proxy: ProxyMode) -> &'static str {
        match proxy {
            ProxyMode::Iptables => UPSTREAM_SERVICE[usize::from(self.own.contains(':'))],
            _ => self.dns,
        }
    }

    /// PTR names of the Service 10.96.0.1 and of fd00:96::1.
    fn reverse(&self) -> &'static str {
        if self.own.contains(':') {
            "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.6.9.0.0.0.0.d.f.ip6.arpa."
        } else {
            "1.0.96.10.in-addr.arpa."
        }
    }

    fn servers(&self, proxy: ProxyMode) -> Value {
        let reverse = self.reverse();
        let outside: Vec<String> = ["www", "mail", "late", "other"]
            .iter()
            .map(|name| format!("{name}.example.org. 30 IN A 203.0.113.80"))
            .collect();
        json!({
            "cluster": {"at": [self.cluster(proxy)], "records": [
                "kubernetes.default.svc.k8s.example.net. 30 IN A 10.96.0.1",
                "new.default.svc.k8s.example.net. 30 IN A 10.96.0.2",
                "app.own.example. 30 IN A 10.0.0.9",
                format!("{reverse} 30 IN PTR kubernetes.default.svc.k8s.example.net."),
            ]},
            "upstream": {"at": self.upstreams, "records": outside},
            "corp": {"at": [self.stubs[0]], "records": ["intranet.corp.example. 30 IN A 198.51.100.80"]},
            "lab": {"at": [self.stubs[1]], "records": ["host.lab.example. 30 IN A 198.51.100.81"]},
        })
    }
}

/// What happens, each with what must come of it.
struct Play(Vec<(Value, Value)>);

impl Play {
    fn ask(&mut self, to: &str, ask: &str, answers: &[&str], seen: &[&str]) {
        let mut result = json!({"rcode": "NOERROR"});
        if !answers.is_empty() {
            result["answers"] = json!(answers);
        }
        if !seen.is_empty() {
            result["seen"] = json!(seen);
        }
        self.0.push((json!({"ask": ask, "to": to}), result));
    }

    fn refused(&mut self, to: &str, ask: &str, rcode: &str, seen: &[&str]) {
        let mut result = json!({"rcode": rcode});
        if !seen.is_empty() {
            result["seen"] = json!(seen);
        }
        self.0.push((json!({"ask": ask, "to": to}), result));
    }

    fn stop(&mut self, at: &str) {
        self.0.push((json!({"stop": at}), json!({})));
    }
}

fn play(setting: &Setting, proxy: ProxyMode, resolver: Resolver) -> Play {
    let mut play = Play(Vec::new());
    let own = setting.own;
    let kubernetes = "kubernetes.default.svc.k8s.example.net. A";
    // the cluster's names over TCP, then from the cache; so with PTR of Services and names that do not exist
    play.ask(own, kubernetes, &["10.96.0.1"], &["cluster tcp"]);
    play.ask(own, kubernetes, &["10.96.0.1"], &[]);
    let reverse = format!("{} PTR", setting.reverse());
    play.ask(own, &reverse, &["kubernetes.default.svc.k8s.example.net."], &["cluster tcp"]);
    play.ask(own, &reverse, &["kubernetes.default.svc.k8s.example.net."], &[]);
    play.refused(own, "nosuch.default.svc.k8s.example.net. A", "NXDOMAIN", &["cluster tcp"]);
    play.refused(own, "nosuch.default.svc.k8s.example.net. A", "NXDOMAIN", &[]);
    // other names go to the upstreams, stub zones to their own servers
    play.ask(own, "www.example.org. A", &["203.0.113.80"], &["upstream udp"]);
    play.ask(own, "www.example.org. A", &["203.0.113.80"], &[]);
    play.ask(own, "intranet.corp.example. A", &["198.51.100.80"], &["corp udp"]);
    play.ask(own, "intranet.corp.example. A", &["198.51.100.80"], &[]);
    play.ask(own, "host.lab.example. A", &["198.51.100.81"], &["lab tcp"]);
    // a zone that CoreDNS answers itself
    play.ask(own, "app.own.example. A", &["10.0.0.9"], &["cluster tcp"]);
    // a client that asks over TCP
    play.0.push((
        json!({"ask": kubernetes, "to": own, "over": "tcp"}),
        json!({"rcode": "NOERROR", "answers": ["10.96.0.1"]}),
    ));
    if proxy == ProxyMode::Iptables {
        // pods that never heard of the cache reach it at the address of the DNS Service
        play.ask(setting.dns, kubernetes, &["10.96.0.1"], &[]);
        play.ask(setting.dns, "late.example.org. A", &["203.0.113.80"], &["upstream udp"]);
    }
    if resolver != Resolver::HickoryDns {
        let address = if own.contains(':') { format!("[{own}]") } else { own.to_owned() };
        play.0.push((json!({"get": format!("http://{address}:8080/health")}), json!({"status": 200})));
        play.0.push((json!({"get": format!("http://{address}:9253/metrics")}), json!({"status": 200})));
    }
    // one upstream fails, then the cluster DNS, then all upstreams
    play.stop(setting.upstreams[0]);
    play.ask(own, "mail.example.org. A", &["203.0.113.80"], &["upstream udp"]);
    play.stop(setting.cluster(proxy));
    play.ask(own, kubernetes, &["10.96.0.1"], &[]);
    play.ask(own, &reverse, &["kubernetes.default.svc.k8s.example.net."], &[]);
    play.refused(own, "new.default.svc.k8s.example.net. A", "SERVFAIL", &[]);
    play.ask(own, "other.example.org. A", &["203.0.113.80"], &["upstream udp"]);
    play.stop(setting.upstreams[1]);
    play.ask(own, "www.example.org. A", &["203.0.113.80"], &[]);
    play
}

/// The program's configuration in a rendered file: the file, without its comments, in which dnslint's own version stands; or
/// the Corefile in the manifests.
fn configuration(text: &str, resolver: Resolver) -> String {
    if resolver != Resolver::NodeCache {
        return text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    }
    let snapshot = Snapshot::from_texts([("manifests.yaml", text)]);
    let clusters = assemble(&snapshot);
    let text = clusters[0].dns_servers.iter().find_map(|server| server.config.as_ref()?.text()).unwrap();
    text.text.clone()
}

/// The question about a rendering, and what is expected of it.
fn question(setting: &Setting, proxy: ProxyMode, resolver: Resolver, own_file: bool) -> (Value, Value) {
    let forward = if own_file { "/etc/resolv.conf".to_owned() } else { setting.upstreams.join(" ") };
    let snapshot = setting.snapshot(&forward);
    let clusters = assemble(&snapshot);
    let request = Request { resolver, proxy: Some(proxy), ..Request::of(Distribution::Kubeadm) };
    let made =
        plan(&request, &snapshot, &clusters[0], &Assumptions::default()).unwrap_or_else(|r| panic!("{}", r.reason));
    let config = match resolver {
        Resolver::NodeCache => {
            configuration(&made.files[0].text, resolver).replace("__PILLAR__CLUSTER__DNS__", setting.cluster(proxy))
        }
        Resolver::CoreDns | Resolver::HickoryDns => configuration(&made.files[0].text, resolver),
    };
    let mut addresses = vec![setting.own];
    if proxy == ProxyMode::Iptables {
        addresses.push(setting.dns);
    }
    let resolv_conf: String = setting.upstreams.iter().map(|ip| format!("nameserver {ip}\n")).collect();
    let (steps, expected): (Vec<Value>, Vec<Value>) = play(setting, proxy, resolver).0.into_iter().unzip();
    let question = json!({
        "config": config, "resolv_conf": resolv_conf, "addresses": addresses,
        "servers": setting.servers(proxy), "steps": steps,
    });
    (question, json!(expected))
}

/// A question about no more than the start, for every configuration that the combinations of `crate::common::renderings` give:
/// the program must answer on each address that the configuration binds, or on one of its pod where it binds all.
fn starts(resolver: Resolver) -> BTreeMap<String, Value> {
    let mut questions = BTreeMap::new();
    for request in requests().into_iter().filter(|request| request.resolver == resolver) {
        if request.distribution.has_own_manifests() {
            continue;
        }
        let made = plan(&request, &Snapshot::default(), &Cluster::default(), &Assumptions::default());
        let rendered = made.unwrap_or_else(|refusal| panic!("{}", refusal.reason));
        let config = configuration(&rendered.files[0].text, resolver);
        let v6 = config.contains("bind fd00:") || config.contains("bind ::\n") || config.contains("forward . fd00:");
        let config = config
            .replace("__PILLAR__CLUSTER__DNS__", UPSTREAM_SERVICE[usize::from(v6)])
            // only one resolver file is laid out
            .replace("/run/resolv.conf", "/etc/resolv.conf");
        let mut addresses: Vec<&str> = bound(&config).collect();
        for address in &mut addresses {
            *address = match *address {
                "0.0.0.0" => "10.244.0.9",
                "::" => "fd00:244::9",
                other => other,
            };
        }
        assert!(!addresses.is_empty(), "{config}");
        let question = json!({
            "config": config, "resolv_conf": "nameserver 192.0.2.53\n", "addresses": addresses, "servers": {}, "steps": [],
        });
        questions.insert(config, question);
    }
    questions
}

/// Addresses of the first `bind` of a Corefile, or of the lists at the head of hickory-dns's file.
fn bound(config: &str) -> impl Iterator<Item = &str> {
    let line = |line: &&str| line.trim_start().starts_with("bind ");
    let corefile = config.lines().find(line).into_iter().flat_map(|line| line.split_whitespace().skip(1));
    let lists = config.lines().filter(|line| line.starts_with("listen_addrs"));
    corefile.chain(lists.flat_map(|line| line.split('"').skip(1).step_by(2)))
}

fn serves(name: &str, settings: &[(&Setting, ProxyMode, Resolver, bool)]) {
    let resolver = settings[0].2;
    let played = settings.iter().map(|(s, proxy, resolver, own)| question(s, *proxy, *resolver, *own));
    let all: Vec<(Value, Value)> =
        played.chain(starts(resolver).into_values().map(|start| (start, json!([])))).collect();
    let cases: Vec<Value> = all.iter().map(|(question, _)| question.clone()).collect();
    let expected = |case: &Value| all.iter().find(|(question, _)| question == case).unwrap().1.clone();
    judge(name, &cases, expected, &[]);
}

#[test]
fn the_node_caches_plugins_serve_what_is_rendered() {
    use ProxyMode::{Iptables, Ipvs};
    use Resolver::NodeCache;
    serves(
        "node-cache-serves",
        &[
            (&V4, Iptables, NodeCache, false),
            (&V4, Iptables, NodeCache, true),
            (&V4, Ipvs, NodeCache, false),
            (&V6, Iptables, NodeCache, true),
            (&V6, Ipvs, NodeCache, false),
        ],
    );
}

#[test]
fn plain_coredns_serves_what_is_rendered() {
    use Resolver::CoreDns;
    serves(
        "coredns-serves",
        &[
            (&V4, ProxyMode::Ipvs, CoreDns, false),
            (&V4, ProxyMode::Ipvs, CoreDns, true),
            (&V6, ProxyMode::Nftables, CoreDns, false),
        ],
    );
}

#[test]
fn hickory_dns_serves_what_is_rendered() {
    use Resolver::HickoryDns;
    serves(
        "hickory-dns-serves",
        &[(&V4, ProxyMode::Ipvs, HickoryDns, false), (&V6, ProxyMode::Ipvs, HickoryDns, false)],
    );
}
