//! What a rendering is made from, with the nodes by name.

use super::parameters::Parameters;
use super::places::Places;
use super::request::Request;
use crate::analysis::node_dns::NodeDns;
use crate::model::Cluster;
use crate::model::node::Node;
use crate::source::{NodeRoot, Snapshot, SourceFile};
use std::collections::BTreeMap;

/// A node of the snapshot.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// Its files.
    pub root: &'a NodeRoot,
    /// Its processes and configuration files.
    pub node: &'a Node,
    /// Its DNS settings.
    pub dns: &'a NodeDns,
}

/// Everything that a rendering is made from.
pub struct Scene<'a> {
    /// What is asked for.
    pub request: &'a Request,
    /// The files.
    pub snapshot: &'a Snapshot,
    /// What they say.
    pub cluster: &'a Cluster,
    /// What follows from both.
    pub parameters: &'a Parameters,
    /// Where files go.
    pub places: Places<'a>,
    sites: BTreeMap<&'a str, Site<'a>>,
    paths: BTreeMap<&'a str, &'a SourceFile>,
}

impl<'a> Scene<'a> {
    /// Takes them together.
    #[must_use]
    pub fn of(request: &'a Request, snapshot: &'a Snapshot, cluster: &'a Cluster, parameters: &'a Parameters) -> Self {
        let mut sites = BTreeMap::new();
        for dns in &parameters.nodes {
            let Some(node) = cluster.nodes.get(dns.node) else { continue };
            let Some(root) = snapshot.node(node.index) else { continue };
            sites.entry(dns.name.as_str()).or_insert(Site { root, node, dns });
        }
        let paths = snapshot.files.iter().map(|file| (file.path.as_str(), file)).collect();
        let places = Places::new(snapshot, &request.base);
        Self { request, snapshot, cluster, parameters, places, sites, paths }
    }

    /// The node of a name.
    #[must_use]
    pub fn site(&self, name: &str) -> Option<&Site<'a>> {
        self.sites.get(name)
    }

    /// Number of nodes.
    #[must_use]
    pub fn node_count(&self) -> usize {
        self.sites.len()
    }

    /// What stands where a file would go.
    #[must_use]
    pub fn standing(&self, path: &str, node: Option<&str>) -> Option<&'a SourceFile> {
        self.paths.get(self.places.shown_path(path, node).as_str()).copied()
    }
}
