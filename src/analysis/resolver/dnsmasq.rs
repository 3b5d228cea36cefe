//! The `dnsmasq_conf` views: what keeps dnsmasq from starting.

use super::text::kebab;
use crate::analysis::views::resolv_conf::{DnsmasqConfView, TextProblem};
use crate::source::{FileKind, Located, Location, Snapshot, SourceFile, Span};
use crate::syntax::dnsmasq::{DnsmasqConf, Problem, ProblemKind};

/// Signs of a template, whose text is not what dnsmasq reads.
const TEMPLATE: [&str; 4] = ["{{", "{%", "<%", "${"];

/// The views of every configuration file of dnsmasq, each with its node.
#[must_use]
pub fn dnsmasq_views(snapshot: &Snapshot) -> Vec<(Located<DnsmasqConfView>, Option<String>)> {
    let files = snapshot.of_kind(FileKind::Dnsmasq);
    let plain = files.filter(|file| !TEMPLATE.iter().any(|sign| file.text.contains(sign)));
    plain
        .map(|file| (view(file), file.node.and_then(|index| snapshot.node(index)).map(|n| format!("Node/{}", n.name))))
        .collect()
}

fn view(file: &SourceFile) -> Located<DnsmasqConfView> {
    let located = |problem: Problem| {
        let view = TextProblem {
            kind: kebab(problem.kind),
            message: problem.message,
            harmful: true,
            suggestion: problem.suggestion,
            related: None,
        };
        Located::at(view, Location::new(file.id, problem.span))
    };
    let problems = DnsmasqConf::parse(&file.text).problems.into_iter().filter(is_certain).map(located).collect();
    let path = file.node_path.clone().unwrap_or_else(|| file.path.clone());
    Located::at(DnsmasqConfView { path, problems }, Location::new(file.id, Span::default()))
}

/// Whether dnsmasq refuses it in every release: an option that is like no known one may be a newer release's.
fn is_certain(problem: &Problem) -> bool {
    problem.kind.is_fatal() && (problem.kind != ProblemKind::BadOption || problem.suggestion.is_some())
}
