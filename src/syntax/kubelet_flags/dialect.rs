//! What each program knows of its flags: dashes, aliases, which ones are boolean.

/// How a program reads the dashes in front of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dashes {
    /// Two for a name, one for a single letter (pflag).
    TwoOrShort,
    /// One or two, all the same (Go's flag package, which urfave/cli uses).
    OneOrTwo,
}

/// Whether a flag consumes the next word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Takes {
    /// Always, whatever the word looks like.
    Value,
    /// Never: a boolean.
    Nothing,
    /// Not in the tables.
    Unknown,
}

/// A program's flag syntax.
pub(super) struct Dialect {
    pub dashes: Dashes,
    /// Whether `_` equals `-` in names.
    pub folds_underscores: bool,
    /// Other names of flags.
    pub aliases: &'static [(&'static str, &'static str)],
    pub takes: fn(&str) -> Takes,
}

impl Dialect {
    /// The canonical form of a name without dashes.
    pub(super) fn canonical(&self, name: &str) -> String {
        let folded = if self.folds_underscores { name.replace('_', "-") } else { name.to_owned() };
        self.alias(&folded).map_or(folded, str::to_owned)
    }

    fn alias(&self, name: &str) -> Option<&'static str> {
        self.aliases.iter().find(|(alias, _)| *alias == name).map(|(_, name)| *name)
    }

    /// The flag behind a single letter.
    pub(super) fn short_name(&self, letter: char) -> Option<&'static str> {
        self.alias(letter.encode_utf8(&mut [0; 4]))
    }
}

/// The kubelet (`cmd/kubelet/app`, word separators normalised by `k8s.io/component-base`).
pub(super) const KUBELET: Dialect = Dialect {
    dashes: Dashes::TwoOrShort,
    folds_underscores: true,
    aliases: &[("v", "v"), ("h", "help")],
    takes: kubelet_takes,
};

/// `k3s server|agent` and `rke2 server|agent` (`pkg/cli/cmds` of k3s).
pub(super) const K3S: Dialect = Dialect {
    dashes: Dashes::OneOrTwo,
    folds_underscores: false,
    aliases: &[
        ("c", "config"),
        ("d", "data-dir"),
        ("h", "help"),
        ("i", "node-ip"),
        ("l", "log"),
        ("o", "write-kubeconfig"),
        ("s", "server"),
        ("t", "token"),
    ],
    takes: k3s_takes,
};

/// CoreDNS and the node cache built on it (`cmd/node-cache` of kubernetes/dns).
pub(super) const COREDNS: Dialect =
    Dialect { dashes: Dashes::OneOrTwo, folds_underscores: false, aliases: &[("p", "dns.port")], takes: coredns_takes };

/// Looks a name up in the tables of one program; both are sorted.
fn lookup(name: &str, booleans: &[&str], values: &[&str]) -> Takes {
    if booleans.binary_search(&name).is_ok() {
        Takes::Nothing
    } else if values.binary_search(&name).is_ok() {
        Takes::Value
    } else {
        Takes::Unknown
    }
}

pub(super) fn kubelet_takes(name: &str) -> Takes {
    lookup(name, KUBELET_BOOLEANS, KUBELET_VALUES)
}

fn k3s_takes(name: &str) -> Takes {
    if name.ends_with("-arg") { Takes::Value } else { lookup(name, K3S_BOOLEANS, K3S_VALUES) }
}

fn coredns_takes(name: &str) -> Takes {
    lookup(name, COREDNS_BOOLEANS, COREDNS_VALUES)
}

const KUBELET_BOOLEANS: &[&str] = &[
    "add-dir-header",
    "allow-privileged",
    "alsologtostderr",
    "anonymous-auth",
    "authentication-token-webhook",
    "cgroups-per-qos",
    "configure-cbr0",
    "containerized",
    "contention-profiling",
    "cpu-cfs-quota",
    "docker-disable-shared-pid",
    "enable-cadvisor-json-endpoints",
    "enable-controller-attach-detach",
    "enable-custom-metrics",
    "enable-debugging-handlers",
    "enable-load-reader",
    "enable-server",
    "exit-on-lock-contention",
    "experimental-allocatable-ignore-eviction",
    "experimental-check-node-capabilities-before-mount",
    "experimental-fail-swap-on",
    "experimental-kernel-memcg-notification",
    "fail-swap-on",
    "help",
    "keep-terminated-pod-volumes",
    "kernel-memcg-notification",
    "local-storage-capacity-isolation",
    "log-cadvisor-usage",
    "log-json-split-stream",
    "log-text-split-stream",
    "logtostderr",
    "make-iptables-util-chains",
    "one-output",
    "protect-kernel-defaults",
    "really-crash-for-testing",
    "redirect-container-streaming",
    "register-node",
    "register-schedulable",
    "require-kubeconfig",
    "rotate-certificates",
    "rotate-server-certificates",
    "runonce",
    "seccomp-default",
    "serialize-image-pulls",
    "skip-headers",
    "skip-log-headers",
    "storage-driver-secure",
    "version",
];

