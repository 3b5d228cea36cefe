//! The kubelet's effective DNS settings: flags over drop-ins over the `--config` file over defaults
//! (`cmd/kubelet/app/server.go`).

use super::config_value::{ConfigValue, comma_text, display_text};
use super::flag::FlagValue;
use super::flag_csv::split_csv;
use super::kubelet_names::Standing;
use super::losing::{Losing, LosingReason};
use super::merge_patch::merge_patch;
use super::origin::{joined, split_commas};
use super::pod_dns::{KubeletDns, ResolvConfSetting};
use super::refusals;
use super::spellings;
use super::versions::{DropInSupport, KubeVersion, kubelet_dropins, kubelet_dropins_are_versioned};
use crate::source::{FileId, Located, Location, Origins};
use std::collections::BTreeMap;

/// `apiVersion` that a drop-in must carry since 1.32.
pub const API_VERSION: &str = "kubelet.config.k8s.io/v1beta1";
/// `kind` that a drop-in must carry since 1.32.
pub const KIND: &str = "KubeletConfiguration";
/// The resolver file of a kubelet that is told nothing.
pub const DEFAULT_RESOLV_CONF: &str = "/etc/resolv.conf";

/// A configuration file or drop-in of the kubelet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletFile {
    /// Path on the node; of a drop-in, at least the part below `--config-dir`.
    pub path: String,
    /// Its content.
    pub tree: Located<ConfigValue>,
    /// Where it is said that the kubelet reads this file (the flag `--config` or `--config-dir`).
    pub named_by: Origins,
}

/// Everything that sets a kubelet's fields. There is no environment variable among it.
#[derive(Clone, Copy, Debug)]
pub struct KubeletInput<'a> {
    /// Release of the kubelet.
    pub version: KubeVersion,
    /// The command line, in order.
    pub flags: &'a [FlagValue],
    /// The file of `--config`, if the kubelet reads one.
    pub config: Option<&'a KubeletFile>,
    /// The files below `--config-dir`, in any order.
    pub dropins: &'a [KubeletFile],
    /// Whether `KUBELET_CONFIG_DROPIN_DIR_ALPHA` is in its environment, or may be.
    pub alpha_dropins: bool,
    /// Whether it is the kubelet of OpenShift, which differs from the release it is made from.
    pub openshift: bool,
}

/// The effective DNS settings, each with its own place first and the flag that names its file behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EffectiveKubelet {
    /// `clusterDNS`, as written.
    pub cluster_dns: Vec<Located<String>>,
    /// `clusterDomain`; empty if unset.
    pub cluster_domain: Located<String>,
    /// `resolvConf`; `/etc/resolv.conf` without origin if unset. May be empty.
    pub resolv_conf: Located<String>,
    /// `--node-ip`.
    pub node_ips: Vec<Located<String>>,
    /// The feature gate `ExpandedDNSConfig`.
    pub expanded_dns_config: Option<Located<bool>>,
    /// Values that another one beats.
    pub overridden: Vec<Losing>,
    /// Drop-ins that keep the kubelet from starting. The settings are those it would have with the drop-in mended.
    pub invalid_dropins: Vec<InvalidDropIn>,
    /// Paths of files below `--config-dir` that are skipped because their names do not end in `.conf`.
    pub ignored_files: Vec<String>,
    /// Other things that keep the kubelet from starting, or from reading a field as it was meant.
    pub problems: Vec<KubeletProblem>,
}

impl EffectiveKubelet {
    /// The settings as the prediction of a pod's file takes them.
    #[must_use]
    pub fn dns(&self) -> KubeletDns {
        KubeletDns {
            cluster_dns: self.cluster_dns.clone(),
            cluster_domain: Some(self.cluster_domain.clone()),
            resolv_conf: ResolvConfSetting::from_text(self.resolv_conf.clone()),
            node_ips: self.node_ips.clone(),
            expanded_dns_config: self.expanded_dns_config.as_ref().map(|gate| gate.value),
        }
    }
}

/// A drop-in without the header that 1.32 and later demand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidDropIn {
    /// Its path.
    pub path: String,
    /// Which of `apiVersion` and `kind` are missing or wrong.
    pub fields: Vec<&'static str>,
    /// The wrong value, or the document.
    pub at: Option<Location>,
}

/// What keeps the kubelet from starting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletProblem {
    /// What is wrong.
    pub kind: KubeletProblemKind,
    /// The flag, field, feature gate or file that is wrong; empty where the place says it.
    pub name: String,
    /// Where.
    pub at: Option<Location>,
}

