//! `dnslint trace`: follows a name from a pod or node to the server that answers it.

use super::io::Io;
use super::resolv_conf::{Subject, find, one, show};
use super::values::TextFormat;
use crate::analysis::coredns::zone_file::TYPES;
use crate::analysis::node_dns::pod_file::PodFileState;
use crate::analysis::node_dns::{self, NodeDns};
use crate::analysis::pod::libc::{Libc, of_image};
use crate::analysis::predict::{self, Prediction};
use crate::analysis::trace::lookup::Course;
use crate::analysis::trace::names::Answer;
use crate::analysis::trace::step::Step;
use crate::analysis::trace::{Client, Library, Lookup, Sequence, Trace, trace};
use crate::analysis::transport::Transport;
use crate::model::Cluster;
use crate::source::{LoadOptions, Lookup as NodeLookup, Snapshot};
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

/// Version of the JSON; it changes when a field changes its meaning or goes away.
const JSON_VERSION: u32 = 1;

const HELP: &str = "\
Examples:
  dnslint trace deploy/shop/web example.com ./cluster       with the search list of the pod
  dnslint trace shop/web-0 db.shop.svc.cluster.local. ./cluster
  dnslint trace deploy/shop/web 10.43.0.10 ./cluster        the PTR of an address
  dnslint trace gw1 example.com ./cluster                   from a node

Exit codes:
  0  the name has an answer, or may have one
  1  no name of the search list can have an answer
  2  wrong usage, or a pod or node that is not there";

/// Arguments of `trace`.
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub struct TraceArgs {
    /// Who asks: `namespace/name` of a pod or workload, `kind/namespace/name`, or the name of a node
    #[arg(value_name = "POD|NODE")]
    pub from: String,
    /// The name, or an address for its PTR; a name with a last dot skips the search list
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Cluster directory, repository of manifests, or a node's root
    #[arg(value_name = "PATH", default_value = ".")]
    pub path: PathBuf,
    /// The type of the records, rather than A and AAAA, or PTR and SRV where the name is one of those
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(TYPES), ignore_case = true)]
    pub kind: Option<String>,
    /// The node that the pod runs on, where that makes a difference
    #[arg(long, value_name = "NODE")]
    pub node: Option<String>,
    /// Kubernetes release where the input does not show it
    #[arg(long, value_name = "VERSION")]
    pub k8s_version: Option<String>,
    /// How to print it
    #[arg(long, visible_alias = "format", value_name = "FORMAT", value_enum, default_value_t = TextFormat::Text)]
    pub output_format: TextFormat,
}

impl TraceArgs {
    fn record_type(&self) -> Option<&'static str> {
        let asked = self.kind.as_ref()?;
        TYPES.into_iter().find(|known| known.eq_ignore_ascii_case(asked))
    }
}

/// A trace with what its print needs.
struct Shown<'s> {
    snapshot: &'s Snapshot,
    title: String,
    node: String,
    file: String,
    libraries: Vec<(String, Libc)>,
    assumptions: Vec<String>,
    trace: Trace,
}

/// Prints the trace; exit code 1 where no candidate can have an answer.
///
/// # Errors
/// A pod or node that is not there, nodes that differ, or a failed write.
pub fn run(args: &TraceArgs, io: &mut Io<'_>) -> Result<u8, String> {
    if let Some(reason) = super::disk::missing(&args.path) {
        return Err(format!("{}: {reason}", args.path.display()));
    }
    if args.name.is_empty() || args.name.contains(char::is_whitespace) {
        return Err(format!("`{}` is no name", args.name));
    }
    let snapshot = Snapshot::load(std::slice::from_ref(&args.path), &LoadOptions::default());
    let clusters = crate::model::assemble(&snapshot);
    let is_node = clusters.iter().flat_map(|c| &c.nodes).any(|n| n.name == args.from);
    let shown = if is_node || !args.from.contains('/') {
        from_node(args, &snapshot, &clusters)?
    } else {
        from_pod(args, &snapshot, &clusters)?
    };
    let text = match args.output_format {
        TextFormat::Text => format!("{}\n", crate::report::sanitize(&shown.text()).trim_end()),
        TextFormat::Json => format!("{}\n", serde_json::to_string_pretty(&shown.json()).map_err(|e| e.to_string())?),
    };
    io.print(text.as_bytes())?;
    Ok(if shown.trace.may_answer() { super::EXIT_CLEAN } else { super::EXIT_FINDINGS })
}

