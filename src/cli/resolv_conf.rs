//! `dnslint resolv-conf`: the /etc/resolv.conf that a pod will have.

use super::io::Io;
use super::nearest;
use super::values::TextFormat;
use crate::analysis::effective::pod_dns::{PodDns, SearchLimit, SourcedWord, WordSource};
use crate::analysis::effective::versions::MAX_NAMESERVERS;
use crate::analysis::facts::Facts;
use crate::analysis::pod::resolv_conf_edits;
use crate::analysis::predict::target::{self, PodName};
use crate::analysis::predict::{self, NodeInput, Prediction};
use crate::diagnostic::Files as _;
use crate::model::Cluster;
use crate::model::workload::Workload;
use crate::source::{LoadOptions, Located, Location, Snapshot};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

const HELP: &str = "\
Examples:
  dnslint resolv-conf deploy/shop/web ./cluster            the file alone, byte for byte
  dnslint resolv-conf shop/web-0 ./cluster --explain       with the source of each word
  dnslint resolv-conf --node gw1 ./cluster                 for `dnsPolicy: Default` on that node

Exit codes:
  0  the file was printed
  1  the pod never starts: the reason is on standard error
  2  wrong usage, a pod or node that is not there, or a file that the input does not tell";

/// Arguments of `resolv-conf`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct ResolvConfArgs {
    /// `namespace/name` of a pod or workload, or `kind/namespace/name`; may be left out with --node
    #[arg(value_name = "POD", required_unless_present = "node")]
    pub pod: Option<String>,
    /// Cluster directory, repository of manifests, or a node's root [default: .]
    #[arg(value_name = "PATH")]
    pub path: Option<PathBuf>,
    /// The node that the pod runs on; without POD, what a pod with `dnsPolicy: Default` gets there
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// Kubernetes release where the input does not show it
    #[arg(long, value_name = "VERSION")]
    pub k8s_version: Option<String>,
    /// Print where each word comes from, and what was dropped
    #[arg(long)]
    pub explain: bool,
    /// How to print it; JSON holds the explanation too
    #[arg(long, visible_alias = "format", value_name = "FORMAT", value_enum, default_value_t = TextFormat::Text)]
    pub output_format: TextFormat,
    /// Say on standard error what was assumed
    #[arg(short, long)]
    pub verbose: bool,
}

/// A pod of the snapshot on the nodes that it may run on.
pub struct Subject<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The pod or what makes it; `None`: any pod with the node's own resolver.
    pub workload: Option<&'a Workload>,
    /// The nodes.
    pub nodes: Vec<NodeInput>,
}

/// Prints the file.
///
/// # Errors
/// A pod or node that is not there, nodes that differ, or a failed write.
pub fn run(args: &ResolvConfArgs, io: &mut Io<'_>) -> Result<u8, String> {
    let (pod, path) = positionals(args);
    if let Some(reason) = super::disk::missing(&path) {
        return Err(format!("{}: {reason}", path.display()));
    }
    let snapshot = Snapshot::load(&[path], &LoadOptions::default());
    let clusters = crate::model::assemble(&snapshot);
    let subject = find(&snapshot, &clusters, pod.as_deref(), args.node.as_deref(), args.k8s_version.as_deref())?;
    let spec = subject.workload.map_or_else(predict::default_spec, predict::spec_of);
    let predictions: Vec<Prediction> = subject.nodes.iter().map(|node| predict::on_node(node, &spec)).collect();
    let prediction = one(&predictions, pod.as_deref())?;
    print(args, &snapshot, &subject, prediction, io)
}

/// POD and PATH: with --node, a single word that is a path on disk is PATH.
fn positionals(args: &ResolvConfArgs) -> (Option<String>, PathBuf) {
    let current = || PathBuf::from(".");
    match (&args.pod, &args.path) {
        (Some(word), None) if args.node.is_some() && super::disk::missing(word.as_ref()).is_none() => {
            (None, PathBuf::from(word))
        }
        (pod, path) => (pod.clone(), path.clone().unwrap_or_else(current)),
    }
}

