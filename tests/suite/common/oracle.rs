//! Real programs as judges: asks a harness of `oracles/`, or reads what it answered when it was last asked.
//!
//! A harness is an executable that reads one JSON value a line on standard input and answers one JSON value a line, in
//! the same order; with `--version` it prints the program that it wraps, and its release. `oracles/run` builds the
//! harnesses and sets `DNSLINT_ORACLES` to their directory; without it the recorded answers judge, and the test says so.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The share of generated cases that must agree, in thousandths, explained differences not counted.
const REQUIRED: usize = 995;

/// Answers of a real program.
pub struct Answers {
    /// The program and its release.
    pub program: String,
    /// `run` or `recorded`.
    pub source: &'static str,
    /// One for each case.
    pub values: Vec<Value>,
}

/// Asks the harness `name` where it is built, else reads its recorded answers to the same questions.
pub fn answers(name: &str, cases: &[Value]) -> Answers {
    if let Some(harness) = harness(name) {
        let asked = ask(&harness, cases);
        if std::env::var_os("DNSLINT_BLESS").is_some() {
            fs::write(record(name), recording(&asked, cases)).unwrap();
        }
        return asked;
    }
    println!("{name}: the real program is not here (oracles/run builds and asks it); its recorded answers judge");
    let (program, known) = recorded(name);
    let others = format!("{}: other questions than these; `oracles/run --record`", record(name).display());
    assert_eq!(known.len(), cases.len(), "{others}");
    let answer = |((digest_of, answer), case): ((String, Value), &Value)| {
        assert_eq!(digest_of, digest(case), "{others}");
        answer
    };
    Answers { program, source: "recorded", values: known.into_iter().zip(cases).map(answer).collect() }
}

/// The same for questions that come and go with the test data: those that are not recorded are left out, with what the
/// rest is; the real program is asked all of them.
pub fn answers_so_far<'c>(name: &str, cases: &'c [Value]) -> (Vec<&'c Value>, Answers) {
    if harness(name).is_some() {
        return (cases.iter().collect(), answers(name, cases));
    }
    let (program, known) = recorded(name);
    let known: BTreeMap<String, Value> = known.into_iter().collect();
    let found = cases.iter().filter_map(|case| Some((case, known.get(&digest(case))?.clone())));
    let (asked, values): (Vec<&Value>, Vec<Value>) = found.unzip();
    println!("{name}: {} of {} questions are recorded", asked.len(), cases.len());
    (asked, Answers { program, source: "recorded", values })
}

/// The harness, where it is built.
fn harness(name: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os("DNSLINT_ORACLES")?).join(name);
    path.exists().then_some(path)
}

/// Where its answers are recorded.
fn record(name: &str) -> PathBuf {
    super::root().join("testdata/oracles").join(format!("{name}.jsonl"))
}

fn ask(harness: &Path, cases: &[Value]) -> Answers {
    let version = Command::new(harness).arg("--version").output().unwrap();
    assert!(version.status.success(), "{} --version: {}", harness.display(), String::from_utf8_lossy(&version.stderr));
    let program = String::from_utf8(version.stdout).unwrap().trim().to_owned();
    let mut child = Command::new(harness).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let questions: String = cases.iter().map(|case| format!("{case}\n")).collect();
    // from a thread of its own: the harness may answer before it has read everything
    let writer = std::thread::spawn(move || input.write_all(questions.as_bytes()));
    let done = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(done.status.success(), "{} ended with {}", harness.display(), done.status);
    assert_eq!(values.len(), cases.len(), "{} answered another number of questions", harness.display());
    Answers { program, source: "run", values }
}

/// FNV-1a: the standard library's hash may change with its release.
fn digest(case: &Value) -> String {
    let fold = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    format!("{:016x}", case.to_string().bytes().fold(0xcbf2_9ce4_8422_2325, fold))
}

fn recording(answers: &Answers, cases: &[Value]) -> String {
    let head = json!({"program": answers.program, "cases": cases.len()});
    let lines = cases.iter().zip(&answers.values).map(|(case, answer)| json!([digest(case), answer]));
    std::iter::once(head).chain(lines).map(|line| format!("{line}\n")).collect()
}

