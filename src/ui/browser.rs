//! What the page uses of the browser: everything that one can hold there is an [`El`], and its properties go by name.
//!
//! `web-sys` has a type for every interface and an import for every property, each of which weighs in the program and
//! in its script. What may fail here is said so; the rest does not, as long as the page's own markup is in order.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::*;

/// Function that the browser calls, of one shape for all that it is called for.
pub(crate) type Wake = Closure<dyn FnMut(JsValue)>;

#[wasm_bindgen]
extern "C" {
    /// Element, event, document, window: anything that has properties.
    #[derive(Clone, PartialEq)]
    pub(crate) type El;

    // properties
    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn text(this: &El, property: &str) -> Option<String>;
    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn number(this: &El, property: &str) -> f64;
    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn is(this: &El, property: &str) -> bool;
    #[wasm_bindgen(method, indexing_getter)]
    pub(crate) fn el(this: &El, property: &str) -> Option<El>;
    #[wasm_bindgen(method, indexing_setter)]
    pub(crate) fn put(this: &El, property: &str, text: &str);
    #[wasm_bindgen(method, indexing_setter)]
    pub(crate) fn put_number(this: &El, property: &str, number: f64);

    // the tree
    #[wasm_bindgen(method, js_name = querySelector)]
    pub(crate) fn query(this: &El, selector: &str) -> Option<El>;
    #[wasm_bindgen(method)]
    pub(crate) fn closest(this: &El, selector: &str) -> Option<El>;
    #[wasm_bindgen(method)]
    pub(crate) fn contains(this: &El, other: &El) -> bool;
    #[wasm_bindgen(method, js_name = cloneNode)]
    pub(crate) fn clone_node(this: &El, deep: bool) -> El;
    #[wasm_bindgen(method)]
    pub(crate) fn append(this: &El, what: &JsValue);
    #[wasm_bindgen(method)]
    pub(crate) fn after(this: &El, what: &El);
    #[wasm_bindgen(method, js_name = insertBefore)]
    pub(crate) fn insert_before(this: &El, what: &El, before: Option<&El>);
    #[wasm_bindgen(method)]
    pub(crate) fn remove(this: &El);

    // attributes
    #[wasm_bindgen(method, js_name = getAttribute)]
    pub(crate) fn attribute(this: &El, name: &str) -> Option<String>;
    #[wasm_bindgen(method, js_name = setAttribute)]
    pub(crate) fn set_attribute(this: &El, name: &str, value: &str);
    #[wasm_bindgen(method, js_name = removeAttribute)]
    pub(crate) fn remove_attribute(this: &El, name: &str);

    // what one does with it
    #[wasm_bindgen(method)]
    pub(crate) fn focus(this: &El);
    #[wasm_bindgen(method, js_name = showModal)]
    pub(crate) fn show_modal(this: &El);
    #[wasm_bindgen(method)]
    pub(crate) fn close(this: &El);
    #[wasm_bindgen(method, js_name = preventDefault)]
    pub(crate) fn prevent_default(this: &El);
    #[wasm_bindgen(method, js_name = setRangeText)]
    pub(crate) fn set_range_text(this: &El, text: &str, from: f64, to: f64, then: &str);
    #[wasm_bindgen(method, js_name = getBoundingClientRect)]
    pub(crate) fn rectangle(this: &El) -> El;
    #[wasm_bindgen(method)]
    pub(crate) fn reload(this: &El);
    #[wasm_bindgen(method)]
    pub(crate) fn back(this: &El);
    /// Reports whether a media query holds.
    #[wasm_bindgen(js_name = matchMedia)]
    pub(crate) fn media(query: &str) -> El;
    /// Puts a text into the clipboard; refused where the browser has none, and by its promise later.
    #[wasm_bindgen(catch, js_namespace = ["navigator", "clipboard"], js_name = writeText)]
    pub(crate) fn copy(text: &str) -> Result<JsValue, JsValue>;

    // events and time
    #[wasm_bindgen(js_name = addEventListener)]
    pub(crate) fn add_event_listener(name: &str, hear: &Wake, capture: bool);
    #[wasm_bindgen(js_name = requestAnimationFrame)]
    pub(crate) fn next_frame(wake: &Wake) -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(wake: &Wake, millis: f64) -> f64;
    #[wasm_bindgen(js_name = setInterval)]
    pub(crate) fn set_interval(wake: &Wake, millis: f64) -> f64;
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timeout: f64);

    /// Tells when something that is watched has another size, before it is painted.
    pub(crate) type ResizeObserver;
    #[wasm_bindgen(constructor)]
    pub(crate) fn new(changed: &Wake) -> ResizeObserver;
    #[wasm_bindgen(method)]
    pub(crate) fn observe(this: &ResizeObserver, what: &El);
    #[wasm_bindgen(method)]
    pub(crate) fn unobserve(this: &ResizeObserver, what: &El);

    // what is kept, where the browser allows it
    #[wasm_bindgen(catch, js_namespace = localStorage, js_name = getItem)]
    pub(crate) fn kept(name: &str) -> Result<Option<String>, JsValue>;
    #[wasm_bindgen(catch, js_namespace = localStorage, js_name = setItem)]
    pub(crate) fn keep(name: &str, text: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = localStorage, js_name = removeItem)]
    pub(crate) fn forget(name: &str) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = localStorage, js_name = key)]
    pub(crate) fn kept_name(at: u32) -> Result<Option<String>, JsValue>;

    // the address; browsers refuse when it changes too often
    #[wasm_bindgen(catch, js_namespace = history, js_name = pushState)]
    pub(crate) fn push_state(state: bool, unused: &str, address: Option<&str>) -> Result<(), JsValue>;
    #[wasm_bindgen(catch, js_namespace = history, js_name = replaceState)]
    pub(crate) fn replace_state(state: bool, unused: &str, address: Option<&str>) -> Result<(), JsValue>;
    /// Parameters of an address.
    #[wasm_bindgen(js_name = URLSearchParams)]
    pub(crate) type Query;
    #[wasm_bindgen(constructor, js_class = URLSearchParams)]
    pub(crate) fn new(text: &str) -> Query;
    #[wasm_bindgen(method)]
    pub(crate) fn get(this: &Query, name: &str) -> Option<String>;

    // days and chance
    #[wasm_bindgen(js_namespace = JSON, js_name = parse)]
    pub(crate) fn parsed(json: &str) -> JsValue;
    /// Writes times in one language.
    #[wasm_bindgen(js_namespace = Intl)]
    pub(crate) type DateTimeFormat;
    #[wasm_bindgen(constructor, js_namespace = Intl)]
    pub(crate) fn new(locale: &str, options: &JsValue) -> DateTimeFormat;
    #[wasm_bindgen(method)]
    pub(crate) fn format(this: &DateTimeFormat, millis: f64) -> String;
    #[wasm_bindgen(js_namespace = crypto, js_name = getRandomValues)]
    pub(crate) fn random(bytes: &mut [u8]);
}