/// The pod and its nodes.
///
/// # Errors
/// A sentence: there is no such pod or node, or the name is not enough.
pub fn find<'a>(
    snapshot: &Snapshot,
    clusters: &'a [Cluster],
    pod: Option<&str>,
    node: Option<&str>,
    assumed: Option<&str>,
) -> Result<Subject<'a>, String> {
    let (cluster, workload) = match pod {
        Some(text) => {
            let (cluster, workload) = find_pod(clusters, text)?;
            (cluster, Some(workload))
        }
        None => (cluster_with(clusters, node.unwrap_or_default())?, None),
    };
    let facts = Facts::of(cluster);
    let mut nodes = predict::nodes(snapshot, cluster, &facts, assumed);
    match node {
        Some(name) => {
            let known: Vec<String> = nodes.iter().map(|n| n.name.clone()).filter(|n| !n.is_empty()).collect();
            nodes.retain(|n| n.name == name);
            if nodes.is_empty() {
                return Err(no_node(name, &known));
            }
        }
        None => {
            let fits = |n: &NodeInput| workload.is_none_or(|w| predict::may_run_on(&w.pod, &n.name));
            if nodes.iter().any(fits) {
                nodes.retain(fits);
            }
        }
    }
    Ok(Subject { cluster, workload, nodes })
}

fn no_node(name: &str, known: &[String]) -> String {
    let hint = nearest::hint(name, known.iter().map(String::as_str));
    let list = match known.len() {
        0 => "; the snapshot has no node".to_owned(),
        1..=12 => format!("; the nodes are {}", known.join(", ")),
        _ => String::new(),
    };
    if hint.is_empty() {
        format!("there is no node `{name}`{list}")
    } else {
        format!("there is no node `{name}`{hint}")
    }
}

fn cluster_with<'a>(clusters: &'a [Cluster], node: &str) -> Result<&'a Cluster, String> {
    let found: Vec<&Cluster> = clusters.iter().filter(|c| c.nodes.iter().any(|n| n.name == node)).collect();
    match found.as_slice() {
        [one] => Ok(one),
        [] => {
            let known: Vec<String> = clusters.iter().flat_map(|c| &c.nodes).map(|n| n.name.clone()).collect();
            Err(no_node(node, &known))
        }
        _ => Err(format!("several clusters have a node `{node}`: give the directory of one as PATH")),
    }
}

fn find_pod<'a>(clusters: &'a [Cluster], text: &str) -> Result<(&'a Cluster, &'a Workload), String> {
    let asked = PodName::parse(text)
        .ok_or_else(|| format!("`{text}` is no pod: give namespace/name or kind/namespace/name"))?;
    let found: Vec<(&Cluster, &Workload)> =
        clusters.iter().flat_map(|c| target::find(c, &asked).into_iter().map(move |w| (c, w))).collect();
    match found.as_slice() {
        [one] => Ok(*one),
        [] => {
            let names: Vec<String> = clusters.iter().flat_map(target::names).collect();
            let bare = format!("{}/{}", asked.namespace, asked.name);
            let same = names.iter().find(|n| n.rsplit('/').next() == Some(asked.name.as_str()) && **n != bare);
            let hint = same.map_or_else(
                || nearest::hint(&bare, names.iter().map(String::as_str)),
                |name| format!(" (did you mean `{name}`?)"),
            );
            // a part of the name is no typing error, but tells as well
            let part = || {
                let here = names.iter().filter(|n| n.starts_with(&format!("{}/", asked.namespace)));
                here.clone().find(|n| n.contains(&asked.name)).map(|name| format!(" (did you mean `{name}`?)"))
            };
            let hint = if hint.is_empty() { part().unwrap_or_default() } else { hint };
            Err(format!("there is no pod or workload `{text}`{hint}"))
        }
        _ => {
            let mut names: Vec<String> = found.iter().map(|(_, w)| w.meta.display()).collect();
            names.dedup();
            Err(format!("`{text}` may be {}: give the kind, or the directory of one cluster as PATH", names.join(", ")))
        }
    }
}

