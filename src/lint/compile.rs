//! From a rule file as written to a proved rule; every mistake becomes a diagnostic that points into the file.

use super::check::{Mistake, Scope, suggestion};
use super::expression::Expression;
use super::rule::{ConditionalText, Escalation, FixRule, LabelRule, Place, Rule};
use super::schema::{Conditional, FixEntry, LabelEntry, Param, RuleFile};
use super::template::{Template, Templates, element, path_type};
use super::text::{Text, span_of};
use super::types::Type;
use crate::analysis::view::{Schemas, ViewPath};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, Location, Span};
use cel::Env;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The rule id of mistakes in rule files.
pub const RULE_FILE: &str = "rule-file";
/// Largest rule file, in bytes.
pub const MAX_RULE_FILE: usize = 64 * 1024;
/// View kind that every expression sees as `cluster`.
pub const CLUSTER_KIND: &str = "cluster";
/// View kinds whose findings are folded unless a rule says otherwise: there are many subjects of one shape.
const FOLDED_KINDS: [&str; 4] = ["kubelet", "pod", "resolv_conf", "unit"];

/// A rule file before it is read.
#[derive(Clone, Debug)]
pub struct RuleSource {
    /// The path to show.
    pub path: String,
    /// The folder below the rules directory, which names the group; `None` for a file that lies in the directory itself.
    pub group: Option<String>,
    /// The file's name without `.yaml`.
    pub stem: String,
    /// The text.
    pub text: String,
    /// It was proved when dnslint was built and tested: loading it only parses, which keeps the start of a run short.
    pub proved: bool,
    /// It comes with dnslint.
    pub builtin: bool,
}

impl RuleSource {
    /// A rule file at `relative` (`<group>/<id>.yaml` or `<id>.yaml`) below a rules directory.
    #[must_use]
    pub fn new(path: impl Into<String>, relative: &str, text: impl Into<String>) -> Self {
        let mut parts = relative.rsplit('/');
        let name = parts.next().unwrap_or(relative);
        let stem = name.strip_suffix(".yaml").or_else(|| name.strip_suffix(".yml")).unwrap_or(name);
        let group = parts.next().map(ToOwned::to_owned);
        Self { path: path.into(), group, stem: stem.to_owned(), text: text.into(), proved: false, builtin: false }
    }

    /// The same file, as one that comes with dnslint.
    #[must_use]
    pub fn of_dnslint(mut self) -> Self {
        self.builtin = true;
        self
    }

    /// The same file, taken as proved.
    #[must_use]
    pub fn taken_as_proved(mut self) -> Self {
        self.proved = true;
        self
    }
}

/// What rule files are proved against.
pub(super) struct Catalogue<'a> {
    pub env: &'a Arc<Env>,
    pub schemas: &'a Schemas,
    /// Names of the fix builders.
    pub fixes: &'a [&'a str],
}

/// A mistake with its place in the file.
struct Problem {
    span: Span,
    message: String,
    help: Option<String>,
}

/// Reads and proves one file.
pub(super) fn compile(
    catalogue: &Catalogue<'_>,
    templates: &mut Templates,
    file: FileId,
    source: &RuleSource,
) -> Result<Rule, Vec<Diagnostic>> {
    let outcome = match parse(source) {
        Ok(written) => {
            let mut compiler = Compiler { catalogue, templates, source, problems: Vec::new() };
            let rule = compiler.rule(written, file);
            rule.filter(|_| compiler.problems.is_empty()).ok_or(compiler.problems)
        }
        Err(problem) => Err(vec![problem]),
    };
    outcome.map_err(|problems| problems.into_iter().map(|problem| diagnostic(file, problem)).collect())
}

fn diagnostic(file: FileId, problem: Problem) -> Diagnostic {
    let at = Location::new(file, problem.span);
    Diagnostic { help: problem.help, ..Diagnostic::new(RULE_FILE, Severity::Error, problem.message, at) }
}

fn parse(source: &RuleSource) -> Result<RuleFile, Problem> {
    if source.text.len() > MAX_RULE_FILE {
        let message = format!("the rule file has {} bytes, {MAX_RULE_FILE} are allowed", source.text.len());
        return Err(Problem { span: Span::default(), message, help: None });
    }
    let options = serde_saphyr::options! { with_snippet: false };
    serde_saphyr::from_str_with_options(&source.text, options).map_err(|error| yaml_problem(&source.text, &error))
}