impl KubeletProblem {
    /// Whether another release might not mind.
    #[must_use]
    pub const fn depends_on_release(&self) -> bool {
        use KubeletProblemKind::{ConfigDirRefused, Flag, Gate};
        match self.kind {
            Flag(standing) => !matches!(standing, Standing::Unknown),
            Gate(_) | ConfigDirRefused => true,
            _ => false,
        }
    }
}

/// Kinds of [`KubeletProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletProblemKind {
    /// `--config-dir` in 1.28 and 1.29 without the variable `KUBELET_CONFIG_DROPIN_DIR_ALPHA`.
    ConfigDirRefused,
    /// The file of `--config` is proved not to be there.
    ConfigMissing,
    /// A configuration file is not YAML.
    Syntax,
    /// A configuration file is not a map.
    NotAMap,
    /// The file of `--config` lacks `apiVersion` or `kind`, or has others.
    NoHeader,
    /// A field has the wrong type: `clusterDNS` must be a list of strings, the others strings.
    WrongType,
    /// A flag's name starts with a dash: one dash or three were typed.
    FlagSyntax,
    /// A value of `--cluster-dns` has quotes that do not match (it is read as CSV).
    FlagQuotes,
    /// A flag that this release does not have.
    Flag(Standing),
    /// A feature gate that this release does not have.
    Gate(Standing),
}

/// The last value of a flag with one value, e.g. the path of `--config` or `--config-dir`.
#[must_use]
pub fn flag_value(flags: &[FlagValue], name: &str) -> Option<Located<String>> {
    flags.iter().rev().find(|flag| flag.folded_name() == name).map(FlagValue::located_value)
}

/// Computes the effective settings.
#[must_use]
pub fn effective(input: &KubeletInput<'_>) -> EffectiveKubelet {
    let mut result = EffectiveKubelet {
        cluster_dns: Vec::new(),
        cluster_domain: Located::default_value(String::new()),
        resolv_conf: Located::default_value(DEFAULT_RESOLV_CONF.to_owned()),
        node_ips: Vec::new(),
        expanded_dns_config: None,
        overridden: Vec::new(),
        invalid_dropins: Vec::new(),
        ignored_files: Vec::new(),
        problems: Vec::new(),
    };
    let tree = merged_tree(input, &mut result);
    let named_by = named_by(input);
    result.read_file_fields(&tree, &named_by);
    result.apply_flags(input.flags);
    result.problems.extend(refusals::flags_and_gates(input, &tree.value));
    result
}

/// Which flag made each file effective.
fn named_by<'a>(input: &KubeletInput<'a>) -> BTreeMap<FileId, &'a Origins> {
    let files = input.config.into_iter().chain(input.dropins);
    files.filter_map(|file| Some((file.tree.location()?.file, &file.named_by))).collect()
}

/// The `--config` file with all drop-ins over it.
fn merged_tree(input: &KubeletInput<'_>, result: &mut EffectiveKubelet) -> Located<ConfigValue> {
    let mut tree = Located::default_value(ConfigValue::Map(Vec::new()));
    if let Some(file) = input.config.filter(|file| result.is_map(file)) {
        let (fields, at) = wrong_header(file);
        if !fields.is_empty() {
            result.problem(KubeletProblemKind::NoHeader, &fields.join(" and "), at);
        }
        tree = file.tree.clone();
        make_absolute(&mut tree, &file.path);
    }
    let dropins = result.usable_dropins(input);
    let versioned = kubelet_dropins_are_versioned(input.version);
    if versioned && !dropins.is_empty() {
        spellings::hide(&mut tree);
    }
    for file in &dropins {
        if versioned {
            result.check_header(file);
            merge_patch(&mut tree, &file.tree, &mut result.overridden);
        } else {
            let patch = result.without_resolv_conf(&file.tree);
            merge_patch(&mut tree, &patch, &mut result.overridden);
        }
    }
    if versioned {
        // the configuration that drop-ins are merged into has the default, until one says null
        let removes =
            |file: &&KubeletFile| file.tree.value.get("resolvConf").is_some_and(|v| v.value == ConfigValue::Null);
        spellings::fold(&mut tree, !dropins.iter().any(removes));
    }
    tree
}

/// Whether the kubelet reads a file below `--config-dir`, as its name decides.
#[must_use]
pub fn is_dropin(path: &str) -> bool {
    path.ends_with(".conf")
}

