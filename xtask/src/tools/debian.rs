//! System packages: Chromium, its driver, Redis, nginx, haproxy. Installed with apt-get if the user is root.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::find;
use crate::advice::ByHand;
use crate::cmd::Cmd;

/// Program names of Chromium and Chrome.
const BROWSERS: [&str; 5] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
];

/// Paths of the browsers on macOS.
const MAC_BROWSERS: [&str; 2] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// Proxies, whose packages have the names of the programs.
const PROXIES: [&str; 2] = ["nginx", "haproxy"];

/// Browser of the tests, and its WebDriver.
pub(crate) struct Browser {
    pub(crate) browser: PathBuf,
    pub(crate) driver: PathBuf,
}

/// Finds the browser: `CHROME` and `CHROMEDRIVER`, else the PATH.
pub(crate) fn browser() -> Result<Browser> {
    let found = |file: Option<PathBuf>, name: &str, variable: &str| {
        file.with_context(|| format!("{name} is not installed"))
            .by_hand(format!(
                "  apt-get install chromium chromium-driver    (on Debian)\n\
             or set the environment variable {variable} to the path of {name}"
            ))
    };
    Ok(Browser {
        browser: found(chromium(), "Chromium", "CHROME")?,
        driver: found(driver(), "chromedriver", "CHROMEDRIVER")?,
    })
}

/// Installs the missing packages of the tests.
pub(crate) fn packages() -> Result<()> {
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
    // run by the tests of the configurations in deploy/
    wanted.extend(PROXIES.into_iter().filter(|proxy| find(proxy).is_none()));
    if wanted.is_empty() {
        return Ok(());
    }
    let wanted = wanted.join(" ");
    install(&wanted).by_hand(format!("install these packages (Debian's names): {wanted}"))
}

fn install(packages: &str) -> Result<()> {
    let user = Cmd::new("id", "id").arg("-u").read();
    if user.as_deref().map(str::trim) != Some("0") || find("apt-get").is_none() {
        bail!("not installed: {packages}");
    }
    for line in [
        "update",
        &format!("install --yes --no-install-recommends {packages}"),
    ] {
        Cmd::new(format!("apt-get {line}"), "apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .split_args(line)
            .run()?;
    }
    Ok(())
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
