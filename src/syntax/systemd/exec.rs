//! Command lines of `ExecStart=` and its kin: prefixes, words, separators, specifiers (`systemd.service(5)`).

use super::specifier::{SpecifierError, Specifiers};
use super::traced::Traced;
use super::words::{Mode, RawWord, SEPARATORS, Splitter, WordError};
use crate::source::Span;

/// Characters in front of the program that change how it is run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefixes {
    /// `-`: failure counts as success.
    pub ignore_failure: bool,
    /// `@`: the next word is the program's `argv[0]`.
    pub separate_name: bool,
    /// `:`: variables are not expanded.
    pub no_expansion: bool,
    /// `+`: full privileges.
    pub privileged: bool,
    /// `!`: user and group are not changed.
    pub keep_user: bool,
    /// `!!`: as `!` where the kernel lacks ambient capabilities.
    pub ambient: bool,
}

/// One word of a command line, unquoted and with its specifiers resolved; variables are still in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word.
    pub text: Traced,
    /// The word as written, quotes included, in the value that was split.
    pub span: Span,
    /// Whether it holds a specifier whose value the snapshot does not tell; it is left as written.
    pub unstated_specifier: bool,
}

/// One command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExecCommand {
    /// Its prefixes.
    pub prefixes: Prefixes,
    /// The program file, without prefixes.
    pub program: Traced,
    /// The arguments from `argv[0]` on.
    pub words: Vec<Word>,
}

/// What an assignment holds: usually one command, several if they are separated by `;`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecLine {
    /// The commands in order.
    pub commands: Vec<ExecCommand>,
    /// What systemd logs but accepts.
    pub warnings: Vec<ExecWarning>,
    /// Why systemd reads no further in the file; the commands before the error count (`config_parse_exec()` returning
    /// `ENOEXEC`).
    pub error: Option<ExecError>,
}

/// A part of a command line that does not do what it seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecWarning {
    /// An escape that does not exist: it stays, backslash included.
    UnknownEscape(Span),
    /// The rest of the line is ignored: the error is forgiven because of a `-` prefix, or because it is in a first word.
    Ignored(ExecError),
}

/// Why systemd does not accept a command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExecError {
    /// What is wrong.
    pub kind: ExecErrorKind,
    /// Where, in the value.
    pub span: Span,
}

/// Kinds of [`ExecError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecErrorKind {
    /// A quote without its partner.
    UnbalancedQuote,
    /// `%` before a letter or digit that is no specifier.
    UnknownSpecifier,
    /// Longer than an argument list may be.
    TooLong,
    /// Prefixes without a program, or `@` without a name.
    Empty,
    /// The program ends in `/`.
    Directory,
    /// The program is neither an absolute path nor a plain file name; a variable cannot name it either.
    NotAProgram,
}

/// Splits the value of an `Exec…=` assignment.
#[must_use]
pub fn exec_split(value: &Traced, specifiers: &Specifiers) -> ExecLine {
    let mut line = ExecLine::default();
    let mut splitter = Splitter::new(value, Mode::Command);
    while !splitter.rest().is_empty() {
        match next_command(&mut splitter, specifiers, &mut line) {
            Ok(true) => {}
            Ok(false) => break,
            Err((error, true)) => {
                line.warnings.push(ExecWarning::Ignored(error));
                break;
            }
            Err((error, false)) => {
                line.error = Some(error);
                break;
            }
        }
    }
    line
}

