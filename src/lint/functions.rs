//! The functions of rule expressions: their signatures for the checker and their implementations for CEL.
//!
//! The set is closed: what is not listed here is refused when a rule is loaded, whatever the library offers. String and
//! list functions are those of CEL's extensions, `ip()`, `cidr()` and their methods those of Kubernetes; the latter take
//! plain strings too and are then false for text that is no address, so that a rule cannot fail on odd input.

use cel::common::traits::Iterable;
use cel::common::types::{CelBool, CelInt, CelList, CelMap, CelString, DYN_TYPE, LIST_TYPE, STRING_TYPE};
use cel::common::value::{CowVal, Val};
use cel::{DeclarationError, Env, ExecutionError};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Steps that the evaluation of one expression may take; a step is one turn of a comprehension or 32 bytes of new text.
pub const MAX_STEPS: u64 = 200_000;

/// What a parameter of a function accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Param {
    /// Text.
    Str,
    /// Text that is written out in the rule, checked to be a regular expression.
    Pattern,
    /// A whole number.
    Int,
    /// A list of anything.
    List,
    /// A list of texts.
    Texts,
    /// Text, a list or a map.
    Sized,
    /// A number, truth value or text.
    Scalar,
}

/// What a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returns {
    /// A truth value.
    Bool,
    /// A whole number.
    Int,
    /// Text.
    Str,
    /// A list of texts.
    Texts,
    /// A list like the receiver.
    Same,
}

/// One overload of a function.
#[derive(Clone, Copy, Debug)]
pub struct Signature {
    /// The name as written, with its namespace (`sets.contains`).
    pub name: &'static str,
    /// The receiver of a method.
    pub receiver: Option<Param>,
    /// The arguments.
    pub params: &'static [Param],
    /// The result.
    pub returns: Returns,
}

const fn global(name: &'static str, params: &'static [Param], returns: Returns) -> Signature {
    Signature { name, receiver: None, params, returns }
}

const fn method(name: &'static str, receiver: Param, params: &'static [Param], returns: Returns) -> Signature {
    Signature { name, receiver: Some(receiver), params, returns }
}

/// Every function that a rule may call.
pub const SIGNATURES: &[Signature] = {
    use Param::{Int, List, Pattern, Scalar, Sized, Str, Texts};
    &[
        global("size", &[Sized], Returns::Int),
        global("string", &[Scalar], Returns::Str),
        global("ip", &[Str], Returns::Str),
        global("isIP", &[Str], Returns::Bool),
        global("cidr", &[Str], Returns::Str),
        global("isCIDR", &[Str], Returns::Bool),
        global("sets.contains", &[List, List], Returns::Bool),
        global("sets.intersects", &[List, List], Returns::Bool),
        global("sets.equivalent", &[List, List], Returns::Bool),
        method("size", Sized, &[], Returns::Int),
        method("contains", Str, &[Str], Returns::Bool),
        method("startsWith", Str, &[Str], Returns::Bool),
        method("endsWith", Str, &[Str], Returns::Bool),
        method("matches", Str, &[Pattern], Returns::Bool),
        method("lowerAscii", Str, &[], Returns::Str),
        method("upperAscii", Str, &[], Returns::Str),
        method("trim", Str, &[], Returns::Str),
        method("charAt", Str, &[Int], Returns::Str),
        method("indexOf", Str, &[Str], Returns::Int),
        method("lastIndexOf", Str, &[Str], Returns::Int),
        method("substring", Str, &[Int], Returns::Str),
        method("substring", Str, &[Int, Int], Returns::Str),
        method("split", Str, &[Str], Returns::Texts),
        method("join", Texts, &[Str], Returns::Str),
        method("distinct", List, &[], Returns::Same),
        method("slice", List, &[Int, Int], Returns::Same),
        method("family", Str, &[], Returns::Int),
        method("isLoopback", Str, &[], Returns::Bool),
        method("isUnspecified", Str, &[], Returns::Bool),
        method("isPrivate", Str, &[], Returns::Bool),
        method("isLinkLocalUnicast", Str, &[], Returns::Bool),
        method("isGlobalUnicast", Str, &[], Returns::Bool),
        method("containsIP", Str, &[Str], Returns::Bool),
        method("containsCIDR", Str, &[Str], Returns::Bool),
        method("prefixLength", Str, &[], Returns::Int),
    ]
};

