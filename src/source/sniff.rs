//! What a file is, by its content: a cheap look, no parsing.

use super::kind::FileKind;

/// Kind of YAML or JSON text that says itself what it is.
pub(crate) fn structured(text: &str) -> Option<FileKind> {
    if text.starts_with("$ANSIBLE_VAULT") {
        return None;
    }
    let mut seen = Keys::default();
    for line in text.lines() {
        seen.add(line);
    }
    seen.verdict()
}

/// Which tell-tale keys a text has.
#[derive(Default)]
struct Keys {
    api_version: bool,
    kind: bool,
    kubelet: bool,
    other_kind: bool,
    rke: [bool; 2],
    k3s_inventory: bool,
}

impl Keys {
    fn add(&mut self, line: &str) {
        let outer = !line.starts_with([' ', '\t', '-']);
        self.rke = [self.rke[0] || line.starts_with("nodes:"), self.rke[1] || line.starts_with("services:")];
        self.k3s_inventory |= line.starts_with("k3s_cluster:");
        if line.trim_start().starts_with('#') {
            return;
        }
        self.api_version |= value_of(line, "apiVersion").is_some();
        let Some(value) = value_of(line, "kind") else { return };
        self.kind = true;
        // JSON indents its outermost keys; in YAML a deeper `kind` belongs to some part or some embedded text.
        if outer || line.trim_start().starts_with('"') {
            let kubelet = value.starts_with("KubeletConfiguration");
            self.kubelet |= kubelet;
            self.other_kind |= !kubelet;
        }
    }

    const fn verdict(&self) -> Option<FileKind> {
        if self.api_version && self.kind {
            return Some(if self.kubelet && !self.other_kind { FileKind::KubeletConfig } else { FileKind::Manifest });
        }
        if self.rke[0] && self.rke[1] {
            return Some(FileKind::RkeClusterYml);
        }
        if self.k3s_inventory { Some(FileKind::AnsibleVars) } else { None }
    }
}

/// The text behind `key:` in a line, with either part quoted or not; the key must stand as a word.
fn value_of<'a>(line: &'a str, key: &str) -> Option<&'a str> {
    let mut from = 0;
    while let Some(at) = line.get(from..)?.find(key).map(|at| at + from) {
        let before = line.get(..at)?.chars().next_back();
        let behind = line.get(at + key.len()..)?.trim_start_matches(['"', '\'']).trim_start();
        let word = before.is_none_or(|c| c.is_whitespace() || matches!(c, '"' | '\'' | '{' | ',' | '-' | '\u{feff}'));
        if word && let Some(value) = behind.strip_prefix(':') {
            return Some(value.trim_start().trim_start_matches(['"', '\'']));
        }
        from = at + key.len();
    }
    None
}

/// Kind of a text without a telling name; only for files the user points at.
pub(crate) fn plain(text: &str) -> Option<FileKind> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
    let first = lines().next()?;
    match first {
        "[Unit]" | "[Service]" => return Some(FileKind::SystemdUnit),
        "[Resolve]" => return Some(FileKind::ResolvedConf),
        "[main]" | "[connection]" => return Some(FileKind::NetworkManager),
        _ => {}
    }
    let word = first.split_whitespace().next()?;
    if ["nameserver", "search", "domain", "options", "sortlist"].contains(&word) {
        return Some(FileKind::ResolvConf);
    }
    let opens = first.ends_with('{') && first != "{" && !first.contains([':', '"']) || is_server_block(first);
    (opens || first.starts_with("import ") || (first.starts_with('(') && first.ends_with('{')))
        .then_some(FileKind::Corefile)
}

/// `.:53 {`, `cluster.local:53 in-addr.arpa:53 {`, `dns://.:53 {`: keys with a port, then the block.
fn is_server_block(line: &str) -> bool {
    let Some(keys) = line.strip_suffix('{') else { return false };
    let key = |key: &str| key.contains('.') && !key.contains(['"', '\'', '=', '{']) && !key.ends_with(':');
    !keys.trim().is_empty() && keys.split_whitespace().all(key)
}

/// Whether a YAML text is the source of a template engine rather than YAML.
///
/// A chart's template is one as soon as it has an action. Elsewhere only a control line that starts at column 1
/// counts: `{{ … }}` is common inside block scalars (CoreDNS' own template plugin, alert rules) of valid YAML.
pub(crate) fn is_template(text: &str, in_chart: bool) -> bool {
    if in_chart {
        return text.contains("{{");
    }
    let control = |line: &str| line.starts_with("{{") || line.starts_with("{%");
    text.lines().any(control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_must_stand_as_words() {
        assert_eq!(structured("myapiVersion: v1\nsubkind: x\n"), None);
        assert_eq!(structured("# apiVersion: v1\n# kind: Pod\n"), None);
        assert_eq!(structured("{apiVersion: v1, kind: Pod}"), Some(FileKind::Manifest));
        assert_eq!(structured("\u{feff}apiVersion: v1\r\nkind: Pod\r\n"), Some(FileKind::Manifest));
        assert_eq!(structured("\"apiVersion\" : \"v1\"\n\"kind\" : \"Pod\"\n"), Some(FileKind::Manifest));
        assert_eq!(structured("- apiVersion: v1\n  kind: Pod\n"), Some(FileKind::Manifest));
        assert_eq!(structured("$ANSIBLE_VAULT;1.1;AES256\n6162\n"), None);
    }

    #[test]
    fn several_documents_are_a_manifest() {
        let kubelet = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        assert_eq!(structured(kubelet), Some(FileKind::KubeletConfig));
        let mixed = format!("{kubelet}---\napiVersion: v1\nkind: Pod\n");
        assert_eq!(structured(&mixed), Some(FileKind::Manifest));
        let json = "{\n  \"kind\": \"KubeletConfiguration\",\n  \"apiVersion\": \"kubelet.config.k8s.io/v1beta1\"\n}";
        assert_eq!(structured(json), Some(FileKind::KubeletConfig));
    }

    #[test]
    fn other_tools() {
        assert_eq!(structured("nodes:\n- address: 1\nservices:\n  kubelet: {}\n"), Some(FileKind::RkeClusterYml));
        assert_eq!(structured("k3s_cluster:\n  vars: {}\n"), Some(FileKind::AnsibleVars));
        assert_eq!(plain("cluster.local:53 {\n}"), Some(FileKind::Corefile));
        assert_eq!(plain("(snip) {\n}"), Some(FileKind::Corefile));
        assert_eq!(plain("{\n}"), None);
        assert_eq!(plain(""), None);
    }

    #[test]
    fn templates() {
        assert!(is_template("a: {{ .Values.x }}\n", true));
        assert!(!is_template("data:\n  Corefile: |\n    answer \"{{ .Name }}\"\n", false));
        assert!(is_template("{{- if .Values.x }}\na: 1\n{{- end }}\n", false));
        assert!(is_template("{% if x %}\n", false));
    }
}
