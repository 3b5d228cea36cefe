//! What is written on nodes is read again: a setting that would not count is refused.

use super::changes::{NodeChange, handed_out};
use super::node_files::{Delivery, Way};
use super::places::patched;
use super::plan::{File, Refusal};
use super::scene::Scene;
use crate::analysis::node_dns::{self, NodeDns};
use crate::model::assemble;
use crate::source::{Location, Snapshot};
use std::collections::{BTreeMap, BTreeSet};

/// Reads the nodes with their new files.
///
/// # Errors
/// The first setting that comes out otherwise than it should.
pub fn check(
    scene: &Scene<'_>,
    changes: &[NodeChange],
    deliveries: &[Delivery],
    files: &[File],
    assumed: Option<&str>,
) -> Result<(), Refusal> {
    let patched_too: BTreeSet<&str> = of_way(deliveries, |way| matches!(way, Way::Patch(_)));
    let own = of_way(deliveries, |way| matches!(way, Way::Own { .. }));
    if own.is_empty() {
        return Ok(());
    }
    let after = patched(scene.snapshot, &scene.places, files);
    let clusters = assemble(&after);
    let Some(cluster) = clusters.first() else { return Ok(()) };
    let nodes = node_dns::all(&after, cluster, assumed);
    let by_name: BTreeMap<&str, &NodeDns> = nodes.iter().map(|node| (node.name.as_str(), node)).collect();
    let own = changes
        .iter()
        .filter(|change| own.contains(change.node.as_str()) && !patched_too.contains(change.node.as_str()));
    for change in own {
        // where the snapshot has too little of a node, nothing tells what counts there
        let Some(node) = by_name.get(change.node.as_str()).filter(|node| node.configured) else { continue };
        read_again(scene, &after, change, node)?;
    }
    Ok(())
}

fn of_way(deliveries: &[Delivery], is: impl Fn(&Way) -> bool) -> BTreeSet<&str> {
    let found = deliveries.iter().filter(|delivery| is(&delivery.way));
    found.flat_map(|delivery| &delivery.nodes).map(String::as_str).collect()
}

fn read_again(scene: &Scene<'_>, after: &Snapshot, change: &NodeChange, node: &NodeDns) -> Result<(), Refusal> {
    let told: Vec<&str> = node.kubelet.cluster_dns.iter().map(|ip| ip.value.as_str()).collect();
    if !change.cluster_dns.is_empty() && told != change.cluster_dns {
        let at = node.kubelet.cluster_dns.iter().find(|ip| !change.cluster_dns.contains(&ip.value));
        let at = at.and_then(|ip| ip.location());
        return refused(scene, after, change, at, &format!("name {}", told.join(", ")));
    }
    match &change.resolv_conf {
        Some(path) if path.value != handed_out(after, node) => {
            let at = node.kubelet.resolv_conf.location();
            refused(scene, after, change, at, &format!("hand out {}", handed_out(after, node)))
        }
        _ => Ok(()),
    }
}

fn refused(
    scene: &Scene<'_>,
    after: &Snapshot,
    change: &NodeChange,
    at: Option<Location>,
    what: &str,
) -> Result<(), Refusal> {
    let file = at.map(|at| after.file(at.file));
    let by = file.map_or_else(String::new, |file| format!(", as {} says", file.path));
    Err(Refusal {
        reason: format!("with the new files the kubelet of {} would still {what}{by}", change.node),
        at: at.filter(|at| stays(scene.snapshot, after, *at)),
        help: Some("take that setting out there first, and render again".to_owned()),
    })
}

/// Whether a place is the same one in both: in a file that is new or has another text it is not.
fn stays(before: &Snapshot, after: &Snapshot, at: Location) -> bool {
    let (old, new) = (before.file(at.file), after.file(at.file));
    old.path == new.path && old.text == new.text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    #[test]
    fn places_of_new_texts_are_none_of_the_old_files() {
        let before = Snapshot::from_texts([("a.yaml", "a: 1\n"), ("b.yaml", "b: 1\n")]);
        let (a, b) = (before.find("a.yaml").unwrap().id, before.find("b.yaml").unwrap().id);
        let new = [("c.yaml".to_owned(), "c: 1\n".to_owned())];
        let after = before.with_texts(&BTreeMap::from([(b, "# new\nb: 1\n".to_owned())]), new);
        let at = |file| Location::new(file, Span::new(3, 4));
        let c = after.find("c.yaml").unwrap().id;
        assert_eq!([a, b, c].map(|file| stays(&before, &after, at(file))), [true, false, false]);
    }
}
