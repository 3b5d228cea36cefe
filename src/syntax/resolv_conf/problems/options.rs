//! Mistakes in `options` lines.

use std::collections::BTreeMap;

use crate::source::{Span, Spanned};

use super::super::{Line, glibc, musl};
use super::{Problem, ProblemKind, Reader};
use crate::diagnostic::nearest;

/// Readers that act on options; the kubelet passes them on to the pods.
const LIBRARIES: [Reader; 3] = [Reader::Glibc, Reader::Musl, Reader::Go];

/// Options with a number.
const NUMBERS: [&str; 3] = ["ndots", "timeout", "attempts"];

/// Flags of any release of any reader.
const FLAGS: [&str; 19] = [
    "debug",
    "edns0",
    "inet6",
    "ip6-bytestring",
    "ip6-dotint",
    "no-aaaa",
    "no-check-names",
    "no-ip6-dotint",
    "no-reload",
    "no-tld-query",
    "no_tld_query",
    "rotate",
    "single-request",
    "single-request-reopen",
    "strict-error",
    "tcp",
    "trust-ad",
    "use-vc",
    "usevc",
];

/// Whether some release of some reader knows an option, numbered ones with whatever number.
#[must_use]
pub fn is_known(option: &str) -> bool {
    let name = option.split(':').next().unwrap_or(option);
    FLAGS.contains(&option) || (name.len() < option.len() && NUMBERS.contains(&name))
}

pub(super) fn check(line: &Line, found: &mut Vec<Problem>) {
    let words = line.arguments();
    let comment = words.iter().position(|word| word.value.starts_with(['#', ';']));
    if let Some(at) = comment {
        found.extend(trailing_comment(words.get(at..).unwrap_or_default()));
    }
    let mut seen: BTreeMap<&str, &Spanned<String>> = BTreeMap::new();
    for word in words.get(..comment.unwrap_or(words.len())).unwrap_or_default() {
        match numbered(&word.value) {
            Some((key, value)) => {
                found.extend(check_number(word, key, value));
                match seen.get(key) {
                    Some(first) if first.value != word.value => found.push(repeated(word, first, key)),
                    _ => drop(seen.insert(key, word)),
                }
            }
            None if !is_flag(&word.value) => found.push(unknown(word)),
            None => {}
        }
    }
}

fn numbered(word: &str) -> Option<(&str, &str)> {
    word.split_once(':').filter(|(key, _)| NUMBERS.contains(key))
}

fn is_flag(word: &str) -> bool {
    FLAGS.contains(&word.strip_prefix('-').unwrap_or(word))
}

/// `#` ends nothing here: glibc and Go read the words behind it.
fn trailing_comment(words: &[Spanned<String>]) -> Option<Problem> {
    let (first, last) = (words.first()?, words.last()?);
    let active = words.iter().find(|word| {
        let text = word.value.trim_start_matches(['#', ';']);
        is_flag(text) || numbered(text).is_some()
    });
    let message = match active {
        Some(word) => {
            format!("`#` does not end an options line: `{}` takes effect", word.value.trim_start_matches(['#', ';']))
        }
        None => {
            "`#` does not end an options line; its words are ignored only because no option is among them".to_owned()
        }
    };
    let problem = Problem::new(ProblemKind::TrailingComment, first.span.join(last.span), &LIBRARIES, message);
    Some(problem.harmful_if(active.is_some()))
}

fn repeated(word: &Spanned<String>, first: &Spanned<String>, key: &str) -> Problem {
    let message = format!("`{key}` stands twice in the line: glibc and Go take the last, musl the first");
    Problem::new(ProblemKind::RepeatedOption, word.span, &[Reader::Musl], message).related_to(first.span)
}

fn check_number(word: &Spanned<String>, key: &str, value: &str) -> Option<Problem> {
    let problem = |kind, readers: &[Reader], message: String| Some(Problem::new(kind, word.span, readers, message));
    if value.contains(',') {
        let message = format!("`{}` is one word to glibc and Go; separate the options with blanks", word.value);
        return problem(ProblemKind::CommaList, &[Reader::Glibc, Reader::Go], message);
    }
    if value.is_empty() || !value.bytes().all(|b| b.is_ascii_digit()) {
        let message = format!("`{value}` is not a number: each reader makes another value of it");
        return problem(ProblemKind::OptionBadNumber, &LIBRARIES, message);
    }
    // A number that does not fit is far above every cap.
    let number = value.parse::<i32>().unwrap_or(i32::MAX);
    match (key, number) {
        ("attempts", 0) => {
            let message = "`attempts:0` crashes programs with musl at their first look-up and makes every look-up of \
                           glibc fail"
                .to_owned();
            problem(ProblemKind::ZeroAttempts, &[Reader::Glibc, Reader::Musl], message)
        }
        ("timeout", 0) => {
            let message =
                "`timeout:0` makes every look-up of musl fail at once; glibc and Go wait one second".to_owned();
            problem(ProblemKind::ZeroTimeout, &[Reader::Musl], message)
        }
        _ => over_cap(word.span, key, number),
    }
}

