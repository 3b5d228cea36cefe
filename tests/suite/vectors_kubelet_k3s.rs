//! The kubelet, k3s and kubeadm vectors of `testdata/vectors`, every field of each compared.

use dnslint::analysis::effective::address::canonical;
use dnslint::analysis::effective::cluster_dns::cluster_dns;
use dnslint::analysis::effective::k3s_args::{assemble, extract_config};
use dnslint::analysis::effective::k3s_config::{Command, merge};
use dnslint::analysis::effective::k3s_resolver::{ChoiceReason, FileState, ResolverInput, choose};
use dnslint::analysis::effective::kubeadm::{KubeadmInput, UserKubelet, default_kubelet};
use dnslint::analysis::effective::kubelet::{API_VERSION, KIND, KubeletFile, KubeletInput, effective, flag_value};
use dnslint::analysis::effective::pod_dns::{
    DnsConfig, DnsConfigOption, Event, EventTarget, HostDns, HostFile, KubeletDns, PodDnsInput, PodDnsSpec,
    ResolvConfSetting,
};
use dnslint::analysis::effective::pod_resolv_conf::predict;
use dnslint::analysis::effective::versions::{OptionsReading, RootSearch, options_merge, root_search};
use dnslint::analysis::effective::{ConfigValue, Distribution, FlagValue, KubeVersion, Runtime};
use dnslint::source::{FileId, Located, Location, Span};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const EXPECTED: [(&str, usize); 7] = [
    ("pod", 28),
    ("k3sresolv", 12),
    ("k3sconfig", 4),
    ("k3sargs", 10),
    ("clusterdns", 7),
    ("kubeletcfg", 5),
    ("kubeadm", 3),
];

fn vectors(kind: &str) -> Vec<Value> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/vectors/vectors-kubelet-k3s.yaml");
    let text = std::fs::read_to_string(path).expect("vectors");
    let all: Value = serde_saphyr::from_str(&text).expect("vectors are YAML");
    let found: Vec<_> = list(&all["vectors"]).iter().filter(|v| v["kind"] == kind).cloned().collect();
    let expected = EXPECTED.iter().find(|(name, _)| *name == kind).map(|(_, count)| *count);
    assert_eq!(Some(found.len()), expected, "number of {kind} vectors");
    found
}

