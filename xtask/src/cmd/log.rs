//! Output of a program: read line by line, written to a log file, shortened for the terminal.

use std::io::{BufRead, BufReader, PipeReader};
use std::path::Path;
use std::sync::mpsc::{self, Receiver};
use std::thread;

use anyhow::Result;
use fs_err as fs;

/// Reads lines in a separate thread, so that the receiver can wait with a timeout.
pub(super) fn read_lines(reader: PipeReader) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            if sender.send(text).is_err() {
                return;
            }
        }
    });
    receiver
}

pub(super) fn write(path: &Path, output: &str) -> Result<()> {
    fs::create_dir_all(path.parent().expect("a log is in a folder"))?;
    Ok(fs::write(path, output)?)
}

/// Last lines of an output, without the progress lines of cargo.
pub(crate) fn tail(output: &str, lines: usize) -> String {
    const PROGRESS: [&str; 7] = [
        "Compiling ",
        "Checking ",
        "Downloaded ",
        "Downloading ",
        "Documenting ",
        "Fresh ",
        "Blocking ",
    ];
    let is_progress = |line: &&str| PROGRESS.iter().any(|word| line.trim_start().starts_with(word));
    let kept: Vec<&str> = output
        .trim_end()
        .lines()
        .filter(|line| !is_progress(line))
        .collect();
    kept[kept.len().saturating_sub(lines)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_leaves_out_cargo_progress() {
        let output = "first\n   Compiling serde v1.0.0\nwarning: x\nerror: y\n";
        assert_eq!(tail(output, 2), "warning: x\nerror: y");
        assert_eq!(tail(output, 9), "first\nwarning: x\nerror: y");
    }
}
