//! The file that pods with the node's resolver inherit: which one, what it says, and what it leads to.

use crate::analysis::effective::KubeVersion;
use crate::analysis::effective::pod_dns::{HostDns, HostFile};
use crate::model::node::Node;
use crate::source::{FileId, Located, Location, Lookup, NodeRoot, Origins, Snapshot, Span, Spanned};
use crate::syntax::resolv_conf::{LineKind, ResolvConf, kubelet, owner};
use crate::syntax::resolved::STUB_ADDRESSES;

/// The resolver file of a node that the kubelet hands to pods.
#[derive(Clone, Debug)]
pub struct PodFile {
    /// Its path on the node.
    pub path: String,
    /// The settings that name it, most specific first; empty where it is the default.
    pub setting: Origins,
    /// What the snapshot has of it.
    pub state: PodFileState,
}

/// What the snapshot has of a resolver file.
#[derive(Clone, Debug)]
pub enum PodFileState {
    /// The file.
    Read(Box<ReadFile>),
    /// k3s writes it itself, with this text.
    Generated(&'static str),
    /// `resolvConf` is the empty string: the kubelet reads no file.
    EmptySetting,
    /// The snapshot shows that it is not there.
    Missing {
        /// The path that is missing at the end of the links.
        target: String,
        /// It is a link whose target is missing.
        dangling: bool,
    },
    /// It is there and cannot be read.
    Unreadable(String),
    /// It was not collected.
    Unknown,
}

/// A resolver file with its readings.
#[derive(Clone, Debug)]
pub struct ReadFile {
    /// The file, behind any link.
    pub file: FileId,
    /// Link hops on the way.
    pub chain: Vec<String>,
    /// The parsed text.
    pub conf: ResolvConf,
    /// What the kubelet takes from it.
    pub host: HostFile,
}

impl PodFile {
    /// What the kubelet takes from the file, where that is known.
    #[must_use]
    pub fn host(&self) -> Option<HostFile> {
        match &self.state {
            PodFileState::Read(file) => Some(file.host.clone()),
            PodFileState::Generated(text) => Some(HostFile::Read(HostDns {
                nameservers: text
                    .lines()
                    .filter_map(|line| line.strip_prefix("nameserver "))
                    .map(|ip| Located::default_value(ip.to_owned()))
                    .collect(),
                ..HostDns::default()
            })),
            PodFileState::Missing { .. } => Some(HostFile::Missing),
            PodFileState::Unreadable(_) => Some(HostFile::Unreadable),
            PodFileState::EmptySetting | PodFileState::Unknown => None,
        }
    }

    /// The nameservers that the file gives to pods.
    #[must_use]
    pub fn nameservers(&self) -> Option<Vec<Located<String>>> {
        match self.host()? {
            HostFile::Read(dns) => Some(dns.nameservers),
            _ => None,
        }
    }

    /// The file, if the snapshot has it.
    #[must_use]
    pub fn read(&self) -> Option<&ReadFile> {
        match &self.state {
            PodFileState::Read(file) => Some(file),
            _ => None,
        }
    }
}

/// Reads the file at `path`; whether its absence means something is judged by `proves_absence`.
#[must_use]
pub fn read(snapshot: &Snapshot, root: &NodeRoot, node: &Node, path: &str, version: KubeVersion) -> PodFileState {
    match root.lookup(path) {
        Lookup::File { file, chain } => PodFileState::Read(Box::new(read_file(snapshot, file, chain, version))),
        Lookup::Dangling { chain, parent_known } => {
            let target = chain.last().cloned().unwrap_or_else(|| path.to_owned());
            let gone = root.live || parent_known || proves_absence(snapshot, root, node, &target);
            if gone { PodFileState::Missing { target, dangling: true } } else { PodFileState::Unknown }
        }
        Lookup::Absent { parent_known } => {
            let gone = root.whole && (root.live && parent_known || proves_absence(snapshot, root, node, path));
            if gone {
                PodFileState::Missing { target: path.to_owned(), dangling: false }
            } else {
                PodFileState::Unknown
            }
        }
        Lookup::Loop { .. } => PodFileState::Unreadable("its links lead back to themselves".to_owned()),
        Lookup::Directory => PodFileState::Unreadable("it is a directory".to_owned()),
        Lookup::Unreadable { reason, .. } => PodFileState::Unreadable(reason),
    }
}

fn read_file(snapshot: &Snapshot, file: FileId, chain: Vec<String>, version: KubeVersion) -> ReadFile {
    let conf = ResolvConf::parse(&snapshot.file(file).text);
    let release = kubelet::KubeVersion::new(version.major, version.minor, version.patch);
    let located = |words: Vec<Spanned<String>>| words.into_iter().map(|w| w.located(file)).collect();
    let host = match kubelet::read(&conf, release) {
        Ok(dns) => HostFile::Read(HostDns {
            nameservers: located(dns.nameservers),
            searches: located(dns.searches),
            options: located(dns.options),
        }),
        Err(kubelet::KubeletError::BareNameserver(span)) => {
            HostFile::BareNameserver(Located::at("nameserver".to_owned(), Location::new(file, span)))
        }
        Err(kubelet::KubeletError::FileTooLong) => HostFile::Unreadable,
    };
    ReadFile { file, chain, conf, host }
}

/// Whether a snapshot that lacks a resolver file shows that the node lacks it.
///
/// A snapshot need not hold every file. It does show that systemd-resolved does not run, and so does not write its
/// files, when its unit is masked, or when there is a /etc/resolv.conf that is neither a link to them, nor their text, nor
/// names their stub.
fn proves_absence(snapshot: &Snapshot, root: &NodeRoot, node: &Node, path: &str) -> bool {
    if !path.starts_with("/run/systemd/resolve/") {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        return !directory.is_empty() && directory != "/etc" && !root.list(directory).is_empty();
    }
    if root.paths().any(|p| p.starts_with("/run/systemd/resolve/")) {
        return false;
    }
    if super::resolved::is_masked(root, node) {
        return true;
    }
    let Lookup::File { file, chain } = root.lookup("/etc/resolv.conf") else { return false };
    let conf = ResolvConf::parse(&snapshot.file(file).text);
    !by_resolved(&chain, &conf) && !root.paths().any(|p| p.starts_with("/etc/systemd/resolved.conf"))
}

/// Whether systemd-resolved writes a resolver file, or the file names its stub.
#[must_use]
pub fn by_resolved(chain: &[String], conf: &ResolvConf) -> bool {
    let stub = |word: &Spanned<String>| STUB_ADDRESSES.iter().any(|ip| word.value == ip.to_string());
    let named = || conf.lines_of(LineKind::Nameserver).flat_map(|line| line.arguments()).any(stub);
    let written = || owner(conf).is_some_and(|(owner, _)| owner.is_resolved());
    chain.iter().any(|hop| hop.contains("/systemd/")) || written() || named()
}

/// The start of a file: where a label on "this file" goes.
#[must_use]
pub fn start_of(snapshot: &Snapshot, file: FileId) -> Location {
    let text = &snapshot.file(file).text;
    Location::new(file, Span::new(0, text.find('\n').unwrap_or(text.len())))
}
