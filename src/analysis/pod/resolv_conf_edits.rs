//! Where a pod changes its own /etc/resolv.conf: hooks, commands, and files mounted over it.

use crate::model::pod::{Container, PodSpec};
use crate::source::{Located, Location};

/// The file that the kubelet writes for every pod.
const RESOLV_CONF: &str = "/etc/resolv.conf";

/// How a pod changes the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EditKind {
    /// `lifecycle.postStart`: runs beside the container's start, with no order guaranteed.
    PostStart,
    /// `command` or `args` run a shell line that writes the file.
    Command,
    /// A ConfigMap or host file is mounted over it: never updated with `subPath`.
    Mount,
}

/// One such change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConfEdit {
    /// How.
    pub kind: EditKind,
    /// Container that does it.
    pub container: String,
    /// The command line, or `configMap/name` / the host path of the mount.
    pub text: String,
    /// Whether the command works without a shell: `["/bin/echo", "x", ">>", "/etc/resolv.conf"]` only prints.
    pub effective: bool,
    /// Whether the file is replaced rather than appended to.
    pub replaces: bool,
}

/// Every change that the pod's specification shows.
#[must_use]
pub fn edits(pod: &PodSpec) -> Vec<Located<ResolvConfEdit>> {
    pod.all_containers()
        .flat_map(|container| {
            let mut found: Vec<Located<ResolvConfEdit>> = Vec::new();
            found.extend(command_edit(container, EditKind::PostStart, &container.post_start));
            let words: Vec<Located<String>> = container.command.iter().chain(&container.args).cloned().collect();
            found.extend(command_edit(container, EditKind::Command, &words));
            found.extend(mount_edits(pod, container));
            found
        })
        .collect()
}

/// A command that writes the file, located at the word that says so.
fn command_edit(container: &Container, kind: EditKind, words: &[Located<String>]) -> Option<Located<ResolvConfEdit>> {
    let (at, word) =
        words.iter().enumerate().find(|(_, word)| writes(&word.value) || word.value.trim() == RESOLV_CONF)?;
    let redirected_argument = word.value.trim() == RESOLV_CONF;
    if redirected_argument
        && !words.get(..at)?.iter().any(|w| matches!(w.value.trim(), ">" | ">>" | "tee" | "sed" | "cp" | "-i"))
    {
        return None;
    }
    let program = words.first().map(|w| w.value.rsplit('/').next().unwrap_or("").to_owned()).unwrap_or_default();
    let shell = matches!(program.as_str(), "sh" | "bash" | "ash" | "dash" | "busybox" | "zsh");
    let by_program = matches!(program.as_str(), "tee" | "sed" | "cp" | "dd");
    let text = words.iter().map(|w| w.value.as_str()).collect::<Vec<_>>().join(" ");
    let edit = ResolvConfEdit {
        kind,
        container: container.name.value.clone(),
        effective: shell || by_program,
        replaces: !text.contains(">>") && !text.contains("tee -a"),
        text,
    };
    Some(Located::from_origins(edit, word.location().into_iter().collect()))
}

/// Whether a shell line redirects, tees, copies or seds into the file.
fn writes(line: &str) -> bool {
    line.match_indices(RESOLV_CONF).any(|(at, _)| {
        let before = line.get(..at).unwrap_or("").trim_end().trim_end_matches(['"', '\'']).trim_end();
        let command = before.rsplit([';', '&', '|', '\n']).next().unwrap_or("").trim();
        let first = command.split_whitespace().next().unwrap_or("");
        before.ends_with('>')
            || first == "tee"
            || first == "truncate"
            || (first == "sed" && command.contains(" -i"))
            || ((first == "cp" || first == "mv") && command.split_whitespace().count() >= 2)
    })
}

fn mount_edits(pod: &PodSpec, container: &Container) -> Vec<Located<ResolvConfEdit>> {
    container
        .mounts
        .iter()
        .filter(|mount| mount.mount_path.value == RESOLV_CONF)
        .map(|mount| {
            let volume = pod.volumes.iter().find(|v| v.name.value == mount.name.value);
            let text = volume
                .and_then(|v| {
                    let map = v.config_map.as_ref().map(|c| format!("configMap/{}", c.name.value));
                    map.or_else(|| v.host_path.as_ref().map(|p| p.value.clone()))
                })
                .unwrap_or_else(|| format!("volume {}", mount.name.value));
            let edit = ResolvConfEdit {
                kind: EditKind::Mount,
                container: container.name.value.clone(),
                text,
                effective: true,
                replaces: true,
            };
            let origins: Vec<Location> = mount.mount_path.location().into_iter().collect();
            Located::from_origins(edit, origins)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shell_lines_that_write_the_file() {
        for line in [
            "echo 'options single-request-reopen' >> /etc/resolv.conf",
            "/bin/echo x >/etc/resolv.conf && exec app",
            "echo x | tee -a /etc/resolv.conf",
            "sed -i s/5/1/ /etc/resolv.conf",
            "cp /tmp/r /etc/resolv.conf",
        ] {
            assert!(writes(line), "{line}");
        }
        for line in ["cat /etc/resolv.conf", "grep nameserver /etc/resolv.conf > /tmp/x", "sed s/a/b/ /etc/resolv.conf"]
        {
            assert!(!writes(line), "{line}");
        }
    }
}
