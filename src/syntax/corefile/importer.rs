//! Carries out `import` statements: the statement's words are replaced by those of a snippet or of files.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::error::{ErrorKind, WarningKind};
use super::import::{self, Import, ImportOutcome, ImportSite};
use super::parser::Parser;
use super::token::{FileIndex, ImportIndex, Place, Token};
use super::words;

/// Snippet imports that CoreDNS carries out in one parse.
pub(super) const MAX_SNIPPET_IMPORTS: usize = 10_000;

/// File imports that CoreDNS carries out in one parse, a pattern counting once.
const MAX_FILE_IMPORTS: usize = 100_000;

/// Import statements after which a file that grows too large is taken for one that imports itself.
const SUSPICIOUS_IMPORTS: usize = 1_000;

/// Longest path that Linux opens (`PATH_MAX` without its NUL): a file that imports below itself names ever longer ones.
const MAX_PATH_LEN: usize = 4095;

/// Counters and caches of the imports of one parse.
#[derive(Default)]
pub(super) struct Importer {
    snippet_imports: usize,
    file_imports: usize,
    found: BTreeMap<String, Found>,
    files: BTreeMap<String, (FileIndex, Rc<[Token]>)>,
}

impl Importer {
    /// Whether so many imports were carried out that they nearly surely go in circles.
    pub(super) const fn looks_like_cycle(&self) -> bool {
        self.snippet_imports + self.file_imports > SUSPICIOUS_IMPORTS
    }
}

/// What a pattern found, remembered because a cycle asks many times.
#[derive(Clone)]
enum Found {
    Files(Vec<FileIndex>, Rc<[Token]>),
    Other(Import),
}

/// An import statement being carried out.
struct Statement {
    keyword: Token,
    argument: Token,
    name: String,
}

