//! The templates: embedded by directory, strict about what they name, and exact about blanks.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Rest, Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use serde::Serialize;

/// (path below `templates/`, text), sorted by path.
const TEMPLATES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));

/// Renders one template.
///
/// # Errors
/// The template does not exist, or names something that `context` does not have: a fault of dnslint, not of its input.
pub fn render(name: &str, context: &impl Serialize) -> Result<String, String> {
    let environment = environment().map_err(|e| format!("{e:#}"))?;
    let template = environment.get_template(name).map_err(|e| format!("{name}: {e:#}"))?;
    template.render(Value::from(Serde(context))).map_err(|e| format!("{name}: {e:#}"))
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    // every value is a checked address, name or number, or passes through `yaml`
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment
        .set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.add_global("version", env!("CARGO_PKG_VERSION"));
    environment.add_filter("yaml", yaml);
    environment.add_filter("port", port);
    environment.add_filter("indented", indented);
    environment.add_filter("words", words);
    for (name, text) in TEMPLATES {
        environment.add_template(name, text)?;
    }
    Ok(environment)
}

/// A scalar in double quotes, which YAML and JSON read alike.
fn yaml(value: &Value) -> Result<String, Error> {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    serde_json::to_string(&text).map_err(|e| Error::new(ErrorKind::InvalidOperation, e.to_string()))
}

/// A port of pods: the number of one stays a number, and anything else is a name.
fn port(value: &str) -> Result<String, Error> {
    if value.parse::<u16>().is_ok() { Ok(value.to_owned()) } else { yaml(&Value::from(value)) }
}

/// Every line but empty ones behind that many blanks.
fn indented(text: &str, blanks: usize) -> String {
    let line = |line: &str| if line.is_empty() { String::new() } else { " ".repeat(blanks) + line };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A list with single blanks between its items.
fn words(list: Vec<Value>, _: Rest<Value>) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_compiles() {
        assert!(environment().is_ok());
        assert!(TEMPLATES.len() >= 4);
        assert!(render("nothing", &()).is_err());
    }

    #[test]
    fn numbers_of_ports_stay_numbers() {
        assert_eq!(port("5353").unwrap(), "5353");
        assert_eq!(port("dns-tcp").unwrap(), "\"dns-tcp\"");
        assert_eq!(port("53 }").unwrap(), "\"53 }\"");
    }
}
