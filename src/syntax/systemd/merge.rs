//! What a service is made of once its drop-ins are applied (systemd `src/core/load-fragment.c`, `service.c`).

use super::effective::{
    Effective, EnvironmentAssignment, EnvironmentFile, MergeProblem, MergeProblemKind, Override, OverrideKind, Refusal,
    ServiceCommand,
};
use super::environment::is_valid_variable_name;
use super::exec::{ExecError, ExecWarning, exec_split};
use super::specifier::Specifiers;
use super::traced::Traced;
use super::unit::{Assignment, Unit};
use super::words::{Mode, Splitter};
use crate::source::{FileId, Location, Span};

/// A drop-in that applies.
#[derive(Clone, Copy, Debug)]
pub struct DropIn<'a> {
    /// Base name, which decides the order.
    pub name: &'a str,
    /// The file.
    pub file: FileId,
    /// What it says.
    pub unit: &'a Unit,
}

/// Types of a service.
const TYPES: [&str; 8] = ["simple", "forking", "oneshot", "dbus", "notify", "idle", "exec", "notify-reload"];

/// Values of `Restart=`.
const RESTARTS: [&str; 7] = ["no", "on-success", "on-failure", "on-abnormal", "on-watchdog", "on-abort", "always"];

/// Applies drop-ins, in byte order of their names, to a service's unit file.
#[must_use]
pub fn merge(main: (FileId, &Unit), dropins: &[DropIn<'_>], specifiers: &Specifiers) -> Effective {
    let mut merger = Merger { specifiers, out: Effective::default(), last_reset: None };
    merger.apply(main.0, main.1, true);
    let mut sorted = dropins.to_vec();
    sorted.sort_by_key(|d| d.name);
    for dropin in sorted {
        merger.apply(dropin.file, dropin.unit, false);
    }
    merger.verify();
    merger.out
}

struct Merger<'a> {
    specifiers: &'a Specifiers,
    out: Effective,
    /// The last assignment that emptied `ExecStart=`.
    last_reset: Option<Location>,
}

