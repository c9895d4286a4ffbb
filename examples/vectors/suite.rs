//! Compares this codec with recorded cases of the official ones; used by the example and by the tests.

#[path = "engine.rs"]
mod engine;
#[path = "marked.rs"]
mod marked;
#[cfg(feature = "msgpack")]
#[path = "msgpack.rs"]
mod msgpack;
#[path = "purpose.rs"]
mod purpose;
#[path = "socketio.rs"]
mod socketio;

use std::collections::BTreeMap;
use std::fmt;

use pesan::socketio::Frame;
use pesan::socketio::value::{Value, json};

/// Maximum nesting of the file; a case may contain thousands of brackets.
const FILE_DEPTH: usize = 100_000;

/// Result of a case that did not fail.
pub(crate) enum Verdict {
    /// Same result as the official package.
    Same,
    /// Intended difference, by this rule.
    OnPurpose(&'static str),
}

type RunCase = fn(&Value) -> Result<Verdict, String>;

/// Results of all cases.
#[derive(Default)]
pub(crate) struct Report {
    /// Number of passed cases.
    pub passed: usize,
    /// Failed cases, with the difference.
    pub failed: Vec<String>,
    /// Rules of the intended differences, with their cases.
    pub on_purpose: BTreeMap<&'static str, Vec<String>>,
}

impl Report {
    fn add(&mut self, name: String, verdict: Result<Verdict, String>) {
        match verdict {
            Ok(Verdict::Same) => self.passed += 1,
            Ok(Verdict::OnPurpose(rule)) => {
                self.passed += 1;
                self.on_purpose.entry(rule).or_default().push(name);
            }
            Err(why) => self.failed.push(format!("{name}: {why}")),
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for case in &self.failed {
            writeln!(f, "FAILED {case}")?;
        }
        for (rule, cases) in &self.on_purpose {
            writeln!(f, "differs on purpose: {rule} ({})", cases.join("; "))?;
        }
        writeln!(f, "{} passed, {} failed", self.passed, self.failed.len())
    }
}

/// Runs every case of a file.
pub(crate) fn run(text: &str) -> Result<Report, String> {
    let file = json::parse(text, FILE_DEPTH).map_err(|error| error.to_string())?;
    let mut report = Report::default();
    let sections: &[(&str, RunCase)] = &[
        ("sio_decode", socketio::decode),
        ("sio_encode", socketio::encode),
        ("eio_packet", engine::packet),
        ("eio_payload", engine::payload),
        #[cfg(feature = "msgpack")]
        ("msgpack_decode", msgpack::decode),
        #[cfg(feature = "msgpack")]
        ("msgpack_encode", msgpack::encode),
    ];
    for &(section, run_case) in sections {
        for (index, case) in list(&file, section).iter().enumerate() {
            let name = text_of(case, "name").map_or_else(|| format!("#{index}"), str::to_owned);
            report.add(format!("{section} {name}"), run_case(case));
        }
    }
    if report.passed + report.failed.len() == 0 {
        return Err("no cases found".to_owned());
    }
    Ok(report)
}

fn text_of<'v>(case: &'v Value, key: &str) -> Option<&'v str> {
    case.get(key).and_then(Value::as_str)
}

fn list<'v>(case: &'v Value, key: &str) -> &'v [Value] {
    case.get(key).and_then(Value::as_array).unwrap_or_default()
}

/// `{"text":"…"}` or `{"hex":"…"}`.
fn frame_of(value: &Value) -> Result<Frame, String> {
    match (text_of(value, "text"), text_of(value, "hex")) {
        (Some(text), None) => Ok(Frame::from(text)),
        (None, Some(hex)) => marked::bytes_of(hex).map(Frame::Binary),
        _ => Err(format!("no frame: {}", json::to_string(value))),
    }
}

/// Official result, shortened for an error message.
fn shown(value: &Value) -> String {
    let text = json::to_string(value);
    match text.char_indices().nth(200) {
        Some((end, _)) => format!("{}…", text.split_at(end).0),
        None => text,
    }
}
