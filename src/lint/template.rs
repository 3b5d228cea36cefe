//! Messages and other texts of rules: minijinja with a closed vocabulary, proved on samples of the view.

use super::check::{Mistake, Scope, suggestion};
use super::text::Text;
use super::types::Type;
use crate::source::Span;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Enumerator, Object, ObjectRepr, Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::sync::Arc;

/// Longest template, in bytes.
pub const MAX_TEMPLATE: usize = 4096;
/// Longest text that a template may produce, in bytes.
pub const MAX_RENDERED: usize = 16 * 1024;
/// Characters that a sentence quotes of one text of the input.
const MAX_QUOTED: usize = 1000;
/// The name that is bound where a template makes a sentence, and not an argument that has to be exact.
const PROSE: &str = "__prose";
/// Instructions that rendering one template may take.
const FUEL: u64 = 50_000;
/// Depth to which samples of a view are filled; recursive views end there.
const SAMPLE_DEPTH: usize = 6;
/// Elements of each list of a sample.
const SAMPLE_ITEMS: usize = 4;
/// Statements that may stand in `{% … %}`; none can define things or grow text beyond what it prints.
const STATEMENTS: [&str; 6] = ["if", "elif", "else", "endif", "for", "endfor"];

/// A template that was proved when its rule was loaded.
#[derive(Clone, Debug)]
pub struct Template {
    /// The template as written.
    pub text: Text,
    name: String,
}

/// Every template of a rule set.
pub struct Templates {
    environment: Environment<'static>,
    count: usize,
}

impl fmt::Debug for Templates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Templates({})", self.count)
    }
}

impl Default for Templates {
    fn default() -> Self {
        use minijinja::{filters, tests};
        let mut environment = Environment::empty();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(FUEL));
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_formatter(|out, state, value| match value.kind() {
            ValueKind::Undefined | ValueKind::None => Err(refused("the value is absent; guard it with {% if … %}")),
            ValueKind::Seq | ValueKind::Iterable => Err(refused("the value is a list; write | join(\", \")")),
            ValueKind::Map => Err(refused("the value is a struct; name one of its fields")),
            ValueKind::String if state.lookup(PROSE).is_some() => {
                out.write_str(&cropped(value.as_str().unwrap_or(""))).map_err(too_long)
            }
            _ => write!(out, "{value}").map_err(too_long),
        });
        environment.add_filter("join", filters::join);
        environment.add_filter("length", filters::length);
        environment.add_filter("first", filters::first);
        environment.add_filter("last", filters::last);
        environment.add_filter("upper", filters::upper);
        environment.add_filter("lower", filters::lower);
        environment.add_filter("trim", filters::trim);
        environment.add_filter("unique", filters::unique);
        environment.add_filter("sort", filters::sort);
        environment.add_filter("map", filters::map);
        environment.add_filter("selectattr", filters::selectattr);
        environment.add_filter("rejectattr", filters::rejectattr);
        environment.add_filter("plural", plural);
        environment.add_filter("default", filters::default);
        environment.add_test("none", tests::is_none);
        environment.add_test("defined", tests::is_defined);
        environment.add_test("eq", tests::is_eq);
        environment.add_test("ne", tests::is_ne);
        Self { environment, count: 0 }
    }
}

/// A long text by its beginning: what follows does not help to find it.
fn cropped(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_QUOTED) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or(""))),
        None => Cow::Borrowed(text),
    }
}

fn too_long(_: fmt::Error) -> Error {
    refused("the text is too long")
}

fn refused(message: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, message)
}

/// `3 | plural("entry", "entries")` is "3 entries"; a list counts its elements.
fn plural(value: Value, one: String, many: String) -> Result<String, Error> {
    let count = i64::try_from(value.clone())
        .ok()
        .or_else(|| value.len().and_then(|len| i64::try_from(len).ok()))
        .ok_or_else(|| refused("plural counts a number or a list"))?;
    Ok(format!("{count} {}", if count == 1 { one } else { many }))
}

impl Templates {
    /// Takes a template in and proves it in a scope.
    ///
    /// # Errors
    /// The first mistake: syntax, statements beyond if and for, unknown names, filters or fields, and values that may be
    /// absent where the scope does not know better.
    pub fn load(&mut self, text: &Text, scope: &Scope<'_>) -> Result<Template, Mistake> {
        let source = &text.value;
        let whole = Span::new(0, source.len());
        let mistake = |span, message: String| Mistake { span, message, help: None };
        if source.len() > MAX_TEMPLATE {
            let message = format!("the template has {} bytes, {MAX_TEMPLATE} are allowed", source.len());
            return Err(mistake(whole, message));
        }
        statements(source)?;
        let name = format!("t{}", self.count);
        self.count += 1;
        self.environment.add_template_owned(name.clone(), source.clone()).map_err(|e| failure(source, &e))?;
        let template = Template { text: text.clone(), name };
        let names = self.names(&template, scope)?;
        for absent in [false, true] {
            let sample = Sample { absent, scope, names: &names };
            if let Err(error) = self.rendered(&template, sample.context()) {
                let mut mistake = failure(source, &error);
                if absent && mistake.help.is_none() {
                    let help = "this happens where every value that may be absent is absent: guard it with {% if … %}";
                    mistake.help = Some(help.to_owned());
                }
                return Err(mistake);
            }
        }
        Ok(template)
    }

