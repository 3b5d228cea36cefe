//! Where a pod changes its own /etc/resolv.conf: hooks, commands, and files mounted over it.

use crate::analysis::servers::upstream_files::nameservers;
use crate::model::config_map::{ConfigEntry, ConfigMap};
use crate::model::pod::{Container, PodSpec, Volume, VolumeMount};
use crate::source::Located;

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
    /// Why the command leaves the file as it is: `["/bin/echo", "x", ">>", "/etc/resolv.conf"]` only prints.
    pub flaw: Option<&'static str>,
    /// What is mounted: `configMap`, `hostPath` or `volume`; empty for a command.
    pub source: &'static str,
    /// Whether the file is replaced rather than appended to.
    pub replaces: bool,
    /// Nameservers of the mounted file, where the snapshot has the ConfigMap.
    pub nameservers: Vec<Located<String>>,
    /// Whether it sets `single-request` or `single-request-reopen`.
    pub single_request: bool,
}

/// Every change that the pod's specification shows.
#[must_use]
pub fn edits(pod: &PodSpec, namespace: &str, config_maps: &[ConfigMap]) -> Vec<Located<ResolvConfEdit>> {
    pod.all_containers()
        .flat_map(|container| {
            let mut found: Vec<Located<ResolvConfEdit>> = Vec::new();
            found.extend(command_edit(container, EditKind::PostStart, container.post_start.iter()));
            found.extend(command_edit(container, EditKind::Command, container.command.iter().chain(&container.args)));
            found.extend(mount_edits(pod, namespace, config_maps, container));
            found
        })
        .collect()
}

/// A command that writes the file, located at the word that says so.
fn command_edit<'a>(
    container: &Container,
    kind: EditKind,
    words: impl Iterator<Item = &'a Located<String>> + Clone,
) -> Option<Located<ResolvConfEdit>> {
    if !words.clone().any(|word| word.value.contains(RESOLV_CONF)) {
        return None;
    }
    let words: Vec<&Located<String>> = words.collect();
    let is_path = |word: &str| word.trim() == RESOLV_CONF;
    let (at, word) = words.iter().enumerate().find(|(_, word)| writes(&word.value) || is_path(&word.value))?;
    let program = words.first().map(|w| base_name(&w.value)).unwrap_or_default();
    let before: Vec<&str> = words.get(..at)?.iter().map(|w| w.value.trim()).collect();
    let redirected = before.last().is_some_and(|w| matches!(*w, ">" | ">>"));
    let flaw = if is_path(&word.value) {
        let direct = matches!(program, "tee" | "cp" | "mv" | "truncate") || (program == "sed" && in_place(&before));
        if !direct && !redirected {
            return None;
        }
        redirected.then(|| redirection_flaw(program))
    } else {
        // a line that is a word of its own needs a shell before it; without `command` the image's entry point may be one
        let shell = before.iter().any(|w| SHELLS.contains(&base_name(w)));
        let whole =
            at == 0 && !container.command.is_empty() && kind == EditKind::Command || kind == EditKind::PostStart;
        (!shell && whole).then_some("no shell reads this command")
    };
    let text = words.iter().map(|w| w.value.as_str()).collect::<Vec<_>>().join(" ");
    let edit = ResolvConfEdit {
        kind,
        container: container.name.value.clone(),
        flaw,
        source: "",
        replaces: !text.contains(">>") && !text.contains("tee -a"),
        single_request: text.contains("single-request"),
        nameservers: Vec::new(),
        text,
    };
    Some(Located::from_origins(edit, word.location().into_iter().collect()))
}

/// Programs that read redirections.
const SHELLS: [&str; 6] = ["sh", "bash", "ash", "dash", "busybox", "zsh"];

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn in_place(words: &[&str]) -> bool {
    words.iter().any(|w| w.starts_with("-i") || *w == "--in-place")
}

/// Why `>>` as a word of its own redirects nothing.
fn redirection_flaw(program: &str) -> &'static str {
    if SHELLS.contains(&program) {
        "the shell runs only the word behind -c, and `>>` is a further argument"
    } else {
        "no shell reads this command, and `>>` is one of its arguments"
    }
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

