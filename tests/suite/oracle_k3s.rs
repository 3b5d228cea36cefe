//! What k3s was seen to make of configuration files, `kubelet-arg` entries and resolver files (`oracles/README.md`).

use crate::common::oracle::{Seed, judge};
use dnslint::analysis::effective::k3s_args::assemble;
use dnslint::analysis::effective::k3s_config::{Command, merge};
use dnslint::analysis::effective::k3s_viability::viability;
use dnslint::analysis::effective::losing::LosingReason;
use dnslint::analysis::effective::{ConfigValue, Distribution, FlagValue, KubeVersion};
use dnslint::analysis::node_dns;
use dnslint::analysis::node_dns::inputs::config_value;
use dnslint::model::cluster;
use dnslint::source::{Located, Snapshot};
use dnslint::syntax::kubelet_flags::k3s::names as flag_names;
use serde_json::{Map, Value, json};

/// The release that answered, or a later one.
const NEWEST: KubeVersion = KubeVersion::new(1, 36, 3);

fn plain(text: impl Into<String>) -> Located<String> {
    Located::default_value(text.into())
}

// ---------------------------------------------------------------------------------------------- configuration files

/// Values as people write them and as YAML 1.1 types them.
fn scalar(seed: &mut Seed) -> String {
    seed.word(
        "lan|10.43.0.10|10.43.0.10,fd00::a|true|false|yes|no|on|off|Yes|y|null|~|''|\"\"|0644|0o644|0x1F|010|1_000|1.50|1e3|\
         .5|1:30|2001-12-14|'yes'|\"a b\"|a b|a=b|resolv-conf=/x|\"--v=2\"|-v|key: x|[a, b]|{a: b}|[]|12345678901234567890|-5|+5|\
         .inf|NaN|1.0|100000000.0|1e21|!!str 5|a #b|a#b|/run/x.conf",
    )
    .to_owned()
}

/// A list item: `key: x` is a map there.
fn value(seed: &mut Seed) -> String {
    match seed.below(10) {
        0..=3 => format!(" {}\n", seed.word("/run/x.conf|cluster.lan|10.43.0.10|true|5|'x y'")),
        4 | 5 => format!(" {}\n", one_line(seed)),
        6 => format!(" [{}]\n", (0..seed.below(4)).map(|_| one_item(seed)).collect::<Vec<_>>().join(", ")),
        7 | 8 => {
            let items: String = (0..=seed.below(3)).map(|_| format!("  - {}\n", scalar(seed))).collect();
            format!("\n{items}")
        }
        _ => "\n".to_owned(),
    }
}

/// A scalar that may stand behind a key.
fn one_line(seed: &mut Seed) -> String {
    loop {
        let text = scalar(seed);
        if text != "key: x" {
            return text;
        }
    }
}

/// A scalar that may stand in a flow list.
fn one_item(seed: &mut Seed) -> String {
    loop {
        let text = one_line(seed);
        if !text.contains(['#', ',', '[', '{']) {
            return text;
        }
    }
}

fn config_text(seed: &mut Seed) -> String {
    if seed.chance(2) {
        return seed.word("- a\n|plain\n|{}\n|---\n|null\n|a: [\n|\ta: b\n").to_owned();
    }
    let mut text = String::new();
    for _ in 0..seed.below(6) {
        text += seed.word("||||# comment\n|\n");
        let key = match seed.below(10) {
            0 => seed.word("resolv_conf|kubelet-args|dns|tls-san|kine-tls|disable-apiserver-lb|d|i|Debug|''|1|~|cni"),
            _ => seed.word(
                "resolv-conf|resolv-conf|kubelet-arg|kubelet-arg|cluster-dns|cluster-domain|node-ip|v|debug|data-dir|disable|\
                 service-cidr",
            ),
        };
        let plus = if seed.chance(30) { "+" } else { "" };
        let value = value(seed);
        text += &format!("{key}{plus}:{value}");
    }
    text
}

fn config_cases() -> Vec<Value> {
    let mut seed = Seed::new(0x6b33_7301);
    let names = "a.yaml|b.yml|10-x.YAML|9-x.yaml|z.yaml.bak|B.yaml|note.txt";
    let case = |seed: &mut Seed| {
        let mut files = Map::new();
        files.insert("config.yaml".to_owned(), json!(config_text(seed)));
        for _ in 0..seed.below(3) {
            files.insert(format!("config.yaml.d/{}", seed.word(names)), json!(config_text(seed)));
        }
        json!({"command": seed.word("server|agent"), "files": files})
    };
    // every flag, of the one command and the other
    let flags = flag_names()
        .filter(|name| !GONE.contains(name))
        .flat_map(|name| ["server", "agent"].map(|command| (name, command)));
    let flags =
        flags.map(|(name, command)| json!({"command": command, "files": {"config.yaml": format!("{name}: x\n")}}));
    (0..3000).map(|_| case(&mut seed)).chain(flags).collect()
}

/// Flags that only earlier releases had, which the table has, too.
const GONE: [&str; 19] = [
    "bootstrap",
    "bootstrap-save",
    "cert-storage-backend",
    "cluster-secret",
    "disable-api-server",
    "disable-selinux",
    "etcd-server",
    "etcd-token",
    "http-listen-port",
    "multi-cluster-cidr",
    "new-cluster",
    "no-deploy",
    "no-flannel",
    "reset-cluster",
    "storage-backend",
    "storage-cafile",
    "storage-certfile",
    "storage-endpoint",
    "storage-keyfile",
];

