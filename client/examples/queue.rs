//! A queue that loses no job: a worker that dies leaves its job where it is found again.
//!
//! `cargo run -p ringmaster-client --example queue -- redis://127.0.0.1:6379`
//!
//! ```text
//! producer ──LPUSH──► {queue}:waiting ──BLMOVE──► {queue}:taken:WORKER ──LREM when it is done
//!                                     └── what is here is done first ◄┘
//! ```
//! Each worker looks into its own list before it takes another job: there is what it had taken when it died, and what it
//! took with a call whose reply was lost, which it cannot know otherwise.
//!
//! A job is done **at least** once: a worker can die between doing it and saying so. Make jobs such that twice does
//! no harm, for instance by an id that the receiver remembers.

use std::{error::Error, time::Duration};

use bytes::Bytes;
use ringmaster_client::{Client, Side};

/// One tag: in a cluster the lists have to be in one slot.
const WAITING: &str = "{queue}:waiting";

/// How long a worker waits at a time for a job. What else it has to do comes between.
const WAIT: Duration = Duration::from_millis(500);

struct Worker {
    client: Client,
    taken: String,
}

impl Worker {
    /// A worker of a name that no other living worker has. What one of that name had taken is its first work.
    fn new(client: &Client, name: &str) -> Worker {
        Worker { client: client.clone(), taken: format!("{{queue}}:taken:{name}") }
    }

    /// The next job, which is the same one until it is done; `None` when none came for a while. After an error it is to
    /// be called again.
    async fn take(&self) -> Result<Option<Bytes>, ringmaster_client::Error> {
        if let Some(oldest) = self.client.idempotent().lindex(&self.taken, -1).await? {
            return Ok(Some(oldest));
        }
        self.client.blmove((WAITING, Side::Right), (&self.taken, Side::Left), WAIT).await
    }

    /// The job is done. After an error it may come again.
    async fn done(&self, job: &Bytes) -> Result<(), ringmaster_client::Error> {
        self.client.lrem(&self.taken, 1, job).await.map(drop)
    }
}

/// A worker takes a job and dies; the next one does them all.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    client.del([WAITING, "{queue}:taken:one"]).await?;
    client.lpush(WAITING, ["job 1", "job 2", "job 3"]).await?;

    let unlucky = Worker::new(&client, "one");
    let lost = unlucky.take().await?.ok_or("there are three jobs")?;
    println!("a worker dies with {}", String::from_utf8_lossy(&lost));

    // And another job is moved by a call whose reply is lost.
    client.lmove((WAITING, Side::Right), (&unlucky.taken, Side::Left)).await?;
    let worker = Worker::new(&client, "one");
    let mut done = Vec::new();
    while let Some(job) = worker.take().await? {
        println!("does {}", String::from_utf8_lossy(&job));
        worker.done(&job).await?;
        done.push(job);
    }
    assert_eq!(done, ["job 1", "job 2", "job 3"]);
    assert_eq!(client.exists([WAITING, &worker.taken]).await?, 0);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into())).await
}
