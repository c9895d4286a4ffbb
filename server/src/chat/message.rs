//! Messages: from pages and plain clients into the store, and from the store to everyone, in its order.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pesan::protocol::{ChatError, ChatErrorCode, LOBBY, Message, PLAIN, Send, Sent};
use pesan::socketio::value::{Value, json};

use super::broadcast::{PLAINS, room_channel};
use super::error::{StoreError, chat_error, store_refusal, too_fast};
use super::history::{Committed, Completion, Draft, SavedRoom, StoreEvent, Stored};
use super::rate_limit::{Bucket, Cost};
use super::sanitize::{sanitize, sanitize_or_truncate};
use super::state::Chat;
use crate::socketio::{AckSender, Args, Socket};
use tokio::sync::mpsc;

/// Prefix of the id of a plain message that plain clients receive after it is stored. Ids of pages contain no dot.
const PLAIN_ID_PREFIX: &str = "plain.";
/// Prefix of the id of a plain message that plain clients have received before it is stored.
const DELIVERED_ID_PREFIX: &str = "told.";
/// Plain messages that are stored, per second and at once. Further ones are sent to others, but not stored.
const PLAIN_STORE_RATE: (f64, f64) = (200.0, 2000.0);
/// Longest pause before checking again whether a throttled client may continue or has disconnected.
const RECHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Output of the store.
pub(super) enum StoreOutput {
    /// Outcomes of messages.
    Committed(Vec<Committed>),
    /// Change by another node.
    Event(StoreEvent),
}

/// Outputs of the store, in order.
pub(super) type StoreOutputs = mpsc::UnboundedReceiver<StoreOutput>;

impl Chat {
    /// Handles a page's message; it is acknowledged when it is stored.
    pub(super) async fn send(&self, socket: &Socket, send: Send, ack: AckSender) {
        let draft = match self.prepare_draft(socket, send) {
            Ok((draft, None)) => Ok(draft),
            Ok((draft, Some(room))) => self.store_direct(socket, room).await.map(|()| draft),
            Err(error) => Err(error),
        };
        match draft {
            Ok(mut draft) => {
                draft.completion = Some(completion(ack));
                self.store(draft);
            }
            Err(error) => respond(ack, &Err(error)),
        }
    }

    /// Passes a message to the store; if its queue is full, the sender gets [`StoreError::Busy`].
    fn store(&self, draft: Draft) {
        let Err(draft) = self.0.history.add(draft) else {
            return;
        };
        // during a shutdown there is no answer, so that the page sends the message again after its reconnect
        if let Some(completion) = draft.completion
            && !self.0.store_closing.load(Ordering::Acquire)
        {
            completion(Err(StoreError::Busy));
        }
    }

    /// Checks a page's message. Also returns the direct room to store if this is its first message.
    fn prepare_draft(&self, socket: &Socket, send: Send) -> Result<(Draft, Option<SavedRoom>), ChatError> {
        let (author, direct) = {
            let mut state = self.state();
            let author = state
                .roster
                .person_of(socket.id())
                .ok_or_else(|| chat_error(ChatErrorCode::PersonUnknown, ""))?;
            let (address, cost) = (socket.handshake().ip(), Cost::Write(send.text.len()));
            state.check_mute(&author.id, address)?;
            state
                .rate_limiter
                .charge(&author.id, address, cost, Instant::now())
                .map_err(too_fast)?;
            state.rooms.visible(&send.room, &author.id)?;
            (author, state.rooms.draft(&send.room).cloned())
        };
        if !is_valid_id(&send.id) {
            return Err(chat_error(ChatErrorCode::IdInvalid, ""));
        }
        let draft = Draft {
            text: sanitize(&send.text, self.0.limits.text_chars)?,
            room: send.room,
            id: send.id,
            author,
            reply_to: send.reply_to,
            urgent: true,
            completion: None,
        };
        Ok((draft, direct))
    }

    /// Registers the listener for plain messages.
    ///
    /// A client that sends too fast is slowed down: its messages are handled later, and beyond that its connection is
    /// not read. None is lost, unless the client disconnects with more pending messages than it may send at once.
    pub(super) fn listen_plain(&self, socket: &Socket) {
        let chat = self.clone();
        match self.0.limits.plain_rate {
            Some(0.0) => {
                socket.on(PLAIN, move |socket: Socket, args: Args, ack: AckSender| {
                    chat.plain(&socket, args, ack);
                });
            }
            Some(rate) => {
                let bucket = Bucket::new(rate, rate * 5.0, Instant::now());
                let bucket = Arc::new(tokio::sync::Mutex::new(bucket));
                socket.on(PLAIN, move |socket: Socket, args: Args, ack: AckSender| {
                    let (chat, bucket) = (chat.clone(), Arc::clone(&bucket));
                    async move {
                        let mut bucket = bucket.lock().await;
                        if wait_for(&socket, || bucket.take(1.0, Instant::now())).await {
                            chat.plain(&socket, args, ack);
                        }
                    }
                });
            }
            None => {
                socket.on(PLAIN, move |socket: Socket, args: Args, ack: AckSender| {
                    let chat = chat.clone();
                    async move {
                        let (key, address) = (chat.rate_key(&socket), socket.handshake().ip());
                        let cost = Cost::Write(args.0.iter().map(approximate_bytes).sum());
                        let charge = || {
                            chat.state()
                                .rate_limiter
                                .charge(&key, address, cost, Instant::now())
                        };
                        if wait_for(&socket, charge).await
                            || chat
                                .state()
                                .rate_limiter
                                .charge_on_credit(&key, address, cost, Instant::now())
                        {
                            chat.plain(&socket, args, ack);
                        }
                    }
                });
            }
        }
    }

