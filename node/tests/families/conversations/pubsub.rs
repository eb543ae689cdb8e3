//! SUBSCRIBE, PUBLISH and their kin.
//!
//! A client that publishes to itself is not played: Redis 7.0 puts the message before the reply, and even between the
//! replies of EXEC; later ones and the node put it after them.

use super::{play, play_in};

#[test]
fn messages_reach_channels_and_patterns() {
    play(
        "a: SUBSCRIBE news
         b: PSUBSCRIBE n*
         b: PSUBSCRIBE n*
         c: PUBLISH news one
         a<
         b<
         c: PUBLISH nothing two
         b<
         c: PUBLISH '' three
         c: SPUBLISH news four
         a: SUBSCRIBE ''
         c: PUBLISH '' five
         a<
         a: UNSUBSCRIBE news
         c: PUBLISH news six
         b<
         a: UNSUBSCRIBE
         a: UNSUBSCRIBE
         a: PUNSUBSCRIBE
         a: SUNSUBSCRIBE
         b: PUNSUBSCRIBE n* x
         b<
         c: PUBLISH news seven
         a: PING
         b: PING",
    );
}

#[test]
fn several_names_are_confirmed_one_by_one() {
    play(
        "a: SUBSCRIBE x y x
         a<
         a<
         a: PSUBSCRIBE p q
         a<
         a: SSUBSCRIBE s t
         a<
         a: UNSUBSCRIBE z x
         a<
         a: PUNSUBSCRIBE
         a<
         a: SUNSUBSCRIBE u t
         a<
         a: SUNSUBSCRIBE
         a: UNSUBSCRIBE",
    );
}

#[test]
fn shard_channels_are_a_world_of_their_own() {
    play(
        "a: SSUBSCRIBE s
         b: SUBSCRIBE s
         c: SPUBLISH s one
         a<
         c: PUBLISH s two
         b<
         c: PUBSUB CHANNELS
         c: PUBSUB SHARDCHANNELS
         c: PUBSUB NUMSUB s t s
         c: PUBSUB SHARDNUMSUB s t
         c: PUBSUB SHARDNUMSUB
         c: PUBSUB NUMPAT
         a: SUNSUBSCRIBE s
         c: SPUBLISH s three
         c: PUBSUB SHARDCHANNELS",
    );
}

#[test]
fn who_listens_is_told() {
    play(
        "c: PUBSUB CHANNELS
         c: PUBSUB NUMSUB
         a: SUBSCRIBE abc
         b: PSUBSCRIBE a*
         c: PUBSUB CHANNELS
         c: PUBSUB CHANNELS a?c
         c: PUBSUB CHANNELS x*
         c: PUBSUB CHANNELS a b
         c: PUBSUB SHARDCHANNELS a b
         c: PUBSUB NUMPAT
         c: PUBSUB NUMPAT x
         c: PUBSUB HELP
         c: PUBSUB NOPE
         c: PUBSUB
         c: PUBLISH x
         c: SUBSCRIBE
         a!
         c: PING",
    );
}

#[test]
fn a_subscriber_may_ask_only_what_its_protocol_lets_it() {
    play(
        "a: SUBSCRIBE x
         a: GET k
         a: GET
         a: NOSUCH
         a: CLIENT GETNAME
         a: MULTI
         a: PING
         a: PING hello
         a: PING too many
         a: PSUBSCRIBE p
         a: SSUBSCRIBE s
         a: UNSUBSCRIBE
         a: GET k
         a: PUNSUBSCRIBE
         a: GET k
         a: SUNSUBSCRIBE
         a: GET k
         a: PING",
    );
}

#[test]
fn reset_ends_subscriptions_without_a_word() {
    play(
        "a: SUBSCRIBE x
         a: PSUBSCRIBE x*
         a: SSUBSCRIBE x
         a: RESET
         b: PUBLISH x one
         b: SPUBLISH x two
         b: PUBSUB CHANNELS
         b: PUBSUB NUMPAT
         a: GET k
         a: UNSUBSCRIBE",
    );
}

#[test]
fn subscriptions_within_a_transaction() {
    play(
        "a: MULTI
         a: SUBSCRIBE x
         a: PING
         a: GET k
         a: UNSUBSCRIBE
         a: GET k
         a: EXEC
         a: MULTI
         a: SUBSCRIBE x
         a: EXEC
         a: GET k
         b: MULTI
         b: PUBLISH x one
         b: PUBLISH x two
         b: PUBSUB NUMSUB x
         b: EXEC
         a<
         a<
         a: QUIT",
    );
}

#[test]
fn confirmations_and_messages_come_even_where_replies_do_not() {
    play_in(
        &[3],
        "a~ CLIENT REPLY OFF
         a: SUBSCRIBE x
         b: PUBLISH x one
         a<
         a~ GET k
         a: UNSUBSCRIBE
         a: CLIENT REPLY ON
         a: GET k",
    );
}

#[test]
fn a_blocked_client_gets_its_messages() {
    play_in(
        &[3],
        "a: SUBSCRIBE x
         a~ BLPOP list 0
         blocked 1
         b: PUBLISH x one
         a<
         b: RPUSH list v
         a<",
    );
}
