//! The checker of rule expressions: proves names, types and bounds of a CEL expression before it is ever evaluated.

use super::functions::{Param, Returns, SIGNATURES, Signature, read_pattern};
use super::tree::{append_step, children, implied, path_of, path_of_select};
use super::types::Type;
use crate::diagnostic::nearest;
use crate::source::Span;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, LiteralValue, SelectExpr, SourceInfo, operators};
use std::collections::BTreeSet;

/// Deepest tree of an expression.
pub const MAX_DEPTH: usize = 96;
/// How deep comprehensions (`exists`, `all`, `map`, `filter`) may stand inside each other.
pub const MAX_NESTING: usize = 2;

/// A mistake in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// The part of the expression that is wrong.
    pub span: Span,
    /// What is wrong with it.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// The names that an expression may use, and what is known of them.
#[derive(Clone, Debug, Default)]
pub struct Scope<'s> {
    /// Variables and their types.
    pub variables: Vec<(String, Type<'s>)>,
    /// Paths (`subject.forward`) that are known to be present.
    pub present: BTreeSet<String>,
}

impl<'s> Scope<'s> {
    /// The scope and one more variable, which hides an older one of the same name.
    #[must_use]
    pub fn with(&self, name: &str, kind: Type<'s>) -> Self {
        let mut scope = self.clone();
        scope.variables.retain(|(known, _)| known != name);
        scope.present.retain(|path| path != name && !path.starts_with(&format!("{name}.")));
        scope.variables.push((name.to_owned(), kind));
        scope
    }

    /// The scope where `paths` are present.
    #[must_use]
    pub fn assuming(&self, paths: Vec<String>) -> Self {
        let mut scope = self.clone();
        scope.present.extend(paths);
        scope
    }

    /// The type of a variable.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Type<'s>> {
        self.variables.iter().find(|(known, _)| known == name).map(|(_, kind)| kind)
    }
}

/// Checks a whole expression.
pub struct Checker<'e> {
    source: &'e str,
    info: &'e SourceInfo,
}

type Checked<'s> = Result<Type<'s>, Mistake>;

impl<'e> Checker<'e> {
    /// A checker for an expression and the places of its parts.
    #[must_use]
    pub const fn new(source: &'e str, info: &'e SourceInfo) -> Self {
        Self { source, info }
    }

