//! Set-up of `header` (`plugin/header`).

use super::super::problem::Refusal;
use super::context::Outcome;
use crate::syntax::corefile::Dispenser;

/// `header { query|response set|clear FLAGS... }`; the directive ends at the first block with a rule.
pub(super) fn header(d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let mut rules = 0;
        while d.next_block() {
            let place = d.place();
            rule(d).map_err(|text| Refusal::plain(place, format!("setting up rule: {text}")))?;
            rules += 1;
        }
        if rules > 0 {
            return Ok(());
        }
    }
    Err(d.arg_error().into())
}

fn rule(d: &mut Dispenser<'_>) -> Result<(), String> {
    let selector = d.text().to_lowercase();
    if selector != "query" && selector != "response" {
        return Err(format!("invalid selector={selector} should be query or response"));
    }
    let action = if d.next_arg() { d.text().to_lowercase() } else { String::new() };
    let flags = d.remaining_args();
    if action.is_empty() {
        return Err("no flag action provided".to_owned());
    }
    if flags.is_empty() {
        return Err("invalid length for flags, at least one should be provided".to_owned());
    }
    if action != "set" && action != "clear" {
        return Err(format!("unknown flag action={action}, should be set or clear"));
    }
    let mut flags = flags.iter().map(|token| token.text.to_lowercase());
    match flags.find(|flag| !matches!(flag.as_str(), "aa" | "ra" | "rd")) {
        Some(flag) => Err(format!("unknown/unsupported flag={flag}")),
        None => Ok(()),
    }
}