fn yaml_problem(text: &str, error: &serde_saphyr::Error) -> Problem {
    use serde_saphyr::Error;
    let error = error.without_snippet();
    let mut span = error.location().map_or(Span::default(), |location| place_of(text, &location));
    if matches!(error, Error::SerdeMissingField { .. }) {
        span = Span::new(0, text.find('\n').unwrap_or(text.len()));
    }
    let (message, help) = match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            (format!("unknown field `{field}`"), suggestion(field, expected.iter().copied()))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            (format!("unknown value `{variant}`"), suggestion(variant, expected.iter().copied()))
        }
        Error::SerdeMissingField { field, .. } => (format!("the field `{field}` is missing"), None),
        Error::SerdeInvalidType { unexpected, expected, .. } => {
            (format!("expected {expected}, found {unexpected}"), None)
        }
        other => (first_line(&other.to_string()), None),
    };
    Problem { span, message, help }
}

/// The bytes of a location; the parser's own errors have a line and a column only.
fn place_of(text: &str, location: &serde_saphyr::Location) -> Span {
    let span = span_of(location);
    if span.start > 0 && text.get(span.start..span.end).is_some() {
        return span;
    }
    let number = |n: u64| usize::try_from(n).unwrap_or(usize::MAX).saturating_sub(1);
    let line: usize = text.split_inclusive('\n').take(number(location.line())).map(str::len).sum();
    let rest = text.get(line..).unwrap_or("");
    let at = line + rest.char_indices().nth(number(location.column())).map_or(rest.len(), |(at, _)| at);
    Span::new(at, at)
}

/// The message without the position that the parser puts around it.
fn first_line(message: &str) -> String {
    let line = message.lines().next().unwrap_or("").trim_start_matches("error: ");
    let line = line.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map_or(line, |(_, message)| message);
    line.split(" at line ").next().unwrap_or(line).to_owned()
}

struct Compiler<'c, 'a> {
    catalogue: &'c Catalogue<'a>,
    templates: &'c mut Templates,
    source: &'c RuleSource,
    problems: Vec<Problem>,
}

impl Compiler<'_, '_> {
    fn rule(&mut self, written: RuleFile, file: FileId) -> Option<Rule> {
        if self.source.proved {
            return self.parts(written, file, Scope::default().with("item", Type::Any));
        }
        self.identity(&written);
        let schemas = self.catalogue.schemas;
        let Some(view) = schemas.get(&written.on.value) else {
            let help = suggestion(&written.on.value, schemas.iter().map(|schema| schema.kind));
            self.problem(written.on.span, format!("unknown view kind `{}`", written.on.value), help);
            return None;
        };
        let params = params_schema(&written.params);
        for (name, param) in &written.params {
            if !is_snake(name) {
                let span = written.id.span;
                self.problem(span, format!("the parameter `{name}` is not in snake_case"), None);
            }
            if param.default.is_null() {
                let message = format!("the parameter `{name}` needs a default that shows its type");
                self.problem(written.id.span, message, None);
            }
        }
        let mut scope = Scope::default()
            .with("subject", Type::of_root(view.schema.as_value()))
            .with("params", Type::of_root(&params));
        if let Some(cluster) = schemas.get(CLUSTER_KIND) {
            scope = scope.with("cluster", Type::of_root(cluster.schema.as_value()));
        }
        self.parts(written, file, scope)
    }

    /// Conditions, texts and labels, in a scope that knows the view.
    fn parts(&mut self, written: RuleFile, file: FileId, mut scope: Scope<'_>) -> Option<Rule> {
        let when = self.expression(written.when.as_ref(), &scope);
        scope = assuming(scope, when.as_ref());
        let (each, item) = self.each(&written.each.0, &scope);
        if let Some(item) = item {
            scope = scope.with("item", item);
        } else if let Some(filter) = &written.filter {
            self.problem(filter.span, "`where` needs `each`: it says which items are bad".to_owned(), None);
        }
        let filter = self.expression(written.filter.as_ref().filter(|_| !written.each.0.is_empty()), &scope);
        scope = assuming(scope, filter.as_ref());

        let escalate = written.escalate.iter().filter_map(|entry| {
            let when = self.expression(Some(&entry.when), &scope)?;
            Some(Escalation { when, severity: entry.severity, confidence: entry.confidence })
        });
        let escalate = escalate.collect();
        let message = self.template(&written.message, &scope);
        let labels = self.labels(&written.labels, &scope);
        let notes = self.texts(&written.notes.0, &scope);
        let help = self.texts(&written.help.0, &scope);
        let fixes: Vec<FixRule> = written.fix.0.iter().filter_map(|fix| self.fix(fix, &scope)).collect();
        Some(Rule {
            fixable: fixes.iter().map(|fix| fix.safety).max(),
            fold: written.fold.unwrap_or(FOLDED_KINDS.contains(&written.on.value.as_str())),
            location: Location::new(file, written.id.span),
            id: written.id.value,
            group: written.group.value,
            severity: written.severity,
            confidence: written.confidence,
            summary: written.summary.value,
            since: written.since.map(|since| since.value),
            on: written.on.value,
            why: written.why.value,
            advice: written.help.0.into_iter().map(|help| help.text.value).collect(),
            references: written.references.into_iter().map(|reference| reference.value).collect(),
            needs: written.needs.0.into_iter().map(|need| need.value).collect(),
            param_docs: written.params.iter().filter_map(|(name, p)| Some((name.clone(), p.doc.clone()?))).collect(),
            params: written.params.into_iter().map(|(name, param)| (name, param.default)).collect(),
            samples: written.tests,
            is_builtin: self.source.builtin,
            when,
            each,
            each_texts: written.each.0,
            filter,
            escalate,
            message: message?,
            labels,
            notes,
            help,
            fixes,
        })
    }

