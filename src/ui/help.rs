//! Keys that one can press.

use pesan::chat::words::Words;

use super::dom::{El, el};

/// Help sheet.
pub(crate) fn help(words: &'static Words) -> El {
    let rows: [(&[&str], &str); 9] = [
        (&["Enter"], words.help_send),
        (&["Shift+Enter"], words.help_line),
        (&["Alt+↑", "Alt+↓"], words.help_room),
        (&["/", "Ctrl+K"], words.help_find),
        (&["↑", "↓"], words.help_rows),
        (&["R"], words.help_reply),
        (&["C"], words.help_copy),
        (&["Escape"], words.help_close),
        (&["?"], words.help_help),
    ];
    rows.iter().fold(el("dl", "keys"), |list, (keys, text)| {
        let mut term = el("dt", "");
        for (at, key) in keys.iter().enumerate() {
            if at > 0 {
                term = term.add(el("span", "").text(words.or));
            }
            term = term.add(el("kbd", "").text(key));
        }
        list.add(term).add(el("dd", "").text(text))
    })
}
