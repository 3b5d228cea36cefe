//! The kubelet's own code as the judge of what dnslint says about it (`oracles/kubelet`).

use crate::common::oracle::{Known, Seed, answers, judge};
use dnslint::analysis::effective::KubeVersion;
use dnslint::analysis::effective::Runtime;
use dnslint::analysis::effective::kubelet::{EffectiveKubelet, KubeletProblem, KubeletProblemKind};
use dnslint::analysis::effective::kubelet_names::{flags, gates};
use dnslint::analysis::effective::node_check::{NodeWarning, check_limits};
use dnslint::analysis::effective::pod_dns::{
    DnsConfig, DnsConfigOption, Event, EventTarget, HostDns, HostFile, KubeletDns, PodDnsError, PodDnsInput,
    PodDnsSpec, ResolvConfSetting, SearchLimit, SourcedWord,
};
use dnslint::analysis::effective::pod_resolv_conf::predict;
use dnslint::analysis::kubelet::fields::paths as field_paths;
use dnslint::analysis::node_dns;
use dnslint::model::cluster::assemble;
use dnslint::model::node::Agent;
use dnslint::source::{Located, Snapshot, Spanned};
use dnslint::syntax::kubelet_flags::{CommandLine, parse_kubelet};
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
    let text = include_str!("../../testdata/vectors/vectors-kubelet-k3s.yaml");
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

// ---------------------------------------------------------------------------------------------- settings

/// Where `@` of a question is on the node.
const DIRECTORY: &str = "/etc/kubernetes/oracle";

const HEADER: &str = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";

fn address_list(seed: &mut Seed) -> String {
    let addresses: Vec<&str> = some(seed, 4, |seed| seed.word("10.96.0.10|10.43.0.10|fd00::a|\"1.1.1.1\"|'x'"));
    if seed.chance(50) || addresses.is_empty() {
        return format!(" [{}]", addresses.join(", "));
    }
    addresses.iter().map(|address| format!("\n- {address}")).collect()
}

/// The DNS fields of a file; rarely one that the kubelet cannot decode.
fn file_text(seed: &mut Seed, is_dropin: bool) -> String {
    let mut text = HEADER.to_owned();
    if seed.chance(1) {
        text = seed.word("kind: KubeletConfiguration\n|apiVersion: kubelet.config.k8s.io/v1beta1\n|").to_owned();
    }
    if seed.chance(60) {
        let key =
            if is_dropin && seed.chance(15) { seed.word("clusterDns|ClusterDNS|clusterdns") } else { "clusterDNS" };
        let list = if seed.chance(4) { " null".to_owned() } else { address_list(seed) };
        text += &format!("{key}:{list}\n");
    }
    if seed.chance(50) {
        let key = if is_dropin && seed.chance(10) { "clusterdomain" } else { "clusterDomain" };
        text += &format!("{key}: {}\n", seed.word("cluster.local|a.example|b.example|\"\"|null|'c'|d.example # x"));
    }
    if seed.chance(50) {
        let key = if is_dropin && seed.chance(10) { seed.word("resolvconf|ResolvConf") } else { "resolvConf" };
        let path =
            seed.word("/etc/resolv.conf|/run/a.conf|b.conf|./c.conf|x/../d.conf|\"\"|null|~|/e//f.conf|sub/../g.conf");
        text += &format!("{key}: {path}\n");
    }
    if seed.chance(40) {
        text += seed.word("maxPods: 100\n|# end\n|featureGates: {}\n|failSwapOn: false\n|unknownField: 1\n");
    } else if seed.chance(10) {
        text += seed.word(
            "featureGates: {AllBeta: true}\n|featureGates: {WatchList: true}\n|featureGates: {NoSuchGate: false}\n\
                |featureGates:\n  ExpandedDNSConfig: true\n|featureGates: {NoSuchGate: null}\n|featureGates:\n",
        );
    }
    text
}

