//! Set-up of `tls` (`plugin/tls/tls.go`).

use super::super::golang::quote;
use super::super::problem::{ProblemKind, Refusal};
use super::super::surroundings::FileState;
use super::context::{Check, Outcome, text_at};
use crate::syntax::corefile::{Dispenser, Place, Token, Version};

/// Certificates from an ACME server, without arguments, came with this release.
const ACME: Version = Version::new(1, 14, 7);

/// `tls CERT KEY [CA] { client_auth TYPE; keylog FILE }`, or `tls { acme DOMAIN... }`.
pub(super) fn tls(check: &mut Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    while d.advance() {
        let args = d.remaining_args();
        if args.is_empty() && check.version >= ACME {
            acme(d)?;
            continue;
        }
        if !(2..=3).contains(&args.len()) {
            let refusal = Refusal::from(d.arg_error()).named_twice("tls");
            return Err(refusal.message("`tls` takes the files of a certificate, of its key and, if wanted, of a CA"));
        }
        while d.next_block() {
            option(check, d)?;
        }
        for (what, file) in ["cert", "cert", "CA"].into_iter().zip(&args) {
            exists(check, what, file)?;
        }
    }
    Ok(())
}

fn option(check: &Check<'_>, d: &mut Dispenser<'_>) -> Outcome {
    let name = d.text();
    if name != "client_auth" && (name != "keylog" || check.version < Version::new(1, 14, 3)) {
        let refusal = Refusal::from(d.error(&format!("unknown option '{name}'")));
        return Err(refusal.kind(ProblemKind::UnknownProperty).message(format!("`tls` has no property `{name}`")));
    }
    let args = d.remaining_args();
    match text_at(&args, 0) {
        _ if args.len() != 1 => Err(d.arg_error().into()),
        "nocert" | "request" | "require" | "verify_if_given" | "require_and_verify" => Ok(()),
        _ if name == "keylog" => Ok(()),
        other => Err(d.error(&format!("unknown authentication type '{other}'")).into()),
    }
}

/// A file that CoreDNS opens; its content is not judged.
fn exists(check: &Check<'_>, what: &str, file: &Token) -> Outcome {
    let path = check.rooted(&file.text);
    if check.surroundings.file(&path) != FileState::Missing {
        return Ok(());
    }
    let text = match what {
        "CA" => format!("error reading {path}: open {path}: no such file or directory"),
        _ => format!("could not load TLS cert: open {path}: no such file or directory"),
    };
    Err(Refusal::plain(Some(Place::of(file)), text).message(format!("the file `{path}` does not exist")))
}

fn acme(d: &mut Dispenser<'_>) -> Outcome {
    let place = d.place();
    let mut seen: Vec<&str> = Vec::new();
    while d.next_block() {
        let name = d.text();
        let args = d.remaining_args();
        if seen.contains(&name) {
            return Err(d.error(&format!("ACME option {} can only be specified once", quote(name))).into());
        }
        seen.push(name);
        match name {
            "acme" if args.is_empty() => return Err(d.arg_error().into()),
            "acme" => {}
            "email" | "ca" | "storage" | "ca_root" | "resolver" if args.len() == 1 => {}
            "email" | "ca" | "storage" | "ca_root" | "resolver" => return Err(d.arg_error().into()),
            _ => {
                let refusal = Refusal::from(d.error(&format!("unknown ACME option {}", quote(name))));
                let message = format!("`tls` without files has no property `{name}`");
                return Err(refusal.kind(ProblemKind::UnknownProperty).message(message));
            }
        }
    }
    if seen.contains(&"acme") {
        return Ok(());
    }
    let message = "`tls` needs the files of a certificate and its key, or a block with `acme` and domains";
    Err(Refusal::plain(place, "ACME requires at least one domain").message(message))
}
