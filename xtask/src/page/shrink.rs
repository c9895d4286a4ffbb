//! Takes out of a program and its script what they do not need of each other, and gives the rest short names.
//!
//! `wasm-bindgen` exports every class that any crate declares, and names imports after what they do, with a hash:
//! together a tenth of the page's script and program. Names are changed in both at once, before the script is minified.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure};
use crate::job::Job;

/// What wasm in browsers may use; the same stands in `index.html`, for Trunk.
const FEATURES: &str = "--enable-bulk-memory --enable-bulk-memory-opt --enable-mutable-globals \
    --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext --enable-multivalue";

/// How it is optimised. The lowest kilobyte of memory is the end of the stack: nothing that is pointed to lies there.
/// What branches to where is laid out anew once, and what calls have no effect on is known the last time: 1 % in all.
const OPTIMISE: &str = "-Oz --flatten --rereloop -Oz --generate-global-effects -Oz \
    --low-memory-unused --strip-debug --strip-producers";

/// Begin and end of the name of the only module that the program imports from.
const MODULE: (&str, &str) = ("\"./", ".js\"");

/// Its short name.
const SHORT_MODULE: &str = "\"a\"";

/// Short names by the long ones.
#[derive(Debug, Default, PartialEq)]
struct Names {
    imports: BTreeMap<String, String>,
    exports: BTreeMap<String, String>,
}

/// Shrinks `wasm` with the script that `wasm-bindgen` made for it, in place. `path` has the tools.
pub(super) fn shrink(path: &OsStr, script: &Path, wasm: &Path) -> Result<(), Failure> {
    let long = fs::read_to_string(script).doing(format_args!("read {}", script.display()))?;
    let long = without_classes(&long);
    let beside = |ending: &str| -> PathBuf { wasm.with_extension(ending) };
    let (graph, reached, small) = (beside("graph"), beside("reached"), beside("small"));
    fs::write(&graph, graph_of(&exports_used(&long))).doing(format_args!("write {}", graph.display()))?;
    Job::new("wasm-metadce", "wasm-metadce")
        .words(FEATURES)
        .arg("--graph-file")
        .arg(&graph)
        .arg(wasm)
        .arg("-o")
        .arg(&reached)
        .env("PATH", path)
        .run()?;
    let said = Job::new("wasm-opt", "wasm-opt")
        .words(FEATURES)
        .words(OPTIMISE)
        .arg("--minify-imports-and-exports-and-modules")
        .arg(&reached)
        .arg("-o")
        .arg(&small)
        .env("PATH", path)
        .run()?;
    let names = Names::read(&said)
        .ok_or_else(|| Failure::new("wasm-opt did not say which names it gave").output(said))?;
    let short = names.give(&long).ok_or_else(|| {
        Failure::new(format!(
            "{} is not what wasm-bindgen writes: it and the program would not fit together",
            script.display()
        ))
    })?;
    fs::write(script, short).doing(format_args!("write {}", script.display()))?;
    fs::rename(&small, wasm).doing(format_args!("write {}", wasm.display()))?;
    for left in [graph, reached] {
        fs::remove_file(&left).doing(format_args!("remove {}", left.display()))?;
    }
    Ok(())
}

/// Minifies a script in place.
pub(super) fn minify(minifier: &Path, script: &Path) -> Result<(), Failure> {
    let mut out = OsString::from("--outfile=");
    out.push(script);
    Job::new("minify the script", minifier)
        .arg(script)
        .arg(out)
        .words("--allow-overwrite --minify --format=esm --log-level=error")
        .run()
        .map(drop)
}