    /// Takes in a template that was proved before.
    ///
    /// # Errors
    /// A syntax error, which the proof would have found.
    pub fn load_proved(&mut self, text: &Text) -> Result<Template, Mistake> {
        let name = format!("t{}", self.count);
        self.count += 1;
        let added = self.environment.add_template_owned(name.clone(), text.value.clone());
        added.map_err(|e| failure(&text.value, &e))?;
        Ok(Template { text: text.clone(), name })
    }

    /// The dotted names that the template uses; every one must lead to a field.
    fn names(&self, template: &Template, scope: &Scope<'_>) -> Result<Vec<String>, Mistake> {
        let source = &template.text.value;
        let found = self.environment.get_template(&template.name).map_err(|e| failure(source, &e))?;
        let mut names: Vec<String> = found.undeclared_variables(true).into_iter().collect();
        names.sort();
        names.iter().filter(|name| *name != "loop" && !name.starts_with("loop.")).try_for_each(|name| {
            path_type(name, scope).map(|_| ()).map_err(|(part, message, help)| {
                let start = source.find(name.as_str()).map(|at| at + part.start);
                let span = start.map_or(Span::new(0, source.len()), |at| Span::new(at, at + part.len()));
                Mistake { span, message, help }
            })
        })?;
        Ok(names)
    }

    /// Renders a template to its exact text.
    ///
    /// # Errors
    /// A message for the rule's author: absent values, too much text, too many steps.
    pub fn render(&self, template: &Template, context: BTreeMap<&str, Value>) -> Result<String, String> {
        self.rendered(template, Value::from(context)).map_err(|error| describe(&error))
    }

    /// Renders a template to a sentence, which quotes long texts of the input by their beginning.
    ///
    /// # Errors
    /// As [`Templates::render`].
    pub fn sentence(&self, template: &Template, mut context: BTreeMap<&str, Value>) -> Result<String, String> {
        context.insert(PROSE, Value::from(true));
        self.render(template, context)
    }

    fn rendered(&self, template: &Template, context: Value) -> Result<String, Error> {
        let mut out = Limited(Vec::new());
        self.environment.get_template(&template.name)?.render_captured_to(context, &mut out)?;
        let text = String::from_utf8_lossy(&out.0);
        Ok(text.trim().to_owned())
    }
}

struct Limited(Vec<u8>);

impl io::Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_RENDERED {
            return Err(io::Error::other(format!("the text is longer than {MAX_RENDERED} bytes")));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn statements(source: &str) -> Result<(), Mistake> {
    let mut at = 0;
    while let Some(found) = source.get(at..).and_then(|rest| rest.find("{%")) {
        let start = at + found + 2;
        let rest = source.get(start..).unwrap_or("").trim_start_matches(['-', '+']).trim_start();
        let word: String = rest.chars().take_while(char::is_ascii_alphanumeric).collect();
        if !STATEMENTS.contains(&word.as_str()) {
            let message = format!("`{word}` is no statement of rule texts, only if and for are");
            let begin = source.len() - rest.len();
            return Err(Mistake { span: Span::new(begin, begin + word.len()), message, help: None });
        }
        at = start;
    }
    Ok(())
}

fn failure(source: &str, error: &Error) -> Mistake {
    let span = error.range().filter(|range| range.end <= source.len());
    let span = span.map_or(Span::new(0, source.len()), |range| Span::new(range.start, range.end));
    let help = match error.kind() {
        ErrorKind::UnknownFilter => {
            Some("filters: join, length, first, last, upper, lower, trim, unique, sort, map, selectattr, rejectattr, plural, default".to_owned())
        }
        _ => None,
    };
    Mistake { span, message: describe(error), help }
}

fn describe(error: &Error) -> String {
    let innermost = std::error::Error::source(error).map(ToString::to_string);
    match (innermost, error.detail()) {
        (Some(inner), _) => inner,
        (None, Some(detail)) => detail.to_owned(),
        (None, None) => error.kind().to_string(),
    }
}

/// The type that a plain path such as `subject.hops.address` leads to, through lists.
///
/// # Errors
/// The part of the path that leads nowhere, why, and what was probably meant.
pub fn path_type<'s>(path: &str, scope: &Scope<'s>) -> Result<Type<'s>, (Span, String, Option<String>)> {
    let mut offset = 0;
    let mut found: Option<(String, Type<'s>)> = None;
    for part in path.split('.') {
        let name = part.split('[').next().unwrap_or(part);
        let span = Span::new(offset, offset + name.len());
        let next = match &found {
            None => scope.variable(name).cloned().ok_or_else(|| {
                let known = scope.variables.iter().map(|(name, _)| name.as_str());
                (span, format!("unknown variable `{name}`"), suggestion(name, known))
            })?,
            Some((shown, kind)) => step(shown, kind, name).map_err(|(message, help)| (span, message, help))?,
        };
        let next = part.matches('[').fold(next, |kind, _| element(&kind));
        let shown = found.map_or_else(|| part.to_owned(), |(shown, _)| format!("{shown}.{part}"));
        found = Some((shown, next));
        offset += part.len() + 1;
    }
    Ok(found.map_or(Type::Any, |(_, kind)| kind))
}

