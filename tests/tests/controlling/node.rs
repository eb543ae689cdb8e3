//! A node without I/O: its register, its slots, its posts.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_node::cluster::Ticket;
use ringmaster_node::cluster::acceptor::Acceptor;
use ringmaster_node::cluster::posts::Posts;
use ringmaster_node::cluster::replica::{Asker, Content, Replica, Shared};
use ringmaster_node::cluster::row::Row;
use ringmaster_protocol::cluster_file::NodeName;
use ringmaster_protocol::extension::{Ask, Contents, History, Passing, Say};
use ringmaster_protocol::heartbeat::{Beat, NodeState, Pulse};
use ringmaster_protocol::register::{Answer, Refusal, Request};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation, Version};

use super::slots;

/// A slot's content: the effects of its operations, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct List(pub(crate) Vec<u8>);

impl Content for List {
    fn apply(&mut self, operation: &Passing<'_>) -> Result<(), Bytes> {
        self.0.extend_from_slice(operation.effects);
        Ok(())
    }

    fn export(&mut self) -> (u64, Bytes) {
        (0, Bytes::from(self.0.clone()))
    }

    fn replace(&mut self, contents: &Contents) -> Result<(), Bytes> {
        self.0 = contents.effects.to_vec();
        Ok(())
    }

    fn clear(&mut self) {
        self.0.clear();
    }

    fn found(&mut self, born: Epoch) -> Option<History> {
        (!self.0.is_empty()).then(|| History::founded(Version { changed: born, n: 1 }))
    }
}

pub(crate) struct Node {
    pub(crate) name: NodeName,
    pub(crate) is_up: bool,
    pub(crate) incarnation: Incarnation,
    pub(crate) boot: Boot,
    pub(crate) is_leaving: bool,
    pub(crate) acceptor: Acceptor,
    pub(crate) replicas: BTreeMap<HashSlot, (Replica, List)>,
    pub(crate) posts: Posts,
    pub(crate) shared: Shared,
    /// Whole slots that were staged or imported here.
    pub(crate) copies: usize,
}

impl Node {
    pub(crate) fn new(name: &str, number: u128) -> Self {
        Self {
            name: name.parse().unwrap(),
            is_up: true,
            incarnation: Incarnation(number),
            boot: Boot(number * 1000),
            is_leaving: false,
            acceptor: Acceptor::default(),
            replicas: slots().map(|slot| (slot, Default::default())).collect(),
            posts: Posts::default(),
            shared: Shared::new(1 << 20, 1 << 20),
            copies: 0,
        }
    }

    /// Another process: with its register, and with its data or without.
    pub(crate) fn restart(&mut self, keeps_data: bool) {
        (self.boot.0, self.is_up, self.is_leaving) = (self.boot.0 + 1, true, false);
        for (replica, list) in self.replicas.values_mut() {
            if keeps_data {
                *replica = Replica::recovered(replica.born(), replica.history().clone());
            } else {
                (*replica, *list) = Default::default();
            }
        }
        self.adopt();
    }

    /// Another process with nothing, not even its register: another data directory.
    pub(crate) fn wipe(&mut self, incarnation: u128) {
        let name = self.name.to_string();
        *self = Self::new(&name, incarnation);
    }

    pub(crate) fn adopt(&mut self) {
        let Some(view) = self.acceptor.committed().cloned() else { return };
        let own = view.member_named(&self.name);
        for (slot, (replica, list)) in &mut self.replicas {
            let row = Row::of(&view, *slot, own, self.boot);
            replica.adopt(row, list, &self.shared, &mut Vec::new());
        }
    }

    pub(crate) fn beat(&mut self, now: Duration, beat: &Beat) -> Pulse {
        self.posts.keep(now, beat.proxy, beat.post.clone());
        let cluster = self.acceptor.cluster();
        let is_foreign =
            beat.cluster != ClusterId::default() && cluster.is_some_and(|own| own != beat.cluster);
        let lease = match cluster {
            Some(own) if is_foreign => Answer::Refused(Refusal::Foreign(own)),
            _ => self.acceptor.answer(&Request::Confirm { epoch: beat.epoch }).answer,
        };
        let is_empty = self.replicas.values().all(|(_, list)| list.0.is_empty());
        let state = match (self.is_leaving, self.acceptor.is_blank() && is_empty) {
            (true, _) => NodeState::Leaving,
            (_, true) => NodeState::Blank,
            _ => NodeState::Ready,
        };
        Pulse {
            cluster,
            epoch: self.acceptor.epoch(),
            incarnation: self.incarnation,
            boot: self.boot,
            is_durable: false,
            state,
            lease,
            posts: self.posts.of_others(now, beat.proxy),
            used_memory: 0,
            keys: 0,
            pressure: 0,
            excess: 0,
            due: Vec::new(),
            clock_ms: 0,
        }
    }

    pub(crate) fn register(&mut self, incarnation: Incarnation, request: &Request) -> Answer {
        if incarnation != self.incarnation {
            return Answer::Refused(Refusal::Reborn(self.incarnation));
        }
        if let Request::Commit { view } = request
            && !view.members().iter().any(|member| member.incarnation == self.incarnation)
        {
            return Answer::Refused(Refusal::Reborn(self.incarnation));
        }
        let verdict = self.acceptor.answer(request);
        self.adopt();
        verdict.answer
    }

    pub(crate) fn ask(&mut self, now: Duration, attached: Epoch, ask: Ask) -> Say {
        match ask {
            Ask::Report { slots } => {
                Say::Reports(slots.iter().map(|slot| self.replicas[slot].0.report(*slot)).collect())
            }
            Ask::Fence { slots, epoch } => {
                for slot in slots {
                    self.replicas.get_mut(&slot).unwrap().0.fence(epoch);
                }
                Say::Done
            }
            ask => {
                self.copies += usize::from(matches!(ask, Ask::Stage { .. } | Ask::Import { .. }));
                let (replica, list) = self.replicas.get_mut(&ask.slot().unwrap()).unwrap();
                let asker = Asker { ticket: Ticket(0), attached };
                let say = replica.ask(ask, asker, list, (&self.shared, now), &mut Vec::new());
                say.unwrap_or(Say::Overloaded)
            }
        }
    }
}
