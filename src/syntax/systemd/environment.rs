//! The environment of a service and its expansion in command lines (systemd `src/basic/env-util.c`).

use super::exec::{ExecCommand, Word};
use super::traced::Traced;
use super::words::{Mode, Splitter};
use crate::source::Span;
use std::collections::BTreeMap;

/// Longest argument list that is built, in bytes: the kernel refuses longer ones (a quarter of the default stack limit).
pub const MAX_ARGUMENTS_LEN: usize = 2 * 1024 * 1024;

/// Whether `name` matches `[A-Za-z_][A-Za-z0-9_]*`; systemd discards every other assignment with a warning.
#[must_use]
pub fn is_valid_variable_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// The variables that a service gets, each with the place of its value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, Traced>,
    overshadowed: Vec<Overshadowed>,
}

/// An assignment of a variable that another one beats.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overshadowed {
    /// The variable.
    pub name: String,
    /// The value that is never seen.
    pub value: Traced,
    /// The value that replaced it; `None` if `UnsetEnvironment=` removed the variable.
    pub by: Option<Traced>,
}

impl Environment {
    /// Assigns a variable; an earlier value is remembered as overshadowed.
    pub fn set(&mut self, name: &str, value: Traced) {
        if let Some(old) = self.variables.insert(name.to_owned(), value.clone()) {
            self.overshadowed.push(Overshadowed { name: name.to_owned(), value: old, by: Some(value) });
        }
    }

    /// Removes a variable, as `UnsetEnvironment=` does.
    pub fn unset(&mut self, name: &str) {
        if let Some(value) = self.variables.remove(name) {
            self.overshadowed.push(Overshadowed { name: name.to_owned(), value, by: None });
        }
    }

    /// The value of a variable.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Traced> {
        self.variables.get(name)
    }

    /// All variables by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Traced)> {
        self.variables.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Values that were replaced or removed, in the order in which that happened.
    #[must_use]
    pub fn overshadowed(&self) -> &[Overshadowed] {
        &self.overshadowed
    }
}

/// A command's arguments as the program gets them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expansion {
    /// The arguments, `argv[0]` first.
    pub words: Vec<ExpandedWord>,
    /// References that expand to nothing because the variable is not set or is no variable's name.
    pub unset: Vec<UnsetReference>,
    /// Whether the arguments go beyond [`MAX_ARGUMENTS_LEN`]: the list ends there, and the service could not start.
    pub too_long: bool,
}

/// One argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpandedWord {
    /// The argument; its pieces point into the files that hold it.
    pub text: Traced,
    /// Index of the word of the command line that it came from.
    pub word: usize,
    /// The variables whose values are a part of it, in order.
    pub variables: Vec<String>,
}

/// A reference to a variable that is not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsetReference {
    /// The name as written.
    pub name: String,
    /// Index of the word of the command line.
    pub word: usize,
}

/// Expands the variables of a command (`replace_env_argv()`), unless its `:` prefix forbids it.
#[must_use]
pub fn expand(command: &ExecCommand, environment: &Environment) -> Expansion {
    if !command.prefixes.no_expansion {
        return expand_words(&command.words, environment);
    }
    let words = command.words.iter().enumerate();
    let plain = words.map(|(word, w)| ExpandedWord { text: w.text.clone(), word, variables: Vec::new() });
    Expansion { words: plain.collect(), ..Expansion::default() }
}

/// Expands the variables of words.
///
/// A word that is `$NAME` becomes the words of the value, quotes and backslashes removed, or vanishes; `${NAME}` anywhere
/// is the exact value; `$NAME` inside a longer word stays; `$$` is a dollar sign.
#[must_use]
pub fn expand_words(words: &[Word], environment: &Environment) -> Expansion {
    let mut expander = Expander { environment, out: Expansion::default(), len: 0 };
    for (index, word) in words.iter().enumerate() {
        match whole_variable(word.text.as_str()) {
            Some(name) => expander.split_value(index, name),
            None => expander.replace(index, &word.text),
        }
        if expander.out.too_long {
            break;
        }
    }
    expander.out
}

fn whole_variable(word: &str) -> Option<&str> {
    word.strip_prefix('$').filter(|rest| !rest.starts_with(['{', '$']))
}

struct Expander<'a> {
    environment: &'a Environment,
    out: Expansion,
    len: usize,
}

impl Expander<'_> {
    fn add(&mut self, word: ExpandedWord) {
        self.len += word.text.len() + 1;
        if self.len > MAX_ARGUMENTS_LEN {
            self.out.too_long = true;
        } else {
            self.out.words.push(word);
        }
    }

    fn unset(&mut self, word: usize, name: &str) {
        self.out.unset.push(UnsetReference { name: name.to_owned(), word });
    }

    fn split_value(&mut self, index: usize, name: &str) {
        let Some(value) = self.environment.get(name) else { return self.unset(index, name) };
        let mut splitter = Splitter::new(value, Mode::Relaxed);
        while let Some(Ok(word)) = splitter.next_word() {
            self.add(ExpandedWord { text: word.text, word: index, variables: vec![name.to_owned()] });
            if self.out.too_long {
                return;
            }
        }
    }

    fn replace(&mut self, index: usize, word: &Traced) {
        let text = word.as_str();
        let mut result = ExpandedWord { text: Traced::default(), word: index, variables: Vec::new() };
        let mut copied = 0;
        let mut next = 0;
        while let Some(at) = text.get(next..).and_then(|rest| rest.find('$')).map(|found| next + found) {
            match text.as_bytes().get(at + 1) {
                Some(b'$') => {
                    result.text.push_range(word, Span::new(copied, at + 1));
                    copied = at + 2;
                    next = copied;
                }
                Some(b'{') => {
                    let Some((name, end, closed)) = braced(text, at + 2) else { break };
                    next = end;
                    if closed {
                        result.text.push_range(word, Span::new(copied, at));
                        self.push_value(&mut result, name);
                        copied = end;
                    }
                }
                _ => next = at + 1,
            }
            if self.len + result.text.len() > MAX_ARGUMENTS_LEN {
                self.out.too_long = true;
                return;
            }
        }
        if copied < text.len() || result.text.pieces().is_empty() {
            result.text.push_range(word, Span::new(copied, text.len()));
        }
        self.add(result);
    }

    fn push_value(&mut self, result: &mut ExpandedWord, name: &str) {
        match self.environment.get(name) {
            Some(value) => {
                result.text.push(value);
                result.variables.push(name.to_owned());
            }
            None => self.unset(result.word, name),
        }
    }
}

