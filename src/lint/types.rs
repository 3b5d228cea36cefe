//! Static types of rule expressions, read lazily from the JSON Schema of a view.

use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::fmt;

/// Most `$ref` hops that are followed before a schema counts as unknown.
const MAX_REFS: usize = 16;

/// What the checker knows of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Type<'s> {
    /// Not known; anything goes.
    Any,
    /// The literal `null`.
    Null,
    /// `bool`.
    Bool,
    /// `int`.
    Int,
    /// `double`.
    Float,
    /// `string`; one of a closed set of words where the view has an enum.
    Str(Option<Vec<&'s str>>),
    /// `list`.
    List(Box<Self>),
    /// `map` with string keys: every lookup may find nothing.
    Map(Box<Self>),
    /// A struct of the view: the alternatives that it may be.
    Object(Object<'s>),
    /// May be absent: to be guarded with `has()`.
    Opt(Box<Self>),
}

/// A struct schema, or several where the view has an enum of structs.
#[derive(Clone, Debug, PartialEq)]
pub struct Object<'s> {
    root: &'s Json,
    alternatives: Vec<&'s Json>,
}

impl fmt::Display for Type<'_> {
    /// The name of the type; with `{:#}` its article stands before it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            let vowel = matches!(self, Self::Int | Self::Opt(_) | Self::Any);
            f.write_str(if vowel { "an " } else { "a " })?;
        }
        match self {
            Self::Any => f.write_str("unknown"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Float => f.write_str("double"),
            Self::Str(_) => f.write_str("string"),
            Self::List(item) => write!(f, "list of {item}"),
            Self::Map(item) => write!(f, "map of {item}"),
            Self::Object(_) => f.write_str("struct"),
            Self::Opt(inner) => write!(f, "optional {inner}"),
        }
    }
}

impl<'s> Type<'s> {
    /// The type of a whole view.
    #[must_use]
    pub fn of_root(root: &'s Json) -> Self {
        of_schema(root, root, 0)
    }

    /// The type of a parameter, from its default.
    #[must_use]
    pub fn of_value(value: &'s Json) -> Self {
        match value {
            Json::Null => Self::Any,
            Json::Bool(_) => Self::Bool,
            Json::Number(number) if number.is_i64() => Self::Int,
            Json::Number(_) => Self::Float,
            Json::String(_) => Self::Str(None),
            Json::Array(items) => Self::List(Box::new(items.first().map_or(Self::Any, Self::of_value))),
            Json::Object(map) => Self::Map(Box::new(map.values().next().map_or(Self::Any, Self::of_value))),
        }
    }

    /// The same type, absent or not.
    #[must_use]
    pub fn optional(self) -> Self {
        match self {
            Self::Any | Self::Null | Self::Opt(_) => self,
            other => Self::Opt(Box::new(other)),
        }
    }

    /// The type where the value is present.
    #[must_use]
    pub fn present(&self) -> &Self {
        match self {
            Self::Opt(inner) => inner,
            other => other,
        }
    }

    /// The smallest type that holds both.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        match (self, other) {
            (a, b) if a == b => a,
            (Self::Null, b) => b.optional(),
            (a, Self::Null) => a.optional(),
            (Self::Str(Some(mut a)), Self::Str(Some(b))) => {
                a.extend(b);
                Self::Str(Some(a))
            }
            (Self::Str(_), Self::Str(_)) => Self::Str(None),
            (Self::Int, Self::Float) | (Self::Float, Self::Int) => Self::Float,
            (Self::Opt(a), b) | (b, Self::Opt(a)) => a.join(b.present().clone()).optional(),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join(*b))),
            (Self::Object(mut a), Self::Object(b)) => {
                a.alternatives.extend(b.alternatives);
                Self::Object(a)
            }
            _ => Self::Any,
        }
    }

    /// Whether a comparison of the two can ever be true.
    #[must_use]
    pub fn comparable(&self, other: &Self) -> bool {
        match (self.present(), other.present()) {
            (Self::Any, _) | (_, Self::Any) => true,
            (Self::Null, _) => matches!(other, Self::Opt(_) | Self::Null),
            (_, Self::Null) => matches!(self, Self::Opt(_) | Self::Null),
            (Self::Int | Self::Float, Self::Int | Self::Float) => true,
            (Self::List(a), Self::List(b)) | (Self::Map(a), Self::Map(b)) => a.comparable(b),
            (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
        }
    }
}

impl<'s> Object<'s> {
    /// The type of a field; `None` where no alternative has it.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Type<'s>> {
        let mut found: Option<Type<'s>> = None;
        let mut everywhere = true;
        for alternative in &self.alternatives {
            let Some(schema) = alternative.get("properties").and_then(|p| p.get(name)) else {
                everywhere = false;
                continue;
            };
            let required = alternative.get("required").and_then(Json::as_array);
            everywhere &= required.is_some_and(|names| names.iter().any(|n| n == name));
            let kind = of_schema(self.root, schema, 0);
            found = Some(match found {
                Some(other) => other.join(kind),
                None => kind,
            });
        }
        let found = found?;
        Some(if everywhere { found } else { found.optional() })
    }

    /// Every field, with its documentation.
    #[must_use]
    pub fn fields(&self) -> BTreeMap<&'s str, &'s str> {
        let properties = self.alternatives.iter().filter_map(|a| a.get("properties")?.as_object());
        properties
            .flatten()
            .map(|(name, schema)| (name.as_str(), schema.get("description").and_then(Json::as_str).unwrap_or("")))
            .collect()
    }
}

