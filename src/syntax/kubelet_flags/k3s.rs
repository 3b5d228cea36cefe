//! The flags of k3s and RKE2: which of them are boolean, and which sub-command of k3s knows them.

use super::dialect::{Takes, lookup};

/// Short names of flags, in both sub-commands unless [`agent_knows`] says otherwise.
pub(super) const ALIASES: &[(&str, &str)] = &[
    ("c", "config"),
    ("d", "data-dir"),
    ("h", "help"),
    ("i", "node-ip"),
    ("l", "log"),
    ("o", "write-kubeconfig"),
    ("s", "server"),
    ("t", "token"),
];

pub(super) fn takes(name: &str) -> Takes {
    if name.ends_with("-arg") { Takes::Value } else { lookup(name, BOOLEANS, VALUES) }
}

/// The long name of a flag.
#[must_use]
pub fn long_name(name: &str) -> &str {
    ALIASES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long)
}

/// Whether a release of `k3s server` has had this flag (`ServerFlags` in `pkg/cli/cmds/server.go`).
#[must_use]
pub fn server_knows(name: &str) -> bool {
    let name = long_name(name);
    lookup(name, BOOLEANS, VALUES) != Takes::Unknown && !NOT_OF_SERVERS.contains(&name)
}

/// Whether a release of `k3s agent` has had this flag (`NewAgentCommand` in `pkg/cli/cmds/agent.go`).
#[must_use]
pub fn agent_knows(name: &str) -> bool {
    AGENTS.binary_search(&long_name(name)).is_ok()
}

/// Every flag that a sub-command of k3s has had.
pub fn names() -> impl Iterator<Item = &'static str> {
    BOOLEANS.iter().chain(VALUES).copied().filter(|name| server_knows(name) || agent_knows(name))
}

/// Flags of agents or of RKE2 alone.
const NOT_OF_SERVERS: [&str; 6] = ["cni", "disable-apiserver-lb", "enable-servicelb", "help", "profile", "version"];

const BOOLEANS: &[&str] = &[
    "alsologtostderr",
    "bootstrap-save",
    "cluster-init",
    "cluster-reset",
    "debug",
    "disable-agent",
    "disable-api-server",
    "disable-apiserver",
    "disable-apiserver-lb",
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
    "kine-tls",
    "multi-cluster-cidr",
    "new-cluster",
    "no-flannel",
    "nonroot-devices",
    "prefer-bundled-bin",
    "protect-kernel-defaults",
    "reset-cluster",
    "rootless",
    "secrets-encryption",
    "selinux",
    "supervisor-metrics",
    "tls-san-security",
    "version",
    "with-node-id",
];

const VALUES: &[&str] = &[
    "advertise-address",
    "advertise-port",
    "agent-token",
    "agent-token-file",
    "airgap-extra-registry",
    "apiserver-bind-address",
    "apiserver-port",
    "bind-address",
    "bootstrap",
    "cert-storage-backend",
    "cluster-cidr",
    "cluster-dns",
    "cluster-domain",
    "cluster-reset-restore-path",
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
    "default-runtime",
    "disable",
    "egress-selector-mode",
    "etcd-arg",
    "etcd-s3-access-key",
    "etcd-s3-bucket",
    "etcd-s3-bucket-lookup-type",
    "etcd-s3-config-secret",
    "etcd-s3-endpoint",
    "etcd-s3-endpoint-ca",
    "etcd-s3-folder",
    "etcd-s3-proxy",
    "etcd-s3-region",
    "etcd-s3-retention",
    "etcd-s3-secret-key",
    "etcd-s3-session-token",
    "etcd-s3-timeout",
    "etcd-server",
    "etcd-snapshot-dir",
    "etcd-snapshot-name",
    "etcd-snapshot-reconcile-interval",
    "etcd-snapshot-retention",
    "etcd-snapshot-schedule-cron",
    "etcd-token",
    "flannel-backend",
    "flannel-cni-conf",
    "flannel-conf",
    "flannel-iface",
    "helm-controller-arg",
    "helm-job-image",
    "http-listen-port",
    "https-listen-port",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "image-service-endpoint",
    "kube-apiserver-arg",
    "kube-cloud-controller-arg",
    "kube-cloud-controller-manager-arg",
    "kube-controller-arg",
    "kube-controller-manager-arg",
    "kube-proxy-arg",
    "kube-scheduler-arg",
    "kubelet-arg",
    "lb-server-port",
    "log",
    "no-deploy",
    "node-external-dns",
    "node-external-ip",
    "node-internal-dns",
    "node-ip",
    "node-label",
    "node-name",
    "node-taint",
    "pause-image",
    "private-registry",
    "profile",
    "resolv-conf",
    "secrets-encryption-provider",
    "server",
    "service-cidr",
    "service-node-port-range",
    "servicelb-namespace",
    "snapshotter",
    "storage-backend",
    "storage-cafile",
    "storage-certfile",
    "storage-endpoint",
    "storage-keyfile",
    "supervisor-port",
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
    "write-kubeconfig-name",
];

const AGENTS: &[&str] = &[
    "airgap-extra-registry",
    "alsologtostderr",
    "bind-address",
    "cluster-secret",
    "config",
    "container-runtime-endpoint",
    "data-dir",
    "debug",
    "default-runtime",
    "disable-apiserver-lb",
    "disable-default-registry-endpoint",
    "disable-selinux",
    "docker",
    "enable-pprof",
    "flannel-cni-conf",
    "flannel-conf",
    "flannel-iface",
    "image-credential-provider-bin-dir",
    "image-credential-provider-config",
    "image-service-endpoint",
    "kube-proxy-arg",
    "kubelet-arg",
    "lb-server-port",
    "log",
    "no-flannel",
    "node-external-dns",
    "node-external-ip",
    "node-internal-dns",
    "node-ip",
    "node-label",
    "node-name",
    "node-taint",
    "nonroot-devices",
    "pause-image",
    "prefer-bundled-bin",
    "private-registry",
    "protect-kernel-defaults",
    "resolv-conf",
    "rootless",
    "selinux",
    "server",
    "snapshotter",
    "token",
    "token-file",
    "v",
    "vmodule",
    "vpn-auth",
    "vpn-auth-file",
    "with-node-id",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_disjoint() {
        assert!(BOOLEANS.is_sorted() && VALUES.is_sorted() && AGENTS.is_sorted());
        assert_eq!(BOOLEANS.iter().find(|name| VALUES.contains(name)), None);
        let strange = AGENTS.iter().find(|name| lookup(name, BOOLEANS, VALUES) == Takes::Unknown);
        assert_eq!(strange, None);
    }
}
