//! Replicates presence between nodes: who is connected to other nodes, and updates about the people of this one.
//!
//! Each node numbers its presence changes and sends them as [`PresenceUpdate`]s in order, and its current number every
//! [`HEARTBEAT`]. A node that detects missing changes requests all people of the sender. People of a node without a
//! heartbeat for [`NODE_TIMEOUT`] are removed. Each node derives the events for its own clients from its own view.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use pesan::protocol::PresenceChange;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::names::Name;
use super::roster::{MemberSnapshot, MembershipChange, Roster, changes_of, departures};

/// Time between two heartbeats.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(2);
/// Time without a heartbeat after which a node's people are removed.
const NODE_TIMEOUT: Duration = Duration::from_secs(10);

/// Least time between two requests for all people of one node; the answer is long.
const RESYNC_INTERVAL: Duration = Duration::from_secs(1);

/// Presence changes of a node, or all its people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PresenceUpdate {
    /// Id of the sender.
    pub(super) node: String,
    /// Number of the change before the first one.
    pub(super) from: u64,
    /// Number of the last change.
    pub(super) to: u64,
    /// Whether this is all people of the node instead of changes.
    pub(super) whole: bool,
    /// The people.
    pub(super) people: Vec<MemberSnapshot>,
}

/// Presence on other nodes, and the sender of this node's own.
#[derive(Debug)]
pub(super) struct RemotePresence {
    node_id: String,
    version: u64,
    updates: mpsc::UnboundedSender<PresenceUpdate>,
    nodes: HashMap<String, Node>,
}

/// Another node.
#[derive(Debug)]
struct Node {
    version: u64,
    last_seen: Instant,
    requested_at: Option<Instant>,
    people: HashSet<String>,
}

/// Result of applying an update.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct AppliedUpdate {
    /// Changes to announce to rooms.
    pub(super) changes: Vec<MembershipChange>,
    /// Whether changes are missing, so that all people of the node have to be requested.
    pub(super) is_outdated: bool,
}

impl RemotePresence {
    /// Presence for the node with this id; its own updates go to `updates`, in order.
    pub(super) fn new(node_id: String, updates: mpsc::UnboundedSender<PresenceUpdate>) -> Self {
        Self {
            node_id,
            version: 0,
            updates,
            nodes: HashMap::new(),
        }
    }

    /// Id of this node.
    pub(super) fn node_id(&self) -> &str {
        &self.node_id
    }

    /// Number of other nodes.
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Sends the presence of someone on this node to the others.
    pub(super) fn publish(&mut self, snapshot: MemberSnapshot) {
        self.version += 1;
        self.send(self.version - 1, false, vec![snapshot]);
    }

    /// Sends all people of this node to the others.
    pub(super) fn publish_all(&self, roster: &Roster) {
        self.send(0, true, roster.snapshots());
    }

    /// Sends a heartbeat to the others.
    pub(super) fn publish_heartbeat(&self) {
        self.send(self.version, false, Vec::new());
    }

    fn send(&self, from: u64, whole: bool, people: Vec<MemberSnapshot>) {
        let update = PresenceUpdate {
            node: self.node_id.clone(),
            from,
            to: self.version,
            whole,
            people,
        };
        if self.updates.send(update).is_err() {
            tracing::debug!("the chat has stopped; the presence update is dropped");
        }
    }

    /// Applies an update of another node.
    pub(super) fn apply(
        &mut self,
        update: PresenceUpdate,
        roster: &mut Roster,
        now: Instant,
    ) -> AppliedUpdate {
        let PresenceUpdate {
            node: name,
            from,
            to,
            whole,
            people: snapshots,
        } = update;
        let mut applied = AppliedUpdate::default();
        if name == self.node_id {
            return applied;
        }
        let node = self.nodes.entry(name.clone()).or_insert_with(|| Node {
            version: 0,
            last_seen: now,
            requested_at: None,
            people: HashSet::new(),
        });
        node.last_seen = now;
        if whole {
            let present: HashSet<&String> = snapshots.iter().map(|snapshot| &snapshot.person.id).collect();
            let gone: Vec<String> = node
                .people
                .iter()
                .filter(|id| !present.contains(id))
                .cloned()
                .collect();
            for id in gone {
                node.people.remove(&id);
                applied.changes.extend(disconnect(roster, &name, &id));
            }
        } else if from != node.version {
            let recently = |at: Instant| now.saturating_duration_since(at) < RESYNC_INTERVAL;
            applied.is_outdated = to > node.version && !node.requested_at.is_some_and(recently);
            if applied.is_outdated {
                node.requested_at = Some(now);
            }
            return applied;
        }
        node.version = to;
        for snapshot in snapshots {
            let id = snapshot.person.id.clone();
            let connection = connection_id(&name, &id);
            match snapshot.rooms {
                Some(_) => node.people.insert(id),
                None => node.people.remove(&id),
            };
            applied
                .changes
                .extend(apply_snapshot(roster, &connection, snapshot));
        }
        applied
    }

