//! What is open over the conversation: a panel on small screens, a dialog, the emoji sheet; and the toast.
//!
//! Everything that opens adds a history entry, so that Back closes it, the last one first. The state of an entry is how
//! much is open there.

use gloo_timers::callback::Timeout;
use leptos::html::Textarea;
use leptos::prelude::*;

use crate::composables::focus::focus_node;
use crate::services::route;

/// Panel that slides over the conversation on small screens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Panel {
    /// List of rooms.
    Rooms,
    /// List of people.
    People,
}

impl Panel {
    /// Value of the attribute `data-panel`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rooms => "rooms",
            Self::People => "people",
        }
    }
}

/// Dialog over the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dialog {
    /// Name, language and theme.
    Settings,
    /// Keyboard shortcuts.
    Help,
    /// Finds a room or a person.
    QuickSwitcher,
    /// Asks for the name of a new room.
    NewRoom,
    /// Shows a text that the browser did not copy, selected.
    CopyText(String),
}

/// Something that is open and can be closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Overlay {
    /// Panel of a small screen.
    Panel(Panel),
    /// Dialog.
    Dialog(Dialog),
    /// Sheet of emoji.
    EmojiSheet,
    /// Menu of the header on a small screen.
    HeaderMenu,
}

/// Short confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toast {
    /// What happened.
    pub text: String,
    /// Room that was left: a button opens it again.
    pub left_room: Option<String>,
}

/// What is open; copy it into closures.
#[derive(Clone, Copy)]
pub struct Layout {
    /// What is open, the last opened at the end.
    overlays: RwSignal<Vec<Overlay>>,
    /// History entries of what was closed since the last turn of the event loop.
    surplus: StoredValue<usize>,
    /// Toast; it disappears by itself.
    pub toast: RwSignal<Option<Toast>>,
    /// Field of the composer.
    pub composer: NodeRef<Textarea>,
}

impl Layout {
    /// Opens something; Back closes it.
    pub fn open(self, overlay: Overlay) {
        if self.overlays.with_untracked(|open| open.contains(&overlay)) {
            return;
        }
        self.overlays.update(|open| open.push(overlay));
        route::push_overlay(self.depth());
    }

    /// Opens a dialog.
    pub fn open_dialog(self, dialog: Dialog) {
        self.open(Overlay::Dialog(dialog));
    }

    /// Closes something and what was opened after it, and leaves their history entries.
    pub fn close(self, overlay: &Overlay) {
        let place = self
            .overlays
            .with_untracked(|open| open.iter().position(|open| open == overlay));
        if let Some(place) = place {
            self.close_from(place);
        }
    }

    /// Closes what was opened last; returns whether something was open.
    pub fn close_last(self) -> bool {
        let place = self.depth().checked_sub(1);
        if let Some(place) = place {
            self.close_from(place);
        }
        place.is_some()
    }

    /// Closes the panel, if one is open.
    pub fn close_panel(self) {
        if let Some(panel) = self.panel() {
            self.close(&Overlay::Panel(panel));
        }
    }

    /// Closes the dialog, if one is open.
    pub fn close_dialog(self) {
        if let Some(dialog) = self.dialog() {
            self.close(&Overlay::Dialog(dialog));
        }
    }

    fn close_from(self, place: usize) {
        let count = self.depth() - place;
        self.overlays.update(|open| open.truncate(place));
        self.surplus.update_value(|surplus| *surplus += count);
        // later, since a room that is opened now takes over the entry
        Timeout::new(0, move || {
            if let Some(count) = self.surplus.try_update_value(std::mem::take)
                && count > 0
            {
                route::back(count);
            }
        })
        .forget();
    }

    /// Closes everything because another room was opened; returns whether the room takes over the current history entry.
    pub fn close_for_room(self) -> bool {
        let surplus = self.surplus.try_update_value(std::mem::take).unwrap_or_default();
        let is_open = self.depth() > 0;
        if is_open {
            self.overlays.set(Vec::new());
        }
        is_open || surplus > 0
    }

    /// Applies that the browser went to another history entry, where `depth` things were open.
    pub fn on_history(self, depth: usize) {
        if depth < self.depth() {
            self.overlays.update(|open| open.truncate(depth));
        } else if depth > self.depth() {
            // what was open at that entry is closed for good
            route::back(1);
        }
    }

    fn depth(self) -> usize {
        self.overlays.with_untracked(Vec::len)
    }

    /// Panel that is open.
    #[must_use]
    pub fn panel(self) -> Option<Panel> {
        self.overlays.with(|open| {
            open.iter().rev().find_map(|overlay| match overlay {
                Overlay::Panel(panel) => Some(*panel),
                Overlay::Dialog(_) | Overlay::EmojiSheet | Overlay::HeaderMenu => None,
            })
        })
    }

    /// Dialog that is open.
    #[must_use]
    pub fn dialog(self) -> Option<Dialog> {
        self.overlays.with(|open| {
            open.iter().rev().find_map(|overlay| match overlay {
                Overlay::Dialog(dialog) => Some(dialog.clone()),
                Overlay::Panel(_) | Overlay::EmojiSheet | Overlay::HeaderMenu => None,
            })
        })
    }

    /// Whether something is open.
    #[must_use]
    pub fn is_open(self, overlay: &Overlay) -> bool {
        self.overlays.with(|open| open.contains(overlay))
    }

    /// Whether the composer is empty.
    #[must_use]
    pub fn is_composer_unused(self) -> bool {
        self.composer
            .get_untracked()
            .is_none_or(|field| field.value().is_empty())
    }

    /// Moves the focus to the composer.
    pub fn focus_composer(self) {
        focus_node(self.composer);
    }
}

/// Provides the layout.
pub fn provide_layout() -> Layout {
    let layout = Layout {
        overlays: RwSignal::new(Vec::new()),
        surplus: StoredValue::new(0),
        toast: RwSignal::new(None),
        composer: NodeRef::new(),
    };
    provide_context(layout);
    layout
}

/// Layout of the page.
///
/// # Panics
/// Outside of the page's `App`, which provides it.
#[must_use]
pub fn use_layout() -> Layout {
    expect_context()
}