/// The program that answered, and by the digest of each question its answer.
fn recorded(name: &str) -> (String, Vec<(String, Value)>) {
    let path = record(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let mut lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let program = lines.next().unwrap()["program"].as_str().unwrap().to_owned();
    (program, lines.map(|line| (line[0].as_str().unwrap().to_owned(), line[1].clone())).collect())
}

/// A difference that is understood.
pub struct Known {
    /// Why the two differ, with the upstream source or issue.
    pub reason: &'static str,
    /// Whether (case, prediction, answer) is such a difference.
    pub is: fn(&Value, &Value, &Value) -> bool,
}

/// Compares predictions with the real answers, case by case, and fails with the first differences.
pub fn judge(name: &str, cases: &[Value], predict: impl Fn(&Value) -> Value, known: &[Known]) {
    let real = answers(name, cases);
    let mut explained = vec![0_usize; known.len()];
    let mut differing = Vec::new();
    for (case, answer) in cases.iter().zip(&real.values) {
        let got = predict(case);
        if got == *answer {
            continue;
        }
        match known.iter().position(|k| (k.is)(case, &got, answer)) {
            Some(index) => explained[index] += 1,
            None => differing.push(format!("case {case}\n  dnslint {got}\n  real    {answer}")),
        }
    }
    let agreed = cases.len() - differing.len() - explained.iter().sum::<usize>();
    println!("{name}: {agreed} of {} agree with {} ({})", cases.len(), real.program, real.source);
    for (known, count) in known.iter().zip(&explained).filter(|(_, count)| **count > 0) {
        println!("  {count} differ: {}", known.reason);
    }
    let shown: Vec<&str> = differing.iter().take(20).map(String::as_str).collect();
    assert!(differing.is_empty(), "{name}: {} unexplained differences\n{}", differing.len(), shown.join("\n"));
    assert!(agreed * 1000 >= cases.len() * REQUIRED, "{name}: too many explained differences: {agreed} agree");
}

/// Compares the answers to the queries (`ask`) of each configuration (`conf`), and fails with the first differences.
///
/// Where one of the two says `refused`, the other must. Returns how many queries were asked, and how many
/// configurations were refused.
pub fn judge_queries(name: &str, cases: &[Value], predict: impl Fn(&Value) -> Value) -> (usize, usize) {
    let real = answers(name, cases);
    let (mut asked, mut refused) = (0, 0);
    let mut differing = Vec::new();
    for (case, answer) in cases.iter().zip(&real.values) {
        let predicted = predict(case);
        let conf = case["conf"].as_str().unwrap();
        if predicted == "refused" || answer == "refused" {
            refused += 1;
            assert_eq!(predicted, *answer, "{conf}");
            continue;
        }
        let queries = case["ask"].as_array().unwrap();
        asked += queries.len();
        for (index, query) in queries.iter().enumerate().filter(|(index, _)| predicted[index] != answer[index]) {
            let (got, want) = (&predicted[index], &answer[index]);
            differing.push(format!("{conf}{query}\n  dnslint {got}\n  real    {want}\n"));
        }
    }
    println!(
        "{name}: {} of {asked} queries of {} configurations agree with {} ({}); {refused} refused",
        asked - differing.len(),
        cases.len() - refused,
        real.program,
        real.source
    );
    let shown: Vec<&str> = differing.iter().take(20).map(String::as_str).collect();
    assert!(differing.is_empty(), "{name}: {} differences\n{}", differing.len(), shown.join("\n"));
    (asked, refused)
}

/// SplitMix64 (Steele, Lea, Flood 2014): the same cases from the same seed on every machine.
pub struct Seed(u64);

impl Seed {
    /// A generator.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap()
    }

    /// True in `percent` of a hundred draws.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of a list.
    pub fn pick<'a, T>(&mut self, list: &'a [T]) -> &'a T {
        &list[self.below(list.len())]
    }

    /// One of the words between bars.
    pub fn word<'a>(&mut self, words: &'a str) -> &'a str {
        let words: Vec<&str> = words.split('|').collect();
        self.pick::<&str>(&words)
    }
}
