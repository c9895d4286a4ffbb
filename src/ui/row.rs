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
    /// How many days ago it was.
    pub(crate) ago: i64,
    /// Whether a folded text is shown whole.
    pub(crate) open: bool,
    /// Whether messages can be answered.
    pub(crate) answers: bool,
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        // after midnight a day has another name
        let ago = |line: &Self| if line.row.starts_day { line.ago } else { 0 };
        let look = |line: &Self| (line.row.stamp(), line.open, line.answers, ago(line));
        look(self) == look(other)
    }
}

/// Parts that not every line has, each with the bit that says so in a line's look; what is within another comes first.
const PARTS: [(u16, &str); 13] = [
    (DAY, ".day"),
    (UNREAD, ".unread-line"),
    (MOVED, ".moved"),
    (BY, ".face"),
    (SENT, ".tick"),
    (BY, ".by"),
    (ASIDE, ".aside"),
    (QUOTE, ".quote"),
    (FOLDED, "[data-act=more]"),
    (WAITS, ".delivery"),
    (FAILED, ".failed"),
    (ANSWERS, "[data-act=reply]"),
    (SAID, ".line"),
];
const DAY: u16 = 1;
const UNREAD: u16 = 1 << 1;
const MOVED: u16 = 1 << 2;
const SAID: u16 = 1 << 3;
const BY: u16 = 1 << 4;
const ASIDE: u16 = 1 << 5;
const SENT: u16 = 1 << 6;
const QUOTE: u16 = 1 << 7;
const FOLDED: u16 = 1 << 8;
const WAITS: u16 = 1 << 9;
const FAILED: u16 = 1 << 10;
const ANSWERS: u16 = 1 << 11;

/// Parts that a line has.
fn look(line: &Line) -> u16 {
    let bit = |part: u16, has: bool| if has { part } else { 0 };
    let row = &line.row;
    let around = bit(DAY, row.starts_day) | bit(UNREAD, row.starts_unread);
    let Some(said) = row.entry.said() else {
        return around | MOVED;
    };
    let of_delivery = match row.delivery {
        Delivery::Waiting | Delivery::Sending => WAITS,
        Delivery::Failed(_) => FAILED,
        Delivery::Sent => SENT,
        Delivery::Arrived => 0,
    };
    let by = row.starts_group && said.author.is_some();
    around
        | SAID
        | of_delivery
        | if by { BY } else { ASIDE }
        | bit(QUOTE, said.reply.is_some())
        | bit(FOLDED, shortened(line, said).is_some())
        | bit(ANSWERS, line.answers && said.seq.is_some())
}

/// What is shown of a text that is too long to be shown whole.
fn shortened<'t>(line: &Line, said: &'t Said) -> Option<&'t str> {
    if line.open { None } else { folded(&said.text) }
}

/// Draws rows: each is a copy of what all rows of its look have in common.
pub(crate) struct Rows {
    words: &'static Words,
    calendar: Calendar,
    bare: Vec<(u16, El)>,
}

impl Rows {
    /// In a language, and with its calendar.
    pub(crate) fn new(words: &'static Words, calendar: Calendar) -> Self {
        Self {
            words,
            calendar,
            bare: Vec::new(),
        }
    }

    /// Row of a line.
    pub(crate) fn draw(&mut self, line: &Line) -> El {
        let Row { entry, .. } = &line.row;
        let look = look(line);
        let row = self.bare(look);
        let own = entry.said().is_some_and(|said| said.mine);
        let class = match (line.row.starts_group, own) {
            (true, true) => "row first own",
            (true, false) => "row first",
            (false, true) => "row own",
            (false, false) => "row",
        };
        row.set("class", Some(class));
        row.set("data-key", Some(&entry.key.to_string()));
        if line.row.starts_day {
            row.at(".day span").write(&self.calendar.day(entry.at, line.ago));
        }
        match &entry.what {
            What::Said(message) => self.said(&row, line, message),
            What::Moved {
                person,
                change,
                before,
            } => row
                .at(".moved")
                .write(&moved(self.words, person, *change, before)),
            What::Notice(text) => row.at(".moved").write(text),
        }
        row
    }

    /// Copy of the template that has the parts of a look alone.
    fn bare(&mut self, look: u16) -> El {
        if let Some((_, row)) = self.bare.iter().find(|(of, _)| *of == look) {
            return row.clone_node(true);
        }
        let row = piece("#row", self.words);
        if look & ASIDE != 0 {
            row.at(".line").set("class", Some("line bare"));
        }
        for (part, selector) in PARTS {
            if look & part == 0 {
                row.without(selector);
            }
        }
        self.bare.push((look, row.clone_node(true)));
        row
    }

    fn said(&self, row: &El, line: &Line, said: &Said) {
        let Row {
            entry,
            delivery,
            starts_group,
            ..
        } = &line.row;
        match &said.author {
            Some(author) if *starts_group => {
                face(&row.at(".face"), &author.id, &author.name, false);
                row.at("bdi").write(&author.name);
            }
            Some(author) => row.at(".unseen").write(&[&author.name, ", "].concat()),
            None => {}
        }
        row.at("time").write(&self.calendar.time(entry.at));
        if let Some(quote) = &said.reply {
            let button = row.at(".quote");
            button.set("data-of", Some(&quote.seq.to_string()));
            let before = [&fill(self.words.quoted, &[&quote.author]), ": "].concat();
            button.at(".unseen").write(&before);
            button.at("b").write(&quote.author);
            button.at("b + span").write(&quote.text);
        }
        let text = shortened(line, said).unwrap_or(&said.text);
        let place = row.at(".text");
        if is_emoji(text) {
            place.set("class", Some("text large"));
        }
        linked(&place, text, self.words);
        match delivery {
            Delivery::Waiting => row.at(".delivery span").write(self.words.waiting),
            Delivery::Sending => row.at(".delivery span").write(self.words.sending),
            Delivery::Failed(why) => {
                let why = why.as_ref().map(|why| [". ", &self.words.refusal(why)].concat());
                row.at(".failed span")
                    .write(&[self.words.failed, &why.unwrap_or_default()].concat());
            }
            Delivery::Sent | Delivery::Arrived => {}
        }
    }
}

fn moved(words: &Words, person: &Person, change: Change, before: &str) -> String {
    match change {
        Change::Came => fill(words.came, &[&person.name]),
        Change::Went => fill(words.went, &[&person.name]),
        Change::Renamed => fill(words.renamed, &[before, &person.name]),
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

/// Whether a text is a few emoji and nothing else.
fn is_emoji(text: &str) -> bool {
    let emoji =
        |c: char| matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}');
    let joined = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | ' ');
    text.len() <= 48 && text.chars().any(emoji) && text.chars().all(|c| emoji(c) || joined(c))
}
