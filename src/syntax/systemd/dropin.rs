//! Which unit file and which drop-ins of a node apply to a unit (systemd `src/shared/dropin.c`, `systemd.unit(5)`).

use super::unit::Unit;
use std::collections::{BTreeMap, BTreeSet};

/// Where the system manager looks for units, best first (`systemd-analyze unit-paths`).
///
/// `/lib` differs from `/usr/lib` only on nodes whose `/usr` is not merged.
pub const UNIT_SEARCH_ORDER: [&str; 13] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    "/etc/systemd/system",
    "/etc/systemd/system.attached",
    "/run/systemd/system",
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    "/usr/local/lib/systemd/system",
    "/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/run/systemd/generator.late",
];

/// A file of a node that may be a unit or a drop-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate<'a> {
    /// Absolute path on the node.
    pub path: &'a str,
    /// What it holds.
    pub state: FileState,
}

/// What a unit file or drop-in holds, as far as it decides whether it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// Settings.
    Text,
    /// Assignments but no section header, so that all of them are ignored.
    NoSectionHeader,
    /// An empty file or a link to `/dev/null`: hides every file of its name in lower directories.
    Masked,
}

impl FileState {
    /// The state of a regular file.
    #[must_use]
    pub fn of(text: &str, unit: &Unit) -> Self {
        if text.is_empty() {
            Self::Masked
        } else if unit.lacks_section() {
            Self::NoSectionHeader
        } else {
            Self::Text
        }
    }
}

/// A unit file that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundUnit<'a> {
    /// Its path.
    pub path: &'a str,
    /// Whether it masks the unit: nothing can start it.
    pub masked: bool,
}

/// The drop-ins of a unit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropIns<'a> {
    /// Those that apply, in the order in which they do.
    pub applied: Vec<Applied<'a>>,
    /// Those that look as if they should and do not, by path.
    pub ineffective: Vec<Ineffective<'a>>,
}

/// A drop-in that applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Applied<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its base name, which decides the order.
    pub name: &'a str,
}

/// A drop-in without effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ineffective<'a> {
    /// Its path.
    pub path: &'a str,
    /// Why.
    pub reason: IneffectiveReason<'a>,
}

/// Why a drop-in has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IneffectiveReason<'a> {
    /// The name does not end in `.conf`.
    WrongSuffix,
    /// The name starts with a dot.
    Hidden,
    /// The directory is none that systemd reads for this unit, but one that resembles it.
    WrongDirectory {
        /// The directory where it would be read.
        expected: String,
    },
    /// It lies in a sub-directory of the drop-in directory; those are not entered.
    Nested {
        /// The directory where it would be read.
        expected: String,
    },
    /// A link to `/dev/null` or an empty file of the same name in a better directory hides it.
    Masked {
        /// That file.
        by: &'a str,
    },
    /// A file of the same name in a better directory hides it.
    Shadowed {
        /// That file.
        by: &'a str,
    },
    /// It has no section header, so that every line is ignored.
    NoSectionHeader,
}

/// Finds the unit file that defines `name`: the first one in search order wins completely.
///
/// An instance (`a@b.service`) falls back to its template (`a@.service`).
#[must_use]
pub fn find_unit<'a>(name: &str, candidates: &[Candidate<'a>]) -> Option<FoundUnit<'a>> {
    let template = template_of(name);
    [Some(name), template.as_deref()].into_iter().flatten().find_map(|name| {
        UNIT_SEARCH_ORDER.iter().find_map(|directory| {
            let is_it = |c: &&Candidate<'a>| split_path(c.path) == (*directory, name);
            let found = candidates.iter().find(is_it)?;
            Some(FoundUnit { path: found.path, masked: found.state == FileState::Masked })
        })
    })
}

/// The directories whose `*.conf` files are drop-ins of `unit`, best first.
///
/// In each search directory the unit's own, then those of its dash prefixes; at last those of its type.
#[must_use]
pub fn dropin_directories(unit: &str) -> Vec<String> {
    let names = dropin_names(unit);
    let own = UNIT_SEARCH_ORDER.iter().flat_map(|dir| names.iter().map(move |name| format!("{dir}/{name}.d")));
    let kind = unit.rsplit_once('.').map_or("service", |(_, kind)| kind);
    own.chain(UNIT_SEARCH_ORDER.iter().map(|dir| format!("{dir}/{kind}.d"))).collect()
}

