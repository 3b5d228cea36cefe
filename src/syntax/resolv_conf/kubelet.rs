//! The kubelet as reader of the node's `resolv.conf` (`pkg/kubelet/network/dns`, `parseResolvConf`).

use std::collections::BTreeMap;
use std::fmt;

use crate::source::{Span, Spanned};

use super::resolver::{IgnoreReason, Ignored};
use super::words::{Word, split};
use super::{LineKind, ResolvConf};

/// A release of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KubeVersion {
    /// Major version, 1 so far.
    pub major: u32,
    /// Minor version.
    pub minor: u32,
    /// Patch number.
    pub patch: u32,
}

/// Bytes of a resolver file from which on the kubelet cannot read it (`ReadAtMost` of k8s.io/utils/io).
pub const MAX_FILE_BYTES: usize = 10 << 20;

impl KubeVersion {
    /// A release by its numbers.
    #[must_use]
    pub const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self { major, minor, patch }
    }

    /// What becomes of a search domain, which loses one trailing dot; `None` drops it.
    fn normalize_search(self, word: &str) -> Option<String> {
        // The release of the first step (1.19) is an inference; the others are in the release notes.
        if self < Self::new(1, 19, 0) {
            return Some(word.to_owned());
        }
        if word == "." && self >= Self::new(1, 25, 0) {
            return (self < Self::new(1, 25, 1)).then(|| word.to_owned());
        }
        Some(word.strip_suffix('.').unwrap_or(word).to_owned())
    }

    /// Whether several `options` lines add up (1.26); before, the last one replaces the others.
    fn merges_options(self) -> bool {
        self >= Self::new(1, 26, 0)
    }
}

/// What the kubelet takes from the node's file, words unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostDns {
    /// Second word of every `nameserver` line: neither checked nor limited nor made unique here.
    pub nameservers: Vec<Spanned<String>>,
    /// Words of the last `search` line, without their trailing dot.
    pub searches: Vec<Spanned<String>>,
    /// Options. From Kubernetes 1.26 on the kubelet hands them out in random order; here they keep the file's order.
    pub options: Vec<Spanned<String>>,
    /// What has no effect, in file order.
    pub ignored: Vec<Ignored>,
}

/// Why the kubelet cannot use a file at all: no pod of the node starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KubeletError {
    /// A `nameserver` line without a value, for which the kubelet says "nameserver list is empty".
    BareNameserver(Span),
    /// 10 MiB or more.
    FileTooLong,
}

impl fmt::Display for KubeletError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BareNameserver(_) => f.write_str("nameserver list is empty"),
            Self::FileTooLong => f.write_str("the file has 10 MiB or more"),
        }
    }
}

impl std::error::Error for KubeletError {}

/// Reads the file as the kubelet of `version` does.
///
/// # Errors
/// A `nameserver` line without a value, or a file of [`MAX_FILE_BYTES`] and more.
pub fn read(conf: &ResolvConf, version: KubeVersion) -> Result<HostDns, KubeletError> {
    if conf.lines.last().is_some_and(|line| line.span.end >= MAX_FILE_BYTES) {
        return Err(KubeletError::FileTooLong);
    }
    let mut reader =
        Reader { version, dns: HostDns::default(), keyed_options: BTreeMap::new(), search_line: None, bare: None };
    for line in &conf.lines {
        let words = split(&line.raw, line.span.start, char::is_whitespace).collect::<Vec<_>>();
        if let Some((keyword, arguments)) = words.split_first().filter(|(k, _)| !k.text.starts_with('#')) {
            reader.line(line.span, keyword, arguments);
        }
    }
    reader.finish()
}

struct Reader {
    version: KubeVersion,
    dns: HostDns,
    /// From 1.26 on: the last option of each key.
    keyed_options: BTreeMap<String, Spanned<String>>,
    search_line: Option<Span>,
    bare: Option<Span>,
}

