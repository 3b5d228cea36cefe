//! What a file is, by its path: one table for paths on a node, one for names in a repository.

use super::glob::matches_path;
use super::sniff;

/// The formats and roles that dnslint tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FileKind {
    /// resolv.conf(5), under whatever name.
    ResolvConf,
    /// resolved.conf(5) or one of its drop-ins.
    ResolvedConf,
    /// dnsmasq(8) configuration.
    Dnsmasq,
    /// NetworkManager.conf(5), its drop-ins and keyfile connections.
    NetworkManager,
    /// systemd.network(5).
    Networkd,
    /// nsswitch.conf(5).
    Nsswitch,
    /// hosts(5).
    Hosts,
    /// dhclient.conf(5) or dhcpcd.conf(5).
    Dhcp,
    /// netplan(5).
    Netplan,
    /// A unit of systemd.unit(5).
    SystemdUnit,
    /// A `*.d/*.conf` that changes a unit.
    SystemdDropIn,
    /// `KEY=value` lines: `EnvironmentFile=`, /etc/default, /etc/sysconfig.
    EnvFile,
    /// A KubeletConfiguration, whole or drop-in.
    KubeletConfig,
    /// config.yaml of k3s or RKE2, or one of its drop-ins.
    K3sConfig,
    /// Kubernetes objects as YAML or JSON.
    Manifest,
    /// A Corefile outside any ConfigMap.
    Corefile,
    /// os-release(5).
    OsRelease,
    /// hostname(5).
    Hostname,
    /// group_vars, host_vars or an inventory of kubespray or k3s-ansible.
    AnsibleVars,
    /// cluster.yml of RKE.
    RkeClusterYml,
    /// Anything else that was read, because it was named explicitly or lies on a node.
    Other,
}

use FileKind::{
    AnsibleVars, Corefile, Dhcp, Dnsmasq, EnvFile, Hostname, Hosts, K3sConfig, KubeletConfig, Manifest, Netplan,
    NetworkManager, Networkd, Nsswitch, OsRelease, ResolvConf, ResolvedConf, RkeClusterYml, SystemdDropIn, SystemdUnit,
};

/// Absolute paths on a node (without the leading `/`); the first match decides.
const NODE_PATHS: &[(&str, FileKind)] = &[
    ("etc/systemd/resolved.conf", ResolvedConf),
    ("**/systemd/resolved.conf.d/*.conf", ResolvedConf),
    ("**/systemd/resolved.conf", ResolvedConf),
    ("etc/resolvconf/resolv.conf.d/*", ResolvConf),
    ("run/resolvconf/interface*/*", ResolvConf),
    ("**/resolv.conf*", ResolvConf),
    ("**/*resolv.conf", ResolvConf),
    ("etc/dnsmasq.conf", Dnsmasq),
    ("etc/dnsmasq.d/**", Dnsmasq),
    ("etc/NetworkManager/dnsmasq*.d/**", Dnsmasq),
    ("run/dnsmasq/*.conf", Dnsmasq),
    ("etc/NetworkManager/NetworkManager.conf", NetworkManager),
    ("**/NetworkManager/conf.d/*.conf", NetworkManager),
    ("**/NetworkManager/system-connections/*", NetworkManager),
    ("**/systemd/network/*.network", Networkd),
    ("**/systemd/network/*.network.d/*.conf", Networkd),
    ("etc/nsswitch.conf", Nsswitch),
    ("usr/etc/nsswitch.conf", Nsswitch),
    ("etc/hosts", Hosts),
    ("etc/dhcp/*.conf", Dhcp),
    ("etc/dhcp3/*.conf", Dhcp),
    ("etc/dhcpcd.conf", Dhcp),
    ("etc/dhclient*.conf", Dhcp),
    ("**/netplan/*.yaml", Netplan),
    ("**/systemd/**/*.d/*.conf", SystemdDropIn),
    ("**/systemd/**/*.service", SystemdUnit),
    ("**/systemd/**/*.socket", SystemdUnit),
    ("etc/default/*", EnvFile),
    ("etc/sysconfig/*", EnvFile),
    ("etc/sysconfig/network-scripts/ifcfg-*", EnvFile),
    ("etc/environment", EnvFile),
    ("etc/kubernetes/kubelet", EnvFile),
    ("etc/kubernetes/config", EnvFile),
    ("**/*.env", EnvFile),
    ("var/lib/kubelet/config.yaml", KubeletConfig),
    ("var/lib/kubelet/kubelet-config.*", KubeletConfig),
    ("var/lib/kubelet/config/kubelet", KubeletConfig),
    ("etc/kubernetes/kubelet-config.*", KubeletConfig),
    ("etc/kubernetes/kubelet/*.json", KubeletConfig),
    ("etc/kubernetes/kubelet/*.yaml", KubeletConfig),
    ("**/kubelet/config.json.d/*.conf", KubeletConfig),
    ("**/kubelet.conf.d/*.conf", KubeletConfig),
    ("etc/rancher/*/config.yaml", K3sConfig),
    ("etc/rancher/*/config.yaml.d/*.yaml", K3sConfig),
    ("etc/rancher/*/config.yaml.d/*.yml", K3sConfig),
    ("etc/kubernetes/manifests/*.manifest", Manifest),
    ("**/Corefile*", Corefile),
    ("**/*.Corefile", Corefile),
    ("etc/os-release", OsRelease),
    ("usr/lib/os-release", OsRelease),
    ("etc/hostname", Hostname),
    ("opt/rke/cluster.yml", RkeClusterYml),
];

