//! Mistakes in `search` and `domain` lines.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::source::{Span, Spanned};

use super::super::{Line, LineKind, ResolvConf};
use super::{Problem, ProblemKind, Reader};

/// Readers with a search list.
const SEARCHERS: [Reader; 4] = [Reader::Glibc, Reader::Musl, Reader::Go, Reader::Kubelet];
/// Readers that know `domain`.
const LIBRARIES: [Reader; 3] = [Reader::Glibc, Reader::Musl, Reader::Go];
/// Longest label of a domain name.
const MAX_LABEL: usize = 63;
/// Longest domain name without its trailing dot.
const MAX_NAME: usize = 253;

pub(super) fn check_words(line: &Line, found: &mut Vec<Problem>) {
    let words = line.arguments();
    let comment = words.iter().position(|word| word.value.starts_with(['#', ';']));
    let is_domain = line.kind == LineKind::Domain;
    if let Some(first) = comment.and_then(|at| words.get(at)) {
        let readers: &[Reader] = if is_domain { &[Reader::Musl] } else { &SEARCHERS };
        let message = "a comment cannot follow here: its words become search domains";
        found.push(Problem::new(ProblemKind::TrailingComment, tail(words, first), readers, message));
    }
    let domains = words.get(..comment.unwrap_or(words.len())).unwrap_or_default();
    if let (true, Some(second)) = (is_domain, domains.get(1)) {
        let message = "`domain` takes one word for glibc and Go, musl searches all of them";
        let readers = [Reader::Glibc, Reader::Go];
        found.push(Problem::new(ProblemKind::MoreWordsIgnored, tail(domains, second), &readers, message));
    }
    found.extend(domains.iter().filter_map(check_domain));
}

/// From `first` to the end of the words.
fn tail(words: &[Spanned<String>], first: &Spanned<String>) -> Span {
    words.last().map_or(first.span, |last| first.span.join(last.span))
}

fn check_domain(word: &Spanned<String>) -> Option<Problem> {
    let text = word.value.as_str();
    let name = text.strip_suffix('.').unwrap_or(text);
    let problem = |kind, readers: &[Reader], message: String| Some(Problem::new(kind, word.span, readers, message));
    if text == "." {
        let message =
            "musl up to 1.2.3 (Alpine up to 3.17) fails every search with the root as search domain".to_owned();
        return problem(ProblemKind::SearchRoot, &[Reader::Musl], message).map(Problem::harmless);
    }
    if text.contains(',') {
        let message = format!("`{text}` is one domain name with a comma; separate the domains with blanks");
        return problem(ProblemKind::CommaList, &SEARCHERS, message);
    }
    if text.starts_with('~') {
        let message = format!("`{text}` is a routing domain of systemd-resolved; here the tilde is part of the name");
        return problem(ProblemKind::RoutingDomain, &SEARCHERS, message);
    }
    if text.parse::<IpAddr>().is_ok() {
        let message = format!("`{text}` is an address in the place of a search domain");
        return problem(ProblemKind::AddressAsSearchDomain, &SEARCHERS, message);
    }
    if name.split('.').any(str::is_empty) {
        let message = format!("`{text}` has an empty label: glibc never tries the domains behind it");
        return problem(ProblemKind::EmptyLabel, &LIBRARIES, message);
    }
    if name.len() > MAX_NAME || name.split('.').any(|label| label.len() > MAX_LABEL) {
        let message = format!(
            "`{text}` is no legal domain name (labels up to {MAX_LABEL}, name up to {MAX_NAME} characters): glibc never \
             tries the domains behind it"
        );
        return problem(ProblemKind::LabelTooLong, &LIBRARIES, message);
    }
    None
}

/// Finds `search` and `domain` lines that a later one replaces.
pub(super) fn check_order(conf: &ResolvConf, found: &mut Vec<Problem>) {
    let lines = conf.lines.iter().filter(|line| matches!(line.kind, LineKind::Search | LineKind::Domain));
    let lines = lines.collect::<Vec<_>>();
    let winner = lines.iter().rposition(|line| !line.arguments().is_empty());
    let winning = winner.and_then(|at| lines.get(at)).map(|line| Winner::new(line));
    for (index, line) in lines.iter().enumerate() {
        if line.arguments().is_empty() {
            let clears = winner.is_some_and(|winner| winner < index);
            found.push(empty(line, clears));
        } else if let Some(winner) = winning.as_ref().filter(|winner| winner.line.span != line.span) {
            found.push(replaced(line, winner));
        }
    }
}

/// The line that counts.
struct Winner<'a> {
    line: &'a Line,
    domains: BTreeSet<String>,
    /// The domains and all domains above them.
    with_parents: BTreeSet<String>,
}

impl<'a> Winner<'a> {
    fn new(line: &'a Line) -> Self {
        let domains = names(line);
        let mut with_parents = domains.clone();
        for name in domains.iter().filter(|name| name.len() <= MAX_NAME) {
            let parents = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
            with_parents.extend(parents.map(str::to_owned));
        }
        Self { line, domains, with_parents }
    }

