//! The `kubelet` view: the DNS settings of one node's kubelet, and what is wrong with them.

use crate::analysis::effective::losing::LosingReason;
use crate::analysis::view::View;
use crate::source::Located;
use schemars::JsonSchema;
use serde::Serialize;

/// The DNS settings of the kubelet of one node, whoever runs it: systemd, kubeadm, k3s or RKE2.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct KubeletView {
    /// What runs the kubelet: `kubelet`, `k3s` or `rke2`.
    pub distribution: String,
    /// Release of the kubelet, e.g. `1.31.4`; absent where the snapshot names none.
    pub version: Option<String>,
    /// `clusterDNS` as it counts, one entry an item.
    pub cluster_dns: Vec<Located<ClusterDnsView>>,
    /// There is no `clusterDNS`, although the configuration that decides is in the snapshot; located where it belongs.
    pub cluster_dns_missing: Option<Located<ClusterDnsMissing>>,
    /// Entries of `clusterDNS` or `cluster-dns` that no Service can have: they lie outside the service range.
    pub cluster_dns_outside: Vec<Located<OutsideView>>,
    /// `clusterDomain` as it counts; empty if unset.
    pub cluster_domain: Located<String>,
    /// `resolvConf` as it counts.
    pub resolv_conf: Located<String>,
    /// `resolvConf` where somebody set it to the empty string.
    pub empty_resolv_conf: Option<Located<String>>,
    /// The kubelet hands out another file than the node resolves with, and they name other nameservers.
    pub other_resolver: Option<Located<OtherResolver>>,
    /// DNS settings of files that a command-line flag beats with another value.
    pub overridden: Vec<Located<LosingView>>,
    /// Keys of the kubelet's configuration that it does not know, or does not read where they stand.
    pub config_problems: Vec<Located<ConfigProblem>>,
    /// What keeps the kubelet, or k3s around it, from starting.
    pub refused: Vec<Located<RefusedStart>>,
    /// DNS settings of k3s or RKE2 without effect.
    pub k3s_losing: Vec<Located<LosingView>>,
    /// Changes to a packaged manifest that k3s writes anew at every start.
    pub edited_manifests: Vec<Located<EditedManifest>>,
}

impl View for KubeletView {
    const KIND: &'static str = "kubelet";
    const DOC: &'static str = "The DNS settings of the kubelet of one node.";
}

/// One entry of `clusterDNS`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClusterDnsView {
    /// The entry as written.
    pub text: String,
    /// Why it is not one IP address, as a clause; absent where it is.
    pub problem: Option<String>,
    /// What was probably meant: entries separated by a comma and a blank.
    pub meant: Option<String>,
}

/// A kubelet without `clusterDNS`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ClusterDnsMissing {
    /// Where the setting belongs: `configuration file` or `command line`.
    pub within: String,
    /// The address that the DNS Service has, where the snapshot shows it.
    pub address: Option<Located<String>>,
}

/// An address of the cluster DNS outside the service range.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OutsideView {
    /// The address.
    pub address: String,
    /// The service range.
    pub range: Located<String>,
    /// The tenth address of the range, which cluster DNS has by convention; absent where the range is too small.
    pub tenth: Option<String>,
}

/// The file that pods inherit next to the one that the node uses itself.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct OtherResolver {
    /// The file that the kubelet hands out.
    pub path: String,
    /// Its nameservers.
    pub nameservers: Vec<Located<String>>,
    /// The nameservers of the node's own /etc/resolv.conf.
    pub host_nameservers: Vec<Located<String>>,
}

/// A setting without effect.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct LosingView {
    /// The flag, key or field.
    pub name: String,
    /// The value that has no effect.
    pub value: String,
    /// The value that counts instead, if there is one.
    pub winning: Option<Located<String>>,
    /// The flag of k3s that a key which it does not know was meant to be, if it is clear.
    pub meant: Option<String>,
    /// An agent of k3s or RKE2 does not know the key, but its servers do, and tell it the value.
    pub of_server: bool,
    /// Why.
    pub reason: LosingReason,
}

/// A key of the kubelet's configuration that has no effect.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ConfigProblem {
    /// `unknown-key`, `wrong-parent`, `no-header` or `ignored-in-dropin`.
    pub kind: String,
    /// The key as written, or the fields that are missing from a drop-in.
    pub key: String,
    /// The key that was meant, with its parents: `authentication.anonymous`.
    pub meant: Option<String>,
    /// The key concerns DNS.
    pub dns: bool,
}

/// Something with which a program does not start.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct RefusedStart {
    /// The program that does not start: `kubelet`, `k3s` or `rke2`.
    pub program: String,
    /// What is wrong with the flag, feature gate, argument or file.
    pub kind: Refusal,
    /// The flag without dashes, the feature gate, the argument, the field or the path of the file.
    pub name: String,
    /// The release with which it came or went, e.g. `1.35`.
    pub release: Option<String>,
    /// The release is that of another node or of kubeadm's configuration, and another one might not mind.
    pub borrowed: bool,
    /// The flag or feature gate that was probably meant; the release has it.
    pub meant: Option<String>,
}

/// Why a program does not start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Refusal {
    /// No release has the flag.
    UnknownFlag,
    /// A blank stands between name and value of a flag, which so is part of its name.
    FlagBlank,
    /// This release no longer has the flag.
    FlagGone,
    /// This release does not have the flag yet.
    FlagNotYet,
    /// No release has the feature gate.
    UnknownGate,
    /// This release no longer has the feature gate.
    GateGone,
    /// This release does not have the feature gate yet.
    GateNotYet,
    /// A long flag has one dash, or more than two.
    FlagSyntax,
    /// A flag at the end has no value.
    FlagWithoutValue,
    /// A list has a quotation mark without its partner.
    FlagQuotes,
    /// A word belongs to no flag.
    Argument,
    /// `--config-dir` before 1.30 needs the variable `KUBELET_CONFIG_DROPIN_DIR_ALPHA`.
    ConfigDirAlpha,
    /// The configuration file is not there.
    ConfigMissing,
    /// The configuration file is not YAML.
    ConfigSyntax,
    /// The configuration file is a list or a text.
    ConfigNotAMap,
    /// The configuration file does not say which kind of object it is.
    ConfigHeader,
    /// A field has a value of another type.
    FieldType,
}

/// A line of a packaged manifest that the package does not have.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct EditedManifest {
    /// The manifest's path on the node.
    pub path: String,
    /// The line, blanks folded.
    pub line: String,
}
