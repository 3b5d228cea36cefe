//! Documentation cannot drift: shown output is today's, generated pages are up to date, named paths exist.

use crate::common::pages::{dnslint, with_fresh_output};
use crate::common::{assert_none, compare, root};
use dnslint::analysis::collect;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;

/// Pages whose console blocks are run.
const PAGES: [&str; 2] = ["README.md", "docs/ci.md"];

#[test]
fn output_shown_in_the_pages_is_todays() {
    let mut problems = Vec::new();
    let mut blocks = 0;
    for page in PAGES {
        let path = root().join(page);
        let fresh = with_fresh_output(&fs::read_to_string(&path).unwrap(), |_, command| {
            let shown = command.starts_with("dnslint ").then(|| dnslint(command, &root()).0);
            blocks += usize::from(shown.is_some());
            shown
        });
        problems.extend(compare(&path, &fresh));
    }
    assert!(blocks >= 3, "only {blocks} blocks were run");
    assert_none(&problems);
}

#[test]
fn paths_named_in_the_pages_exist() {
    let mut missing = Vec::new();
    for page in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"] {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for quoted in text.split('`').skip(1).step_by(2) {
            let is_path = ["src/", "tests/", "testdata/", "rules/", "docs/", "templates/", "benches/", "fuzz/", ".ci/"]
                .iter()
                .any(|start| quoted.starts_with(start));
            let plain = !quoted.contains(['<', '*', '{', ' ', '…']);
            if is_path && plain && !root().join(quoted).exists() {
                missing.push(format!("{page}: {quoted}"));
            }
        }
    }
    assert_none(&missing);
}

#[test]
fn the_rule_reference_is_generated() {
    let (rules, mistakes) = dnslint::load_rules(dnslint::lint::builtin());
    assert!(mistakes.is_empty(), "{mistakes:?}");
    let mut page = String::from(
        "# Rules\n\nGenerated from `rules/` and `testdata/rules/` by `DNSLINT_BLESS=1 cargo test docs::`; `dnslint explain RULE` prints the\nsame. Severity is the rule's own; some findings are raised or lowered by what the snapshot shows.\n",
    );
    page.push_str(&dnslint::cli::explain::reference(&rules));
    assert_none(&compare(&root().join("docs/rules.md"), &page).into_iter().collect::<Vec<_>>());
}

#[test]
fn the_view_reference_is_generated() {
    let mut page = String::from(
        "# Views\n\nWhat rules can speak about; generated from the structs in `src/analysis/views/` by\n`DNSLINT_BLESS=1 cargo test docs::`. `dnslint facts --on <view> PATH` prints them for a snapshot.\n",
    );
    for view in collect::schemas().iter() {
        let schema = serde_json::to_value(&view.schema).unwrap();
        let _ = writeln!(page, "\n## {}\n\n{}\n\n| field | type | meaning |\n|---|---|---|", view.kind, view.doc);
        rows(&schema, &schema, "", 0, &mut page);
    }
    assert_none(&compare(&root().join("docs/views.md"), &page).into_iter().collect::<Vec<_>>());
}

/// One table row a field, nested ones under `outer.inner` or `list[].inner`.
fn rows(root: &Value, schema: &Value, prefix: &str, depth: usize, page: &mut String) {
    let Some(properties) = resolve(root, schema)["properties"].as_object() else { return };
    for (name, field) in properties {
        let meaning = field["description"].as_str().unwrap_or_default().replace('\n', " ").replace('|', "\\|");
        let (kind, inner) = kind_of(root, field);
        let _ = writeln!(page, "| `{prefix}{name}` | {kind} | {meaning} |");
        if let Some(inner) = inner.filter(|_| depth < 4) {
            let list = if kind.starts_with("list") { "[]" } else { "" };
            rows(root, inner, &format!("{prefix}{name}{list}."), depth + 1, page);
        }
    }
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    let target =
        schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")).map(|name| &root["$defs"][name]);
    target.unwrap_or(schema)
}

/// The type in words, and the struct inside, if there is one.
fn kind_of<'a>(root: &'a Value, field: &'a Value) -> (String, Option<&'a Value>) {
    let field = resolve(root, field);
    if let Some(options) = field["anyOf"].as_array() {
        let present = options.iter().find(|o| o["type"] != "null");
        let (kind, inner) = present.map_or((String::new(), None), |o| kind_of(root, o));
        return (format!("{kind}, optional"), inner);
    }
    let word = |kind: &str| match kind {
        "boolean" => "bool".to_owned(),
        "integer" => "int".to_owned(),
        other => other.to_owned(),
    };
    match &field["type"] {
        Value::String(kind) if kind == "array" => {
            let (item, inner) = kind_of(root, &field["items"]);
            (format!("list of {item}"), inner)
        }
        Value::String(kind) if kind == "object" => ("struct".to_owned(), Some(field)),
        Value::String(kind) => (word(kind), None),
        Value::Array(kinds) => {
            let kind = kinds.iter().filter_map(Value::as_str).find(|k| *k != "null").unwrap_or_default();
            (format!("{}, optional", word(kind)), None)
        }
        _ if field["oneOf"].is_array() || field["enum"].is_array() => ("word".to_owned(), None),
        _ => ("any".to_owned(), None),
    }
}

/// The rule that the configuration page shows loads and passes its own samples.
#[test]
fn the_rule_in_the_pages_is_a_good_one() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let yaml = page.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let dir = tempfile::TempDir::new().unwrap();
    let file = dir.path().join("external-names-end-with-dot.yaml");
    fs::write(&file, yaml).unwrap();
    let run = crate::common::program(&root()).args(["rules", "test"]).arg(&file).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success() && out.contains("2 samples, 0 failures"), "{out}{err}");
    let toml = page.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let loaded = dnslint::cli::config::parse("dnslint.toml", toml, std::path::Path::new(""));
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
}