fn mount_edits(
    pod: &PodSpec,
    namespace: &str,
    config_maps: &[ConfigMap],
    container: &Container,
) -> Vec<Located<ResolvConfEdit>> {
    let over = container.mounts.iter().filter(|mount| mount.mount_path.value.trim_end_matches('/') == RESOLV_CONF);
    over.map(|mount| {
        let volume = pod.volumes.iter().find(|v| v.name.value == mount.name.value);
        let (source, text) = volume.map_or_else(|| ("volume", format!("volume {}", mount.name.value)), mounted);
        let file = volume.and_then(|volume| mounted_entry(volume, mount, namespace, config_maps));
        let edit = ResolvConfEdit {
            kind: EditKind::Mount,
            container: container.name.value.clone(),
            text,
            flaw: None,
            source,
            replaces: true,
            nameservers: file.map(|entry| nameservers(&entry.text)).unwrap_or_default(),
            single_request: file.is_some_and(|entry| entry.text.text.contains("single-request")),
        };
        let origins = mount.mount_path.location().into_iter().collect();
        Located::from_origins(edit, origins)
    })
    .collect()
}

fn mounted(volume: &Volume) -> (&'static str, String) {
    match (&volume.config_map, &volume.host_path) {
        (Some(map), _) => ("configMap", format!("configMap/{}", map.name.value)),
        (None, Some(path)) => ("hostPath", path.value.clone()),
        (None, None) => ("volume", format!("volume {}", volume.name.value)),
    }
}

/// The entry of a ConfigMap that a `subPath` lays over the file.
fn mounted_entry<'a>(
    volume: &Volume,
    mount: &VolumeMount,
    namespace: &str,
    config_maps: &'a [ConfigMap],
) -> Option<&'a ConfigEntry> {
    let (wanted, path) = (volume.config_map.as_ref()?, mount.sub_path.as_ref()?);
    let map = config_maps
        .iter()
        .find(|map| map.meta.name.value == wanted.name.value && map.meta.namespace.value == namespace)?;
    let item = wanted.items.iter().find(|(_, to)| to.value == path.value).map(|(key, _)| key.value.as_str());
    map.get(item.unwrap_or(&path.value))
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

    fn flaws(spec: &str) -> Vec<(EditKind, bool)> {
        let pod = super::super::testing::pod(spec);
        edits(&pod, "default", &[]).into_iter().map(|e| (e.value.kind, e.value.flaw.is_some())).collect()
    }

    #[test]
    fn a_redirection_needs_a_shell() {
        let command = |words: &str| flaws(&format!("containers: [{{name: a, command: {words}}}]\n"));
        let line = "'echo x >> /etc/resolv.conf'";
        assert_eq!(command(&format!("[/bin/sh, -c, {line}]")), [(EditKind::Command, false)]);
        assert_eq!(command("[/bin/echo, x, '>>', /etc/resolv.conf]"), [(EditKind::Command, true)]);
        assert_eq!(command("[/bin/sh, -c, echo, x, '>>', /etc/resolv.conf]"), [(EditKind::Command, true)]);
        assert_eq!(command(&format!("[{line}]")), [(EditKind::Command, true)]);
        assert_eq!(command("[cp, /tmp/r, /etc/resolv.conf]"), [(EditKind::Command, false)]);
        assert_eq!(command("[cat, /etc/resolv.conf]"), []);
        assert_eq!(command("[app, --resolv-conf, /etc/resolv.conf]"), []);
        let args = format!("containers: [{{name: a, args: [{line}]}}]\n");
        assert_eq!(flaws(&args), [(EditKind::Command, false)], "the image's entry point may be a shell");
        let hook =
            format!("containers: [{{name: a, lifecycle: {{postStart: {{exec: {{command: [sh, -c, {line}]}}}}}}}}]\n");
        assert_eq!(flaws(&hook), [(EditKind::PostStart, false)]);
    }

    #[test]
    fn mounts_over_the_file() {
        let of = |source: &str| {
            let spec = format!(
                "containers: [{{name: a, volumeMounts: [{{name: v, mountPath: /etc/resolv.conf, subPath: r}}]}}]\nvolumes: [{{name: v, {source}}}]\n"
            );
            let found = edits(&super::super::testing::pod(&spec), "default", &[]);
            found.first().map(|e| (e.value.source, e.value.text.clone()))
        };
        assert_eq!(of("configMap: {name: m}"), Some(("configMap", "configMap/m".to_owned())));
        assert_eq!(of("hostPath: {path: /etc/resolv.conf}"), Some(("hostPath", "/etc/resolv.conf".to_owned())));
        assert_eq!(of("emptyDir: {}"), Some(("volume", "volume v".to_owned())));
    }
}
