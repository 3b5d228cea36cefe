//! Which resolver file k3s and RKE2 give to their kubelet (`locateOrGenerateResolvConf` in `pkg/agent/config`).

use super::Distribution;
use super::k3s_viability::{Rejection, viability};
use super::versions::{KubeVersion, k3s_fallback_text};
use crate::source::{FileId, Located, Location};

/// The files that are tried, in order; symbolic links are followed.
pub const CANDIDATES: [&str; 2] = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/// A file of the node, as the lookup finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState<'a> {
    /// No such file, or a dangling link.
    Absent,
    /// It cannot be read.
    Unreadable,
    /// Its text.
    Text {
        /// The file that holds the text, behind any link.
        file: FileId,
        /// The text.
        text: &'a str,
    },
}

/// What the choice depends on.
#[derive(Clone, Debug)]
pub struct ResolverInput<'a> {
    /// k3s or RKE2.
    pub distribution: Distribution,
    /// Its release.
    pub version: KubeVersion,
    /// The effective `resolv-conf` of command line, configuration files and environment; empty counts as unset.
    pub explicit: Option<&'a Located<String>>,
    /// The effective `data-dir`, if set.
    pub data_dir: Option<&'a Located<String>>,
}

/// A candidate that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RejectedCandidate {
    /// Its path.
    pub path: &'static str,
    /// Why.
    pub why: Rejection,
    /// The word or line that gives the reason. For a file without nameserver, its start; none if there is no file.
    pub at: Option<Location>,
}

/// Why a file was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChoiceReason {
    /// `resolv-conf` names it; it is used unchecked, even if it is missing or full of loopback addresses.
    Explicit,
    /// It is the first viable candidate.
    Candidate,
    /// No candidate is viable: k3s writes the file.
    Fallback {
        /// What it writes. There is no search line, so the node's search domains never reach pods.
        text: &'static str,
    },
}

/// The file that the kubelet is started with, unless a kubelet argument names another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolverChoice {
    /// Its path on the node.
    pub path: Located<String>,
    /// Why this one.
    pub reason: ChoiceReason,
    /// The candidates before it, in the order tried.
    pub rejected: Vec<RejectedCandidate>,
}

/// Chooses the resolver file as the agent does at each start of the service, and never later.
pub fn choose<'a>(input: &ResolverInput<'_>, mut lookup: impl FnMut(&str) -> FileState<'a>) -> ResolverChoice {
    if let Some(path) = input.explicit.filter(|path| !path.value.is_empty()) {
        return ResolverChoice { path: path.clone(), reason: ChoiceReason::Explicit, rejected: Vec::new() };
    }
    let mut rejected = Vec::new();
    for path in CANDIDATES {
        match examine(lookup(path), input.version) {
            Ok(file) => {
                let reason = ChoiceReason::Candidate;
                let at = Location::new(file, crate::source::Span::default());
                return ResolverChoice { path: Located::at(path.to_owned(), at), reason, rejected };
            }
            Err((why, at)) => rejected.push(RejectedCandidate { path, why, at }),
        }
    }
    let reason = ChoiceReason::Fallback { text: k3s_fallback_text(input.version) };
    ResolverChoice { path: generated_path(input), reason, rejected }
}

/// The file that k3s writes itself, `<data-dir>/agent/etc/resolv.conf`.
#[must_use]
pub fn generated_path(input: &ResolverInput<'_>) -> Located<String> {
    let path = |dir: &str| format!("{}/agent/etc/resolv.conf", dir.trim_end_matches('/'));
    match input.data_dir.filter(|dir| !dir.value.is_empty()) {
        Some(dir) => dir.with(path(&dir.value)),
        None => Located::default_value(path(input.distribution.default_data_dir())),
    }
}

fn examine(state: FileState<'_>, version: KubeVersion) -> Result<FileId, (Rejection, Option<Location>)> {
    match state {
        FileState::Absent => Err((Rejection::Absent, None)),
        FileState::Unreadable => Err((Rejection::Unreadable, None)),
        FileState::Text { file, text } => viability(text, version)
            .map(|()| file)
            .map_err(|(why, span)| (why, Some(Location::new(file, span.unwrap_or_default())))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Span;

    fn input(explicit: Option<&Located<String>>) -> ResolverInput<'_> {
        let version = KubeVersion::new(1, 21, 7);
        ResolverInput { distribution: Distribution::K3s, version, explicit, data_dir: None }
    }

    #[test]
    fn the_fallback_says_why_each_candidate_failed() {
        let choice = choose(&input(None), |path| match path {
            "/etc/resolv.conf" => FileState::Text { file: FileId(7), text: "search lan\nnameserver 127.0.0.1\n" },
            _ => FileState::Absent,
        });
        assert_eq!(choice.path.value, "/var/lib/rancher/k3s/agent/etc/resolv.conf");
        assert_eq!(choice.reason, ChoiceReason::Fallback { text: "nameserver 8.8.8.8\n" });
        let got: Vec<_> = choice.rejected.iter().map(|r| (r.path, r.why, r.at)).collect();
        let at = Location::new(FileId(7), Span::new(22, 31));
        assert_eq!(got, [(CANDIDATES[0], Rejection::Loopback, Some(at)), (CANDIDATES[1], Rejection::Absent, None)]);
    }

    #[test]
    fn an_explicit_file_is_not_looked_at() {
        let explicit = Located::at("/run/x".to_owned(), Location::new(FileId(1), Span::new(3, 9)));
        let choice = choose(&input(Some(&explicit)), |_| panic!("looked"));
        assert_eq!((choice.path, choice.reason), (explicit, ChoiceReason::Explicit));
        let empty = Located::default_value(String::new());
        let choice = choose(&input(Some(&empty)), |_| FileState::Unreadable);
        assert!(choice.rejected.iter().all(|r| r.why == Rejection::Unreadable));
    }
}