/// Paths anywhere else, relative to what was given; the content may still overrule those marked below.
const REPOSITORY_PATHS: &[(&str, FileKind)] = &[
    ("**/resolv.conf*", ResolvConf),
    ("**/*resolv.conf", ResolvConf),
    ("**/Corefile*", Corefile),
    ("**/*.Corefile", Corefile),
    ("**/*.corefile", Corefile),
    ("**/resolved.conf", ResolvedConf),
    ("**/resolved.conf.d/*.conf", ResolvedConf),
    ("**/dnsmasq.conf", Dnsmasq),
    ("**/dnsmasq.d/*.conf", Dnsmasq),
    ("**/nsswitch.conf", Nsswitch),
    ("**/NetworkManager.conf", NetworkManager),
    ("**/*.service.d/*.conf", SystemdDropIn),
    ("**/*.service", SystemdUnit),
    ("**/kubeadm-flags.env", EnvFile),
    ("**/*.service.env", EnvFile),
    ("**/kubelet.env", EnvFile),
    ("**/kubelet.yaml", KubeletConfig),
    ("**/kubelet.yml", KubeletConfig),
    ("**/kubelet-config.*", KubeletConfig),
    ("**/kubelet.conf.d/*.conf", KubeletConfig),
    ("**/group_vars/**", AnsibleVars),
    ("**/host_vars/**", AnsibleVars),
    ("**/k3s/config.yaml", K3sConfig),
    ("**/rke2/config.yaml", K3sConfig),
    ("**/k3s/config.yaml.d/*.yaml", K3sConfig),
    ("**/rke2/config.yaml.d/*.yaml", K3sConfig),
];

/// Top-level directories of a node's file system; a repository path below one of them is tried as a node path.
pub(crate) const ROOT_DIRECTORIES: &[&str] = &["etc", "run", "var", "usr", "lib", "opt"];

/// Files that hold keys and are of no use here: never opened.
const SECRET_PATHS: &[&str] = &[
    "**/*.key",
    "**/*.pem",
    "**/*.crt",
    "**/*.cert",
    "**/*.kubeconfig",
    "**/.ssh/**",
    "etc/shadow*",
    "etc/gshadow*",
    "etc/ssh/**",
    "etc/kubernetes/admin.conf",
    "etc/kubernetes/super-admin.conf",
    "etc/kubernetes/controller-manager.conf",
    "etc/kubernetes/scheduler.conf",
    "etc/rancher/*/*.yaml.secret",
    "etc/rancher/k3s/k3s.yaml",
    "etc/rancher/rke2/rke2.yaml",
    "etc/rancher/node/**",
    "var/lib/rancher/*/server/token",
    "var/lib/rancher/*/server/cred/**",
];

fn lookup(table: &[(&str, FileKind)], path: &str) -> Option<FileKind> {
    table.iter().find(|(pattern, _)| matches_path(pattern, path)).map(|(_, kind)| *kind)
}

