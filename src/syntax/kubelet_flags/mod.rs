//! Command-line flags of the kubelet, k3s, RKE2, CoreDNS and the node cache, each in its own dialect.

mod dialect;
pub mod k3s;
pub mod kubelet;
mod kubelet_arg;
mod list;
mod scan;

pub use kubelet_arg::{ArgMode, KubeletArg, KubeletArgProblem, parse_kubelet_arg};
pub use list::{ListError, split_commas, split_csv};

use super::systemd::Traced;
use crate::source::Location;

/// A parsed list of arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandLine {
    /// The flags in order.
    pub flags: Vec<Flag>,
    /// Words that belong to no flag. The kubelet refuses to start with any.
    pub positional: Vec<Positional>,
}

/// A word that belongs to no flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Positional {
    /// The word.
    pub text: Traced,
    /// Its index in the argument list.
    pub index: usize,
}

/// One flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Canonical name: no dashes in front, `_` as `-` where the program takes them for equal, aliases resolved.
    pub name: String,
    /// The name as written, dashes included.
    pub spelt: Traced,
    /// The value; `None` for a flag without one, which means `true` for a boolean.
    pub value: Option<Traced>,
    /// How the value is attached.
    pub form: Form,
    /// The whole word that holds the name (`--x=y`).
    pub word: Traced,
    /// Index of that word in the argument list.
    pub index: usize,
    /// Why the program does not take it.
    pub problem: Option<FlagProblem>,
    /// Whether a positional word stands before it. Go's flag package and urfave/cli v2 stop reading flags there; the
    /// kubelet and urfave/cli v1 go on.
    pub after_positional: bool,
}

/// How a flag carries its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `--flag=value`.
    Equals,
    /// `--flag value`.
    NextWord,
    /// `-v2`.
    Attached,
    /// No value.
    Bare,
}

/// Why a program does not take a flag. Every one of them keeps it from starting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlagProblem {
    /// A long name behind one dash, in a dialect that reads it as a cluster of short flags.
    SingleDash,
    /// Three dashes or more.
    TooManyDashes,
    /// Dashes and no name (`--=x`).
    NoName,
    /// A flag that needs a value stands at the end.
    MissingValue,
}

impl Flag {
    /// The place of the flag's word, with the value if it is in the same word.
    #[must_use]
    pub fn location(&self) -> Option<Location> {
        self.word.location()
    }

    /// The place of the value, or of the flag if it has none.
    #[must_use]
    pub fn value_location(&self) -> Option<Location> {
        self.value.as_ref().and_then(Traced::location).or_else(|| self.location())
    }

    /// The value as text; `true` for a flag without one.
    #[must_use]
    pub fn value_text(&self) -> &str {
        self.value.as_ref().map_or("true", Traced::as_str)
    }
}

impl CommandLine {
    /// All occurrences of a flag, by canonical name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Flag> {
        self.flags.iter().filter(move |flag| flag.name == name && flag.problem.is_none())
    }

    /// The occurrence that decides a flag with one value: the last.
    #[must_use]
    pub fn last<'a>(&'a self, name: &'a str) -> Option<&'a Flag> {
        self.all(name).last()
    }
}

/// Parses the arguments of the kubelet, without `argv[0]` (spf13/pflag with `_` taken for `-`).
#[must_use]
pub fn parse_kubelet(words: &[Traced]) -> CommandLine {
    scan::scan(words, &dialect::KUBELET)
}

/// Parses what follows `k3s server`, `k3s agent` and the same of RKE2 (urfave/cli).
#[must_use]
pub fn parse_k3s(words: &[Traced]) -> CommandLine {
    scan::scan(words, &dialect::K3S)
}

/// Parses the arguments of CoreDNS or the node cache, without the program (Go's flag package).
#[must_use]
pub fn parse_coredns(words: &[Traced]) -> CommandLine {
    scan::scan(words, &dialect::COREDNS)
}

