//! What this node knows of the people on other nodes, and tells them of its own.
//!
//! Each node numbers the changes of its people and sends them as [`PresenceUpdate`]s in that order, and every [`HEARTBEAT`] the
//! number alone. Who finds that changes are missing asks for all people of that node. A node that was not heard of
//! for [`NODE_TIMEOUT`] is gone, and its people with it. What rooms hear follows from this node's own view, so each
//! node tells its own pages.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use pesan::protocol::PresenceChange;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::names::Name;
use super::roster::{MemberSnapshot, MembershipChange, Roster, changes_of, departures};

/// Pause between two signs of life.
pub(super) const HEARTBEAT: Duration = Duration::from_secs(2);
/// Silence after which a node's people are gone.
const NODE_TIMEOUT: Duration = Duration::from_secs(10);

/// Pause between two questions to one node; the answer is long.
const ASK: Duration = Duration::from_secs(1);

/// What a node says of its people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct PresenceUpdate {
    /// Who says it.
    pub(super) node: String,
    /// Number of the change before these.
    pub(super) from: u64,
    /// Number of the last one.
    pub(super) to: u64,
    /// Whether these are all people of the node, and not changes.
    pub(super) whole: bool,
    /// The people.
    pub(super) people: Vec<MemberSnapshot>,
}

/// This node among the others.
#[derive(Debug)]
pub(super) struct RemotePresence {
    me: String,
    version: u64,
    told: mpsc::UnboundedSender<PresenceUpdate>,
    nodes: HashMap<String, Node>,
}

/// Another node.
#[derive(Debug)]
struct Node {
    version: u64,
    heard: Instant,
    asked: Option<Instant>,
    people: HashSet<String>,
}

/// What follows from a update.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// What rooms are to be told.
    pub(super) moves: Vec<MembershipChange>,
    /// Whether changes are missing: the node is to be asked for all its people.
    pub(super) ask: bool,
}

impl RemotePresence {
    /// A node of this name; what it tells goes to `told`, in order.
    pub(super) fn new(me: String, told: mpsc::UnboundedSender<PresenceUpdate>) -> Self {
        Self {
            me,
            version: 0,
            told,
            nodes: HashMap::new(),
        }
    }

    /// Name of this node.
    pub(super) fn me(&self) -> &str {
        &self.me
    }

    /// How many other nodes there are.
    pub(super) fn count(&self) -> usize {
        self.nodes.len()
    }

    /// Tells the others how someone is here now.
    pub(super) fn tell(&mut self, line: MemberSnapshot) {
        self.version += 1;
        self.send(self.version - 1, false, vec![line]);
    }

    /// Tells the others of everyone here.
    pub(super) fn tell_all(&self, people: &Roster) {
        self.send(0, true, people.lines());
    }

    /// Gives a sign of life.
    pub(super) fn beat(&self) {
        self.send(self.version, false, Vec::new());
    }

    fn send(&self, from: u64, whole: bool, people: Vec<MemberSnapshot>) {
        let update = PresenceUpdate {
            node: self.me.clone(),
            from,
            to: self.version,
            whole,
            people,
        };
        if self.told.send(update).is_err() {
            tracing::debug!("the chat has ended, and nobody is told");
        }
    }

    /// Reads what another node says.
    pub(super) fn read(&mut self, update: PresenceUpdate, people: &mut Roster, now: Instant) -> Read {
        let PresenceUpdate {
            node: name,
            from,
            to,
            whole,
            people: lines,
        } = update;
        let mut read = Read::default();
        if name == self.me {
            return read;
        }
        let node = self.nodes.entry(name.clone()).or_insert_with(|| Node {
            version: 0,
            heard: now,
            asked: None,
            people: HashSet::new(),
        });
        node.heard = now;
        if whole {
            let here: HashSet<&String> = lines.iter().map(|line| &line.person.id).collect();
            let gone: Vec<String> = node
                .people
                .iter()
                .filter(|id| !here.contains(id))
                .cloned()
                .collect();
            for id in gone {
                node.people.remove(&id);
                read.moves.extend(rise(people, &name, &id));
            }
        } else if from != node.version {
            let lately = |at: Instant| now.saturating_duration_since(at) < ASK;
            read.ask = to > node.version && !node.asked.is_some_and(lately);
            if read.ask {
                node.asked = Some(now);
            }
            return read;
        }
        node.version = to;
        for line in lines {
            let id = line.person.id.clone();
            let seat = seat(&name, &id);
            match line.rooms {
                Some(_) => node.people.insert(id),
                None => node.people.remove(&id),
            };
            read.moves.extend(apply_snapshot(people, &seat, line));
        }
        read
    }