    /// Removes the people of nodes whose heartbeat is overdue.
    pub(super) fn remove_expired(&mut self, roster: &mut Roster, now: Instant) -> Vec<MembershipChange> {
        let mut changes = Vec::new();
        self.nodes.retain(|name, node| {
            let gone = now.saturating_duration_since(node.last_seen) > NODE_TIMEOUT;
            if gone {
                tracing::warn!(
                    node = name,
                    people = node.people.len(),
                    "node removed: no heartbeat for 10 s"
                );
                for id in &node.people {
                    changes.extend(disconnect(roster, name, id));
                }
            }
            !gone
        });
        changes
    }
}

/// Id of the connection that represents someone on another node. Socket ids contain no space, so it is unique.
fn connection_id(node: &str, person: &str) -> String {
    format!("{node} {person}")
}

fn disconnect(roster: &mut Roster, node: &str, person: &str) -> Vec<MembershipChange> {
    roster
        .disconnect(&connection_id(node, person))
        .map(|(person, rooms)| departures(&person, rooms))
        .unwrap_or_default()
}

/// Applies the presence of someone on another node; returns the changes to announce.
fn apply_snapshot(roster: &mut Roster, connection: &str, snapshot: MemberSnapshot) -> Vec<MembershipChange> {
    let MemberSnapshot { person, key, rooms } = snapshot;
    let Some(rooms) = rooms else {
        return roster
            .disconnect(connection)
            .map(|(person, gone)| departures(&person, gone))
            .unwrap_or_default();
    };
    let name = Name {
        shown: person.name,
        key,
    };
    if !roster.is_connected(connection) {
        roster.connect_remote(connection, &person.id, name.clone());
    }
    let mut changes = Vec::new();
    if roster.name_of(&person.id).is_some_and(|known| known != name)
        && let Some((renamed, rooms)) = roster.set_name(&person.id, name)
    {
        changes.extend(changes_of(&renamed, rooms, PresenceChange::Renamed));
    }
    let Some(person) = roster.person_of(connection) else {
        return changes;
    };
    let known = roster.rooms_of(connection);
    let came: Vec<String> = rooms
        .iter()
        .filter(|room| roster.join(connection, room))
        .cloned()
        .collect();
    let gone: Vec<String> = known
        .into_iter()
        .filter(|room| !rooms.contains(room) && roster.leave(connection, room))
        .collect();
    changes.extend(changes_of(&person, came, PresenceChange::Came));
    changes.extend(departures(&person, gone));
    changes
}

#[cfg(test)]
mod tests {
    use pesan::protocol::{ChatErrorCode, Person};

    use super::super::names::NameCandidates;
    use super::*;

    /// Node with its people and the updates it sends.
    struct TestNode {
        remote_presence: RemotePresence,
        roster: Roster,
        updates: mpsc::UnboundedReceiver<PresenceUpdate>,
        now: Instant,
    }

    impl TestNode {
        fn new(name: &str, now: Instant) -> Self {
            let (sender, updates) = mpsc::unbounded_channel();
            Self {
                remote_presence: RemotePresence::new(name.to_owned(), sender),
                roster: Roster::default(),
                updates,
                now,
            }
        }

        /// Someone joins the lobby.
        fn join_lobby(&mut self, id: &str) {
            let names = NameCandidates::new(id, Some(id), 32);
            self.roster.connect(id, id, names, self.now);
            self.roster.join(id, "lobby");
            let snapshot = self.roster.snapshot(id).expect("is here");
            self.remote_presence.publish(snapshot);
        }

        fn apply(&mut self, update: &PresenceUpdate) -> (Vec<(String, PresenceChange)>, bool) {
            let applied = self
                .remote_presence
                .apply(update.clone(), &mut self.roster, self.now);
            let changes = applied.changes.into_iter().map(|one| (one.person.id, one.change));
            (changes.collect(), applied.is_outdated)
        }

        fn next_update(&mut self) -> PresenceUpdate {
            self.updates.try_recv().expect("an update was sent")
        }
    }

    fn two_nodes() -> (TestNode, TestNode) {
        let now = Instant::now();
        (TestNode::new("one", now), TestNode::new("two", now))
    }

    #[test]
    fn presence_updates_are_applied_in_order() {
        let (mut one, mut two) = two_nodes();
        for id in ["ana", "bob"] {
            one.join_lobby(id);
            let update = one.next_update();
            assert_eq!(
                two.apply(&update),
                (vec![(id.to_owned(), PresenceChange::Came)], false)
            );
            assert_eq!(
                two.apply(&update),
                (vec![], false),
                "an old update changes nothing"
            );
        }
        one.remote_presence.publish_heartbeat();
        assert_eq!(two.apply(&one.next_update()), (vec![], false));
        assert_eq!(two.roster.count(), 2);
    }

