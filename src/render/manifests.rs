//! Kubernetes objects: their text, the files that they go into, and the objects of an earlier cache that have no successor.

use super::context;
use super::distribution::Distribution;
use super::parameters::REDIRECT;
use super::plan::{File, Part, Refusal};
use super::request::{Companion, Resolver};
use super::scene::Scene;
use super::{policies, rke2, templates};
use crate::model::manifests::objects_of;
use crate::model::object::Meta;
use crate::model::read::{At, Place};
use crate::source::{FileId, SourceFile, path_below};
use crate::syntax::yaml;
use std::collections::BTreeMap;

/// What is rendered for the API server.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// The files, in the order in which they are applied.
    pub files: Vec<File>,
    /// The objects in them, as kind, namespace and name.
    pub objects: Vec<String>,
    /// Objects of the files that are replaced, without a successor in the new ones.
    pub gone: Vec<String>,
    /// The policies that let pods ask the cache are in a file of their own, by its path.
    pub policies: Option<String>,
}

/// Objects of a node cache that only some modes or flags need; in its file they are replaced with it.
const OTHERS: [&str; 3] = ["Service/kube-system/kube-dns-upstream", REDIRECT, POD_MONITOR];
const POD_MONITOR: &str = "PodMonitor/kube-system/node-local-dns";

/// The manifests of the node cache.
///
/// # Errors
/// Files that cannot be replaced.
pub fn render(scene: &Scene<'_>) -> Result<Manifests, Refusal> {
    let request = scene.request;
    match (request.resolver, request.distribution) {
        (Resolver::NodeCache, Distribution::Rke2) => chart(scene),
        // the role installs the cache itself
        (Resolver::NodeCache, Distribution::K3s | Distribution::Kubeadm) => own(scene),
        _ => Ok(Manifests::default()),
    }
}

/// Values of RKE2's chart, added to those that are set.
fn chart(scene: &Scene<'_>) -> Result<Manifests, Refusal> {
    let is_ours = |meta: &Meta| meta.display() == rke2::CHART_CONFIG;
    let held = held(scene, is_ours);
    let mut made = Manifests { objects: vec![rke2::CHART_CONFIG.to_owned()], ..Manifests::default() };
    for file in copies(&held)? {
        made.files.push(at(scene, file, rke2::added(scene, file)?));
    }
    if held.is_empty() {
        let path = usual_place(scene, "rke2-coredns-config.yaml")?;
        made.files.push(manifest(path, rke2::new(scene.parameters)?));
    }
    Ok(made)
}

fn own(scene: &Scene<'_>) -> Result<Manifests, Refusal> {
    let wanted = |companion| scene.request.companions.contains(&companion);
    let mut made = Manifests::default();
    if wanted(Companion::NetworkPolicy) {
        let list = policies::of(scene)?;
        made.objects.extend(list.iter().map(policies::Policy::display));
        let text = policies::text(scene, &list)?;
        let held = held(scene, policies::is_ours);
        replace(scene, &mut made, &held, policies::is_ours, &text, "allow-node-local-dns.yaml")?;
        made.policies = made.files.first().map(|file| file.path.clone());
    }
    let usual = objects(FileId(0), &text(scene, true)?);
    let names: Vec<String> = usual.iter().map(Meta::display).collect();
    let is_ours = |meta: &Meta| {
        let name = meta.display();
        names.contains(&name) || OTHERS.contains(&name.as_str())
    };
    let held = held(scene, is_ours);
    // a monitor that stands beside the cache stays
    let monitored =
        held.iter().any(|file| objects(file.id, &file.text).iter().any(|meta| meta.display() == POD_MONITOR));
    let text = text(scene, monitored || wanted(Companion::PodMonitor))?;
    made.objects.extend(objects(FileId(0), &text).iter().map(Meta::display));
    replace(scene, &mut made, &held, is_ours, &text, "node-local-dns.yaml")?;
    Ok(made)
}