/// The order in which drop-ins apply: directory by directory, by the bytes of each path component.
fn walk_order(path: &str) -> Vec<&str> {
    path.split('/').filter(|part| !part.is_empty()).collect()
}

impl EffectiveKubelet {
    fn problem(&mut self, kind: KubeletProblemKind, name: &str, at: Option<Location>) {
        self.problems.push(KubeletProblem { kind, name: name.to_owned(), at });
    }

    /// An empty document is a map without keys.
    fn is_map(&mut self, file: &KubeletFile) -> bool {
        let is_map = matches!(file.tree.value, ConfigValue::Map(_));
        if !is_map && file.tree.value != ConfigValue::Null {
            self.problem(KubeletProblemKind::NotAMap, &file.path, file.tree.location());
        }
        is_map
    }

    fn usable_dropins<'a>(&mut self, input: &KubeletInput<'a>) -> Vec<&'a KubeletFile> {
        let flag = flag_value(input.flags, "config-dir");
        let at = flag.as_ref().and_then(Located::location);
        match kubelet_dropins(input.version) {
            _ if input.dropins.is_empty() && flag.is_none() => return Vec::new(),
            DropInSupport::UnknownFlag => return Vec::new(),
            DropInSupport::NeedsAlphaVariable if !input.alpha_dropins => {
                self.problem(KubeletProblemKind::ConfigDirRefused, "config-dir", at);
                return Vec::new();
            }
            DropInSupport::NeedsAlphaVariable | DropInSupport::Usable => {}
        }
        let (mut used, ignored): (Vec<_>, Vec<_>) = input.dropins.iter().partition(|file| is_dropin(&file.path));
        self.ignored_files.extend(ignored.into_iter().map(|file| file.path.clone()));
        used.sort_by(|a, b| walk_order(&a.path).cmp(&walk_order(&b.path)));
        used.retain(|file| {
            if file.tree.value == ConfigValue::Null && kubelet_dropins_are_versioned(input.version) {
                self.check_header(file);
            }
            self.is_map(file)
        });
        used
    }

    fn check_header(&mut self, file: &KubeletFile) {
        let (fields, at) = wrong_header(file);
        if !fields.is_empty() {
            self.invalid_dropins.push(InvalidDropIn { path: file.path.clone(), fields, at });
        }
    }

    /// Before 1.32 the merge worked on internal names, where the field is called otherwise.
    fn without_resolv_conf(&mut self, tree: &Located<ConfigValue>) -> Located<ConfigValue> {
        let ConfigValue::Map(entries) = &tree.value else { return tree.clone() };
        let (ignored, kept): (Vec<_>, Vec<_>) = entries.iter().cloned().partition(|(key, _)| key.value == "resolvConf");
        for (_, value) in ignored {
            let losing = Losing::alone("resolvConf", display_text(&value), LosingReason::IgnoredInDropIn);
            self.overridden.push(losing);
        }
        tree.with(ConfigValue::Map(kept))
    }

    fn read_file_fields(&mut self, tree: &Located<ConfigValue>, named_by: &BTreeMap<FileId, &Origins>) {
        let chain = |value: Located<String>| with_namer(value, named_by);
        if let Some(list) = self.list_field(&tree.value, "clusterDNS") {
            self.cluster_dns = list.into_iter().map(chain).collect();
        }
        if let Some(domain) = self.text_field(&tree.value, "clusterDomain") {
            self.cluster_domain = chain(domain);
        }
        if let Some(path) = self.text_field(&tree.value, "resolvConf") {
            self.resolv_conf = chain(path);
        }
        let gate = tree.value.get("featureGates").and_then(|gates| gates.value.get("ExpandedDNSConfig"));
        self.expanded_dns_config = gate.and_then(|gate| Some(gate.with(gate.value.as_scalar()?.parse().ok()?)));
    }

    fn text_field(&mut self, tree: &ConfigValue, field: &str) -> Option<Located<String>> {
        let value = tree.get(field)?;
        match &value.value {
            ConfigValue::Null => None,
            ConfigValue::Scalar(text) => Some(value.with(text.clone())),
            ConfigValue::List(_) | ConfigValue::Map(_) => {
                self.problem(KubeletProblemKind::WrongType, field, value.location());
                None
            }
        }
    }

    fn list_field(&mut self, tree: &ConfigValue, field: &str) -> Option<Vec<Located<String>>> {
        let value = tree.get(field)?;
        let items = match &value.value {
            ConfigValue::Null => return None,
            ConfigValue::List(items) => items,
            ConfigValue::Scalar(_) | ConfigValue::Map(_) => {
                self.problem(KubeletProblemKind::WrongType, field, value.location());
                return None;
            }
        };
        let wrong = items.iter().filter(|item| item.value.as_scalar().is_none() && item.value != ConfigValue::Null);
        wrong.for_each(|item| self.problem(KubeletProblemKind::WrongType, field, item.location()));
        Some(items.iter().map(|item| item.with(item.value.as_scalar().unwrap_or_default().to_owned())).collect())
    }

    /// The command line is parsed again over the files, so it beats them.
    fn apply_flags(&mut self, flags: &[FlagValue]) {
        for flag in flags.iter().filter(|flag| flag.name.value.starts_with('-')) {
            self.problem(KubeletProblemKind::FlagSyntax, &flag.name.value, flag.name.location());
        }
        self.apply_cluster_dns(flags);
        let domain = std::mem::replace(&mut self.cluster_domain, Located::default_value(String::new()));
        self.cluster_domain = self.single_flag(flags, "cluster-domain", "clusterDomain", domain);
        let path = std::mem::replace(&mut self.resolv_conf, Located::default_value(String::new()));
        self.resolv_conf = self.single_flag(flags, "resolv-conf", "resolvConf", path);
        if let Some(ips) = flag_value(flags, "node-ip") {
            self.node_ips = split_commas(&ips).into_iter().filter(|ip| !ip.value.is_empty()).collect();
        }
        self.apply_gates(flags);
    }

    /// `--cluster-dns`: the first occurrence replaces the file's list, further ones append to it.
    fn apply_cluster_dns(&mut self, flags: &[FlagValue]) {
        let given: Vec<_> = flags.iter().filter(|flag| flag.folded_name() == "cluster-dns").collect();
        if given.is_empty() {
            return;
        }
        let mut addresses = Vec::new();
        for flag in &given {
            match split_csv(&flag.located_value()) {
                Some(parts) => addresses.extend(parts),
                None => self.problem(KubeletProblemKind::FlagQuotes, "cluster-dns", flag.value.location()),
            }
        }
        let file = std::mem::replace(&mut self.cluster_dns, addresses);
        if !file.is_empty() {
            let mut winning = comma_text(&self.cluster_dns);
            if winning.origins.is_empty() {
                winning.origins = joined(given.iter().map(|flag| &flag.value));
            }
            let losing = Losing::against("clusterDNS", comma_text(&file), winning, LosingReason::FlagBeatsFile);
            self.overridden.push(losing);
        }
    }

    fn single_flag(&mut self, flags: &[FlagValue], flag: &str, field: &str, file: Located<String>) -> Located<String> {
        let mut given: Vec<_> =
            flags.iter().filter(|f| f.folded_name() == flag).map(FlagValue::located_value).collect();
        let Some(winner) = given.pop() else { return file };
        // A default is no text of anyone's that could lose.
        if !file.origins.is_empty() {
            self.overridden.push(Losing::against(field, file, winner.clone(), LosingReason::FlagBeatsFile));
        }
        for earlier in given {
            self.overridden.push(Losing::one_of_many(field, earlier, &winner, LosingReason::RepeatedFlag));
        }
        winner
    }

    /// `--feature-gates=A=true,B=false` adds to the file's map, key by key.
    fn apply_gates(&mut self, flags: &[FlagValue]) {
        let flags = flags.iter().filter(|flag| flag.folded_name() == "feature-gates");
        for gate in flags.flat_map(|flag| split_commas(&flag.located_value())) {
            let Some(("ExpandedDNSConfig", value)) = gate.value.trim().split_once('=') else { continue };
            if let Ok(value) = value.trim().parse() {
                self.expanded_dns_config = Some(gate.with(value));
            }
        }
    }
}

