//! What a reader takes for one character, by the browser's own segmenter.

use js_sys::{Array, Function, Reflect};
use wasm_bindgen::{JsCast, JsValue};

/// First grapheme of a text: a letter with its accents, or a whole emoji.
#[must_use]
pub fn first_grapheme(text: &str) -> String {
    let text = text.trim();
    segmented(text)
        .ok()
        .flatten()
        .or_else(|| text.chars().next().map(String::from))
        .unwrap_or_else(|| "?".to_owned())
}

/// `None` where the browser has no segmenter.
fn segmented(text: &str) -> Result<Option<String>, JsValue> {
    let intl = Reflect::get(&js_sys::global(), &"Intl".into())?;
    let Some(constructor) = Reflect::get(&intl, &"Segmenter".into())?
        .dyn_ref::<Function>()
        .cloned()
    else {
        return Ok(None);
    };
    let segmenter = Reflect::construct(&constructor, &Array::new())?;
    let segment: Function = Reflect::get(&segmenter, &"segment".into())?.dyn_into()?;
    let segments = Array::from(&segment.call1(&segmenter, &text.into())?);
    Ok(Reflect::get(&segments.get(0), &"segment".into())?.as_string())
}
