//! Files that a program writes anew: a fix there would be lost, so none is made.

use crate::source::{FileKind, SourceFile};
use crate::syntax::resolv_conf::{ResolvConf, owner};

/// Directories of files that programs generate at run time or packages install (hier(7), file-hierarchy(7)).
const GENERATED: [&str; 7] = ["/run/", "/var/run/", "/usr/lib/", "/lib/", "/usr/share/", "/proc/", "/var/lib/rancher/"];

/// Manifests below `server/manifests` that users put there themselves keep their names; these are the packaged ones
/// (k3s `manifests/`, RKE2 charts), which are written at every start.
const MANIFESTS: &str = "/server/manifests/";

/// Whether a program or package will overwrite the file.
#[must_use]
pub(super) fn is_owned(file: &SourceFile) -> bool {
    if let Some(path) = file.node_path.as_deref()
        && GENERATED.iter().any(|directory| path.starts_with(directory))
    {
        return !path.contains(MANIFESTS) || is_packaged(path);
    }
    if file.kind != FileKind::ResolvConf {
        return false;
    }
    owner(&ResolvConf::parse(&file.text)).is_some_and(|(owner, _)| owner.regenerates())
}

fn is_packaged(path: &str) -> bool {
    const PACKAGED: [&str; 6] =
        ["ccm.yaml", "coredns.yaml", "local-storage.yaml", "rolebindings.yaml", "runtimes.yaml", "traefik.yaml"];
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    directory.ends_with("/metrics-server")
        || PACKAGED.contains(&name)
        || name.starts_with("rke2-") && !name.ends_with("-config.yaml")
}
