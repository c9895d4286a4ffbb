//! What a person can do. Elements name it in `data-act`, `data-submit` or `data-input`, and what it is done to in
//! `data-of`; [`super::events`] hears them all.

macro_rules! acts {
    ($($(#[doc = $about:literal])* $act:ident = $name:literal,)*) => {
        /// What a person can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Act {
            $($(#[doc = $about])* $act,)*
        }

        impl Act {
            const ALL: &[(&str, Self)] = &[$(($name, Self::$act)),*];
        }
    };
}

acts! {
    // rooms and people
    /// Open a room, by id.
    Open = "open",
    /// Open the room with someone, by id.
    Direct = "direct",
    /// Open or close the field for a new room.
    NewRoom = "new-room",
    /// Make a room of this name.
    Create = "create",
    /// Leave the open room.
    Leave = "leave",
    /// Copy the open room's address.
    Link = "link",
    // panels and dialogs
    /// Slide the rooms in.
    ToRooms = "rooms",
    /// Slide the people in.
    ToPeople = "people",
    /// Slide the panel out again.
    ClosePanel = "close-panel",
    /// Open the settings.
    Settings = "settings",
    /// Open the help sheet.
    Help = "help",
    /// Open the finder.
    Find = "find",
    /// Close the dialog.
    CloseDialog = "close-dialog",
    /// Find what has these letters.
    Wanted = "wanted",
    /// Speak this language.
    Language = "language",
    /// Look like this.
    Theme = "theme",
    // writing
    /// The text in the composer is another one.
    Write = "write",
    /// Send it.
    Send = "send",
    /// Answer nothing after all.
    Cancel = "cancel",
    /// Open or close the sheet of emoji.
    Emoji = "emoji",
    /// Put this emoji into the text.
    Pick = "pick",
    // messages, by the key of their line
    /// Answer it.
    Reply = "reply",
    /// Copy its text.
    Copy = "copy",
    /// Try to send it again.
    Retry = "retry",
    /// Give it up.
    Discard = "discard",
    /// Show all of it.
    More = "more",
    /// Show the message of an order number.
    Goto = "goto",
    /// Show the newest.
    Newest = "newest",
    // names and tokens
    /// Take this name.
    Rename = "rename",
    /// Keep this name, which the server gave.
    Keep = "keep",
    /// Try this token.
    Token = "token",
    // the connection
    /// Connect now.
    Connect = "connect",
    /// Come back after having been sent away.
    ComeBack = "come-back",
    /// Load the page anew.
    Reload = "reload",
    /// The announcement was read.
    HeardAnnouncement = "heard-announcement",
    /// The refusal was read.
    HeardNotice = "heard-notice",
}

impl Act {
    /// Act of a name.
    pub(crate) fn of_name(name: &str) -> Option<Self> {
        let (_, act) = Self::ALL.iter().find(|(known, _)| *known == name)?;
        Some(*act)
    }

    /// Name for an element.
    pub(crate) fn name(self) -> &'static str {
        let known = Self::ALL.iter().find(|(_, act)| *act == self);
        known.map(|(name, _)| *name).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::Act;

    #[test]
    fn every_act_has_a_name_of_its_own() {
        for (name, act) in Act::ALL {
            assert_eq!(Act::of_name(name), Some(*act));
            assert_eq!(act.name(), *name);
        }
        assert_eq!(Act::of_name("unheard-of"), None);
    }

    #[test]
    fn the_markup_names_only_acts_that_there_are() {
        let markup = include_str!("../../index.html");
        for attribute in ["data-act=\"", "data-submit=\"", "data-input=\""] {
            for named in markup.split(attribute).skip(1) {
                let name = named.split('"').next().unwrap_or_default();
                assert!(Act::of_name(name).is_some(), "{attribute}{name}");
            }
        }
    }

    #[test]
    fn every_label_of_the_markup_is_there_in_english_too() {
        let markup = include_str!("../../index.html");
        for tag in markup.split('<').filter(|tag| tag.contains("aria-label=")) {
            // the shell's own script speaks both, and one word is the same in both
            let known = tag.contains("data-en=") || tag.contains("id=\"shell-") || tag.contains("\"Emoji\"");
            assert!(known, "{tag}");
        }
    }
}
