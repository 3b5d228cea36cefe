//! The `resolved_conf` views: mistakes in resolved.conf and its drop-ins.

use super::text::kebab;
use crate::analysis::views::resolv_conf::{ResolvedConfView, TextProblem};
use crate::source::{FileKind, Located, Location, Snapshot};
use crate::syntax::resolved::ResolvedConf;

/// The views of every resolved.conf of the snapshot, each with its node.
#[must_use]
pub fn resolved_views(snapshot: &Snapshot) -> Vec<(Located<ResolvedConfView>, Option<String>)> {
    let view = |file: &crate::source::SourceFile| {
        let problems = ResolvedConf::parse(&file.text).problems.into_iter().map(|problem| {
            let view = TextProblem {
                kind: kebab(problem.kind),
                message: problem.message,
                harmful: true,
                suggestion: problem.suggestion.map(str::to_owned),
                related: None,
            };
            Located::at(view, Location::new(file.id, problem.span))
        });
        let path = file.node_path.clone().unwrap_or_else(|| file.path.clone());
        let view = ResolvedConfView { path, problems: problems.collect() };
        let node = file.node.and_then(|index| snapshot.node(index)).map(|node| format!("Node/{}", node.name));
        (Located::at(view, Location::new(file.id, crate::source::Span::default())), node)
    };
    snapshot.of_kind(FileKind::ResolvedConf).map(view).collect()
}
