//! What the nodes say of themselves: their INFO and slow log, asked for while somebody looks, and at most once a second.
//!
//! A connection of its own to each node, kept from one look to the next. A node that does not answer within the deadline
//! is told as such, and holds up nobody for longer.

mod answer;

pub(super) use answer::{Answer, Figures, SlowCall};

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use ringmaster_runtime::stream::Stream;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::clock;
use crate::dial::{Credentials, DialError, Talk, dial};
use crate::shared::Shared;

/// Shortest time between two rounds of questions.
const ASK_EVERY: Duration = Duration::from_millis(900);

/// How long a node may take to answer.
const DEADLINE: Duration = Duration::from_millis(400);

/// Connections are not kept for longer than this without a look.
const IDLE: Duration = Duration::from_secs(30);

/// What is asked; the replies come in this order.
const INFO: &[u8] =
    b"*8\r\n$4\r\nINFO\r\n$6\r\nserver\r\n$7\r\nclients\r\n$6\r\nmemory\r\n$11\r\npersistence\r\n\
    $5\r\nstats\r\n$10\r\nringmaster\r\n$8\r\nkeyspace\r\n";
const SLOW_LOG: &[u8] = b"*3\r\n$7\r\nSLOWLOG\r\n$3\r\nGET\r\n$1\r\n8\r\n";

/// What a node said, or why it said nothing.
pub(super) type Said = Result<Answer, String>;

/// The questions and their answers.
#[derive(Default)]
pub(super) struct Asking {
    round: Mutex<Round>,
    answers: ArcSwap<BTreeMap<String, Arc<Said>>>,
}

#[derive(Default)]
struct Round {
    /// The last one.
    at: Option<Duration>,
    /// Connections on which nothing is awaited, by address.
    kept: HashMap<String, Stream>,
}

impl Asking {
    /// What the nodes said last, by address.
    pub(super) fn answers(&self) -> Arc<BTreeMap<String, Arc<Said>>> {
        self.answers.load_full()
    }

    /// Asks the nodes at these addresses, unless they were asked a moment ago. Who comes meanwhile waits for the same answers.
    pub(super) async fn ask(&self, shared: &Shared, addresses: impl Iterator<Item = String>) {
        let mut round = self.round.lock().await;
        let now = clock::now();
        let since = round.at.map(|at| now.saturating_sub(at));
        if since.is_some_and(|since| since < ASK_EVERY) {
            return;
        }
        if since.is_some_and(|since| since > IDLE) {
            round.kept.clear();
        }
        let mut kept = std::mem::take(&mut round.kept);
        let mut asked = JoinSet::new();
        for address in addresses {
            let (stream, credentials) = (kept.remove(&address), Arc::clone(&shared.credentials));
            asked.spawn_local(async move {
                let answer = timeout(DEADLINE, ask_one(&address, stream, &credentials)).await;
                (address, answer)
            });
        }
        let mut answers = BTreeMap::new();
        while let Some(outcome) = asked.join_next().await {
            let Ok((address, outcome)) = outcome else { continue };
            let said = match outcome {
                Ok(Ok((answer, stream))) => {
                    round.kept.insert(address.clone(), stream);
                    Ok(answer)
                }
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err(format!("does not answer within {} ms", DEADLINE.as_millis())),
            };
            answers.insert(address, Arc::new(said));
        }
        self.answers.store(Arc::new(answers));
        round.at = Some(clock::now());
    }
}

/// Asks a node; over a new connection if there is none, or if that one was lost since.
async fn ask_one(
    address: &str,
    kept: Option<Stream>,
    credentials: &Credentials,
) -> Result<(Answer, Stream), DialError> {
    if let Some(stream) = kept
        && let Ok(answer) = talk(&stream).await
    {
        return Ok((answer, stream));
    }
    let stream = dial(address, credentials).await?;
    let answer = talk(&stream).await?;
    Ok((answer, stream))
}

async fn talk(stream: &Stream) -> Result<Answer, DialError> {
    let mut talk = Talk::new(stream);
    talk.send(INFO).await?;
    let figures = Figures::of(talk.reply().await?);
    talk.end()?;
    let mut talk = Talk::new(stream);
    talk.send(SLOW_LOG).await?;
    let slow_calls = answer::slow_calls(talk.reply().await?);
    talk.end()?;
    let figures = figures.map_err(DialError::Refused)?;
    Ok(Answer { figures, slow_calls })
}
