//! Matchers of dynamic namespaces: patterns with `*`, and functions.

use pesan::socketio::value::Value;

/// Names of the namespaces that clients may create: a pattern in which `*` matches any characters, or a function of name
/// and `auth`.
pub trait NamespaceMatcher: Send + Sync + 'static {
    #[doc(hidden)]
    fn matches(&self, name: &str, auth: &Value) -> bool;

    /// Whether a name matches for every client; `None` if that may depend on `auth`.
    #[doc(hidden)]
    fn matches_name(&self, _: &str) -> Option<bool> {
        None
    }
}

impl NamespaceMatcher for &'static str {
    fn matches(&self, name: &str, _: &Value) -> bool {
        matches_pattern(self, name)
    }

    fn matches_name(&self, name: &str) -> Option<bool> {
        Some(matches_pattern(self, name))
    }
}

impl NamespaceMatcher for String {
    fn matches(&self, name: &str, _: &Value) -> bool {
        matches_pattern(self, name)
    }

    fn matches_name(&self, name: &str) -> Option<bool> {
        Some(matches_pattern(self, name))
    }
}

impl<F: Fn(&str, &Value) -> bool + Send + Sync + 'static> NamespaceMatcher for F {
    fn matches(&self, name: &str, auth: &Value) -> bool {
        self(name, auth)
    }
}

/// Whether `name` matches `pattern`, in which `*` stands for any characters.
fn matches_pattern(pattern: &str, name: &str) -> bool {
    let Some((head, tail)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(mut rest) = name.strip_prefix(head) else {
        return false;
    };
    let mut parts = tail.split('*').collect::<Vec<_>>();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match rest.split_once(part) {
            Some((_, after)) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_with_stars_matches_any_characters_in_their_place() {
        assert!(matches_pattern("/dynamic-*", "/dynamic-101"));
        assert!(matches_pattern("/a-*-b-*", "/a-1-b-2"));
        assert!(matches_pattern("*", "/anything"));
        assert!(!matches_pattern("/dynamic-*", "/static-101"));
        assert!(!matches_pattern("/a-*-b", "/a-1-c"));
        assert!(!matches_pattern("/exact", "/exact1"));
    }
}
