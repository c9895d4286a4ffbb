//! This node among the others of one chat: what it tells them of its people, and what it makes of their news.
//!
//! Messages and rooms come from the shared history, in one order on all nodes. People are told through Socket.IO's
//! adapter, which may lose something; [`Elsewhere`](super::elsewhere::Elsewhere) notices, and asks again. Without
//! Redis each node goes on with the people that it has: those of the others are gone after ten seconds, and back
//! with it.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pesan::protocol::{ChatError, ChatErrorCode, PresenceChange};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::claims::{AGAIN, Claimed};
use super::elsewhere::{BEAT, Sheet};
use super::history::SavedRoom;
use super::names::{Name, person_name};
use super::rooms::{self, Rooms};
use super::text::refusal;
use super::wishes::Wishes;
use super::{Chat, Inner, PAGES};
use crate::engineio::CloseReason;

/// Event between nodes: who is on one of them.
const PEOPLE: &str = "people";
/// Event between nodes: one of them wants to know who is on another, or on all if it is not named.
const WHO: &str = "who";
/// Longest wait for a name; then this node decides by itself.
const PATIENCE: Duration = Duration::from_secs(2);
/// Pause before the others are asked for their people the first time, again and again until it works.
const FIRST: Duration = Duration::from_millis(50);
/// Pause between two readings of bans and mutes.
const RELOAD_RESTRICTIONS: Duration = Duration::from_secs(60);
/// Changes of one sheet.
const MERGED: usize = 500;

/// Random name of a node.
pub(super) fn name() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Chat {
    /// Begins to tell the other nodes of its people, and to listen to them.
    pub(super) fn meet(&self, sheets: mpsc::UnboundedReceiver<Sheet>) {
        let chat = Arc::downgrade(&self.0);
        self.0.io.on_server_event(PEOPLE, move |sheet: Sheet| {
            if let Some(chat) = chat.upgrade() {
                Self(chat).read_sheet(sheet);
            }
        });
        let chat = Arc::downgrade(&self.0);
        self.0.io.on_server_event(WHO, move |node: String| {
            let Some(chat) = chat.upgrade() else { return };
            let book = Self(chat);
            let book = book.book();
            if let Some(elsewhere) = &book.elsewhere
                && (node.is_empty() || node == elsewhere.me())
            {
                elsewhere.tell_all(&book.people);
            }
        });
        self.obey();
        self.subscribe_restrictions();
        tokio::spawn(tell(Arc::downgrade(&self.0), sheets));
        tokio::spawn(live(Arc::downgrade(&self.0)));
        tokio::spawn(keep_names(Arc::downgrade(&self.0)));
        tokio::spawn(reload_restrictions(Arc::downgrade(&self.0)));
    }

    fn read_sheet(&self, sheet: Sheet) {
        let node = sheet.node.clone();
        let read = {
            let book = &mut *self.book();
            let Some(elsewhere) = &mut book.elsewhere else {
                return;
            };
            elsewhere.read(sheet, &mut book.people, Instant::now())
        };
        self.tell_moves(read.moves);
        if read.ask {
            self.ask_who(&node);
        }
    }

    /// Asks a node, or all of them, who is there; whether it could be asked.
    fn ask_who(&self, node: &str) -> bool {
        self.0.io.server_side_emit(WHO, node).unwrap_or_else(|error| {
            tracing::warn!(%error, "other nodes cannot be asked");
            false
        })
    }

    /// Takes over a room that some node has made or changed.
    pub(super) fn take_room(&self, room: SavedRoom) {
        let id = room.id.clone();
        let new = self.book().rooms.take(room, self.0.limits.name_chars);
        if new {
            self.let_in(&id);
            self.tell_room(&id);
        }
    }

    /// The store is not what it was: everyone here comes again, and sees it as it is.
    pub(super) async fn begin_anew(&self, rooms: Vec<SavedRoom>) {
        if let Err(error) = self.0.history.save_room(rooms::lobby()).await {
            tracing::error!(%error, "the lobby cannot be kept");
        }
        {
            let mut book = self.book();
            book.rooms = Rooms::new(rooms, self.0.limits.name_chars);
            book.news.clear();
        }
        self.reload_restrictions().await;
        for socket in self.0.io.sockets() {
            if socket.rooms().iter().any(|room| **room == *PAGES) {
                // as if the wire had broken: who is disconnected on purpose may not come back by itself
                socket.connection().close(CloseReason::ForcedClose);
            }
        }
    }

    /// Name for someone who comes, if all nodes have agreed on it, and why it is not the wished one.
    pub(super) async fn claim(&self, id: &str, mut wishes: Wishes) -> Option<(Name, Option<ChatError>)> {
        self.0.claims.as_ref()?;
        let first: Vec<Name> = wishes.by_ref().take(1).collect();
        let claimed = match self.ask_for(id, &first, false).await? {
            Some(claimed) => claimed,
            None => {
                let others: Vec<Name> = wishes.by_ref().collect();
                let mut claimed = self.ask_for(id, &others, false).await??;
                claimed.wished = false;
                claimed
            }
        };
        let refused = if claimed.wished {
            // what was wished may have been no name at all
            wishes.refused(first.first()?)
        } else {
            wishes.refused(&claimed.name)
        };
        Some((claimed.name, refused))
    }

    /// Another name for someone, if all nodes have agreed on it; none when this node has to decide by itself.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`] or [`ChatErrorCode::NameTaken`].
    pub(super) async fn claim_another(&self, id: &str, wished: &str) -> Result<Option<Name>, ChatError> {
        let name = person_name(wished, self.0.limits.name_chars, id)?;
        match self.ask_for(id, std::slice::from_ref(&name), true).await {
            Some(Some(claimed)) => Ok(Some(claimed.name)),
            Some(None) => Err(refusal(ChatErrorCode::NameTaken, name.shown)),
            None => Ok(None),
        }
    }

    /// Claims one of some names; nothing when there is nobody to ask.
    async fn ask_for(&self, id: &str, names: &[Name], another: bool) -> Option<Option<Claimed>> {
        let claims = self.0.claims.as_ref()?;
        match timeout(PATIENCE, claims.claim(id, names, another)).await {
            Ok(Ok(claimed)) => Some(claimed),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a name is given by this node alone");
                None
            }
            Err(_) => None,
        }
    }

    /// Tells all nodes that someone is on none of them any more, and which names others may have.
    pub(super) fn free_names(&self, gone: Option<String>, freed: Vec<(String, String)>) {
        let Some(claims) = self.0.claims.clone() else {
            return;
        };
        let gone = gone.map(|id| (id, String::new()));
        let all: Vec<(String, String)> = gone.into_iter().chain(freed).collect();
        if all.is_empty() {
            return;
        }
        tokio::spawn(async move {
            for (id, key) in all {
                if let Err(error) = claims.free(&id, &key).await {
                    tracing::debug!(%error, "a name is free a little later");
                }
            }
        });
    }

    /// Says whose names are still theirs, and takes over what other nodes have decided.
    async fn keep_names(&self) {
        let Some(claims) = &self.0.claims else { return };
        let here: Vec<(String, Name)> = {
            let lines = self.book().people.lines().into_iter();
            let named = lines.map(|line| {
                let name = Name {
                    shown: line.person.name,
                    key: line.key,
                };
                (line.person.id, name)
            });
            named.collect()
        };
        let wrong = match claims.keep(&here).await {
            Ok(wrong) => wrong,
            Err(error) => {
                tracing::debug!(%error, "names are kept by this node alone");
                return;
            }
        };
        for (id, name) in wrong {
            let name = match name {
                Some(name) => name,
                None => {
                    let shown = here
                        .iter()
                        .find(|(one, _)| *one == id)
                        .map(|(_, name)| name.shown.as_str());
                    let names: Vec<Name> = Wishes::trusted(&id, shown, self.0.limits.name_chars).collect();
                    match self.ask_for(&id, &names, true).await {
                        Some(Some(claimed)) => claimed.name,
                        Some(None) | None => continue,
                    }
                }
            };
            let called = {
                let mut book = self.book();
                let called = book.people.call(&id, name);
                if let Some((person, _)) = &called {
                    book.share(person);
                }
                called
            };
            if let Some((person, rooms)) = called {
                tracing::info!(
                    person = person.id,
                    "has another name: it was given away on two nodes"
                );
                for room in rooms {
                    self.changed(&room, &person, PresenceChange::Renamed);
                }
            }
        }
    }
}