/// `k3s-agent.service` → itself, `k3s-.service`; an instance also has its template.
fn dropin_names(unit: &str) -> Vec<String> {
    let (stem, kind) = unit.rsplit_once('.').unwrap_or((unit, "service"));
    let (prefix, instance) = stem.split_once('@').map_or((stem, None), |(prefix, instance)| (prefix, Some(instance)));
    let mut names = Vec::new();
    let mut add = |prefix: &str| {
        if let Some(instance) = instance {
            names.push(format!("{prefix}@{instance}.{kind}"));
            if !instance.is_empty() {
                names.push(format!("{prefix}@.{kind}"));
            }
        } else {
            names.push(format!("{prefix}.{kind}"));
        }
    };
    add(prefix);
    let mut rest = prefix.trim_end_matches('-');
    while let Some(dash) = rest.rfind('-').filter(|dash| *dash > 0) {
        add(rest.get(..=dash).unwrap_or(""));
        rest = rest.get(..dash).unwrap_or("").trim_end_matches('-');
    }
    names
}

/// Finds the drop-ins of `unit` among the files of a node, and the files that were probably meant to be some.
#[must_use]
pub fn dropins_for<'a>(unit: &str, candidates: &[Candidate<'a>]) -> DropIns<'a> {
    let directories = dropin_directories(unit);
    let ranks: BTreeMap<&str, usize> = directories.iter().zip(0..).map(|(dir, rank)| (dir.as_str(), rank)).collect();
    let paths: BTreeSet<&str> = candidates.iter().map(|c| c.path).collect();
    let mut found = DropIns::default();
    let mut by_name: BTreeMap<&'a str, Vec<(usize, Candidate<'a>)>> = BTreeMap::new();
    for candidate in candidates {
        let (directory, name) = split_path(candidate.path);
        let reason = match ranks.get(directory) {
            Some(_) if name.starts_with('.') => Some(IneffectiveReason::Hidden),
            Some(rank) if name.ends_with(".conf") => {
                by_name.entry(name).or_default().push((*rank, *candidate));
                None
            }
            Some(_) => Some(IneffectiveReason::WrongSuffix),
            None => nested(directory, &ranks).or_else(|| near_miss(unit, candidate.path, &paths)),
        };
        found.ineffective.extend(reason.map(|reason| Ineffective { path: candidate.path, reason }));
    }
    for (name, mut files) in by_name {
        files.sort_by_key(|(rank, candidate)| (*rank, candidate.path));
        settle(name, files.iter().map(|(_, candidate)| *candidate), &mut found);
    }
    found.ineffective.sort_by_key(|i| i.path);
    found
}

/// Sorts out files of one name, best first: the first one survives.
fn settle<'a>(name: &'a str, mut files: impl Iterator<Item = Candidate<'a>>, found: &mut DropIns<'a>) {
    let Some(best) = files.next() else { return };
    match best.state {
        FileState::Text => found.applied.push(Applied { path: best.path, name }),
        FileState::NoSectionHeader => {
            found.ineffective.push(Ineffective { path: best.path, reason: IneffectiveReason::NoSectionHeader });
        }
        FileState::Masked => {}
    }
    let by = best.path;
    found.ineffective.extend(files.filter(|f| f.state != FileState::Masked).map(|loser| {
        let masked = best.state == FileState::Masked;
        let reason = if masked { IneffectiveReason::Masked { by } } else { IneffectiveReason::Shadowed { by } };
        Ineffective { path: loser.path, reason }
    }));
}

/// Directory and base name; the root directory is empty.
fn split_path(path: &str) -> (&str, &str) {
    path.rsplit_once('/').unwrap_or(("", path))
}

fn template_of(unit: &str) -> Option<String> {
    let (stem, kind) = unit.rsplit_once('.')?;
    let (prefix, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| format!("{prefix}@.{kind}"))
}

/// A drop-in directory above `directory`.
fn nested<'a>(directory: &str, ranks: &BTreeMap<&str, usize>) -> Option<IneffectiveReason<'a>> {
    let mut above = directory;
    while let Some((parent, _)) = above.rsplit_once('/') {
        if ranks.contains_key(parent) {
            return Some(IneffectiveReason::Nested { expected: parent.to_owned() });
        }
        above = parent;
    }
    None
}

