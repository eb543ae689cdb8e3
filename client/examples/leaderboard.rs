//! A leaderboard: scores of players, the best ones, and where one player stands.
//!
//! `cargo run -p ringmaster-client --example leaderboard -- redis://127.0.0.1:6379`
//!
//! A sorted set finds the rank of a member, and the members around a rank, in logarithmic time however many there are.

use std::error::Error;

use ringmaster_client::{Client, cmd};

const BOARD: &str = "board:2026";

struct Board {
    client: Client,
}

impl Board {
    /// Keeps the best score of a player: a lower one changes nothing. So it may be sent twice.
    async fn report(&self, player: &str, score: f64) -> Result<(), ringmaster_client::Error> {
        let command = cmd("ZADD").arg(BOARD).arg("GT").float(score).arg(player);
        self.client.query::<i64>(command.idempotent()).await.map(drop)
    }

    /// The first `count` players, best first.
    async fn top(&self, count: i64) -> Result<Vec<(String, f64)>, ringmaster_client::Error> {
        self.range(0, count - 1).await
    }

    /// A player with the `beside` ones before and after; none when there is no such player.
    async fn around(
        &self,
        player: &str,
        beside: i64,
    ) -> Result<Vec<(String, f64)>, ringmaster_client::Error> {
        let Some(rank) = self.client.zrevrank(BOARD, player).await? else { return Ok(Vec::new()) };
        let rank = i64::try_from(rank).unwrap_or(i64::MAX - beside);
        self.range((rank - beside).max(0), rank + beside).await
    }

    async fn range(&self, first: i64, last: i64) -> Result<Vec<(String, f64)>, ringmaster_client::Error> {
        let players = self.client.zrevrange_with_scores(BOARD, first, last).await?;
        Ok(players.into_iter().map(|(name, score)| (String::from_utf8_lossy(&name).into(), score)).collect())
    }
}

/// A hundred players.
pub(crate) async fn run(url: &str) -> Result<(), Box<dyn Error>> {
    let client = Client::connect(url).await?;
    client.del([BOARD]).await?;
    let board = Board { client };
    for number in 0..100_i32 {
        board.report(&format!("player {number}"), f64::from(number * 37 % 100)).await?;
    }
    board.report("player 7", 1.0).await?; // Not the best that it has had.
    println!("the best: {:?}", board.top(3).await?);
    let around = board.around("player 7", 1).await?;
    println!("around player 7: {around:?}");
    assert_eq!(around.iter().map(|(_, score)| *score).collect::<Vec<_>>(), [60.0, 59.0, 58.0]);
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run(&std::env::args().nth(1).unwrap_or_else(|| "redis://127.0.0.1:6379".into())).await
}
