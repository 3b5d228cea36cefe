//! Pod specifications, as far as name resolution depends on them.

use super::read::At;
use super::string_map::StringMap;
use crate::source::{Located, Location};

/// A pod specification: a Pod's own or a workload's template.
#[derive(Clone, Debug)]
pub struct PodSpec {
    /// The whole `spec`.
    pub location: Location,
    /// The key `spec`: where a label on something missing goes.
    pub anchor: Location,
    /// `hostNetwork`.
    pub host_network: Option<Located<bool>>,
    /// `dnsPolicy`; absent means ClusterFirst.
    pub dns_policy: Option<Located<String>>,
    /// `dnsConfig`; present even when it is an empty object.
    pub dns_config: Option<Located<DnsConfig>>,
    /// `containers`.
    pub containers: Vec<Container>,
    /// `initContainers`.
    pub init_containers: Vec<Container>,
    /// `volumes`.
    pub volumes: Vec<Volume>,
    /// `serviceAccountName` or `serviceAccount`.
    pub service_account: Option<Located<String>>,
    /// `enableServiceLinks`; absent means true.
    pub enable_service_links: Option<Located<bool>>,
    /// `tolerations`.
    pub tolerations: Vec<Toleration>,
    /// `affinity.podAntiAffinity` or `topologySpreadConstraints`, as a setting.
    pub spreading: Vec<Spreading>,
    /// `hostname`.
    pub hostname: Option<Located<String>>,
    /// `subdomain`.
    pub subdomain: Option<Located<String>>,
    /// `nodeName`.
    pub node_name: Option<Located<String>>,
    /// `nodeSelector` and required node affinity name an operating system or node: kept as text pairs.
    pub node_selector: StringMap,
    /// `priorityClassName`.
    pub priority_class: Option<Located<String>>,
}

/// A constraint that keeps replicas apart.
#[derive(Clone, Debug)]
pub struct Spreading {
    /// Whether the scheduler must obey (`required…`, `DoNotSchedule`) or only prefers to.
    pub required: bool,
    /// `topologyKey`.
    pub topology_key: String,
    /// The constraint.
    pub location: Location,
}

/// `dnsConfig`.
#[derive(Clone, Debug, Default)]
pub struct DnsConfig {
    /// `nameservers`.
    pub nameservers: Vec<Located<String>>,
    /// `searches`.
    pub searches: Vec<Located<String>>,
    /// `options`.
    pub options: Vec<Located<DnsOption>>,
}

/// One entry of `dnsConfig.options`.
#[derive(Clone, Debug)]
pub struct DnsOption {
    /// `name`, empty where it is missing.
    pub name: String,
    /// `value`; the API treats an empty one as none.
    pub value: Option<Located<String>>,
}

/// A container or init container.
#[derive(Clone, Debug)]
pub struct Container {
    /// `name`.
    pub name: Located<String>,
    /// The whole container.
    pub location: Location,
    /// `image`.
    pub image: Option<Located<String>>,
    /// `command`.
    pub command: Vec<Located<String>>,
    /// `args`.
    pub args: Vec<Located<String>>,
    /// `args` as a setting.
    pub args_location: Option<Location>,
    /// `env` entries with a literal value.
    pub env: Vec<EnvVar>,
    /// `ports`.
    pub ports: Vec<ContainerPort>,
    /// `livenessProbe`, `readinessProbe`, `startupProbe`.
    pub probes: Vec<Probe>,
    /// `lifecycle.postStart.exec.command`.
    pub post_start: Vec<Located<String>>,
    /// `volumeMounts`.
    pub mounts: Vec<VolumeMount>,
    /// `securityContext.capabilities.add`.
    pub capabilities: Vec<Located<String>>,
    /// `securityContext.privileged`.
    pub privileged: bool,
}

/// A literal environment variable.
#[derive(Clone, Debug)]
pub struct EnvVar {
    /// Its name.
    pub name: Located<String>,
    /// Its value.
    pub value: Located<String>,
}

