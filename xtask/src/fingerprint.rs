//! Hash of the names and contents of files.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};

use anyhow::Result;
use fs_err as fs;

/// Fingerprint of files and folders. Missing paths are ignored.
pub(crate) fn of_files(paths: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        for file in files_below(path)? {
            fs::read(&file)?.hash(&mut hasher);
            file.hash(&mut hasher);
        }
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files at or below a path, sorted by name.
pub(crate) fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(path.is_file().then(|| path.to_owned()).into_iter().collect());
    }
    let mut files = Vec::new();
    for entry in entries(path)? {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}

/// Files and folders in a folder, sorted by name.
pub(crate) fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        entries.push(entry?.path());
    }
    entries.sort();
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprint_after_a_changed_or_added_file_differs() {
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
}
