//! Icons: one stroke, 24 by 24, in the colour of the text around; and the buttons that show nothing else.

use super::act::Act;
use super::dom::{El, el, svg};

/// What every icon is drawn with.
const STROKE: [(&str, &str); 7] = [
    ("viewBox", "0 0 24 24"),
    ("fill", "none"),
    ("stroke", "currentColor"),
    ("stroke-width", "2"),
    ("stroke-linecap", "round"),
    ("stroke-linejoin", "round"),
    ("aria-hidden", "true"),
];

/// Icon of this path; it says nothing to a screen reader.
pub(crate) fn icon(path: &str) -> El {
    let icon = STROKE
        .iter()
        .fold(svg("svg"), |icon, (name, value)| icon.attr(name, value));
    icon.add(svg("path").attr("d", path))
}

/// Button that shows an icon, and says its label to a screen reader and to who rests on it.
pub(crate) fn icon_button(class: &str, path: &str, label: &str, act: Act) -> El {
    el("button", class)
        .attr("aria-label", label)
        .attr("title", label)
        .act(act, "")
        .add(icon(path))
}

pub(crate) const MENU: &str = "M4 7h16M4 12h16M4 17h16";
pub(crate) const PEOPLE: &str =
    "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21a7 7 0 0 1 14 0M16 3.5a4 4 0 0 1 0 7M18.5 14.5A7 7 0 0 1 22 21";
pub(crate) const GEAR: &str = "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5v5M8 13.5v5";
pub(crate) const CLOSE: &str = "M6 6l12 12M18 6L6 18";
pub(crate) const PLUS: &str = "M12 5v14M5 12h14";
pub(crate) const SEARCH: &str = "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4";
pub(crate) const REPLY: &str = "M10 7L4 12l6 5M4 12h9a7 7 0 0 1 7 7";
pub(crate) const COPY: &str = "M9 9h11v11H9zM15 9V4H4v11h5";
pub(crate) const TICK: &str = "M5 13l4 4L19 7";
pub(crate) const CLOCK: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2";
pub(crate) const ALERT: &str = "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v6M12 16.5v.5";
pub(crate) const DOWN: &str = "M12 5v14M6 13l6 6 6-6";
pub(crate) const SMILE: &str =
    "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14a4.2 4.2 0 0 0 7 0M9 9.5v.5M15 9.5v.5";
pub(crate) const LINK: &str =
    "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7L12 17";
pub(crate) const LEAVE: &str = "M14 4H6v16h8M10 12h11M17 8l4 4-4 4";