const KUBELET_VALUES: &[&str] = &[
    "address",
    "allowed-unsafe-sysctls",
    "api-servers",
    "authorization-mode",
    "azure-container-registry-config",
    "bootstrap-kubeconfig",
    "cert-dir",
    "cgroup-driver",
    "cgroup-root",
    "client-ca-file",
    "cloud-config",
    "cloud-provider",
    "cluster-dns",
    "cluster-domain",
    "cni-bin-dir",
    "cni-conf-dir",
    "config",
    "config-dir",
    "container-log-max-files",
    "container-log-max-size",
    "container-runtime",
    "container-runtime-endpoint",
    "cpu-manager-policy",
    "event-qps",
    "eviction-hard",
    "eviction-minimum-reclaim",
    "eviction-soft",
    "feature-gates",
    "file-check-frequency",
    "healthz-bind-address",
    "healthz-port",
    "hostname-override",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "image-gc-high-threshold",
    "image-gc-low-threshold",
    "image-service-endpoint",
    "kube-reserved",
    "kubeconfig",
    "kubelet-cgroups",
    "log-dir",
    "log-file",
    "logging-format",
    "max-pods",
    "network-plugin",
    "network-plugin-mtu",
    "node-ip",
    "node-labels",
    "node-status-update-frequency",
    "non-masquerade-cidr",
    "pod-cidr",
    "pod-infra-container-image",
    "pod-manifest-path",
    "pod-max-pids",
    "port",
    "provider-id",
    "read-only-port",
    "register-with-taints",
    "resolv-conf",
    "root-dir",
    "runtime-cgroups",
    "runtime-request-timeout",
    "stderrthreshold",
    "streaming-connection-idle-timeout",
    "sync-frequency",
    "system-reserved",
    "tls-cert-file",
    "tls-cipher-suites",
    "tls-min-version",
    "tls-private-key-file",
    "topology-manager-policy",
    "v",
    "vmodule",
    "volume-plugin-dir",
];

const K3S_BOOLEANS: &[&str] = &[
    "alsologtostderr",
    "cluster-init",
    "cluster-reset",
    "debug",
    "disable-agent",
    "disable-apiserver",
    "disable-cloud-controller",
    "disable-controller-manager",
    "disable-default-registry-endpoint",
    "disable-etcd",
    "disable-helm-controller",
    "disable-kube-proxy",
    "disable-network-policy",
    "disable-scheduler",
    "disable-selinux",
    "docker",
    "embedded-registry",
    "enable-pprof",
    "enable-servicelb",
    "etcd-disable-snapshots",
    "etcd-expose-metrics",
    "etcd-s3",
    "etcd-s3-insecure",
    "etcd-s3-skip-ssl-verify",
    "etcd-snapshot-compress",
    "flannel-external-ip",
    "flannel-ipv6-masq",
    "help",
    "multi-cluster-cidr",
    "no-flannel",
    "nonroot-devices",
    "prefer-bundled-bin",
    "protect-kernel-defaults",
    "rootless",
    "secrets-encryption",
    "selinux",
    "supervisor-metrics",
    "tls-san-security",
    "version",
    "with-node-id",
];

const K3S_VALUES: &[&str] = &[
    "advertise-address",
    "advertise-port",
    "agent-token",
    "agent-token-file",
    "airgap-extra-registry",
    "bind-address",
    "cluster-cidr",
    "cluster-dns",
    "cluster-domain",
    "cluster-secret",
    "cni",
    "config",
    "container-runtime-endpoint",
    "data-dir",
    "datastore-cafile",
    "datastore-certfile",
    "datastore-endpoint",
    "datastore-keyfile",
    "default-local-storage-path",
    "disable",
    "egress-selector-mode",
    "etcd-snapshot-dir",
    "etcd-snapshot-name",
    "etcd-snapshot-retention",
    "etcd-snapshot-schedule-cron",
    "flannel-backend",
    "flannel-cni-conf",
    "flannel-conf",
    "flannel-iface",
    "helm-job-image",
    "https-listen-port",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "lb-server-port",
    "log",
    "no-deploy",
    "node-external-ip",
    "node-ip",
    "node-label",
    "node-name",
    "node-taint",
    "pause-image",
    "private-registry",
    "profile",
    "resolv-conf",
    "server",
    "service-cidr",
    "service-node-port-range",
    "servicelb-namespace",
    "snapshotter",
    "system-default-registry",
    "tls-san",
    "token",
    "token-file",
    "v",
    "vmodule",
    "vpn-auth",
    "vpn-auth-file",
    "write-kubeconfig",
    "write-kubeconfig-group",
    "write-kubeconfig-mode",
];

const COREDNS_BOOLEANS: &[&str] = &[
    "alsologtostderr",
    "logtostderr",
    "plugins",
    "quiet",
    "setupinterface",
    "setupiptables",
    "skipteardown",
    "version",
];

const COREDNS_VALUES: &[&str] = &[
    "basecorefile",
    "conf",
    "corefile",
    "dns.port",
    "health-port",
    "interfacename",
    "kubednscm",
    "localip",
    "metrics-listen-address",
    "pidfile",
    "syncinterval",
    "upstreamsvc",
    "v",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        for (booleans, values) in
            [(KUBELET_BOOLEANS, KUBELET_VALUES), (K3S_BOOLEANS, K3S_VALUES), (COREDNS_BOOLEANS, COREDNS_VALUES)]
        {
            assert!(booleans.is_sorted() && values.is_sorted());
            assert_eq!(booleans.iter().find(|name| values.contains(name)), None);
        }
    }
}
