//! What is open around the conversation: a panel on small screens, a dialog, a toast.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialog {
    /// Name, language and theme.
    Settings,
    /// Keyboard shortcuts.
    Help,
    /// Finds a room or a person.
    QuickSwitcher,
}

/// What is open; copy it into closures.
#[derive(Clone, Copy)]
pub struct Layout {
    /// Panel that is open.
    pub panel: RwSignal<Option<Panel>>,
    /// Dialog that is open.
    pub dialog: RwSignal<Option<Dialog>>,
    /// Text of the toast; it disappears by itself.
    pub toast: RwSignal<Option<String>>,
    /// Field of the composer.
    pub composer: NodeRef<Textarea>,
}

impl Layout {
    /// Opens a panel; Back closes it.
    pub fn open_panel(self, panel: Panel) {
        if self.panel.get_untracked().is_none() {
            route::push_closable();
        }
        self.panel.set(Some(panel));
    }

    /// Closes the panel and leaves its history entry.
    pub fn close_panel(self) {
        if self.panel.get_untracked().is_some() {
            self.panel.set(None);
            route::back();
        }
    }

    /// Moves the focus to the composer.
    pub fn focus_composer(self) {
        focus_node(self.composer);
    }
}

/// Provides the layout.
pub fn provide_layout() -> Layout {
    let layout = Layout {
        panel: RwSignal::new(None),
        dialog: RwSignal::new(None),
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