/// A declared port.
#[derive(Clone, Debug)]
pub struct ContainerPort {
    /// `name`.
    pub name: Option<Located<String>>,
    /// `containerPort`.
    pub port: Option<Located<i64>>,
    /// `hostPort`.
    pub host_port: Option<Located<i64>>,
    /// `hostIP`.
    pub host_ip: Option<Located<String>>,
    /// `protocol`; absent means TCP.
    pub protocol: Option<Located<String>>,
}

/// An HTTP probe.
#[derive(Clone, Debug)]
pub struct Probe {
    /// `livenessProbe`, `readinessProbe` or `startupProbe`.
    pub kind: &'static str,
    /// The probe as a setting.
    pub location: Location,
    /// `httpGet.host`.
    pub host: Option<Located<String>>,
    /// `httpGet.port`, number or name.
    pub port: Option<Located<String>>,
    /// `httpGet.path`.
    pub path: Option<Located<String>>,
}

/// A volume mount.
#[derive(Clone, Debug)]
pub struct VolumeMount {
    /// Name of the volume.
    pub name: Located<String>,
    /// Where it is mounted.
    pub mount_path: Located<String>,
    /// A single entry of the volume.
    pub sub_path: Option<Located<String>>,
    /// The whole entry.
    pub location: Location,
}

/// A volume.
#[derive(Clone, Debug)]
pub struct Volume {
    /// Its name.
    pub name: Located<String>,
    /// `configMap`.
    pub config_map: Option<ConfigMapVolume>,
    /// `hostPath.path`.
    pub host_path: Option<Located<String>>,
    /// The whole entry.
    pub location: Location,
}

/// A ConfigMap volume.
#[derive(Clone, Debug)]
pub struct ConfigMapVolume {
    /// `name`.
    pub name: Located<String>,
    /// `optional: true`.
    pub optional: bool,
    /// `items`: key and path; empty means every key under its own name.
    pub items: Vec<(Located<String>, Located<String>)>,
}

/// A toleration.
#[derive(Clone, Debug)]
pub struct Toleration {
    /// `key`; absent tolerates every key with operator Exists.
    pub key: Option<String>,
    /// `operator`; absent means Equal.
    pub operator: Option<String>,
    /// `effect`; absent means every effect.
    pub effect: Option<String>,
    /// The entry.
    pub location: Location,
}

impl PodSpec {
    /// Reads a pod specification; `anchor` is the place of its key.
    #[must_use]
    pub fn read(spec: At<'_>, anchor: Location) -> Self {
        let containers = |key: &str| -> Vec<Container> {
            spec.get(key).map(|list| list.items().map(Container::read).collect()).unwrap_or_default()
        };
        Self {
            location: spec.location(),
            anchor,
            host_network: spec.bool_at("hostNetwork"),
            dns_policy: spec.text_at("dnsPolicy"),
            dns_config: spec.get("dnsConfig").map(|c| Located::at(DnsConfig::read(c), c.location())),
            containers: containers("containers"),
            init_containers: containers("initContainers"),
            volumes: spec.get("volumes").map(|l| l.items().filter_map(Volume::read).collect()).unwrap_or_default(),
            service_account: spec.text_at("serviceAccountName").or_else(|| spec.text_at("serviceAccount")),
            enable_service_links: spec.bool_at("enableServiceLinks"),
            tolerations: spec.get("tolerations").map(|l| l.items().map(Toleration::read).collect()).unwrap_or_default(),
            spreading: Spreading::read_all(spec),
            hostname: spec.text_at("hostname"),
            subdomain: spec.text_at("subdomain"),
            node_name: spec.text_at("nodeName"),
            node_selector: spec.string_map_at("nodeSelector"),
            priority_class: spec.text_at("priorityClassName"),
        }
    }

