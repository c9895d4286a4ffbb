//! Bans and mutes: rules of an operator against a person, an address or a network.
//!
//! The [`history`](super::history) keeps them, so that they survive a restart and hold on every node; `Restrictions` is the
//! copy in memory. `moderation` changes them; `connect`, `requests` and `message` check them.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;
use pesan::protocol::{ChatError, ChatErrorCode};
use serde::{Deserialize, Serialize};

use super::error::chat_error;
use super::rate_limit::network_of;
use crate::http::serve::parse_network;

/// Rule of an operator against a person or a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restriction {
    /// What is forbidden.
    pub kind: RestrictionKind,
    /// Who is restricted.
    pub subject: Subject,
    /// When it ends, in milliseconds since 1970; `None` for no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<u64>,
    /// Reason shown to the person.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

/// What a restriction forbids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RestrictionKind {
    /// Connect.
    Ban,
    /// Write, create rooms or change the name.
    Mute,
}

/// Person or network. As text: the id of the person, or a network such as `192.0.2.0/24`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Subject {
    /// Everyone in a network. A single IPv6 address stands for its /64, the size of one subscriber's network.
    Network(IpNet),
    /// Person, by id.
    Person(String),
}

/// Text that is neither a network nor the id of a person.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not an address, a network or the id of a person")]
pub struct SubjectError(String);

impl RestrictionKind {
    /// Name in the store and in commands.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ban => "ban",
            Self::Mute => "mute",
        }
    }

    /// Kind of a name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Ban, Self::Mute]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

impl FromStr for Subject {
    type Err = SubjectError;

    fn from_str(text: &str) -> Result<Self, SubjectError> {
        let text = text.trim();
        if let Ok(network) = parse_network(text) {
            return Ok(Self::Network(one_subscriber(network).trunc()));
        }
        let is_id =
            !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if is_id {
            Ok(Self::Person(text.to_owned()))
        } else {
            Err(SubjectError(text.to_owned()))
        }
    }
}

/// The /64 of a single IPv6 address; every other network as it is.
fn one_subscriber(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(one) if one.prefix_len() == 128 && one.addr().to_ipv4_mapped().is_none() => {
            IpNet::new(network_of(IpAddr::V6(one.addr())), 64).unwrap_or(network)
        }
        IpNet::V6(one) if one.prefix_len() == 128 => IpNet::from(IpAddr::V6(one.addr()).to_canonical()),
        IpNet::V4(_) | IpNet::V6(_) => network,
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(network) if network.prefix_len() == network.max_prefix_len() => {
                network.addr().fmt(f)
            }
            Self::Network(network) => network.fmt(f),
            Self::Person(id) => f.write_str(id),
        }
    }
}

impl From<Subject> for String {
    fn from(subject: Subject) -> Self {
        subject.to_string()
    }
}

impl TryFrom<String> for Subject {
    type Error = SubjectError;

    fn try_from(text: String) -> Result<Self, SubjectError> {
        text.parse()
    }
}

impl Restriction {
    pub(super) fn is_over(&self, now: u64) -> bool {
        self.until.is_some_and(|until| until <= now)
    }

    /// Error for the restricted person.
    pub(super) fn error(&self, now: u64) -> ChatError {
        match self.kind {
            RestrictionKind::Ban => chat_error(ChatErrorCode::Banned, &self.reason),
            RestrictionKind::Mute => {
                let seconds = self.until.map(|until| until.saturating_sub(now).div_ceil(1000));
                chat_error(
                    ChatErrorCode::Muted,
                    seconds.map(|seconds| seconds.to_string()).unwrap_or_default(),
                )
            }
        }
    }
}

/// All restrictions, indexed by subject.
#[derive(Debug, Default)]
pub(super) struct Restrictions {
    bans: Subjects,
    mutes: Subjects,
}

/// Restrictions of one kind.
#[derive(Debug, Default)]
struct Subjects {
    people: HashMap<String, Restriction>,
    networks: Vec<(IpNet, Restriction)>,
}