/// Runs every vector of a kind and reports all that differ. The outcome is `"error"` or an object of fields.
fn check(kind: &str, want: impl Fn(&Value) -> Value, got: impl Fn(&Value) -> Value) {
    let mut failures = Vec::new();
    for vector in vectors(kind) {
        let want = if vector["error"] == true { json!("error") } else { want(&vector) };
        let got = got(&vector);
        if want != got {
            failures.push(format!("{}: want {want}\n     got {got}", vector["id"]));
        }
    }
    assert!(failures.is_empty(), "{} failed\n{}", failures.len(), failures.join("\n"));
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn plain(text: impl Into<String>) -> Located<String> {
    Located::default_value(text.into())
}

fn strings(value: &Value) -> Vec<Located<String>> {
    list(value).iter().map(|item| plain(scalar(item))).collect()
}

fn optional(value: &Value) -> Option<Located<String>> {
    value.as_str().map(plain)
}

fn version(value: &Value) -> KubeVersion {
    KubeVersion::parse(&scalar(value)).expect("version")
}

fn texts(values: &[Located<String>]) -> Vec<&str> {
    values.iter().map(|value| value.value.as_str()).collect()
}

// ---------------------------------------------------------------------------------------------- pods

/// The kubelet's reading of the node's file, enough for the vectors.
fn read_host(text: &str, version: KubeVersion) -> HostFile {
    let mut dns = HostDns::default();
    for line in text.lines() {
        let words: Vec<_> = line.split_whitespace().collect();
        match words.split_first() {
            Some((&"nameserver", [])) => return HostFile::BareNameserver(plain("nameserver")),
            Some((&"nameserver", values)) => dns.nameservers.push(plain(values[0])),
            Some((&"search", values)) => dns.searches = values.iter().filter_map(|w| search_word(w, version)).collect(),
            Some((&"options", values)) => {
                assert!(dns.options.is_empty() || options_merge(version) == OptionsReading::LastLine);
                dns.options = values.iter().map(|word| plain(*word)).collect();
            }
            _ => {}
        }
    }
    HostFile::Read(dns)
}

fn search_word(word: &str, version: KubeVersion) -> Option<Located<String>> {
    let stripped = word.strip_suffix('.').unwrap_or(word);
    match root_search(version) {
        RootSearch::Verbatim => Some(plain(word)),
        RootSearch::Kept if word == "." => Some(plain(word)),
        RootSearch::Dropped if word == "." => None,
        _ => Some(plain(stripped)),
    }
}

fn kubelet_dns(input: &Value) -> KubeletDns {
    let kubelet = &input["kubelet"];
    KubeletDns {
        cluster_dns: strings(&kubelet["clusterDNS"]),
        cluster_domain: optional(&kubelet["clusterDomain"]),
        resolv_conf: optional(&kubelet["resolvConf"]).map(ResolvConfSetting::from_text).unwrap_or_default(),
        node_ips: strings(&kubelet["nodeIPs"]),
        expanded_dns_config: None,
    }
}

fn pod_spec(pod: &Value) -> PodDnsSpec {
    let option =
        |option: &Value| DnsConfigOption { name: plain(scalar(&option["name"])), value: optional(&option["value"]) };
    let dns_config = pod.get("dnsConfig").map(|config| DnsConfig {
        nameservers: strings(&config["nameservers"]),
        searches: strings(&config["searches"]),
        options: list(&config["options"]).iter().map(option).collect(),
    });
    PodDnsSpec {
        namespace: plain(scalar(&pod["namespace"])),
        policy: plain(scalar(&pod["dnsPolicy"])),
        host_network: pod["hostNetwork"] == true,
        dns_config,
    }
}

fn event(event: &Event) -> String {
    let what = match event {
        Event::NameserverLimit { .. } => "nameservers",
        Event::SearchLimit { .. } => "search",
        Event::MissingClusterDns(EventTarget::Node) => "node",
        Event::MissingClusterDns(EventTarget::Pod) => "pod",
    };
    format!("{}({what})", event.reason())
}

/// A file whose options line is a set.
fn unordered(text: &str) -> (String, BTreeSet<String>) {
    let (options, rest): (Vec<_>, Vec<_>) = text.split_inclusive('\n').partition(|line| line.starts_with("options "));
    let words = options.iter().flat_map(|line| line.split_whitespace()).map(str::to_owned).collect();
    (rest.concat(), words)
}

#[test]
fn pods() {
    let comparable = |text: Option<&str>, is_unordered: bool| match text {
        Some(text) if is_unordered => json!(unordered(text)),
        text => json!(text),
    };
    check(
        "pod",
        |vector| {
            let is_unordered = vector["opts_unordered"] == true;
            json!({
                "text": comparable(vector["resolv_conf"].as_str(), is_unordered),
                "copied_from": vector["copied_from"],
                "events": list(&vector["events"]),
                "random": is_unordered,
            })
        },
        |vector| {
            let input = &vector["input"];
            let version = version(&input["k8s"]);
            let read = |text: &str| read_host(&text.replace("LONG", &"B".repeat(256)), version);
            let predicted = predict(&PodDnsInput {
                version,
                runtime: Runtime::parse(&scalar(&input["runtime"])).expect("runtime"),
                kubelet: &kubelet_dns(input),
                host: &input["host"].as_str().map_or(HostFile::Missing, read),
                node_etc_resolv_conf: None,
                pod: &pod_spec(&input["pod"]),
            });
            let Ok(dns) = predicted else { return json!("error") };
            json!({
                "text": comparable(dns.text(), vector["opts_unordered"] == true),
                "copied_from": dns.copied_from(),
                "events": dns.events.iter().map(event).collect::<Vec<_>>(),
                "random": dns.options_order_random,
            })
        },
    );
}

#[test]
fn a_copied_file_has_the_text_of_the_node() {
    let vector = vectors("pod").into_iter().find(|v| v["id"] == "P30").expect("P30");
    let input = &vector["input"];
    let version = version(&input["k8s"]);
    let dns = predict(&PodDnsInput {
        version,
        runtime: Runtime::parse(&scalar(&input["runtime"])).expect("runtime"),
        kubelet: &kubelet_dns(input),
        host: &read_host(&scalar(&input["host"]), version),
        node_etc_resolv_conf: Some("nameserver 127.0.0.53\n"),
        pod: &pod_spec(&input["pod"]),
    });
    assert_eq!(dns.expect("predicted").text(), Some("nameserver 127.0.0.53\n"));
}

// ---------------------------------------------------------------------------------------------- k3s

#[test]
fn resolver_choice() {
    check(
        "k3sresolv",
        |vector| json!({"path": vector["out"]["path"], "generated": vector["out"]["generated"]}),
        |vector| {
            let input = &vector["input"];
            let data_dir = optional(&input["data_dir"]);
            let resolver = ResolverInput {
                distribution: Distribution::K3s,
                version: version(&input["k3s"]),
                explicit: None,
                data_dir: data_dir.as_ref(),
            };
            let text = |text| FileState::Text { file: FileId(0), text };
            let choice = choose(&resolver, |path| input["files"][path].as_str().map_or(FileState::Absent, text));
            let generated = match choice.reason {
                ChoiceReason::Fallback { text } => Some(text),
                ChoiceReason::Candidate | ChoiceReason::Explicit => None,
            };
            json!({"path": choice.path.value, "generated": generated})
        },
    );
}

/// A value as a document's tree, its parts placed in `file`.
fn tree(value: &Value, file: u32) -> Located<ConfigValue> {
    let location = Location::new(FileId(file), Span::default());
    let value = match value {
        Value::Null => ConfigValue::Null,
        Value::Array(items) => ConfigValue::List(items.iter().map(|item| tree(item, file)).collect()),
        Value::Object(map) => {
            ConfigValue::Map(map.iter().map(|(key, value)| (plain(key.as_str()), tree(value, file))).collect())
        }
        other => ConfigValue::Scalar(scalar(other)),
    };
    Located::at(value, location)
}

#[test]
fn config_files() {
    check(
        "k3sconfig",
        |vector| vector["out"].clone(),
        |vector| {
            let file = |file: &Value| {
                let entry = |pair: &Value| (plain(scalar(&pair[0])), tree(&pair[1], 0));
                ConfigValue::Map(list(file).iter().map(entry).collect())
            };
            let files: Vec<_> = list(&vector["files"]).iter().map(file).collect();
            // the server of RKE2 drops no key here, as k3s's does with those that it does not know
            let merged = merge(
                Distribution::Rke2,
                Command::Server,
                KubeVersion::new(1, 34, 0),
                &files.iter().collect::<Vec<_>>(),
            );
            json!(merged.args.iter().map(FlagValue::k3s_argument).collect::<Vec<_>>())
        },
    );
}

#[test]
fn kubelet_arguments() {
    check(
        "k3sargs",
        |vector| vector["out"].clone(),
        |vector| {
            let init = vector["init"].as_object().expect("init");
            let defaults: Vec<_> =
                init.iter().map(|(name, value)| FlagValue::new(plain(name.as_str()), plain(scalar(value)))).collect();
            let mut entries = strings(&vector["extra"]);
            if vector["extract"] == true {
                entries = extract_config(&entries).entries;
            }
            json!(assemble(&defaults, &entries).args.iter().map(FlagValue::argument).collect::<Vec<_>>())
        },
    );
}

#[test]
fn cluster_dns_addresses() {
    check(
        "clusterdns",
        |vector| {
            let policy = vector.get("ip_family_policy").cloned().unwrap_or(json!("SingleStack"));
            json!({"addresses": vector["out"], "policy": policy})
        },
        |vector| match cluster_dns(&strings(&vector["service_cidr"]), &strings(&vector["cluster_dns"])) {
            Ok(dns) => json!({
                "addresses": dns.addresses.iter().map(|ip| canonical(ip.value)).collect::<Vec<_>>(),
                "policy": dns.ip_family_policy.as_str(),
            }),
            Err(_) => json!("error"),
        },
    );
}

// ---------------------------------------------------------------------------------------------- kubelet and kubeadm

fn flag(text: &str) -> FlagValue {
    let (name, value) = text.strip_prefix("--").and_then(|rest| rest.split_once('=')).expect("flag");
    FlagValue::new(plain(name), plain(value))
}

/// The vectors leave out the header that every file has, and every drop-in of 1.32.
fn with_header(fields: &Value) -> Value {
    let mut fields = fields.clone();
    fields["apiVersion"] = json!(API_VERSION);
    fields["kind"] = json!(KIND);
    fields
}

#[test]
fn kubelet_settings() {
    check(
        "kubeletcfg",
        |vector| json!({"out": vector["out"], "sound": true}),
        |vector| {
            let flags: Vec<_> = list(&vector["flags"]).iter().map(|text| flag(&scalar(text))).collect();
            let file = |path: &str, tree| KubeletFile { path: path.to_owned(), tree, named_by: Vec::new().into() };
            let config =
                flag_value(&flags, "config").map(|path| file(&path.value, tree(&with_header(&vector["config"]), 0)));
            let dropins = vector["dropins"].as_object().expect("dropins").iter();
            let dropins: Vec<_> = dropins.map(|(path, fields)| file(path, tree(&with_header(fields), 1))).collect();
            let got = effective(&KubeletInput {
                version: version(&vector["k8s"]),
                flags: &flags,
                config: config.as_ref(),
                dropins: &dropins,
                alpha_dropins: false,
                openshift: false,
            });
            json!({
                "out": {
                    "clusterDNS": texts(&got.cluster_dns),
                    "clusterDomain": got.cluster_domain.value,
                    "resolvConf": got.resolv_conf.value,
                },
                "sound": got.problems.is_empty() && got.invalid_dropins.is_empty(),
            })
        },
    );
}

#[test]
fn kubeadm_defaults() {
    check(
        "kubeadm",
        |vector| vector["out"].clone(),
        |vector| {
            let user = &vector["user"];
            let got = default_kubelet(&KubeadmInput {
                user: UserKubelet {
                    cluster_dns: user.get("clusterDNS").map(strings),
                    cluster_domain: optional(&user["clusterDomain"]),
                    resolv_conf: optional(&user["resolvConf"]),
                },
                service_subnet: plain(scalar(&vector["service_subnet"])),
                dns_domain: plain(scalar(&vector["dns_domain"])),
                systemd_resolved_active: vector["systemd_resolved_active"] == true,
            });
            let differs = got.warnings.iter().map(|w| w.field).collect::<Vec<_>>();
            let expected: &[&str] = if vector["id"] == "A03" { &["clusterDNS", "resolvConf"] } else { &[] };
            assert_eq!(differs, expected, "{} warnings", vector["id"]);
            json!({
                "clusterDNS": texts(&got.cluster_dns),
                "clusterDomain": got.cluster_domain.value,
                "resolvConf": got.resolv_conf.map(|path| path.value),
            })
        },
    );
}
