//! Reads flags off an argument list by the rules of a dialect.

use super::dialect::{Dashes, Dialect, Takes};
use super::{CommandLine, Flag, FlagProblem, Form, Positional};
use crate::source::Span;
use crate::syntax::systemd::Traced;

/// Reads all words. Never fails: a flag that the program would refuse carries its problem.
pub(super) fn scan(words: &[Traced], dialect: &Dialect) -> CommandLine {
    let mut line = CommandLine::default();
    let mut index = 0;
    while let Some(word) = words.get(index) {
        let text = word.as_str();
        if text == "--" {
            let rest = words.iter().enumerate().skip(index + 1);
            line.positional.extend(rest.map(|(index, word)| Positional { text: word.clone(), index }));
            break;
        }
        if text == "-" || !text.starts_with('-') {
            line.positional.push(Positional { text: word.clone(), index });
            index += 1;
            continue;
        }
        let mut flag = read_word(word, index, dialect);
        flag.after_positional = !line.positional.is_empty();
        index += 1;
        if flag.value.is_none() && take_next(&mut flag, words.get(index), dialect) {
            index += 1;
        }
        line.flags.push(flag);
    }
    line
}

/// The flag as far as its own word tells.
fn read_word(word: &Traced, index: usize, dialect: &Dialect) -> Flag {
    let (spelt, value) = match word.split_once('=') {
        Some((spelt, value)) => (spelt, Some(value)),
        None => (word.clone(), None),
    };
    let bare = spelt.as_str().trim_start_matches('-').to_owned();
    let dashes = spelt.len() - bare.len();
    let form = if value.is_some() { Form::Equals } else { Form::Bare };
    let mut flag = Flag {
        name: dialect.canonical(&bare),
        spelt,
        value,
        form,
        word: word.clone(),
        index,
        problem: None,
        after_positional: false,
    };
    flag.problem = match dashes {
        _ if bare.is_empty() => Some(FlagProblem::NoName),
        1 if dialect.dashes == Dashes::TwoOrShort => short(&mut flag, &bare, dialect),
        1 | 2 => None,
        _ => Some(FlagProblem::TooManyDashes),
    };
    flag
}

/// A word behind a single dash where that means short flags: `-v`, `-v=2`, `-v2`.
fn short(flag: &mut Flag, bare: &str, dialect: &Dialect) -> Option<FlagProblem> {
    let mut letters = bare.chars();
    let letter = letters.next()?;
    let Some(name) = dialect.short_name(letter) else { return Some(FlagProblem::SingleDash) };
    let attached = letters.as_str();
    if attached.is_empty() {
        name.clone_into(&mut flag.name);
        return None;
    }
    if (dialect.takes)(name) != Takes::Value || !attached.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(FlagProblem::SingleDash);
    }
    name.clone_into(&mut flag.name);
    flag.value = Some(flag.word.slice(Span::new(1 + letter.len_utf8(), flag.word.len())));
    flag.spelt = flag.word.slice(Span::new(0, 1 + letter.len_utf8()));
    flag.form = Form::Attached;
    None
}

/// Takes the next word as the value if the flag wants one; says whether it did.
fn take_next(flag: &mut Flag, next: Option<&Traced>, dialect: &Dialect) -> bool {
    let takes = (dialect.takes)(&flag.name);
    let wanted = match takes {
        Takes::Nothing => false,
        Takes::Value => true,
        Takes::Unknown => next.is_some_and(|word| !word.as_str().starts_with('-')),
    };
    match next {
        Some(value) if wanted => {
            flag.value = Some(value.clone());
            flag.form = Form::NextWord;
            true
        }
        None if takes == Takes::Value && flag.problem.is_none() => {
            flag.problem = Some(FlagProblem::MissingValue);
            false
        }
        _ => false,
    }
}