    /// Takes the people of nodes away that were not heard of for too long.
    pub(super) fn sweep(&mut self, people: &mut Roster, now: Instant) -> Vec<MembershipChange> {
        let mut moves = Vec::new();
        self.nodes.retain(|name, node| {
            let gone = now.saturating_duration_since(node.heard) > NODE_TIMEOUT;
            if gone {
                tracing::warn!(node = name, people = node.people.len(), "a node is gone");
                for id in &node.people {
                    moves.extend(rise(people, name, id));
                }
            }
            !gone
        });
        moves
    }
}

/// Seat that stands for all that someone has on a node; ids of sockets have no blank.
fn seat(node: &str, person: &str) -> String {
    format!("{node} {person}")
}

fn rise(people: &mut Roster, node: &str, person: &str) -> Vec<MembershipChange> {
    people
        .rise(&seat(node, person))
        .map(|(person, rooms)| departures(&person, rooms))
        .unwrap_or_default()
}

/// Takes over how another node has someone; what rooms are to be told.
fn apply_snapshot(people: &mut Roster, seat: &str, line: MemberSnapshot) -> Vec<MembershipChange> {
    let MemberSnapshot { person, key, rooms } = line;
    let Some(rooms) = rooms else {
        return people
            .rise(seat)
            .map(|(person, gone)| departures(&person, gone))
            .unwrap_or_default();
    };
    let name = Name {
        shown: person.name,
        key,
    };
    if !people.has_seat(seat) {
        people.sit_elsewhere(seat, &person.id, name.clone());
    }
    let mut moves = Vec::new();
    if people.name_of(&person.id).is_some_and(|known| known != name)
        && let Some((renamed, rooms)) = people.call(&person.id, name)
    {
        moves.extend(changes_of(&renamed, rooms, PresenceChange::Renamed));
    }
    let Some(person) = people.of(seat) else {
        return moves;
    };
    let known = people.rooms_of(seat);
    let came: Vec<String> = rooms
        .iter()
        .filter(|room| people.enter(seat, room))
        .cloned()
        .collect();
    let gone: Vec<String> = known
        .into_iter()
        .filter(|room| !rooms.contains(room) && people.leave(seat, room))
        .collect();
    moves.extend(changes_of(&person, came, PresenceChange::Came));
    moves.extend(departures(&person, gone));
    moves
}

#[cfg(test)]
mod tests {
    use pesan::protocol::{ChatErrorCode, Person};

    use super::super::names::NameCandidates;
    use super::*;

    /// A node, its people, and what it tells.
    struct Here {
        remote_presence: RemotePresence,
        people: Roster,
        told: mpsc::UnboundedReceiver<PresenceUpdate>,
        now: Instant,
    }

    impl Here {
        fn new(name: &str, now: Instant) -> Self {
            let (sender, told) = mpsc::unbounded_channel();
            Self {
                remote_presence: RemotePresence::new(name.to_owned(), sender),
                people: Roster::default(),
                told,
                now,
            }
        }

        /// Someone comes into the lobby.
        fn comes(&mut self, id: &str) {
            let names = NameCandidates::new(id, Some(id), 32);
            self.people.sit(id, id, names, self.now);
            self.people.enter(id, "lobby");
            let line = self.people.line(id).expect("is here");
            self.remote_presence.tell(line);
        }

        fn reads(&mut self, update: &PresenceUpdate) -> (Vec<(String, PresenceChange)>, bool) {
            let read = self
                .remote_presence
                .read(update.clone(), &mut self.people, self.now);
            let moves = read.moves.into_iter().map(|one| (one.person.id, one.change));
            (moves.collect(), read.ask)
        }

        fn says(&mut self) -> PresenceUpdate {
            self.told.try_recv().expect("something was told")
        }
    }

    fn both() -> (Here, Here) {
        let now = Instant::now();
        (Here::new("one", now), Here::new("two", now))
    }

    #[test]
    fn changes_are_told_in_their_order() {
        let (mut one, mut two) = both();
        for id in ["ana", "bob"] {
            one.comes(id);
            let update = one.says();
            assert_eq!(
                two.reads(&update),
                (vec![(id.to_owned(), PresenceChange::Came)], false)
            );
            assert_eq!(two.reads(&update), (vec![], false), "an old one changes nothing");
        }
        one.remote_presence.beat();
        assert_eq!(two.reads(&one.says()), (vec![], false));
        assert_eq!(two.people.count(), 2);
    }