impl Restrictions {
    pub(super) fn new(list: Vec<Restriction>) -> Self {
        let mut all = Self::default();
        for restriction in list {
            let subjects = match restriction.kind {
                RestrictionKind::Ban => &mut all.bans,
                RestrictionKind::Mute => &mut all.mutes,
            };
            match restriction.subject.clone() {
                Subject::Person(id) => drop(subjects.people.insert(id, restriction)),
                Subject::Network(network) => subjects.networks.push((network, restriction)),
            }
        }
        all
    }

    /// Checks whether a restriction of this kind applies to a client. `person` is empty for an anonymous client.
    ///
    /// # Errors
    /// [`ChatErrorCode::Banned`] or [`ChatErrorCode::Muted`].
    pub(super) fn check(
        &self,
        kind: RestrictionKind,
        person: &str,
        address: IpAddr,
        now: u64,
    ) -> Result<(), ChatError> {
        let subjects = match kind {
            RestrictionKind::Ban => &self.bans,
            RestrictionKind::Mute => &self.mutes,
        };
        let address = address.to_canonical();
        let of_network = subjects
            .networks
            .iter()
            .filter(|(network, _)| network.contains(&address));
        let found = subjects
            .people
            .get(person)
            .into_iter()
            .chain(of_network.map(|(_, restriction)| restriction))
            .find(|restriction| !restriction.is_over(now));
        found.map_or(Ok(()), |restriction| Err(restriction.error(now)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restriction(kind: RestrictionKind, subject: &str, until: Option<u64>) -> Restriction {
        Restriction {
            kind,
            subject: subject.parse().expect("a subject"),
            until,
            reason: "spam".to_owned(),
        }
    }

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn subject_is_a_network_or_the_id_of_a_person() {
        for (text, shown) in [
            ("192.0.2.7", "192.0.2.7"),
            (" 192.0.2.7/24 ", "192.0.2.0/24"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
            ("2001:db8::/32", "2001:db8::/32"),
            ("0123456789abcdef0123", "0123456789abcdef0123"),
        ] {
            let subject: Subject = text.parse().expect(text);
            assert_eq!(subject.to_string(), shown);
            assert_eq!(shown.parse(), Ok(subject), "{text} is read again");
        }
        for text in ["", "a b", "192.0.2.0/33", "budi!"] {
            let error = text.parse::<Subject>().expect_err(text).to_string();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn ban_of_a_person_holds_at_every_address_until_it_ends() {
        let bans = Restrictions::new(vec![restriction(RestrictionKind::Ban, "ana", Some(1000))]);
        let check = |person, now| bans.check(RestrictionKind::Ban, person, address("192.0.2.1"), now);
        assert_eq!(check("ana", 999), Err(chat_error(ChatErrorCode::Banned, "spam")));
        assert_eq!(check("ana", 1000), Ok(()));
        assert_eq!(check("bob", 0), Ok(()));
        assert_eq!(
            bans.check(RestrictionKind::Mute, "ana", address("192.0.2.1"), 0),
            Ok(())
        );
    }

    #[test]
    fn ban_of_a_network_holds_for_everyone_in_it() {
        let bans = Restrictions::new(vec![
            restriction(RestrictionKind::Ban, "192.0.2.0/24", None),
            restriction(RestrictionKind::Ban, "2001:db8:1:2::9", None),
        ]);
        let is_banned = |text| bans.check(RestrictionKind::Ban, "", address(text), 0).is_err();
        let banned = ["192.0.2.200", "::ffff:192.0.2.200", "2001:db8:1:2:ffff::1"];
        assert!(banned.into_iter().all(is_banned));
        assert!(!["192.0.3.1", "2001:db8:1:3::1"].into_iter().any(is_banned));
    }

    #[test]
    fn mute_error_contains_the_remaining_seconds() {
        let error = |until| restriction(RestrictionKind::Mute, "ana", until).error(500).detail;
        assert_eq!((error(Some(2400)), error(None)), ("2".to_owned(), String::new()));
    }
}