fn argument(seed: &mut Seed, args: &mut Vec<String>) {
    let (name, value) = match seed.below(20) {
        0..=5 => {
            let name = seed.word("--cluster-dns|--cluster-dns|--cluster_dns");
            let value = seed.word(
                "10.96.0.10|1.1.1.1,2.2.2.2| 10.0.0.1|\"1.1.1.1\"|\"1.1.1.1,2.2.2.2\",3.3.3.3||a\"b\"|1.1.1.1,|,|\"\"",
            );
            (name, value)
        }
        6..=9 => (seed.word("--cluster-domain|--cluster_domain"), seed.word("x.example|y.example|")),
        10..=13 => (seed.word("--resolv-conf|--resolv_conf"), seed.word("/run/f.conf|g.conf|")),
        14 => ("--node-ip", "10.0.0.2"),
        15 => ("--pod-cidr", "10.0.0.0/24"),
        16 => {
            return args.push(
                seed.word("--fail-swap-on|--fail-swap-on=false|--register-node|--register-node=false").to_owned(),
            );
        }
        17 if seed.chance(15) => {
            return args.push(
                seed.word("-cluster-dns=1.1.1.1|---cluster-dns=1.1.1.1|x|-|--=x|--fail-swap-on=maybe").to_owned(),
            );
        }
        18 if seed.chance(20) => {
            return args.push(
                seed.word(
                    "--no-such-flag|--network-plugin=cni|--resolve-conf=/x|--clusterdns=1.1.1.1|--Cluster-DNS=1.1.1.1\
                        |--container-runtime-endpoint=/x|--feature-gates=NoSuchGate=true|--feature-gates=WatchList=true\
                        |--feature-gates=AllAlpha=false,NoSuchGate=false|--feature_gates=ExpandedDNSConfig=true\
                        |--feature-gates=,",
                )
                .to_owned(),
            );
        }
        _ => ("--max-pods", "120"),
    };
    if seed.chance(75) {
        args.push(format!("{name}={value}"));
    } else {
        args.extend([name.to_owned(), value.to_owned()]);
    }
}

fn setting_cases() -> Vec<Value> {
    let mut seed = Seed::new(0x6b75_6265_6c65_7402);
    (0..2400).map(|_| setting_case(&mut seed)).collect()
}

fn setting_case(seed: &mut Seed) -> Value {
    let mut files = Map::new();
    let mut args = Vec::new();
    if seed.chance(75) {
        files.insert("k.yaml".to_owned(), json!(file_text(seed, false)));
        args.push("--config=@/k.yaml".to_owned());
    }
    for _ in 0..seed.below(4) {
        argument(seed, &mut args);
    }
    if seed.chance(60) {
        args.push(seed.word("--config-dir=@/d|--config-dir=@/d/").to_owned());
        files.insert("d/00.conf".to_owned(), json!(file_text(seed, true)));
        for _ in 0..seed.below(4) {
            let name =
                seed.word("10-a.conf|9-b.conf|a.conf|B.conf|sub/z.conf|sub.conf|x.yaml|z.conf.bak|.conf|a.b/c.conf");
            files.insert(format!("d/{name}"), json!(file_text(seed, true)));
        }
    }
    for _ in 0..seed.below(2) {
        argument(seed, &mut args);
    }
    json!({"files": files, "args": args})
}

/// The vectors of kubelet settings, as files and arguments.
fn fixed_setting_cases() -> Vec<Value> {
    let text = include_str!("../../testdata/vectors/vectors-kubelet-k3s.yaml");
    let all: Value = serde_saphyr::from_str(text).unwrap();
    let vectors = all["vectors"].as_array().unwrap().iter().filter(|vector| vector["kind"] == "kubeletcfg");
    let case = |vector: &Value| {
        let mut files = Map::new();
        let mut file = |name: String, fields: &Value| {
            let mut fields = fields.clone();
            fields["apiVersion"] = json!("kubelet.config.k8s.io/v1beta1");
            fields["kind"] = json!("KubeletConfiguration");
            files.insert(name, json!(format!("{fields}\n")));
        };
        let flags = vector["flags"].as_array().unwrap().iter().map(|flag| flag.as_str().unwrap());
        let mut args: Vec<String> = flags.filter(|flag| !flag.starts_with("--config")).map(str::to_owned).collect();
        file("k.yaml".to_owned(), &vector["config"]);
        args.push("--config=@/k.yaml".to_owned());
        for (path, fields) in vector["dropins"].as_object().unwrap() {
            file(format!("d/{}", path.rsplit('/').next().unwrap()), fields);
        }
        if files.len() > 1 {
            args.push("--config-dir=@/d".to_owned());
        }
        json!({"files": files, "args": args})
    };
    vectors.map(case).collect()
}