    #[test]
    fn who_missed_something_asks_for_everyone() {
        let (mut one, mut two) = both();
        one.comes("ana");
        one.comes("bob");
        one.says();
        assert_eq!(two.reads(&one.says()), (vec![], true));
        one.remote_presence.beat();
        assert_eq!(two.reads(&one.says()), (vec![], false), "it was asked just now");
        two.now += ASK;
        one.remote_presence.beat();
        assert_eq!(two.reads(&one.says()), (vec![], true));
        one.remote_presence.tell_all(&one.people);
        let (mut moves, ask) = two.reads(&one.says());
        moves.sort_by(|a, b| a.0.cmp(&b.0));
        let came = |id: &str| (id.to_owned(), PresenceChange::Came);
        assert_eq!((moves, ask), (vec![came("ana"), came("bob")], false));
        one.people.rise("ana");
        one.remote_presence.tell_all(&one.people);
        assert_eq!(
            two.reads(&one.says()),
            (vec![("ana".to_owned(), PresenceChange::Went)], false)
        );
    }

    #[test]
    fn the_people_of_a_silent_node_are_gone_unless_they_are_here() {
        let (mut one, mut two) = both();
        one.comes("ana");
        one.comes("bob");
        for _ in 0..2 {
            let update = one.says();
            two.reads(&update);
        }
        two.comes("bob");
        let soon = two.now + NODE_TIMEOUT;
        assert_eq!(two.remote_presence.sweep(&mut two.people, soon), []);
        let moves = two
            .remote_presence
            .sweep(&mut two.people, soon + Duration::from_millis(1));
        let moves: Vec<(&str, PresenceChange)> = moves
            .iter()
            .map(|one| (one.person.id.as_str(), one.change))
            .collect();
        assert_eq!(moves, [("ana", PresenceChange::Went)]);
        assert_eq!((two.people.count(), two.remote_presence.count()), (1, 0));
    }

    fn sit(people: &mut Roster, socket: &str, id: &str, wished: &str) -> (String, Option<ChatErrorCode>) {
        let names = NameCandidates::new(id, Some(wished), 32);
        let (person, refused) = people.sit(socket, id, names, Instant::now());
        (person.name, refused.map(|refusal| refusal.code))
    }

    fn line(id: &str, name: &str, rooms: Option<&[&str]>) -> MemberSnapshot {
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

    fn told(people: &mut Roster, seat: &str, line: MemberSnapshot) -> Vec<(String, PresenceChange)> {
        let moves = apply_snapshot(people, seat, line);
        moves.into_iter().map(|one| (one.room, one.change)).collect()
    }

    #[test]
    fn tabs_on_two_nodes_are_one_person() {
        let mut people = Roster::default();
        let lobby = |change| vec![("lobby".to_owned(), change)];
        let came = told(&mut people, "node ana", line("ana", "Ana", Some(&["lobby"])));
        assert_eq!(came, lobby(PresenceChange::Came));
        // the name of the other node counts, and nobody comes a second time
        assert_eq!(sit(&mut people, "s1", "ana", "Anita"), ("Ana".into(), None));
        assert!(!people.enter("s1", "lobby"));
        assert_eq!(people.line("ana"), Some(line("ana", "Ana", Some(&["lobby"]))));
        let renamed = told(
            &mut people,
            "node ana",
            line("ana", "Ani", Some(&["lobby", "kopi"])),
        );
        assert_eq!(
            renamed,
            [
                ("lobby".to_owned(), PresenceChange::Renamed),
                ("kopi".to_owned(), PresenceChange::Came)
            ]
        );
        let rose = people.rise("s1").map(|(_, gone)| gone);
        assert_eq!(rose, Some(vec![]));
        assert_eq!((people.count(), people.count_here()), (1, 0));
        let gone = told(&mut people, "node ana", line("ana", "Ani", Some(&["lobby"])));
        assert_eq!(gone, [("kopi".to_owned(), PresenceChange::Went)]);
        assert_eq!(
            told(&mut people, "node ana", line("ana", "Ani", None)),
            lobby(PresenceChange::Went)
        );
        assert_eq!((people.count(), people.lines()), (0, vec![]));
    }

    #[test]
    fn a_name_that_two_nodes_gave_away_stays_with_the_first_here() {
        let mut people = Roster::default();
        sit(&mut people, "s1", "ana", "Ana");
        told(&mut people, "node bob", line("bob", "ANA", Some(&["lobby"])));
        told(&mut people, "node bob", line("bob", "Bob", Some(&["lobby"])));
        assert_eq!(
            sit(&mut people, "s2", "cid", "ana"),
            ("ana 2".into(), Some(ChatErrorCode::NameTaken))
        );
    }
}
