//! What a program prints: line by line while it runs, in a file afterwards, its end when it failed.

use std::fs;
use std::io::{BufRead, BufReader, PipeReader};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use crate::failure::{Doing, Failure};

pub(super) fn read_lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut reader = BufReader::new(reader);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(text).is_err() {
                return;
            }
            line.clear();
        }
    });
    receiver
}

pub(super) fn write_log(path: &Path, output: &str) -> Result<(), Failure> {
    let folder = path.parent().expect("a log is in a folder");
    fs::create_dir_all(folder).doing(format_args!("make {}", folder.display()))?;
    fs::write(path, output).doing(format_args!("write {}", path.display()))
}

/// The last lines of a text, without those by which cargo says what it builds.
pub(crate) fn tail(text: &str, lines: usize) -> String {
    let progress = [
        "Compiling ",
        "Checking ",
        "Downloaded ",
        "Downloading ",
        "Documenting ",
        "Fresh ",
        "Blocking ",
    ];
    let told = |line: &&str| !progress.iter().any(|word| line.trim_start().starts_with(word));
    let kept: Vec<&str> = text.lines().filter(told).collect();
    kept[kept.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_output_is_what_matters() {
        let output = "first\n   Compiling serde v1.0.0\nwarning: x\nerror: y\n";
        assert_eq!(tail(output, 2), "warning: x\nerror: y");
        assert_eq!(tail(output, 9), "first\nwarning: x\nerror: y");
    }
}
