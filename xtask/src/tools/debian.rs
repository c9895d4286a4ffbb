//! Programs of the system: the browser, its driver, Redis. Installed by apt where that can be done unasked.

use std::env;
use std::path::{Path, PathBuf};

use super::find;
use crate::failure::Failure;
use crate::job::Job;

/// Names under which Chromium and its kin are installed.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

/// Where macOS has it.
const MAC_BROWSERS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// The browser of the tests, and the program that drives it.
pub(crate) struct Browser {
    pub(crate) browser: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Finds the browser; `CHROME` and `CHROMEDRIVER` name it where it has an unusual place.
pub(crate) fn browser() -> Result<Browser, Failure> {
    let missing = |what: &str, variable: &str| {
        Failure::new(format!("{what} is not there")).by_hand(format!(
            "install Chromium and its driver (Debian: apt-get install chromium chromium-driver),\n\
             or name the file in the environment variable {variable}"
        ))
    };
    Ok(Browser {
        browser: chromium().ok_or_else(|| missing("Chromium or Chrome", "CHROME"))?,
        driver: driver().ok_or_else(|| missing("chromedriver", "CHROMEDRIVER"))?,
    })
}

/// Installs what the tests need of the system and is not there, where this is Debian and root.
pub(crate) fn packages() -> Result<(), Failure> {
    let mut wanted = Vec::new();
    if chromium().is_none() {
        wanted.push("chromium");
    }
    if driver().is_none() {
        wanted.push("chromium-driver");
    }
    if find("redis-server").is_none() && find("valkey-server").is_none() {
        wanted.push("redis-server");
    }
    if wanted.is_empty() {
        return Ok(());
    }
    let by_hand = format!("install, as Debian's packages are called: {}", wanted.join(" "));
    let root = Job::new("id", "id")
        .arg("-u")
        .quiet()
        .is_some_and(|id| id.trim() == "0");
    if !root || find("apt-get").is_none() {
        return Err(Failure::new(format!("missing: {}", wanted.join(", "))).by_hand(by_hand));
    }
    let apt = |label: &str| Job::new(label, "apt-get").env("DEBIAN_FRONTEND", "noninteractive");
    apt("apt-get update")
        .arg("update")
        .run()
        .map_err(|failure| failure.by_hand(&by_hand))?;
    apt(&format!("apt-get install {}", wanted.join(" ")))
        .words("install --yes --no-install-recommends")
        .args(&wanted)
        .run()
        .map(drop)
        .map_err(|failure| failure.by_hand(&by_hand))
}

fn chromium() -> Option<PathBuf> {
    let named = env::var_os("CHROME").map(PathBuf::from);
    let mac = MAC_BROWSERS
        .iter()
        .map(Path::new)
        .find(|path| path.is_file())
        .map(Path::to_owned);
    named
        .or_else(|| BROWSERS.iter().find_map(|name| find(name)))
        .or(mac)
}

fn driver() -> Option<PathBuf> {
    env::var_os("CHROMEDRIVER")
        .map(PathBuf::from)
        .or_else(|| find("chromedriver"))
}