/// A command line of the k3s or RKE2 binary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct K3sCommand {
    /// Flags in front of the sub-command.
    pub global: CommandLine,
    /// `server`, `agent`, …; `None` if there is none.
    pub subcommand: Option<Traced>,
    /// What follows the sub-command.
    pub arguments: CommandLine,
}

/// Parses the arguments of the k3s or RKE2 binary, without `argv[0]`.
#[must_use]
pub fn parse_k3s_command(words: &[Traced]) -> K3sCommand {
    let all = parse_k3s(words);
    let Some(subcommand) = all.positional.first() else {
        return K3sCommand { global: all, ..K3sCommand::default() };
    };
    let (before, after) = words.split_at(subcommand.index);
    K3sCommand {
        global: parse_k3s(before),
        subcommand: Some(subcommand.text.clone()),
        arguments: parse_k3s(after.get(1..).unwrap_or(&[])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};
    use crate::syntax::env_file;
    use crate::syntax::systemd::{Specifiers, expand, merge, parse};

    fn words(line: &str) -> Vec<Traced> {
        let mut start = 0;
        let parts = line.split(' ').map(|part| {
            let word = Traced::verbatim(part, FileId(0), start);
            start += part.len() + 1;
            word
        });
        parts.collect()
    }

    fn show(line: &CommandLine) -> Vec<String> {
        let flag = |f: &Flag| {
            let value = f.value.as_ref().map_or("-", Traced::as_str);
            f.problem.map_or(format!("{}={value}", f.name), |p| format!("{}={value} {p:?}", f.name))
        };
        let mut shown: Vec<_> = line.flags.iter().map(flag).collect();
        shown.extend(line.positional.iter().map(|p| format!("[{}]", p.text.as_str())));
        shown
    }

    #[test]
    fn kubelet_spellings() {
        let line = parse_kubelet(&words("--cluster_dns=1.1.1.1 --resolv-conf /x --fail-swap-on --v 2 --resolv-conf="));
        assert_eq!(show(&line), ["cluster-dns=1.1.1.1", "resolv-conf=/x", "fail-swap-on=-", "v=2", "resolv-conf="]);
        assert_eq!(line.last("resolv-conf").map(Flag::value_text), Some(""));
        assert_eq!(line.flags.first().map(|f| f.spelt.as_str()), Some("--cluster_dns"));
        assert_eq!(show(&parse_kubelet(&words("-v=2 -v3 -v 4 -h"))), ["v=2", "v=3", "v=4", "help=-"]);
    }

    #[test]
    fn kubelet_mistakes() {
        let line = parse_kubelet(&words("-resolv-conf=/x ---cluster-dns=1 --=x server --fail-swap-on false --config"));
        assert_eq!(
            show(&line),
            [
                "resolv-conf=/x SingleDash",
                "cluster-dns=1 TooManyDashes",
                "=x NoName",
                "fail-swap-on=-",
                "config=- MissingValue",
                "[server]",
                "[false]"
            ]
        );
        assert_eq!(line.last("resolv-conf"), None);
        assert_eq!(
            line.flags.iter().map(|f| f.after_positional).collect::<Vec<_>>(),
            [false, false, false, true, true]
        );
    }

    #[test]
    fn a_known_flag_takes_the_next_word_whatever_it_is_and_an_unknown_one_guesses() {
        let line = parse_kubelet(&words("--resolv-conf --cluster-dns --some-new --other-new x -- --v=1"));
        assert_eq!(show(&line), ["resolv-conf=--cluster-dns", "some-new=-", "other-new=x", "[--v=1]"]);
    }

    #[test]
    fn k3s_command_lines() {
        let command = parse_k3s_command(&words(
            "--debug server --cluster-init --kubelet-arg --resolv-conf=/x -t tok --cluster-dns=10.0.0.1,fd00::1 -d /var",
        ));
        assert_eq!(show(&command.global), ["debug=-"]);
        assert_eq!(command.subcommand.as_ref().map(Traced::as_str), Some("server"));
        assert_eq!(
            show(&command.arguments),
            [
                "cluster-init=-",
                "kubelet-arg=--resolv-conf=/x",
                "token=tok",
                "cluster-dns=10.0.0.1,fd00::1",
                "data-dir=/var"
            ]
        );
        let single = parse_k3s(&words("-resolv-conf=/x -resolv-conf /y ---z=1"));
        assert_eq!(show(&single), ["resolv-conf=/x", "resolv-conf=/y", "z=1 TooManyDashes"]);
        assert_eq!(parse_k3s_command(&words("--debug")).subcommand, None);
    }

    #[test]
    fn node_cache_arguments() {
        let line = parse_coredns(&words(
            "-localip 169.254.20.10,10.96.0.10 -conf=/etc/Corefile --upstreamsvc kube-dns -skipteardown -dns.port 1053",
        ));
        assert_eq!(
            show(&line),
            [
                "localip=169.254.20.10,10.96.0.10",
                "conf=/etc/Corefile",
                "upstreamsvc=kube-dns",
                "skipteardown=-",
                "dns.port=1053"
            ]
        );
        let stopped = parse_coredns(&words("-setupinterface false -localip 1.1.1.1"));
        assert_eq!(show(&stopped), ["setupinterface=-", "localip=1.1.1.1", "[false]"]);
        assert_eq!(stopped.flags.last().map(|f| f.after_positional), Some(true));
    }

    #[test]
    fn flags_point_at_their_bytes_through_unit_and_environment_file() {
        let unit = "[Service]\nEnvironment=\"KUBELET_CONFIG_ARGS=--config=/c.yaml --v=2\"\n\
                    EnvironmentFile=-/etc/default/kubelet\n\
                    ExecStart=/usr/bin/kubelet $KUBELET_CONFIG_ARGS $KUBELET_EXTRA_ARGS --node-ip=${IP}\n";
        let env = "# extra\nIP=10.1.2.3\nKUBELET_EXTRA_ARGS=\"--cluster-dns=169.254.20.10,10.96.0.10 \\\n\
                   --resolv-conf \\\"/run/r c\\\"\"\n";
        let parsed = parse(unit);
        let effective = merge((FileId(1), &parsed), &[], &Specifiers::for_unit("kubelet.service"));
        let environment = effective.environment(|_| env_file::parse(env, None).variables(FileId(2)));
        let start = effective.exec_start.first().unwrap();
        let words: Vec<_> = expand(&start.command, &environment).words.into_iter().skip(1).map(|w| w.text).collect();
        let line = parse_kubelet(&words);
        let text = |location: Option<Location>| match location {
            Some(Location { file: FileId(1), span }) => ("unit", span.text(unit)),
            Some(Location { file: FileId(2), span }) => ("env", span.text(env)),
            _ => ("", ""),
        };
        assert_eq!(
            line.flags.iter().map(|f| text(f.location())).collect::<Vec<_>>(),
            [
                ("unit", "--config=/c.yaml"),
                ("unit", "--v=2"),
                ("env", "--cluster-dns=169.254.20.10,10.96.0.10"),
                ("env", "--resolv-conf"),
                ("unit", "--node-ip="),
            ]
        );
        assert_eq!(
            line.flags.iter().map(|f| text(f.value_location())).collect::<Vec<_>>(),
            [
                ("unit", "/c.yaml"),
                ("unit", "2"),
                ("env", "169.254.20.10,10.96.0.10"),
                ("env", "/run/r c"),
                ("env", "10.1.2.3"),
            ]
        );
        let dns = line.last("cluster-dns").and_then(|f| f.value.as_ref()).map(split_csv).unwrap().unwrap();
        assert_eq!(dns.iter().map(|item| text(item.location()).1).collect::<Vec<_>>(), ["169.254.20.10", "10.96.0.10"]);
        let second = dns.last().and_then(Traced::location).unwrap().span;
        assert_eq!(second, Span::new(env.find("10.96").unwrap(), env.find(" \\\n").unwrap()));
    }
}