    /// The type of the expression.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn check<'s>(&self, expr: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        self.bounded(expr, 0, 0)?;
        self.infer(expr, scope)
    }

    /// Checks that the expression is a truth value.
    ///
    /// # Errors
    /// The first mistake in it.
    pub fn check_bool(&self, expr: &IdedExpr, scope: &Scope<'_>) -> Result<(), Mistake> {
        match self.check(expr, scope)? {
            Type::Bool | Type::Any => Ok(()),
            Type::Opt(inner) if matches!(*inner, Type::Bool | Type::Any) => Err(self.absent(expr)),
            other => Err(self.wrong(expr, format!("a condition must be a bool, this is {other:#}"))),
        }
    }

    fn bounded(&self, expr: &IdedExpr, depth: usize, nesting: usize) -> Result<(), Mistake> {
        if depth > MAX_DEPTH {
            return Err(self.wrong(expr, format!("the expression is nested deeper than {MAX_DEPTH} levels")));
        }
        if nesting > MAX_NESTING {
            let message = format!("comprehensions may be nested {MAX_NESTING} deep, this is a further level");
            return Err(self.wrong(expr, message));
        }
        match &expr.expr {
            Expr::Comprehension(inner) => {
                self.bounded(&inner.iter_range, depth + 1, nesting)?;
                self.bounded(&inner.loop_step, depth + 1, nesting + 1)
            }
            other => children(other).into_iter().try_for_each(|child| self.bounded(child, depth + 1, nesting)),
        }
    }

    fn infer<'s>(&self, expr: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        match &expr.expr {
            Expr::Literal(literal) => self.literal(expr, literal),
            Expr::Ident(name) => self.ident(expr, name, scope),
            Expr::Select(select) => self.select(expr, select, scope),
            Expr::Call(call) => self.call(expr, call, scope),
            Expr::Comprehension(inner) => self.comprehension(inner, scope),
            Expr::List(list) => {
                let items = list.elements.iter().map(|item| self.infer(item, scope));
                let joined = items.reduce(|a, b| Ok(a?.join(b?))).unwrap_or(Ok(Type::Any))?;
                Ok(Type::List(Box::new(joined)))
            }
            Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => {
                Err(self.wrong(expr, "maps and structs cannot be built in a rule".to_owned()))
            }
        }
    }

    fn literal<'s>(&self, expr: &IdedExpr, literal: &LiteralValue) -> Checked<'s> {
        Ok(match literal {
            LiteralValue::Boolean(_) => Type::Bool,
            LiteralValue::Double(_) => Type::Float,
            LiteralValue::Int(_) => Type::Int,
            LiteralValue::Null => Type::Null,
            LiteralValue::String(_) => Type::Str(None),
            LiteralValue::UInt(_) => return Err(self.wrong(expr, "write the number without `u`".to_owned())),
            LiteralValue::Bytes(_) => return Err(self.wrong(expr, "views hold no bytes".to_owned())),
        })
    }

    fn ident<'s>(&self, expr: &IdedExpr, name: &str, scope: &Scope<'s>) -> Checked<'s> {
        if let Some(kind) = scope.variable(name) {
            return Ok(narrowed(kind.clone(), Some(name.to_owned()), scope));
        }
        let known = scope.variables.iter().map(|(name, _)| name.as_str()).filter(|name| !name.starts_with('@'));
        let mut mistake = self.wrong(expr, format!("unknown variable `{name}`"));
        mistake.help = suggestion(name, known);
        Err(mistake)
    }

    fn select<'s>(&self, expr: &IdedExpr, select: &SelectExpr, scope: &Scope<'s>) -> Checked<'s> {
        let operand = self.infer(&select.operand, scope)?;
        let field = self.field_span(expr, select);
        let found = match &operand {
            Type::Any => Type::Any,
            Type::Map(value) => value.as_ref().clone().optional(),
            Type::Object(object) => object.field(&select.field).ok_or_else(|| Mistake {
                span: field,
                message: format!("`{}` has no field `{}`", self.show(&select.operand), select.field),
                help: suggestion(&select.field, object.fields().into_keys()),
            })?,
            Type::Opt(_) => return Err(self.absent(&select.operand)),
            other => {
                let message = format!("`{}` is {other:#} and has no fields", self.show(&select.operand));
                return Err(Mistake { span: field, message, help: None });
            }
        };
        if select.test {
            return Ok(Type::Bool);
        }
        Ok(narrowed(found, path_of_select(select), scope))
    }

    fn call<'s>(&self, expr: &IdedExpr, call: &CallExpr, scope: &Scope<'s>) -> Checked<'s> {
        use operators as op;
        match (call.func_name.as_str(), call.args.as_slice()) {
            (op::LOGICAL_AND, [a, b]) => self.connective(a, b, true, scope),
            (op::LOGICAL_OR, [a, b]) => self.connective(a, b, false, scope),
            (op::LOGICAL_NOT, [a]) => self.truth(a, scope).map(|()| Type::Bool),
            (op::NOT_STRICTLY_FALSE, [_]) => Ok(Type::Bool),
            (op::CONDITIONAL, [condition, yes, no]) => {
                self.truth(condition, scope)?;
                let yes = self.infer(yes, &scope.assuming(implied(condition, true)))?;
                Ok(yes.join(self.infer(no, &scope.assuming(implied(condition, false)))?))
            }
            (op::EQUALS | op::NOT_EQUALS, [a, b]) => self.equality(expr, a, b, scope),
            (op::LESS | op::LESS_EQUALS | op::GREATER | op::GREATER_EQUALS, [a, b]) => self.ordering(expr, a, b, scope),
            (op::IN, [a, b]) => self.membership(expr, a, b, scope),
            (op::INDEX, [list, index]) => self.index(list, index, scope),
            (op::NEGATE, [a]) => self.number(a, scope),
            (op::ADD, [a, b]) => self.sum(expr, a, b, scope),
            (op::SUBSTRACT | op::MULTIPLY | op::DIVIDE | op::MODULO, [a, b]) => {
                let (a, b) = (self.number(a, scope)?, self.number(b, scope)?);
                self.same_numbers(expr, a, b)
            }
            (op::OPT_INDEX | op::OPT_SELECT, _) => Err(self.wrong(expr, "optional syntax is not supported".to_owned())),
            _ => self.function(expr, call, scope),
        }
    }

    fn connective<'s>(&self, a: &IdedExpr, b: &IdedExpr, and: bool, scope: &Scope<'s>) -> Checked<'s> {
        self.truth(a, scope)?;
        self.truth(b, &scope.assuming(implied(a, and)))?;
        Ok(Type::Bool)
    }

    fn truth(&self, expr: &IdedExpr, scope: &Scope<'_>) -> Result<(), Mistake> {
        match self.infer(expr, scope)? {
            Type::Bool | Type::Any => Ok(()),
            Type::Opt(_) => Err(self.absent(expr)),
            other => Err(self.wrong(expr, format!("expected a bool, `{}` is {other:#}", self.show(expr)))),
        }
    }

    fn number<'s>(&self, expr: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        match self.infer(expr, scope)? {
            kind @ (Type::Int | Type::Float | Type::Any) => Ok(kind),
            Type::Opt(_) => Err(self.absent(expr)),
            other => Err(self.wrong(expr, format!("expected a number, `{}` is {other:#}", self.show(expr)))),
        }
    }

    fn same_numbers<'s>(&self, expr: &IdedExpr, a: Type<'s>, b: Type<'s>) -> Checked<'s> {
        match (&a, &b) {
            (Type::Int, Type::Float) | (Type::Float, Type::Int) => {
                Err(self.wrong(expr, "CEL does not mix int and double in arithmetic".to_owned()))
            }
            (Type::Any, _) => Ok(b),
            _ => Ok(a),
        }
    }

    fn sum<'s>(&self, expr: &IdedExpr, a: &IdedExpr, b: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        match (self.infer(a, scope)?, self.infer(b, scope)?) {
            (Type::Opt(_), _) => Err(self.absent(a)),
            (_, Type::Opt(_)) => Err(self.absent(b)),
            (Type::Str(_), Type::Str(_)) => Ok(Type::Str(None)),
            (Type::Any, Type::Any) => Ok(Type::Any),
            (a @ (Type::Int | Type::Float | Type::Any), b @ (Type::Int | Type::Float | Type::Any)) => {
                self.same_numbers(expr, a, b)
            }
            (a, b) => Err(self.wrong(expr, format!("cannot add {b:#} to {a:#}"))),
        }
    }

    fn equality<'s>(&self, expr: &IdedExpr, a: &IdedExpr, b: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        let (left, right) = (self.infer(a, scope)?, self.infer(b, scope)?);
        if !left.comparable(&right) {
            let message = if matches!(right, Type::Null) {
                format!("`{}` is never null", self.show(a))
            } else {
                format!("`{}` is {left:#} and is never equal to {right:#}", self.show(a))
            };
            return Err(self.wrong(expr, message));
        }
        if matches!(a.expr, Expr::List(_)) && !matches!(b.expr, Expr::List(_)) {
            return Err(self.wrong(expr, "write the list of the view on the left side".to_owned()));
        }
        self.known_word(&left, b)?;
        self.known_word(&right, a)?;
        Ok(Type::Bool)
    }

    /// A literal that is compared with an enum must be one of its words.
    fn known_word(&self, kind: &Type<'_>, literal: &IdedExpr) -> Result<(), Mistake> {
        let (Type::Str(Some(words)), Expr::Literal(LiteralValue::String(word))) = (kind.present(), &literal.expr)
        else {
            return Ok(());
        };
        if words.contains(&word.inner()) {
            return Ok(());
        }
        let message = format!("\"{}\" is none of the values {}", word.inner(), quoted_list(words));
        let help = suggestion(word.inner(), words.iter().copied());
        Err(Mistake { help, ..self.wrong(literal, message) })
    }

    fn ordering<'s>(&self, expr: &IdedExpr, a: &IdedExpr, b: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        match (self.infer(a, scope)?, self.infer(b, scope)?) {
            (Type::Opt(_), _) => Err(self.absent(a)),
            (_, Type::Opt(_)) => Err(self.absent(b)),
            (Type::Any, _) | (_, Type::Any) | (Type::Str(_), Type::Str(_)) => Ok(Type::Bool),
            (Type::Int | Type::Float, Type::Int | Type::Float) => Ok(Type::Bool),
            (a, b) => Err(self.wrong(expr, format!("cannot order {a:#} and {b:#}"))),
        }
    }

    fn membership<'s>(&self, expr: &IdedExpr, a: &IdedExpr, b: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        let wanted = self.infer(a, scope)?;
        let item = match self.infer(b, scope)? {
            Type::Any => Type::Any,
            Type::List(item) => *item,
            Type::Map(_) => Type::Str(None),
            Type::Opt(_) => return Err(self.absent(b)),
            other => return Err(self.wrong(b, format!("`in` needs a list or a map, this is {other:#}"))),
        };
        if !wanted.comparable(&item) {
            let message = format!("`{}` is {wanted:#} and is never in a list of {item}", self.show(a));
            return Err(self.wrong(expr, message));
        }
        if let Expr::List(list) = &b.expr {
            list.elements.iter().try_for_each(|word| self.known_word(&wanted, word))?;
        }
        self.known_word(&item, a)?;
        Ok(Type::Bool)
    }

    fn index<'s>(&self, list: &IdedExpr, index: &IdedExpr, scope: &Scope<'s>) -> Checked<'s> {
        let key = self.infer(index, scope)?;
        match (self.infer(list, scope)?, key) {
            (Type::Any, _) => Ok(Type::Any),
            (Type::List(item), Type::Int | Type::Any) => Ok(*item),
            (Type::Map(value), Type::Str(_) | Type::Any) => Ok(value.optional()),
            (Type::Opt(_), _) => Err(self.absent(list)),
            (kind, key) => Err(self.wrong(index, format!("cannot index {kind:#} with {key:#}"))),
        }
    }

    fn comprehension<'s>(&self, inner: &ComprehensionExpr, scope: &Scope<'s>) -> Checked<'s> {
        if inner.iter_var2.is_some() {
            return Err(self.wrong(&inner.iter_range, "two-variable comprehensions are not supported".to_owned()));
        }
        let item = match self.infer(&inner.iter_range, scope)? {
            Type::Any => Type::Any,
            Type::List(item) => *item,
            Type::Opt(_) => return Err(self.absent(&inner.iter_range)),
            other => {
                let message = format!("expected a list, `{}` is {other:#}", self.show(&inner.iter_range));
                return Err(self.wrong(&inner.iter_range, message));
            }
        };
        let accumulator = self.infer(&inner.accu_init, scope)?;
        let scope = scope.with(&inner.iter_var, item).with(&inner.accu_var, accumulator.clone());
        if let Some((guard, kept)) = append_step(inner) {
            let mut scope = scope;
            if let Some(guard) = guard {
                self.truth(guard, &scope)?;
                scope = scope.assuming(implied(guard, true));
            }
            return Ok(Type::List(Box::new(self.infer(kept, &scope)?)));
        }
        self.infer(&inner.loop_step, &scope)?;
        self.infer(&inner.result, &scope)
    }

    fn function<'s>(&self, expr: &IdedExpr, call: &CallExpr, scope: &Scope<'s>) -> Checked<'s> {
        let namespace = call.target.as_ref().and_then(|target| match &target.expr {
            Expr::Ident(name) if scope.variable(name).is_none() => Some(name.as_str()),
            _ => None,
        });
        let name = namespace.map_or(call.func_name.clone(), |space| format!("{space}.{}", call.func_name));
        let receiver = call.target.as_deref().filter(|_| namespace.is_none());
        let overloads: Vec<&Signature> =
            SIGNATURES.iter().filter(|s| s.name == name && s.receiver.is_some() == receiver.is_some()).collect();
        if overloads.is_empty() {
            let style = |s: &&Signature| s.receiver.is_some() == receiver.is_some();
            let help = suggestion(&name, SIGNATURES.iter().filter(style).map(|s| s.name));
            let what = if receiver.is_some() { "method" } else { "function" };
            return Err(Mistake { help, ..self.wrong_name(expr, &call.func_name, format!("unknown {what} `{name}`")) });
        }
        let Some(signature) = overloads.iter().find(|s| s.params.len() == call.args.len()) else {
            let counts: Vec<String> = overloads.iter().map(|s| s.params.len().to_string()).collect();
            let message = format!("`{name}` takes {} arguments, {} given", counts.join(" or "), call.args.len());
            return Err(self.wrong_name(expr, &call.func_name, message));
        };
        let mut same = Type::Any;
        if let (Some(target), Some(param)) = (receiver, signature.receiver) {
            same = self.argument(target, param, scope)?;
        }
        for (argument, param) in call.args.iter().zip(signature.params) {
            self.argument(argument, *param, scope)?;
        }
        Ok(match signature.returns {
            Returns::Bool => Type::Bool,
            Returns::Int => Type::Int,
            Returns::Str => Type::Str(None),
            Returns::Texts => Type::List(Box::new(Type::Str(None))),
            Returns::Same => same,
        })
    }

    fn argument<'s>(&self, expr: &IdedExpr, param: Param, scope: &Scope<'s>) -> Checked<'s> {
        let kind = self.infer(expr, scope)?;
        if matches!(kind, Type::Opt(_)) {
            return Err(self.absent(expr));
        }
        if param == Param::Pattern {
            self.pattern(expr)?;
        }
        let fits = match (param, &kind) {
            (_, Type::Any)
            | (Param::Str | Param::Pattern | Param::Scalar | Param::Sized, Type::Str(_))
            | (Param::Int | Param::Scalar, Type::Int)
            | (Param::Scalar, Type::Float | Type::Bool)
            | (Param::List | Param::Sized, Type::List(_))
            | (Param::Sized, Type::Map(_)) => true,
            (Param::Texts, Type::List(item)) => matches!(**item, Type::Str(_) | Type::Any),
            _ => false,
        };
        let expected = match param {
            Param::Str | Param::Pattern => "a string",
            Param::Int => "an int",
            Param::List => "a list",
            Param::Texts => "a list of strings",
            Param::Sized => "a string, list or map",
            Param::Scalar => "a string, number or bool",
        };
        if fits {
            return Ok(kind);
        }
        Err(self.wrong(expr, format!("expected {expected}, `{}` is {kind:#}", self.show(expr))))
    }

    /// Patterns are written out, so that a bad one is a load error and none can come from the input.
    fn pattern(&self, expr: &IdedExpr) -> Result<(), Mistake> {
        let Expr::Literal(LiteralValue::String(pattern)) = &expr.expr else {
            return Err(self.wrong(expr, "the pattern of matches() must be written out as a string".to_owned()));
        };
        let read = read_pattern(pattern.inner()).map(|_| ());
        read.map_err(|why| self.wrong(expr, format!("not a valid regular expression: {why}")))
    }

    fn absent(&self, expr: &IdedExpr) -> Mistake {
        let shown = self.show(expr);
        let help = match path_of(expr) {
            Some(path) if path.contains('.') => format!("guard it: has({path}) && …"),
            Some(path) => format!("guard it: {path} != null && …"),
            None => "guard the value that may be absent".to_owned(),
        };
        Mistake { help: Some(help), ..self.wrong(expr, format!("`{shown}` may be absent")) }
    }

    fn wrong(&self, expr: &IdedExpr, message: String) -> Mistake {
        Mistake { span: self.span(expr), message, help: None }
    }

    fn wrong_name(&self, expr: &IdedExpr, name: &str, message: String) -> Mistake {
        let end = self.offset(expr).map_or(self.source.len(), |(start, _)| start);
        let head = self.source.get(..end).unwrap_or(self.source);
        let span = head.rfind(name).map_or_else(|| self.span(expr), |at| Span::new(at, at + name.len()));
        Mistake { span, message, help: None }
    }

    /// Byte offsets of a node's own token; the parser counts characters.
    fn offset(&self, expr: &IdedExpr) -> Option<(usize, usize)> {
        let (start, stop) = self.info.offset_for(expr.id)?;
        let byte = |at: u32| -> usize {
            let at = usize::try_from(at).unwrap_or(usize::MAX);
            self.source.char_indices().nth(at).map_or(self.source.len(), |(byte, _)| byte)
        };
        Some((byte(start), byte(stop.saturating_add(1))))
    }

    /// The bytes of a node and everything below it.
    fn span(&self, expr: &IdedExpr) -> Span {
        let own = self.offset(expr).map(|(start, end)| Span::new(start, end));
        let mut span = own;
        if let Expr::Select(select) = &expr.expr {
            span = join(span, Some(self.field_span(expr, select)));
        }
        for child in children(&expr.expr) {
            span = join(span, self.known_span(child));
        }
        span.unwrap_or(Span::new(0, self.source.len()))
    }

    fn known_span(&self, expr: &IdedExpr) -> Option<Span> {
        self.offset(expr).map(|_| self.span(expr))
    }

    /// The bytes of the field name of a select.
    fn field_span(&self, expr: &IdedExpr, select: &SelectExpr) -> Span {
        let from = self.offset(expr).map_or(0, |(start, _)| start);
        let tail = self.source.get(from..).unwrap_or("");
        // The node of has(a.b) is at its parenthesis, so its field is looked for behind the operand.
        let from = if select.test { self.known_span(&select.operand).map_or(from, |s| s.end) } else { from };
        let tail = if select.test { self.source.get(from..).unwrap_or("") } else { tail };
        tail.find(select.field.as_str())
            .map_or(Span::new(from, from), |at| Span::new(from + at, from + at + select.field.len()))
    }

    fn show(&self, expr: &IdedExpr) -> String {
        path_of(expr).unwrap_or_else(|| self.closed(self.span(expr)).to_owned())
    }

    /// The text of a span with the brackets that end behind it: no node of the tree stands on a closing one.
    fn closed(&self, span: Span) -> &str {
        let opened = |text: &str| {
            let depth =
                |open: char, close: char| text.matches(open).count().saturating_sub(text.matches(close).count());
            depth('[', ']') + depth('(', ')')
        };
        let missing = opened(span.text(self.source));
        let tail = self.source.get(span.end..).unwrap_or("");
        let closing = tail.char_indices().take(missing).take_while(|(_, c)| matches!(c, ']' | ')')).count();
        self.source.get(span.start..span.end + closing).unwrap_or("")
    }
}

fn join(a: Option<Span>, b: Option<Span>) -> Option<Span> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.join(b)),
        (a, b) => a.or(b),
    }
}

fn narrowed<'s>(kind: Type<'s>, path: Option<String>, scope: &Scope<'s>) -> Type<'s> {
    match (kind, path) {
        (Type::Opt(inner), Some(path)) if scope.present.contains(&path) => *inner,
        (kind, _) => kind,
    }
}

/// "did you mean" for a name, or the names there are.
pub(super) fn suggestion<'c>(name: &str, known: impl IntoIterator<Item = &'c str>) -> Option<String> {
    const MOST: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    if let Some(near) = nearest(name, known.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    (!known.is_empty() && known.len() <= MOST).then(|| format!("known here: {}", known.join(", ")))
}

fn quoted_list(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ")
}
