//! A signal for each row of a list: a row that changes is drawn again, the list and the other rows are not.

use std::collections::HashMap;
use std::hash::Hash;

use leptos::prelude::*;

/// Row with its key; the row may change while its element stays.
pub type KeyedRow<K, T> = (K, ArcRwSignal<T>);

/// Rows for `<For>`, derived by `derive`. Notifies only when keys come, go or move; a row that differs is set in place.
pub fn use_row_signals<K, T>(
    derive: impl Fn() -> Vec<(K, T)> + Send + Sync + 'static,
) -> Memo<Vec<KeyedRow<K, T>>>
where
    K: Eq + Hash + Clone + Send + Sync + 'static,
    T: PartialEq + Send + Sync + 'static,
{
    Memo::new_owning(move |previous: Option<Vec<KeyedRow<K, T>>>| {
        let previous = previous.unwrap_or_default();
        let known: HashMap<&K, &ArcRwSignal<T>> = previous.iter().map(|(key, row)| (key, row)).collect();
        let rows: Vec<KeyedRow<K, T>> = derive()
            .into_iter()
            .map(|(key, row)| {
                let signal = match known.get(&key) {
                    Some(signal) => {
                        if signal.with_untracked(|shown| *shown != row) {
                            signal.set(row);
                        }
                        ArcRwSignal::clone(signal)
                    }
                    None => ArcRwSignal::new(row),
                };
                (key, signal)
            })
            .collect();
        let changed = !rows
            .iter()
            .map(|(key, _)| key)
            .eq(previous.iter().map(|(key, _)| key));
        (rows, changed)
    })
}