/// Reads one command; says whether a `;` follows. An error comes with whether systemd ignores it.
fn next_command(
    splitter: &mut Splitter<'_>,
    specifiers: &Specifiers,
    line: &mut ExecLine,
) -> Result<bool, (ExecError, bool)> {
    let Some(first) = splitter.next_word() else { return Ok(false) };
    let first = first.map_err(|error| (word_error(error), true))?;
    note_escapes(&first, line);
    if first.text.as_str() == ";" {
        return Ok(true);
    }
    let (prefixes, path) = take_prefixes(&first.text);
    let ignored = |error| (error, prefixes.ignore_failure);
    let program = program(&path, first.span, specifiers).map_err(ignored)?;
    let mut words = Vec::new();
    if !prefixes.separate_name {
        words.push(program.clone());
    }
    let more = arguments(splitter, specifiers, line, &mut words).map_err(ignored)?;
    if words.is_empty() {
        return Err(ignored(ExecError { kind: ExecErrorKind::Empty, span: first.span }));
    }
    line.commands.push(ExecCommand { prefixes, program: program.text, words });
    Ok(more)
}

/// Reads arguments up to the end or a separate `;`, which is told.
fn arguments(
    splitter: &mut Splitter<'_>,
    specifiers: &Specifiers,
    line: &mut ExecLine,
    words: &mut Vec<Word>,
) -> Result<bool, ExecError> {
    loop {
        let rest = splitter.rest();
        if is_alone(rest, ";") {
            splitter.skip(1);
            return Ok(true);
        }
        if is_alone(rest, "\\;") {
            let start = splitter.position();
            splitter.skip(2);
            words.push(literal_semicolon(splitter, start));
            continue;
        }
        let Some(word) = splitter.next_word() else { return Ok(false) };
        let word = word.map_err(word_error)?;
        note_escapes(&word, line);
        words.push(resolved(&word.text, word.span, specifiers)?);
    }
}

/// Whether `token` stands at the start of `rest` as a word of its own.
fn is_alone(rest: &str, token: &str) -> bool {
    rest.strip_prefix(token).is_some_and(|after| after.is_empty() || after.starts_with(SEPARATORS))
}

fn literal_semicolon(splitter: &Splitter<'_>, start: usize) -> Word {
    let text = splitter.value_slice(Span::new(start + 1, start + 2));
    Word { text, span: Span::new(start, start + 2), unstated_specifier: false }
}

fn note_escapes(word: &RawWord, line: &mut ExecLine) {
    line.warnings.extend(word.unknown_escapes.iter().map(|span| ExecWarning::UnknownEscape(*span)));
}

const fn word_error(error: WordError) -> ExecError {
    match error {
        WordError::Unbalanced(span) | WordError::UnknownEscape(span) => {
            ExecError { kind: ExecErrorKind::UnbalancedQuote, span }
        }
    }
}

fn resolved(text: &Traced, span: Span, specifiers: &Specifiers) -> Result<Word, ExecError> {
    let result = specifiers.resolve(text).map_err(|error| match error {
        SpecifierError::Unknown(_) => ExecError { kind: ExecErrorKind::UnknownSpecifier, span },
        SpecifierError::TooLong => ExecError { kind: ExecErrorKind::TooLong, span },
    })?;
    Ok(Word { text: result.text, span, unstated_specifier: result.unstated })
}

/// Takes the prefixes off the first word; each one counts once, `+`, `!` and `!!` exclude each other.
fn take_prefixes(word: &Traced) -> (Prefixes, Traced) {
    let mut prefixes = Prefixes::default();
    let mut taken = 0;
    for c in word.as_str().chars() {
        let user = prefixes.privileged || prefixes.ambient;
        let flag = match c {
            '-' if !prefixes.ignore_failure => &mut prefixes.ignore_failure,
            '@' if !prefixes.separate_name => &mut prefixes.separate_name,
            ':' if !prefixes.no_expansion => &mut prefixes.no_expansion,
            '+' if !user && !prefixes.keep_user => &mut prefixes.privileged,
            '!' if !user && !prefixes.keep_user => &mut prefixes.keep_user,
            '!' if !user => {
                prefixes.keep_user = false;
                &mut prefixes.ambient
            }
            _ => break,
        };
        *flag = true;
        taken += 1;
    }
    (prefixes, word.slice(Span::new(taken, word.len())))
}

