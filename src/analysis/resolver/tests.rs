//! The views of small snapshots.

use super::*;
use crate::analysis::node_dns;
use crate::model::assemble;

/// All views of a snapshot of one cluster.
fn all(snapshot: &Snapshot) -> Vec<(Located<ResolvConfView>, Option<String>)> {
    let clusters = assemble(snapshot);
    let views = |cluster: &Cluster| {
        let facts = Facts::of(cluster);
        views(snapshot, cluster, &facts, &node_dns::all(snapshot, cluster))
    };
    clusters.iter().flat_map(views).collect()
}