/// Kind of an absolute path on a node, as far as the path alone tells.
pub(crate) fn of_node_path(path: &str) -> Option<FileKind> {
    let path = path.trim_start_matches('/');
    // Keys and archives of the same directories as env files and drop-ins; the name is the better witness.
    if is_secret(path) { None } else { lookup(NODE_PATHS, path) }
}

/// Whether a file on a node holds credentials that dnslint has no use for.
pub(crate) fn is_secret(path: &str) -> bool {
    let path = path.trim_start_matches('/');
    SECRET_PATHS.iter().any(|pattern| matches_path(pattern, path))
}

/// Kind of a path in a repository, as far as the path alone tells.
pub(crate) fn of_repository_path(path: &str) -> Option<FileKind> {
    if is_secret(path) {
        return None;
    }
    lookup(REPOSITORY_PATHS, path).or_else(|| {
        let mut rest = path;
        loop {
            let (first, behind) = rest.split_once('/')?;
            if ROOT_DIRECTORIES.contains(&first)
                && let Some(kind) = lookup(NODE_PATHS, rest)
            {
                return Some(kind);
            }
            rest = behind;
        }
    })
}

/// Units that say nothing about name resolution, and there are hundreds of them.
const OTHER_UNITS: &[&str] = &["target", "timer", "mount", "automount", "slice", "swap", "path", "scope", "device"];

/// Whether a file on a node whose path tells no kind may be read nevertheless, because some setting may name it.
///
/// Of a whole file system that is less than of a collection, which somebody has put together on purpose.
pub(crate) fn is_readable_unknown(path: &str, whole_system: bool) -> bool {
    let extension =
        path.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, extension)| extension);
    let place = path.starts_with("/etc/") || path.starts_with("/run/") || is_structured(path);
    !is_secret(path) && !OTHER_UNITS.contains(&extension) && (place || !whole_system)
}

