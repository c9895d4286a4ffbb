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
    /// Without its future while one is polled.
    waiting: Vec<(u64, Option<BoxFuture<()>>)>,
    /// One for each microtask that is queued.
    woken: Fifo<u64>,
    /// What the microtasks call.
    next: Option<Callback>,
}

impl Tasks {
    fn place(&self, id: u64) -> Option<usize> {
        self.waiting.iter().position(|(waiting, _)| *waiting == id)
    }
}

/// Task that ends when this is dropped.
pub(super) struct Running(u64);

impl Drop for Running {
    fn drop(&mut self) {
        let ended = TASKS.with_borrow_mut(|tasks| {
            let place = tasks.place(self.0)?;
            Some(tasks.waiting.swap_remove(place))
        });
        drop(ended);
    }
}

/// Runs a future until it ends or what this gives is dropped; nothing of it happens at once.
pub(super) fn spawn(future: BoxFuture<()>) -> Running {
    let id = TASKS.with_borrow_mut(|tasks| {
        tasks.last += 1;
        tasks.waiting.push((tasks.last, Some(future)));
        tasks.last
    });
    wake(id);
    Running(id)
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
        let place = tasks.place(id)?;
        Some((id, tasks.waiting.get_mut(place)?.1.take()?))
    });
    let Some((id, mut future)) = found else { return };
    let waker = Waker::from(Arc::new(Task(id)));
    let ended = future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready();
    let left = TASKS.with_borrow_mut(|tasks| {
        let Some(place) = tasks.place(id) else {
            // nobody wants it any more since it was polled
            return Some(future);
        };
        if ended {
            tasks.waiting.swap_remove(place);
            return Some(future);
        }
        if let Some((_, free)) = tasks.waiting.get_mut(place) {
            *free = Some(future);
        }
        None
    });
    drop(left);
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
        let running = spawn(Box::pin(poll_fn(move |context| {
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
        drop(running);
    }

    #[wasm_bindgen_test]
    async fn a_task_that_nobody_wants_is_dropped_even_while_it_is_polled() {
        let steps = Rc::new(Cell::new(0));
        let itself = Rc::new(RefCell::new(None));
        for during_poll in [false, true] {
            let (counted, running) = (Rc::clone(&steps), Rc::clone(&itself));
            *itself.borrow_mut() = Some(spawn(Box::pin(poll_fn(move |context| {
                counted.set(counted.get() + 1);
                context.waker().wake_by_ref();
                if during_poll {
                    running.take();
                }
                Poll::Pending
            }))));
            a_while().await;
            itself.take();
            a_while().await;
            let taken = steps.replace(0);
            assert_eq!(taken == 1, during_poll, "{taken} steps");
            a_while().await;
            assert_eq!((steps.get(), Rc::strong_count(&steps)), (0, 1));
        }
    }

    #[wasm_bindgen_test]
    async fn a_task_may_begin_another_and_wait_for_it() {
        let told = Rc::new(Cell::new(None));
        let (waker, done) = (Rc::new(RefCell::new(None::<Waker>)), Rc::new(Cell::new(false)));
        let (heard, ended) = (Rc::clone(&told), Rc::clone(&done));
        let both = spawn(Box::pin(async move {
            let (woken, ending) = (Rc::clone(&waker), Rc::clone(&ended));
            let other = spawn(Box::pin(async move {
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
            drop(other);
        }));
        a_while().await;
        assert_eq!((told.get(), done.get()), (Some("both"), true));
        drop(both);
    }
}