impl Merger<'_> {
    fn problem(&mut self, kind: MergeProblemKind, location: Location) {
        self.out.problems.push(MergeProblem { kind, location });
    }

    fn apply(&mut self, file: FileId, unit: &Unit, is_main: bool) {
        for assignment in &unit.assignments {
            if let Err((location, error)) = self.assign(file, assignment) {
                if is_main {
                    self.out.refused = Some(Refusal::BadCommand { location, error });
                } else {
                    self.problem(MergeProblemKind::BadCommand(error), location);
                }
                return;
            }
        }
        let Some(problem) = unit.fatal() else { return };
        if is_main {
            self.out.refused = Some(Refusal::BadFile { file, problem: problem.clone() });
        } else {
            self.problem(MergeProblemKind::BadFile, Location::new(file, problem.span));
        }
    }

    fn assign(&mut self, file: FileId, assignment: &Assignment) -> Result<(), (Location, ExecError)> {
        if assignment.is("Unit", "SuccessAction") {
            self.single(file, assignment, |out| &mut out.success_action);
        }
        if assignment.section.as_deref() != Some("Service") {
            return Ok(());
        }
        match assignment.key.value.as_str() {
            "ExecCondition" => return self.commands(file, assignment, |out| &mut out.exec_condition),
            "ExecStartPre" => return self.commands(file, assignment, |out| &mut out.exec_start_pre),
            "ExecStart" => return self.commands(file, assignment, |out| &mut out.exec_start),
            "ExecStartPost" => return self.commands(file, assignment, |out| &mut out.exec_start_post),
            "ExecStop" => return self.commands(file, assignment, |out| &mut out.exec_stop),
            "Environment" => self.environment(file, assignment),
            "EnvironmentFile" => self.environment_file(file, assignment),
            "PassEnvironment" => self.names(file, assignment, |out| &mut out.pass_environment),
            "UnsetEnvironment" => self.names(file, assignment, |out| &mut out.unset_environment),
            "Type" => self.service_type(file, assignment),
            "User" => self.resolved(file, assignment, |out| &mut out.user),
            "WorkingDirectory" => self.resolved(file, assignment, |out| &mut out.working_directory),
            "Restart" => self.restart(file, assignment),
            "RemainAfterExit" => self.single(file, assignment, |out| &mut out.remain_after_exit),
            _ => {}
        }
        Ok(())
    }

    /// Records that `losers` (assignments, equal ones adjacent) end at `winner`.
    fn overridden(&mut self, losers: impl IntoIterator<Item = Location>, winner: Location, kind: OverrideKind) {
        let mut last = None;
        for loser in losers {
            if last.replace(loser) != Some(loser) {
                self.out.overrides.push(Override { loser, winner, kind });
            }
        }
    }

    fn commands(
        &mut self,
        file: FileId,
        assignment: &Assignment,
        list: fn(&mut Effective) -> &mut Vec<ServiceCommand>,
    ) -> Result<(), (Location, ExecError)> {
        let at = assignment.location(file);
        if assignment.value.is_empty() {
            let losers: Vec<_> = list(&mut self.out).drain(..).map(|c| c.assignment).collect();
            self.overridden(losers, at, OverrideKind::Reset);
            if assignment.key.value == "ExecStart" {
                self.last_reset = Some(at);
            }
            return Ok(());
        }
        let value = assignment.traced(file);
        let place = |span: Span| value.cover(span).map_or(at, |origin| origin.at);
        let line = exec_split(&value, self.specifiers);
        for warning in line.warnings {
            let (ExecWarning::UnknownEscape(span) | ExecWarning::Ignored(ExecError { span, .. })) = warning;
            self.problem(MergeProblemKind::Command(warning), place(span));
        }
        let commands = line.commands.into_iter().map(|command| ServiceCommand { command, assignment: at });
        list(&mut self.out).extend(commands);
        line.error.map_or(Ok(()), |error| Err((place(error.span), error)))
    }

    fn environment(&mut self, file: FileId, assignment: &Assignment) {
        let at = assignment.location(file);
        if assignment.value.is_empty() {
            let losers: Vec<_> = self.out.environment.drain(..).map(|e| e.assignment).collect();
            return self.overridden(losers, at, OverrideKind::Reset);
        }
        let value = assignment.traced(file);
        let mut splitter = Splitter::new(&value, Mode::Strict);
        while let Some(word) = splitter.next_word() {
            let Ok(word) = word else {
                let rest = Span::new(splitter.position(), value.len());
                let place = value.cover(rest).map_or(at, |origin| origin.at);
                return self.problem(MergeProblemKind::EnvironmentSyntax, place);
            };
            let place = value.cover(word.span).map_or(at, |origin| origin.at);
            match self.specifiers.resolve(&word.text) {
                Err(_) => self.problem(MergeProblemKind::UnknownSpecifier, place),
                Ok(resolved) => self.environment_word(&resolved.text, place, at),
            }
        }
    }

    fn environment_word(&mut self, word: &Traced, place: Location, assignment: Location) {
        match word.split_once('=').filter(|(name, _)| is_valid_variable_name(name.as_str())) {
            None => self.problem(MergeProblemKind::NotAnAssignment, place),
            Some((name, value)) => self.out.environment.push(EnvironmentAssignment {
                name: name.as_str().to_owned(),
                value: value.into_own_value(),
                assignment,
            }),
        }
    }

    fn environment_file(&mut self, file: FileId, assignment: &Assignment) {
        let at = assignment.location(file);
        if assignment.value.is_empty() {
            let losers: Vec<_> = self.out.environment_files.drain(..).map(|e| e.assignment).collect();
            return self.overridden(losers, at, OverrideKind::Reset);
        }
        let value = assignment.traced(file);
        let Ok(resolved) = self.specifiers.resolve(&value) else {
            return self.problem(MergeProblemKind::UnknownSpecifier, value.location().unwrap_or(at));
        };
        let optional = resolved.text.as_str().starts_with('-');
        let path = resolved.text.slice(Span::new(usize::from(optional), resolved.text.len()));
        if !path.as_str().starts_with('/') || path.as_str().split('/').any(|part| part == "..") {
            return self.problem(MergeProblemKind::BadEnvironmentFilePath, value.location().unwrap_or(at));
        }
        self.out.environment_files.push(EnvironmentFile { path: simplified(&path), optional, assignment: at });
    }

    fn names(&mut self, file: FileId, assignment: &Assignment, list: fn(&mut Effective) -> &mut Vec<Traced>) {
        if assignment.value.is_empty() {
            let losers: Vec<_> = list(&mut self.out).drain(..).filter_map(|name| name.location()).collect();
            return self.overridden(losers, assignment.location(file), OverrideKind::Reset);
        }
        let value = assignment.traced(file);
        let mut splitter = Splitter::new(&value, Mode::Command);
        while let Some(Ok(word)) = splitter.next_word() {
            let name = word.text.as_str().split('=').next().unwrap_or("");
            if is_valid_variable_name(name) {
                list(&mut self.out).push(word.text);
            }
        }
    }

    fn service_type(&mut self, file: FileId, assignment: &Assignment) {
        if TYPES.contains(&assignment.value.as_str()) {
            self.single(file, assignment, |out| &mut out.service_type);
        } else {
            self.problem(MergeProblemKind::UnknownType, assignment.location(file));
        }
    }

    fn restart(&mut self, file: FileId, assignment: &Assignment) {
        if assignment.value.is_empty() || RESTARTS.contains(&assignment.value.as_str()) {
            self.single(file, assignment, |out| &mut out.restart);
        }
    }

    /// A setting with one value: the last assignment wins, an empty one takes it away.
    fn single(&mut self, file: FileId, assignment: &Assignment, slot: fn(&mut Effective) -> &mut Option<Traced>) {
        let value = (!assignment.value.is_empty()).then(|| assignment.traced(file));
        self.replace(file, assignment, value, slot);
    }

    /// The same with specifiers; an unknown one makes systemd ignore the assignment.
    fn resolved(&mut self, file: FileId, assignment: &Assignment, slot: fn(&mut Effective) -> &mut Option<Traced>) {
        if assignment.value.is_empty() {
            return self.replace(file, assignment, None, slot);
        }
        let value = assignment.traced(file);
        match self.specifiers.resolve(&value) {
            Ok(resolved) => self.replace(file, assignment, Some(resolved.text), slot),
            Err(_) => {
                let place = value.location().unwrap_or(assignment.location(file));
                self.problem(MergeProblemKind::UnknownSpecifier, place);
            }
        }
    }

    fn replace(
        &mut self,
        file: FileId,
        assignment: &Assignment,
        value: Option<Traced>,
        slot: fn(&mut Effective) -> &mut Option<Traced>,
    ) {
        let kind = if value.is_some() { OverrideKind::Replaced } else { OverrideKind::Reset };
        let old = std::mem::replace(slot(&mut self.out), value);
        let loser = old.and_then(|old| old.location());
        self.overridden(loser, assignment.location(file), kind);
    }

    /// `service_verify()`, as far as it concerns what is started.
    fn verify(&mut self) {
        if self.out.refused.is_some() {
            return;
        }
        let oneshot = self.out.effective_type() == "oneshot";
        match self.out.exec_start.as_slice() {
            [] if oneshot && self.may_lack_start() => {}
            [] => self.out.refused = Some(Refusal::NoExecStart { reset: self.last_reset }),
            [first, second, ..] if !oneshot => {
                let (first, second) = (first.assignment, second.assignment);
                self.out.refused = Some(Refusal::SeveralExecStart { first, second });
            }
            _ => {}
        }
        let restart = self.out.restart.as_ref().filter(|value| ["always", "on-success"].contains(&value.as_str()));
        if let (true, None, Some(restart)) = (oneshot, &self.out.refused, restart.and_then(Traced::location)) {
            self.out.refused = Some(Refusal::RestartOfOneshot { restart });
        }
    }

    /// Whether a oneshot service does something without `ExecStart=`.
    fn may_lack_start(&self) -> bool {
        let action = self.out.success_action.as_ref().is_some_and(|a| a.as_str() != "none");
        let remains = self.out.remain_after_exit.as_ref().is_some_and(|r| is_true(r.as_str()));
        action || (remains && !self.out.exec_stop.is_empty())
    }
}

