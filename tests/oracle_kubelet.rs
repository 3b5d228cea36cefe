//! The kubelet's own code as the judge of what dnslint says about it (`oracles/kubelet`).
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails loudly"
)]

mod common;

use common::oracle::{Seed, judge};
use dnslint::analysis::effective::KubeVersion;
use dnslint::analysis::effective::Runtime;
use dnslint::analysis::effective::node_check::{NodeWarning, check_limits};
use dnslint::analysis::effective::pod_dns::{
    DnsConfig, DnsConfigOption, Event, EventTarget, HostDns, HostFile, KubeletDns, PodDnsError, PodDnsInput,
    PodDnsSpec, ResolvConfSetting, SearchLimit, SourcedWord,
};
use dnslint::analysis::effective::pod_resolv_conf::predict;
use dnslint::source::{Located, Spanned};
use dnslint::syntax::resolv_conf::{ResolvConf, kubelet};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// The release in `oracles/kubelet/go.mod`.
const RELEASE: KubeVersion = KubeVersion::new(1, 37, 2);

fn plain(text: impl Into<String>) -> Located<String> {
    Located::default_value(text.into())
}

fn strings(value: &Value) -> Vec<Located<String>> {
    value.as_array().into_iter().flatten().map(|item| plain(item.as_str().unwrap())).collect()
}

/// Leaves out what an answer leaves out: empty lists and texts.
fn compact(fields: Value) -> Value {
    let Value::Object(fields) = fields else { return fields };
    let filled = |value: &Value| *value != json!([]) && *value != json!("") && !value.is_null();
    Value::Object(fields.into_iter().filter(|(_, value)| filled(value)).collect())
}

// ---------------------------------------------------------------------------------------------- pods

const RESOLV_CONF: &str = "/resolv.conf";

fn host_file(case: &Value) -> HostFile {
    if case["directory"] == true {
        return HostFile::Unreadable;
    }
    let Some(text) = case["host"].as_str() else { return HostFile::Missing };
    let filler = "#".repeat(case["filler"].as_u64().map_or(0, |n| usize::try_from(n).unwrap()));
    let release = kubelet::KubeVersion::new(RELEASE.major, RELEASE.minor, RELEASE.patch);
    let words = |words: Vec<Spanned<String>>| words.into_iter().map(|w| plain(w.value)).collect();
    match kubelet::read(&ResolvConf::parse(&format!("{text}{filler}")), release) {
        Ok(dns) => HostFile::Read(HostDns {
            nameservers: words(dns.nameservers),
            searches: words(dns.searches),
            options: words(dns.options),
        }),
        Err(kubelet::KubeletError::BareNameserver(_)) => HostFile::BareNameserver(plain("nameserver")),
        Err(kubelet::KubeletError::FileTooLong) => HostFile::Unreadable,
    }
}

fn pod(case: &Value) -> PodDnsSpec {
    let option = |option: &Value| DnsConfigOption {
        name: plain(option["name"].as_str().unwrap()),
        value: option["value"].as_str().map(plain),
    };
    let config = |config: &Value| DnsConfig {
        nameservers: strings(&config["nameservers"]),
        searches: strings(&config["searches"]),
        options: config["options"].as_array().into_iter().flatten().map(option).collect(),
    };
    PodDnsSpec {
        namespace: plain(case["namespace"].as_str().unwrap()),
        policy: plain(case["policy"].as_str().unwrap()),
        host_network: case["hostNetwork"] == true,
        dns_config: case.get("dnsConfig").map(config),
    }
}

fn texts(words: &[SourcedWord]) -> Vec<&str> {
    words.iter().map(SourcedWord::text).collect()
}

fn event(event: &Event) -> Value {
    let target = match event.target() {
        EventTarget::Node => "node",
        EventTarget::Pod => "pod",
    };
    match event.message() {
        Some(message) => json!([target, event.reason(), message]),
        None => json!([target, event.reason()]),
    }
}

/// What went wrong, without the texts of the operating system.
fn failure(error: &PodDnsError) -> &'static str {
    match error {
        PodDnsError::HostFileMissing(_) => "missing",
        PodDnsError::HostFileUnreadable(_) => "unreadable",
        PodDnsError::BareNameserver(_) => "bare nameserver",
        PodDnsError::TooManySearches { .. } => "too many searches",
    }
}

fn check(warning: &NodeWarning, host: &HostFile) -> String {
    match warning {
        NodeWarning::Unreadable(_) => if *host == HostFile::Missing { "missing" } else { "unreadable" }.to_owned(),
        NodeWarning::BareNameserver(_) => "bare nameserver".to_owned(),
        NodeWarning::Search { limit, .. } => match limit {
            SearchLimit::Paths(paths) => format!("more than {paths} domains"),
            SearchLimit::EntryLength(length) => format!("path longer than {length}"),
            SearchLimit::LineLength(length) => format!("line longer than {length}"),
        },
    }
}

