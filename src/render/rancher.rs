//! Settings of k3s and RKE2 that stand nowhere yet: a drop-in of their configuration, of their unit, or a variable.

use super::changes::NodeChange;
use super::distribution::Distribution;
use super::node_files::Made;
use super::plan::{File, Part};
use super::request::NodeForm;
use super::scene::{Scene, Site};
use super::templates::render;
use crate::fix::{DROP_IN, drop_in_behind, with_keys};
use crate::model::node::K3s;
use serde_json::{Map, json};

/// The file for the settings of a node, on top of what others of its files are made to say already.
///
/// # Errors
/// A sentence: the asked form cannot express a setting, or the file cannot be added to.
pub fn file(scene: &Scene<'_>, change: &NodeChange, made: &Made) -> Result<File, String> {
    let program = program(scene.request.distribution);
    let resolv_conf = change.resolv_conf.as_ref().map(|path| path.value.as_str());
    let variable = format!("{}_RESOLV_CONF={}", program.to_uppercase(), resolv_conf.unwrap_or_default());
    let unit = unit(scene, change);
    let (path, text) = match scene.request.node_form {
        NodeForm::Unit | NodeForm::Environment if !change.cluster_dns.is_empty() => {
            return Err(
                "kubelet arguments have no environment variable; `--node-form config` writes a drop-in of config.yaml for \
                 them"
                .to_owned(),
            );
        }
        NodeForm::Unit => {
            let path = format!("etc/systemd/system/{unit}.service.d/{DROP_IN}.conf");
            let text = match standing(scene, change, &path, made) {
                Some(old) => with_line(old, &format!("Environment={variable}")),
                None => render("node/rancher-unit.conf.j2", &json!({"variable": variable}))?,
            };
            (path, text)
        }
        NodeForm::Environment => {
            let directory = if program == "k3s" { "etc/systemd/system" } else { "etc/default" };
            let suffix = if program == "k3s" { ".service.env" } else { "" };
            let path = format!("{directory}/{unit}{suffix}");
            let text = with_line(standing(scene, change, &path, made).unwrap_or_default(), &variable);
            (path, text)
        }
        NodeForm::Config | NodeForm::Ansible => config(scene, change, resolv_conf, made)?,
    };
    Ok(File { path, text, part: Part::Node, node: Some(change.node.clone()) })
}

/// The command, as in paths and units.
const fn program(distribution: Distribution) -> &'static str {
    if matches!(distribution, Distribution::Rke2) { "rke2" } else { "k3s" }
}

/// The unit that runs on the node, without its suffix.
#[must_use]
pub fn unit(scene: &Scene<'_>, change: &NodeChange) -> String {
    let known = scene.site(&change.node).and_then(of_site).and_then(|k3s| k3s.unit.as_deref());
    if let Some(unit) = known {
        return unit.trim_end_matches(".service").to_owned();
    }
    match (program(scene.request.distribution), change.server) {
        ("k3s", true) => "k3s".to_owned(),
        ("k3s", false) => "k3s-agent".to_owned(),
        (other, true) => format!("{other}-server"),
        (other, false) => format!("{other}-agent"),
    }
}

fn of_site<'a>(site: &Site<'a>) -> Option<&'a K3s> {
    site.node.k3s()
}

/// The text that stands at a path of the node, or is made for it.
fn standing<'a>(scene: &Scene<'a>, change: &NodeChange, path: &str, made: &'a Made) -> Option<&'a str> {
    let known = made.get(&(change.node.clone(), path.to_owned())).map(|file| file.text.as_str());
    known.or_else(|| scene.standing(path, Some(change.node.as_str())).map(|file| &*file.text))
}

/// A drop-in beside the configuration file: a new one, or the one of an earlier fix or rendering with more keys.
fn config(
    scene: &Scene<'_>,
    change: &NodeChange,
    resolv_conf: Option<&str>,
    made: &Made,
) -> Result<(String, String), String> {
    let program = program(scene.request.distribution);
    let site = scene.site(&change.node);
    let directory = site.and_then(of_site).map_or_else(
        || format!("etc/rancher/{program}/config.yaml.d"),
        |k3s| format!("{}.d", k3s.config_path.trim_start_matches('/')),
    );
    let path = format!("{directory}/{}", drop_in(site));
    let Some(old) = standing(scene, change, &path, made) else {
        let cluster_dns = change.cluster_dns.join(",");
        let context = json!({"program": program, "resolv_conf": resolv_conf, "cluster_dns": cluster_dns});
        return Ok((path, render("node/rancher-config.yaml.j2", &context)?));
    };
    let mut keys = Map::new();
    if let Some(file) = resolv_conf {
        keys.insert("resolv-conf".to_owned(), json!(file));
    }
    if !change.cluster_dns.is_empty() {
        keys.insert("kubelet-arg+".to_owned(), json!([format!("cluster-dns={}", change.cluster_dns.join(","))]));
    }
    let text = with_keys(old, &keys.into()).ok_or_else(|| format!("/{path} of {} cannot be added to", change.node))?;
    Ok((path, text))
}

/// Name of the drop-in: behind those that are there, of which a later one would replace what it says; the last one itself
/// where that is of an earlier fix or rendering.
fn drop_in(site: Option<&Site<'_>>) -> String {
    let own = |name: &str| name == format!("{DROP_IN}.yaml") || name.ends_with("_dnslint.yaml");
    let files = site.and_then(|site| Some(of_site(site)?.config_files(site.node))).unwrap_or_default();
    let names: Vec<&str> =
        files.iter().filter(|(path, _)| path.contains(".d/")).filter_map(|(path, _)| path.rsplit('/').next()).collect();
    match names.iter().max().filter(|last| own(last)) {
        Some(last) => (*last).to_owned(),
        None => drop_in_behind(names, ".yaml"),
    }
}

/// A text with one assignment set anew, or added at its end; everything else stays.
fn with_line(text: &str, line: &str) -> String {
    let name = line.rsplit_once('=').map_or(line, |(name, _)| name);
    let mut out = String::new();
    let mut done = false;
    for old in text.split_inclusive('\n') {
        if old.trim_start().strip_prefix(name).is_some_and(|rest| rest.starts_with('=')) {
            if !done {
                out.push_str(line);
                out.push('\n');
            }
            done = true;
        } else {
            out.push_str(old);
        }
    }
    if !done {
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(line);
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_set_once_and_the_rest_stays() {
        assert_eq!(with_line("", "A=1"), "A=1\n");
        assert_eq!(with_line("# c\nB=2", "A=1"), "# c\nB=2\nA=1\n");
        assert_eq!(with_line("A=0\nB=2\nA=3\n", "A=1"), "A=1\nB=2\n");
        assert_eq!(
            with_line("[Service]\nEnvironment=B=2\n", "Environment=A=1"),
            "[Service]\nEnvironment=B=2\nEnvironment=A=1\n"
        );
    }
}
