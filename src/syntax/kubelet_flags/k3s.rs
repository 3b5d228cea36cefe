//! The flags of k3s and RKE2: which of them are boolean, and which sub-command of k3s knows them.

use super::dialect::Takes;
use Of::{Agent, Both, Neither, Server, ServerOfBoth};
use Takes::{Nothing as Switch, Value};

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

/// The sub-commands that have had a flag in some release (`ServerFlags` in `pkg/cli/cmds/server.go`, `NewAgentCommand` in
/// `pkg/cli/cmds/agent.go`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// `k3s server` and `k3s agent`.
    Both,
    /// `k3s server`.
    Server,
    /// `k3s server` and `rke2 server`, but neither `k3s agent` nor `rke2 agent`.
    ServerOfBoth,
    /// `k3s agent`.
    Agent,
    /// Neither: flags of RKE2, or of every program.
    Neither,
}

type Row = (&'static str, Takes, Of);

fn row(name: &str) -> Option<&'static Row> {
    FLAGS.binary_search_by_key(&long_name(name), |(name, ..)| *name).ok().and_then(|at| FLAGS.get(at))
}

pub(super) fn takes(name: &str) -> Takes {
    if name.ends_with("-arg") { Value } else { row(name).map_or(Takes::Unknown, |(_, takes, _)| *takes) }
}

/// The long name of a flag.
#[must_use]
pub fn long_name(name: &str) -> &str {
    ALIASES.iter().find(|(short, _)| *short == name).map_or(name, |(_, long)| long)
}

/// Whether a release of `k3s server` has had this flag.
#[must_use]
pub fn server_knows(name: &str) -> bool {
    row(name).is_some_and(|(.., of)| matches!(of, Both | Server | ServerOfBoth))
}

/// Whether a release of `k3s agent` has had this flag.
#[must_use]
pub fn agent_knows(name: &str) -> bool {
    row(name).is_some_and(|(.., of)| matches!(of, Both | Agent))
}

/// Whether a flag is one that `server` has, of k3s as of RKE2, and `agent` has not, since it takes the value from the
/// server. Of RKE2 no other flags are told apart.
#[must_use]
pub fn is_told_by_servers(name: &str) -> bool {
    row(name).is_some_and(|(.., of)| *of == ServerOfBoth)
}

/// Every flag that a sub-command of k3s has had.
pub fn names() -> impl Iterator<Item = &'static str> {
    FLAGS.iter().filter(|(.., of)| *of != Neither).map(|(name, ..)| *name)
}

