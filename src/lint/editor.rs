//! JSON Schema of rule files that knows the views: editors complete kinds, paths and needs.

use super::schema::RuleFile;
use crate::analysis::view::Schemas;
use serde_json::{Value as Json, json};

/// Deepest field that is offered as a path.
const DEEPEST: usize = 5;
/// Most hops of `$ref` that are followed.
const MAX_REFS: usize = 16;

/// JSON Schema of a rule file; what `each` and `at` may say depends on the view that `on` names.
#[must_use]
pub fn rule_file_schema(schemas: &Schemas) -> Json {
    let mut schema = schemars::schema_for!(RuleFile).to_value();
    let kinds: Vec<&str> = schemas.iter().map(|view| view.kind).collect();
    let by_kind: Vec<Json> = schemas.iter().map(|view| branch(view.kind, view.schema.as_value())).collect();
    let Some(root) = schema.as_object_mut() else { return schema };
    root.insert("title".to_owned(), json!("dnslint rule file"));
    if let Some(properties) = root.get_mut("properties").and_then(Json::as_object_mut) {
        narrow(properties, "on", json!({"enum": kinds}));
        narrow(properties, "id", json!({"pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"}));
        narrow(properties, "group", json!({"pattern": "^[a-z][a-z0-9]*(-[a-z0-9]+)*$"}));
    }
    root.insert("allOf".to_owned(), Json::Array(by_kind));
    schema
}

/// Adds keywords to a property.
fn narrow(properties: &mut serde_json::Map<String, Json>, name: &str, keywords: Json) {
    let Some(property) = properties.get_mut(name).and_then(Json::as_object_mut) else { return };
    if let Json::Object(keywords) = keywords {
        property.extend(keywords);
    }
}

/// Paths of one view; other texts are allowed too, since `item` and indices lead further.
fn branch(kind: &str, schema: &Json) -> Json {
    let mut all = Vec::new();
    let mut lists = Vec::new();
    paths(schema, schema, "subject", 0, &mut all, &mut lists);
    let offered = |paths: &[String]| json!({"anyOf": [{"enum": paths}, {"type": "string"}]});
    let each = offered(&lists);
    json!({
        "if": {"properties": {"on": {"const": kind}}, "required": ["on"]},
        "then": {"properties": {
            "each": {"anyOf": [each, {"type": "array", "items": each}]},
            "labels": {"items": {"properties": {"at": offered(&all)}}}
        }}
    })
}

fn resolve<'s>(root: &'s Json, mut schema: &'s Json) -> &'s Json {
    for _ in 0..MAX_REFS {
        let target = schema.get("$ref").and_then(Json::as_str).and_then(|path| path.strip_prefix("#/$defs/"));
        let Some(found) = target.and_then(|name| root.get("$defs")?.get(name)) else { break };
        schema = found;
    }
    schema
}

/// The schema of a value that is there: `anyOf` with null is that of the other alternative.
fn present<'s>(root: &'s Json, schema: &'s Json) -> &'s Json {
    let schema = resolve(root, schema);
    let alternatives = schema.get("anyOf").and_then(Json::as_array);
    let other = alternatives.and_then(|list| list.iter().find(|s| s.get("type") != Some(&json!("null"))));
    other.map_or(schema, |other| resolve(root, other))
}

/// Every path below a schema, and those that lead to lists.
fn paths(root: &Json, schema: &Json, prefix: &str, depth: usize, all: &mut Vec<String>, lists: &mut Vec<String>) {
    let fields = present(root, schema).get("properties").and_then(Json::as_object);
    for (name, field) in fields.into_iter().flatten().filter(|_| depth < DEEPEST) {
        let path = format!("{prefix}.{name}");
        let field = present(root, field);
        all.push(path.clone());
        let inner = match field.get("items") {
            Some(items) => {
                lists.push(path.clone());
                items
            }
            None => field,
        };
        paths(root, inner, &path, depth + 1, all, lists);
    }
}

/// JSON Schema of what `dnslint facts` prints: of one view kind, or of the whole document.
#[must_use]
pub fn facts_schema(schemas: &Schemas, kind: Option<&str>) -> Json {
    let mut definitions = serde_json::Map::new();
    let mut properties = serde_json::Map::new();
    for view in schemas.iter().filter(|view| kind.is_none_or(|kind| kind == view.kind)) {
        let mut schema = view.schema.as_value().clone();
        if let Some(object) = schema.as_object_mut() {
            object.remove("$schema");
            for (name, mut definition) in
                object.remove("$defs").and_then(|d| d.as_object().cloned()).into_iter().flatten()
            {
                prefix_refs(&mut definition, view.kind, 0);
                definitions.insert(format!("{}.{name}", view.kind), definition);
            }
        }
        prefix_refs(&mut schema, view.kind, 0);
        let subject = json!({
            "type": "object",
            "properties": {
                "object": {"type": ["string", "null"], "description": "The object that the subject belongs to."},
                "subject": schema
            },
            "required": ["object", "subject"]
        });
        properties.insert(view.kind.to_owned(), json!({"type": "array", "description": view.doc, "items": subject}));
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "dnslint facts",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions
    })
}

/// Definitions of all views stand in one document: `#/$defs/Name` becomes `#/$defs/<kind>.Name`.
fn prefix_refs(schema: &mut Json, kind: &str, depth: usize) {
    const MAX_DEPTH: usize = 64;
    if depth > MAX_DEPTH {
        return;
    }
    match schema {
        Json::Object(map) => {
            for (key, value) in map {
                match value.as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
                    Some(name) if key == "$ref" => *value = json!(format!("#/$defs/{kind}.{name}")),
                    _ => prefix_refs(value, kind, depth + 1),
                }
            }
        }
        Json::Array(items) => items.iter_mut().for_each(|item| prefix_refs(item, kind, depth + 1)),
        _ => {}
    }
}