/// Which of `apiVersion` and `kind` are missing or wrong, and where.
fn wrong_header(file: &KubeletFile) -> (Vec<&'static str>, Option<Location>) {
    let mut at = file.tree.location();
    let mut fields = Vec::new();
    for (field, want) in [("apiVersion", API_VERSION), ("kind", KIND)] {
        let value = file.tree.value.get(field);
        if value.is_none_or(|value| value.value.as_scalar() != Some(want)) {
            fields.push(field);
            at = value.and_then(Located::location).or(at);
        }
    }
    (fields, at)
}

/// The value with the flag that names its file behind its own place.
fn with_namer(mut value: Located<String>, named_by: &BTreeMap<FileId, &Origins>) -> Located<String> {
    let namers = value.location().and_then(|at| named_by.get(&at.file)).copied();
    value.origins.extend(namers.into_iter().flatten());
    value
}

/// A relative `resolvConf` of the `--config` file counts from the directory of that file (`KubeletConfigurationPathRefs`
/// in `pkg/kubelet/apis/config/helpers.go`); an empty one stays empty, and so does that of a drop-in as it is.
fn make_absolute(tree: &mut Located<ConfigValue>, config_path: &str) {
    let Some((directory, _)) = config_path.rsplit_once('/') else { return };
    let ConfigValue::Map(entries) = &mut tree.value else { return };
    let paths = entries.iter_mut().filter(|(key, _)| key.value == "resolvConf").map(|(_, value)| &mut value.value);
    for path in paths {
        if let ConfigValue::Scalar(text) = path
            && !text.is_empty()
            && !text.starts_with('/')
        {
            *text = joined_path(directory, text);
        }
    }
}

