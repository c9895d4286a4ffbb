//! One line of the conversation, as it is drawn. Its buttons are named by `data-act`; the log hears them.

use leptos::prelude::*;
use pesan::chat::entry::{Delivery, Row, Said, What};
use pesan::chat::folding::folded;
use pesan::chat::links::{Part, parts};
use pesan::chat::words::{Words, fill};
use pesan::messages::{Change, Person};

use super::clock::Calendar;
use super::face::face;
use super::icon::{ALERT, CLOCK, COPY, REPLY, TICK, icon};

/// What a row needs besides the line itself.
#[derive(Clone)]
pub(crate) struct Setting {
    /// Language.
    pub(crate) words: &'static Words,
    /// Times and days.
    pub(crate) calendar: Calendar,
    /// Number of the row's day.
    pub(crate) day: i64,
    /// Whether a folded text is shown whole.
    pub(crate) open: bool,
    /// Whether messages can be answered.
    pub(crate) answers: bool,
}

/// Row of a line.
pub(crate) fn row_view(row: &Row, setting: &Setting) -> AnyView {
    let words = setting.words;
    let entry = &row.entry;
    let day = row.starts_day.then(|| {
        view! { <div class="day"><span>{setting.calendar.day(entry.at, setting.day)}</span></div> }.into_any()
    });
    let unread = row
        .starts_unread
        .then(|| view! { <div class="unread-line"><span>{words.unread_line}</span></div> }.into_any());
    let content = match &entry.what {
        What::Said(said) => said_view(row, said, setting),
        What::Moved {
            person,
            change,
            before,
        } => moved_view(moved(words, person, *change, before)),
        What::Notice(text) => moved_view(text.clone()),
    };
    let own = entry.said().is_some_and(|said| said.mine);
    let class = match (row.starts_group, own) {
        (true, true) => "row first own",
        (true, false) => "row first",
        (false, true) => "row own",
        (false, false) => "row",
    };
    view! {
        <article class=class data-key=entry.key.to_string() tabindex="-1">
            {day}
            {unread}
            {content}
        </article>
    }
    .into_any()
}

fn moved(words: &Words, person: &Person, change: Change, before: &str) -> String {
    match change {
        Change::Came => fill(words.came, &[&person.name]),
        Change::Went => fill(words.went, &[&person.name]),
        Change::Renamed => fill(words.renamed, &[before, &person.name]),
    }
}

fn moved_view(text: String) -> AnyView {
    view! { <p class="moved">{text}</p> }.into_any()
}

fn said_view(row: &Row, said: &Said, setting: &Setting) -> AnyView {
    let words = setting.words;
    let named = if row.starts_group {
        said.author.as_ref()
    } else {
        None
    };
    let time = setting.calendar.time(row.entry.at);
    let tick = (row.delivery == Delivery::Sent).then(|| {
        view! { <span class="tick" role="img" aria-label=words.sent title=words.sent>{icon(TICK)}</span> }
            .into_any()
    });
    let aside = named.is_none();
    let (by, beside) = if let Some(author) = named {
        let by = view! {
            {face(author, false)}
            <div class="body by">
                <span class="author"><bdi>{author.name.clone()}</bdi></span>
                <time>{time}</time>
                {tick}
            </div>
        };
        (Some(by.into_any()), None)
    } else {
        let author = said
            .author
            .as_ref()
            .map(|author| [author.name.as_str(), ", "].concat());
        let beside =
            view! { <div class="aside"><span class="unseen">{author}</span><time>{time}</time></div> };
        (None, Some(beside.into_any()))
    };
    let quote = said.reply.as_ref().map(|quote| {
        view! {
            <button class="quote" data-act="goto" data-seq=quote.seq.to_string()>
                <span class="unseen">{fill(words.quoted, &[&quote.author])}": "</span>
                <b aria-hidden="true">{quote.author.clone()}</b>
                {quote.text.clone()}
            </button>
        }
        .into_any()
    });
    let short = if setting.open { None } else { folded(&said.text) };
    let more = short.map(|_| view! { <button class="word" data-act="more">{words.more}</button> }.into_any());
    let text = short.unwrap_or(&said.text);
    let class = if is_emoji(text) { "text large" } else { "text" };
    let reply = (setting.answers && said.seq.is_some()).then(|| {
        view! {
            <button class="icon" data-act="reply" tabindex="-1" aria-label=words.reply title=words.reply>
                {icon(REPLY)}
            </button>
        }
        .into_any()
    });
    view! {
        <div class="line" class:bare=aside>
            {by}
            {beside}
            <div class="body">
                {quote}
                <p class=class>{text_view(text)}</p>
                {more}
                {delivery(&row.delivery, words)}
            </div>
            <div class="acts">
                {reply}
                <button class="icon" data-act="copy" tabindex="-1" aria-label=words.copy title=words.copy>
                    {icon(COPY)}
                </button>
            </div>
        </div>
    }
    .into_any()
}

/// Text with its links; the text itself is never markup.
fn text_view(text: &str) -> Vec<AnyView> {
    parts(text)
        .into_iter()
        .map(|part| match part {
            Part::Text(text) => text.to_owned().into_any(),
            Part::Link(address) => view! {
                <a href=address.to_owned() target="_blank" rel="noopener noreferrer nofollow">{address.to_owned()}</a>
            }
            .into_any(),
        })
        .collect()
}

fn delivery(delivery: &Delivery, words: &'static Words) -> Option<AnyView> {
    let (path, text) = match delivery {
        Delivery::Waiting => (CLOCK, words.waiting),
        Delivery::Sending => (CLOCK, words.sending),
        Delivery::Failed(why) => {
            let why = why.as_ref().map(|why| [". ", &words.refusal(why)].concat());
            return Some(
                view! {
                    <p class="delivery failed">
                        {icon(ALERT)}
                        <span>{words.failed}{why}</span>
                        <button class="word" data-act="retry">{words.try_again}</button>
                        <button class="word" data-act="discard">{words.discard}</button>
                    </p>
                }
                .into_any(),
            );
        }
        Delivery::Sent | Delivery::Arrived => return None,
    };
    Some(view! { <p class="delivery">{icon(path)}<span>{text}</span></p> }.into_any())
}

/// Whether a text is a few emoji and nothing else.
fn is_emoji(text: &str) -> bool {
    let emoji =
        |c: char| matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}');
    let joined = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | ' ');
    text.len() <= 48
        && text.chars().filter(|c| emoji(*c)).count() >= 1
        && text.chars().all(|c| emoji(c) || joined(c))
}
