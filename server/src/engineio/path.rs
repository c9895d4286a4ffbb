//! Path of the engine's requests: any text, taken literally.

/// Path with one slash at its beginning and its end, as the official `path` option is read.
pub(crate) fn normalize(path: &str) -> String {
    match path.trim_matches('/') {
        "" => "/".to_owned(),
        inner => format!("/{inner}/"),
    }
}

/// Route of axum for a path. Segments that axum does not take literally become placeholders `{engine_path_N}`.
pub(crate) fn route(path: &str) -> String {
    let segment = |(index, text): (usize, &str)| {
        if text.starts_with([':', '*']) {
            format!("{{engine_path_{index}}}")
        } else {
            text.replace('{', "{{").replace('}', "}}")
        }
    };
    let segments: Vec<String> = path.split('/').enumerate().map(segment).collect();
    segments.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn path_has_a_slash_at_both_ends() {
        for (given, path) in [
            ("/socket.io/", "/socket.io/"),
            ("/my-path", "/my-path/"),
            ("my/path", "/my/path/"),
            ("", "/"),
            ("/", "/"),
        ] {
            assert_eq!(normalize(given), path);
        }
    }

    #[test]
    fn route_of_a_path_has_no_pattern_of_its_own() {
        assert_eq!(route("/socket.io/"), "/socket.io/");
        assert_eq!(route("/a{b}/"), "/a{{b}}/");
        assert_eq!(route("/:id/*/"), "/{engine_path_1}/{engine_path_2}/");
    }
}