/// Whether a path somewhere below a `systemd` directory was probably meant as a drop-in of `unit`.
fn near_miss<'a>(unit: &str, path: &str, paths: &BTreeSet<&str>) -> Option<IneffectiveReason<'a>> {
    let (directory, name) = split_path(path);
    let (parent, folder) = split_path(directory);
    if !path.contains("/systemd/") || name.starts_with('.') {
        return None;
    }
    let stem = unit.rsplit_once('.').map_or(unit, |(stem, _)| stem);
    let base = UNIT_SEARCH_ORDER.iter().find(|dir| *dir == &parent || *dir == &directory);
    let expected = format!("{}/{unit}.d", base.copied().unwrap_or("/etc/systemd/system"));
    let flat = UNIT_SEARCH_ORDER.contains(&directory)
        && name.strip_suffix(".conf").is_some_and(|file| file.strip_suffix(".service").unwrap_or(file) == stem);
    let wrong = flat || (name.ends_with(".conf") && resembles(folder, stem, paths));
    wrong.then_some(IneffectiveReason::WrongDirectory { expected })
}

/// `k3s.service.conf.d`, `kubelet.d`, `Kubelet.service.d`, `kubelet.service`, or a sibling's directory
/// (`k3s.service.d` for `k3s-agent`) when the node has no such unit.
fn resembles(folder: &str, stem: &str, paths: &BTreeSet<&str>) -> bool {
    let bare = folder.strip_suffix(".d").unwrap_or(folder);
    let mut base = bare.to_ascii_lowercase();
    for suffix in [".conf", ".service", ".conf"] {
        base.truncate(base.strip_suffix(suffix).map_or(base.len(), str::len));
    }
    let squeezed = |s: &str| s.replace(['-', '_'], "").to_ascii_lowercase();
    if base == stem || squeezed(&base) == squeezed(stem) || is_broken_type(folder, stem) {
        return true;
    }
    let family = |s: &str| s.split('-').next().unwrap_or("").to_owned();
    let sibling = ["k3s", "rke2"].contains(&family(stem).as_str()) && family(&base) == family(stem);
    let exists = || UNIT_SEARCH_ORDER.iter().any(|dir| paths.contains(format!("{dir}/{bare}").as_str()));
    sibling && folder.ends_with(".service.d") && !base.ends_with('-') && !exists()
}

/// `k3s.serivce.d`: the right name with a misspelt type.
fn is_broken_type(folder: &str, stem: &str) -> bool {
    let kind =
        folder.strip_prefix(stem).and_then(|rest| rest.strip_prefix('.')).and_then(|rest| rest.strip_suffix(".d"));
    kind.is_some_and(|kind| !KINDS.contains(&kind))
}

const KINDS: [&str; 11] =
    ["service", "socket", "device", "mount", "automount", "swap", "target", "path", "timer", "slice", "scope"];

#[cfg(test)]
mod tests {
    use super::*;

