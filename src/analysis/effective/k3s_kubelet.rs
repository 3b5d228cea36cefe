//! How k3s and RKE2 start their kubelet: flags up to 1.31, a drop-in beside flags from 1.32 on
//! (`pkg/daemons/agent/agent.go`).

use super::Distribution;
use super::config_value::{ConfigValue, comma_text};
use super::flag::FlagValue;
use super::k3s_args::{FilteredArgs, KubeletArgs, assemble, extract_config};
use super::kubelet::{API_VERSION, KIND, KubeletFile};
use super::versions::{KubeVersion, k3s_writes_kubelet_dropin};
use crate::source::{Located, Origins};

/// Name below the drop-in directory of the file that `kubelet-arg: config=FILE` is copied to.
pub const COPIED_CONFIG: &str = "10-cli-config.conf";
/// Name below the drop-in directory of the directory that `kubelet-arg: config-dir=DIR` is copied to.
pub const COPIED_CONFIG_DIR: &str = "20-cli-config-dir";

/// The directory of drop-ins below `data-dir`.
const DROP_INS: &str = "/agent/etc/kubelet.conf.d";

fn defaults_name(distribution: Distribution) -> String {
    format!("00-{}-defaults.conf", distribution.name())
}

/// Whether a file of a node is the drop-in that k3s or RKE2 writes anew at every start.
#[must_use]
pub fn is_defaults_file(path: &str) -> bool {
    let Some((directory, name)) = path.rsplit_once('/') else { return false };
    let own = |distribution| name == defaults_name(distribution);
    directory.ends_with(DROP_INS) && (own(Distribution::K3s) || own(Distribution::Rke2))
}

/// What k3s itself tells its kubelet. Agents get the cluster's values from the server, never from their own files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct K3sDefaults {
    /// Cluster DNS addresses, see [`cluster_dns`](super::cluster_dns::cluster_dns).
    pub cluster_dns: Vec<Located<String>>,
    /// `cluster-domain`.
    pub cluster_domain: Located<String>,
    /// The chosen resolver file, see [`choose`](super::k3s_resolver::choose); `None` if k3s could not write its own.
    pub resolv_conf: Option<Located<String>>,
    /// The effective `data-dir`.
    pub data_dir: Located<String>,
}

/// The kubelet's command line and the files that k3s puts beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct K3sKubelet {
    /// The assembled arguments.
    pub args: KubeletArgs,
    /// `--config-dir`, since 1.32. An administrator's own files in it apply in the order of their names.
    pub config_dir: Option<Located<String>>,
    /// The drop-in with k3s's own settings, since 1.32; rewritten at every start.
    pub defaults_file: Option<KubeletFile>,
    /// What the filter of `kubelet-arg` entries took out; its `config` and `config_dir` are copied to
    /// [`COPIED_CONFIG`] and [`COPIED_CONFIG_DIR`]. Empty up to 1.31.
    pub filtered: FilteredArgs,
}

/// Assembles the start of the kubelet from k3s's settings and the user's `kubelet-arg` entries.
#[must_use]
pub fn start(
    distribution: Distribution,
    version: KubeVersion,
    defaults: &K3sDefaults,
    entries: &[Located<String>],
) -> K3sKubelet {
    if !k3s_writes_kubelet_dropin(version) {
        let args = assemble(&default_flags(defaults), entries);
        return K3sKubelet { args, config_dir: None, defaults_file: None, filtered: FilteredArgs::default() };
    }
    let dir = format!("{}{DROP_INS}", defaults.data_dir.value.trim_end_matches('/'));
    let path = format!("{dir}/{}", defaults_name(distribution));
    let dir = defaults.data_dir.with(dir);
    let filtered = extract_config(entries);
    K3sKubelet {
        args: assemble(&[flag("config-dir", dir.clone())], &filtered.entries),
        defaults_file: Some(KubeletFile { path, tree: defaults_tree(defaults), named_by: Origins::none() }),
        config_dir: Some(dir),
        filtered,
    }
}

fn flag(name: &str, value: Located<String>) -> FlagValue {
    FlagValue::new(Located::default_value(name.to_owned()), value)
}

fn default_flags(defaults: &K3sDefaults) -> Vec<FlagValue> {
    let mut flags = vec![
        flag("cluster-dns", comma_text(&defaults.cluster_dns)),
        flag("cluster-domain", defaults.cluster_domain.clone()),
    ];
    flags.extend(defaults.resolv_conf.clone().map(|path| flag("resolv-conf", path)));
    flags
}