fn of_schema<'s>(root: &'s Json, schema: &'s Json, refs: usize) -> Type<'s> {
    if refs > MAX_REFS {
        return Type::Any;
    }
    if let Some(target) = schema.get("$ref").and_then(Json::as_str) {
        let pointer = target.strip_prefix('#').unwrap_or(target);
        return root.pointer(pointer).map_or(Type::Any, |found| of_schema(root, found, refs + 1));
    }
    if let Some(words) = schema.get("enum").and_then(Json::as_array) {
        return of_words(words);
    }
    if let Some(word) = schema.get("const") {
        return word.as_str().map_or_else(|| Type::of_value(word), |word| Type::Str(Some(vec![word])));
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        if let Some(parts) = schema.get(key).and_then(Json::as_array) {
            let types = parts.iter().map(|part| of_schema(root, part, refs + 1));
            return types.reduce(Type::join).unwrap_or(Type::Any);
        }
    }
    of_type(root, schema, refs)
}

fn of_words(words: &[Json]) -> Type<'_> {
    let texts: Vec<&str> = words.iter().filter_map(Json::as_str).collect();
    let nulls = words.iter().filter(|word| word.is_null()).count();
    match texts.len() + nulls == words.len() {
        true if nulls > 0 => Type::Str(Some(texts)).optional(),
        true => Type::Str(Some(texts)),
        false => Type::Any,
    }
}

fn of_type<'s>(root: &'s Json, schema: &'s Json, refs: usize) -> Type<'s> {
    match schema.get("type") {
        Some(Json::String(name)) => of_name(root, schema, name, refs),
        Some(Json::Array(names)) => {
            let types = names.iter().filter_map(Json::as_str).map(|name| of_name(root, schema, name, refs));
            types.reduce(Type::join).unwrap_or(Type::Any)
        }
        _ => Type::Any,
    }
}

fn of_name<'s>(root: &'s Json, schema: &'s Json, name: &str, refs: usize) -> Type<'s> {
    match name {
        "null" => Type::Null,
        "boolean" => Type::Bool,
        "integer" => Type::Int,
        "number" => Type::Float,
        "string" => Type::Str(None),
        "array" => {
            Type::List(Box::new(schema.get("items").map_or(Type::Any, |items| of_schema(root, items, refs + 1))))
        }
        "object" if schema.get("properties").is_some() => Type::Object(Object { root, alternatives: vec![schema] }),
        "object" => {
            let patterns = schema.get("patternProperties").and_then(Json::as_object);
            let item = patterns.and_then(|p| p.values().next()).or_else(|| schema.get("additionalProperties"));
            Type::Map(Box::new(item.map_or(Type::Any, |item| of_schema(root, item, refs + 1))))
        }
        _ => Type::Any,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use schemars::JsonSchema;
    use serde::Serialize;

    #[derive(Serialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    #[serde(rename_all = "kebab-case")]
    enum Word {
        FirstOne,
        /// Documented.
        Second,
    }

    #[derive(Serialize, JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    #[serde(tag = "kind")]
    enum Tagged {
        A { common: u8, only_a: bool },
        B { common: u8 },
    }

    #[derive(Serialize, JsonSchema)]
    struct Tree {
        children: Vec<Tree>,
        word: Option<Word>,
        tagged: Tagged,
        by_name: std::collections::BTreeMap<String, f64>,
        maybe: Option<Box<Tree>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        skipped: Option<String>,
        free: serde_json::Value,
    }

    #[test]
    fn schemas_become_types() {
        let schema = crate::analysis::view::ViewSchema::of::<Root>().schema;
        let root = Type::of_root(schema.as_value());
        let Type::Object(tree) = &root else { panic!("{root}") };
        let show = |name: &str| tree.field(name).map(|t| t.to_string());
        assert_eq!(show("children").as_deref(), Some("list of struct"));
        assert_eq!(show("word").as_deref(), Some("optional string"));
        assert_eq!(show("by_name").as_deref(), Some("map of double"));
        assert_eq!(show("maybe").as_deref(), Some("optional struct"));
        assert_eq!(show("skipped").as_deref(), Some("optional string"));
        assert_eq!(show("free").as_deref(), Some("unknown"));
        assert_eq!(show("nope"), None);
        assert_eq!(tree.field("word").unwrap().present(), &Type::Str(Some(vec!["first-one", "second"])));
        let Some(Type::Object(tagged)) = tree.field("tagged") else { panic!() };
        assert_eq!(tagged.field("common"), Some(Type::Int));
        assert_eq!(tagged.field("only_a"), Some(Type::Bool.optional()));
        assert_eq!(tagged.field("kind").unwrap(), Type::Str(Some(vec!["A", "B"])));
    }

    #[derive(Serialize, JsonSchema)]
    #[serde(transparent)]
    struct Root(Tree);
    impl crate::analysis::view::View for Root {
        const KIND: &'static str = "root";
        const DOC: &'static str = "";
    }
}