fn over_cap(span: Span, key: &str, number: i32) -> Option<Problem> {
    let caps: &[(Reader, i32)] = match key {
        "ndots" => {
            &[(Reader::Glibc, glibc::MAX_NDOTS), (Reader::Musl, musl::MAX_NDOTS), (Reader::Go, glibc::MAX_NDOTS)]
        }
        "timeout" => &[(Reader::Glibc, glibc::MAX_TIMEOUT), (Reader::Musl, musl::MAX_TIMEOUT)],
        _ => &[(Reader::Glibc, glibc::MAX_ATTEMPTS), (Reader::Musl, musl::MAX_ATTEMPTS)],
    };
    let over = caps.iter().filter(|(_, cap)| number > *cap).collect::<Vec<_>>();
    let list = over.iter().map(|(reader, cap)| format!("{reader} uses {cap}")).collect::<Vec<_>>();
    let readers = over.iter().map(|(reader, _)| *reader).collect::<Vec<_>>();
    let message = format!("the value of `{key}` is above the limit: {}", list.join(", "));
    (!over.is_empty()).then(|| Problem::new(ProblemKind::OptionOverCap, span, &readers, message).harmless())
}

fn unknown(word: &Spanned<String>) -> Problem {
    let text = word.value.as_str();
    let with_equals = text.split_once('=').filter(|(key, _)| NUMBERS.contains(key));
    if let Some((key, value)) = with_equals {
        let message = format!("`{text}` is no option: the number follows a colon");
        let problem = Problem::new(ProblemKind::UnknownOption, word.span, &LIBRARIES, message);
        return problem.suggesting(format!("{key}:{value}"));
    }
    if text.contains(',') {
        let message = format!("`{text}` is one word; separate the options with blanks");
        return Problem::new(ProblemKind::CommaList, word.span, &LIBRARIES, message);
    }
    let problem = Problem::new(ProblemKind::UnknownOption, word.span, &LIBRARIES, format!("`{text}` is no option"));
    match nearest(text, FLAGS) {
        Some(known) => problem.suggesting(known),
        None => problem,
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::kinds;
    use super::super::{ResolvConf, problems};
    use super::*;

    #[test]
    fn numbers() {
        use ProblemKind as K;
        for (word, kind, harmful) in [
            ("attempts:0", K::ZeroAttempts, true),
            ("timeout:0", K::ZeroTimeout, true),
            ("ndots:16", K::OptionOverCap, false),
            ("timeout:31", K::OptionOverCap, false),
            ("attempts:99999999999999999999", K::OptionOverCap, false),
            ("ndots:", K::OptionBadNumber, true),
            ("ndots:-1", K::OptionBadNumber, true),
            ("timeout:2s", K::OptionBadNumber, true),
            ("timeout:.5", K::OptionBadNumber, true),
            ("ndots:3,timeout:1", K::CommaList, true),
            ("rotate,timeout:1", K::CommaList, true),
            ("ndots=5", K::UnknownOption, true),
            ("Rotate", K::UnknownOption, true),
        ] {
            assert_eq!(kinds(&format!("options {word}\n")), [(kind, word, harmful)], "{word}");
        }
        assert_eq!(kinds("options ndots:0 timeout:30 attempts:5 edns0 trust-ad -rotate no-aaaa\n"), []);
    }

    #[test]
    fn caps_name_their_readers() {
        let readers =
            |text: &str| problems(&ResolvConf::parse(text)).first().map(|p| (p.readers.clone(), p.message.clone()));
        let (glibc_only, message) = readers("options timeout:45\n").unwrap();
        assert_eq!(
            (glibc_only, message.as_str()),
            (vec![Reader::Glibc], "the value of `timeout` is above the limit: glibc uses 30")
        );
        assert_eq!(readers("options timeout:61\n").map(|r| r.0), Some(vec![Reader::Glibc, Reader::Musl]));
        assert_eq!(readers("options ndots:16\n").map(|r| r.0), Some(LIBRARIES.to_vec()));
    }

    #[test]
    fn comments_are_options_too() {
        use ProblemKind as K;
        assert_eq!(kinds("options ndots:2 # ndots:9 rotate\n"), [(K::TrailingComment, "# ndots:9 rotate", true)]);
        assert_eq!(kinds("options rotate #ndots:9\n"), [(K::TrailingComment, "#ndots:9", true)]);
        assert_eq!(kinds("options rotate # why not\n"), [(K::TrailingComment, "# why not", false)]);
    }

    #[test]
    fn repetition_and_suggestions() {
        use ProblemKind as K;
        assert_eq!(kinds("options ndots:2 ndots:7\n"), [(K::RepeatedOption, "ndots:7", true)]);
        assert_eq!(kinds("options ndots:2 ndots:2\n"), []);
        let suggestion = |text: &str| problems(&ResolvConf::parse(text)).first().and_then(|p| p.suggestion.clone());
        assert_eq!(suggestion("options ndots=5\n").as_deref(), Some("ndots:5"));
        assert_eq!(suggestion("options single-request-reopne\n").as_deref(), Some("single-request-reopen"));
        assert_eq!(suggestion("options foo\n"), None);
    }
}
