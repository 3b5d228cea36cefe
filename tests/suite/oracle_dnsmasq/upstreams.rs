//! `dnsmasq-upstreams`: which upstreams a running dnsmasq may ask for a name.

use super::is_seen;
use crate::common::oracle::{Seed, judge_queries};
use dnslint::analysis::node_dns;
use dnslint::model::assemble;
use dnslint::source::Snapshot;
use dnslint::syntax::dnsmasq::DnsmasqConf;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const CASES: usize = 225;
const QUERIES: usize = 10;

const SERVERS: &[&str] = &["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5", "10.0.0.6"];

const ZONES: &[&str] = &[
    "/lan/",
    "/lan/",
    "/corp.test/",
    "/corp.test/",
    "/a.corp.test/",
    "/b.a.corp.test/",
    "/www.corp.test/",
    "/org/",
    "/lan/org/",
    "/lan/corp.test/",
    "/.lan/",
    "/LAN/",
    "/10.in-addr.arpa/",
    "/0.0.10.in-addr.arpa/",
];

/// Options, `S` an address and `Z` zones.
const OPTIONS: &[&str] = &[
    "server=S",
    "server=S",
    "server=S",
    "server=ZS",
    "server=ZS",
    "server=ZS",
    "server=Z#",
    "server=Z",
    "local=Z",
    "local=Z",
    "local=ZS",
    "local=S",
    "address=Z192.0.2.7",
    "address=Z",
    "address=Z#",
    "rev-server=10.0.0.0/24,S",
    "rev-server=10.0.0.0/8,S",
    "server=S#53",
    "server=ZS@lo",
    "server=/#/S",
    "no-resolv",
    "no-resolv",
    "strict-order",
    "resolv-file=/etc/up.conf",
    "resolv-file=/etc/two.conf",
    "no-hosts",
    "no-poll",
    "bogus-priv",
    "domain=lan",
    "local-service",
    "# server=10.0.0.9",
];

const NAMES: &[&str] = &[
    "www.example.com",
    "example.com",
    "lan",
    "host.lan",
    "a.host.lan",
    "xlan.test",
    "corp.test",
    "www.corp.test",
    "x.www.corp.test",
    "a.corp.test",
    "z.a.corp.test",
    "b.a.corp.test",
    "z.b.a.corp.test",
    "xcorp.test",
    "isc.org",
    "single",
];

const REVERSE: &[&str] =
    &["1.0.0.10.in-addr.arpa", "1.0.1.10.in-addr.arpa", "1.0.168.192.in-addr.arpa", "1.2.0.192.in-addr.arpa"];

fn case(seed: &mut Seed) -> Value {
    let mut conf = String::new();
    for _ in 0..1 + seed.below(8) {
        let option = seed.pick::<&str>(OPTIONS);
        let zones = *seed.pick::<&str>(ZONES);
        let server = *seed.pick::<&str>(SERVERS);
        // of a reverse zone it would answer queries for addresses alone
        let zones = if option.starts_with("address") && zones.contains("arpa") { "/lan/" } else { zones };
        conf.push_str(&option.replace('Z', zones).replace('S', server));
        conf.push('\n');
    }
    let ask: Vec<Value> = (0..QUERIES)
        .map(|_| {
            let reverse = seed.chance(20);
            let name = *seed.pick::<&str>(if reverse { REVERSE } else { NAMES });
            json!({"name": name, "type": if reverse { 12 } else { 1 }})
        })
        .collect();
    json!({"conf": conf, "ask": ask, "files": {
        "resolv.conf": "nameserver 10.1.0.1\nsearch lan\n",
        "up.conf": "# c\nnameserver 10.1.0.2\nnameserver 10.1.0.3\n",
        "two.conf": "nameserver\t10.1.0.4 x\nnameserver 10.1.0.2\n",
    }})
}

fn cases() -> Vec<Value> {
    let mut seed = Seed::new(67);
    (0..CASES).map(|_| case(&mut seed)).collect()
}

fn predict(case: &Value) -> Value {
    if DnsmasqConf::parse(case["conf"].as_str().unwrap()).problems.iter().any(|problem| is_seen(&problem)) {
        return json!("refused");
    }
    let files = case["files"].as_object().unwrap().iter().map(|(name, text)| (name.as_str(), text));
    let all = files.chain([("dnsmasq.conf", &case["conf"])]);
    let texts = all.map(|(name, text)| (format!("nodes/n1/etc/{name}"), text.as_str().unwrap().to_owned()));
    let snapshot = Snapshot::from_texts(texts);
    let clusters = assemble(&snapshot);
    let nodes = node_dns::all(&snapshot, &clusters[0], None);
    let sites = node_dns::sites(&snapshot, &clusters[0], &nodes);
    let resolver = sites[0].locals.iter().find(|local| local.program == "dnsmasq").unwrap();
    let asked = |query: &Value| {
        let name = format!("{}.", query["name"].as_str().unwrap());
        let servers: BTreeSet<&str> = resolver.asks(&name).into_iter().map(|to| to.value.as_str()).collect();
        json!(servers.into_iter().collect::<Vec<_>>().join(" "))
    };
    case["ask"].as_array().unwrap().iter().map(asked).collect()
}

#[test]
fn dnsmasq_asks_whom_we_say() {
    let (asked, refused) = judge_queries("dnsmasq-upstreams", &cases(), predict);
    assert!(asked > 2_000, "{asked}, {refused} refused");
}
