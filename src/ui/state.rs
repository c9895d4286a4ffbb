//! All that the page shows, in one place; what it shows of it follows by itself.

use pesan::chat::connection::Connection;
use pesan::chat::words::{Language, Words, fill};
use pesan::chat::{Chat, folding};

use super::act::Act;
use super::{clock, dom};

/// All that the page shows.
pub(crate) struct State {
    /// What the page knows.
    pub(crate) chat: Chat,
    /// How the connection stands.
    pub(crate) connection: Connection,
    /// Whether a token was tried.
    pub(crate) token_tried: bool,
    /// Language.
    pub(crate) language: Language,
    /// Appearance.
    pub(crate) theme: Theme,
    /// Panel that slid over the conversation, by its name in the style sheet.
    pub(crate) panel: Option<&'static str>,
    /// Dialog that is open.
    pub(crate) dialog: Option<Dialog>,
    /// Whether the field for a new room is open.
    pub(crate) creating: bool,
    /// Whether the sheet of emoji is open.
    pub(crate) emoji: bool,
    /// What the finder is asked for.
    pub(crate) wanted: String,
    /// Which of what it found is chosen.
    pub(crate) chosen: usize,
    /// Characters in the composer, and whether none of them shows.
    pub(crate) written: (u32, bool),
    /// Keys of the folded lines that are shown whole.
    pub(crate) unfolded: Vec<u64>,
    /// Whether the newest line is in view.
    pub(crate) at_end: bool,
    /// Time, in milliseconds since 1970; moves while something counts down.
    pub(crate) now: u64,
    /// When something was copied.
    pub(crate) copied: Option<u64>,
    /// What is read out to a screen reader.
    pub(crate) live: String,
}

/// Dialog that can be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// Name, language and appearance.
    Settings,
    /// Keys that one can press.
    Help,
    /// Finds a room or a person.
    Finder,
}

/// Appearance of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system has it.
    System,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// Theme of a name as it is kept.
    pub(crate) fn of_name(name: &str) -> Self {
        match name {
            "light" => Self::Light,
            "dark" => Self::Dark,
            _ => Self::System,
        }
    }

    /// Name under which it is kept; nothing for the system's.
    pub(crate) fn name(self) -> Option<&'static str> {
        match self {
            Self::System => None,
            Self::Light => Some("light"),
            Self::Dark => Some("dark"),
        }
    }
}

/// So long is said that something was copied, in milliseconds.
const COPIED: u64 = 2000;

/// Characters of a message that are read out.
const READ_OUT: usize = 200;

impl State {
    /// State of a page that was just opened.
    pub(crate) fn new(chat: Chat, language: Language, theme: Theme) -> Self {
        Self {
            chat,
            connection: Connection::Connecting,
            token_tried: false,
            language,
            theme,
            panel: None,
            dialog: None,
            creating: false,
            emoji: false,
            wanted: String::new(),
            chosen: 0,
            written: (0, true),
            unfolded: Vec::new(),
            at_end: true,
            now: clock::now(),
            copied: None,
            live: String::new(),
        }
    }

    /// Words of the language.
    pub(crate) fn words(&self) -> &'static Words {
        self.language.words()
    }

    /// Whether the server can do more than the plain chat.
    pub(crate) fn full(&self) -> bool {
        self.chat.me().is_some()
    }

    /// Id of the open room.
    pub(crate) fn room(&self) -> &str {
        &self.chat.room().room.id
    }

    /// Characters too many in the composer.
    pub(crate) fn excess(&self) -> u32 {
        self.written.0.saturating_sub(self.chat.text_chars())
    }

    /// Something was done, to something.
    pub(crate) fn take(&mut self, now: u64, act: Act, of: &str) {
        let key = of.parse().ok();
        match act {
            Act::Open | Act::Direct => {
                self.dialog = None;
                if act == Act::Open {
                    self.chat.open(now, of);
                } else {
                    self.chat.direct(of);
                }
            }
            Act::NewRoom => self.creating = !self.creating,
            Act::Create => {
                self.creating = false;
                if !of.trim().is_empty() {
                    self.chat.create(of);
                }
            }
            Act::Leave => {
                let room = self.room().to_owned();
                self.chat.leave(now, &room);
            }
            Act::ToRooms => self.panel = Some("rooms"),
            Act::ToPeople => self.panel = Some("people"),
            Act::ClosePanel => self.panel = None,
            Act::Settings => {
                self.chat.dismiss_renamed();
                self.dialog = Some(Dialog::Settings);
            }
            Act::Help => self.dialog = Some(Dialog::Help),
            Act::Find => {
                self.wanted.clear();
                self.chosen = 0;
                self.dialog = Some(Dialog::Finder);
            }
            Act::CloseDialog => self.dialog = None,
            Act::Wanted => {
                self.wanted = dom::lowercase(of);
                self.chosen = 0;
            }
            Act::Language => self.language = Language::of_tag(of),
            Act::Theme => self.theme = Theme::of_name(of),
            Act::Cancel => self.chat.answer(None),
            Act::Emoji => self.emoji = !self.emoji,
            Act::Pick => self.emoji = false,
            Act::Reply => self.chat.answer(key),
            Act::Link | Act::Copy => self.copied = Some(now),
            Act::Retry => self.chat.retry(now, key.unwrap_or_default()),
            Act::Discard => self.chat.discard(key.unwrap_or_default()),
            Act::More => self.unfolded.extend(key),
            Act::Rename => self.chat.rename(of),
            Act::Keep => self.chat.set_wished_name(Some(of.to_owned())),
            Act::Token => self.token_tried = true,
            Act::ComeBack => self.chat.come_back(),
            Act::HeardAnnouncement => self.chat.dismiss_announcement(),
            Act::HeardNotice => self.chat.dismiss_notice(),
            Act::Write | Act::Send | Act::Goto | Act::Newest | Act::Connect | Act::Reload => {}
        }
    }

    /// A second has passed; returns whether that is seen.
    pub(crate) fn tick(&mut self, now: u64) -> bool {
        let over = self.copied.is_some_and(|at| at + COPIED <= now);
        if over {
            self.copied = None;
        }
        let counts = matches!(self.connection, Connection::Waiting { .. })
            || self.chat.closing().is_some()
            || self.chat.comeback().is_some();
        if counts {
            self.now = now;
        }
        over || counts
    }

    /// Reads out what was heard.
    pub(crate) fn read_out(&mut self) {
        let (heard, more) = self.chat.take_heard();
        if heard.is_empty() {
            return;
        }
        self.live.clear();
        for heard in heard {
            if !heard.author.is_empty() {
                self.live.push_str(&heard.author);
                self.live.push_str(": ");
            }
            self.live.push_str(&folding::excerpt(&heard.text, READ_OUT));
            self.live.push_str(". ");
        }
        if more > 0 {
            self.live
                .push_str(&fill(self.words().more_heard, &[&more.to_string()]));
            self.live.push('.');
        }
    }
}
