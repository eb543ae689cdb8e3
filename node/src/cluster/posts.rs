//! The posts of proxies: kept a moment, unread, and handed to the other proxies.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use ringmaster_protocol::heartbeat::{POST_BYTES_MAX, POSTS_MAX, Post};

/// How long a post is kept.
pub const KEPT: Duration = Duration::from_millis(300);

/// The latest post of each proxy. Bounded by [`POSTS_MAX`] posts of [`POST_BYTES_MAX`] bytes.
#[derive(Debug, Default)]
pub struct Posts(BTreeMap<u128, (Duration, Bytes)>);

impl Posts {
    /// Keeps a proxy's post in place of its earlier one; an empty one withdraws it. Where all places are taken, or it
    /// is too long, it is not kept.
    pub fn keep(&mut self, now: Duration, proxy: u128, post: Bytes) {
        self.0.retain(|_, (came, _)| now.saturating_sub(*came) <= KEPT);
        if post.is_empty() {
            self.0.remove(&proxy);
        } else if post.len() <= POST_BYTES_MAX && (self.0.len() < POSTS_MAX || self.0.contains_key(&proxy)) {
            self.0.insert(proxy, (now, post));
        }
    }

    /// The posts of all proxies but this one.
    #[must_use]
    pub fn of_others(&self, now: Duration, proxy: u128) -> Vec<Post> {
        let age = |came: Duration| now.saturating_sub(came);
        let others = self.0.iter().filter(|(of, (came, _))| **of != proxy && age(*came) <= KEPT);
        let post = |(of, (came, bytes)): (&u128, &(Duration, Bytes))| Post {
            proxy: *of,
            age_ms: u32::try_from(age(*came).as_millis()).unwrap_or(u32::MAX),
            bytes: bytes.clone(),
        };
        others.map(post).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn proxies(posts: &Posts, now: u64) -> Vec<u128> {
        posts.of_others(ms(now), 1).iter().map(|post| post.proxy).collect()
    }

    #[test]
    fn others_get_a_post_until_its_time_is_over() {
        let mut posts = Posts::default();
        (1..=3).for_each(|proxy| posts.keep(ms(100), proxy, Bytes::from_static(b"x")));
        assert_eq!(proxies(&posts, 400), [2, 3]);
        assert_eq!(posts.of_others(ms(350), 1)[0].age_ms, 250);
        posts.keep(ms(300), 3, Bytes::from_static(b"y"));
        assert_eq!(proxies(&posts, 401), [3]);
        posts.keep(ms(401), 3, Bytes::new());
        assert!(proxies(&posts, 401).is_empty(), "withdrawn");
    }

    #[test]
    fn there_are_never_more_than_have_a_place() {
        let mut posts = Posts::default();
        (0..=POSTS_MAX as u128).for_each(|proxy| posts.keep(ms(0), proxy + 2, Bytes::from_static(b"x")));
        posts.keep(ms(0), 2, Bytes::from(vec![0; POST_BYTES_MAX + 1]));
        assert_eq!(posts.of_others(ms(0), 1).len(), POSTS_MAX);
        assert_eq!(posts.of_others(ms(0), 1)[0].bytes.len(), 1);
    }
}
