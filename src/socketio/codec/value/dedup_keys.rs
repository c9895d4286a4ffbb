//! Repeated keys of an object: the last value wins, in the first one's place, as in JavaScript.

use super::Value;

/// Up to here every key is compared with every other.
const SMALL: usize = 8;

/// Drops all but the last value of each key, in the first one's place.
pub(crate) fn without_repeats(mut entries: Vec<(String, Value)>) -> Vec<(String, Value)> {
    if entries.len() <= SMALL && are_different(&entries) {
        return entries;
    }
    let order = by_key(&entries);
    let mut kept: Vec<bool> = order.iter().map(|_| true).collect();
    // From the last on, so that the last value gets to the first place.
    for pair in order.windows(2).rev() {
        let [earlier, later] = *pair else { continue };
        if key(&entries, earlier) != key(&entries, later) {
            continue;
        }
        let value = entries.get_mut(later).map(|(_, value)| std::mem::take(value));
        if let (Some((_, first)), Some(kept)) = (entries.get_mut(earlier), kept.get_mut(later)) {
            *first = value.unwrap_or_default();
            *kept = false;
        }
    }
    let mut place = 0;
    entries.retain(|_| {
        place += 1;
        kept.get(place - 1) == Some(&true)
    });
    entries
}

fn key(entries: &[(String, Value)], place: usize) -> Option<&str> {
    entries.get(place).map(|(key, _)| key.as_str())
}

fn are_different(entries: &[(String, Value)]) -> bool {
    let mut rest = entries;
    while let Some(((key, _), after)) = rest.split_first() {
        if after.iter().any(|(other, _)| other == key) {
            return false;
        }
        rest = after;
    }
    true
}

/// Places in the order of their keys, equal ones as they came. The peer chooses the keys, so a hash would be no bound.
fn by_key(entries: &[(String, Value)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..entries.len()).collect();
    order.sort_unstable_by_key(|place| (key(entries, *place), *place));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_keys_are_told_apart_as_few_are() {
        let entries: Vec<(String, Value)> = (0..100u32)
            .map(|number| ((number * 7 % 10).to_string(), Value::from(number)))
            .collect();
        let kept = without_repeats(entries);
        let keys: Vec<&str> = kept.iter().map(|(key, _)| key.as_str()).collect();
        assert_eq!(keys, ["0", "7", "4", "1", "8", "5", "2", "9", "6", "3"]);
        let values: Vec<&Value> = kept.iter().map(|(_, value)| value).collect();
        let last: Vec<Value> = (90..100u32).map(Value::from).collect();
        assert_eq!(values, last.iter().collect::<Vec<_>>());
    }
}