/// The name of `${name}` and the offset behind it. `:` starts an extended form that unit files do not have: the text up
/// to there is literal, and the last part of the result is false.
fn braced(text: &str, start: usize) -> Option<(&str, usize, bool)> {
    let rest = text.get(start..)?;
    let len = rest.find(['}', ':'])?;
    let closed = rest.as_bytes().get(len) == Some(&b'}');
    Some((rest.get(..len)?, start + len + 1, closed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Location};
    use crate::syntax::systemd::{Specifiers, exec_split};

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let mut environment = Environment::default();
        for (index, (name, value)) in (10u32..).zip(pairs) {
            environment.set(name, Traced::verbatim(value, FileId(index), 0));
        }
        environment
    }

    fn run(line: &str, environment: &Environment) -> (Vec<String>, Expansion) {
        let value = Traced::verbatim(line, FileId(0), 0);
        let split = exec_split(&value, &Specifiers::for_unit("k.service"));
        let expansion = expand(split.commands.first().unwrap(), environment);
        (expansion.words.iter().map(|w| w.text.as_str().to_owned()).collect(), expansion)
    }

    #[test]
    fn unset_variables_vanish_and_are_told() {
        let env = environment(&[("A", "x"), ("B", "y")]);
        let (words, expansion) = run("/b/k $A$B $X $ ${X} a${X}${no-name}b", &env);
        assert_eq!(words, ["/b/k", "", "ab"]);
        let unset: Vec<_> = expansion.unset.iter().map(|u| (u.word, u.name.as_str())).collect();
        assert_eq!(unset, [(1, "A$B"), (2, "X"), (3, ""), (4, "X"), (5, "X"), (5, "no-name")]);
    }

    #[test]
    fn extended_forms_stay_and_inner_ones_are_replaced() {
        let env = environment(&[("A", "x")]);
        assert_eq!(
            run("/b/k ${X:-y} ${X:-${A}}z ${A$$ $$A$$${A}$", &env).0,
            ["/b/k", "${X:-y}", "${X:-x}z", "${A$$", "$A$x$"]
        );
    }

    #[test]
    fn a_colon_prefix_forbids_expansion() {
        assert_eq!(run(":/b/k $A ${A} $$", &environment(&[("A", "x")])).0, ["/b/k", "$A", "${A}", "$$"]);
    }

    #[test]
    fn words_point_into_the_file_that_holds_them() {
        let env = environment(&[("EXTRA", "--a=1 '--resolv conf'=/x"), ("FILE", "/etc/long/path")]);
        let (words, expansion) = run("/b/k $EXTRA --config=${FILE}", &env);
        assert_eq!(words, ["/b/k", "--a=1", "--resolv conf=/x", "--config=/etc/long/path"]);
        let at = |file, start, end| Some(Location::new(FileId(file), Span::new(start, end)));
        let places: Vec<_> = expansion.words.iter().map(|w| w.text.location()).collect();
        assert_eq!(places, [at(0, 0, 4), at(10, 0, 5), at(10, 7, 24), at(11, 0, 14)]);
        assert_eq!(expansion.words.iter().map(|w| w.word).collect::<Vec<_>>(), [0, 1, 1, 2]);
        let names = expansion.words.last().map(|w| w.variables.clone());
        assert_eq!(names, Some(vec!["FILE".to_owned()]));
    }

    #[test]
    fn huge_expansions_end() {
        let big = "x".repeat(100_000);
        let env = environment(&[("A", &big)]);
        let (words, expansion) = run(&format!("/b/k {}", "${A} ".repeat(10_000)), &env);
        assert!(expansion.too_long && words.len() < 30);
        assert!(run(&format!("/b/k {}", "${A}".repeat(10_000)), &env).1.too_long);
    }

    #[test]
    fn later_assignments_overshadow() {
        let mut env = environment(&[("A", "1"), ("A", "2"), ("B", "3")]);
        env.unset("B");
        let seen: Vec<_> = env
            .overshadowed()
            .iter()
            .map(|o| (o.name.as_str(), o.value.as_str(), o.by.as_ref().map(Traced::as_str)))
            .collect();
        assert_eq!(seen, [("A", "1", Some("2")), ("B", "3", None)]);
        assert_eq!(env.iter().map(|(n, v)| (n, v.as_str())).collect::<Vec<_>>(), [("A", "2")]);
    }
}
