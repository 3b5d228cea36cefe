//! A proved CEL expression: parsed, checked, metered, and evaluated without harm to the rest of the run.

use super::check::{Checker, Mistake, Scope};
use super::functions::{self, MAX_STEPS};
use super::text::Text;
use super::tree::{append_step, implied};
use super::values::Variables;
use crate::source::Span;
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, IdedExpr, ListExpr, LiteralValue, operators};
use cel::common::types::CelBool;
use cel::{Context, Env, Program, Value};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::OnceLock;

/// Longest expression, in bytes.
pub const MAX_EXPRESSION: usize = 1024;

/// An expression that is known to be a truth value.
#[derive(Clone, Debug)]
pub struct Expression {
    /// The expression as written.
    pub text: Text,
    tree: OnceLock<Result<IdedExpr, String>>,
    /// Paths that are present where the expression is true.
    pub implied: Vec<String>,
}

impl Expression {
    /// Parses and proves an expression.
    ///
    /// # Errors
    /// The first mistake, with its place in the expression.
    pub fn load(env: &Env, text: &Text, scope: &Scope<'_>) -> Result<Self, Mistake> {
        let program = parse(env, &text.value)?;
        let tree = program.expression();
        let checker = Checker::new(&text.value, program.source_info());
        checker.check_bool(tree, scope)?;
        let implied = implied(tree, true);
        Ok(Self { text: text.clone(), tree: OnceLock::from(Ok(metered(tree))), implied })
    }

    /// An expression that was proved before; it is parsed when it is first needed.
    #[must_use]
    pub fn proved(text: &Text) -> Self {
        Self { text: text.clone(), tree: OnceLock::new(), implied: Vec::new() }
    }

    fn tree(&self, env: &Env) -> Result<&IdedExpr, String> {
        let parse = || parse(env, &self.text.value).map(|program| metered(program.expression())).map_err(|m| m.message);
        self.tree.get_or_init(parse).as_ref().map_err(Clone::clone)
    }

    /// Evaluates the expression on the current thread, which needs the stack of `sandbox`.
    ///
    /// # Errors
    /// What CEL says, that it is no truth value, too many steps, or that the library panicked.
    pub fn holds(&self, env: &Arc<Env>, variables: &Variables<'_>) -> Result<bool, String> {
        let tree = self.tree(env)?;
        functions::reset_steps();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let mut context = Context::with_env(Arc::clone(env));
            context.set_variable_resolver(variables);
            let value = Value::resolve_val(tree, &context).map_err(|error| error.to_string())?;
            let truth = value.downcast_ref::<CelBool>().map(|truth| *truth.inner());
            truth.ok_or_else(|| format!("the expression gave a {} and no bool", value.get_type().name()))
        }));
        if functions::steps() > MAX_STEPS {
            return Err(functions::too_many_steps());
        }
        outcome.unwrap_or_else(|_| Err("the expression library failed (internal error)".to_owned()))
    }
}

/// The type of an expression, for tests and tools.
#[cfg(test)]
fn type_of<'s>(env: &Env, source: &str, scope: &Scope<'s>) -> Result<super::types::Type<'s>, Mistake> {
    let program = parse(env, source)?;
    Checker::new(source, program.source_info()).check(program.expression(), scope)
}

fn parse(env: &Env, source: &str) -> Result<Program, Mistake> {
    let whole = Span::new(0, source.len());
    let mistake = |span, message: String| Mistake { span, message, help: None };
    if source.len() > MAX_EXPRESSION {
        let message = format!("the expression has {} bytes, {MAX_EXPRESSION} are allowed", source.len());
        return Err(mistake(whole, message));
    }
    let parsed = catch_unwind(AssertUnwindSafe(|| env.compile(source)));
    let Ok(parsed) = parsed else {
        return Err(mistake(whole, "the expression cannot be parsed".to_owned()));
    };
    parsed.map_err(|errors| {
        let Some(error) = errors.errors.first() else {
            return mistake(whole, "the expression cannot be parsed".to_owned());
        };
        let message = error.msg.trim_start_matches("Syntax error: ");
        let message = message.split(" expecting {").next().unwrap_or(message);
        mistake(position(source, error.pos), format!("syntax error: {message}"))
    })
}