    /// Sends a plain message to all plain clients, unchanged, and stores it in the lobby if it is text.
    ///
    /// If the sender wants an ack, the message is sent and acknowledged after it is stored; otherwise it is sent at once.
    fn plain(&self, socket: &Socket, args: Args, ack: AckSender) {
        let wants_ack = ack.is_wanted();
        let muted = self
            .state()
            .check_mute(&self.rate_key(socket), socket.handshake().ip());
        if let Err(error) = muted {
            return respond(ack, &Err(error));
        }
        let text = args.first().and_then(Value::as_str);
        let (is_stored, is_watched) = self.may_store_plain(wants_ack);
        if !is_stored && text.is_some() {
            self.0.plain_not_stored.increment(1);
        }
        let text = text
            .filter(|_| is_stored)
            .and_then(|text| sanitize_or_truncate(text, self.0.limits.text_chars));
        // on all nodes
        if !(wants_ack && text.is_some())
            && let Err(error) = self.0.io.to(PLAINS).emit(PLAIN, args)
        {
            tracing::warn!(%error, "cannot send a plain message");
        }
        let Some(text) = text else { return };
        let prefix = if wants_ack {
            PLAIN_ID_PREFIX
        } else {
            DELIVERED_ID_PREFIX
        };
        let draft = Draft {
            room: LOBBY.to_owned(),
            id: format!("{prefix}{:032x}", rand::random::<u128>()),
            author: self.plain_author(socket),
            text,
            reply_to: None,
            urgent: wants_ack || is_watched,
            completion: wants_ack.then(|| completion(ack)),
        };
        self.store(draft);
    }

    /// Whether a plain message may be stored now, and whether a page is online that waits for it.
    fn may_store_plain(&self, wants_ack: bool) -> (bool, bool) {
        let mut state = self.state();
        let is_stored = wants_ack || state.plain_bucket.take(1.0, Instant::now()).is_ok();
        (is_stored, state.roster.count() > 0)
    }

    /// Task: delivers the outputs of the store, in order.
    pub(super) async fn deliver(self, mut incoming: StoreOutputs) {
        while let Some(output) = incoming.recv().await {
            match output {
                StoreOutput::Committed(batch) => {
                    batch.into_iter().for_each(|committed| self.complete(committed));
                }
                StoreOutput::Event(StoreEvent::RoomSaved(room)) => self.apply_room(*room),
                StoreOutput::Event(StoreEvent::RoomRemoved { room, into }) => {
                    self.close_room(&room, into.as_deref()).await;
                }
                StoreOutput::Event(StoreEvent::MessageDeleted { room, seq }) => {
                    self.message_deleted(&room, seq);
                }
                StoreOutput::Event(StoreEvent::PersonErased(person)) => self.person_erased(&person),
                StoreOutput::Event(StoreEvent::Reset(rooms)) => self.reset(rooms).await,
            }
        }
    }

    fn complete(&self, committed: Committed) {
        let Committed { outcome, completion } = committed;
        let answer = match outcome {
            Ok(Stored::New(message)) => {
                let sent = Sent {
                    seq: message.seq,
                    at: message.at,
                };
                self.publish(&message);
                Ok(sent)
            }
            Ok(Stored::Duplicate(sent)) => Ok(sent),
            Err(error) => Err(error),
        };
        if let Some(completion) = completion {
            completion(answer);
        }
    }

    fn publish(&self, message: &Message) {
        metrics::counter!("pesan_messages_total").increment(1);
        {
            let mut state = self.state();
            state.rooms.note_message(message);
            if message.room != LOBBY && state.rooms.members(&message.room).is_empty() {
                state.updated_rooms.insert(message.room.clone());
            }
        }
        self.emit_to(&room_channel(&message.room), message);
        if message.room == LOBBY
            && !message.id.starts_with(DELIVERED_ID_PREFIX)
            && let Err(error) = self.0.io.to(PLAINS).local().emit(PLAIN, message.text.as_str())
        {
            tracing::warn!(%error, "cannot send a message to plain clients");
        }
    }
}

/// Waits until `take` succeeds; returns `false` if the client disconnects first.
async fn wait_for(socket: &Socket, mut take: impl FnMut() -> Result<(), Duration>) -> bool {
    loop {
        match take() {
            Ok(()) => return true,
            Err(wait) if socket.connected() => tokio::time::sleep(wait.min(RECHECK_INTERVAL)).await,
            Err(_) => return false,
        }
    }
}

/// Approximate size of a value in bytes.
fn approximate_bytes(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 8,
        Value::String(text) => text.len(),
        Value::Binary(bytes) => bytes.len(),
        other => json::to_string(other).len(),
    }
}

/// Token bucket for storing plain messages.
pub(super) fn plain_bucket() -> Bucket {
    Bucket::new(PLAIN_STORE_RATE.0, PLAIN_STORE_RATE.1, Instant::now())
}

/// Callback that acknowledges a message when its outcome is known.
fn completion(ack: AckSender) -> Completion {
    Box::new(move |outcome| respond(ack, &outcome.map_err(|error| store_refusal(&error))))
}

fn respond(ack: AckSender, outcome: &Result<Sent, ChatError>) {
    if let Err(error) = ack.send(outcome) {
        tracing::debug!(%error, "client disconnected before the answer");
    }
}

/// Whether an id is allowed for a page's message.
fn is_valid_id(id: &str) -> bool {
    (8..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}
