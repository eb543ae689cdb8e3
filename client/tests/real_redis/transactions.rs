//! Transactions, watches and scripts.

use ringmaster_client::{Client, Error, Options, Protocol, Script, Transaction, Value, cmd};

use crate::{bytes, server::Redis};

fn add(key: &str, by: i64) -> Transaction {
    Transaction::new().push(cmd("INCRBY").arg(key).int(by))
}

#[tokio::test]
async fn a_transaction_is_applied_as_one_or_not_at_all() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    let transaction = add("n", 1).command(&["LPUSH", "n", "x"]).command(&["GET", "n"]);
    let outcomes = client.transaction(&transaction).await?;
    assert!(
        matches!(&outcomes[..], [Ok(Value::Int(1)), Err(Error::Server(_)), Ok(Value::Bulk(_))]),
        "{outcomes:?}"
    );
    let refused = client.transaction(&add("n", 1).command(&["NOSUCH"])).await;
    assert!(
        matches!(&refused, Err(Error::Server(e)) if e.message().contains("unknown command")),
        "{refused:?}"
    );
    assert_eq!(client.get("n").await?, Some(bytes("1")));
    assert!(client.transaction(&Transaction::new()).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_watch_sees_what_others_change() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let client = redis.client(Options { protocol, ..Options::default() }).await;
        let mut watched = client.watch(["k"]).await?;
        assert_eq!(watched.query::<Option<i64>>(cmd("GET").arg("k")).await?, None);
        client.set("k", "5").await?;
        assert!(watched.commit(&add("k", 1)).await?.is_none());
        let outcomes = client.watch(["k"]).await?.commit(&add("k", 1)).await?.expect("nobody came between");
        assert!(matches!(outcomes[..], [Ok(Value::Int(6))]));
        client.del(["k"]).await?;
    }
    Ok(())
}

/// Takes the number and puts back one more, without `INCR`.
async fn count(client: &Client, attempts_max: u32) -> Result<(), Error> {
    let plan = async |watched: &mut ringmaster_client::Watched| {
        let number: Option<i64> = watched.query(cmd("GET").arg("n")).await?;
        Ok(Transaction::new().push(cmd("SET").arg("n").int(number.unwrap_or(0) + 1)))
    };
    client.optimistic(["n"], attempts_max, plan).await.map(drop)
}

#[tokio::test]
async fn optimistic_writers_lose_no_update() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    let writers: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move {
                for _ in 0..10 {
                    count(&client, 1000).await?;
                }
                Ok::<(), Error>(())
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("it does not panic")?;
    }
    assert_eq!(client.get("n").await?, Some(bytes("50")));
    Ok(())
}

#[tokio::test]
async fn who_is_always_too_late_is_told_so_and_has_changed_nothing() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    let late = client.optimistic(["n"], 3, async |_| {
        client.incr("n").await?;
        Ok(add("n", 100))
    });
    assert!(matches!(late.await, Err(Error::Conflict)));
    let nothing = client.optimistic(["n"], 3, async |_| Ok(Transaction::new())).await?;
    assert_eq!((client.get("n").await?, nothing.len()), (Some(bytes("3")), 0));
    Ok(())
}

#[tokio::test]
async fn a_script_is_sent_whole_only_to_who_does_not_know_it() -> Result<(), Error> {
    let Some(redis) = Redis::start() else { return Ok(()) };
    let client = redis.client(Options::default()).await;
    let script = Script::new("return {KEYS[1], ARGV[1] + 1}");
    for _ in 0..2 {
        let (key, number): (String, i64) = client.eval(&script, &["k"], &["41"]).await?;
        assert_eq!((key.as_str(), number), ("k", 42));
        client.command(&["SCRIPT", "FLUSH"]).await?;
    }
    let stats: String = client.query(cmd("INFO").arg("commandstats")).await?;
    assert!(stats.contains("cmdstat_eval:calls=2"), "{stats}");
    let wrong =
        client.eval::<Value>(&Script::new("return redis.error_reply('NOPE no')"), &["k"], &[""]).await;
    assert!(matches!(wrong, Err(Error::Server(e)) if e.code() == "NOPE"));
    Ok(())
}
