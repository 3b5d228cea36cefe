//! `dnslint render`: the node cache, resolver configuration and node settings that fit a cluster.

use super::io::{Io, today};
pub use super::render_args::RenderArgs;
use super::replace::Writable;
use super::{EXIT_CLEAN, EXIT_ERROR, EXIT_FINDINGS};
use crate::diagnostic::{Diagnostic, Severity};
use crate::fix::diff::unified;
use crate::lint::LintOptions;
use crate::model::Cluster;
use crate::render::chosen::Source;
use crate::render::places::{Places, patched};
use crate::render::request::NodeForm;
use crate::render::{File, Part, Plan, Request, is_printed, plan};
use crate::report::{Format, Report, ReportOptions, Summary, render, sanitize, show_diff};
use crate::source::{LoadOptions, Snapshot, path_below};
use crate::{CheckOptions, builtin_rules, check};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

/// A file with the place where it goes.
struct Target {
    file: File,
    /// Path as shown, and as the snapshot would show it.
    shown: String,
    /// What stands there now.
    old: Option<String>,
}

/// Renders.
///
/// # Errors
/// Wrong usage, or a failed write of standard output.
pub fn run(args: &RenderArgs, io: &mut Io<'_>) -> Result<u8, String> {
    if let Some((path, reason)) = args.path.as_ref().and_then(|path| Some((path, super::disk::missing(path)?))) {
        return Err(format!("{}: {reason}", path.display()));
    }
    let snapshot = match &args.path {
        Some(path) => Snapshot::load(std::slice::from_ref(path), &LoadOptions::default()),
        None => Snapshot::default(),
    };
    if let [first, second, ..] = snapshot.clusters.as_slice() {
        let (count, given) = (snapshot.clusters.len(), args.path.as_deref().unwrap_or(Path::new("")).display());
        return Err(format!(
            "{given} holds {count} clusters: name one of them, such as {} or {}",
            first.path, second.path
        ));
    }
    let clusters = crate::model::assemble(&snapshot);
    let none = Cluster::default();
    let cluster = clusters.first().unwrap_or(&none);
    let base = base(args, &snapshot);
    let directory = args.output.out.as_ref().map_or_else(|| base.clone(), |out| out.to_string_lossy().into_owned());
    let request = Request { directory, base, ..args.request() };
    let plan = match plan(&request, &snapshot, cluster, &args.assume()) {
        Ok(plan) => plan,
        Err(refusal) => return Ok(refuse(&refusal, &snapshot, io)),
    };
    if plan.files.is_empty() {
        io.message("nothing to render: nodes need no other settings\n");
        return Ok(EXIT_CLEAN);
    }
    // variables show on no node before they are applied: judged is what they come to
    let config = NodeForm::Config;
    let again = |request: Request| crate::render::plan(&request, &snapshot, cluster, &args.assume()).ok();
    let shown = match request.node_form {
        NodeForm::Ansible => again(Request { node_form: config, ..request.clone() }).unwrap_or_else(|| plan.clone()),
        _ => plan.clone(),
    };
    if let Some(found) = findings(args, &snapshot, &shown) {
        // of a part that waits for the others, what all of them come to
        let whole = || again(Request { parts: Vec::new(), node_form: config, ..request.clone() });
        let waits = !request.parts.is_empty() && whole().is_some_and(|all| findings(args, &snapshot, &all).is_none());
        if !waits {
            return Ok(refuse_findings(args, &found, io));
        }
    }
    let targets = targets(args, &snapshot, &plan);
    let code = write(args, &plan, &targets, io)?;
    if !args.output.quiet {
        io.message(&explanation(&plan, &snapshot));
    }
    Ok(code)
}

/// The directory of the cluster, as shown; the node's root where that alone was given, since nothing beside it was.
fn base(args: &RenderArgs, snapshot: &Snapshot) -> String {
    let node = args.path.as_ref().and_then(|path| snapshot.node_at(path));
    let shown = node.map(|root| &root.path).or_else(|| snapshot.clusters.first().map(|cluster| &cluster.path));
    let given = || args.path.as_deref().unwrap_or(Path::new("")).to_string_lossy().replace('\\', "/");
    shown.cloned().unwrap_or_else(given)
}

fn refuse(refusal: &crate::render::plan::Refusal, snapshot: &Snapshot, io: &mut Io<'_>) -> u8 {
    let mut text = format!("error: not rendered: {}\n", sanitize(&refusal.reason));
    if let Some(at) = refusal.at {
        let file = snapshot.file(at.file);
        let place = file.position(at.span.start);
        let _ = writeln!(text, "  --> {}:{}:{}", sanitize(&file.path), place.line, place.column);
    }
    if let Some(help) = &refusal.help {
        let _ = writeln!(text, "  = help: {}", sanitize(help));
    }
    io.message(&text);
    EXIT_ERROR
}

/// What the rules say of the result and did not say before: then the result would be wrong.
fn findings(args: &RenderArgs, snapshot: &Snapshot, plan: &Plan) -> Option<(Snapshot, Vec<Diagnostic>)> {
    let options =
        CheckOptions { lint: LintOptions::default(), assume: args.assume(), today: today(), ..CheckOptions::default() };
    let key = |d: &Diagnostic| (d.rule.clone(), d.message.clone(), d.object.clone());
    let before: BTreeSet<_> = check(snapshot, builtin_rules(), &options).diagnostics.iter().map(key).collect();
    let base = base(args, snapshot);
    let after = patched(snapshot, &Places::new(snapshot, &base), &plan.files);
    let mut new = check(&after, builtin_rules(), &options).diagnostics;
    new.retain(|d| d.severity > Severity::Info && !before.contains(&key(d)));
    (!new.is_empty()).then_some((after, new))
}