    /// Whether the pod shares the node's network namespace.
    #[must_use]
    pub fn uses_host_network(&self) -> bool {
        self.host_network.as_ref().is_some_and(|h| h.value)
    }

    /// The policy in force: the API's default is ClusterFirst.
    #[must_use]
    pub fn policy(&self) -> &str {
        self.dns_policy.as_ref().map_or("ClusterFirst", |p| p.value.as_str())
    }

    /// The policy that the kubelet follows: with hostNetwork it reads ClusterFirst as Default (`getPodDNSType` in
    /// pkg/kubelet/network/dns).
    #[must_use]
    pub fn effective_policy(&self) -> &str {
        match self.policy() {
            "ClusterFirst" if self.uses_host_network() => "Default",
            policy => policy,
        }
    }

    /// Whether the kubelet gives the pod the cluster DNS as nameserver.
    #[must_use]
    pub fn asks_cluster_dns(&self) -> bool {
        matches!(self.effective_policy(), "ClusterFirst" | "ClusterFirstWithHostNet")
    }

    /// Whether the kubelet gives the pod the node's resolver file.
    #[must_use]
    pub fn inherits_node_file(&self) -> bool {
        self.effective_policy() == "Default"
    }

    /// Whether dnsConfig alone decides the nameservers (policy None).
    #[must_use]
    pub fn resolves_elsewhere(&self) -> bool {
        self.policy() == "None"
    }

    /// Init containers and containers.
    pub fn all_containers(&self) -> impl Iterator<Item = &Container> {
        self.init_containers.iter().chain(&self.containers)
    }
}

impl Spreading {
    fn read_all(spec: At<'_>) -> Vec<Self> {
        let anti = spec.path(&["affinity", "podAntiAffinity"]);
        let required = anti.and_then(|a| a.get("requiredDuringSchedulingIgnoredDuringExecution"));
        let preferred = anti.and_then(|a| a.get("preferredDuringSchedulingIgnoredDuringExecution"));
        let mut all: Vec<Self> = Vec::new();
        let key = |term: At<'_>| term.text_at("topologyKey").map(|k| k.value).unwrap_or_default();
        for term in required.into_iter().flat_map(At::items) {
            all.push(Self { required: true, topology_key: key(term), location: term.location() });
        }
        for weighted in preferred.into_iter().flat_map(At::items) {
            let topology_key = weighted.get("podAffinityTerm").map(key).unwrap_or_default();
            all.push(Self { required: false, topology_key, location: weighted.location() });
        }
        for constraint in spec.get("topologySpreadConstraints").into_iter().flat_map(At::items) {
            let required = constraint.text_at("whenUnsatisfiable").is_none_or(|w| w.value == "DoNotSchedule");
            all.push(Self { required, topology_key: key(constraint), location: constraint.location() });
        }
        all
    }
}

impl DnsConfig {
    fn read(config: At<'_>) -> Self {
        let option = |o: At<'_>| {
            let name = o.text_at("name").map(|n| n.value).unwrap_or_default();
            Located::at(DnsOption { name, value: o.text_at("value") }, o.location())
        };
        Self {
            nameservers: config.texts_at("nameservers"),
            searches: config.texts_at("searches"),
            options: config.get("options").map(|l| l.items().map(option).collect()).unwrap_or_default(),
        }
    }
}

impl Container {
    /// The value of a flag of its program, as Go's `flag` package reads it: one dash or two, the last one counts; and what
    /// stands before the value in its word: `-name=`, or nothing where the value is a word of its own.
    #[must_use]
    pub fn flag(&self, name: &str) -> Option<(Located<String>, String)> {
        let words: Vec<&Located<String>> = self.command.iter().chain(&self.args).collect();
        let mut found = None;
        for (at, word) in words.iter().enumerate() {
            let Some(bare) = word.value.strip_prefix("--").or_else(|| word.value.strip_prefix('-')) else { continue };
            match bare.strip_prefix(name) {
                Some("") => found = words.get(at + 1).map(|next| ((*next).clone(), String::new())),
                Some(rest) => {
                    let joined = |value: &str| {
                        let lead = word.value.strip_suffix(value).unwrap_or_default().to_owned();
                        (word.with(value.to_owned()), lead)
                    };
                    found = rest.strip_prefix('=').map(joined).or(found);
                }
                None => {}
            }
        }
        found
    }