/// The element of a list, or the type itself.
#[must_use]
pub fn element<'s>(kind: &Type<'s>) -> Type<'s> {
    match kind.present() {
        Type::List(item) => item.as_ref().clone(),
        other => other.clone(),
    }
}

fn step<'s>(shown: &str, kind: &Type<'s>, name: &str) -> Result<Type<'s>, (String, Option<String>)> {
    match kind.present() {
        Type::Any => Ok(Type::Any),
        Type::Map(value) => Ok(value.as_ref().clone().optional()),
        Type::List(item) => step(shown, item, name),
        Type::Object(object) => object
            .field(name)
            .ok_or_else(|| (format!("`{shown}` has no field `{name}`"), suggestion(name, object.fields().into_keys()))),
        other => Err((format!("`{shown}` is {other:#} and has no fields"), None)),
    }
}

/// Values that fill a template for the proof.
struct Sample<'a, 's> {
    /// Whether values that may be absent are.
    absent: bool,
    scope: &'a Scope<'s>,
    /// The dotted names that the template uses: fields that none of them can reach are left out.
    names: &'a [String],
}

impl Sample<'_, '_> {
    fn context(&self) -> Value {
        let variables = self.scope.variables.iter();
        variables.map(|(name, kind)| (name.clone(), self.value(kind, name, 0))).collect::<BTreeMap<_, _>>().into()
    }

    /// Whether the template may look at that field of the struct at `path` (`""` inside lists, where anything goes).
    fn reaches(&self, path: &str, field: &str) -> bool {
        let uses = |name: &String| {
            let whole = name == path || below(name, path).is_some();
            whole || below(path, name).is_some_and(|rest| rest.split('.').next() == Some(field))
        };
        path.is_empty() || self.names.iter().any(uses)
    }

    fn value(&self, kind: &Type<'_>, path: &str, depth: usize) -> Value {
        match kind {
            Type::Any => Value::from_object(Anything),
            Type::Null => Value::from(()),
            Type::Bool => Value::from(!self.absent),
            Type::Int => Value::from(2),
            Type::Float => Value::from(1.5),
            Type::Str(words) => Value::from(words.as_ref().and_then(|w| w.first()).map_or("text", |word| *word)),
            Type::Opt(_) if self.absent && !self.scope.present.contains(path) => Value::from(()),
            Type::Opt(inner) => self.value(inner, path, depth),
            Type::List(item) => vec![self.value(item, "", depth + 1); SAMPLE_ITEMS].into(),
            Type::Map(_) | Type::Object(_) if depth > SAMPLE_DEPTH => Value::from_object(Anything),
            Type::Map(_) => Value::from_object(Anything),
            Type::Object(object) => {
                let field = |name: &str| {
                    let kind = object.field(name).unwrap_or(Type::Any);
                    self.value(&kind, &format!("{path}.{name}"), depth + 1)
                };
                let used = object.fields().into_keys().filter(|name| self.reaches(path, name));
                let fields = used.map(|name| (name.to_owned(), field(name)));
                fields.collect::<BTreeMap<_, _>>().into()
            }
        }
    }
}

/// What remains of a dotted name below another one.
fn below<'n>(outer: &str, inner: &'n str) -> Option<&'n str> {
    inner.strip_prefix(outer)?.strip_prefix('.')
}

/// A value of unknown type: every field of it exists, it prints, and it has no elements.
#[derive(Debug)]
struct Anything;