/// Sends what this node tells, in its order, several changes at once when they come fast.
async fn tell(chat: Weak<Inner>, mut sheets: mpsc::UnboundedReceiver<Sheet>) {
    let mut batch = Vec::new();
    while sheets.recv_many(&mut batch, MERGED).await > 0 {
        let Some(chat) = chat.upgrade() else { return };
        let mut merged: Vec<Sheet> = Vec::new();
        for sheet in batch.drain(..) {
            match merged.last_mut() {
                Some(last) if !last.whole && !sheet.whole && last.to == sheet.from => {
                    last.to = sheet.to;
                    last.people.extend(sheet.people);
                }
                _ => merged.push(sheet),
            }
        }
        for sheet in merged {
            if let Err(error) = chat.io.server_side_emit(PEOPLE, (sheet,)) {
                tracing::warn!(%error, "other nodes cannot be told who is here");
            }
        }
    }
}

/// Gives signs of life, and misses those of others.
async fn live(chat: Weak<Inner>) {
    let mut asked = false;
    loop {
        tokio::time::sleep(if asked { BEAT } else { FIRST }).await;
        let Some(chat) = chat.upgrade() else { return };
        let chat = Chat(chat);
        asked = asked || chat.ask_who("");
        let moves = {
            let book = &mut *chat.book();
            let Some(elsewhere) = &mut book.elsewhere else {
                return;
            };
            if asked {
                elsewhere.beat();
            }
            elsewhere.sweep(&mut book.people, Instant::now())
        };
        chat.tell_moves(moves);
    }
}

/// Reads bans and mutes again now and then: news of them between nodes may be lost.
async fn reload_restrictions(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(RELOAD_RESTRICTIONS);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).reload_restrictions().await;
    }
}

/// Keeps the names of those who are here, as long as there is a chat.
async fn keep_names(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(AGAIN);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).keep_names().await;
    }
}