/// The one prediction that holds on every node.
///
/// # Errors
/// A text with the variants, each with its nodes.
pub fn one<'p>(predictions: &'p [Prediction], pod: Option<&str>) -> Result<&'p Prediction, String> {
    let variants = predict::variants(predictions);
    match variants.as_slice() {
        [] => Err("the snapshot has no node".to_owned()),
        [(_, members)] => members.first().copied().ok_or_else(String::new),
        several => {
            let mut text =
                format!("the file of {} depends on the node: choose one with --node", pod.unwrap_or("the pod"));
            for (variant, members) in several {
                let names: Vec<&str> = members.iter().map(|p| p.node.as_str()).collect();
                let _ = write!(text, "\n  {}:", names.join(", "));
                match variant {
                    Ok(file) => file.lines().for_each(|line| text.push_str(&format!("\n    {line}"))),
                    Err(reason) => text.push_str(&format!("\n    {reason}")),
                }
            }
            Err(text)
        }
    }
}

fn print(
    args: &ResolvConfArgs,
    snapshot: &Snapshot,
    subject: &Subject<'_>,
    prediction: &Prediction,
    io: &mut Io<'_>,
) -> Result<u8, String> {
    let notes = notes(snapshot, subject);
    let json = args.output_format == TextFormat::Json;
    if args.verbose && !args.explain && !json {
        for assumption in &prediction.assumptions {
            io.message(&format!("assumed: {}\n", crate::report::sanitize(assumption)));
        }
    }
    if json {
        let text = serde_json::to_string_pretty(&as_json(snapshot, subject, prediction, &notes));
        io.print(format!("{}\n", text.map_err(|e| e.to_string())?).as_bytes())?;
        return Ok(exit(prediction));
    }
    let file = match prediction.variant() {
        Ok(file) => file,
        Err(reason) => {
            let lead = if prediction.node.is_empty() { String::new() } else { format!("{}: ", prediction.node) };
            io.message(&format!("error: {lead}{}\n", crate::report::sanitize(&reason)));
            if let Some(place) = failing_place(prediction) {
                io.message(&format!("  at {}\n", show(snapshot, place)));
            }
            return Ok(exit(prediction));
        }
    };
    if args.explain {
        io.print(explain(snapshot, prediction, &notes).as_bytes())?;
    } else {
        io.print(file.as_bytes())?;
        for note in &notes {
            io.message(&format!("note: {}\n", crate::report::sanitize(note)));
        }
    }
    Ok(exit(prediction))
}

fn exit(prediction: &Prediction) -> u8 {
    if prediction.never_starts() {
        super::EXIT_FINDINGS
    } else if prediction.text().is_none() {
        super::EXIT_ERROR
    } else {
        super::EXIT_CLEAN
    }
}

fn failing_place(prediction: &Prediction) -> Option<Location> {
    use crate::analysis::effective::pod_dns::PodDnsError;
    match prediction.outcome.as_ref().err()? {
        predict::NoFile::NeverStarts(
            PodDnsError::HostFileMissing(word)
            | PodDnsError::HostFileUnreadable(word)
            | PodDnsError::BareNameserver(word),
        ) => word.location(),
        _ => None,
    }
}

/// Containers that do not keep the file as it is.
fn notes(snapshot: &Snapshot, subject: &Subject<'_>) -> Vec<String> {
    let config_maps = &subject.cluster.objects.config_maps;
    let edits = subject
        .workload
        .map(|w| resolv_conf_edits::edits(&w.pod, &w.meta.namespace.value, config_maps))
        .unwrap_or_default();
    let effective = edits.iter().filter(|edit| edit.value.flaw.is_none());
    effective
        .map(|edit| {
            let verb = if edit.value.replaces { "replaces" } else { "changes" };
            let place = edit.location().map(|at| format!(" ({})", show(snapshot, at))).unwrap_or_default();
            format!("container {} {verb} this file: {}{place}", edit.value.container, edit.value.text)
        })
        .collect()
}

