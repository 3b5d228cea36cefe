//! Turns the model's values into what the algorithms of `effective` take.

use crate::analysis::effective::{ConfigValue, FlagValue};
use crate::model::value::Value;
use crate::source::Located;
use crate::syntax::kubelet_flags::Flag;

/// A YAML value as the kubelet and k3s read it.
#[must_use]
pub fn config_value(value: &Located<Value>) -> Located<ConfigValue> {
    let converted = match &value.value {
        Value::Null => ConfigValue::Null,
        Value::List(items) => ConfigValue::List(items.iter().map(config_value).collect()),
        Value::Map(entries) => {
            ConfigValue::Map(entries.iter().map(|(key, value)| (key.clone(), config_value(value))).collect())
        }
        Value::Float(number) => ConfigValue::Scalar(go_float(*number)),
        scalar => ConfigValue::Scalar(scalar.scalar_text().unwrap_or_default()),
    };
    value.with(converted)
}

/// A number as Go's `fmt.Sprint` prints it: the shortest digits, those that are very small or large with an exponent.
fn go_float(number: f64) -> String {
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let short = format!("{number:e}");
    let Some((digits, exponent)) = short.split_once('e') else { return short };
    match exponent.parse::<i32>() {
        Ok(exponent) if !(-4..6).contains(&exponent) => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
        }
        _ => number.to_string(),
    }
}

/// A flag of a command line; one without a value counts as `true`.
#[must_use]
pub fn flag_value(flag: &Flag) -> FlagValue {
    let name = Located::from_origins(flag.name.clone(), flag.location().into_iter().collect());
    let value = flag.value.as_ref().map_or_else(|| name.with("true".to_owned()), |value| value.located());
    FlagValue::new(name, value)
}
