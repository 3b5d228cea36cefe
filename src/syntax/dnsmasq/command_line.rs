//! The command line of dnsmasq: `getopt_long` over the option table.

use crate::source::{Span, Spanned};

use super::table::{self, Arity};
use super::{DnsmasqConf, ProblemKind};

/// Reads the words after the program's name.
pub(super) fn parse(args: &[Spanned<String>]) -> DnsmasqConf {
    let mut conf = DnsmasqConf::default();
    let mut rest = args.iter().enumerate().map(|(index, word)| (index + 1, word));
    let mut options_end = false;
    while let Some((number, word)) = rest.next() {
        let text = word.value.as_str();
        if options_end || !text.starts_with('-') || text == "-" {
            let message = format!("`{text}` belongs to no option; dnsmasq does not start");
            conf.problem(ProblemKind::Junk, word.span, number, message);
        } else if text == "--" {
            options_end = true;
        } else if let Some(long) = text.strip_prefix("--") {
            long_option(&mut conf, word, long, number, || rest.next().map(|(_, word)| word));
        } else {
            short_options(&mut conf, word, number, || rest.next().map(|(_, word)| word));
        }
    }
    conf
}

fn long_option<'a>(
    conf: &mut DnsmasqConf,
    word: &Spanned<String>,
    long: &str,
    number: usize,
    next: impl FnOnce() -> Option<&'a Spanned<String>>,
) {
    let (name, value) = long.split_once('=').map_or((long, None), |(name, value)| (name, Some(value)));
    let name_span = super::part(word, 0, 2 + name.len());
    let Some(option) = table::find_abbreviated(name) else {
        return conf.bad_option(&Spanned::new(format!("--{name}"), name_span), number);
    };
    let glued = value.map(|value| Spanned::new(value.to_owned(), super::part(word, name.len() + 3, value.len())));
    let value = match option.arity {
        Arity::Required => glued.or_else(|| next().cloned()),
        Arity::None | Arity::Optional => glued,
    };
    let span = value.as_ref().map_or(word.span, |value| word.span.join(value.span));
    conf.option(option, name_span, value, span, number);
}

/// One word of flags: `-k`, `-kd`, `-p53`, `-p 53`.
fn short_options<'a>(
    conf: &mut DnsmasqConf,
    word: &Spanned<String>,
    number: usize,
    next: impl FnOnce() -> Option<&'a Spanned<String>>,
) {
    for (at, flag) in word.value.char_indices().skip(1) {
        let span = super::part(word, at, flag.len_utf8());
        let Some(option) = table::find_short(flag) else {
            conf.bad_option(&Spanned::new(format!("-{flag}"), span), number);
            continue;
        };
        if !option.short_takes_value() {
            conf.option(option, span, None, span, number);
            continue;
        }
        let behind = at + flag.len_utf8();
        let glued = word.value.get(behind..).filter(|tail| !tail.is_empty());
        let value = match glued {
            Some(tail) => Some(Spanned::new(tail.to_owned(), super::part(word, behind, tail.len()))),
            None => next().cloned(),
        };
        let whole = value.as_ref().map_or(word.span, |value| span.join(value.span));
        if value.is_none() {
            missing(conf, option.name, span, number);
        } else {
            conf.option(option, span, value, whole, number);
        }
        return;
    }
}

fn missing(conf: &mut DnsmasqConf, name: &str, span: Span, number: usize) {
    conf.problem(ProblemKind::MissingParameter, span, number, format!("`{name}` needs a value"));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words with the places they have in `line`.
    fn words(line: &str) -> Vec<Spanned<String>> {
        crate::syntax::resolv_conf::words::split(line, 0, char::is_whitespace)
            .map(|w| Spanned::new(w.text.to_owned(), w.span))
            .collect()
    }

    fn read(line: &str) -> Vec<(&'static str, Option<String>)> {
        let conf = DnsmasqConf::parse_args(&words(line));
        assert_eq!(conf.problems, [], "{line}");
        conf.entries.iter().map(|e| (e.option.name, e.value.as_ref().map(|v| v.value.clone()))).collect()
    }

    #[test]
    fn debian_s_command_line() {
        let line = "-x /run/dnsmasq/dnsmasq.pid -u dnsmasq -r /run/dnsmasq/resolv.conf -7 /etc/dnsmasq.d,.dpkg-dist \
                    --local-service -I lo -kd -p53 --server=1.1.1.1#5 --server 9.9.9.9 --all-serv";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read(line),
            [
                ("pid-file", some("/run/dnsmasq/dnsmasq.pid")),
                ("user", some("dnsmasq")),
                ("resolv-file", some("/run/dnsmasq/resolv.conf")),
                ("conf-dir", some("/etc/dnsmasq.d,.dpkg-dist")),
                ("local-service", None),
                ("except-interface", some("lo")),
                ("keep-in-foreground", None),
                ("no-daemon", None),
                ("port", some("53")),
                ("server", some("1.1.1.1#5")),
                ("server", some("9.9.9.9")),
                ("all-servers", None),
            ]
        );
    }

    #[test]
    fn mistakes() {
        use ProblemKind as K;
        for (line, kind, text) in [
            ("--no-resolv=1", K::ExtraneousParameter, "--no-resolv=1"),
            ("--port", K::MissingParameter, "--port"),
            ("-S", K::MissingParameter, "S"),
            ("-kr", K::MissingParameter, "r"),
            ("--user dnsmasq", K::Junk, "dnsmasq"),
            ("-q extra", K::Junk, "extra"),
            ("--serv=1", K::BadOption, "--serv"),
            ("-&", K::BadOption, "&"),
            ("-- -k", K::Junk, "-k"),
        ] {
            let conf = DnsmasqConf::parse_args(&words(line));
            let got = conf.problems.iter().map(|p| (p.kind, p.span.text(line))).collect::<Vec<_>>();
            assert_eq!(got, [(kind, text)], "{line}");
        }
    }

    #[test]
    fn values_stand_in_the_line() {
        let line = "-r/x --port=5 -S 1.1.1.1";
        let conf = DnsmasqConf::parse_args(&words(line));
        let spans = conf.entries.iter().map(|e| (e.span.text(line), e.value.as_ref().map(|v| v.span.text(line))));
        assert_eq!(
            spans.collect::<Vec<_>>(),
            [("r/x", Some("/x")), ("--port=5", Some("5")), ("S 1.1.1.1", Some("1.1.1.1"))]
        );
    }
}
