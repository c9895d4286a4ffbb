//! Bodies of requests and responses.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Body, Frame, SizeHint};

use super::memory::{MemoryUsage, tracked};

/// Body of a request, of whatever type the application's HTTP server has.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// Size of the chunks in which a large response is passed to the socket.
const CHUNK: usize = 64 << 10;

/// Body of a response of the engine.
#[derive(Default)]
pub struct ResponseBody {
    rest: Bytes,
    /// Accounts for a large response, which is sent in chunks, so that the heartbeat sees the client reading it.
    memory: Option<Arc<MemoryUsage>>,
}

impl ResponseBody {
    /// Body whose bytes count for a session.
    pub(super) fn counted(body: Vec<u8>, memory: &Arc<MemoryUsage>) -> Self {
        if body.len() <= CHUNK {
            return Self::from(body);
        }
        memory.begin_response(body.len());
        Self {
            rest: tracked(body),
            memory: Some(Arc::clone(memory)),
        }
    }
}

impl<T: Into<Bytes>> From<T> for ResponseBody {
    fn from(body: T) -> Self {
        Self {
            rest: body.into(),
            memory: None,
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let part = match &self.memory {
            None => std::mem::take(&mut self.rest),
            Some(_) => {
                let size = self.rest.len().min(CHUNK);
                self.rest.split_to(size)
            }
        };
        if let Some(memory) = &self.memory {
            memory.end_response(part.len(), true);
        }
        Poll::Ready(Some(Ok(Frame::data(part))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        if let Some(memory) = &self.memory {
            memory.end_response(self.rest.len(), false);
        }
    }
}

impl fmt::Debug for ResponseBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseBody")
            .field("bytes", &self.rest.len())
            .finish_non_exhaustive()
    }
}
