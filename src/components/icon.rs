//! Icons, and the button that is an icon with a label.

use leptos::ev::MouseEvent;
use leptos::html::Button;
use leptos::prelude::*;
use leptos::text_prop::TextProp;

/// Icon of the page, drawn in 24 by 24 units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named by what it shows")]
pub enum IconName {
    Search,
    Plus,
    Close,
    Menu,
    Link,
    Leave,
    People,
    Settings,
    Smile,
    ArrowDown,
    Check,
    Clock,
    Warning,
    Reply,
    Copy,
    More,
}

impl IconName {
    /// Path of the SVG.
    fn path(self) -> &'static str {
        match self {
            Self::Search => "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM20 20l-4-4",
            Self::Plus => "M12 5v14M5 12h14",
            Self::Close => "M6 6l12 12M18 6L6 18",
            Self::Menu => "M4 7h16M4 12h16M4 17h16",
            Self::Link => {
                "M10 14a4 4 0 0 0 6 .5l3-3a4 4 0 0 0-5.7-5.7L12 7M14 10a4 4 0 0 0-6-.5l-3 3a4 4 0 0 0 5.7 5.7L12 17"
            }
            Self::Leave => "M14 4H6v16h8M10 12h11M17 8l4 4-4 4",
            Self::People => {
                "M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM2 21a7 7 0 0 1 14 0M16 3.5a4 4 0 0 1 0 7M18.5 14.5A7 7 0 0 1 22 21"
            }
            Self::Settings => "M4 8h9M19 8h1M4 16h1M11 16h9M16 5.5v5M8 13.5v5",
            Self::Smile => {
                "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM8.5 14a4.2 4.2 0 0 0 7 0M9 9.5v.5M15 9.5v.5"
            }
            Self::ArrowDown => "M12 5v14M6 13l6 6 6-6",
            Self::Check => "M5 13l4 4L19 7",
            Self::Clock => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v5l3 2",
            Self::Warning => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 7v6M12 16.5v.5",
            Self::Reply => "M10 7L4 12l6 5M4 12h9a7 7 0 0 1 7 7",
            Self::More => "M5 12v.5M12 12v.5M19 12v.5",
            Self::Copy => "M9 9h11v11H9zM15 9V4H4v11h5",
        }
    }
}

/// Icon without a meaning of its own: what it stands for is said beside it.
#[component]
pub fn Icon(name: IconName) -> impl IntoView {
    view! {
        <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d=name.path()></path>
        </svg>
    }
}

/// Button that shows an icon and is named by its label.
#[component]
pub fn IconButton(
    icon: IconName,
    #[prop(into)] label: TextProp,
    #[prop(into)] on_press: Callback<MouseEvent>,
    /// Further classes.
    #[prop(optional)]
    class: &'static str,
    /// Whether Tab skips the button because a shortcut does the same.
    #[prop(optional)]
    skip_tab: bool,
    #[prop(optional)] node_ref: NodeRef<Button>,
) -> impl IntoView {
    let title = label.clone();
    view! {
        <button
            type="button"
            class=format!("icon-button {class}")
            aria-label=move || label.get()
            title=move || title.get()
            tabindex=skip_tab.then_some("-1")
            node_ref=node_ref
            on:click=move |event| on_press.run(event)
        >
            <Icon name=icon />
        </button>
    }
}