/// `path:line`.
pub fn show(snapshot: &Snapshot, at: Location) -> String {
    format!("{}:{}", snapshot.path(at.file), snapshot.position(at.file, at.span.start).line)
}

fn places<T>(snapshot: &Snapshot, word: &Located<T>) -> Vec<String> {
    let mut list: Vec<String> = word.origins.iter().map(|at| show(snapshot, at)).collect();
    list.dedup();
    list
}

/// Who put a word there.
fn source<'a>(word: &SourcedWord, kind: &str, host_file: &'a str) -> &'a str {
    match (word.source, kind.as_bytes()) {
        (WordSource::Cluster, b"nameserver") => "clusterDNS",
        (WordSource::Cluster, b"search") if word.text().contains(".svc.") => "clusterDomain and namespace",
        (WordSource::Cluster, b"search") => "clusterDomain",
        (WordSource::Cluster, _) => "the kubelet's own",
        (WordSource::HostFile, _) => host_file,
        (WordSource::DnsConfig, _) => "dnsConfig",
        (WordSource::EmptyResolvConf, _) => "stands in for an empty resolvConf",
    }
}

fn margin(snapshot: &Snapshot, word: &SourcedWord, kind: &str, host_file: &str) -> String {
    let places = places(snapshot, &word.word);
    let lead = source(word, kind, host_file);
    if places.is_empty() { lead.to_owned() } else { format!("{lead}: {}", places.join(", ")) }
}

/// Rows of the file with the margin, then what was dropped and what was assumed.
fn explain(snapshot: &Snapshot, prediction: &Prediction, notes: &[String]) -> String {
    let Ok(dns) = &prediction.outcome else { return String::new() };
    let host_file = prediction.host_file.as_str();
    let mut rows: Vec<(String, String)> = Vec::new();
    if let Some(path) = dns.copied_from() {
        let lines = dns.text().unwrap_or("").lines();
        rows.extend(lines.map(|line| (line.to_owned(), format!("copied from {path} of the node"))));
    } else {
        rows.extend(
            dns.nameservers
                .iter()
                .map(|w| (format!("nameserver {}", w.text()), margin(snapshot, w, "nameserver", host_file))),
        );
        rows.extend(list_rows(snapshot, "search", &dns.searches, host_file));
        rows.extend(list_rows(snapshot, "options", &dns.options, host_file));
        if !dns.text().is_some_and(|text| text.starts_with("nameserver")) {
            let first = dns.nameservers.len();
            let searches = dns.searches.len();
            rows.get_mut(..first + searches).unwrap_or_default().rotate_left(first);
        }
    }
    let width = rows.iter().map(|(left, _)| left.chars().count()).max().unwrap_or(0).min(60);
    let mut text = String::new();
    for (left, right) in &rows {
        let _ = writeln!(text, "{left:width$}  # {right}");
    }
    section(&mut text, "dropped", &dropped(snapshot, dns, host_file));
    section(
        &mut text,
        "events",
        &dns.events.iter().map(|e| format!("{}: {}", e.reason(), e.message().unwrap_or_default())).collect::<Vec<_>>(),
    );
    section(&mut text, "notes", notes);
    section(&mut text, "assumed", &prediction.assumptions);
    text
}

fn list_rows(snapshot: &Snapshot, keyword: &str, words: &[SourcedWord], host_file: &str) -> Vec<(String, String)> {
    let left = |index: usize| if index == 0 { keyword.to_owned() } else { " ".repeat(keyword.len()) };
    words
        .iter()
        .enumerate()
        .map(|(index, word)| (format!("{} {}", left(index), word.text()), margin(snapshot, word, keyword, host_file)))
        .collect()
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let _ = writeln!(text, "\n{title}:");
        lines.iter().for_each(|line| text.push_str(&format!("  {line}\n")));
    }
}