    #[test]
    fn presence_update_after_a_gap_requests_a_full_one() {
        let (mut one, mut two) = two_nodes();
        one.join_lobby("ana");
        one.join_lobby("bob");
        one.next_update();
        assert_eq!(two.apply(&one.next_update()), (vec![], true));
        one.remote_presence.publish_heartbeat();
        assert_eq!(
            two.apply(&one.next_update()),
            (vec![], false),
            "it was requested a moment ago"
        );
        two.now += RESYNC_INTERVAL;
        one.remote_presence.publish_heartbeat();
        assert_eq!(two.apply(&one.next_update()), (vec![], true));
        one.remote_presence.publish_all(&one.roster);
        let (mut changes, is_outdated) = two.apply(&one.next_update());
        changes.sort_by(|a, b| a.0.cmp(&b.0));
        let came = |id: &str| (id.to_owned(), PresenceChange::Came);
        assert_eq!((changes, is_outdated), (vec![came("ana"), came("bob")], false));
        one.roster.disconnect("ana");
        one.remote_presence.publish_all(&one.roster);
        assert_eq!(
            two.apply(&one.next_update()),
            (vec![("ana".to_owned(), PresenceChange::Went)], false)
        );
    }

    #[test]
    fn presence_of_a_silent_node_is_removed_unless_local() {
        let (mut one, mut two) = two_nodes();
        one.join_lobby("ana");
        one.join_lobby("bob");
        for _ in 0..2 {
            let update = one.next_update();
            two.apply(&update);
        }
        two.join_lobby("bob");
        let soon = two.now + NODE_TIMEOUT;
        assert_eq!(two.remote_presence.remove_expired(&mut two.roster, soon), []);
        let changes = two
            .remote_presence
            .remove_expired(&mut two.roster, soon + Duration::from_millis(1));
        let changes: Vec<(&str, PresenceChange)> = changes
            .iter()
            .map(|one| (one.person.id.as_str(), one.change))
            .collect();
        assert_eq!(changes, [("ana", PresenceChange::Went)]);
        assert_eq!((two.roster.count(), two.remote_presence.count()), (1, 0));
    }

    fn connect(
        roster: &mut Roster,
        socket: &str,
        id: &str,
        requested: &str,
    ) -> (String, Option<ChatErrorCode>) {
        let names = NameCandidates::new(id, Some(requested), 32);
        let (person, refused) = roster.connect(socket, id, names, Instant::now());
        (person.name, refused.map(|refusal| refusal.code))
    }

    fn snapshot(id: &str, name: &str, rooms: Option<&[&str]>) -> MemberSnapshot {
        let name = Name::new(name, 32).expect("a good name");
        MemberSnapshot {
            person: Person {
                id: id.to_owned(),
                name: name.shown,
            },
            key: name.key,
            rooms: rooms.map(|rooms| rooms.iter().map(|room| (*room).to_owned()).collect()),
        }
    }

    fn apply_changes(
        roster: &mut Roster,
        connection: &str,
        snapshot: MemberSnapshot,
    ) -> Vec<(String, PresenceChange)> {
        let changes = apply_snapshot(roster, connection, snapshot);
        changes.into_iter().map(|one| (one.room, one.change)).collect()
    }

    #[test]
    fn roster_connections_on_two_nodes_are_one_person() {
        let mut roster = Roster::default();
        let lobby = |change| vec![("lobby".to_owned(), change)];
        let came = apply_changes(&mut roster, "node ana", snapshot("ana", "Ana", Some(&["lobby"])));
        assert_eq!(came, lobby(PresenceChange::Came));
        // the name on the other node counts, and no second join is announced
        assert_eq!(connect(&mut roster, "s1", "ana", "Anita"), ("Ana".into(), None));
        assert!(!roster.join("s1", "lobby"));
        assert_eq!(
            roster.snapshot("ana"),
            Some(snapshot("ana", "Ana", Some(&["lobby"])))
        );
        let renamed = apply_changes(
            &mut roster,
            "node ana",
            snapshot("ana", "Ani", Some(&["lobby", "kopi"])),
        );
        assert_eq!(
            renamed,
            [
                ("lobby".to_owned(), PresenceChange::Renamed),
                ("kopi".to_owned(), PresenceChange::Came)
            ]
        );
        let disconnected = roster.disconnect("s1").map(|(_, gone)| gone);
        assert_eq!(disconnected, Some(vec![]));
        assert_eq!((roster.count(), roster.count_local()), (1, 0));
        let gone = apply_changes(&mut roster, "node ana", snapshot("ana", "Ani", Some(&["lobby"])));
        assert_eq!(gone, [("kopi".to_owned(), PresenceChange::Went)]);
        assert_eq!(
            apply_changes(&mut roster, "node ana", snapshot("ana", "Ani", None)),
            lobby(PresenceChange::Went)
        );
        assert_eq!((roster.count(), roster.snapshots()), (0, vec![]));
    }

    #[test]
    fn name_given_away_by_two_nodes_stays_with_the_local_owner() {
        let mut roster = Roster::default();
        connect(&mut roster, "s1", "ana", "Ana");
        apply_changes(&mut roster, "node bob", snapshot("bob", "ANA", Some(&["lobby"])));
        apply_changes(&mut roster, "node bob", snapshot("bob", "Bob", Some(&["lobby"])));
        assert_eq!(
            connect(&mut roster, "s2", "cid", "ana"),
            ("ana 2".into(), Some(ChatErrorCode::NameTaken))
        );
    }
}