fn from_pod<'s>(args: &TraceArgs, snapshot: &'s Snapshot, clusters: &[Cluster]) -> Result<Shown<'s>, String> {
    let subject: Subject<'_> =
        find(snapshot, clusters, Some(&args.from), args.node.as_deref(), args.k8s_version.as_deref())?;
    let workload = subject.workload.ok_or_else(|| format!("there is no pod `{}`", args.from))?;
    let spec = predict::spec_of(workload);
    let predictions: Vec<Prediction> = subject.nodes.iter().map(|node| predict::on_node(node, &spec)).collect();
    let prediction = one(&predictions, Some(&args.from))?;
    let file = prediction.variant().map_err(|reason| format!("{}: {reason}", args.from))?;
    let nodes = node_dns::all(snapshot, subject.cluster, args.k8s_version.as_deref());
    let node = nodes.iter().position(|n| n.name == prediction.node).unwrap_or(0);
    let client = Client { node, on_node: workload.pod.uses_host_network(), resolv_conf: &file };
    let mut assumptions = prediction.assumptions.clone();
    if args.node.is_none() && subject.nodes.len() > 1 {
        assumptions.push(format!("the pod runs on {}; its file is the same on every node", prediction.node));
    }
    let libraries = workload
        .pod
        .containers
        .iter()
        .filter_map(|c| Some((c.name.value.clone(), of_image(&c.image.as_ref()?.value))))
        .collect();
    let trace = trace(snapshot, subject.cluster, &nodes, &client, &args.name, args.record_type());
    let title = workload.meta.display();
    Ok(Shown { snapshot, title, node: prediction.node.clone(), file, libraries, assumptions, trace })
}

fn from_node<'s>(args: &TraceArgs, snapshot: &'s Snapshot, clusters: &[Cluster]) -> Result<Shown<'s>, String> {
    let subject = find(snapshot, clusters, None, Some(&args.from), args.k8s_version.as_deref())?;
    let nodes = node_dns::all(snapshot, subject.cluster, args.k8s_version.as_deref());
    let missing = || format!("there is no node `{}`", args.from);
    let (index, node) = nodes.iter().enumerate().find(|(_, n)| n.name == args.from).ok_or_else(missing)?;
    let file = node_file(snapshot, subject.cluster, node)?;
    let client = Client { node: index, on_node: true, resolv_conf: &file };
    let trace = trace(snapshot, subject.cluster, &nodes, &client, &args.name, args.record_type());
    let title = format!("node {}", node.name);
    let assumptions = Vec::new();
    Ok(Shown { snapshot, title, node: node.name.clone(), file, libraries: Vec::new(), assumptions, trace })
}

fn node_file(snapshot: &Snapshot, cluster: &Cluster, node: &NodeDns) -> Result<String, String> {
    let root = cluster.nodes.get(node.node).and_then(|n| snapshot.node(n.index));
    let found = root.map(|root| root.lookup("/etc/resolv.conf"));
    match (found, &node.host_file) {
        (Some(NodeLookup::File { file, .. }), _) => Ok(snapshot.file(file).text.to_string()),
        (_, PodFileState::Missing { target, .. }) => Err(format!("{target} of node {} does not exist", node.name)),
        _ => Err(format!("the snapshot does not have /etc/resolv.conf of node {}", node.name)),
    }
}

