//! One short text for the content of many files: equal as long as nothing changed.

use std::fs;
use std::hash::{DefaultHasher, Hasher};
use std::path::{Path, PathBuf};

use crate::failure::{Doing, Failure};

/// Fingerprint of files with their names; folders count with all that is below them, missing ones as missing.
pub(crate) fn of_files(paths: &[PathBuf]) -> Result<String, Failure> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        for file in files_below(path)? {
            let content = fs::read(&file).doing(format_args!("read {}", file.display()))?;
            add(&mut hasher, file.to_string_lossy().as_bytes());
            add(&mut hasher, &content);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Fingerprint of texts.
pub(crate) fn of_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hasher = DefaultHasher::new();
    texts
        .into_iter()
        .for_each(|text| add(&mut hasher, text.as_bytes()));
    format!("{:016x}", hasher.finish())
}

/// Every file at or below a path, in the order of their names.
pub(crate) fn files_below(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let doing = format!("list {}", path.display());
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).doing(&doing)? {
        entries.push(entry.doing(&doing)?.path());
    }
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}

fn add(hasher: &mut DefaultHasher, bytes: &[u8]) {
    hasher.write_usize(bytes.len());
    hasher.write(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_and_a_new_file_change_the_fingerprint() {
        let folder = std::env::temp_dir().join(format!("pesan-print-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder takes folders");
        let print = || of_files(std::slice::from_ref(&folder)).expect("it can be read");
        let write = |name: &str, text: &str| fs::write(folder.join(name), text).expect("and written");
        write("a", "1");
        let first = print();
        assert_eq!(first, print());
        write("a", "2");
        let second = print();
        write("b", "");
        assert!(first != second && second != print());
        fs::remove_dir_all(&folder).expect("made above");
    }

    #[test]
    fn where_one_text_ends_matters() {
        assert_ne!(of_texts(["ab", "c"]), of_texts(["a", "bc"]));
    }
}
