//! Field names in any case: since 1.32 the kubelet reads its merged drop-ins with Go's `encoding/json`, which does not tell
//! upper from lower case (`mergeKubeletConfigurations` in `cmd/kubelet/app/server.go`); the `--config` file must be exact.

use super::config_value::ConfigValue;
use crate::source::Located;

/// The fields about DNS.
const FIELDS: [&str; 3] = ["clusterDNS", "clusterDomain", RESOLV_CONF];
/// The one that has a default.
const RESOLV_CONF: &str = "resolvConf";

fn is_other_spelling(key: &str, field: &str) -> bool {
    key != field && key.eq_ignore_ascii_case(field)
}

/// Takes out of a `--config` file what drop-ins are not merged with: other spellings, and the empty fields that Go leaves
/// out when it writes the configuration for the merge (`omitempty`).
pub(super) fn hide(tree: &mut Located<ConfigValue>) {
    if let ConfigValue::Map(entries) = &mut tree.value {
        let other = |key: &str| FIELDS.iter().any(|field| is_other_spelling(key, field));
        entries.retain(|(key, value)| !other(&key.value) && !is_omitted(&key.value, &value.value));
    }
}

fn is_omitted(field: &str, value: &ConfigValue) -> bool {
    let empty = *value == ConfigValue::List(Vec::new()) || value.as_scalar() == Some("");
    empty && field != RESOLV_CONF && FIELDS.contains(&field)
}

/// Gives the fields of a merged configuration their names; of several spellings the last one by its bytes counts.
/// `has_default`: `resolvConf` stands in it even where no file sets it.
pub(super) fn fold(tree: &mut Located<ConfigValue>, has_default: bool) {
    let ConfigValue::Map(entries) = &mut tree.value else { return };
    for field in FIELDS {
        let others: Vec<_> = entries.extract_if(.., |(key, _)| is_other_spelling(&key.value, field)).collect();
        let given = others.into_iter().filter(|(_, value)| value.value != ConfigValue::Null);
        let Some((key, value)) = given.max_by(|a, b| a.0.value.cmp(&b.0.value)) else { continue };
        let has_own = entries.iter().any(|(key, value)| key.value == field && value.value != ConfigValue::Null);
        if key.value.as_str() > field || !(has_own || has_default && field == RESOLV_CONF) {
            entries.push((key.with(field.to_owned()), value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(keys: &[&str]) -> Vec<(String, String)> {
        let text = |text: &str| Located::default_value(text.to_owned());
        let entries = keys.iter().map(|key| (text(key), text(key).map(ConfigValue::Scalar))).collect();
        let mut tree = Located::default_value(ConfigValue::Map(entries));
        fold(&mut tree, true);
        let winner = |field: &&str| {
            let value = tree.value.get(field)?.value.as_scalar()?.to_owned();
            Some(((*field).to_owned(), value))
        };
        FIELDS.iter().filter_map(winner).collect()
    }

    #[test]
    fn the_last_spelling_counts() {
        let won = |field: &str, spelling: &str| vec![(field.to_owned(), spelling.to_owned())];
        assert_eq!(folded(&["clusterDNS", "clusterDns"]), won("clusterDNS", "clusterDns"));
        assert_eq!(folded(&["clusterDNS", "ClusterDNS"]), won("clusterDNS", "clusterDNS"));
        assert_eq!(folded(&["ClusterDNS"]), won("clusterDNS", "ClusterDNS"));
        assert_eq!(folded(&["ResolvConf"]), []);
        assert_eq!(folded(&["resolvconf"]), won("resolvConf", "resolvconf"));
    }
}