fn predict_settings(case: &Value) -> Value {
    let quoted = |arg: &Value| format!(" '{}'", arg.as_str().unwrap().replace('@', DIRECTORY));
    let args: String = case["args"].as_array().unwrap().iter().map(quoted).collect();
    let unit = format!("[Service]\nExecStart=/usr/bin/kubelet{args}\n");
    let files = case["files"].as_object().unwrap().iter();
    let texts = files.map(|(name, text)| (format!("nodes/n1{DIRECTORY}/{name}"), text.as_str().unwrap().to_owned()));
    let unit = ("nodes/n1/etc/systemd/system/kubelet.service".to_owned(), unit);
    let snapshot = Snapshot::from_texts(texts.chain([unit]));
    let cluster = assemble(&snapshot).remove(0);
    let Agent::Kubelet { arguments, .. } = &cluster.nodes[0].agent else { panic!("no kubelet in {case}") };
    let nodes = node_dns::all(&snapshot, &cluster, Some(&RELEASE.to_string()));
    let kubelet = &nodes[0].kubelet;
    if let Some(reason) = refusal(&parse_kubelet(arguments), kubelet) {
        return json!({"error": reason});
    }
    let texts: Vec<&str> = kubelet.cluster_dns.iter().map(|ip| ip.value.as_str()).collect();
    let mut answer = compact(json!({"clusterDNS": texts, "clusterDomain": kubelet.cluster_domain.value}));
    answer["resolvConf"] = json!(kubelet.resolv_conf.value.replace(DIRECTORY, "@"));
    answer
}

/// Why the kubelet does not start, in the order in which it finds out.
fn refusal(line: &CommandLine, kubelet: &EffectiveKubelet) -> Option<&'static str> {
    let has = |kinds: &[KubeletProblemKind]| kubelet.problems.iter().any(|problem| kinds.contains(&problem.kind));
    let unknown = |problem: &KubeletProblem| matches!(problem.kind, KubeletProblemKind::Flag(_));
    if line.flags.iter().any(|flag| flag.problem.is_some())
        || has(&[KubeletProblemKind::FlagSyntax, KubeletProblemKind::FlagQuotes])
        || kubelet.problems.iter().any(unknown)
    {
        return Some("flag");
    }
    if !line.positional.is_empty() {
        return Some("positional");
    }
    if !kubelet.invalid_dropins.is_empty() || has(&[KubeletProblemKind::NotAMap, KubeletProblemKind::NoHeader]) {
        return Some("header");
    }
    if has(&[KubeletProblemKind::WrongType]) {
        return Some("type");
    }
    let gate = |problem: &KubeletProblem| matches!(problem.kind, KubeletProblemKind::Gate(_));
    kubelet.problems.iter().any(gate).then_some("gate")
}

#[test]
fn settings() {
    let cases: Vec<Value> = fixed_setting_cases().into_iter().chain(setting_cases()).collect();
    let bad_boolean = Known {
        reason: "the values of flags that are not about DNS are not checked (strconv.ParseBool in spf13/pflag bool.go)",
        is: |case, _, answer| answer["error"] == "flag" && case["args"].to_string().contains("=maybe"),
    };
    judge("kubelet-config", &cases, predict_settings, &[bad_boolean]);
}

// ---------------------------------------------------------------------------------------------- fields

/// The names of the real types, as dotted paths; the table has them all and no others.
#[test]
fn fields() {
    fn walk(names: &Value, above: &str, paths: &mut BTreeSet<String>) {
        for (name, inside) in names.as_object().unwrap() {
            let path = format!("{above}{name}");
            walk(inside, &format!("{path}."), paths);
            paths.insert(path);
        }
    }
    let real = answers("kubelet-fields", &[json!({})]);
    let mut paths = BTreeSet::new();
    walk(&real.values[0], "", &mut paths);
    println!("kubelet-fields: {} fields of {} ({})", paths.len(), real.program, real.source);
    assert_eq!(paths, field_paths().map(str::to_owned).collect(), "src/analysis/kubelet/fields.txt is out of date");
}

/// The flags and feature gates of the release in `go.mod`; the tables know the same.
#[test]
fn names() {
    let real = answers("kubelet-names", &[json!({})]);
    let has = |list: &str| -> BTreeSet<String> {
        strings(&real.values[0][list]).into_iter().map(|name| name.value.replace('_', "-")).collect()
    };
    let (real_flags, mut real_gates) = (has("flags"), has("gates"));
    println!("kubelet-names: {} flags, {} gates ({})", real_flags.len(), real_gates.len(), real.source);
    assert_eq!(real_flags, flags(RELEASE).map(str::to_owned).collect(), "kubelet_flags.txt is out of date");
    // the sets of gates are no gates
    real_gates.retain(|gate| !matches!(gate.as_str(), "AllAlpha" | "AllBeta"));
    assert_eq!(real_gates, gates(RELEASE).map(str::to_owned).collect(), "feature_gates.txt is out of date");
}
