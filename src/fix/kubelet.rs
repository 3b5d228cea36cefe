//! The DNS settings of a KubeletConfiguration, set anew in its own text.

use super::apply::apply_edits;
use super::area::Area;
use super::build::Workshop;
use super::yaml;
use crate::diagnostic::Edit;
use crate::source::{FileId, FileKind, Location, NodeIndex, Snapshot, SourceFile, Span};
use serde_json::{Value, json};

/// The configuration file of a node's kubelet; several, or drop-ins alone, do not tell which one it reads.
#[must_use]
pub fn kubelet_config_file(snapshot: &Snapshot, node: NodeIndex) -> Option<&SourceFile> {
    let mut configs = snapshot.of_node(node).filter(|file| file.kind == FileKind::KubeletConfig && !is_drop_in(file));
    configs.next().filter(|_| configs.next().is_none())
}

fn is_drop_in(file: &SourceFile) -> bool {
    file.node_path.as_deref().is_some_and(|path| path.contains(".d/"))
}

/// The text of a KubeletConfiguration with `clusterDNS` set to these addresses (none: as it is) and `resolvConf` to this
/// path (`None`: as it is). Everything else stays byte for byte; `None` where the text does not allow that.
#[must_use]
pub fn with_dns_settings(text: &str, cluster_dns: &[String], resolv_conf: Option<&str>) -> Option<String> {
    let mut text = text.to_owned();
    if let Some(path) = resolv_conf {
        text = with_keys(&text, &json!({ "resolvConf": path }))?;
    }
    if cluster_dns.is_empty() {
        return Some(text);
    }
    for _ in cluster_dns.len()..addresses(&text).len() {
        let last = addresses(&text).last().copied()?;
        text = edited(&text, |workshop, file| yaml::remove(workshop, Location { file, span: last }, true, 0))?;
    }
    for (index, address) in cluster_dns.iter().enumerate() {
        let Some(span) = addresses(&text).get(index).copied() else { break };
        text = edited(&text, |workshop, file| yaml::set_value(workshop, Location { file, span }, address, None))?;
    }
    with_keys(&text, &json!({ "clusterDNS": cluster_dns }))
}

/// Places of the items of `clusterDNS`.
fn addresses(text: &str) -> Vec<Span> {
    let parsed = crate::syntax::yaml::parse(text);
    let Some(document) = parsed.documents.first() else { return Vec::new() };
    let list = document.root().entries().find(|entry| entry.name().is_some_and(|name| name == "clusterDNS"));
    list.map(|list| list.value.items().map(|item| item.span()).collect()).unwrap_or_default()
}

/// A YAML text with these keys at its root added or set, everything else byte for byte; `None` where it does not allow that.
#[must_use]
pub fn with_keys(text: &str, patch: &Value) -> Option<String> {
    if text.lines().all(|line| line.trim_start().is_empty() || line.trim_start().starts_with('#')) {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return Some(format!("{text}{end}{}", yaml::lines(&patch.to_string())?));
    }
    edited(text, |workshop, file| yaml::add_to_root(workshop, file, &patch.to_string()))
}

/// The text of a file with these keys added or set in the YAML that a scalar of it holds (Helm values in a manifest); everything
/// else stays byte for byte. `None` where the texts do not allow that.
#[must_use]
pub fn with_keys_in(snapshot: &Snapshot, scalar: Location, patch: &Value) -> Option<String> {
    let workshop = Workshop::new(snapshot);
    let area = Area::around(&workshop, scalar)?;
    let mut new = with_keys(&area.text, patch)?;
    if !area.text.ends_with('\n') {
        new.truncate(new.trim_end_matches('\n').len());
    }
    let file = snapshot.file(scalar.file);
    if file.lossy {
        return None;
    }
    apply_edits(&file.text, &area.edits(&[(Span::new(0, area.text.len()), new)])?)
}

/// The text of a file with these keys added or set in the mapping that has a place; everything else stays byte for byte. `None`
/// where the text does not allow that.
#[must_use]
pub fn with_keys_at(snapshot: &Snapshot, mapping: Location, patch: &Value) -> Option<String> {
    let file = snapshot.file(mapping.file);
    let edits = yaml::add_at(&Workshop::new(snapshot), mapping, &patch.to_string())?;
    apply_edits(&file.text, &edits).filter(|_| !file.lossy)
}

/// One edit after the other, since each builder proves its own against the text that it finds.
fn edited(text: &str, make: impl Fn(&Workshop<'_>, FileId) -> Option<Vec<Edit>>) -> Option<String> {
    let snapshot = Snapshot::from_texts([("config.yaml", text)]);
    let file = snapshot.files.first()?.id;
    apply_edits(text, &make(&Workshop::new(&snapshot), file)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_change_in_place_and_nothing_else_does() {
        let set = |text: &str, path: Option<&str>| with_dns_settings(text, &["169.254.20.10".to_owned()], path);
        let head = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        let tail = "clusterDomain: cluster.local   # as ever\n";
        for (old, new) in [
            ("clusterDNS:\n- 10.96.0.10\n", "clusterDNS:\n- 169.254.20.10\n"),
            ("clusterDNS:\n  - '10.96.0.10' # one\n  - fd00::a\n", "clusterDNS:\n  - '169.254.20.10' # one\n"),
            ("clusterDNS: [10.96.0.10, 10.96.0.11]\n", "clusterDNS: [169.254.20.10]\n"),
            ("clusterDNS: []\n", "clusterDNS: [169.254.20.10]\n"),
        ] {
            assert_eq!(set(&format!("{head}{old}{tail}"), None), Some(format!("{head}{new}{tail}")), "{old}");
        }
        assert_eq!(
            set(&format!("{head}{tail}resolvConf: \"/etc/resolv.conf\"\n"), Some("/run/systemd/resolve/resolv.conf")),
            Some(format!(
                "{head}{tail}resolvConf: \"/run/systemd/resolve/resolv.conf\"\nclusterDNS:\n  - 169.254.20.10\n"
            ))
        );
        assert_eq!(set("clusterDNS: {a: b}\n", None), None);
        assert_eq!(set("- 1\n", None), None);
        // a text of comments alone keeps them
        assert_eq!(with_keys("# none yet", &json!({"a": {"b": 1}})).as_deref(), Some("# none yet\na:\n  b: 1\n"));
    }
}