fn defaults_tree(defaults: &K3sDefaults) -> Located<ConfigValue> {
    let scalar = |text: &Located<String>| text.with(ConfigValue::Scalar(text.value.clone()));
    let own = |text: &str| Located::default_value(text.to_owned());
    let addresses = ConfigValue::List(defaults.cluster_dns.iter().map(scalar).collect());
    let mut entries = vec![
        (own("apiVersion"), scalar(&own(API_VERSION))),
        (own("kind"), scalar(&own(KIND))),
        (own("clusterDNS"), Located::default_value(addresses)),
        (own("clusterDomain"), scalar(&defaults.cluster_domain)),
    ];
    entries.extend(defaults.resolv_conf.as_ref().map(|path| (own("resolvConf"), scalar(path))));
    Located::default_value(ConfigValue::Map(entries))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::effective::kubelet::{EffectiveKubelet, KubeletInput, effective};
    use crate::analysis::effective::losing::LosingReason;
    use crate::source::{FileId, Location, Span};

    #[test]
    fn the_file_of_every_start_is_known() {
        for path in [
            "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s-defaults.conf",
            "/data/rke2/agent/etc/kubelet.conf.d/00-rke2-defaults.conf",
        ] {
            assert!(is_defaults_file(path), "{path}");
        }
        for path in [
            "/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/50-my-defaults.conf",
            "/etc/kubernetes/kubelet.conf.d/00-k3s-defaults.conf",
            "00-k3s-defaults.conf",
        ] {
            assert!(!is_defaults_file(path), "{path}");
        }
    }

    fn at(file: u32, text: &str) -> Located<String> {
        Located::at(text.to_owned(), Location::new(FileId(file), Span::new(0, text.len())))
    }

    fn run(version: KubeVersion, entries: &[&str]) -> (EffectiveKubelet, K3sKubelet) {
        let defaults = K3sDefaults {
            cluster_dns: vec![at(1, "10.43.0.10")],
            cluster_domain: Located::default_value("cluster.local".to_owned()),
            resolv_conf: Some(at(2, "/run/a")),
            data_dir: Located::default_value("/var/lib/rancher/k3s".to_owned()),
        };
        let entries: Vec<_> = entries.iter().map(|entry| at(3, entry)).collect();
        let started = start(Distribution::K3s, version, &defaults, &entries);
        let dropins: Vec<_> = started.defaults_file.iter().cloned().collect();
        let (flags, alpha_dropins, openshift) = (&started.args.args, false, false);
        let input = KubeletInput { version, flags, config: None, dropins: &dropins, alpha_dropins, openshift };
        (effective(&input), started)
    }

    #[test]
    fn both_generations_end_with_the_same_settings() {
        for version in [KubeVersion::new(1, 31, 9), KubeVersion::new(1, 32, 0)] {
            let (kubelet, started) = run(version, &["resolv-conf=/etc/k3s-resolv.conf"]);
            assert_eq!(kubelet.cluster_dns, [at(1, "10.43.0.10")], "{version}");
            assert_eq!(kubelet.cluster_domain.value, "cluster.local");
            assert_eq!(kubelet.resolv_conf.value, "/etc/k3s-resolv.conf");
            assert!(kubelet.invalid_dropins.is_empty() && kubelet.problems.is_empty());
            let losing = started.args.losing.iter().chain(&kubelet.overridden).next();
            assert_eq!(
                losing.map(|l| (l.value.value.as_str(), l.value.location())),
                Some(("/run/a", at(2, "/run/a").location()))
            );
        }
    }

    #[test]
    fn plus_appends_up_to_1_31_only() {
        let dns = |version| {
            run(version, &["cluster-dns+=169.254.20.10"]).0.cluster_dns.into_iter().map(|v| v.value).collect::<Vec<_>>()
        };
        assert_eq!(dns(KubeVersion::new(1, 31, 0)), ["10.43.0.10", "169.254.20.10"]);
        assert_eq!(dns(KubeVersion::new(1, 32, 0)), ["169.254.20.10"]);
        let (kubelet, _) = run(KubeVersion::new(1, 32, 0), &["cluster-dns+=169.254.20.10"]);
        assert_eq!(kubelet.overridden.first().map(|l| l.reason), Some(LosingReason::FlagBeatsFile));
    }
}
