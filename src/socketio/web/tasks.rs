//! Futures that run by themselves, one step in a microtask each time one is woken: the answers of `auth_with`.
//!
//! A page that asks for none does not have this. `wasm-bindgen-futures` does the same, and brings what every class of
//! JavaScript may call back into each page.

use std::cell::RefCell;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use super::browser::queue_microtask;
use super::callback::Callback;
use crate::socketio::fifo::Fifo;
use crate::socketio::handle::BoxFuture;

thread_local! {
    static TASKS: RefCell<Tasks> = RefCell::new(Tasks::default());
}

#[derive(Default)]
struct Tasks {
    last: u64,
    waiting: Vec<(u64, BoxFuture<()>)>,
    /// One for each microtask that is queued.
    woken: Fifo<u64>,
    /// What the microtasks call.
    next: Option<Callback>,
}

/// Runs a future to its end; nothing of it happens at once.
pub(super) fn spawn(future: BoxFuture<()>) {
    let id = TASKS.with_borrow_mut(|tasks| {
        tasks.last += 1;
        tasks.waiting.push((tasks.last, future));
        tasks.last
    });
    wake(id);
}

fn wake(id: u64) {
    TASKS.with_borrow_mut(|tasks| {
        tasks.woken.push(id);
        let next = tasks
            .next
            .get_or_insert_with(|| Callback::new(Box::new(|_| next())));
        queue_microtask(next.function());
    });
}

/// Polls whoever was woken first; one that has ended meanwhile is not there any more.
fn next() {
    let found = TASKS.with_borrow_mut(|tasks| {
        let id = tasks.woken.pop()?;
        let place = tasks.waiting.iter().position(|(waiting, _)| *waiting == id)?;
        Some(tasks.waiting.swap_remove(place))
    });
    let Some((id, mut future)) = found else { return };
    let waker = Waker::from(Arc::new(Task(id)));
    if future
        .as_mut()
        .poll(&mut Context::from_waker(&waker))
        .is_pending()
    {
        TASKS.with_borrow_mut(|tasks| tasks.waiting.push((id, future)));
    }
}

/// Number of a task: all that a waker holds, since it may go to another thread.
struct Task(u64);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        wake(self.0);
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::poll_fn;
    use std::rc::Rc;
    use std::task::Poll;

    use wasm_bindgen::JsValue;
    use wasm_bindgen_futures::JsFuture;
    use wasm_bindgen_test::wasm_bindgen_test;

    use super::*;

    async fn a_while() {
        for _ in 0..10 {
            let done = js_sys::Promise::resolve(&JsValue::UNDEFINED);
            JsFuture::from(done).await.expect("it is resolved");
        }
    }

    #[wasm_bindgen_test]
    async fn a_task_is_polled_whenever_it_is_woken_and_dropped_at_its_end() {
        let steps = Rc::new(Cell::new(0));
        let counted = Rc::clone(&steps);
        spawn(Box::pin(poll_fn(move |context| {
            counted.set(counted.get() + 1);
            // Twice, as some do: the second one finds nothing to do in the end.
            context.waker().wake_by_ref();
            context.waker().wake_by_ref();
            if counted.get() < 3 {
                Poll::Pending
            } else {
                Poll::Ready(())
            }
        })));
        assert_eq!(steps.get(), 0, "nothing happens at once");
        a_while().await;
        assert_eq!(steps.get(), 3);
        assert_eq!(Rc::strong_count(&steps), 1);
    }

    #[wasm_bindgen_test]
    async fn a_task_may_begin_another_and_wait_for_it() {
        let told = Rc::new(Cell::new(None));
        let (waker, done) = (Rc::new(RefCell::new(None::<Waker>)), Rc::new(Cell::new(false)));
        let (heard, ended) = (Rc::clone(&told), Rc::clone(&done));
        spawn(Box::pin(async move {
            let (woken, ending) = (Rc::clone(&waker), Rc::clone(&ended));
            spawn(Box::pin(async move {
                ending.set(true);
                if let Some(waker) = woken.take() {
                    waker.wake();
                }
            }));
            poll_fn(|context| {
                *waker.borrow_mut() = Some(context.waker().clone());
                if ended.get() {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            })
            .await;
            heard.set(Some("both"));
        }));
        a_while().await;
        assert_eq!((told.get(), done.get()), (Some("both"), true));
    }
}
