//! The syntax tree of rule expressions: its parts, its paths, and what a condition proves.

use cel::common::ast::{ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};

/// Paths that are known to be present where the expression has the given truth value.
#[must_use]
pub fn implied(expr: &IdedExpr, truth: bool) -> Vec<String> {
    let Expr::Call(call) = &expr.expr else {
        return match &expr.expr {
            Expr::Select(select) if select.test && truth => path_of_select(select).into_iter().collect(),
            _ => Vec::new(),
        };
    };
    let both = |truth: bool| call.args.iter().flat_map(|arg| implied(arg, truth)).collect();
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_NOT, [inner]) => implied(inner, !truth),
        (operators::LOGICAL_AND, _) if truth => both(true),
        (operators::LOGICAL_OR, _) if !truth => both(false),
        (operators::EQUALS, [a, b]) => compared(a, b, truth),
        (operators::NOT_EQUALS, [a, b]) => compared(a, b, !truth),
        _ => Vec::new(),
    }
}

/// `a == null` proves presence where it is false, `a == "x"` where it is true.
fn compared(a: &IdedExpr, b: &IdedExpr, equal: bool) -> Vec<String> {
    let literal = |expr: &IdedExpr| match &expr.expr {
        Expr::Literal(LiteralValue::Null) => Some(true),
        Expr::Literal(_) => Some(false),
        _ => None,
    };
    let (path, null) = match (literal(a), literal(b)) {
        (None, Some(null)) => (path_of(a), null),
        (Some(null), None) => (path_of(b), null),
        _ => return Vec::new(),
    };
    path.filter(|_| null != equal).into_iter().collect()
}

/// `subject.a.b` for a chain of fields from a variable.
#[must_use]
pub fn path_of(expr: &IdedExpr) -> Option<String> {
    match &expr.expr {
        Expr::Ident(name) => Some(name.clone()),
        Expr::Select(select) if !select.test => path_of_select(select),
        _ => None,
    }
}

/// The same for a select, whether it is a field or `has()` of it.
#[must_use]
pub fn path_of_select(select: &SelectExpr) -> Option<String> {
    path_of(&select.operand).map(|operand| format!("{operand}.{}", select.field))
}

/// The guard and the kept element of `map` and `filter`, whose step appends to the result.
#[must_use]
pub fn append_step(inner: &ComprehensionExpr) -> Option<(Option<&IdedExpr>, &IdedExpr)> {
    let kept = |expr: &IdedExpr| matches!(&expr.expr, Expr::Call(call) if call.func_name == operators::ADD);
    if !matches!(&inner.accu_init.expr, Expr::List(list) if list.elements.is_empty()) {
        return None;
    }
    match &inner.loop_step.expr {
        Expr::Call(call) if call.func_name == operators::CONDITIONAL => match call.args.as_slice() {
            [guard, step, _] if kept(step) => Some((Some(guard), appended(step)?)),
            _ => None,
        },
        _ if kept(&inner.loop_step) => Some((None, appended(&inner.loop_step)?)),
        _ => None,
    }
}

fn appended(step: &IdedExpr) -> Option<&IdedExpr> {
    let Expr::Call(call) = &step.expr else { return None };
    match &call.args.last()?.expr {
        Expr::List(list) => list.elements.first(),
        _ => None,
    }
}

/// The direct parts of a node.
#[must_use]
pub fn children(expr: &Expr) -> Vec<&IdedExpr> {
    match expr {
        Expr::Call(call) => call.target.as_deref().into_iter().chain(&call.args).collect(),
        Expr::Select(select) => vec![&select.operand],
        Expr::List(list) => list.elements.iter().collect(),
        Expr::Comprehension(inner) => vec![&inner.iter_range, &inner.loop_step],
        Expr::Map(map) => map
            .entries
            .iter()
            .flat_map(|entry| match &entry.expr {
                EntryExpr::MapEntry(entry) => vec![&entry.key, &entry.value],
                EntryExpr::StructField(field) => vec![&field.value],
            })
            .collect(),
        _ => Vec::new(),
    }
}