/// Steps that one rule may take over all subjects of a run.
pub const MAX_RULE_STEPS: u64 = 20_000_000;

/// Largest compiled pattern of `matches()`, in bytes.
const MAX_PATTERN_BYTES: usize = 256 * 1024;
/// Deepest nesting of a pattern.
const MAX_PATTERN_DEPTH: u32 = 32;

/// Steps that the rules of users may take together in a run; those of dnslint are known to be modest.
pub const MAX_USER_STEPS: u64 = 5_000_000;

thread_local! {
    /// Patterns of the rules, which are written out in them: a run has few.
    static PATTERNS: RefCell<BTreeMap<String, regex::Regex>> = const { RefCell::new(BTreeMap::new()) };
    static STEPS: Cell<u64> = const { Cell::new(0) };
    static RULE_STEPS: Cell<u64> = const { Cell::new(0) };
}

/// Starts counting the steps of a rule anew.
pub fn reset_rule_steps() {
    RULE_STEPS.with(|steps| steps.set(0));
}

/// Steps taken since [`reset_rule_steps`].
#[must_use]
pub fn rule_steps() -> u64 {
    RULE_STEPS.with(Cell::get)
}

/// Whether the rule took more than [`MAX_RULE_STEPS`] since [`reset_rule_steps`] on this thread.
#[must_use]
pub fn rule_is_exhausted() -> bool {
    RULE_STEPS.with(Cell::get) > MAX_RULE_STEPS
}

/// Starts counting the steps of an evaluation anew.
pub fn reset_steps() {
    STEPS.with(|steps| steps.set(0));
}

/// Steps taken since [`reset_steps`] on this thread.
#[must_use]
pub fn steps() -> u64 {
    STEPS.with(Cell::get)
}

/// The message of an expression that took too many steps.
#[must_use]
pub fn too_many_steps() -> String {
    format!("the expression took more than {MAX_STEPS} steps on this input")
}

fn charge(cost: u64) -> Result<(), ExecutionError> {
    let taken = STEPS.with(|steps| {
        let taken = steps.get().saturating_add(cost);
        steps.set(taken);
        taken
    });
    RULE_STEPS.with(|steps| steps.set(steps.get().saturating_add(cost)));
    if taken > MAX_STEPS { Err(ExecutionError::InternalError(too_many_steps())) } else { Ok(()) }
}

type Args<'b, 'v> = Vec<CowVal<'b, 'v>>;
type Answer<'b, 'v> = Result<CowVal<'b, 'v>, ExecutionError>;

fn tick<'b, 'v>(_: Args<'b, 'v>) -> Answer<'b, 'v> {
    charge(1)?;
    Ok(CowVal::owned(CelBool::from(true)))
}

/// Charges for the size of a value that is about to be kept.
fn weigh<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let value = first(args)?;
    charge(weight(value.as_ref(), 0))?;
    Ok(value)
}

fn weight(value: &dyn Val, depth: usize) -> u64 {
    const DEEPEST: usize = 8;
    if let Some(text) = value.downcast_ref::<CelString<'_>>() {
        return 1 + u64::try_from(text.inner().len() / 32).unwrap_or(u64::MAX);
    }
    // Lists that an expression builds are copied by the library; those of a view are shared.
    let built = value.downcast_ref::<CelList<'_>>().is_some() || value.downcast_ref::<CelMap<'_>>().is_some();
    let Some(items) = value.as_iterable().filter(|_| built && depth < DEEPEST) else { return 1 };
    let mut items = items.iter();
    let mut total: u64 = 1;
    while let Some(item) = items.next() {
        total = total.saturating_add(weight(item, depth + 1));
        if total > MAX_STEPS {
            break;
        }
    }
    total
}

fn first<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let count = args.len();
    args.into_iter().next().ok_or_else(|| ExecutionError::invalid_argument_count(1, count))
}

fn failed(function: &str, message: String) -> ExecutionError {
    ExecutionError::FunctionError { function: function.to_owned(), message }
}