impl Reader {
    fn line(&mut self, line: Span, keyword: &Word<'_>, arguments: &[Word<'_>]) {
        match LineKind::of(keyword.text) {
            LineKind::Nameserver => self.nameserver(keyword, arguments),
            LineKind::Search => self.search(line, arguments),
            LineKind::Options => self.options(arguments),
            // `;` starts no comment here, but is no keyword either.
            LineKind::Comment | LineKind::Blank => {}
            LineKind::Domain | LineKind::Sortlist | LineKind::Unknown => {
                let span = arguments.last().map_or(keyword.span, |last| keyword.span.join(last.span));
                self.ignore(span, IgnoreReason::UnknownKeyword);
            }
        }
    }

    fn ignore(&mut self, span: Span, reason: IgnoreReason) {
        self.dns.ignored.push(Ignored { span, reason });
    }

    fn nameserver(&mut self, keyword: &Word<'_>, arguments: &[Word<'_>]) {
        let Some((word, extra)) = arguments.split_first() else {
            self.bare.get_or_insert(keyword.span);
            return;
        };
        self.dns.nameservers.push(owned(word));
        if let Some(span) = extra.iter().map(|w| w.span).reduce(Span::join) {
            self.ignore(span, IgnoreReason::ExtraWord);
        }
    }

    fn search(&mut self, line: Span, arguments: &[Word<'_>]) {
        if let Some(earlier) = self.search_line.replace(line) {
            self.ignore(earlier, IgnoreReason::Replaced);
        }
        self.dns.searches.clear();
        for word in arguments {
            match self.version.normalize_search(word.text) {
                Some(domain) => self.dns.searches.push(Spanned::new(domain, word.span)),
                None => self.ignore(word.span, IgnoreReason::DroppedDomain),
            }
        }
    }

    fn options(&mut self, arguments: &[Word<'_>]) {
        if !self.version.merges_options() {
            let replaced = std::mem::replace(&mut self.dns.options, arguments.iter().map(owned).collect());
            return replaced.iter().for_each(|option| self.ignore(option.span, IgnoreReason::Replaced));
        }
        for word in arguments {
            let key = word.text.split(':').next().unwrap_or_default().to_owned();
            if let Some(earlier) = self.keyed_options.insert(key, owned(word)) {
                self.ignore(earlier.span, IgnoreReason::Replaced);
            }
        }
    }

    fn finish(mut self) -> Result<HostDns, KubeletError> {
        self.dns.options.extend(self.keyed_options.into_values());
        self.dns.options.sort_by_key(|option| option.span);
        self.dns.ignored.sort_by_key(|ignored| (ignored.span, ignored.reason));
        self.bare.map_or(Ok(self.dns), |span| Err(KubeletError::BareNameserver(span)))
    }
}

fn owned(word: &Word<'_>) -> Spanned<String> {
    Spanned::new(word.text.to_owned(), word.span)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: KubeVersion = KubeVersion::new(1, 30, 0);

    #[test]
    fn a_bare_nameserver_fails_the_whole_file() {
        let text = "nameserver 1.1.1.1\n nameserver \n";
        let error = read(&ResolvConf::parse(text), NOW).unwrap_err();
        assert_eq!(error, KubeletError::BareNameserver(Span::new(20, 30)));
        assert_eq!(error.to_string(), "nameserver list is empty");
    }

    #[test]
    fn what_is_ignored_and_why() {
        let text = "domain corp\nsearch a\nsearch . b.\nnameserver 1.1.1.1 x\noptions ndots:1\noptions ndots:2\n";
        let dns = read(&ResolvConf::parse(text), NOW).unwrap();
        let got = dns.ignored.iter().map(|i| (i.span.text(text), i.reason)).collect::<Vec<_>>();
        assert_eq!(
            got,
            [
                ("domain corp", IgnoreReason::UnknownKeyword),
                ("search a", IgnoreReason::Replaced),
                (".", IgnoreReason::DroppedDomain),
                ("x", IgnoreReason::ExtraWord),
                ("ndots:1", IgnoreReason::Replaced),
            ]
        );
        assert_eq!(dns.searches.first().map(|s| (s.value.as_str(), s.span.text(text))), Some(("b", "b.")));
    }

    #[test]
    fn old_kubelets_kept_the_trailing_dot() {
        let dns = read(&ResolvConf::parse("search a. .\n"), KubeVersion::new(1, 18, 0)).unwrap();
        assert_eq!(dns.searches.iter().map(|s| s.value.as_str()).collect::<Vec<_>>(), ["a.", "."]);
    }

    #[test]
    fn a_huge_file_is_an_error() {
        let text = format!("#{}\n", "x".repeat(MAX_FILE_BYTES));
        assert_eq!(read(&ResolvConf::parse(&text), NOW), Err(KubeletError::FileTooLong));
    }
}