/// Whether a file of this name may hold Kubernetes objects, so that its content decides.
pub(crate) fn is_structured(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.')
        .is_some_and(|(_, extension)| ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// What is known about a file before its content is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hints<'a> {
    /// Absolute path on the node.
    pub node_path: Option<&'a str>,
    /// Kind of a link that leads to it, for files whose own path says nothing.
    pub linked_as: Option<FileKind>,
    /// Path in the repository, or the name of standard input.
    pub path: &'a str,
    /// Whether the user named this very file.
    pub explicit: bool,
}

/// Kind of a file by path, then content.
pub(crate) fn classify(hints: &Hints<'_>, text: &str) -> FileKind {
    if let Some(node_path) = hints.node_path {
        return of_node_path(node_path)
            .or(hints.linked_as)
            .or_else(|| sniff::structured(text).filter(|kind| *kind != AnsibleVars))
            .or_else(|| node_path.contains("/manifests/").then_some(Manifest).filter(|_| is_structured(node_path)))
            .unwrap_or(FileKind::Other);
    }
    let by_path = of_repository_path(hints.path);
    let open = match by_path {
        None => true,
        // Names that repositories also use for other things: the objects inside, if any, decide.
        Some(KubeletConfig | K3sConfig | AnsibleVars | Netplan) => is_structured(hints.path),
        Some(_) => false,
    };
    let by_content = (open && (is_structured(hints.path) || hints.explicit)).then(|| sniff::structured(text)).flatten();
    let guessed = || hints.explicit.then(|| sniff::plain(text)).flatten();
    by_content.or(by_path).or_else(guessed).unwrap_or(FileKind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_paths() {
        for (path, want) in [
            ("/etc/resolv.conf", Some(ResolvConf)),
            ("/etc/resolv.conf.bak", Some(ResolvConf)),
            ("/run/systemd/resolve/stub-resolv.conf", Some(ResolvConf)),
            ("/run/dnsmasq/resolv.conf", Some(ResolvConf)),
            ("/run/NetworkManager/no-stub-resolv.conf", Some(ResolvConf)),
            ("/etc/resolvconf/resolv.conf.d/head", Some(ResolvConf)),
            ("/var/lib/rancher/k3s/agent/etc/resolv.conf", Some(ResolvConf)),
            ("/etc/systemd/resolved.conf", Some(ResolvedConf)),
            ("/usr/lib/systemd/resolved.conf.d/10-x.conf", Some(ResolvedConf)),
            ("/etc/dnsmasq.d/upstream", Some(Dnsmasq)),
            ("/etc/systemd/system/k3s.service", Some(SystemdUnit)),
            ("/etc/systemd/system/k3s.service.env", Some(EnvFile)),
            ("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", Some(SystemdDropIn)),
            ("/run/systemd/generator.late/a.service", Some(SystemdUnit)),
            ("/etc/default/kubelet", Some(EnvFile)),
            ("/etc/kubernetes/kubelet/kubelet-config.json", Some(KubeletConfig)),
            ("/etc/kubernetes/kubelet", Some(EnvFile)),
            ("/var/lib/kubelet/config.yaml", Some(KubeletConfig)),
            ("/var/lib/kubelet/kubeadm-flags.env", Some(EnvFile)),
            ("/var/lib/rancher/k3s/agent/etc/kubelet.conf.d/00-k3s.conf", Some(KubeletConfig)),
            ("/etc/rancher/rke2/config.yaml.d/50-dns.yaml", Some(K3sConfig)),
            ("/etc/rancher/k3s/registries.yaml", None),
            ("/etc/kubernetes/pki/ca.key", None),
            ("/etc/default/server.key", None),
            ("/opt/rke/cluster.yml", Some(RkeClusterYml)),
            ("/etc/netplan/50-cloud-init.yaml", Some(Netplan)),
            ("/usr/bin/kubelet", None),
        ] {
            assert_eq!(of_node_path(path), want, "{path}");
        }
    }

    #[test]
    fn repository_paths() {
        for (path, want) in [
            ("Corefile", Some(Corefile)),
            ("dns/prod.Corefile", Some(Corefile)),
            ("edge.resolv.conf", Some(ResolvConf)),
            ("units/kubelet.service", Some(SystemdUnit)),
            ("units/kubelet.service.d/x.conf", Some(SystemdDropIn)),
            ("roles/dns/files/etc/dnsmasq.d/lan", Some(Dnsmasq)),
            ("files/etc/hosts", Some(Hosts)),
            ("inventory/group_vars/k8s_cluster/k8s-cluster.yml", Some(AnsibleVars)),
            ("app/deployment.yaml", None),
            ("src/main.rs", None),
        ] {
            assert_eq!(of_repository_path(path), want, "{path}");
        }
    }

    #[test]
    fn content_overrules_ambiguous_names() {
        let kind = |path: &str, text: &str| classify(&Hints { path, ..Hints::default() }, text);
        let config_map = "apiVersion: v1\nkind: ConfigMap\ndata:\n  kubelet: |\n    kind: KubeletConfiguration\n";
        assert_eq!(kind("kubelet-config.yaml", config_map), Manifest);
        let config = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
        assert_eq!(kind("kubelet-config.yaml", config), KubeletConfig);
        assert_eq!(kind("a.yaml", config), KubeletConfig);
        assert_eq!(kind("kubelet.yaml", "clusterDNS: [10.96.0.10]\n"), KubeletConfig);
        assert_eq!(kind("values.yaml", "a: 1\n"), FileKind::Other);
        assert_eq!(kind("group_vars/all/x.yml", "cluster_name: a\n"), AnsibleVars);
        let node = |path: &str, text: &str| classify(&Hints { node_path: Some(path), ..Hints::default() }, text);
        assert_eq!(node("/etc/kubernetes/kubelet.conf", config), KubeletConfig);
        assert_eq!(node("/opt/x.yaml", "a: 1\n"), FileKind::Other);
        assert_eq!(node("/var/lib/kubelet/config.yaml", "broken"), KubeletConfig);
    }

    #[test]
    fn explicit_files_are_guessed_by_content() {
        let kind = |text: &str| classify(&Hints { path: "<stdin>", explicit: true, ..Hints::default() }, text);
        assert_eq!(kind("# x\nnameserver 1.1.1.1\n"), ResolvConf);
        assert_eq!(kind("[Unit]\nDescription=x\n"), SystemdUnit);
        assert_eq!(kind("[Resolve]\nDNS=1.1.1.1\n"), ResolvedConf);
        assert_eq!(kind(".:53 {\n  forward . 1.1.1.1\n}\n"), Corefile);
        assert_eq!(kind("{\"kind\": \"Pod\", \"apiVersion\": \"v1\"}"), Manifest);
        assert_eq!(kind("hello\n"), FileKind::Other);
    }
}
