//! Entries of `kubelet-arg` in k3s and RKE2 (`GetArgs()` in k3s `pkg/daemons/config`).

use super::dialect::{KUBELET, Takes};
use super::kubelet::takes;
use crate::source::{Location, Span};
use crate::syntax::systemd::Traced;

/// One entry of `kubelet-arg`, as k3s takes it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubeletArg {
    /// The flag that the kubelet sees, `_` as `-`.
    pub name: String,
    /// The key as written, without the `--` that k3s removes and without `+` or `-` behind it. k3s compares keys exactly.
    pub key: Traced,
    /// What happens to the default and to earlier entries of the key.
    pub mode: ArgMode,
    /// The value behind the first `=`; without one k3s passes `true`.
    pub value: Option<Traced>,
    /// The whole entry.
    pub entry: Traced,
    /// Why it does not do what it seems to.
    pub problem: Option<KubeletArgProblem>,
}

/// How an entry combines with k3s's own default of the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgMode {
    /// `key=value`: the default goes, earlier entries stay in front.
    Replace,
    /// `key+=value`: default, earlier entries, then this one.
    Append,
    /// `key-=value`: this one, then default and earlier entries.
    Prepend,
}

/// Why an entry does not do what it seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletArgProblem {
    /// `-key=value` (or three dashes and more) becomes `---key=value`, which is a syntax error: the kubelet does not start.
    Dashes,
    /// `key value` becomes the flag `--key value=true`, which does not exist: the kubelet does not start.
    BlankInKey,
    /// No key at all.
    NoKey,
    /// A flag that needs a value gets `true`. From k3s 1.32 on the next entry of the list is lost as well.
    ImplicitTrue,
}

impl KubeletArg {
    /// The value as the kubelet gets it.
    #[must_use]
    pub fn value_text(&self) -> &str {
        self.value.as_ref().map_or("true", Traced::as_str)
    }

    /// The place of the value, or of the entry if it has none.
    #[must_use]
    pub fn value_location(&self) -> Option<Location> {
        self.value.as_ref().unwrap_or(&self.entry).location()
    }
}

/// Takes an entry apart.
#[must_use]
pub fn parse_kubelet_arg(entry: &Traced) -> KubeletArg {
    let stripped = entry.slice(Span::new(if entry.as_str().starts_with("--") { 2 } else { 0 }, entry.len()));
    let (written, value) = match stripped.split_once('=') {
        Some((key, value)) => (key, Some(value)),
        None => (stripped, None),
    };
    let mode = match written.as_str().as_bytes().last() {
        Some(b'+') => ArgMode::Append,
        Some(b'-') => ArgMode::Prepend,
        _ => ArgMode::Replace,
    };
    let key = written.slice(Span::new(0, written.as_str().trim_end_matches(['+', '-']).len()));
    let name = KUBELET.canonical(key.as_str().trim_start_matches('-'));
    let problem = problem(key.as_str(), &name, value.is_some());
    KubeletArg { name, key, mode, value, entry: entry.clone(), problem }
}

fn problem(key: &str, name: &str, has_value: bool) -> Option<KubeletArgProblem> {
    if name.is_empty() {
        Some(KubeletArgProblem::NoKey)
    } else if key.starts_with('-') {
        Some(KubeletArgProblem::Dashes)
    } else if key.contains(char::is_whitespace) {
        Some(KubeletArgProblem::BlankInKey)
    } else if !has_value && takes(name) == Takes::Value {
        Some(KubeletArgProblem::ImplicitTrue)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn parse(text: &str) -> (String, ArgMode, String, Option<KubeletArgProblem>) {
        let arg = parse_kubelet_arg(&Traced::verbatim(text, FileId(0), 0));
        (arg.name.clone(), arg.mode, arg.value_text().to_owned(), arg.problem)
    }

    #[test]
    fn accepted_and_refused_forms() {
        use ArgMode::{Append, Prepend, Replace};
        use KubeletArgProblem as P;
        let cases = [
            ("resolv-conf=/x", "resolv-conf", Replace, "/x", None),
            ("--resolv_conf=/x=y", "resolv-conf", Replace, "/x=y", None),
            ("cluster-dns+=1.1.1.1", "cluster-dns", Append, "1.1.1.1", None),
            ("cluster-dns-=1.1.1.1", "cluster-dns", Prepend, "1.1.1.1", None),
            ("fail-swap-on", "fail-swap-on", Replace, "true", None),
            ("--resolv-conf", "resolv-conf", Replace, "true", Some(P::ImplicitTrue)),
            ("-resolv-conf=/x", "resolv-conf", Replace, "/x", Some(P::Dashes)),
            ("---resolv-conf=/x", "resolv-conf", Replace, "/x", Some(P::Dashes)),
            ("resolv-conf /x", "resolv-conf /x", Replace, "true", Some(P::BlankInKey)),
            ("resolv-conf =/x", "resolv-conf ", Replace, "/x", Some(P::BlankInKey)),
            ("=/x", "", Replace, "/x", Some(P::NoKey)),
        ];
        for (text, name, mode, value, problem) in cases {
            assert_eq!(parse(text), (name.to_owned(), mode, value.to_owned(), problem), "{text}");
        }
    }

    #[test]
    fn key_and_value_keep_their_places() {
        let arg = parse_kubelet_arg(&Traced::verbatim("--cluster-dns+=1.1.1.1", FileId(0), 100));
        assert_eq!(arg.key.location().map(|l| l.span), Some(Span::new(102, 113)));
        assert_eq!(arg.value_location().map(|l| l.span), Some(Span::new(115, 122)));
    }
}
