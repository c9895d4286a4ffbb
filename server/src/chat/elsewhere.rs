//! What this node knows of the people on other nodes, and tells them of its own.
//!
//! Each node numbers the changes of its people and sends them as [`Sheet`]s in that order, and every [`BEAT`] the
//! number alone. Who finds that changes are missing asks for all people of that node. A node that was not heard of
//! for [`SILENCE`] is gone, and its people with it. What rooms are told follows from this node's own view, so each
//! node tells its own pages.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use super::people::{Line, Move, People, went};

/// Pause between two signs of life.
pub(super) const BEAT: Duration = Duration::from_secs(2);
/// Silence after which a node's people are gone.
const SILENCE: Duration = Duration::from_secs(10);

/// Pause between two questions to one node; the answer is long.
const ASK: Duration = Duration::from_secs(1);

/// What a node says of its people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Sheet {
    /// Who says it.
    pub(super) node: String,
    /// Number of the change before these.
    pub(super) from: u64,
    /// Number of the last one.
    pub(super) to: u64,
    /// Whether these are all people of the node, and not changes.
    pub(super) whole: bool,
    /// The people.
    pub(super) people: Vec<Line>,
}

/// This node among the others.
#[derive(Debug)]
pub(super) struct Elsewhere {
    me: String,
    version: u64,
    told: mpsc::UnboundedSender<Sheet>,
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

/// What follows from a sheet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// What rooms are to be told.
    pub(super) moves: Vec<Move>,
    /// Whether changes are missing: the node is to be asked for all its people.
    pub(super) ask: bool,
}

impl Elsewhere {
    /// A node of this name; what it tells goes to `told`, in order.
    pub(super) fn new(me: String, told: mpsc::UnboundedSender<Sheet>) -> Self {
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
    pub(super) fn tell(&mut self, line: Line) {
        self.version += 1;
        self.send(self.version - 1, false, vec![line]);
    }

    /// Tells the others of everyone here.
    pub(super) fn tell_all(&self, people: &People) {
        self.send(0, true, people.lines());
    }

    /// Gives a sign of life.
    pub(super) fn beat(&self) {
        self.send(self.version, false, Vec::new());
    }

    fn send(&self, from: u64, whole: bool, people: Vec<Line>) {
        let sheet = Sheet {
            node: self.me.clone(),
            from,
            to: self.version,
            whole,
            people,
        };
        if self.told.send(sheet).is_err() {
            tracing::debug!("the chat has ended, and nobody is told");
        }
    }

    /// Reads what another node says.
    pub(super) fn read(&mut self, sheet: Sheet, people: &mut People, now: Instant) -> Read {
        let Sheet {
            node: name,
            from,
            to,
            whole,
            people: lines,
        } = sheet;
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
            read.moves.extend(people.place_elsewhere(&seat, line));
        }
        read
    }

    /// Takes the people of nodes away that were not heard of for too long.
    pub(super) fn sweep(&mut self, people: &mut People, now: Instant) -> Vec<Move> {
        let mut moves = Vec::new();
        self.nodes.retain(|name, node| {
            let gone = now.saturating_duration_since(node.heard) > SILENCE;
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

fn rise(people: &mut People, node: &str, person: &str) -> Vec<Move> {
    people
        .rise(&seat(node, person))
        .map(|(person, rooms)| went(&person, rooms))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use pesan::protocol::PresenceChange;

    use super::*;

    /// A node, its people, and what it tells.
    struct Here {
        elsewhere: Elsewhere,
        people: People,
        told: mpsc::UnboundedReceiver<Sheet>,
        now: Instant,
    }

    impl Here {
        fn new(name: &str, now: Instant) -> Self {
            let (sender, told) = mpsc::unbounded_channel();
            Self {
                elsewhere: Elsewhere::new(name.to_owned(), sender),
                people: People::default(),
                told,
                now,
            }
        }

        /// Someone comes into the lobby.
        fn comes(&mut self, id: &str) {
            let names = super::super::wishes::Wishes::new(id, Some(id), 32);
            self.people.sit(id, id, names, self.now);
            self.people.enter(id, "lobby");
            let line = self.people.line(id).expect("is here");
            self.elsewhere.tell(line);
        }

        fn reads(&mut self, sheet: &Sheet) -> (Vec<(String, PresenceChange)>, bool) {
            let read = self.elsewhere.read(sheet.clone(), &mut self.people, self.now);
            let moves = read.moves.into_iter().map(|one| (one.person.id, one.change));
            (moves.collect(), read.ask)
        }

        fn says(&mut self) -> Sheet {
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
            let sheet = one.says();
            assert_eq!(
                two.reads(&sheet),
                (vec![(id.to_owned(), PresenceChange::Came)], false)
            );
            assert_eq!(two.reads(&sheet), (vec![], false), "an old one changes nothing");
        }
        one.elsewhere.beat();
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
        one.elsewhere.beat();
        assert_eq!(two.reads(&one.says()), (vec![], false), "it was asked just now");
        two.now += ASK;
        one.elsewhere.beat();
        assert_eq!(two.reads(&one.says()), (vec![], true));
        one.elsewhere.tell_all(&one.people);
        let (mut moves, ask) = two.reads(&one.says());
        moves.sort_by(|a, b| a.0.cmp(&b.0));
        let came = |id: &str| (id.to_owned(), PresenceChange::Came);
        assert_eq!((moves, ask), (vec![came("ana"), came("bob")], false));
        one.people.rise("ana");
        one.elsewhere.tell_all(&one.people);
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
            let sheet = one.says();
            two.reads(&sheet);
        }
        two.comes("bob");
        let soon = two.now + SILENCE;
        assert_eq!(two.elsewhere.sweep(&mut two.people, soon), []);
        let moves = two
            .elsewhere
            .sweep(&mut two.people, soon + Duration::from_millis(1));
        let moves: Vec<(&str, PresenceChange)> = moves
            .iter()
            .map(|one| (one.person.id.as_str(), one.change))
            .collect();
        assert_eq!(moves, [("ana", PresenceChange::Went)]);
        assert_eq!((two.people.count(), two.elsewhere.count()), (1, 0));
    }
}
