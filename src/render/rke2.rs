//! RKE2's CoreDNS chart with its own node cache: the chart's values, with those that are set already.

use super::context::texts;
use super::parameters::{Mode, Parameters};
use super::plan::Refusal;
use super::scene::Scene;
use super::templates::render;
use crate::fix::{with_keys, with_keys_at, with_keys_in};
use crate::model::manifests::Generic;
use crate::source::{Location, SourceFile, Span};
use crate::syntax::yaml;
use serde_json::{Map, Value, json};

/// The object that holds values for the chart.
pub const CHART_CONFIG: &str = "HelmChartConfig/kube-system/rke2-coredns";

/// The object in a file of its own.
///
/// # Errors
/// A fault of a template.
pub fn new(parameters: &Parameters) -> Result<String, String> {
    let context = json!({
        "local_ip": local_ip(parameters),
        // the chart's word for a cache that kubelets name, which nftables needs as well
        "local_only": parameters.mode == Mode::LocalOnly,
        "cilium": parameters.mode == Mode::Redirect,
        "zones": zones(parameters),
    });
    let values = render("node/rke2-values.yaml.j2", &context)?;
    render("node/rke2-chart-config.yaml.j2", &json!({"values": values}))
}

/// The text of the file that holds the object, with these values added to it.
///
/// # Errors
/// Values that cannot be added to.
pub fn added(scene: &Scene<'_>, file: &SourceFile) -> Result<String, Refusal> {
    let mut objects = scene.cluster.objects.of_kind("HelmChartConfig").iter();
    let object = objects.find(|object| object.meta.location.file == file.id && object.meta.display() == CHART_CONFIG);
    let values =
        object.and_then(|object| object.values_content.as_ref()).filter(|values| !values.text.trim().is_empty());
    let patch = patch(scene.parameters, values.map_or("", |values| &values.text));
    let text = match values {
        Some(values) => {
            let start = values.map.offset(0);
            with_keys_in(scene.snapshot, Location::new(file.id, Span::new(start, start)), &patch)
        }
        None => object.and_then(|object| first_values(scene, object, &patch)),
    };
    text.ok_or_else(|| by_hand(object, &patch))
}

/// An object without values gets its first ones.
fn first_values(scene: &Scene<'_>, object: &Generic, patch: &Value) -> Option<String> {
    let values = with_keys("", patch)?;
    let keys = json!({"spec": {"valuesContent": values.trim_end()}});
    with_keys_at(scene.snapshot, object.meta.location, &keys)
}

fn by_hand(object: Option<&Generic>, patch: &Value) -> Refusal {
    Refusal {
        reason: format!("{CHART_CONFIG} sets values that cannot be added to"),
        at: object.map(|object| object.meta.name_location()),
        help: Some(format!("add to its valuesContent by hand: {patch}")),
    }
}

fn zones(parameters: &Parameters) -> Vec<&str> {
    parameters.stub_zones.iter().map(|stub| stub.value.zone.trim_end_matches('.')).collect()
}

fn local_ip(parameters: &Parameters) -> String {
    texts(&parameters.local_ips.value).join(",")
}

fn patch(parameters: &Parameters, old: &str) -> Value {
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
    json!({ "nodelocal": Value::Object(nodelocal) })
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
