//! Futures of the program, which end when nobody waits for them any more.

use futures_util::future::{AbortHandle, Abortable};
use wasm_bindgen_futures::spawn_local;

use crate::socketio::sync::BoxFuture;

/// Running future; dropping this cancels it.
pub(super) struct Task(AbortHandle);

impl Task {
    /// Runs a future from the next microtask on.
    pub(super) fn spawn(future: BoxFuture<()>) -> Self {
        let (handle, registration) = AbortHandle::new_pair();
        let future = Abortable::new(future, registration);
        spawn_local(async move {
            if future.await.is_err() {
                // cancelled
            }
        });
        Self(handle)
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;
    use std::rc::Rc;

    use gloo_timers::future::TimeoutFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    #[wasm_bindgen_test]
    async fn task_dropped_drops_its_future() {
        let polls = Rc::new(Cell::new(0));
        let counted = Rc::clone(&polls);
        let task = Task::spawn(Box::pin(async move {
            counted.set(counted.get() + 1);
            pending::<()>().await;
        }));
        assert_eq!(polls.get(), 0, "nothing runs at once");
        TimeoutFuture::new(1).await;
        assert_eq!((polls.get(), Rc::strong_count(&polls)), (1, 2));
        drop(task);
        TimeoutFuture::new(1).await;
        assert_eq!(Rc::strong_count(&polls), 1);
    }

    #[wasm_bindgen_test]
    async fn task_finished_drops_its_future() {
        let ended = Rc::new(Cell::new(false));
        let end = Rc::clone(&ended);
        let _task = Task::spawn(Box::pin(async move { end.set(true) }));
        TimeoutFuture::new(1).await;
        assert!(ended.get());
        assert_eq!(Rc::strong_count(&ended), 1);
    }
}