/// The text in place of the files that hold these objects, or in a new one.
fn replace(
    scene: &Scene<'_>,
    made: &mut Manifests,
    held: &[&SourceFile],
    is_ours: impl Fn(&Meta) -> bool,
    text: &str,
    name: &str,
) -> Result<(), Refusal> {
    for file in copies(held)? {
        for meta in objects(file.id, &file.text) {
            let display = meta.display();
            if !is_ours(&meta) {
                return Err(occupied(&meta));
            }
            if !made.objects.contains(&display) && !made.gone.contains(&display) {
                made.gone.push(display);
            }
        }
        made.files.push(at(scene, file, text.to_owned()));
    }
    if held.is_empty() {
        let path = usual_place(scene, name)?;
        made.files.push(manifest(path, text.to_owned()));
    }
    Ok(())
}

fn occupied(meta: &Meta) -> Refusal {
    Refusal {
        reason: format!("the file for the node cache also holds {}", meta.display()),
        at: Some(meta.name_location()),
        help: Some("move the node cache into a file of its own: rendering replaces the whole file".to_owned()),
    }
}

fn text(scene: &Scene<'_>, pod_monitor: bool) -> Result<String, String> {
    let (request, parameters) = (scene.request, scene.parameters);
    let upstreams = context::cluster_upstreams(parameters);
    let corefile =
        templates::render("resolver/node-cache.Corefile.j2", &context::corefile(request, parameters, &upstreams))?;
    templates::render("node-cache/manifests.yaml.j2", &context::manifests(request, parameters, corefile, pod_monitor))
}

/// Identity of every object of a manifest, of whatever kind.
fn objects(file: FileId, text: &str) -> Vec<Meta> {
    let parsed = yaml::parse(text);
    let place = Place::file(file);
    objects_of(&parsed).into_iter().filter_map(|(_, node)| Meta::read(At::new(node, &place))).collect()
}

/// Files of the snapshot that hold such objects.
fn held<'a>(scene: &Scene<'a>, is_ours: impl Fn(&Meta) -> bool) -> Vec<&'a SourceFile> {
    let metas = scene.cluster.objects.metas().filter(|meta| is_ours(meta));
    let files: BTreeMap<FileId, &SourceFile> =
        metas.map(|meta| scene.snapshot.file(meta.location.file)).map(|file| (file.id, file)).collect();
    files.into_values().collect()
}

/// The files, which must be one and the same on several servers.
fn copies<'f, 'a>(held: &'f [&'a SourceFile]) -> Result<&'f [&'a SourceFile], Refusal> {
    let Some((first, rest)) = held.split_first() else { return Ok(held) };
    match rest.iter().find(|file| file.node.is_none() || file.node_path != first.node_path) {
        None => Ok(held),
        Some(other) => Err(Refusal {
            reason: format!("objects of the node cache stand in {} and in {}", first.path, other.path),
            at: None,
            help: Some("put the node cache into one file, or remove it, and render again".to_owned()),
        }),
    }
}

/// A file in place of one of the snapshot.
fn at(scene: &Scene<'_>, file: &SourceFile, text: String) -> File {
    let root = file.node.and_then(|index| scene.snapshot.node(index));
    match (root, file.node_path.as_deref()) {
        (Some(root), Some(path)) => File {
            path: path.trim_start_matches('/').to_owned(),
            text,
            part: Part::Manifests,
            node: Some(root.name.clone()),
        },
        _ => {
            let below = path_below(&scene.request.base, &file.path);
            manifest(below.unwrap_or(&file.path).to_owned(), text)
        }
    }
}

fn manifest(path: String, text: String) -> File {
    File { path, text, part: Part::Manifests, node: None }
}

/// Where the distribution picks manifests up by itself, on a node; else a folder of manifests.
fn usual_place(scene: &Scene<'_>, name: &str) -> Result<String, Refusal> {
    let (request, snapshot) = (scene.request, scene.snapshot);
    let on_node = snapshot.nodes.iter().any(|root| root.path == request.base) || snapshot.files.is_empty();
    let path = match request.distribution {
        Distribution::K3s if on_node => format!("var/lib/rancher/k3s/server/manifests/{name}"),
        Distribution::Rke2 if on_node => format!("var/lib/rancher/rke2/server/manifests/{name}"),
        _ => format!("manifests/{name}"),
    };
    match scene.standing(&path, None).and_then(|file| objects(file.id, &file.text).into_iter().next()) {
        Some(other) => Err(occupied(&other)),
        None => Ok(path),
    }
}