    /// The domains of an earlier line that are not searched any more. A `domain` line names the local domain; it is
    /// usual that a search list for names below it follows, and nothing is missed then.
    fn lost_from(&self, line: &Line) -> Vec<String> {
        let kept = if line.kind == LineKind::Domain { &self.with_parents } else { &self.domains };
        names(line).into_iter().filter(|name| !kept.contains(name)).collect()
    }
}

/// The domains of a line, without trailing dots and letter case.
fn names(line: &Line) -> BTreeSet<String> {
    line.arguments().iter().map(|word| word.value.trim_end_matches('.').to_lowercase()).collect()
}

fn empty(line: &Line, clears: bool) -> Problem {
    let keyword = line.keyword().map_or("search", |word| word.value.as_str());
    let (readers, message): (&[Reader], _) = if line.kind == LineKind::Search {
        let message =
            format!("an empty `{keyword}` clears the list for musl, Go and the kubelet; glibc keeps the earlier one");
        (&[Reader::Musl, Reader::Go, Reader::Kubelet], message)
    } else {
        (&[Reader::Musl], format!("an empty `{keyword}` clears the list for musl; the others keep the earlier one"))
    };
    Problem::new(ProblemKind::EmptySearch, line.span, readers, message).harmful_if(clears)
}

fn replaced(line: &Line, winner: &Winner<'_>) -> Problem {
    let lost = winner.lost_from(line);
    let winner = winner.line;
    let (kind, keyword) = match winner.kind {
        LineKind::Domain => (ProblemKind::DomainAfterSearch, "domain"),
        _ => (ProblemKind::SecondSearch, "search"),
    };
    let both_search = line.kind == LineKind::Search && winner.kind == LineKind::Search;
    let readers: &[Reader] = if both_search { &SEARCHERS } else { &LIBRARIES };
    let message = if lost.is_empty() {
        format!("a later `{keyword}` line replaces this one; nothing that it names is missed")
    } else {
        format!("a later `{keyword}` line replaces this one: {} is not searched", lost.join(", "))
    };
    Problem::new(kind, line.span, readers, message).related_to(winner.span).harmful_if(!lost.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::ResolvConf;
    use super::super::tests::kinds;
    use super::*;

    #[test]
    fn domains() {
        use ProblemKind as K;
        let long = "a".repeat(64);
        for (word, kind, harmful) in [
            (".", K::SearchRoot, false),
            ("a.example,b.example", K::CommaList, true),
            ("~corp.example", K::RoutingDomain, true),
            ("~.", K::RoutingDomain, true),
            ("10.0.0.1", K::AddressAsSearchDomain, true),
            ("a..b", K::EmptyLabel, true),
            (".a", K::EmptyLabel, true),
            ("a..", K::EmptyLabel, true),
            (long.as_str(), K::LabelTooLong, true),
        ] {
            assert_eq!(kinds(&format!("search {word}\n")), [(kind, word, harmful)], "{word}");
        }
        assert_eq!(kinds("search a.example. b _c.d\n"), []);
        let name = format!("{}b", "a.".repeat(127));
        let found = kinds(&format!("search {name}\n")).iter().map(|p| p.0).collect::<Vec<_>>();
        assert_eq!(found, [K::LineTooLongForMusl, K::LabelTooLong]);
    }

    #[test]
    fn words_behind_the_value() {
        use ProblemKind as K;
        assert_eq!(kinds("search a # old b,c\n"), [(K::TrailingComment, "# old b,c", true)]);
        assert_eq!(kinds("domain a b\n"), [(K::MoreWordsIgnored, "b", true)]);
        assert_eq!(kinds("domain a # b\n"), [(K::TrailingComment, "# b", true)]);
    }

    #[test]
    fn a_later_line_replaces_the_earlier() {
        use ProblemKind as K;
        assert_eq!(kinds("search a b\ndomain c\n"), [(K::DomainAfterSearch, "search a b", true)]);
        assert_eq!(kinds("search a b\nsearch b c\n"), [(K::SecondSearch, "search a b", true)]);
        assert_eq!(kinds("domain A.\nsearch a b\n"), [(K::SecondSearch, "domain A.", false)]);
        let kubespray = "domain cluster.local\nsearch default.svc.cluster.local svc.cluster.local\n";
        assert_eq!(kinds(kubespray), [(K::SecondSearch, "domain cluster.local", false)]);
        assert_eq!(kinds("search b.c\nsearch a.b.c\n"), [(K::SecondSearch, "search b.c", true)]);
        let conf = ResolvConf::parse("search a b\ndomain b\n");
        let problem = super::super::problems(&conf).into_iter().next().unwrap();
        assert_eq!(problem.message, "a later `domain` line replaces this one: a is not searched");
        assert_eq!(problem.related, conf.lines.get(1).map(|l| l.span));
        assert_eq!(problem.readers, LIBRARIES);
    }

    #[test]
    fn an_empty_line_clears_for_some() {
        use ProblemKind as K;
        assert_eq!(kinds("search a\nsearch\n"), [(K::EmptySearch, "search", true)]);
        assert_eq!(kinds("search\nsearch a\n"), [(K::EmptySearch, "search", false)]);
        assert_eq!(kinds("domain \n"), [(K::EmptySearch, "domain ", false)]);
    }
}