/// Every word that the pod does not get, with the reason.
fn dropped(snapshot: &Snapshot, dns: &PodDns, host_file: &str) -> Vec<String> {
    drops(snapshot, dns, host_file)
        .into_iter()
        .map(|(word, reason, places)| {
            let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
            format!("{word}: {reason}{places}")
        })
        .collect()
}

fn drops(snapshot: &Snapshot, dns: &PodDns, host_file: &str) -> Vec<(String, String, Vec<String>)> {
    let mut found = Vec::new();
    let mut add = |word: &Located<String>, reason: String| {
        found.push((word.value.clone(), reason, places(snapshot, word)));
    };
    for word in &dns.dropped_nameservers {
        add(&word.word, format!("the kubelet keeps {MAX_NAMESERVERS} nameservers"));
    }
    for drop in &dns.dropped_searches {
        let reason = match drop.limit {
            SearchLimit::Paths(limit) => format!("the kubelet keeps {limit} search domains"),
            SearchLimit::EntryLength(limit) => format!("the kubelet drops search domains of more than {limit} bytes"),
            SearchLimit::LineLength(limit) => format!("the kubelet keeps {limit} bytes of search domains"),
        };
        add(&drop.entry.word, reason);
    }
    dns.duplicates.iter().for_each(|word| add(&word.word, "it repeats an earlier word".to_owned()));
    dns.replaced_options.iter().for_each(|word| add(&word.word, "dnsConfig has an option of that name".to_owned()));
    dns.ignored_cluster_dns.iter().for_each(|word| add(word, "this clusterDNS entry is no IP address".to_owned()));
    let mode = match dns.mode {
        crate::analysis::effective::pod_dns::DnsMode::None => format!("dnsPolicy None takes nothing from {host_file}"),
        _ => format!("cluster pods take only search domains from {host_file}"),
    };
    dns.unused_host_words.iter().for_each(|word| add(word, mode.clone()));
    found
}

fn as_json(snapshot: &Snapshot, subject: &Subject<'_>, prediction: &Prediction, notes: &[String]) -> Value {
    let names: Vec<&str> = subject.nodes.iter().map(|n| n.name.as_str()).filter(|n| !n.is_empty()).collect();
    let error = prediction.variant().err();
    let host_file = prediction.host_file.as_str();
    let mut value = json!({
        "pod": subject.workload.map(|w| w.meta.display()),
        "nodes": names,
        "text": prediction.text(),
        "starts": !prediction.never_starts(),
        "error": error,
    });
    if let (Ok(dns), Some(map)) = (&prediction.outcome, value.as_object_mut()) {
        let words = |list: &[SourcedWord], kind: &str| -> Vec<Value> {
            list.iter()
                .map(|w| json!({"word": w.text(), "source": w.source, "what": source(w, kind, host_file), "at": places(snapshot, &w.word)}))
                .collect()
        };
        map.insert("nameservers".to_owned(), json!(words(&dns.nameservers, "nameserver")));
        map.insert("search".to_owned(), json!(words(&dns.searches, "search")));
        map.insert("options".to_owned(), json!(words(&dns.options, "options")));
        let dropped: Vec<Value> = drops(snapshot, dns, host_file)
            .into_iter()
            .map(|(word, reason, at)| json!({"word": word, "reason": reason, "at": at}))
            .collect();
        map.insert("dropped".to_owned(), json!(dropped));
        let events: Vec<Value> =
            dns.events.iter().map(|e| json!({"reason": e.reason(), "message": e.message()})).collect();
        map.insert("events".to_owned(), json!(events));
    }
    if let Some(map) = value.as_object_mut() {
        map.insert("notes".to_owned(), json!(notes));
        map.insert("assumptions".to_owned(), json!(prediction.assumptions));
    }
    value
}
