//! Mounting an engine in an axum application (feature `axum`).

use axum::Router;
use axum::extract::Request;
use axum::routing::any;
use http::{Response, StatusCode};

use super::body::ResponseBody;
use super::service::Engine;

impl Engine {
    /// Routes of the engine: its path, for every method. Merge them into those of the application.
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let engine = self.clone();
        let route = axum_route(&self.config().path);
        // A route with a placeholder matches other paths too.
        let is_exact = !route.contains("{engine_path_");
        let handler = async move |request: Request| {
            if is_exact || request.uri().path() == engine.config().path {
                engine.handle(request).await
            } else {
                let mut response = Response::new(ResponseBody::default());
                *response.status_mut() = StatusCode::NOT_FOUND;
                response
            }
        };
        Router::new().route(&route, any(handler))
    }
}

/// Axum route of a path. Segments that axum would not match literally become placeholders `{engine_path_N}`.
fn axum_route(path: &str) -> String {
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
    fn route_of_path_with_axum_syntax_matches_it_literally() {
        assert_eq!(axum_route("/socket.io/"), "/socket.io/");
        assert_eq!(axum_route("/a{b}/"), "/a{{b}}/");
        assert_eq!(axum_route("/:id/*/"), "/{engine_path_1}/{engine_path_2}/");
    }
}