/// The character at a 1-based line and column as the parser counts them.
fn position(source: &str, (line, column): (isize, isize)) -> Span {
    let lines_before = usize::try_from(line.saturating_sub(1)).unwrap_or(0);
    let start: usize = source.split_inclusive('\n').take(lines_before).map(str::len).sum();
    let rest = source.get(start..).unwrap_or("");
    let skip = usize::try_from(column.saturating_sub(1)).unwrap_or(0);
    let at = rest.char_indices().nth(skip).map_or(rest.len(), |(at, _)| at);
    let width = rest.get(at..).and_then(|tail| tail.chars().next()).map_or(0, char::len_utf8);
    Span::new(start + at, start + at + width)
}

fn node(expr: Expr) -> IdedExpr {
    IdedExpr { id: 0, expr }
}

fn call(name: &str, args: Vec<IdedExpr>) -> IdedExpr {
    node(Expr::Call(CallExpr { func_name: name.to_owned(), target: None, args }))
}

fn weighed(expr: IdedExpr) -> IdedExpr {
    call("@weigh", vec![expr])
}

/// `expr`, counted as one step before it is evaluated.
fn counted(expr: IdedExpr) -> IdedExpr {
    let nothing = node(Expr::Literal(LiteralValue::Null));
    call(operators::CONDITIONAL, vec![call("@tick", Vec::new()), expr, nothing])
}

/// The expression with a meter in every comprehension and wherever text grows, and with `has()` false for `null`.
///
/// Depth was bounded by the checker before.
fn metered(expr: &IdedExpr) -> IdedExpr {
    let expression = match &expr.expr {
        Expr::Select(select) if select.test => {
            let mut plain = select.clone();
            plain.test = false;
            plain.operand = Box::new(metered(&select.operand));
            let null = node(Expr::Literal(LiteralValue::Null));
            return call(operators::NOT_EQUALS, vec![IdedExpr { id: expr.id, expr: Expr::Select(plain) }, null]);
        }
        Expr::Select(select) => {
            let mut select = select.clone();
            select.operand = Box::new(metered(&select.operand));
            Expr::Select(select)
        }
        Expr::Call(inner) => return metered_call(expr.id, inner),
        Expr::List(list) => Expr::List(ListExpr::new(list.elements.iter().map(metered).collect())),
        Expr::Comprehension(inner) => Expr::Comprehension(Box::new(metered_comprehension(inner))),
        other => other.clone(),
    };
    IdedExpr { id: expr.id, expr: expression }
}

fn metered_call(id: u64, inner: &CallExpr) -> IdedExpr {
    let args: Vec<IdedExpr> = inner.args.iter().map(metered).collect();
    let target = inner.target.as_deref().map(metered);
    let method = |target, args, name: &str| {
        let call = CallExpr { func_name: name.to_owned(), target: Some(Box::new(target)), args };
        IdedExpr { id, expr: Expr::Call(call) }
    };
    match (inner.func_name.as_str(), target) {
        // Our own, which charge before they work: the library's build everything first, and read a pattern anew each time.
        (name @ ("join" | "split" | "matches"), Some(target)) => {
            call(&format!("@{name}"), std::iter::once(target).chain(args).collect())
        }
        (name, Some(target)) => method(target, args, name),
        (operators::ADD, None) => weighed(IdedExpr { id, ..call(operators::ADD, args) }),
        (name, None) => IdedExpr { id, ..call(name, args) },
    }
}

fn metered_comprehension(inner: &ComprehensionExpr) -> ComprehensionExpr {
    let mut outer = inner.clone();
    outer.iter_range = metered(&inner.iter_range);
    outer.loop_step =
        if append_step(inner).is_some() { metered_append(&inner.loop_step) } else { metered_step(&inner.loop_step) };
    outer
}

/// `@result + [e]` or `guard ? @result + [e] : @result`; the shape stays, since the library appends in place for it.
fn metered_append(step: &IdedExpr) -> IdedExpr {
    let mut step = step.clone();
    if let Expr::Call(outer) = &mut step.expr {
        match (outer.func_name.as_str(), outer.args.as_mut_slice()) {
            (operators::CONDITIONAL, [guard, append, _]) => {
                *guard = counted(metered(guard));
                *append = metered_append(append);
            }
            (_, [_, IdedExpr { expr: Expr::List(list), .. }]) => {
                for element in &mut list.elements {
                    *element = weighed(counted(metered(element)));
                }
            }
            _ => {}
        }
    }
    step
}

