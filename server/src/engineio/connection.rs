//! A fixed set of receivers, split by the hub that writes to them.

use std::sync::Arc;
use std::task::Waker;

use super::connection::{Connection, Inner};
use super::hub::{Hub, Op};
use super::outgoing::Outgoing;

/// Receivers of a broadcast. Build it once, share it, and build a new one when the membership has changed:
/// broadcasts to the same `Arc<Group>` that wait together go out in one write to each member.
#[derive(Debug)]
pub struct Group {
    pub(crate) parts: Vec<Part>,
    len: usize,
}

/// Members of a group that one hub writes to.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) hub: Arc<Hub>,
    pub(crate) members: Vec<Arc<Inner>>,
}

impl Group {
    /// Group of `members`, each of which must be named once.
    #[must_use]
    pub fn new(members: impl IntoIterator<Item = Connection>) -> Arc<Self> {
        let mut parts: Vec<Part> = Vec::new();
        let mut len = 0;
        for Connection(inner) in members {
            len += 1;
            match parts.iter_mut().find(|part| Arc::ptr_eq(&part.hub, &inner.hub)) {
                Some(part) => part.members.push(inner),
                None => parts.push(Part {
                    hub: Arc::clone(&inner.hub),
                    members: vec![inner],
                }),
            }
        }
        for part in &mut parts {
            // In the order in which they came, as their sockets lie in the kernel's memory: neighbours there share what the
            // processor has to fetch.
            part.members.sort_by_cached_key(|member| member.id);
            part.members.shrink_to_fit();
        }
        Arc::new(Self { parts, len })
    }

    /// Sends a message to all members.
    pub fn send(self: &Arc<Self>, outgoing: &Outgoing) {
        self.push(outgoing, None);
    }

    /// Sends a message to all members but these. For a few exceptions; for many, make another group.
    pub fn send_except(self: &Arc<Self>, except: &[Connection], outgoing: &Outgoing) {
        let except = except.iter().map(|Connection(inner)| Arc::clone(inner));
        self.push(outgoing, Some(&except.collect()));
    }

    fn push(self: &Arc<Self>, outgoing: &Outgoing, except: Option<&Arc<[Arc<Inner>]>>) {
        let op = |part| Op::Broadcast {
            group: Arc::clone(self),
            part,
            message: outgoing.clone(),
            except: except.cloned(),
        };
        match self.parts.as_slice() {
            [] => {}
            [only] => only.hub.push(op(0)),
            [first, ..] => {
                // Two that broadcast at once would otherwise meet one hub in one order and the next in the other.
                let order = first.hub.order();
                let added = self
                    .parts
                    .iter()
                    .enumerate()
                    .filter_map(|(part, of_hub)| of_hub.hub.add(op(part)));
                let wakers: Vec<_> = added.collect();
                drop(order);
                wakers.into_iter().for_each(Waker::wake);
            }
        }
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no member.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}