/// An address without its zone; an IPv4-mapped one as IPv4, since that is what is dialled.
fn address(text: &str) -> Option<IpAddr> {
    let bare = text.split_once('%').map_or(text, |(address, _)| address);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn network(text: &str) -> Option<ipnet::IpNet> {
    text.parse().ok()
}

fn is_address(text: &CelString<'_>, test: impl Fn(IpAddr) -> bool) -> CelBool {
    CelBool::from(address(text.inner()).is_some_and(test))
}

fn ip(text: &CelString<'_>) -> Result<CelString<'static>, ExecutionError> {
    let parsed = text.inner().parse::<IpAddr>();
    parsed.map(|ip| ip.to_string().into()).map_err(|_| failed("ip", format!("{:?} is no IP address", text.inner())))
}

fn is_ip(text: &CelString<'_>) -> CelBool {
    CelBool::from(text.inner().parse::<IpAddr>().is_ok())
}

fn cidr(text: &CelString<'_>) -> Result<CelString<'static>, ExecutionError> {
    let parsed = network(text.inner());
    parsed.map(|net| net.to_string().into()).ok_or_else(|| failed("cidr", format!("{:?} is no CIDR", text.inner())))
}

fn is_cidr(text: &CelString<'_>) -> CelBool {
    CelBool::from(network(text.inner()).is_some())
}

fn family(text: &CelString<'_>) -> CelInt {
    CelInt::from(match address(text.inner()) {
        Some(IpAddr::V4(_)) => 4,
        Some(IpAddr::V6(_)) => 6,
        None => 0,
    })
}

fn is_loopback(text: &CelString<'_>) -> CelBool {
    is_address(text, |ip| ip.is_loopback())
}

fn is_unspecified(text: &CelString<'_>) -> CelBool {
    is_address(text, |ip| ip.is_unspecified())
}

/// RFC 1918 and RFC 4193 addresses.
fn is_private(text: &CelString<'_>) -> CelBool {
    is_address(text, |ip| match ip {
        IpAddr::V4(ip) => ip.is_private(),
        IpAddr::V6(ip) => ip.is_unique_local(),
    })
}

fn is_link_local(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_link_local_unicast(text: &CelString<'_>) -> CelBool {
    is_address(text, is_link_local)
}

/// As Go's `netip.Addr.IsGlobalUnicast`: private addresses are global unicast too.
fn is_global_unicast(text: &CelString<'_>) -> CelBool {
    is_address(text, |ip| {
        let broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
        !(ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || is_link_local(ip) || broadcast)
    })
}

fn contains_ip(net: &CelString<'_>, text: &CelString<'_>) -> CelBool {
    let (net, ip) = (network(net.inner()), address(text.inner()));
    CelBool::from(net.zip(ip).is_some_and(|(net, ip)| net.contains(&ip)))
}

fn contains_cidr(net: &CelString<'_>, inner: &CelString<'_>) -> CelBool {
    let (net, inner) = (network(net.inner()), network(inner.inner()));
    CelBool::from(net.zip(inner).is_some_and(|(net, inner)| net.contains(&inner)))
}

fn prefix_length(net: &CelString<'_>) -> CelInt {
    CelInt::from(network(net.inner()).map_or(0, |net| i64::from(net.prefix_len())))
}

fn iterable<'b, 'v>(list: &'b (dyn Val + 'v)) -> Result<&'b (dyn Iterable + 'v), ExecutionError> {
    list.as_iterable()
        .ok_or_else(|| ExecutionError::UnexpectedType { got: list.get_type().name().to_owned(), want: "list".into() })
}

fn holds_all(whole: &dyn Val, part: &dyn Val) -> Result<bool, ExecutionError> {
    let mut items = iterable(part)?.iter();
    while let Some(item) = items.next() {
        if !holds(whole, item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn holds(list: &dyn Val, wanted: &dyn Val) -> Result<bool, ExecutionError> {
    let mut items = iterable(list)?.iter();
    while let Some(item) = items.next() {
        charge(1)?;
        if item.equals(wanted) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn pair<'b, 'v>(args: Args<'b, 'v>) -> Result<(CowVal<'b, 'v>, CowVal<'b, 'v>), ExecutionError> {
    let count = args.len();
    let mut args = args.into_iter();
    args.next().zip(args.next()).ok_or_else(|| ExecutionError::invalid_argument_count(2, count))
}

fn sets_contains<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (whole, part) = pair(args)?;
    Ok(CowVal::owned(CelBool::from(holds_all(whole.as_ref(), part.as_ref())?)))
}

fn sets_intersects<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (a, b) = pair(args)?;
    let mut items = iterable(b.as_ref())?.iter();
    while let Some(item) = items.next() {
        if holds(a.as_ref(), item)? {
            return Ok(CowVal::owned(CelBool::from(true)));
        }
    }
    Ok(CowVal::owned(CelBool::from(false)))
}

fn sets_equivalent<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (a, b) = pair(args)?;
    let same = holds_all(a.as_ref(), b.as_ref())? && holds_all(b.as_ref(), a.as_ref())?;
    Ok(CowVal::owned(CelBool::from(same)))
}

/// `list.join(separator)`, charged before the text is built.
fn join<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (list, separator) = pair(args)?;
    let separator = text_of(separator.as_ref())?.to_owned();
    let mut joined = String::new();
    let mut items = iterable(list.as_ref())?.iter();
    let mut is_first = true;
    while let Some(item) = items.next() {
        let item = text_of(item)?;
        charge(1 + u64::try_from((item.len() + separator.len()) / 32).unwrap_or(u64::MAX))?;
        if !std::mem::take(&mut is_first) {
            joined.push_str(&separator);
        }
        joined.push_str(item);
    }
    Ok(CowVal::owned(CelString::from(joined)))
}

/// `text.split(separator)`, charged for each part; an empty separator splits between characters.
fn split<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (text, separator) = pair(args)?;
    let (text, separator) = (text_of(text.as_ref())?, text_of(separator.as_ref())?);
    charge(1 + u64::try_from(text.len() / 32).unwrap_or(u64::MAX))?;
    let mut parts: Vec<Box<dyn Val>> = Vec::new();
    let mut keep = |part: &str| {
        charge(1)?;
        parts.push(Box::new(CelString::from(part.to_owned())));
        Ok::<(), ExecutionError>(())
    };
    if separator.is_empty() {
        let mut bytes = [0; 4];
        text.chars().try_for_each(|c| keep(c.encode_utf8(&mut bytes)))?;
    } else {
        text.split(separator).try_for_each(keep)?;
    }
    Ok(CowVal::owned(CelList::from(parts)))
}

/// `text.matches(pattern)`, charged for the text; patterns are read once a thread.
fn matches<'b, 'v>(args: Args<'b, 'v>) -> Answer<'b, 'v> {
    let (text, pattern) = pair(args)?;
    let (text, pattern) = (text_of(text.as_ref())?, text_of(pattern.as_ref())?);
    charge(1 + u64::try_from(text.len() / 32).unwrap_or(u64::MAX))?;
    let found = PATTERNS.with(|patterns| {
        let mut patterns = patterns.borrow_mut();
        if !patterns.contains_key(pattern) {
            patterns.insert(pattern.to_owned(), read_pattern(pattern).map_err(|why| failed("matches", why))?);
        }
        Ok::<bool, ExecutionError>(patterns.get(pattern).is_some_and(|read| read.is_match(text)))
    })?;
    Ok(CowVal::owned(CelBool::from(found)))
}

/// Reads the pattern of `matches()`: linear in the text, and no bigger than [`MAX_PATTERN_BYTES`] when compiled.
///
/// # Errors
/// Why it is none.
pub fn read_pattern(pattern: &str) -> Result<regex::Regex, String> {
    let mut builder = regex::RegexBuilder::new(pattern);
    builder.size_limit(MAX_PATTERN_BYTES).dfa_size_limit(MAX_PATTERN_BYTES).nest_limit(MAX_PATTERN_DEPTH);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(limit) => format!("it takes more than {limit} bytes when it is compiled"),
        other => {
            let text = other.to_string();
            let last = text.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("").trim();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

fn text_of(value: &dyn Val) -> Result<&str, ExecutionError> {
    value.downcast_ref::<CelString<'_>>().map(CelString::inner).ok_or_else(|| ExecutionError::UnexpectedType {
        got: value.get_type().name().to_owned(),
        want: "string".to_owned(),
    })
}

/// The environment that rules are evaluated in.
///
/// # Errors
/// A function that is declared twice (a mistake in this file, caught by its tests).
pub fn environment() -> Result<Env, DeclarationError> {
    let mut env = Env::stdlib();
    env.add_extension(cel::extensions::strings)?;
    env.add_extension(cel::extensions::lists)?;
    env.add_overload("@tick", "@tick()", vec![], tick)?;
    env.add_overload("@weigh", "@weigh(dyn)", vec![DYN_TYPE], weigh)?;
    env.add_overload("@join", "@join(list,string)", vec![LIST_TYPE, STRING_TYPE], join)?;
    env.add_overload("@split", "@split(string,string)", vec![STRING_TYPE, STRING_TYPE], split)?;
    env.add_overload("@matches", "@matches(string,string)", vec![STRING_TYPE, STRING_TYPE], matches)?;
    env.add_overload("sets.contains", "sets.contains(l,l)", vec![LIST_TYPE, LIST_TYPE], sets_contains)?;
    env.add_overload("sets.intersects", "sets.intersects(l,l)", vec![LIST_TYPE, LIST_TYPE], sets_intersects)?;
    env.add_overload("sets.equivalent", "sets.equivalent(l,l)", vec![LIST_TYPE, LIST_TYPE], sets_equivalent)?;
    cel::add_overload!(env, fn ip: (CelString<'_>) -> Result<CelString<'static>>)?;
    cel::add_overload!(env, fn is_ip: (CelString<'_>) -> CelBool, name = "isIP")?;
    cel::add_overload!(env, fn cidr: (CelString<'_>) -> Result<CelString<'static>>)?;
    cel::add_overload!(env, fn is_cidr: (CelString<'_>) -> CelBool, name = "isCIDR")?;
    cel::add_member_overload!(env, fn family: (CelString<'_>) -> CelInt)?;
    cel::add_member_overload!(env, fn is_loopback: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn is_unspecified: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn is_private: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn is_link_local_unicast: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn is_global_unicast: (CelString<'_>) -> CelBool)?;
    cel::add_member_overload!(env, fn contains_ip: (CelString<'_>, CelString<'_>) -> CelBool, name = "containsIP")?;
    cel::add_member_overload!(env, fn contains_cidr: (CelString<'_>, CelString<'_>) -> CelBool, name = "containsCIDR")?;
    cel::add_member_overload!(env, fn prefix_length: (CelString<'_>) -> CelInt)?;
    Ok(env)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_has_an_implementation() {
        let env = std::sync::Arc::new(environment().unwrap());
        let context = cel::Context::with_env(std::sync::Arc::clone(&env));
        for signature in SIGNATURES {
            let sample = |param: &Param| match param {
                Param::Int => "1",
                Param::List | Param::Texts => "['a']",
                _ => "'10.0.0.0/8'",
            };
            let sample = |param| if signature.name == "ip" { "'::1'" } else { sample(param) };
            let name = signature.name;
            let arguments: Vec<&str> = signature.params.iter().map(sample).collect();
            let source = match &signature.receiver {
                Some(receiver) => format!("{}.{name}({})", sample(receiver), arguments.join(", ")),
                None => format!("{name}({})", arguments.join(", ")),
            };
            let program = env.compile(&source).unwrap();
            assert!(program.execute(&context).is_ok(), "{source}: {:?}", program.execute(&context));
        }
    }

    #[test]
    fn a_rule_is_exhausted_over_many_expressions() {
        reset_rule_steps();
        for _ in 0..=MAX_RULE_STEPS / MAX_STEPS {
            assert!(!rule_is_exhausted());
            reset_steps();
            assert!(charge(MAX_STEPS).is_ok());
        }
        assert!(rule_is_exhausted() && charge(1).is_err());
        reset_rule_steps();
        assert!(!rule_is_exhausted());
    }
}
