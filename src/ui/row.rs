//! One line of the conversation, as it is drawn.

use pesan::chat::entry::{Delivery, Row, Said, What};
use pesan::chat::folding::folded;
use pesan::chat::links::{Part, parts};
use pesan::chat::words::{Words, fill};
use pesan::messages::{Change, Person};

use super::act::Act;
use super::clock::Calendar;
use super::dom::{El, el};
use super::face::{face, name};
use super::icon::{ALERT, CLOCK, COPY, REPLY, TICK, icon, icon_button};

/// Line with all that its look depends on.
pub(crate) struct Line {
    /// The line and its neighbours.
    pub(crate) row: Row,
    /// Number of its day.
    pub(crate) day: i64,
    /// Whether a folded text is shown whole.
    pub(crate) open: bool,
    /// Whether messages can be answered.
    pub(crate) answers: bool,
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        let look = |line: &Self| (line.row.stamp(), line.open, line.answers);
        look(self) == look(other)
    }
}

/// Row of a line.
pub(crate) fn row(line: &Line, words: &'static Words, calendar: &Calendar) -> El {
    let Row { entry, .. } = &line.row;
    let own = entry.said().is_some_and(|said| said.mine);
    let class = match (line.row.starts_group, own) {
        (true, true) => "row first own",
        (true, false) => "row first",
        (false, true) => "row own",
        (false, false) => "row",
    };
    let mut row = el("article", class)
        .attr("data-key", &entry.key.to_string())
        .attr("tabindex", "-1");
    if line.row.starts_day {
        row = row.add(divider("day", &calendar.day(entry.at, line.day)));
    }
    if line.row.starts_unread {
        row = row.add(divider("unread-line", words.unread_line));
    }
    row.add(match &entry.what {
        What::Said(message) => said(line, message, words, calendar),
        What::Moved {
            person,
            change,
            before,
        } => el("p", "moved").text(&moved(words, person, *change, before)),
        What::Notice(text) => el("p", "moved").text(text),
    })
}

fn divider(class: &str, text: &str) -> El {
    el("div", class).add(el("span", "").text(text))
}

fn moved(words: &Words, person: &Person, change: Change, before: &str) -> String {
    match change {
        Change::Came => fill(words.came, &[&person.name]),
        Change::Went => fill(words.went, &[&person.name]),
        Change::Renamed => fill(words.renamed, &[before, &person.name]),
    }
}

fn said(line: &Line, said: &Said, words: &'static Words, calendar: &Calendar) -> El {
    let Row {
        entry,
        delivery,
        starts_group,
        ..
    } = &line.row;
    let time = el("time", "").text(&calendar.time(entry.at));
    let by = match &said.author {
        Some(author) if *starts_group => {
            let mut by = el("div", "body by").add(name("author", &author.name)).add(time);
            if *delivery == Delivery::Sent {
                let tick = el("span", "tick")
                    .attr("role", "img")
                    .attr("aria-label", words.sent)
                    .attr("title", words.sent);
                by = by.add(tick.add(icon(TICK)));
            }
            el("div", "line").add(face(author, false)).add(by)
        }
        author => {
            let author = author.as_ref().map(|author| [&author.name, ", "].concat());
            let author = el("span", "unseen").text(&author.unwrap_or_default());
            el("div", "line bare").add(el("div", "aside").add(author).add(time))
        }
    };
    let mut acts = el("div", "acts");
    if line.answers && said.seq.is_some() {
        acts = acts.add(icon_button("icon", REPLY, words.reply, Act::Reply).attr("tabindex", "-1"));
    }
    acts = acts.add(icon_button("icon", COPY, words.copy, Act::Copy).attr("tabindex", "-1"));
    by.add(body(line, said, words)).add(acts)
}

/// What was said, with what it answers and how far it has come.
fn body(line: &Line, said: &Said, words: &'static Words) -> El {
    let mut body = el("div", "body");
    if let Some(quote) = &said.reply {
        let quoted = [fill(words.quoted, &[&quote.author]).as_str(), ": "].concat();
        let button = el("button", "quote")
            .act(Act::Goto, &quote.seq.to_string())
            .add(el("span", "unseen").text(&quoted))
            .add(el("b", "").attr("aria-hidden", "true").text(&quote.author))
            .text(&quote.text);
        body = body.add(button);
    }
    let short = if line.open { None } else { folded(&said.text) };
    let text = short.unwrap_or(&said.text);
    let class = if is_emoji(text) { "text large" } else { "text" };
    body = body.add(linked(el("p", class), text));
    if short.is_some() {
        body = body.add(word(words.more, Act::More));
    }
    body.add_some(delivery(&line.row.delivery, words))
}

/// Button that is a word.
fn word(text: &str, act: Act) -> El {
    el("button", "word").act(act, "").text(text)
}

/// Text with its links; the text itself is never markup.
fn linked(place: El, text: &str) -> El {
    parts(text).into_iter().fold(place, |place, part| match part {
        Part::Text(text) => place.text(text),
        Part::Link(address) => place.add(
            el("a", "")
                .attr("href", address)
                .attr("target", "_blank")
                .attr("rel", "noopener noreferrer nofollow")
                .text(address),
        ),
    })
}

fn delivery(delivery: &Delivery, words: &'static Words) -> Option<El> {
    let (path, text) = match delivery {
        Delivery::Waiting => (CLOCK, words.waiting),
        Delivery::Sending => (CLOCK, words.sending),
        Delivery::Failed(_) => (ALERT, words.failed),
        Delivery::Sent | Delivery::Arrived => return None,
    };
    let text = el("span", "").text(text);
    let place = el("p", "delivery").add(icon(path));
    let Delivery::Failed(why) = delivery else {
        return Some(place.add(text));
    };
    let why = why.as_ref().map(|why| [". ", &words.refusal(why)].concat());
    let failed = place
        .attr("class", "delivery failed")
        .add(text.text(&why.unwrap_or_default()))
        .add(word(words.try_again, Act::Retry))
        .add(word(words.discard, Act::Discard));
    Some(failed)
}

/// Whether a text is a few emoji and nothing else.
fn is_emoji(text: &str) -> bool {
    let emoji =
        |c: char| matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}');
    let joined = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | ' ');
    text.len() <= 48 && text.chars().any(emoji) && text.chars().all(|c| emoji(c) || joined(c))
}
