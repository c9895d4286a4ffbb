//! A person's colour.

use std::collections::{HashMap, HashSet};

/// Number of colours in `style/tokens.css`.
pub const TINTS: u32 = 10;

/// People beyond this number are not given colours of their own: there are too few.
const MAX_ASSIGNED: usize = 200;

/// Colours of people. Everyone has the colour that follows from the public id, unless someone present has it already.
#[derive(Debug, Clone, Default)]
pub struct Tints {
    /// Colours that differ from the usual one, or that were in use by someone present.
    assigned: HashMap<String, u32>,
}

impl Tints {
    /// Number of the colour of a person.
    #[must_use]
    pub fn of(&self, id: &str) -> u32 {
        self.assigned.get(id).copied().unwrap_or_else(|| preferred(id))
    }

    /// Gives those present different colours while there are free ones. Who has a colour keeps it while present.
    pub fn assign<'a>(&mut self, present: impl Iterator<Item = &'a str> + Clone) {
        if present.clone().nth(MAX_ASSIGNED).is_some() {
            return;
        }
        let mut used = [0_u32; TINTS as usize];
        let mut settled = HashSet::new();
        for id in present.clone() {
            if let Some(tint) = self.assigned.get(id)
                && let Some(count) = used.get_mut(*tint as usize)
                && *count == 0
            {
                *count = 1;
                settled.insert(id);
            }
        }
        for id in present {
            if settled.contains(id) {
                continue;
            }
            let wished = self.of(id);
            let count = |tint: u32| used.get(tint as usize).copied().unwrap_or(u32::MAX);
            let fewest = (0..TINTS).map(count).min().unwrap_or_default();
            let next = (0..TINTS)
                .map(|step| (wished + step) % TINTS)
                .find(|tint| count(*tint) == fewest);
            let tint = next.unwrap_or(wished);
            if let Some(count) = used.get_mut(tint as usize) {
                *count += 1;
            }
            self.assigned.insert(id.to_owned(), tint);
        }
    }
}

/// Number of the usual colour of a person, from the public id.
fn preferred(id: &str) -> u32 {
    // FNV-1a
    let hash = id.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash ^ hash >> 15) % TINTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tint_of_random_ids_uses_all_colours() {
        let mut seen = [false; TINTS as usize];
        for n in 0..200 {
            seen[preferred(&format!("person-{n}")) as usize] = true;
        }
        assert_eq!(seen, [true; TINTS as usize]);
    }

    #[test]
    fn tints_of_those_present_differ_while_there_are_free_ones() {
        let people: Vec<String> = (0..13).map(|n| format!("person-{n}")).collect();
        let mut tints = Tints::default();
        for count in 1..=people.len() {
            let before: Vec<u32> = people.iter().take(count - 1).map(|id| tints.of(id)).collect();
            tints.assign(people.iter().take(count).map(String::as_str));
            let now: Vec<u32> = people.iter().take(count).map(|id| tints.of(id)).collect();
            if count <= TINTS as usize {
                assert!(now.starts_with(&before), "who has a colour keeps it");
                assert_eq!(now.iter().collect::<HashSet<_>>().len(), count);
            }
        }
        // the first has left; the place is free for the next
        tints.assign(people.iter().skip(4).take(9).map(String::as_str));
        let now: HashSet<u32> = people.iter().skip(4).take(9).map(|id| tints.of(id)).collect();
        assert_eq!(now.len(), 9);
    }
}
