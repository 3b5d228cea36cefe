//! Mistakes in the text of a resolver file, sorted by what comes of them.

use super::quoted;
use crate::analysis::views::resolv_conf::{ResolvConfView, TextProblem};
use crate::source::{FileId, Located, Location, Snapshot};
use crate::syntax::resolv_conf::{Problem, ProblemKind, ResolvConf, problems};

/// Puts every mistake into its list.
pub fn fill(snapshot: &Snapshot, file: FileId, conf: &ResolvConf, view: &mut ResolvConfView) {
    use ProblemKind as K;
    for problem in problems(conf) {
        let found = |view: &mut Vec<Located<TextProblem>>| view.push(text_problem(snapshot, file, &problem));
        match problem.kind {
            K::Crlf => {
                let line = conf.lines.iter().find(|line| line.raw.ends_with('\r'));
                view.crlf = line.map(|line| quoted(snapshot, file, line.span).map(|text| text.trim().to_owned()));
            }
            K::ZeroAttempts | K::ZeroTimeout => found(&mut view.zero_options),
            K::DomainAfterSearch | K::SecondSearch | K::EmptySearch if problem.harmful => {
                view.replaced_searches.push(replaced(snapshot, file, &problem));
            }
            K::EmptyLabel | K::LabelTooLong => found(&mut view.malformed_domains),
            K::LineTooLongForMusl if problem.harmful => found(&mut view.long_lines),
            // judged with the pods that inherit them
            K::ScopedLinkLocal | K::SearchRoot => {}
            K::BareNameserver if view.used_by_pods => {}
            K::OptionOverCap => found(&mut view.problems),
            _ if problem.harmful => found(&mut view.problems),
            _ => {}
        }
    }
}

fn text_problem(snapshot: &Snapshot, file: FileId, problem: &Problem) -> Located<TextProblem> {
    let view = TextProblem {
        kind: kebab(problem.kind),
        message: problem.message.clone(),
        harmful: problem.harmful,
        suggestion: problem.suggestion.clone(),
        related: problem.related.map(|span| quoted(snapshot, file, span)),
    };
    Located::at(view, Location::new(file, problem.span))
}

/// The line that wins is the one to edit; the line that it makes void belongs to it.
fn replaced(snapshot: &Snapshot, file: FileId, problem: &Problem) -> Located<TextProblem> {
    let at = problem.related.unwrap_or(problem.span);
    let mut found = text_problem(snapshot, file, problem);
    found.value.related = problem.related.map(|_| quoted(snapshot, file, problem.span));
    found.origins = Location::new(file, at).into();
    found
}

/// `PortInNameserver` as `port-in-nameserver`.
pub fn kebab(kind: impl std::fmt::Debug) -> String {
    let mut text = String::new();
    for letter in format!("{kind:?}").chars() {
        if letter.is_ascii_uppercase() && !text.is_empty() {
            text.push('-');
        }
        text.push(letter.to_ascii_lowercase());
    }
    text
}
