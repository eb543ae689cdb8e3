//! What an operator's hand has changed from one view to the next, for the audit log. What nodes and proxies change by themselves
//! (chains, acceptors, a node that was started anew) is none of it.
//!
//! `ringmaster cluster apply`, `drain`, `give-up` and `recover` have views decided; an edit of cluster.yaml has the
//! proxies do it. Each member tells what it hears, from whoever hands it the view: the command, or a proxy.

use ringmaster_protocol::register::{Answer, Request};
use ringmaster_protocol::view::{Member, View, Word};
use ringmaster_runtime::audit;

/// Tells of what `request` from there has changed, if that was of an operator's making.
pub(in crate::server) fn audited(
    request: &Request,
    (before, after): (Option<&View>, Option<&View>),
    answer: &Answer,
    who: (&[u8], &str),
) {
    if let (Request::Recover { .. }, Answer::Refused(_)) = (request, answer) {
        return audit::tell("node", who, ("cluster recover", ""), audit::Outcome::Refused);
    }
    let Some(after) = after.filter(|after| before.is_none_or(|before| before.epoch() < after.epoch())) else {
        return;
    };
    let changes = changes(before, after);
    if !changes.is_empty() {
        audit::tell("node", who, ("cluster view", &changes), audit::Outcome::Done);
    }
}

/// In words, nothing if there are none.
fn changes(before: Option<&View>, after: &View) -> String {
    let epoch = after.epoch();
    // The first view comes by itself.
    let Some(before) = before else { return String::new() };
    if before.cluster() != after.cluster() {
        return format!("goes on in another cluster, by view {epoch} of {}", names(after.members()));
    }
    let gone = before.members().iter().filter(|member| named(after, member).is_none());
    let mut changes: Vec<String> = gone.map(|member| format!("without {}", member.name)).collect();
    for member in after.members() {
        match named(before, member) {
            None => changes.push(format!("with {} at {}", member.name, member.address)),
            Some(earlier) => changes.extend(change(earlier, member)),
        }
    }
    if before.config() != after.config() {
        let version = after.config().version();
        changes.push(if version > 0 {
            format!("cluster.yaml {version}")
        } else {
            "another cluster.yaml".to_owned()
        });
    }
    if before.lease() != after.lease() {
        changes.push(format!("lease {} ms", after.lease().duration().as_millis()));
    }
    if changes.is_empty() { String::new() } else { format!("view {epoch}: {}", changes.join(", ")) }
}

/// What has become of a member.
fn change(before: &Member, after: &Member) -> Option<String> {
    let name = &after.name;
    match (before.word, after.word) {
        (before, after) if before == after => None,
        (_, Word::Drain) => Some(format!("{name} is drained")),
        (_, Word::GivenUp) => Some(format!("{name} is given up")),
        (_, Word::None) => Some(format!("{name} is as others again")),
    }
    .or_else(|| (before.weight != after.weight).then(|| format!("{name} has weight {}", after.weight)))
    .or_else(|| (before.address != after.address).then(|| format!("{name} is at {}", after.address)))
}

fn named<'v>(view: &'v View, member: &Member) -> Option<&'v Member> {
    view.member_named(&member.name).map(|index| view.member(index))
}

fn names(members: &[Member]) -> String {
    members.iter().map(|member| member.name.as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringmaster_protocol::config::Millis;
    use ringmaster_protocol::view::{
        Boot, Chain, ClusterId, ConfigDigest, Entry, Epoch, Incarnation, MemberIndex, SlotChains, ViewParts,
    };

    fn member(name: &str) -> Member {
        Member {
            name: name.parse().unwrap(),
            address: format!("{name}:1").parse().unwrap(),
            zone: String::new(),
            weight: 100,
            incarnation: Incarnation(u128::from(name.as_bytes()[0])),
            boot: Boot(1),
            is_durable: false,
            word: Word::None,
        }
    }

    /// View 7 of a, b and c, altered.
    fn view(alter: impl FnOnce(&mut ViewParts)) -> View {
        let entry = Entry { member: MemberIndex::new(0), boot: Boot(1), since: Epoch::FIRST };
        let (changed, born) = (Epoch::FIRST, Epoch::FIRST);
        let chain = Chain { changed, born, unsealed: None, entries: vec![entry], in_sync: 1 };
        let mut parts = ViewParts {
            cluster: ClusterId(1),
            epoch: Epoch(7),
            members: ["a", "b", "c"].map(member).to_vec(),
            acceptors: vec![MemberIndex::new(0)],
            lease: Millis::new(500),
            longest_lease: Millis::new(500),
            hash_seed: 1,
            config: ConfigDigest::default(),
            superseded: Vec::new(),
            chains: SlotChains::all(chain),
        };
        alter(&mut parts);
        View::new(parts).unwrap()
    }

    #[test]
    fn what_an_operator_does_has_words() {
        let before = view(|_| ());
        let told = |alter: &dyn Fn(&mut ViewParts)| {
            let after = view(|parts| {
                parts.epoch = Epoch(8);
                alter(parts);
            });
            changes(Some(&before), &after)
        };
        let drained = told(&|parts| (parts.members[1].word, parts.members[1].weight) = (Word::Drain, 0));
        assert_eq!(drained, "view 8: b is drained");
        assert_eq!(told(&|parts| parts.members[2].word = Word::GivenUp), "view 8: c is given up");
        assert_eq!(told(&|parts| parts.members[2].weight = 50), "view 8: c has weight 50");
        let edited = told(&|parts| {
            parts.members[2] = member("d");
            parts.config.0[0] = 3;
            parts.members[1].address = "e:2".parse().unwrap();
        });
        assert_eq!(edited, "view 8: without c, b is at e:2, with d at d:1, cluster.yaml 3");
        let recovered = told(&|parts| {
            parts.cluster = ClusterId(2);
            parts.members.truncate(2);
        });
        assert_eq!(recovered, "goes on in another cluster, by view 8 of a, b");
    }

    #[test]
    fn what_changes_by_itself_is_not_told() {
        let before = view(|_| ());
        assert_eq!(changes(None, &before), "");
        let after = view(|parts| {
            parts.epoch = Epoch(8);
            parts.members[2].boot = Boot(2);
            parts.members[2].is_durable = true;
            parts.acceptors = [0, 1, 2].map(MemberIndex::new).to_vec();
        });
        assert_eq!(changes(Some(&before), &after), "");
    }
}