impl Object for Anything {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }
    fn get_value(self: &Arc<Self>, _: &Value) -> Option<Value> {
        Some(Value::from_object(Self))
    }
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Empty
    }
    fn render(self: &Arc<Self>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn load(source: &str, present: &[&str]) -> Result<String, String> {
        let schema = json!({"type": "object", "required": ["name", "count", "hops", "free"], "properties": {
            "name": {"type": "string"}, "count": {"type": "integer"}, "free": true,
            "maybe": {"anyOf": [{"type": "object", "required": ["deep"], "properties": {"deep": {"type": "string"}}}, {"type": "null"}]},
            "hops": {"type": "array", "items": {"type": "object", "required": ["address"], "properties": {
                "address": {"type": "string"}, "zone": {"type": ["string", "null"]}}}},
        }});
        let scope = Scope::default().with("subject", Type::of_root(&schema));
        let scope = scope.assuming(present.iter().map(|p| (*p).to_owned()).collect());
        let mut templates = Templates::default();
        let text = Text { value: source.to_owned(), span: Span::default() };
        let template = templates.load(&text, &scope).map_err(|m| format!("{} @ {}", m.message, m.span.text(source)))?;
        let subject =
            json!({"name": "n", "count": 1, "hops": [{"address": "a"}, {"address": "b"}], "maybe": {"deep": "d"}});
        templates.render(&template, BTreeMap::from([("subject", Value::from(minijinja::value::Serde(subject)))]))
    }

    #[test]
    fn a_sentence_quotes_the_beginning_of_a_long_text() {
        let mut templates = Templates::default();
        let text = Text { value: "`{{ name }}` is wrong".to_owned(), span: Span::default() };
        let scope = Scope::default().with("name", Type::Str(None));
        let template = templates.load(&text, &scope).unwrap();
        let context = |length: usize| BTreeMap::from([("name", Value::from("é".repeat(length)))]);
        let exact = templates.render(&template, context(MAX_QUOTED + 1)).unwrap();
        assert_eq!(exact, format!("`{}` is wrong", "é".repeat(MAX_QUOTED + 1)));
        let sentence = templates.sentence(&template, context(MAX_QUOTED + 1)).unwrap();
        assert_eq!(sentence, format!("`{}…` is wrong", "é".repeat(MAX_QUOTED)));
        assert_eq!(templates.sentence(&template, context(2)).unwrap(), "`éé` is wrong");
        assert!(templates.render(&template, context(MAX_RENDERED)).is_err());
    }

    #[test]
    fn good_texts() {
        for (source, present, want) in [
            ("{{ subject.name }} has {{ subject.hops | plural('hop', 'hops') }}", &[][..], "n has 2 hops"),
            ("{{ subject.hops | map(attribute='address') | join(' → ') }}", &[], "a → b"),
            ("{% for h in subject.hops %}{{ h.address }}{% if not loop.last %}, {% endif %}{% endfor %}", &[], "a, b"),
            ("{% if subject.maybe %}{{ subject.maybe.deep }}{% else %}-{% endif %}", &[], "d"),
            ("{{ subject.maybe.deep }}", &["subject.maybe"], "d"),
            ("{{ 'a' if subject.count == 1 else 'b' }}", &[], "a"),
        ] {
            assert_eq!(load(source, present).as_deref(), Ok(want), "{source}");
        }
    }

    #[test]
    fn mistakes_and_their_places() {
        let cases = [
            ("{{ subject.nme }}", "`subject` has no field `nme` @ nme"),
            ("{{ subject.hops.adress }}", "`subject.hops` has no field `adress` @ adress"),
            ("{{ subjet.name }}", "unknown variable `subjet` @ subjet"),
            ("{{ subject.name | shout }}", "filter shout is unknown @ shout"),
            ("{{ subject.hops }}", "the value is a list; write | join(\", \")"),
            ("{{ subject.maybe.deep }}", "undefined"),
            ("{% for h in subject.hops %}{{ h.zone }}{% endfor %}", "the value is absent; guard it with {% if … %}"),
            ("{% for h in subject.hops %}{{ h.adress }}{% endfor %}", "`h.adress` is undefined @ h.adress"),
            ("{% set x = 1 %}", "`set` is no statement of rule texts, only if and for are @ set"),
            ("{{ subject.name ", "unexpected end of"),
            ("{% if subject.name %}", "unexpected end of"),
        ];
        let mut wrong = Vec::new();
        for (source, want) in cases {
            let got = load(source, &[]).expect_err(source);
            if !got.contains(want) {
                wrong.push(format!("{source}\n  want {want}\n  got  {got}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn hostile_texts_end() {
        let nested = format!("{}x{}", "{% for a in subject.hops %}".repeat(60), "{% endfor %}".repeat(60));
        for source in [
            nested.as_str(),
            &format!("{{{{ {}1 }}}}", "(".repeat(2000)),
            &"x".repeat(10_000),
            "{{ 'x' * 100000 }}",
            "{{ 10 ** 10 ** 10 }}",
        ] {
            assert!(load(source, &[]).is_err(), "{}", source.get(..80).unwrap_or(source));
        }
        let signs = format!("{{{{ {}1 }}}}", "-".repeat(3000));
        assert_eq!(load(&signs, &[]).as_deref(), Ok("1"));
    }
}