/// An absolute path without empty and `.` components (`path_simplify()`).
fn simplified(path: &Traced) -> Traced {
    let mut simple = Traced::default();
    let mut start = 0;
    for part in path.as_str().split('/') {
        let end = start + part.len();
        if !part.is_empty() && part != "." {
            simple.push_range(path, Span::new(start.saturating_sub(1), end));
        }
        start = end + 1;
    }
    if simple.is_empty() { path.slice(Span::new(0, 1)) } else { simple }
}

fn is_true(text: &str) -> bool {
    ["1", "yes", "y", "true", "t", "on"].iter().any(|word| word.eq_ignore_ascii_case(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::systemd::parse;

    fn merged(main: &str, dropins: &[(&str, &str)]) -> Effective {
        let main = parse(main);
        let units: Vec<_> = dropins.iter().map(|(name, text)| (*name, parse(text))).collect();
        let dropins: Vec<_> =
            (1u32..).zip(&units).map(|(id, (name, unit))| DropIn { name, file: FileId(id), unit }).collect();
        merge((FileId(0), &main), &dropins, &Specifiers::for_unit("k3s.service"))
    }

    fn start(effective: &Effective) -> Vec<String> {
        let words = effective.exec_start.iter().map(|c| &c.command.words);
        words.map(|w| w.iter().map(|w| w.text.as_str()).collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn a_second_start_command_without_reset_is_refused_with_both_places() {
        let main = "[Service]\nExecStart=/b/k3s server\n";
        let effective = merged(main, &[("10.conf", "[Service]\nExecStart=/b/k3s server --x\n")]);
        let at = |file, start, end| Location::new(FileId(file), Span::new(start, end));
        assert_eq!(effective.refused, Some(Refusal::SeveralExecStart { first: at(0, 10, 33), second: at(1, 10, 37) }));
        assert_eq!(
            merged(main, &[("1.conf", "[Service]\nExecStart=\n")]).refused,
            Some(Refusal::NoExecStart { reset: Some(at(1, 10, 20)) })
        );
    }

    #[test]
    fn resets_and_replacements_are_recorded() {
        let effective = merged(
            "[Service]\nType=notify\nEnvironment=A=1 B=2\nExecStartPre=/b/pre\nExecStart=/b/k3s\n",
            &[
                ("20.conf", "[Service]\nEnvironment=C=3\n"),
                ("10.conf", "[Service]\nType=exec\nEnvironment=\nExecStart=\nExecStart=/b/k3s server\n"),
            ],
        );
        assert_eq!(start(&effective), ["/b/k3s server"]);
        assert_eq!(effective.exec_start_pre.len(), 1);
        assert_eq!(effective.environment.iter().map(|e| e.name.as_str()).collect::<Vec<_>>(), ["C"]);
        let kinds: Vec<_> = effective.overrides.iter().map(|o| (o.kind, o.loser.span.start)).collect();
        assert_eq!(kinds, [(OverrideKind::Replaced, 15), (OverrideKind::Reset, 22), (OverrideKind::Reset, 62)]);
        assert_eq!((effective.effective_type(), &effective.refused), ("exec", &None));
    }

    #[test]
    fn environment_follows_systemd_word_by_word() {
        let effective = merged(
            "[Service]\nExecStart=/b/k3s\nEnvironment=\"A=1 x\" F 'G h=1' D=%Z N=%n\nEnvironment=K=1 B=\\q C=3\n",
            &[],
        );
        let names: Vec<_> = effective.environment.iter().map(|e| (e.name.as_str(), e.value.as_str())).collect();
        assert_eq!(names, [("A", "1 x"), ("N", "k3s.service"), ("K", "1")]);
        let kinds: Vec<_> = effective.problems.iter().map(|p| p.kind.clone()).collect();
        use MergeProblemKind as K;
        assert_eq!(kinds, [K::NotAnAssignment, K::NotAnAssignment, K::UnknownSpecifier, K::EnvironmentSyntax]);
    }

    #[test]
    fn environment_files_beat_assignments_and_unset_beats_all() {
        let text = "[Service]\nExecStart=/b/k3s\nEnvironmentFile=-/etc//./default/%N\nEnvironmentFile=\"/etc/x\"\n\
                    EnvironmentFile=/a/../b\nEnvironment=A=unit B=unit C=unit\nUnsetEnvironment=C B=other\n";
        let effective = merged(text, &[]);
        let files: Vec<_> = effective.environment_files.iter().map(|f| (f.path.as_str(), f.optional)).collect();
        assert_eq!(files, [("/etc/default/k3s", true)]);
        assert_eq!(effective.problems.len(), 2);
        let environment = effective.environment(|_| vec![("A".into(), Traced::verbatim("file", FileId(9), 2))]);
        let seen: Vec<_> = environment.iter().map(|(name, value)| (name, value.as_str())).collect();
        assert_eq!(seen, [("A", "file"), ("B", "unit")]);
        let lost: Vec<_> = environment.overshadowed().iter().map(|o| (o.name.as_str(), o.by.is_some())).collect();
        assert_eq!(lost, [("A", true), ("C", false)]);
        let place = environment.overshadowed().first().and_then(|o| o.value.location()).unwrap();
        assert_eq!(place.span.text(text), "unit");
    }

    #[test]
    fn an_error_ends_a_drop_in_and_refuses_a_unit() {
        let bad = "[Service]\nExecStart=\nExecStart=/b/x \"unb\nExecStart=/b/y\n";
        let effective = merged("[Service]\nExecStart=/b/k3s\n", &[("a.conf", bad)]);
        assert!(matches!(effective.refused, Some(Refusal::NoExecStart { reset: Some(_) })));
        assert!(matches!(effective.problems.first().map(|p| &p.kind), Some(MergeProblemKind::BadCommand(_))));
        assert!(matches!(merged(bad, &[]).refused, Some(Refusal::BadCommand { .. })));
        assert!(matches!(merged("[Service\n", &[]).refused, Some(Refusal::BadFile { .. })));
        let half = merged("[Service]\nExecStart=/b/k3s\n", &[("a.conf", "[Service]\nUser=x\n[bad\nUser=y\n")]);
        assert_eq!((half.user.as_ref().map(Traced::as_str), &half.refused), (Some("x"), &None));
    }
}
