//! One row of the conversation: a message, or a note that someone joined, left or changed their name.

use leptos::prelude::*;

use super::avatar::Avatar;
use super::icon::{Icon, IconButton, IconName};
use super::linkified_text::LinkifiedText;
use crate::chat::i18n::{Strings, With1, WithNumber};
use crate::chat::text::collapse;
use crate::chat::timeline_item::{ChatMessage, Delivery, ItemKind, MembershipChanges, TimelineRow};
use crate::contexts::i18n::{I18n, use_i18n};
use crate::protocol::{ChatError, Person, Quote};

/// Texts of at most this many bytes may be shown large when they are emoji only.
const MAX_LARGE_EMOJI_BYTES: usize = 48;

/// Row of the conversation with everything that its look depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageRow {
    /// Item with what its neighbours make of it.
    pub row: TimelineRow,
    /// Days since the item, for the day separator.
    pub days_ago: i64,
    /// Whether a long text is shown whole.
    pub is_expanded: bool,
    /// Whether the server supports replies.
    pub can_reply: bool,
    /// Whether the person followed a quote to this row.
    pub is_target: bool,
    /// Number of the author's colour.
    pub tint: u32,
}

/// What a person does with a row; each gets the key of the row.
#[derive(Clone, Copy)]
pub struct RowActions {
    /// Reply to the message.
    pub reply: Callback<u64>,
    /// Copy its text.
    pub copy: Callback<u64>,
    /// Send it again.
    pub retry: Callback<u64>,
    /// Give it up.
    pub discard: Callback<u64>,
    /// Show a long text whole.
    pub expand: Callback<u64>,
    /// Show the message of an order number, which the row quotes.
    pub show_quoted: Callback<u64>,
}

/// One row of the conversation.
#[component]
pub fn MessageItem(#[prop(into)] row: Signal<MessageRow>, actions: RowActions) -> impl IntoView {
    let i18n = use_i18n();
    let key = row.with_untracked(|row| row.row.item.key);
    let class = Memo::new(move |_| row.with(row_class));
    view! {
        <article class=class data-key=key tabindex="-1">
            {move || row.with(|row| row_content(row, actions, i18n))}
        </article>
    }
}

fn row_class(row: &MessageRow) -> String {
    let is_own = row.row.item.message().is_some_and(|message| message.mine);
    let mut class = String::from("row");
    for (applies, name) in [
        (row.row.starts_group, " first"),
        (is_own, " own"),
        (row.is_target, " target"),
    ] {
        if applies {
            class.push_str(name);
        }
    }
    class
}

fn row_content(row: &MessageRow, actions: RowActions, i18n: I18n) -> impl IntoView + use<> {
    let item = &row.row.item;
    let day = row.row.starts_day.then(|| {
        view! {
            <div class="day-separator">
                <span>{i18n.day(item.at, row.days_ago)}</span>
            </div>
        }
    });
    let unread = row.row.starts_unread.then(|| {
        view! {
            <div class="unread-marker">
                <span>{i18n.strings().new_messages}</span>
            </div>
        }
    });
    let content = match &item.kind {
        ItemKind::Message(message) if message.is_deleted() => {
            view! { <p class="membership-change">{i18n.strings().message_deleted}</p> }.into_any()
        }
        ItemKind::Message(message) => message_view(row, message, actions, i18n).into_any(),
        ItemKind::Membership(changes) => {
            let text = membership_text(i18n.strings(), changes);
            view! { <p class="membership-change">{text}</p> }.into_any()
        }
        ItemKind::Notice(text) => view! { <p class="membership-change">{text.clone()}</p> }.into_any(),
    };
    (day, unread, content)
}

fn message_view(
    row: &MessageRow,
    message: &ChatMessage,
    actions: RowActions,
    i18n: I18n,
) -> impl IntoView + use<> {
    let strings = i18n.strings();
    let TimelineRow {
        item,
        delivery,
        starts_group,
        ..
    } = &row.row;
    let key = item.key;
    let time = i18n.time(item.at);
    let shown_author = message.author.as_ref().filter(|_| *starts_group);
    let avatar = shown_author.map(|author| view! { <Avatar tint=row.tint name=author.name.clone() /> });
    let byline = match shown_author {
        Some(author) => view! {
            <div class="body byline">
                <span class=format!("author ink-{}", row.tint)>
                    <bdi>{author.name.clone()}</bdi>
                </span>
                <time>{time}</time>
                {sent_mark(delivery, strings)}
            </div>
        }
        .into_any(),
        None => {
            let author = message
                .author
                .as_ref()
                .map(|author| view! { <span class="visually-hidden">{format!("{}, ", author.name)}</span> });
            // on a basic server nobody has a name: each line has its time
            let class = if message.author.is_some() {
                "time-aside"
            } else {
                "time-aside shown"
            };
            view! { <div class=class>{author} <time>{time}</time></div> }.into_any()
        }
    };
    let collapsed = if row.is_expanded {
        None
    } else {
        collapse(&message.text)
    };
    let is_collapsed = collapsed.is_some();
    let text = collapsed.unwrap_or_else(|| message.text.clone());
    let text_class = if is_emoji_only(&text) {
        "text emoji-only"
    } else {
        "text"
    };
    let text = if message.is_json {
        view! { <code>{text}</code> }.into_any()
    } else {
        view! { <LinkifiedText text=text /> }.into_any()
    };
    let expand = is_collapsed.then(|| {
        view! {
            <button type="button" class="text-button" on:click=move |_| actions.expand.run(key)>
                {strings.show_all}
            </button>
        }
    });
    let reply_button = (row.can_reply && message.seq.is_some()).then(|| {
        view! {
            <IconButton
                icon=IconName::Reply
                label=i18n.text(|s| s.reply)
                skip_tab=true
                on_press=move |_| actions.reply.run(key)
            />
        }
    });
    view! {
        <div class=if shown_author.is_some() { "line" } else { "line continued" }>
            {avatar}
            {byline}
            <div class="body">
                {message.reply.as_ref().map(|quote| quote_view(quote, actions, strings))}
                <p class=text_class>
                    {text}
                </p>
                {expand}
                {delivery_view(key, delivery, actions, strings)}
            </div>
            <div class="message-actions">
                {reply_button}
                <IconButton
                    icon=IconName::Copy
                    label=i18n.text(|s| s.copy)
                    skip_tab=true
                    on_press=move |_| actions.copy.run(key)
                />
            </div>
        </div>
    }
}