    fn identity(&mut self, written: &RuleFile) {
        let id = &written.id.value;
        if !is_kebab(id) {
            self.problem(written.id.span, format!("`{id}` is not in kebab-case"), None);
        } else if *id != self.source.stem {
            let message = format!("the rule `{id}` stands in a file named `{}`", self.source.stem);
            self.problem(written.id.span, message, Some(format!("name the file {id}.yaml")));
        }
        let group = &written.group.value;
        match &self.source.group {
            Some(folder) if folder != group => {
                let message = format!("the group `{group}` is not the folder `{folder}` of the file");
                self.problem(written.group.span, message, None);
            }
            None if !is_kebab(group) => {
                self.problem(written.group.span, format!("`{group}` is not in kebab-case"), None);
            }
            _ => {}
        }
        for text in [&written.summary, &written.why, &written.message] {
            if text.value.trim().is_empty() {
                self.problem(text.span, "the text is empty".to_owned(), None);
            }
        }
        for reference in written.references.iter().filter(|r| !r.value.starts_with("https://")) {
            self.problem(reference.span, "a reference is a URL that starts with https://".to_owned(), None);
        }
        for need in written.needs.0.iter().filter(|need| !is_snake(&need.value)) {
            self.problem(need.span, format!("`{}` is not in snake_case", need.value), None);
        }
    }