/// Every flag, sorted by name.
const FLAGS: &[Row] = &[
    ("advertise-address", Value, Server),
    ("advertise-port", Value, Server),
    ("agent-token", Value, Server),
    ("agent-token-file", Value, Server),
    ("airgap-extra-registry", Value, Both),
    ("alsologtostderr", Switch, Both),
    ("apiserver-bind-address", Value, Server),
    ("apiserver-port", Value, Server),
    ("bind-address", Value, Both),
    ("bootstrap", Value, Server),
    ("bootstrap-save", Switch, Server),
    ("cert-storage-backend", Value, Server),
    ("cluster-cidr", Value, ServerOfBoth),
    ("cluster-dns", Value, ServerOfBoth),
    ("cluster-domain", Value, ServerOfBoth),
    ("cluster-init", Switch, Server),
    ("cluster-reset", Switch, Server),
    ("cluster-reset-restore-path", Value, Server),
    ("cluster-secret", Value, Both),
    ("cni", Value, Neither),
    ("config", Value, Both),
    ("container-runtime-endpoint", Value, Both),
    ("data-dir", Value, Both),
    ("datastore-cafile", Value, Server),
    ("datastore-certfile", Value, Server),
    ("datastore-endpoint", Value, Server),
    ("datastore-keyfile", Value, Server),
    ("debug", Switch, Both),
    ("default-local-storage-path", Value, Server),
    ("default-runtime", Value, Both),
    ("disable", Value, ServerOfBoth),
    ("disable-agent", Switch, Server),
    ("disable-api-server", Switch, Server),
    ("disable-apiserver", Switch, Server),
    ("disable-apiserver-lb", Switch, Agent),
    ("disable-cloud-controller", Switch, Server),
    ("disable-controller-manager", Switch, Server),
    ("disable-default-registry-endpoint", Switch, Both),
    ("disable-etcd", Switch, Server),
    ("disable-helm-controller", Switch, Server),
    ("disable-kube-proxy", Switch, Server),
    ("disable-network-policy", Switch, Server),
    ("disable-scheduler", Switch, Server),
    ("disable-selinux", Switch, Both),
    ("docker", Switch, Both),
    ("egress-selector-mode", Value, Server),
    ("embedded-registry", Switch, Server),
    ("enable-pprof", Switch, Both),
    ("enable-servicelb", Switch, Neither),
    ("etcd-arg", Value, Server),
    ("etcd-disable-snapshots", Switch, Server),
    ("etcd-expose-metrics", Switch, Server),
    ("etcd-s3", Switch, Server),
    ("etcd-s3-access-key", Value, Server),
    ("etcd-s3-bucket", Value, Server),
    ("etcd-s3-bucket-lookup-type", Value, Server),
    ("etcd-s3-config-secret", Value, Server),
    ("etcd-s3-endpoint", Value, Server),
    ("etcd-s3-endpoint-ca", Value, Server),
    ("etcd-s3-folder", Value, Server),
    ("etcd-s3-insecure", Switch, Server),
    ("etcd-s3-proxy", Value, Server),
    ("etcd-s3-region", Value, Server),
    ("etcd-s3-retention", Value, Server),
    ("etcd-s3-secret-key", Value, Server),
    ("etcd-s3-session-token", Value, Server),
    ("etcd-s3-skip-ssl-verify", Switch, Server),
    ("etcd-s3-timeout", Value, Server),
    ("etcd-server", Value, Server),
    ("etcd-snapshot-compress", Switch, Server),
    ("etcd-snapshot-dir", Value, Server),
    ("etcd-snapshot-name", Value, Server),
    ("etcd-snapshot-reconcile-interval", Value, Server),
    ("etcd-snapshot-retention", Value, Server),
    ("etcd-snapshot-schedule-cron", Value, Server),
    ("etcd-token", Value, Server),
    ("flannel-backend", Value, Server),
    ("flannel-cni-conf", Value, Both),
    ("flannel-conf", Value, Both),
    ("flannel-external-ip", Switch, Server),
    ("flannel-iface", Value, Both),
    ("flannel-ipv6-masq", Switch, Server),
    ("helm-controller-arg", Value, Server),
    ("helm-job-image", Value, Server),
    ("help", Switch, Neither),
    ("http-listen-port", Value, Server),
    ("https-listen-port", Value, Server),
    ("image-credential-provider-bin-dir", Value, Both),
    ("image-credential-provider-config", Value, Both),
    ("image-service-endpoint", Value, Both),
    ("kine-tls", Switch, Server),
    ("kube-apiserver-arg", Value, Server),
    ("kube-cloud-controller-arg", Value, Server),
    ("kube-cloud-controller-manager-arg", Value, Server),
    ("kube-controller-arg", Value, Server),
    ("kube-controller-manager-arg", Value, Server),
    ("kube-proxy-arg", Value, Both),
    ("kube-scheduler-arg", Value, Server),
    ("kubelet-arg", Value, Both),
    ("lb-server-port", Value, Both),
    ("log", Value, Both),
    ("multi-cluster-cidr", Switch, Server),
    ("new-cluster", Switch, Server),
    ("no-deploy", Value, Server),
    ("no-flannel", Switch, Both),
    ("node-external-dns", Value, Both),
    ("node-external-ip", Value, Both),
    ("node-internal-dns", Value, Both),
    ("node-ip", Value, Both),
    ("node-label", Value, Both),
    ("node-name", Value, Both),
    ("node-taint", Value, Both),
    ("nonroot-devices", Switch, Both),
    ("pause-image", Value, Both),
    ("prefer-bundled-bin", Switch, Both),
    ("private-registry", Value, Both),
    ("profile", Value, Neither),
    ("protect-kernel-defaults", Switch, Both),
    ("reset-cluster", Switch, Server),
    ("resolv-conf", Value, Both),
    ("rootless", Switch, Both),
    ("secrets-encryption", Switch, Server),
    ("secrets-encryption-provider", Value, Server),
    ("selinux", Switch, Both),
    ("server", Value, Both),
    ("service-cidr", Value, ServerOfBoth),
    ("service-node-port-range", Value, Server),
    ("servicelb-namespace", Value, Server),
    ("snapshotter", Value, Both),
    ("storage-backend", Value, Server),
    ("storage-cafile", Value, Server),
    ("storage-certfile", Value, Server),
    ("storage-endpoint", Value, Server),
    ("storage-keyfile", Value, Server),
    ("supervisor-metrics", Switch, Server),
    ("supervisor-port", Value, Server),
    ("system-default-registry", Value, Server),
    ("tls-san", Value, Server),
    ("tls-san-security", Switch, Server),
    ("token", Value, Both),
    ("token-file", Value, Both),
    ("v", Value, Both),
    ("version", Switch, Neither),
    ("vmodule", Value, Both),
    ("vpn-auth", Value, Both),
    ("vpn-auth-file", Value, Both),
    ("with-node-id", Switch, Both),
    ("write-kubeconfig", Value, Server),
    ("write-kubeconfig-group", Value, Server),
    ("write-kubeconfig-mode", Value, Server),
    ("write-kubeconfig-name", Value, Server),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_and_short_names_lead_into_it() {
        assert!(FLAGS.is_sorted_by_key(|(name, ..)| *name));
        assert_eq!(ALIASES.iter().find(|(_, long)| row(long).is_none()), None);
    }

    #[test]
    fn who_knows_what() {
        let knows = |name: &str| (server_knows(name), agent_knows(name), is_told_by_servers(name));
        assert_eq!(knows("d"), (true, true, false));
        assert_eq!(knows("cluster-dns"), (true, false, true));
        assert_eq!(knows("cluster-init"), (true, false, false));
        assert_eq!(knows("disable-apiserver-lb"), (false, true, false));
        assert_eq!(knows("cni"), (false, false, false));
        assert_eq!(
            [takes("rootless"), takes("cni"), takes("x-arg"), takes("x")],
            [Switch, Value, Value, Takes::Unknown]
        );
    }
}
