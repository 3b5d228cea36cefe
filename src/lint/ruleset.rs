//! The rules of a run: the built-in ones and those of users, loaded and proved alike.

use super::compile::{Catalogue, RULE_FILE, RuleSource, compile};
use super::functions;
use super::rule::Rule;
use super::sandbox::on_big_stack;
use super::template::Templates;
use crate::analysis::view::Schemas;
use crate::diagnostic::{Diagnostic, Files, Severity};
use crate::source::{FileId, Location, Span};
use cel::Env;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Files of rules have ids from here on, far above those of a snapshot.
pub const RULE_FILES: u32 = 1 << 31;

/// Most rule files of a run.
pub const MAX_RULES: usize = 2000;

/// The built-in rules: path below `rules/`, and text.
static BUILTIN: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/rules.rs"));

/// The built-in rule files.
#[must_use]
pub fn builtin() -> Vec<RuleSource> {
    BUILTIN.iter().map(|(path, text)| RuleSource::new(format!("rules/{path}"), path, *text).of_dnslint()).collect()
}

/// Proved rules, sorted by id.
pub struct RuleSet {
    pub(super) rules: Vec<Rule>,
    pub(super) templates: Templates,
    pub(super) env: Arc<Env>,
    sources: Vec<RuleSource>,
}

impl fmt::Debug for RuleSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.rules.iter().map(|rule| &rule.id)).finish()
    }
}

impl RuleSet {
    /// Loads rule files and proves them against the views and the names of the fix builders.
    ///
    /// A file with a mistake gives diagnostics (rule `rule-file`) that point into it, and no rule.
    #[must_use]
    pub fn load(sources: Vec<RuleSource>, schemas: &Schemas, fixes: &[&str]) -> (Self, Vec<Diagnostic>) {
        let loaded = on_big_stack(|| prove(&sources, schemas, fixes));
        let (rules, templates, env, problems) = loaded.unwrap_or_else(|| {
            let at = Location::new(FileId(RULE_FILES), Span::default());
            let message = "the rules could not be loaded (internal error)";
            let problem = Diagnostic::new(RULE_FILE, Severity::Error, message, at);
            (Vec::new(), Templates::default(), Arc::new(Env::default()), vec![problem])
        });
        (Self { rules, templates, env, sources }, problems)
    }

    /// The rules, sorted by id.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The rule of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&Rule> {
        let at = self.rules.binary_search_by(|rule| rule.id.as_str().cmp(id)).ok()?;
        self.rules.get(at)
    }

    fn source(&self, file: FileId) -> Option<&RuleSource> {
        self.sources.get(usize::try_from(file.0.checked_sub(RULE_FILES)?).ok()?)
    }
}

type Proved = (Vec<Rule>, Templates, Arc<Env>, Vec<Diagnostic>);

fn prove(sources: &[RuleSource], schemas: &Schemas, fixes: &[&str]) -> Proved {
    let mut problems = Vec::new();
    let mut templates = Templates::default();
    let mut rules: BTreeMap<String, Rule> = BTreeMap::new();
    let env = Arc::new(functions::environment().unwrap_or_else(|error| {
        let at = Location::new(FileId(RULE_FILES), Span::default());
        problems.push(Diagnostic::new(RULE_FILE, Severity::Error, error.to_string(), at));
        Env::default()
    }));
    let catalogue = Catalogue { env: &env, schemas, fixes };
    for (source, file) in sources.iter().zip(RULE_FILES..) {
        if (file - RULE_FILES) as usize >= MAX_RULES {
            let at = Location::new(FileId(file), Span::default());
            let message = format!("there are more than {MAX_RULES} rule files");
            problems.push(Diagnostic::new(RULE_FILE, Severity::Error, message, at));
            break;
        }
        match compile(&catalogue, &mut templates, FileId(file), source) {
            Ok(rule) => {
                let path = |id: FileId| sources.get((id.0 - RULE_FILES) as usize).map_or("", |s| s.path.as_str());
                if let Some(older) = rules.get(&rule.id) {
                    let message = format!("the rule `{}` exists already, in {}", rule.id, path(older.file()));
                    problems.push(Diagnostic::new(RULE_FILE, Severity::Error, message, rule.location));
                } else {
                    rules.insert(rule.id.clone(), rule);
                }
            }
            Err(mistakes) => problems.extend(mistakes),
        }
    }
    (rules.into_values().collect(), templates, env, problems)
}

impl Files for RuleSet {
    fn path(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| source.path.as_str())
    }
    fn text(&self, file: FileId) -> &str {
        self.source(file).map_or("", |source| source.text.as_str())
    }
}

/// The files of a snapshot and those of the rules, for reports that quote both.
pub struct AllFiles<'a> {
    /// The snapshot's files.
    pub snapshot: &'a dyn Files,
    /// The rules' files.
    pub rules: &'a RuleSet,
}

impl Files for AllFiles<'_> {
    fn path(&self, file: FileId) -> &str {
        if file.0 >= RULE_FILES { self.rules.path(file) } else { self.snapshot.path(file) }
    }
    fn text(&self, file: FileId) -> &str {
        if file.0 >= RULE_FILES { self.rules.text(file) } else { self.snapshot.text(file) }
    }
}