/// Go's `filepath.Join` below an absolute directory.
fn joined_path(directory: &str, path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    for name in directory.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    format!("{}{}", if directory.starts_with('/') || directory.is_empty() { "/" } else { "" }, names.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    const NOW: KubeVersion = KubeVersion::new(1, 34, 0);

    fn at(file: u32, start: usize, text: &str) -> Located<String> {
        Located::at(text.to_owned(), Location::new(FileId(file), Span::new(start, start + text.len())))
    }

    fn flag(start: usize, name: &str, value: &str) -> FlagValue {
        FlagValue::new(at(0, start, name), at(0, start + name.len() + 1, value))
    }

    /// A document whose values stand at 100, 200, … of its file.
    fn file(id: u32, path: &str, fields: &[(&str, ConfigValue)]) -> KubeletFile {
        let place = |start| Location::new(FileId(id), Span::new(start, start + 9));
        let header = [("apiVersion", API_VERSION), ("kind", KIND)].map(|(k, v)| (k, ConfigValue::Scalar(v.to_owned())));
        let entries = fields.iter().cloned().chain(header).enumerate().map(|(index, (key, value))| {
            let start = 100 * (index + 1);
            (Located::default_value(key.to_owned()), Located::at(value, place(start)))
        });
        let tree = Located::at(ConfigValue::Map(entries.collect()), place(0));
        KubeletFile { path: path.to_owned(), tree, named_by: at(0, 5000, "--config").origins }
    }

    fn text(text: &str) -> ConfigValue {
        ConfigValue::Scalar(text.to_owned())
    }

    fn list(items: &[&str]) -> ConfigValue {
        ConfigValue::List(
            items.iter().enumerate().map(|(i, item)| at(1, 700 + i * 50, item).map(ConfigValue::Scalar)).collect(),
        )
    }

    fn run(
        version: KubeVersion,
        flags: &[FlagValue],
        config: &KubeletFile,
        dropins: &[KubeletFile],
    ) -> EffectiveKubelet {
        effective(&KubeletInput {
            version,
            flags,
            config: Some(config),
            dropins,
            alpha_dropins: false,
            openshift: false,
        })
    }

    #[test]
    fn a_flag_tells_what_it_beats() {
        let config = file(1, "/k.yaml", &[("resolvConf", text("/a")), ("clusterDNS", list(&["10.96.0.10"]))]);
        let flags =
            [flag(0, "resolv_conf", "/x"), flag(50, "resolv-conf", "/b"), flag(90, "cluster-dns", "1.1.1.1,2.2.2.2")];
        let got = run(NOW, &flags, &config, &[]);
        assert_eq!(got.resolv_conf.value, "/b");
        let place = |l: &Located<String>| l.location().map(|l| (l.file.0, l.span.start));
        let overridden: Vec<_> = got
            .overridden
            .iter()
            .map(|l| (l.name.as_str(), l.reason, place(&l.value), l.winning.as_ref().and_then(place)))
            .collect();
        assert_eq!(
            overridden,
            [
                ("clusterDNS", LosingReason::FlagBeatsFile, Some((1, 700)), Some((0, 102))),
                ("resolvConf", LosingReason::FlagBeatsFile, Some((1, 100)), Some((0, 62))),
                ("resolvConf", LosingReason::RepeatedFlag, Some((0, 12)), Some((0, 62))),
            ]
        );
        assert_eq!(got.cluster_dns.iter().map(place).collect::<Vec<_>>(), [Some((0, 102)), Some((0, 110))]);
    }

    #[test]
    fn a_file_value_names_the_flag_behind_it() {
        let got = run(NOW, &[], &file(1, "/etc/kubernetes/k.yaml", &[("resolvConf", text("./r.conf"))]), &[]);
        assert_eq!(got.resolv_conf.value, "/etc/kubernetes/r.conf");
        assert_eq!(got.resolv_conf.origins.len(), 2);
        assert!(got.overridden.is_empty());
    }

    #[test]
    fn dropins_in_walk_order_and_by_release() {
        let config = file(1, "/k.yaml", &[("resolvConf", text("/a"))]);
        let dropins = [
            file(4, "b.conf", &[("resolvConf", text("/b"))]),
            file(3, "a/z.conf", &[("resolvConf", text("/z"))]),
            file(2, "c.yaml", &[("resolvConf", text("/c"))]),
        ];
        let got = run(NOW, &[], &config, &dropins);
        assert_eq!(got.resolv_conf.value, "/b");
        assert_eq!(got.overridden.iter().map(|l| l.value.value.as_str()).collect::<Vec<_>>(), ["/a", "/z"]);
        assert_eq!(got.ignored_files, ["c.yaml"]);
        let old = run(KubeVersion::new(1, 31, 0), &[], &config, &dropins);
        assert_eq!(old.resolv_conf.value, "/a");
        assert!(old.overridden.iter().all(|l| l.reason == LosingReason::IgnoredInDropIn));
        let refused = run(KubeVersion::new(1, 29, 0), &[flag(9, "config-dir", "/d")], &config, &dropins);
        assert_eq!(
            refused.problems.first().map(|p| (p.kind, p.at.map(|at| at.span.start))),
            Some((KubeletProblemKind::ConfigDirRefused, Some(20)))
        );
    }

    #[test]
    fn a_dropin_needs_its_header() {
        let mut dropin = file(2, "a.conf", &[]);
        dropin.tree.value = ConfigValue::Map(vec![(at(2, 0, "kind"), at(2, 6, "Kubelet").map(ConfigValue::Scalar))]);
        let config = file(1, "/k.yaml", &[]);
        let got = run(NOW, &[], &config, std::slice::from_ref(&dropin));
        let invalid = got.invalid_dropins.first().unwrap();
        assert_eq!(
            (invalid.fields.as_slice(), invalid.at.map(|at| at.span.start)),
            (["apiVersion", "kind"].as_slice(), Some(6))
        );
        assert!(run(KubeVersion::new(1, 31, 0), &[], &config, &[dropin]).invalid_dropins.is_empty());
    }

    #[test]
    fn null_brings_the_default_back() {
        let config = file(1, "/k.yaml", &[("resolvConf", text("/a")), ("clusterDNS", ConfigValue::Null)]);
        let got = run(NOW, &[], &config, &[file(2, "a.conf", &[("resolvConf", ConfigValue::Null)])]);
        assert_eq!((got.resolv_conf.value.as_str(), got.cluster_dns.len()), (DEFAULT_RESOLV_CONF, 0));
        assert_eq!(got.overridden.first().map(|l| l.reason), Some(LosingReason::RemovedByNull));
    }

    #[test]
    fn wrong_types_and_flags() {
        let config = file(1, "/k.yaml", &[("clusterDNS", text("10.96.0.10")), ("resolvConf", list(&[]))]);
        let got = run(NOW, &[flag(0, "-cluster-dns", "1.1.1.1"), flag(40, "cluster-dns", "\"1.1.1.1")], &config, &[]);
        let kinds: Vec<_> = got.problems.iter().map(|p| p.kind).collect();
        use KubeletProblemKind::{FlagQuotes, FlagSyntax, WrongType};
        assert_eq!(kinds, [WrongType, WrongType, FlagSyntax, FlagQuotes]);
        assert_eq!(got.resolv_conf.value, DEFAULT_RESOLV_CONF);
    }

    #[test]
    fn gates_add_up() {
        let gates = ConfigValue::Map(vec![(at(1, 0, "ExpandedDNSConfig"), at(1, 20, "true").map(ConfigValue::Scalar))]);
        let config = file(1, "/k.yaml", &[("featureGates", gates)]);
        assert_eq!(run(NOW, &[], &config, &[]).expanded_dns_config.map(|g| g.value), Some(true));
        let flags = [flag(0, "feature-gates", "A=true,ExpandedDNSConfig=false")];
        assert_eq!(run(NOW, &flags, &config, &[]).dns().expanded_dns_config, Some(false));
    }
}