fn predict_config(case: &Value) -> Value {
    let files = case["files"].as_object().unwrap().iter();
    let files =
        files.map(|(name, text)| (format!("nodes/n1/etc/rancher/k3s/{name}"), text.as_str().unwrap().to_owned()));
    let name = case["command"].as_str().unwrap();
    let unit = format!("[Service]\nExecStart=/usr/local/bin/k3s {name}\n");
    let snapshot = Snapshot::from_texts(files.chain([("nodes/n1/etc/systemd/system/k3s.service".to_owned(), unit)]));
    let nodes = cluster::assemble(&snapshot).remove(0);
    let node = nodes.nodes.first().unwrap();
    let nodes = node_dns::all(&snapshot, &nodes, Some(&NEWEST.to_string()));
    if !nodes[0].k3s.as_ref().unwrap().refused.is_empty() {
        return json!("refused");
    }
    let files: Vec<ConfigValue> =
        node.k3s().unwrap().config_files(node).iter().map(|(_, file)| config_value(&file.value).value).collect();
    let command = if name == "agent" { Command::Agent } else { Command::Server };
    let merged = merge(Distribution::K3s, command, NEWEST, &files.iter().collect::<Vec<_>>());
    if merged.losing.iter().any(|loss| loss.reason == LosingReason::UnknownKeyFatal) {
        return json!("refused");
    }
    json!(merged.args.iter().map(FlagValue::k3s_argument).collect::<Vec<_>>())
}

#[test]
fn configuration_files() {
    judge("k3s-config", &config_cases(), predict_config, &[]);
}

// ---------------------------------------------------------------------------------------------- kubelet-arg

fn args_cases() -> Vec<Value> {
    let mut seed = Seed::new(0x6b33_7302);
    let names = "resolv-conf|cluster-dns|cluster-domain|config-dir|v|feature-gates|node-ip|max-pods";
    let entry = |seed: &mut Seed| {
        let dashes = seed.word("||||||--|--|-|---");
        let sign = seed.word("||||||+|-|++|+-");
        let value = seed.word("=/run/x|=10.43.0.10|=a=b|=|| value|=x,y");
        format!("{dashes}{}{sign}{value}", seed.word(names))
    };
    let case = |seed: &mut Seed| {
        let mut init = Map::new();
        for _ in 0..seed.below(4) {
            let value = seed.word("/etc/resolv.conf|10.43.0.10|cluster.local|2|").to_owned();
            init.insert(seed.word(names).to_owned(), json!(value));
        }
        json!({"init": init, "extra": (0..seed.below(6)).map(|_| entry(seed)).collect::<Vec<_>>()})
    };
    (0..2200).map(|_| case(&mut seed)).collect()
}

fn predict_args(case: &Value) -> Value {
    let init = case["init"].as_object().unwrap().iter();
    let defaults: Vec<_> =
        init.map(|(name, value)| FlagValue::new(plain(name.as_str()), plain(value.as_str().unwrap()))).collect();
    let entries: Vec<_> =
        case["extra"].as_array().unwrap().iter().map(|entry| plain(entry.as_str().unwrap())).collect();
    json!(assemble(&defaults, &entries).args.iter().map(FlagValue::argument).collect::<Vec<_>>())
}

#[test]
fn kubelet_arguments() {
    judge("k3s-args", &args_cases(), predict_args, &[]);
}

// ---------------------------------------------------------------------------------------------- resolver files

fn resolv_cases() -> Vec<Value> {
    let mut seed = Seed::new(0x6b33_7303);
    let line = |seed: &mut Seed| {
        let indent = seed.word("||||||| |\t|#|;");
        let keyword =
            seed.word("nameserver|nameserver|nameserver|nameserver|nameserver|search|options|Nameserver|nameservers");
        let blank = seed.word(" | | | |  |\t|\u{a0}|\u{b}|\u{c}||\r");
        let address = seed.word(
            "10.0.0.53|1.1.1.1|8.8.8.8|192.168.1.1|fd00::53|2001:db8::1|10.0.0.53|1.1.1.1|8.8.8.8|9.9.9.9|127.0.0.53|::1|0.0.0.0|::|\
             169.254.1.1|169.254.169.254|fe80::1|fe80::1%eth0|224.0.0.1|ff02::1|255.255.255.255|010.0.0.1|dns.example|1.1.1.1:53||\
             ::ffff:127.0.0.1|::ffff:10.0.0.1|100.64.0.1|240.0.0.1|1.2.3|fec0::1|1.1.1.1,|::ffff:169.254.1.1",
        );
        let end = seed.word("\n|\n|\n|\n|\r\n| \n| # x\n|#x\n||\r");
        format!("{indent}{keyword}{blank}{address}{end}")
    };
    let case = |seed: &mut Seed| json!({"text": (0..seed.below(4)).map(|_| line(seed)).collect::<String>()});
    let long = |filler: usize| json!({"text": "nameserver 1.1.1.1\n", "filler": filler});
    (0..2300).map(|_| case(&mut seed)).chain([long(65_535), long(65_536), long(65_537)]).collect()
}

fn predict_resolv(case: &Value) -> Value {
    let filler = "x".repeat(case["filler"].as_u64().map_or(0, |n| usize::try_from(n).unwrap()));
    json!(viability(&format!("{}{filler}", case["text"].as_str().unwrap()), NEWEST).is_ok())
}

#[test]
fn resolver_files() {
    judge("k3s-resolv", &resolv_cases(), predict_resolv, &[]);
}
