//! Container runtimes: how each writes a pod's resolv.conf from the three lists of the kubelet.

use super::versions::Version;

/// The program that makes the pod's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RuntimeKind {
    /// containerd (k3s, RKE2, most kubeadm and kubespray clusters).
    Containerd,
    /// CRI-O.
    CriO,
    /// Docker behind cri-dockerd.
    CriDockerd,
}

/// A container runtime with its release, if known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Runtime {
    /// Which one.
    pub kind: RuntimeKind,
    /// Its release; unknown counts as recent.
    pub version: Option<Version>,
}

/// What a runtime does when all three lists are empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmptyLists {
    /// It writes an empty file.
    EmptyFile,
    /// It copies the node's `/etc/resolv.conf`, whatever file the kubelet's `resolvConf` names.
    CopyOfNode,
    /// It leaves the file as Docker made it.
    LeftToDocker,
}

/// The file that runtimes copy for [`EmptyLists::CopyOfNode`].
pub const NODE_RESOLV_CONF: &str = "/etc/resolv.conf";

impl Default for Runtime {
    /// A recent containerd.
    fn default() -> Self {
        Self { kind: RuntimeKind::Containerd, version: None }
    }
}

impl Runtime {
    /// Reads `containerd://1.7.20-k3s1` (as in a Node's status), `containerd 2.0.0`, `cri-o`, `docker://24.0.7`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let (name, version) = text.split_once("://").or_else(|| text.split_once(' ')).unwrap_or((text, ""));
        let kind = match name {
            "containerd" => RuntimeKind::Containerd,
            "cri-o" | "crio" => RuntimeKind::CriO,
            "cri-dockerd" | "docker" => RuntimeKind::CriDockerd,
            _ => return None,
        };
        Some(Self { kind, version: Version::parse(version) })
    }

    /// What the file is when there is nothing to write.
    ///
    /// containerd stopped copying in 1.6.34, 1.7.20 and 2.0 (`sandbox_run_linux.go`, each tag compared); CRI-O
    /// copies (`internal/lib/sandbox/infra.go`); cri-dockerd rewrites nothing (`core/sandbox_helpers.go`).
    #[must_use]
    pub fn empty_lists(self) -> EmptyLists {
        let first = [Version::new(1, 6, 34), Version::new(1, 7, 20)];
        match self.kind {
            RuntimeKind::Containerd if self.version.is_none_or(|v| v.has_backport(&first)) => EmptyLists::EmptyFile,
            RuntimeKind::Containerd | RuntimeKind::CriO => EmptyLists::CopyOfNode,
            RuntimeKind::CriDockerd => EmptyLists::LeftToDocker,
        }
    }

    /// Number of search entries above which the runtime refuses the pod: 6 in containerd before 1.5.6.
    #[must_use]
    pub fn max_searches(self) -> Option<usize> {
        let old = self.version.is_some_and(|version| version < Version::new(1, 5, 6));
        (self.kind == RuntimeKind::Containerd && old).then_some(6)
    }

    /// The text of the file, byte for byte; meaningful unless all lists are empty.
    #[must_use]
    pub fn render(self, nameservers: &[&str], searches: &[&str], options: &[&str]) -> String {
        let line = |keyword: &str, words: &[&str]| {
            if words.is_empty() { String::new() } else { format!("{keyword} {}\n", words.join(" ")) }
        };
        let servers: String = nameservers.iter().map(|server| format!("nameserver {server}\n")).collect();
        let search = line("search", searches);
        let options = line("options", options);
        match self.kind {
            RuntimeKind::Containerd | RuntimeKind::CriO => search + &servers + &options,
            RuntimeKind::CriDockerd => servers + &search + &options,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runtime_texts() {
        let got = Runtime::parse("containerd://1.7.20-k3s1").unwrap();
        assert_eq!((got.kind, got.version), (RuntimeKind::Containerd, Some(Version::new(1, 7, 20))));
        assert_eq!(Runtime::parse("cri-o://1.30.2").map(|r| r.kind), Some(RuntimeKind::CriO));
        assert_eq!(Runtime::parse("docker://24.0.7").map(|r| r.kind), Some(RuntimeKind::CriDockerd));
        assert_eq!(Runtime::parse("containerd").and_then(|r| r.version), None);
        assert_eq!(Runtime::parse("podman 5"), None);
    }

    #[test]
    fn nothing_to_write() {
        let empty = |text| Runtime::parse(text).unwrap().empty_lists();
        assert_eq!(empty("containerd 1.6.33"), EmptyLists::CopyOfNode);
        assert_eq!(empty("containerd 1.6.34"), EmptyLists::EmptyFile);
        assert_eq!(empty("containerd 1.7.19"), EmptyLists::CopyOfNode);
        assert_eq!(empty("containerd 1.5.18"), EmptyLists::CopyOfNode);
        assert_eq!(empty("containerd 2.0.0"), EmptyLists::EmptyFile);
        assert_eq!(empty("containerd"), EmptyLists::EmptyFile);
        assert_eq!(empty("cri-o 1.31.0"), EmptyLists::CopyOfNode);
        assert_eq!(empty("cri-dockerd"), EmptyLists::LeftToDocker);
    }
}
