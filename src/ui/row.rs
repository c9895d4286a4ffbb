//! One line of the conversation, as it is drawn.

use pesan::chat::entry::{Delivery, Row, Said, What};
use pesan::chat::folding::folded;
use pesan::chat::links::{Part, parts};
use pesan::chat::words::{Words, fill};
use pesan::messages::{Change, Person};

use super::clock::Calendar;
use super::dom::{El, piece};
use super::face::face;

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
    let row = piece("#row", words);
    row.set("class", Some(class));
    row.set("data-key", Some(&entry.key.to_string()));
    if line.row.starts_day {
        row.at(".day span").write(&calendar.day(entry.at, line.day));
    } else {
        row.without(".day");
    }
    if !line.row.starts_unread {
        row.without(".unread-line");
    }
    let text = match &entry.what {
        What::Said(message) => {
            row.without(".moved");
            said(&row, line, message, words, calendar);
            return row;
        }
        What::Moved {
            person,
            change,
            before,
        } => &moved(words, person, *change, before),
        What::Notice(text) => text,
    };
    row.at(".moved").write(text);
    row.without(".line");
    row
}

fn moved(words: &Words, person: &Person, change: Change, before: &str) -> String {
    match change {
        Change::Came => fill(words.came, &[&person.name]),
        Change::Went => fill(words.went, &[&person.name]),
        Change::Renamed => fill(words.renamed, &[before, &person.name]),
    }
}

fn said(row: &El, line: &Line, said: &Said, words: &'static Words, calendar: &Calendar) {
    let Row {
        entry,
        delivery,
        starts_group,
        ..
    } = &line.row;
    let by = match &said.author {
        Some(author) if *starts_group => {
            row.without(".aside");
            face(&row.at(".face"), &author.id, &author.name, false);
            row.at("bdi").write(&author.name);
            if *delivery != Delivery::Sent {
                row.without(".tick");
            }
            row.at(".by")
        }
        author => {
            row.without(".face");
            row.without(".by");
            row.at(".line").set("class", Some("line bare"));
            if let Some(author) = author {
                row.at(".unseen").write(&[&author.name, ", "].concat());
            }
            row.at(".aside")
        }
    };
    by.at("time").write(&calendar.time(entry.at));
    match &said.reply {
        Some(quote) => {
            let button = row.at(".quote");
            button.set("data-of", Some(&quote.seq.to_string()));
            let before = [&fill(words.quoted, &[&quote.author]), ": "].concat();
            button.at(".unseen").write(&before);
            button.at("b").write(&quote.author);
            button.at("b + span").write(&quote.text);
        }
        None => row.without(".quote"),
    }
    let short = if line.open { None } else { folded(&said.text) };
    let text = short.unwrap_or(&said.text);
    let place = row.at(".text");
    if is_emoji(text) {
        place.set("class", Some("text large"));
    }
    linked(&place, text, words);
    if short.is_none() {
        row.without("[data-act=more]");
    }
    shows(row, delivery, words);
    if !line.answers || said.seq.is_none() {
        row.without("[data-act=reply]");
    }
}

/// Text with its links; the text itself is never markup.
fn linked(place: &El, text: &str, words: &'static Words) {
    for part in parts(text) {
        match part {
            Part::Text(text) => place.add_text(text),
            Part::Link(address) => {
                let link = piece("#link", words);
                link.set("href", Some(address));
                link.write(address);
                place.append(&link);
            }
        }
    }
}

/// How far it has come.
fn shows(row: &El, delivery: &Delivery, words: &'static Words) {
    let text = match delivery {
        Delivery::Waiting => words.waiting,
        Delivery::Sending => words.sending,
        Delivery::Failed(why) => {
            let why = why.as_ref().map(|why| [". ", &words.refusal(why)].concat());
            row.without(".delivery");
            row.at(".failed span")
                .write(&[words.failed, &why.unwrap_or_default()].concat());
            return;
        }
        Delivery::Sent | Delivery::Arrived => {
            row.without(".delivery");
            return row.without(".failed");
        }
    };
    row.at(".delivery span").write(text);
    row.without(".failed");
}

/// Whether a text is a few emoji and nothing else.
fn is_emoji(text: &str) -> bool {
    let emoji =
        |c: char| matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}');
    let joined = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | ' ');
    text.len() <= 48 && text.chars().any(emoji) && text.chars().all(|c| emoji(c) || joined(c))
}
