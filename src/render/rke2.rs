//! RKE2's CoreDNS chart with its own node cache: the chart's values, with those that are set already.

use super::context::texts;
use super::parameters::{Mode, Parameters};
use super::plan::Refusal;
use super::templates::render;
use crate::fix::with_keys;
use crate::model::Cluster;
use crate::model::manifests::Generic;
use crate::syntax::yaml;
use serde_json::{Map, Value, json};

/// The HelmChartConfig as a whole file.
///
/// # Errors
/// Values that are set already and cannot be added to.
pub fn chart_config(parameters: &Parameters, cluster: &Cluster) -> Result<String, Refusal> {
    let known = cluster
        .objects
        .of_kind("HelmChartConfig")
        .iter()
        .find(|object| object.meta.name.value == "rke2-coredns" && object.meta.namespace.value == "kube-system");
    let values = match known.map(|object| (object, values_of(object))) {
        Some((object, Some(old))) => merged(parameters, object, &old)?,
        _ => fresh(parameters)?,
    };
    let context = json!({"version": env!("CARGO_PKG_VERSION"), "values": values});
    Ok(render("node/rke2-chart-config.yaml.j2", &context)?)
}

fn zones(parameters: &Parameters) -> Vec<&str> {
    parameters.stub_zones.iter().map(|stub| stub.value.zone.trim_end_matches('.')).collect()
}

fn local_ip(parameters: &Parameters) -> String {
    texts(&parameters.local_ips.value).join(",")
}

fn fresh(parameters: &Parameters) -> Result<String, String> {
    let context = json!({
        "local_ip": local_ip(parameters),
        // the chart's word for a cache that kubelets name, which nftables needs as well
        "local_only": parameters.mode == Mode::LocalOnly,
        "cilium": parameters.mode == Mode::Redirect,
        "zones": zones(parameters),
    });
    render("node/rke2-values.yaml.j2", &context)
}

/// The text of `valuesContent` where it says anything.
fn values_of(object: &Generic) -> Option<String> {
    let text = object.values_content.as_ref()?.text.clone();
    (!text.trim().is_empty()).then_some(text)
}

fn merged(parameters: &Parameters, object: &Generic, old: &str) -> Result<String, Refusal> {
    let mut nodelocal = Map::new();
    nodelocal.insert("enabled".to_owned(), json!(true));
    nodelocal.insert("ip_address".to_owned(), json!(local_ip(parameters)));
    let flags = [("ipvs", parameters.mode == Mode::LocalOnly), ("use_cilium_lrp", parameters.mode == Mode::Redirect)];
    let said = nodelocal_keys(old);
    for (key, on) in flags {
        // what stands there from another mode must not stay
        if on || said.iter().any(|known| known == key) {
            nodelocal.insert(key.to_owned(), json!(on));
        }
    }
    let zones = zones(parameters);
    if !zones.is_empty() {
        nodelocal.insert("extraClusterDomains".to_owned(), json!(zones));
    }
    let patch = json!({ "nodelocal": Value::Object(nodelocal) });
    let plain = !old.starts_with(char::is_whitespace) && only_values(object);
    plain.then(|| with_keys(old, &patch)).flatten().ok_or_else(|| Refusal {
        reason: format!("{} sets values that cannot be added to", object.meta.display()),
        at: object.meta.name.location(),
        help: Some(format!("add to its valuesContent by hand: {patch}")),
    })
}

fn nodelocal_keys(values: &str) -> Vec<String> {
    let parsed = yaml::parse(values);
    let root = parsed.documents.first().map(|document| document.root());
    let nodelocal =
        root.and_then(|root| root.entries().find(|entry| entry.name().is_some_and(|name| name == "nodelocal")));
    let keys = nodelocal
        .iter()
        .flat_map(|entry| entry.value.entries())
        .filter_map(|entry| entry.name().map(|n| n.to_string()));
    keys.collect()
}

/// The object says nothing besides its name and `valuesContent`, so that nothing is lost when it is written anew.
fn only_values(object: &Generic) -> bool {
    let keys = |path: &[&str]| {
        let at = object.value.value.path(path);
        at.map(|at| at.value.entries().iter().map(|entry| entry.0.value.clone()).collect::<Vec<_>>())
            .unwrap_or_default()
    };
    let spec_alone = keys(&["spec"]) == ["valuesContent"];
    spec_alone && keys(&["metadata"]).iter().all(|key| key == "name" || key == "namespace")
}