fn program(path: &Traced, span: Span, specifiers: &Specifiers) -> Result<Word, ExecError> {
    let word = resolved(path, span, specifiers)?;
    let path = word.text.as_str();
    let kind = if path.is_empty() {
        ExecErrorKind::Empty
    } else if path.ends_with('/') {
        ExecErrorKind::Directory
    } else if !is_program(path) {
        ExecErrorKind::NotAProgram
    } else {
        return Ok(word);
    };
    Err(ExecError { kind, span })
}

/// An absolute path or a file name without quotes, backslashes and control characters.
fn is_program(path: &str) -> bool {
    let safe = !path.chars().any(|c| c < ' ' || matches!(c, '"' | '\'' | '\\' | '\x7f'));
    let name = !path.contains('/') && path.len() <= 255 && path != "." && path != "..";
    safe && (path.starts_with('/') || name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn split(text: &str) -> Result<ExecLine, ExecError> {
        let line = exec_split(&Traced::verbatim(text, FileId(0), 0), &Specifiers::for_unit("q.service"));
        line.error.map_or(Ok(line), Err)
    }

    fn argvs(text: &str) -> Vec<Vec<String>> {
        let line = split(text).unwrap();
        line.commands.iter().map(|c| c.words.iter().map(|w| w.text.as_str().to_owned()).collect()).collect()
    }

    fn error(text: &str) -> ExecErrorKind {
        split(text).unwrap_err().kind
    }

    #[test]
    fn semicolons_separate_only_as_words() {
        assert_eq!(argvs(r"/b/echo a \; b;c ';' ; /b/true"), [vec!["/b/echo", "a", ";", "b;c", ";"], vec!["/b/true"]]);
        assert_eq!(argvs("; ; /b/true ;"), [["/b/true"]]);
    }

    #[test]
    fn prefixes_are_taken_off() {
        let line = split("-@:+/usr/bin/k3s name x").unwrap();
        let command = line.commands.first().unwrap();
        let expected = Prefixes {
            ignore_failure: true,
            separate_name: true,
            no_expansion: true,
            privileged: true,
            ..Prefixes::default()
        };
        assert_eq!(command.prefixes, expected);
        assert_eq!((command.program.as_str(), command.words.len()), ("/usr/bin/k3s", 2));
        let ambient = split("!!/b/x").unwrap().commands.first().unwrap().prefixes;
        assert!(ambient.ambient && !ambient.keep_user);
        assert_eq!(split("--x").unwrap().commands.first().unwrap().program.as_str(), "-x");
    }

    #[test]
    fn refuses_what_systemd_refuses() {
        assert_eq!(error("relative/path x"), ExecErrorKind::NotAProgram);
        assert_eq!(error("${BIN}/kubelet x"), ExecErrorKind::NotAProgram);
        assert_eq!(error("/bin/ x"), ExecErrorKind::Directory);
        assert_eq!(error("@/bin/echo ; /bin/true"), ExecErrorKind::Empty);
        assert_eq!(error("/bin/x %Z"), ExecErrorKind::UnknownSpecifier);
        assert_eq!(error("/bin/x 'a"), ExecErrorKind::UnbalancedQuote);
    }

    #[test]
    fn commands_before_an_error_count() {
        let text = "/b/x a ; b/y ; /b/z";
        let line = exec_split(&Traced::verbatim(text, FileId(0), 0), &Specifiers::for_unit("q.service"));
        assert_eq!(line.commands.len(), 1);
        assert_eq!(line.error.map(|e| (e.kind, e.span.text(text))), Some((ExecErrorKind::NotAProgram, "b/y")));
    }

    #[test]
    fn forgives_after_a_dash_and_in_a_first_word() {
        for text in ["-/bin/x 'a", "'a /bin/x", "-rel/x"] {
            let line = split(text).unwrap();
            assert_eq!(line.commands, [], "{text}");
            assert!(matches!(line.warnings.as_slice(), [ExecWarning::Ignored(_)]), "{text}");
        }
    }
}