    /// The paths of `each` and the type of `item`.
    fn each<'s>(&mut self, written: &[Text], scope: &Scope<'s>) -> (Vec<ViewPath>, Option<Type<'s>>) {
        let mut paths = Vec::new();
        let mut item: Option<Type<'s>> = None;
        for text in written {
            let Some((place, kind)) = self.place(text, scope, false) else { continue };
            if !matches!(kind.present(), Type::List(_) | Type::Any) {
                self.problem(text.span, format!("`each` needs a list, `{}` is {kind:#}", text.value), None);
                continue;
            }
            let kind = element(&kind);
            item = Some(match item {
                Some(other) => other.join(kind),
                None => kind,
            });
            paths.push(place.path);
        }
        let known = if written.is_empty() { None } else { Some(item.unwrap_or(Type::Any)) };
        (paths, known)
    }

    fn labels(&mut self, written: &[LabelEntry], scope: &Scope<'_>) -> Vec<LabelRule> {
        let mut labels: Vec<LabelRule> = written.iter().filter_map(|label| self.label(label, scope)).collect();
        for surplus in written.iter().filter(|label| label.primary).skip(1) {
            self.problem(surplus.at.span, "only one label can be primary".to_owned(), None);
        }
        if !labels.iter().any(|label| label.primary)
            && let Some(first) = labels.first_mut()
        {
            first.primary = true;
        }
        labels
    }

    fn label(&mut self, written: &LabelEntry, scope: &Scope<'_>) -> Option<LabelRule> {
        let (at, kind) = self.place(&written.at, scope, scope.variable("item").is_some())?;
        let mut scope =
            scope.with("it", element(&kind)).with("index", Type::Int).assuming(vec![written.at.value.clone()]);
        let condition = self.expression(written.condition.as_ref(), &scope);
        scope = assuming(scope, condition.as_ref());
        let text = match &written.text {
            Some(text) => Some(self.template(text, &scope)?),
            None => None,
        };
        Some(LabelRule { at, primary: written.primary, text, condition })
    }

    fn texts(&mut self, written: &[Conditional], scope: &Scope<'_>) -> Vec<ConditionalText> {
        let mut texts = Vec::new();
        for entry in written {
            let condition = self.expression(entry.condition.as_ref(), scope);
            let scope = assuming(scope.clone(), condition.as_ref());
            if let Some(text) = self.template(&entry.text, &scope) {
                texts.push(ConditionalText { condition, text });
            }
        }
        texts
    }

    fn fix(&mut self, written: &FixEntry, scope: &Scope<'_>) -> Option<FixRule> {
        let builder = &written.builder;
        if !self.catalogue.fixes.contains(&builder.value.as_str()) {
            let help = suggestion(&builder.value, self.catalogue.fixes.iter().copied());
            self.problem(builder.span, format!("unknown fix builder `{}`", builder.value), help);
        }
        let at = match &written.at {
            Some(at) => Some(self.place(at, scope, scope.variable("item").is_some())?.0),
            None => None,
        };
        let condition = self.expression(written.condition.as_ref(), scope);
        let scope = assuming(scope.clone(), condition.as_ref());
        let title = self.template(&written.title, &scope)?;
        let arguments = written.arguments.iter();
        let arguments =
            arguments.filter_map(|(name, text)| Some((name.clone(), self.template(text, &scope)?))).collect();
        let (builder, span) = (builder.value.clone(), builder.span);
        Some(FixRule { builder, at, safety: written.safety, title, condition, arguments, span })
    }

    /// A plain path from `subject` (or `item`), and the type it leads to.
    fn place<'s>(&mut self, text: &Text, scope: &Scope<'s>, items: bool) -> Option<(Place, Type<'s>)> {
        let path = match ViewPath::parse(&text.value) {
            Ok(path) => path,
            Err(error) => {
                let part = Span::new(error.offset, text.value.len());
                self.problem(text.locate(&self.source.text, part), error.to_string(), None);
                return None;
            }
        };
        let root = text.value.split(['.', '[']).next().unwrap_or("");
        if root != "subject" && !(items && root == "item") {
            let names = if items { "subject or item" } else { "subject" };
            let span = text.locate(&self.source.text, Span::new(0, root.len()));
            self.problem(span, format!("a path starts with {names}, not with `{root}`"), None);
            return None;
        }
        if self.source.proved {
            let steps = path.steps.into_iter().skip(1).collect();
            return Some((Place { from_item: root == "item", path: ViewPath { steps } }, Type::Any));
        }
        match path_type(&text.value, scope) {
            Ok(kind) => {
                let steps = path.steps.into_iter().skip(1).collect();
                Some((Place { from_item: root == "item", path: ViewPath { steps } }, kind))
            }
            Err((part, message, help)) => {
                self.problem(text.locate(&self.source.text, part), message, help);
                None
            }
        }
    }

    fn expression(&mut self, text: Option<&Text>, scope: &Scope<'_>) -> Option<Expression> {
        let text = text?;
        if self.source.proved {
            return Some(Expression::proved(text));
        }
        match Expression::load(self.catalogue.env, text, scope) {
            Ok(expression) => Some(expression),
            Err(mistake) => {
                self.mistake(text, mistake);
                None
            }
        }
    }

    fn template(&mut self, text: &Text, scope: &Scope<'_>) -> Option<Template> {
        let loaded =
            if self.source.proved { self.templates.load_proved(text) } else { self.templates.load(text, scope) };
        match loaded {
            Ok(template) => Some(template),
            Err(mistake) => {
                self.mistake(text, mistake);
                None
            }
        }
    }

    fn mistake(&mut self, text: &Text, mistake: Mistake) {
        let span = text.locate(&self.source.text, mistake.span);
        self.problem(span, mistake.message, mistake.help);
    }

    fn problem(&mut self, span: Span, message: String, help: Option<String>) {
        self.problems.push(Problem { span, message, help });
    }
}

fn assuming<'s>(scope: Scope<'s>, condition: Option<&Expression>) -> Scope<'s> {
    match condition {
        Some(condition) => scope.assuming(condition.implied.clone()),
        None => scope,
    }
}

fn is_kebab(name: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    name.split('-').all(word) && name.starts_with(|c: char| c.is_ascii_lowercase())
}

fn is_snake(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// A schema that fits the defaults of the parameters.
fn params_schema(params: &BTreeMap<String, Param>) -> Json {
    let properties: serde_json::Map<String, Json> =
        params.iter().map(|(name, param)| (name.clone(), value_schema(&param.default, 0))).collect();
    let required: Vec<&String> = params.keys().collect();
    json!({"type": "object", "properties": properties, "required": required})
}

fn value_schema(value: &Json, depth: usize) -> Json {
    const DEEPEST: usize = 4;
    let inner =
        |item: Option<&Json>| item.filter(|_| depth < DEEPEST).map_or(json!(true), |v| value_schema(v, depth + 1));
    match value {
        Json::Null => json!(true),
        Json::Bool(_) => json!({"type": "boolean"}),
        Json::Number(number) if number.is_i64() => json!({"type": "integer"}),
        Json::Number(_) => json!({"type": "number"}),
        Json::String(_) => json!({"type": "string"}),
        Json::Array(items) => json!({"type": "array", "items": inner(items.first())}),
        Json::Object(map) => json!({"type": "object", "additionalProperties": inner(map.values().next())}),
    }
}