    fn read(c: At<'_>) -> Self {
        let security = c.get("securityContext");
        Self {
            name: c.text_at("name").unwrap_or_else(|| Located::at(String::new(), c.location())),
            location: c.location(),
            image: c.text_at("image"),
            command: c.texts_at("command"),
            args: c.texts_at("args"),
            args_location: c.entry_location("args"),
            env: c.get("env").map(|l| l.items().filter_map(EnvVar::read).collect()).unwrap_or_default(),
            ports: c.get("ports").map(|l| l.items().map(ContainerPort::read).collect()).unwrap_or_default(),
            probes: ["livenessProbe", "readinessProbe", "startupProbe"]
                .into_iter()
                .filter_map(|kind| Probe::read(c, kind))
                .collect(),
            post_start: c
                .path(&["lifecycle", "postStart", "exec"])
                .map(|exec| exec.texts_at("command"))
                .unwrap_or_default(),
            mounts: c
                .get("volumeMounts")
                .map(|l| l.items().filter_map(VolumeMount::read).collect())
                .unwrap_or_default(),
            capabilities: security.and_then(|s| s.get("capabilities")).map(|s| s.texts_at("add")).unwrap_or_default(),
            privileged: security.and_then(|s| s.bool_at("privileged")).is_some_and(|p| p.value),
        }
    }
}

impl EnvVar {
    fn read(e: At<'_>) -> Option<Self> {
        Some(Self { name: e.text_at("name")?, value: e.text_at("value")? })
    }
}

impl ContainerPort {
    fn read(p: At<'_>) -> Self {
        Self {
            name: p.text_at("name"),
            port: p.int_at("containerPort"),
            host_port: p.int_at("hostPort"),
            host_ip: p.text_at("hostIP"),
            protocol: p.text_at("protocol"),
        }
    }
}

impl Probe {
    fn read(container: At<'_>, kind: &'static str) -> Option<Self> {
        let http = container.path(&[kind, "httpGet"])?;
        Some(Self {
            kind,
            location: container.entry_location(kind)?,
            host: http.text_at("host"),
            port: http.text_at("port"),
            path: http.text_at("path"),
        })
    }
}

impl VolumeMount {
    fn read(m: At<'_>) -> Option<Self> {
        Some(Self {
            name: m.text_at("name")?,
            mount_path: m.text_at("mountPath")?,
            sub_path: m.text_at("subPath"),
            location: m.location(),
        })
    }
}

impl Volume {
    fn read(v: At<'_>) -> Option<Self> {
        Some(Self {
            name: v.text_at("name")?,
            config_map: v.get("configMap").and_then(ConfigMapVolume::read),
            host_path: v.get("hostPath").and_then(|h| h.text_at("path")),
            location: v.location(),
        })
    }
}

impl ConfigMapVolume {
    fn read(v: At<'_>) -> Option<Self> {
        let items = v
            .get("items")
            .map(|list| list.items().filter_map(|item| Some((item.text_at("key")?, item.text_at("path")?))).collect());
        Some(Self {
            name: v.text_at("name")?,
            optional: v.bool_at("optional").is_some_and(|o| o.value),
            items: items.unwrap_or_default(),
        })
    }
}

impl Toleration {
    fn read(t: At<'_>) -> Self {
        let text = |key: &str| t.text_at(key).map(|v| v.value);
        Self { key: text("key"), operator: text("operator"), effect: text("effect"), location: t.location() }
    }
}