fn predict_pod(case: &Value) -> Value {
    let resolv_conf = if case["noResolvConf"] == true { "" } else { RESOLV_CONF };
    let kubelet = KubeletDns {
        cluster_dns: strings(&case["clusterDNS"]),
        cluster_domain: Some(plain(case["clusterDomain"].as_str().unwrap())),
        resolv_conf: ResolvConfSetting::from_text(plain(resolv_conf)),
        node_ips: strings(&case["nodeIPs"]),
        expanded_dns_config: None,
    };
    let host = host_file(case);
    let predicted = predict(&PodDnsInput {
        version: RELEASE,
        runtime: Runtime::default(),
        kubelet: &kubelet,
        host: &host,
        node_etc_resolv_conf: None,
        pod: &pod(case),
    });
    let check = check_limits(RELEASE, &kubelet, &host).map(|warning| check(&warning, &host));
    compact(match predicted {
        Ok(dns) => {
            let mut options = texts(&dns.options);
            options.sort_unstable();
            json!({
                "servers": texts(&dns.nameservers),
                "searches": texts(&dns.searches),
                "options": options,
                "events": dns.events.iter().map(event).collect::<Vec<_>>(),
                "check": check,
            })
        }
        Err(error) => json!({"error": failure(&error), "check": check}),
    })
}

/// A resolver file: mostly what nodes have, with everything that the parser treats in its own way strewn in.
fn host_text(seed: &mut Seed) -> String {
    let mut text = String::new();
    for _ in 0..seed.below(7) {
        text += seed.word("|||| |\t|\u{a0}|\u{2003}");
        match seed.below(10) {
            0..=3 => {
                text += seed.word("nameserver|nameserver|nameserver|nameserver|NameServer|;nameserver");
                text += &nameserver(seed);
            }
            4..=6 => {
                text += seed.word("search|search|search|Search|domain|search:");
                let count = if seed.chance(8) { 26 + seed.below(12) } else { seed.below(5) };
                for _ in 0..count {
                    text += &format!("{}{}", blank(seed), search(seed));
                }
            }
            7 | 8 => {
                text += *seed.pick(&["options", "options", "options", "option", "Options"]);
                for _ in 0..seed.below(4) {
                    text += &format!("{}{}", blank(seed), option(seed));
                }
            }
            _ => text += seed.word("# nameserver 9.9.9.9|; search x|sortlist 10.0.0.0|#||garbage line"),
        }
        text += seed.word("\n|\n|\n|\n|\r\n| \n|\n\n|\r| # comment\n");
    }
    text
}

fn blank(seed: &mut Seed) -> &'static str {
    seed.word(" | | |  |\t|\u{b}|\u{c}|\u{85}|\u{a0}")
}

fn nameserver(seed: &mut Seed) -> String {
    if seed.chance(4) {
        return String::new();
    }
    let word = seed.word(
        "10.0.0.53|10.0.0.53|1.1.1.1|8.8.8.8|9.9.9.9|127.0.0.53|fe80::1%eth0|2001:DB8::1|010.0.0.1|\
            dns.example|192.0.2.1#53|::ffff:10.0.0.1",
    );
    let rest = seed.word("||| 8.8.4.4|#x| # x");
    format!("{}{word}{rest}", blank(seed))
}

fn search(seed: &mut Seed) -> String {
    match seed.below(30) {
        0 => "a".repeat(253 + seed.below(3)),
        1 => format!("{}.corp.example.", "b".repeat(60 + seed.below(180))),
        2..=9 => format!("d{}.example", seed.below(40)),
        _ => seed
            .word(
                "lan|lan.|corp.example|corp.example.|.|..|cluster.local|svc.cluster.local|LAN|ünï.example|\
            default.svc.cluster.local.|x..",
            )
            .to_owned(),
    }
}

fn option(seed: &mut Seed) -> &'static str {
    seed.word(
        "ndots:5|ndots:2|ndots:|ndots|timeout:1|timeout:2|attempts:3|rotate|edns0|trust-ad|:|:x|a:b:c|\
            single-request-reopen|ndots:2:3",
    )
}

fn some<T>(seed: &mut Seed, below: usize, each: impl Fn(&mut Seed) -> T) -> Vec<T> {
    (0..seed.below(below)).map(|_| each(seed)).collect()
}