/// The step of `exists`, `all` and `exists_one`: the user's part is the last operand, or the condition.
fn metered_step(step: &IdedExpr) -> IdedExpr {
    let mut step = step.clone();
    if let Expr::Call(outer) = &mut step.expr {
        let user = match outer.func_name.as_str() {
            operators::CONDITIONAL => outer.args.first_mut(),
            _ => outer.args.last_mut(),
        };
        if let Some(user) = user {
            *user = counted(metered(user));
        }
    }
    step
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analysis::view::to_view;
    use crate::lint::types::Type;
    use crate::lint::values::to_cel;
    use serde_json::{Value as Json, json};

    fn schema() -> Json {
        let text = json!({"type": "string"});
        json!({"type": "object", "required": ["name", "port", "hops", "words", "mode", "ratio"], "properties": {
            "name": text, "port": {"type": "integer"}, "ratio": {"type": "number"},
            "mode": {"enum": ["udp", "tcp"]},
            "maybe": {"anyOf": [{"type": "object", "required": ["deep"], "properties": {"deep": text}}, {"type": "null"}]},
            "words": {"type": "array", "items": text},
            "hops": {"type": "array", "items": {"type": "object", "required": ["address"], "properties": {
                "address": text, "zone": {"type": ["string", "null"]}}}},
            "by_key": {"type": "object", "additionalProperties": text},
        }})
    }

    fn check(source: &str) -> Result<String, String> {
        let schema = schema();
        let scope = Scope::default().with("subject", Type::of_root(&schema));
        let env = functions::environment().unwrap();
        type_of(&env, source, &scope).map(|kind| kind.to_string()).map_err(|mistake| {
            let help = mistake.help.map(|help| format!(" ({help})")).unwrap_or_default();
            format!("{} @ {}{help}", mistake.message, mistake.span.text(source))
        })
    }

    #[test]
    fn types() {
        for (source, kind) in [
            ("subject.port > 53 && subject.name.startsWith('a')", "bool"),
            ("subject.words", "list of string"),
            ("subject.hops.filter(h, h.address.isLoopback()).map(h, h.address)", "list of string"),
            ("subject.hops.exists(h, has(h.zone) && h.zone.endsWith('.'))", "bool"),
            ("subject.hops.filter(h, has(h.zone)).size()", "int"),
            ("subject.hops.map(h, has(h.zone), h.zone)", "list of string"),
            ("subject.hops.exists_one(h, h.address == 'x')", "bool"),
            ("has(subject.maybe) && subject.maybe.deep != ''", "bool"),
            ("!has(subject.maybe) || subject.maybe.deep != ''", "bool"),
            ("subject.maybe != null && subject.maybe.deep == 'x'", "bool"),
            ("has(subject.maybe) ? subject.maybe.deep : 'none'", "string"),
            ("subject.mode in ['udp', 'tcp']", "bool"),
            ("subject.hops[0].zone == 'x' && subject.hops[0].address.isIP()", "!"),
            ("subject.words[0].size() + 1", "int"),
            ("sets.intersects(subject.words, ['a'])", "bool"),
            ("isIP(subject.name) && ip(subject.name).family() == 4", "bool"),
            ("cidr('10.0.0.0/8').containsIP(subject.name)", "bool"),
            ("'k' in subject.by_key || subject.ratio < 2", "!"),
        ] {
            let got = check(source);
            if kind != "!" {
                assert_eq!(got.as_deref(), Ok(kind), "{source}");
            }
        }
    }

    #[test]
    fn mistakes_and_their_places() {
        let cases = [
            ("subject.prot > 1", "`subject` has no field `prot` @ prot (did you mean `port`?)"),
            ("subject.hops.exists(h, h.adress == '')", "`h` has no field `adress` @ adress (did you mean `address`?)"),
            ("subject.port.x", "`subject.port` is an int and has no fields @ x"),
            ("subject.words[9].x == ''", "`subject.words[9]` is a string and has no fields @ x"),
            (
                "subject.words.map(w, w.size())[(1)].x == ''",
                "`subject.words.map(w, w.size())[(1)]` is an int and has no fields @ x",
            ),
            ("subjekt.port", "unknown variable `subjekt` @ subjekt (did you mean `subject`?)"),
            ("subject.name.startwith('a')", "unknown method `startwith` @ startwith (did you mean `startsWith`?)"),
            (
                "lookup(subject.name)",
                "unknown function `lookup` @ lookup (known here: size, string, ip, isIP, cidr, isCIDR, sets.contains, sets.intersects, sets.equivalent)",
            ),
            ("subject.port == '53'", "`subject.port` is an int and is never equal to a string @ subject.port == '53'"),
            ("subject.name == null", "`subject.name` is never null @ subject.name == null"),
            ("subject.mode == 'upd'", "\"upd\" is none of the values \"udp\", \"tcp\" @ 'upd' (did you mean `udp`?)"),
            (
                "subject.mode in ['sctp']",
                "\"sctp\" is none of the values \"udp\", \"tcp\" @ 'sctp' (known here: udp, tcp)",
            ),
            (
                "subject.maybe.deep == ''",
                "`subject.maybe` may be absent @ subject.maybe (guard it: has(subject.maybe) && …)",
            ),
            (
                "subject.hops.exists(h, h.zone.size() > 0)",
                "`h.zone` may be absent @ h.zone (guard it: has(h.zone) && …)",
            ),
            ("subject.name > 3", "cannot order a string and an int @ subject.name > 3"),
            ("subject.port + 'x'", "cannot add a string to an int @ subject.port + 'x'"),
            ("subject.name && true", "expected a bool, `subject.name` is a string @ subject.name"),
            ("subject.name.matches('[')", "not a valid regular expression: unclosed character class @ '['"),
            (
                "subject.name.matches(subject.name)",
                "the pattern of matches() must be written out as a string @ subject.name",
            ),
            ("subject.name.contains(1)", "expected a string, `1` is an int @ 1"),
            ("subject.name.contains()", "`contains` takes 1 arguments, 0 given @ contains"),
            (
                "subject.port in subject.words",
                "`subject.port` is an int and is never in a list of string @ subject.port in subject.words",
            ),
            ("subject.name.exists(x, true)", "expected a list, `subject.name` is a string @ subject.name"),
            ("[] == subject.words", "write the list of the view on the left side @ [] == subject.words"),
            ("{'a': 1}.size() == 1", "maps and structs cannot be built in a rule @ {'a': 1"),
            ("subject.port == 3u", "write the number without `u` @ 3u"),
            ("subject.ratio + 1", "CEL does not mix int and double in arithmetic @ subject.ratio + 1"),
            (
                "subject.words.all(a, subject.words.all(b, subject.words.all(c, a == c)))",
                "comprehensions may be nested 2 deep, this is a further level",
            ),
            ("'ä' == subject.name && subject.prot == 1", "`subject` has no field `prot` @ prot (did you mean `port`?)"),
            ("subject.port >", "syntax error: mismatched input '<EOF>' @ "),
            ("subject.port = 1", "syntax error: token recognition error at: '= ' @ ="),
        ];
        let mut wrong = Vec::new();
        for (source, want) in cases {
            let got = check(source).expect_err(source);
            if got != want && !got.starts_with(&format!("{want} @")) {
                wrong.push(format!("{source}\n  want {want}\n  got  {got}"));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn holds(source: &str, value: &Json) -> Result<bool, String> {
        let schema = schema();
        let scope = Scope::default().with("subject", Type::of_root(&schema));
        let env = Arc::new(functions::environment().unwrap());
        let text = Text { value: source.to_owned(), span: Span::default() };
        let expression = Expression::load(&env, &text, &scope).map_err(|m| m.message)?;
        let subject = to_cel(&to_view(value).unwrap());
        expression.holds(&env, &Variables(vec![("subject", &*subject)]))
    }

    #[test]
    fn evaluation() {
        let value = json!({"name": "fe80::1%eth0", "port": 53, "ratio": 0.5, "mode": "udp", "maybe": null,
            "words": ["a", "b", "b"], "hops": [{"address": "127.0.0.1", "zone": null}, {"address": "10.0.0.1", "zone": "x"}]});
        for (source, want) in [
            ("has(subject.maybe)", false),
            ("has(subject.maybe) && subject.maybe.deep == 'x'", false),
            ("subject.maybe == null", true),
            ("has(subject.by_key)", false),
            ("subject.hops.exists(h, h.address.isLoopback())", true),
            ("subject.hops.all(h, h.address.isLoopback())", false),
            ("subject.hops.exists_one(h, has(h.zone))", true),
            ("subject.hops.filter(h, has(h.zone)).map(h, h.address) == ['10.0.0.1']", true),
            ("subject.hops.map(h, has(h.zone), h.address + '!').join(',') == '10.0.0.1!'", true),
            ("subject.words == ['a', 'b', 'b'] && subject.words.distinct().size() == 2", true),
            ("subject.words.slice(1, 3) == ['b', 'b']", true),
            ("'b' in subject.words && !('z' in subject.words)", true),
            ("subject.name.isLinkLocalUnicast() && !isIP(subject.name)", true),
            ("'::ffff:127.0.0.1'.isLoopback() && 'x'.isLoopback() == false && '10.1.1.1'.isPrivate()", true),
            ("cidr('10.0.0.0/8').containsIP('10.1.1.1') && cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", true),
            ("ip('10.0.0.1').family() == 4 && '::1'.family() == 6 && cidr('fd00::/8').prefixLength() == 8", true),
            ("'8.8.8.8'.isGlobalUnicast() && !'224.0.0.1'.isGlobalUnicast()", true),
            ("sets.contains(subject.words, ['a']) && sets.equivalent(subject.words, ['b', 'a'])", true),
            ("subject.name.matches('^fe[89ab]') && subject.name.split('%')[1] == 'eth0'", true),
            (
                "subject.name.indexOf('%') == 7 && subject.name.substring(0, 4) == 'fe80' && 'A'.lowerAscii() == 'a'",
                true,
            ),
            ("string(subject.port) == '53' && size(subject.words) == 3 && subject.ratio < 1", true),
        ] {
            assert_eq!(holds(source, &value), Ok(want), "{source}");
        }
        assert!(holds("ip(subject.mode) == ''", &value).unwrap_err().contains("no IP address"));
        assert!(holds("subject.words[9] == ''", &value).is_err());
    }

    #[test]
    fn hostile_expressions_end() {
        let words: Vec<String> = (0..3000).map(|n| format!("{n:0>200}")).collect();
        let value =
            json!({"name": "x".repeat(1 << 20), "port": 1, "ratio": 0.5, "mode": "udp", "words": words, "hops": []});
        let doubling = format!("['aaaaaaaa']{}.size() == 1", ".map(a, a + a)".repeat(60));
        for source in [
            "subject.words.exists(a, subject.words.exists(b, a == b + 'x'))",
            "subject.words.all(a, subject.words.map(b, a + b + a + b).size() > 0)",
            "subject.words.map(a, subject.words.map(b, a)).size() > 3",
            "subject.words.map(a, subject.name).size() == 1",
            "subject.words.map(a, subject.words.join(subject.name)).size() == 1",
            "subject.words.exists(a, subject.name.split('').size() == 1)",
            "subject.words.exists(a, subject.name.matches('(x+x+)+y'))",
            r"subject.words.exists(a, subject.name.matches('(\\pL{20}){20}y'))",
            r"subject.words.all(a, subject.words.all(b, !b.matches('(\\pL{20}){20}y')))",
            "subject.words.all(a, subject.words.all(b, b.split(',').size() > 0))",
            doubling.as_str(),
        ] {
            let outcome = holds(source, &value);
            assert!(
                outcome.as_ref().is_err_and(|e| ["steps", "nested", "compiled"].iter().any(|word| e.contains(word))),
                "{source}: {outcome:?}"
            );
        }
        for source in [
            "(".repeat(1000),
            "[".repeat(1000),
            "-".repeat(1000),
            "!".repeat(1000),
            "a.".repeat(500),
            "1".to_owned() + &"+1".repeat(500),
            "x".repeat(5000),
            "a[".repeat(400),
            "a?b:".repeat(200),
            "\u{0}\u{1}\"'".to_owned(),
            String::new(),
        ] {
            assert!(holds(&source, &value).is_err(), "{source}");
        }
    }
}