fn sent_mark(delivery: &Delivery, strings: &'static Strings) -> Option<impl IntoView + use<>> {
    matches!(delivery, Delivery::Sent).then(|| {
        view! {
            <span class="sent-mark" role="img" aria-label=strings.sent title=strings.sent>
                <Icon name=IconName::Check />
            </span>
        }
    })
}

fn quote_view(quote: &Quote, actions: RowActions, strings: &Strings) -> impl IntoView + use<> {
    let seq = quote.seq;
    let text = if quote.text.is_empty() {
        strings.message_deleted.to_owned()
    } else {
        quote.text.clone()
    };
    view! {
        <button type="button" class="quote" on:click=move |_| actions.show_quoted.run(seq)>
            <span class="visually-hidden">{format!("{}: ", (strings.in_reply_to)(&quote.author))}</span>
            <b aria-hidden="true">{quote.author.clone()}</b>
            <span>{text}</span>
        </button>
    }
}

fn delivery_view(key: u64, delivery: &Delivery, actions: RowActions, strings: &'static Strings) -> AnyView {
    let waiting = |text: &'static str| {
        view! {
            <p class="delivery">
                <Icon name=IconName::Clock />
                <span>{text}</span>
            </p>
        }
        .into_any()
    };
    match delivery {
        Delivery::Queued => waiting(strings.waiting),
        Delivery::Delayed => waiting(strings.delayed),
        Delivery::Sending => waiting(strings.sending),
        Delivery::Unanswered => waiting(strings.unanswered),
        Delivery::Failed(error) => view! {
            <p class="delivery failed">
                <Icon name=IconName::Warning />
                <span>{failed_text(error.as_ref(), strings)}</span>
                <button type="button" class="text-button" on:click=move |_| actions.retry.run(key)>
                    {strings.retry}
                </button>
                <button type="button" class="text-button" on:click=move |_| actions.discard.run(key)>
                    {strings.discard}
                </button>
            </p>
        }
        .into_any(),
        Delivery::Sent | Delivery::Arrived => ().into_any(),
    }
}

fn failed_text(error: Option<&ChatError>, strings: &Strings) -> String {
    match error {
        Some(error) => format!("{}. {}", strings.failed, strings.error(error)),
        None => strings.failed.to_owned(),
    }
}

/// Names of at most this many people are written out.
const MAX_NAMES: usize = 3;

fn membership_text(strings: &Strings, changes: &MembershipChanges) -> String {
    let MembershipChanges { came, left, renamed } = changes;
    let group = |people: &[Person], one: With1, many: WithNumber| match people {
        [] => None,
        people if people.len() > MAX_NAMES => Some(many(people.len() as u64)),
        people => Some(one(&name_list(strings, people))),
    };
    let mut parts: Vec<String> = [
        group(came, strings.joined, strings.joined_many),
        group(left, strings.left, strings.left_many),
    ]
    .into_iter()
    .flatten()
    .collect();
    if renamed.len() > MAX_NAMES {
        parts.push((strings.renamed_many)(renamed.len() as u64));
    } else {
        parts.extend(
            renamed
                .iter()
                .map(|(old_name, person)| (strings.renamed)(old_name, &person.name)),
        );
    }
    parts.join(" · ")
}

/// Names as a sentence lists them.
fn name_list(strings: &Strings, people: &[Person]) -> String {
    let names: Vec<&str> = people.iter().map(|person| person.name.as_str()).collect();
    match names.split_last() {
        Some((last, [])) => (*last).to_owned(),
        Some((last, others)) => format!("{} {} {last}", others.join(", "), strings.and),
        None => String::new(),
    }
}

/// Whether a text is a few emoji and nothing else.
fn is_emoji_only(text: &str) -> bool {
    let is_emoji =
        |c: char| matches!(c, '\u{1f000}'..='\u{1faff}' | '\u{2600}'..='\u{27bf}' | '\u{2b50}' | '\u{2b55}');
    let joins = |c: char| matches!(c, '\u{200d}' | '\u{fe0f}' | ' ');
    text.len() <= MAX_LARGE_EMOJI_BYTES
        && text.chars().any(is_emoji)
        && text.chars().all(|c| is_emoji(c) || joins(c))
}