impl Parser<'_> {
    /// Carries out the import whose keyword is the current word; the words of the statement leave the stream.
    ///
    /// Returns true for a refused statement that has a block behind it.
    pub(super) fn import(&mut self) -> bool {
        let Some(keyword) = self.stream.current().cloned() else { return false };
        if !self.stream.next_on_line() {
            let message = "Wrong argument count or unexpected line ending after 'import'";
            self.refuse(ErrorKind::ImportWithoutArgument, message, &keyword, None);
            self.stream.remove();
            return false;
        }
        let Some(argument) = self.stream.current().cloned() else { return false };
        let name = self.expand(&argument);
        let extra = self.stream.next_on_line();
        if extra {
            return self.refuse_extra(&keyword, &argument, &name);
        }
        self.stream.remove();
        self.stream.remove();
        let statement = Statement { keyword, argument, name };
        if statement.name.is_empty() {
            self.refuse_import(&statement, ErrorKind::ImportEmpty, "Import requires a non-empty filepath");
        } else if self.snippets.contains_key(&statement.name) {
            self.import_snippet(&statement);
        } else {
            self.import_files(&statement);
        }
        false
    }

    /// More than one argument: reports it and drops the statement up to a brace. The first extra word is current.
    fn refuse_extra(&mut self, keyword: &Token, argument: &Token, name: &str) -> bool {
        let extra = self.stream.current().cloned();
        let empty = name.is_empty();
        let (kind, message) = if empty {
            (ErrorKind::ImportEmpty, "Import requires a non-empty filepath")
        } else {
            (ErrorKind::ImportWithExtraArguments, "Import takes only one argument (glob pattern or file)")
        };
        let at = extra.filter(|_| !empty).unwrap_or_else(|| argument.clone());
        self.refuse(kind, message, &at, Some(Place::of(keyword)));
        let mut brace = false;
        loop {
            let text = self.stream.text();
            brace = brace || text == "{";
            if matches!(text, "{" | "}") {
                self.stream.back();
                break;
            }
            // `remove` makes the previous word current, so the line is followed from the argument on.
            self.stream.remove();
            if !self.stream.next_on_line() {
                break;
            }
        }
        self.stream.remove();
        self.stream.remove();
        brace
    }

    fn import_snippet(&mut self, statement: &Statement) {
        if self.importer.snippet_imports >= MAX_SNIPPET_IMPORTS {
            let message = format!("maximum snippet import depth ({MAX_SNIPPET_IMPORTS}) exceeded");
            self.refuse_import(statement, ErrorKind::ImportCycle, &message);
            return;
        }
        self.importer.snippet_imports += 1;
        let Some((tokens, index)) = self.snippets.get(&statement.name).cloned() else { return };
        if let Some(snippet) = self.out.snippets.get_mut(index) {
            snippet.uses += 1;
        }
        let site = self.note(statement, String::new(), ImportOutcome::Snippet);
        self.stream.splice(tokens, site);
    }

    fn import_files(&mut self, statement: &Statement) {
        if self.importer.file_imports >= MAX_FILE_IMPORTS {
            // CoreDNS prints the limit for snippets here.
            let message = format!("maximum file import depth ({MAX_SNIPPET_IMPORTS}) exceeded");
            self.refuse_import(statement, ErrorKind::ImportCycle, &message);
            return;
        }
        self.importer.file_imports += 1;
        let pattern = import::absolute_pattern(&statement.name, &self.directory(statement.argument.file));
        self.stream.charge(pattern.len());
        if import::too_many_wildcards(&pattern) {
            let message = format!("Glob pattern may only contain one wildcard (*), but has others: {pattern}");
            self.refuse_import(statement, ErrorKind::ImportTooManyWildcards, &message);
            return;
        }
        if import::is_malformed(&pattern) {
            let message = format!("Failed to use import pattern {}: syntax error in pattern", statement.name);
            self.refuse_import(statement, ErrorKind::ImportBadPattern, &message);
            return;
        }
        match self.find(&pattern) {
            Found::Files(files, tokens) => {
                let site = self.note(statement, pattern, ImportOutcome::Files(files));
                self.stream.splice(tokens, site);
            }
            Found::Other(found) => self.without_files(statement, pattern, &found),
        }
    }

    /// The import found no file to read.
    fn without_files(&mut self, statement: &Statement, pattern: String, found: &Import) {
        match found {
            Import::Unknown => {
                self.note(statement, pattern, ImportOutcome::Unknown);
            }
            Import::Directory(path) => {
                let message = format!("Could not import {path}: is a directory");
                self.refuse_import(statement, ErrorKind::ImportIsDirectory, &message);
            }
            Import::Unreadable(path, reason) => {
                let message = format!("Could not import {path}: {reason}");
                self.refuse_import(statement, ErrorKind::ImportUnreadable, &message);
            }
            Import::NoMatch | Import::Files(_) if import::has_wildcard(&pattern) => {
                let message = words::nothing_matches(&pattern);
                self.warn(WarningKind::ImportMatchesNothing, Place::of(&statement.argument), message);
                self.note(statement, pattern, ImportOutcome::NothingMatched);
            }
            Import::NoMatch | Import::Files(_) => {
                let message = format!("File to import not found: {}", statement.name);
                self.refuse_import(statement, ErrorKind::ImportNotFound, &message);
            }
        }
    }

    fn find(&mut self, pattern: &str) -> Found {
        if let Some(found) = self.importer.found.get(pattern) {
            return found.clone();
        }
        if pattern.len() > MAX_PATH_LEN {
            return Found::Other(Import::NoMatch);
        }
        let found = match self.options.imports.glob(pattern) {
            Import::Files(files) if !files.is_empty() => {
                let loaded: Vec<_> = files.into_iter().map(|file| self.load(file)).collect();
                let tokens = loaded.iter().flat_map(|(_, tokens)| tokens.iter().cloned()).collect();
                Found::Files(loaded.into_iter().map(|(index, _)| index).collect(), tokens)
            }
            other => Found::Other(other),
        };
        self.importer.found.insert(pattern.to_owned(), found.clone());
        found
    }

    /// Lexes a file once, however many patterns match it.
    fn load(&mut self, file: import::ImportedFile) -> (FileIndex, Rc<[Token]>) {
        if let Some(loaded) = self.importer.files.get(&file.path) {
            return loaded.clone();
        }
        let index = FileIndex(u32::try_from(self.out.files.len()).unwrap_or(u32::MAX));
        let path = file.path.clone();
        self.stream.charge(file.text.len());
        let tokens: Rc<[Token]> = self.add_source(file.path, file.text).into();
        self.importer.files.insert(path, (index, Rc::clone(&tokens)));
        (index, tokens)
    }

    /// The directory to which imports in a file are relative.
    fn directory(&self, file: FileIndex) -> String {
        let name = self.out.file(file).map_or("", |source| source.name.as_str());
        let directory = if name.starts_with('/') { import::directory_of(name) } else { self.options.directory };
        if file == FileIndex::MAIN && !name.starts_with('/') && name.contains('/') {
            return format!("{}/{}", self.options.directory, import::directory_of(name));
        }
        if file == FileIndex::MAIN || name.starts_with('/') {
            return directory.to_owned();
        }
        import::directory_of(name).to_owned()
    }

    fn refuse_import(&mut self, statement: &Statement, kind: ErrorKind, message: &str) {
        self.refuse(kind, message, &statement.argument, None);
        self.note(statement, String::new(), ImportOutcome::Refused);
    }

    fn note(&mut self, statement: &Statement, pattern: String, outcome: ImportOutcome) -> Option<ImportIndex> {
        let index = ImportIndex(u32::try_from(self.out.imports.len()).unwrap_or(u32::MAX));
        let Statement { keyword, argument, name } = statement;
        let place = Place { file: keyword.file, span: keyword.span.join(argument.span) };
        let root = keyword.via.and_then(|via| self.out.imports.get(via.index())).map_or(index, |site| site.root);
        let (argument, parent) = (name.clone(), keyword.via);
        self.out.imports.push(ImportSite { place, argument, pattern, parent, root, outcome });
        Some(index)
    }
}
