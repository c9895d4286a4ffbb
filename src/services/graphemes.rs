//! What a reader takes for one character, by the browser's own segmenter.

use js_sys::{Array, Function, Reflect, try_iter};
use wasm_bindgen::{JsCast, JsValue};

thread_local! {
    /// Created once, since that is slow; `None` where the browser has no segmenter.
    static SEGMENTER: Option<Segmenter> = Segmenter::new().ok().flatten();
}

/// `Intl.Segmenter`, for which `js-sys` has no type.
struct Segmenter {
    object: JsValue,
    segment: Function,
}

impl Segmenter {
    fn new() -> Result<Option<Self>, JsValue> {
        let intl = Reflect::get(&js_sys::global(), &"Intl".into())?;
        let constructor = Reflect::get(&intl, &"Segmenter".into())?;
        let Some(constructor) = constructor.dyn_ref::<Function>() else {
            return Ok(None);
        };
        let object = Reflect::construct(constructor, &Array::new())?;
        let segment = Reflect::get(&object, &"segment".into())?.dyn_into()?;
        Ok(Some(Self { object, segment }))
    }

    /// First segment of a text. The others are not computed.
    fn first(&self, text: &str) -> Result<Option<String>, JsValue> {
        let segments = self.segment.call1(&self.object, &text.into())?;
        let Some(first) = try_iter(&segments)?.and_then(|mut segments| segments.next()) else {
            return Ok(None);
        };
        Ok(Reflect::get(&first?, &"segment".into())?.as_string())
    }
}

/// First grapheme of a text: a letter with its accents, or a whole emoji.
#[must_use]
pub fn first_grapheme(text: &str) -> String {
    let text = text.trim();
    SEGMENTER
        .with(|segmenter| segmenter.as_ref()?.first(text).ok()?)
        .or_else(|| text.chars().next().map(String::from))
        .unwrap_or_else(|| "?".to_owned())
}