impl Shown<'_> {
    fn text(&self) -> String {
        let mut text = format!("{} asked by {}", self.trace.name, self.title);
        if !self.node.is_empty() && !self.title.starts_with("node ") {
            let _ = write!(text, " on {}", self.node);
        }
        text.push_str("\n\n/etc/resolv.conf\n");
        for line in self.file.lines().filter(|line| !line.trim().is_empty() && !line.starts_with(['#', ';'])) {
            let _ = writeln!(text, "  {line}");
        }
        text.push('\n');
        self.sequences(&mut text);
        let mut before = String::new();
        for lookup in &self.trace.lookups {
            let way = self.lookup(lookup);
            let _ = writeln!(text, "\n{}", lookup.name);
            match (way.trim_end().rsplit_once('\n'), before.trim_end().rsplit_once('\n')) {
                (Some((road, end)), Some((known, _))) if road == known => {
                    let _ = writeln!(text, "  -> the same way\n{end}");
                }
                _ => text.push_str(&way),
            }
            before = way;
        }
        if let Some(race) = &self.trace.race {
            let _ = writeln!(text, "\nrace: {race}");
        }
        for assumption in &self.assumptions {
            let _ = writeln!(text, "\nassumed: {assumption}");
        }
        text
    }

    /// One line for each library, and its names; libraries that ask the same names share a list.
    fn sequences(&self, text: &mut String) {
        let all = &self.trace.sequences;
        for (index, sequence) in all.iter().enumerate() {
            let same =
                |other: &Sequence| other.candidates == sequence.candidates && other.answered_by == sequence.answered_by;
            let known = index.checked_sub(1).and_then(|before| all.get(before)).is_some_and(same);
            self.sequence(text, sequence, known);
            if all.get(index + 1).is_some_and(same) {
                continue;
            }
            for (place, candidate) in sequence.candidates.names.iter().enumerate() {
                let name = candidate.name().unwrap_or("a malformed packet");
                let rest = if sequence.answered_by.is_some_and(|a| place > a) { "  (not asked)" } else { "" };
                let _ = writeln!(text, "  {}. {name}{rest}", place + 1);
            }
        }
    }

    fn sequence(&self, text: &mut String, sequence: &Sequence, same: bool) {
        let count = sequence.candidates.names.len();
        let (queries, types) = (sequence.packets, self.trace.types.join(" and "));
        let users = self.users(sequence.library);
        let _ = write!(text, "{}{users}: ", sequence.library.name());
        if same {
            text.push_str("the same");
        } else {
            let word = if queries == 1 { "query" } else { "queries" };
            let names = format!("{count} name{}", plural(count));
            let _ = write!(text, "{names}, {queries} {word} ({types}); {}", self.verdict(sequence));
        }
        let _ = write!(text, "; {} if no nameserver answers", sequence.silent.time());
        if let Some(course) = &sequence.first_silent {
            let end = if course.ending.is_found() { "" } else { ", in vain," };
            let _ = write!(text, ", {}{end} if only the first is silent", course.time());
        }
        text.push('\n');
    }

    fn verdict(&self, sequence: &Sequence) -> String {
        let lookup = |name: &str| self.trace.lookups.iter().find(|l| l.name == name.to_ascii_lowercase());
        let open = sequence.candidates.names.iter().filter_map(|c| lookup(c.name()?)).any(Lookup::is_open);
        match sequence.answered_by {
            Some(index) => format!("number {} answers", index + 1),
            None if open => "servers outside the snapshot decide".to_owned(),
            None => "no answer".to_owned(),
        }
    }

    /// Containers whose image tells that they use the library.
    fn users(&self, library: Library) -> String {
        let wanted = match library {
            Library::Musl | Library::MuslBefore124 => Libc::Musl,
            Library::Glibc => Libc::Glibc,
            Library::Go => return String::new(),
        };
        let names: Vec<&str> =
            self.libraries.iter().filter(|(_, libc)| *libc == wanted).map(|(name, _)| name.as_str()).collect();
        if names.is_empty() { String::new() } else { format!(" (container {})", names.join(", ")) }
    }

    /// The ways of one name; one that differs from the name before only in its end is not repeated.
    fn lookup(&self, lookup: &Lookup) -> String {
        let mut text = String::new();
        let several = lookup.ways.len() > 1;
        for (index, way) in lookup.ways.iter().enumerate() {
            if several {
                let _ = writeln!(text, "  nameserver {}", index + 1);
            }
            self.step(&mut text, way, 1 + usize::from(several));
        }
        if lookup.ways.is_empty() {
            text.push_str("  the file names no nameserver\n");
        }
        text
    }

    fn step(&self, text: &mut String, step: &Step, depth: usize) {
        let transport = step.transport.map_or("", |t| if t == Transport::Tcp { "TCP " } else { "UDP " });
        let nat = if step.dnat { ", translated (DNAT)" } else { "" };
        let _ = writeln!(text, "{}-> {transport}{}{nat}{}", "  ".repeat(depth), step.text, self.places(step));
        if let Some(answer) = &step.answer {
            let _ = writeln!(text, "{}= {}", "  ".repeat(depth + 1), answer_text(answer));
        }
        // a single continuation stays in its column, so that long ways stay readable
        let inner = if step.next.len() > 1 { depth + 1 } else { depth };
        step.next.iter().for_each(|next| self.step(text, next, inner));
    }

    fn places(&self, step: &Step) -> String {
        let places = self.place_list(step);
        if places.is_empty() { String::new() } else { format!("  [{}]", places.join(", ")) }
    }

    fn place_list(&self, step: &Step) -> Vec<String> {
        let mut places: Vec<String> = step.at.iter().map(|at| show(self.snapshot, *at)).collect();
        places.dedup();
        places
    }

    fn json(&self) -> Value {
        let sequences: Vec<Value> = self
            .trace
            .sequences
            .iter()
            .map(|s| {
                json!({
                    "library": s.library,
                    "candidates": s.candidates.names.iter().map(|c| c.name()).collect::<Vec<_>>(),
                    "queries": s.packets,
                    "answered_by": s.answered_by,
                    "course": course_json(&s.course),
                    "all_silent": course_json(&s.silent),
                    "first_silent": s.first_silent.as_ref().map(course_json),
                })
            })
            .collect();
        let lookups: Vec<Value> = self
            .trace
            .lookups
            .iter()
            .map(|l| json!({"name": l.name, "ways": l.ways.iter().map(|w| self.step_json(w)).collect::<Vec<_>>()}))
            .collect();
        json!({
            "version": JSON_VERSION,
            "name": self.trace.name,
            "types": self.trace.types,
            "from": self.title,
            "node": self.node,
            "resolv_conf": self.file,
            "sequences": sequences,
            "lookups": lookups,
            "race": self.trace.race,
            "assumptions": self.assumptions,
        })
    }

    fn step_json(&self, step: &Step) -> Value {
        json!({
            "text": step.text,
            "at": self.place_list(step),
            "transport": step.transport,
            "dnat": step.dnat,
            "answer": step.answer,
            "in_order": step.in_order,
            "failover": step.failover,
            "only_after": step.only_after,
            "next": step.next.iter().map(|next| self.step_json(next)).collect::<Vec<_>>(),
        })
    }
}

fn course_json(course: &Course) -> Value {
    json!({
        "ending": course.ending,
        "milliseconds": course.milliseconds,
        "queries": course.packets,
        "candidates": course.candidates,
    })
}

const fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn answer_text(answer: &Answer) -> String {
    match answer {
        Answer::Records { records, what } if records.is_empty() => what.clone(),
        Answer::Records { records, what } => format!("{} ({what})", records.join(", ")),
        Answer::Alias { target, what } => format!("CNAME {target} ({what})"),
        Answer::Nxdomain { reason } => format!("NXDOMAIN: {reason}"),
        Answer::Nodata { reason } => format!("no records: {reason}"),
        Answer::Error { code, reason } => format!("{code}: {reason}"),
        Answer::Outside { server, .. } => format!("{server} decides, outside the snapshot"),
        Answer::DeadEnd { reason } => format!("no answer: {reason}"),
        Answer::Unknown { reason } => format!("not known: {reason}"),
    }
}