/// The script without the classes that it exports: the page has none of its own.
fn without_classes(script: &str) -> String {
    let mut kept = String::with_capacity(script.len());
    let (end_of_class, end_of_statement) = (|line: &str| line == "}", |line: &str| line.ends_with(';'));
    let mut is_last: Option<fn(&str) -> bool> = None;
    for line in script.lines() {
        if let Some(found) = is_last {
            if found(line) {
                is_last = None;
            }
        } else if line.starts_with("export class ") {
            is_last = Some(end_of_class);
        } else if line.starts_with("const ") && line.contains("Finalization = ") {
            is_last = (!end_of_statement(line)).then_some(end_of_statement);
        } else if !line.starts_with("if (Symbol.dispose)") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// Names that the script takes from the program.
fn exports_used(script: &str) -> Vec<&str> {
    let mut names: Vec<&str> = script
        .split("wasm.")
        .skip(1)
        .map(|rest| identifier(rest).0)
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// The identifier that a text begins with, and what follows it.
fn identifier(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '$')
        .unwrap_or(text.len());
    text.split_at(end)
}

/// What `wasm-metadce` wants to know: the script is the root, and reaches these exports.
fn graph_of(exports: &[&str]) -> String {
    let mut nodes = vec![serde_json::json!({"name": "script", "root": true, "reaches": exports})];
    nodes.extend(
        exports
            .iter()
            .map(|export| serde_json::json!({"name": export, "export": export})),
    );
    serde_json::Value::from(nodes).to_string()
}

impl Names {
    /// Reads what `wasm-opt` says: `{"imports": [[module, long, short]…], "exports": [[long, short]…]}`.
    fn read(said: &str) -> Option<Self> {
        let json: serde_json::Value =
            serde_json::from_str(said.get(said.find('{')?..=said.rfind('}')?)?).ok()?;
        let pairs = |key: &str, at: usize| -> Option<BTreeMap<String, String>> {
            let pair = |entry: &serde_json::Value| {
                let text = |at: usize| entry.get(at)?.as_str().map(str::to_owned);
                Some((text(at)?, text(at + 1)?))
            };
            json.get(key)?.as_array()?.iter().map(pair).collect()
        };
        Some(Self {
            imports: pairs("imports", 1)?,
            exports: pairs("exports", 0)?,
        })
    }

    /// The script with the short names, and without the imports that the program does not have; `None` if one is missing.
    fn give(&self, script: &str) -> Option<String> {
        let mut short = String::with_capacity(script.len());
        let mut given = 0;
        let mut skipping = false;
        for line in script.lines() {
            let import = line
                .strip_prefix("        ")
                .map(identifier)
                .filter(|(_, rest)| rest.starts_with(": function"));
            if let Some((name, rest)) = import {
                skipping = !self.imports.contains_key(name);
                if let Some(new) = self.imports.get(name) {
                    given += 1;
                    short.push_str(&format!("        \"{new}\"{}\n", self.exports_in(rest)));
                    continue;
                }
            }
            if !skipping {
                short.push_str(&self.exports_in(line));
                short.push('\n');
            }
            skipping &= !line.starts_with("        }");
        }
        let at = short.find(MODULE.0)?;
        let end = at + short.get(at..)?.find(MODULE.1)? + MODULE.1.len();
        short.replace_range(at..end, SHORT_MODULE);
        (given == self.imports.len()).then_some(short)
    }

    /// A line with the short names of exports.
    fn exports_in(&self, line: &str) -> String {
        let mut parts = line.split("wasm.");
        let mut short = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = identifier(part);
            let name = self.exports.get(name).map_or(name, String::as_str);
            short.push_str("wasm.");
            short.push_str(name);
            short.push_str(rest);
        }
        short
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = r#"export class Sink {
    close() {
        wasm.sink_close(this.__wbg_ptr);
    }
}
if (Symbol.dispose) Sink.prototype[Symbol.dispose] = Sink.prototype.free;
function __wbg_get_imports() {
    const import0 = {
        __proto__: null,
        __wbg_log_12: function(arg0) {
            console.log(arg0);
        },
        __wbg_now_34: function() { return handleError(function () {
            return wasm.__wbindgen_malloc(1, 2);
        }, arguments); },
        __wbindgen_cast_5: function(arg0) {
            return arg0;
        },
    };
    return {
        "./pesan_bg.js": import0,
    };
}
const SinkFinalization = (typeof FinalizationRegistry === 'undefined')
    ? { register: () => {}, unregister: () => {} }
    : new FinalizationRegistry(ptr => wasm.__wbg_sink_free(ptr, 1));
let wasm = wasm.memory;
"#;

    #[test]
    fn what_only_a_class_needed_is_not_used() {
        let script = without_classes(SCRIPT);
        assert!(!script.contains("Sink"), "{script}");
        assert_eq!(exports_used(&script), ["__wbindgen_malloc", "memory"]);
    }

    #[test]
    fn names_are_given_on_both_sides() {
        let said = r#"{"imports": [["./pesan_bg.js", "__wbg_now_34", "a"], ["./pesan_bg.js", "__wbindgen_cast_5", "b"]],
            "exports": [["memory", "c"], ["__wbindgen_malloc", "d"]]}"#;
        let names = Names::read(said).expect("names");
        let short = names.give(&without_classes(SCRIPT)).expect("a script that fits");
        assert!(!short.contains("log"), "what is not imported is gone: {short}");
        assert!(short.contains("\"a\": function() { return handleError(function () {"));
        assert!(short.contains("wasm.d(1, 2)") && short.contains("wasm.c;"));
        assert!(short.contains("\"a\": import0"));
    }

    #[test]
    fn a_script_without_an_import_is_refused() {
        let said = r#"{"imports": [["./pesan_bg.js", "__wbg_other_1", "a"]], "exports": []}"#;
        assert_eq!(Names::read(said).expect("names").give(SCRIPT), None);
        assert_eq!(Names::read("Fatal: nothing"), None);
    }
}
