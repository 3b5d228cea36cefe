//! What a service amounts to: commands, environment, settings, and what got lost on the way.

use super::environment::Environment;
use super::exec::{ExecCommand, ExecError, ExecWarning};
use super::traced::Traced;
use super::unit::UnitProblem;
use crate::source::{FileId, Location};

/// A command of the service together with the assignment that gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCommand {
    /// The command.
    pub command: ExecCommand,
    /// The assignment.
    pub assignment: Location,
}

/// One `NAME=value` of `Environment=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentAssignment {
    /// The variable.
    pub name: String,
    /// Its value.
    pub value: Traced,
    /// The assignment line.
    pub assignment: Location,
}

/// One `EnvironmentFile=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvironmentFile {
    /// The path, without `-`, specifiers resolved; may be a glob.
    pub path: Traced,
    /// Whether a `-` forgives a missing file; otherwise the service does not start without it.
    pub optional: bool,
    /// The assignment line.
    pub assignment: Location,
}

impl EnvironmentFile {
    /// Whether the path is a pattern (`glob(7)`).
    #[must_use]
    pub fn is_glob(&self) -> bool {
        self.path.as_str().contains(['*', '?', '['])
    }
}

/// An assignment that a later one takes away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Override {
    /// The assignment without effect.
    pub loser: Location,
    /// The assignment that takes it away.
    pub winner: Location,
    /// How.
    pub kind: OverrideKind,
}

/// How an assignment loses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OverrideKind {
    /// An empty assignment resets the list.
    Reset,
    /// The setting takes one value, the last one.
    Replaced,
}

/// Why systemd does not load the unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// More than one `ExecStart=` is in effect with a type other than oneshot.
    SeveralExecStart {
        /// The first command's assignment.
        first: Location,
        /// The second command's assignment.
        second: Location,
    },
    /// No `ExecStart=` is in effect; the location is the assignment that reset it, if one did.
    NoExecStart {
        /// The reset.
        reset: Option<Location>,
    },
    /// A oneshot service shall be restarted after success.
    RestartOfOneshot {
        /// The `Restart=`.
        restart: Location,
    },
    /// A command line of the unit file itself is malformed.
    BadCommand {
        /// The malformed part.
        location: Location,
        /// What is wrong with it.
        error: ExecError,
    },
    /// The unit file cannot be read to its end.
    BadFile {
        /// The file.
        file: FileId,
        /// Where and why.
        problem: UnitProblem,
    },
}

impl Refusal {
    /// The reason in systemd's terms.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::SeveralExecStart { .. } => {
                "Service has more than one ExecStart= setting, which is only allowed for Type=oneshot services"
            }
            Self::NoExecStart { .. } => {
                "Service has no ExecStart= setting, which is only allowed for Type=oneshot services"
            }
            Self::RestartOfOneshot { .. } => {
                "Service has Restart= set to either always or on-success, which isn't allowed for Type=oneshot services"
            }
            Self::BadCommand { .. } => "Unit configuration has fatal error, unit will not be started",
            Self::BadFile { .. } => "Unit failed to load properly",
        }
    }
}

/// Something in an effective assignment that systemd ignores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeProblem {
    /// What.
    pub kind: MergeProblemKind,
    /// Where.
    pub location: Location,
}

/// Kinds of [`MergeProblem`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MergeProblemKind {
    /// A part of a command line that does not do what it seems to.
    Command(ExecWarning),
    /// A malformed command line of a drop-in: the rest of the drop-in is not read.
    BadCommand(ExecError),
    /// A drop-in that cannot be read to its end; what stands before counts.
    BadFile,
    /// `Environment=`: an unknown escape or a missing quote; this word and the rest of the line are ignored.
    EnvironmentSyntax,
    /// A word of `Environment=` that is not `NAME=value` with a valid name: ignored.
    NotAnAssignment,
    /// A specifier that does not exist: the word or path is ignored.
    UnknownSpecifier,
    /// `EnvironmentFile=` with a path that is relative (quotes are a part of the path) or holds `..`: ignored.
    BadEnvironmentFilePath,
    /// A value of `Type=` that does not exist: ignored.
    UnknownType,
}

/// A service with its drop-ins applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effective {
    /// `ExecCondition=`.
    pub exec_condition: Vec<ServiceCommand>,
    /// `ExecStartPre=`.
    pub exec_start_pre: Vec<ServiceCommand>,
    /// `ExecStart=`: one command for every service that is not oneshot.
    pub exec_start: Vec<ServiceCommand>,
    /// `ExecStartPost=`.
    pub exec_start_post: Vec<ServiceCommand>,
    /// `ExecStop=`.
    pub exec_stop: Vec<ServiceCommand>,
    /// `Environment=` in order.
    pub environment: Vec<EnvironmentAssignment>,
    /// `EnvironmentFile=` in order; all of them beat `Environment=`.
    pub environment_files: Vec<EnvironmentFile>,
    /// `PassEnvironment=`: names taken over from the service manager.
    pub pass_environment: Vec<Traced>,
    /// `UnsetEnvironment=`: names, or `NAME=value` pairs, that are removed last.
    pub unset_environment: Vec<Traced>,
    /// `Type=`; without one a service with `ExecStart=` is `simple`.
    pub service_type: Option<Traced>,
    /// `User=`.
    pub user: Option<Traced>,
    /// `WorkingDirectory=`.
    pub working_directory: Option<Traced>,
    /// `RemainAfterExit=`.
    pub remain_after_exit: Option<Traced>,
    /// `Restart=`.
    pub restart: Option<Traced>,
    /// `SuccessAction=` of `[Unit]`.
    pub success_action: Option<Traced>,
    /// Why systemd refuses the unit, if it does.
    pub refused: Option<Refusal>,
    /// Assignments that later ones take away, in the order in which that happens.
    pub overrides: Vec<Override>,
    /// What systemd ignores.
    pub problems: Vec<MergeProblem>,
}

impl Effective {
    /// The environment of the service as far as files tell it (manager environment and `PassEnvironment=` do not).
    ///
    /// `variables_of` gives the valid assignments of an environment file in order, nothing for a missing one.
    pub fn environment(&self, mut variables_of: impl FnMut(&EnvironmentFile) -> Vec<(String, Traced)>) -> Environment {
        let mut environment = Environment::default();
        for assignment in &self.environment {
            environment.set(&assignment.name, assignment.value.clone());
        }
        for file in &self.environment_files {
            for (name, value) in variables_of(file) {
                environment.set(&name, value);
            }
        }
        for unset in &self.unset_environment {
            match unset.as_str().split_once('=') {
                None => environment.unset(unset.as_str()),
                Some((name, value)) if environment.get(name).is_some_and(|v| v.as_str() == value) => {
                    environment.unset(name);
                }
                Some(_) => {}
            }
        }
        environment
    }

    /// The type in effect; `simple` where nothing is said and something is started.
    #[must_use]
    pub fn effective_type(&self) -> &str {
        let default = if self.exec_start.is_empty() { "oneshot" } else { "simple" };
        self.service_type.as_ref().map_or(default, Traced::as_str)
    }
}