fn dns_config(seed: &mut Seed) -> Value {
    let mut config = Map::new();
    if seed.chance(60) {
        let address = |seed: &mut Seed| seed.word("10.0.0.53|1.1.1.1|10.96.0.10|fd00::a|fd00:0::a|8.8.8.8").to_owned();
        config.insert("nameservers".to_owned(), json!(some(seed, 5, address)));
    }
    if seed.chance(60) {
        config.insert("searches".to_owned(), json!(some(seed, 6, search)));
    }
    if seed.chance(60) {
        let option = |seed: &mut Seed| {
            let name = seed.word("ndots|ndots|timeout|edns0|ndots:2|rotate||a:b");
            match *seed.pick(&[None, Some(""), Some("1"), Some("2"), Some("x:y")]) {
                Some(value) => json!({"name": name, "value": value}),
                None => json!({"name": name}),
            }
        };
        config.insert("options".to_owned(), json!(some(seed, 4, option)));
    }
    Value::Object(config)
}

fn pod_cases() -> Vec<Value> {
    let mut seed = Seed::new(0x6b75_6265_6c65_7401);
    (0..2500).map(|_| pod_case(&mut seed)).collect()
}

fn pod_case(seed: &mut Seed) -> Value {
    let address = |seed: &mut Seed| {
        seed.word(
            "10.96.0.10|10.96.0.10|10.43.0.10|169.254.20.10|fd00:0::A|::ffff:10.96.0.10|010.096.000.010|\
            10.96.0.10:53| 10.96.0.10|kube-dns||fe80::1%eth0|1.2.3|1.2.3.256|0x0a.0.0.1|::1.2.3.04|1::2::3|\
            00000:0::1|fd00::0000a|1.2.3.4.|1.2.3.0004",
        )
    };
    let mut case = json!({
        "clusterDNS": some(seed, 4, address),
        "clusterDomain": *seed.pick(&["cluster.local", "cluster.local", "k8s.example", "", "cluster.local."]),
        "nodeIPs": some(seed, 3, |seed| *seed.pick(&["10.0.0.2", "fd00::2", "::ffff:10.0.0.2"])),
        "namespace": *seed.pick(&["default", "kube-system", "web"]),
        "policy": seed.word("ClusterFirst|ClusterFirst|ClusterFirst|Default|Default|None|ClusterFirstWithHostNet||\
            clusterfirst"),
        "hostNetwork": seed.chance(25),
    });
    match seed.below(100) {
        0..=4 => case["noResolvConf"] = json!(true),
        5 | 6 => {}
        7 => case["directory"] = json!(true),
        _ => case["host"] = json!(host_text(seed)),
    }
    if seed.chance(45) {
        case["dnsConfig"] = dns_config(seed);
    }
    case
}

/// The vectors of the same release or newer behaviour, asked of the real code; a file of just below and exactly 10 MiB.
fn fixed_pod_cases() -> Vec<Value> {
    let text = include_str!("../testdata/vectors/vectors-kubelet-k3s.yaml");
    let all: Value = serde_saphyr::from_str(text).unwrap();
    let pods = all["vectors"].as_array().unwrap().iter().filter(|vector| vector["kind"] == "pod");
    let case = |vector: &Value| {
        let (kubelet, pod) = (&vector["input"]["kubelet"], &vector["input"]["pod"]);
        let mut case = json!({
            "clusterDNS": kubelet.get("clusterDNS").cloned().unwrap_or(json!([])),
            "clusterDomain": kubelet["clusterDomain"].as_str().unwrap_or_default(),
            "nodeIPs": kubelet.get("nodeIPs").cloned().unwrap_or(json!([])),
            "namespace": pod["namespace"],
            "policy": pod["dnsPolicy"],
            "hostNetwork": pod["hostNetwork"] == true,
        });
        if let Some(host) = vector["input"]["host"].as_str() {
            case["host"] = json!(host.replace("LONG", &"B".repeat(256)));
        }
        if kubelet["resolvConf"] == "" {
            case["noResolvConf"] = json!(true);
        }
        if let Some(config) = pod.get("dnsConfig") {
            case["dnsConfig"] = with_text_values(config);
        }
        case
    };
    let long = |filler: usize| {
        let mut case = json!({
            "clusterDNS": ["10.96.0.10"], "clusterDomain": "", "nodeIPs": [], "namespace": "web", "policy": "Default",
            "hostNetwork": false, "host": "nameserver 1.1.1.1\n",
        });
        case["filler"] = json!(filler);
        case
    };
    pods.map(case).chain([long((10 << 20) - 20), long((10 << 20) - 19)]).collect()
}

/// YAML numbers as the texts that the API demands.
fn with_text_values(config: &Value) -> Value {
    let mut config = config.clone();
    for option in config["options"].as_array_mut().into_iter().flatten() {
        if let Some(value) = option.get("value").filter(|value| value.is_number()) {
            option["value"] = json!(value.to_string());
        }
    }
    config
}

#[test]
fn pods() {
    let cases: Vec<Value> = fixed_pod_cases().into_iter().chain(pod_cases()).collect();
    let distinct: BTreeSet<String> = cases.iter().map(Value::to_string).collect();
    assert!(distinct.len() > 2400, "{} distinct cases", distinct.len());
    judge("kubelet-dns", &cases, predict_pod, &[]);
}