    fn texts<'a>(paths: &[&'a str]) -> Vec<Candidate<'a>> {
        paths.iter().map(|path| Candidate { path, state: FileState::Text }).collect()
    }

    fn reasons<'a>(unit: &str, paths: &[&'a str]) -> Vec<(&'a str, IneffectiveReason<'a>)> {
        dropins_for(unit, &texts(paths)).ineffective.into_iter().map(|i| (i.path, i.reason)).collect()
    }

    #[test]
    fn directories_are_own_then_prefix_then_type() {
        let dirs = dropin_directories("k3s-agent.service");
        let etc: Vec<_> = dirs.iter().filter(|d| d.starts_with("/etc/systemd/system/")).cloned().collect();
        assert_eq!(
            etc,
            [
                "/etc/systemd/system/k3s-agent.service.d",
                "/etc/systemd/system/k3s-.service.d",
                "/etc/systemd/system/service.d"
            ]
        );
        assert_eq!(
            dropin_names("a-b-c@x.service"),
            ["a-b-c@x.service", "a-b-c@.service", "a-b-@x.service", "a-b-@.service", "a-@x.service", "a-@.service"]
        );
    }

    #[test]
    fn one_file_a_name_survives_and_names_decide_the_order() {
        let candidates = texts(&[
            "/usr/lib/systemd/system/k3s-agent.service.d/10.conf",
            "/etc/systemd/system/k3s-.service.d/10.conf",
            "/etc/systemd/system/service.d/05.conf",
            "/usr/lib/systemd/system/k3s-agent.service.d/05.conf",
            "/run/systemd/system/k3s-agent.service.d/20.conf",
        ]);
        let found = dropins_for("k3s-agent.service", &candidates);
        assert_eq!(
            found.applied.iter().map(|a| a.path).collect::<Vec<_>>(),
            [
                "/usr/lib/systemd/system/k3s-agent.service.d/05.conf",
                "/etc/systemd/system/k3s-.service.d/10.conf",
                "/run/systemd/system/k3s-agent.service.d/20.conf",
            ]
        );
        let by = "/etc/systemd/system/k3s-.service.d/10.conf";
        assert_eq!(
            found.ineffective.last().map(|i| (i.path, i.reason.clone())),
            Some(("/usr/lib/systemd/system/k3s-agent.service.d/10.conf", IneffectiveReason::Shadowed { by }))
        );
    }

    #[test]
    fn masks_hide_and_headerless_files_do_nothing() {
        let mask = "/etc/systemd/system/k.service.d/1.conf";
        let candidates = [
            Candidate { path: mask, state: FileState::Masked },
            Candidate { path: "/usr/lib/systemd/system/k.service.d/1.conf", state: FileState::Text },
            Candidate { path: "/etc/systemd/system/k.service.d/2.conf", state: FileState::NoSectionHeader },
        ];
        let found = dropins_for("k.service", &candidates);
        assert_eq!(found.applied, []);
        assert_eq!(
            found.ineffective.iter().map(|i| i.reason.clone()).collect::<Vec<_>>(),
            [IneffectiveReason::NoSectionHeader, IneffectiveReason::Masked { by: mask },]
        );
    }

    #[test]
    fn near_misses_are_told() {
        let wrong = |path: &str, dir: &str| IneffectiveReason::WrongDirectory { expected: format!("{path}/{dir}") };
        let etc = "/etc/systemd/system";
        for path in [
            "/etc/systemd/system/kubelet.d/1.conf",
            "/etc/systemd/system/kubelet.service.conf.d/1.conf",
            "/etc/systemd/system/kubelet.conf.d/1.conf",
            "/etc/systemd/system/Kubelet.service.d/1.conf",
            "/etc/systemd/system/kubelet.serivce.d/1.conf",
            "/etc/systemd/system/kubelet.service/1.conf",
            "/etc/systemd/kubelet.service.d/1.conf",
            "/etc/systemd/user/kubelet.service.d/1.conf",
            "/etc/systemd/system/kubelet.conf",
        ] {
            assert_eq!(reasons("kubelet.service", &[path]), [(path, wrong(etc, "kubelet.service.d"))], "{path}");
        }
        let path = "/etc/systemd/system/k3s.service.d/1.conf";
        assert_eq!(reasons("k3s-agent.service", &[path]), [(path, wrong(etc, "k3s-agent.service.d"))]);
        assert_eq!(reasons("k3s-agent.service", &[path, "/etc/systemd/system/k3s.service"]), []);
        let nested = "/etc/systemd/system/k.service.d/x/1.conf";
        let expected = "/etc/systemd/system/k.service.d".to_owned();
        assert_eq!(reasons("k.service", &[nested]), [(nested, IneffectiveReason::Nested { expected })]);
        let suffix = "/etc/systemd/system/k.service.d/1.conf.bak";
        assert_eq!(reasons("k.service", &[suffix]), [(suffix, IneffectiveReason::WrongSuffix)]);
    }

    #[test]
    fn other_units_files_are_left_alone() {
        let paths = [
            "/etc/systemd/system/kubelet.timer.d/1.conf",
            "/etc/systemd/system.conf.d/kubelet.conf",
            "/etc/systemd/resolved.conf.d/kubelet.conf",
            "/etc/systemd/system/docker.service.d/1.conf",
            "/etc/default/kubelet",
            "/etc/systemd/system/kubelet.service",
        ];
        assert_eq!(reasons("kubelet.service", &paths), []);
    }

    #[test]
    fn the_first_unit_in_search_order_wins_and_may_mask() {
        let candidates = [
            Candidate { path: "/usr/lib/systemd/system/k.service", state: FileState::Text },
            Candidate { path: "/etc/systemd/system/k.service", state: FileState::Masked },
            Candidate { path: "/etc/systemd/system/a@.service", state: FileState::Text },
        ];
        let found = find_unit("k.service", &candidates);
        assert_eq!(found, Some(FoundUnit { path: "/etc/systemd/system/k.service", masked: true }));
        assert_eq!(find_unit("a@b.service", &candidates).map(|f| f.path), Some("/etc/systemd/system/a@.service"));
        assert_eq!(find_unit("x.service", &candidates), None);
    }
}
