//! Components of the page: typed props and callbacks in, a view out.

#![expect(clippy::needless_pass_by_value, reason = "a component owns its props")]

pub mod avatar;
pub mod composer;
pub mod copy_dialog;
pub mod emoji_picker;
pub mod header;
pub mod help_dialog;
pub mod icon;
pub mod linkified_text;
pub mod live_region;
pub mod member_list;
pub mod message_item;
pub mod message_list;
pub mod modal;
pub mod name_prompt;
pub mod new_room_dialog;
pub mod popover;
pub mod quick_switcher;
pub mod rename_form;
pub mod reply_preview;
pub mod room_list;
pub mod room_list_item;
pub mod settings_dialog;
pub mod status_banner;
pub mod toast;
pub mod token_prompt;
pub mod typing_indicator;