fn refuse_findings(args: &RenderArgs, (snapshot, findings): &(Snapshot, Vec<Diagnostic>), io: &mut Io<'_>) -> u8 {
    let summary = Summary::new(findings, snapshot.files.len(), Vec::new());
    let report = Report { diagnostics: findings, files: snapshot, rules: &[], summary: &summary };
    let options = io.report_options(args.output.color);
    let text = render(Format::Full, &report, &ReportOptions { quiet: true, ..options });
    io.message(&text);
    io.message("error: not rendered: in this cluster the result would be wrong, as the findings above show\n");
    EXIT_ERROR
}

/// Where each file goes, with what stands there.
fn targets(args: &RenderArgs, snapshot: &Snapshot, plan: &Plan) -> Vec<Target> {
    let base = base(args, snapshot);
    let places = Places::new(snapshot, &base);
    let target = |file: &File| {
        let place = places.shown(file);
        let shown = match &args.output.out {
            Some(out) => {
                let below = path_below(&base, &place).unwrap_or(&place);
                out.join(below.trim_start_matches('/')).to_string_lossy().into_owned()
            }
            None => place,
        };
        let old = super::disk::read(Path::new(&shown)).ok();
        Target { file: file.clone(), shown, old }
    };
    plan.files.iter().map(target).collect()
}

fn write(args: &RenderArgs, plan: &Plan, targets: &[Target], io: &mut Io<'_>) -> Result<u8, String> {
    if args.output.diff {
        let diff: String = targets.iter().map(|t| unified(&t.shown, t.old.as_deref(), &t.file.text)).collect();
        let color = io.report_options(args.output.color).color;
        io.print(show_diff(&diff, color, io.is_terminal).as_bytes())?;
        return Ok(if diff.is_empty() { EXIT_CLEAN } else { EXIT_FINDINGS });
    }
    if args.output.check {
        let changed = targets.iter().filter(|t| t.old.as_deref() != Some(t.file.text.as_str()));
        let list: String = changed.map(|t| format!("would write: {}\n", sanitize(&t.shown))).collect();
        io.print(list.as_bytes())?;
        return Ok(if list.is_empty() { EXIT_CLEAN } else { EXIT_FINDINGS });
    }
    match &args.output.out {
        Some(out) => write_files(out, targets, io),
        None => print_files(plan, targets, io),
    }
}

fn write_files(out: &Path, targets: &[Target], io: &mut Io<'_>) -> Result<u8, String> {
    super::replace::make_directory(out)?;
    let writable = Writable::new(std::slice::from_ref(&out.to_path_buf()));
    let mut code = EXIT_CLEAN;
    for target in targets {
        let path = Path::new(&target.shown);
        let (done, word) = match &target.old {
            Some(old) if *old == target.file.text => (Ok(()), "unchanged"),
            Some(old) => (writable.replace(path, old, &target.file.text), "replaced"),
            None => (writable.create(path, &target.file.text), "wrote"),
        };
        match done {
            Ok(()) => io.message(&format!("{word}: {}\n", sanitize(&target.shown))),
            Err(reason) => {
                io.message(&format!("error: {}: not written: {}\n", sanitize(&target.shown), sanitize(&reason)));
                code = EXIT_ERROR;
            }
        }
    }
    Ok(code)
}

/// One stream for `kubectl apply -f -`; other files only where there are no objects, each behind its path.
fn print_files(plan: &Plan, targets: &[Target], io: &mut Io<'_>) -> Result<u8, String> {
    let (printed, others): (Vec<&Target>, Vec<&Target>) =
        targets.iter().partition(|target| is_printed(&plan.files, &target.file));
    for other in others {
        let shown = sanitize(&other.shown);
        io.message(&format!("not printed: {shown} (--only node prints it, --out DIR writes all)\n"));
    }
    let mut objects: Vec<&str> = Vec::new();
    let mut texts = Vec::new();
    for target in printed {
        let text = target.file.text.as_str();
        if target.file.part != Part::Manifests {
            texts.push(format!("# {}\n{text}", sanitize(&target.shown)));
        } else if !objects.contains(&text) {
            // several servers have a copy of it
            objects.push(text);
        }
    }
    let text = if objects.is_empty() { texts.join("\n") } else { objects.join("---\n") };
    io.print(text.as_bytes())?;
    Ok(EXIT_CLEAN)
}

/// Parameters with their sources, notes, steps and the way back.
fn explanation(plan: &Plan, snapshot: &Snapshot) -> String {
    let mut out = String::from("parameters:\n");
    let width = |of: fn(&crate::render::plan::Row) -> usize| plan.parameters.iter().map(of).max().unwrap_or(0);
    let (names, values) = (width(|row| row.name.len()), width(|row| row.value.len()).min(48));
    for row in &plan.parameters {
        let _ = writeln!(out, "  {:names$}  {:values$}  {}", row.name, row.value, source(&row.source, snapshot));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "note: {note}");
    }
    for (title, steps) in [("then:", &plan.steps), ("the way back:", &plan.back)] {
        let _ = writeln!(out, "{title}");
        for (index, step) in steps.iter().enumerate() {
            let _ = writeln!(out, "  {}. {step}", index + 1);
        }
    }
    sanitize(&out) + "\n"
}

fn source(source: &Source, snapshot: &Snapshot) -> String {
    match source {
        Source::Flag(flag) => (*flag).to_owned(),
        Source::Default(whose) => format!("default of {whose}"),
        Source::Snapshot(None, what) => what.clone(),
        Source::Snapshot(Some(at), what) => {
            let file = snapshot.file(at.file);
            format!("{what}: {}:{}", file.path, file.position(at.span.start).line)
        }
    }
}
