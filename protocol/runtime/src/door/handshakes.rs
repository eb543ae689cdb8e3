//! How many connections of a door shake hands at once. Further ones wait, within their deadline.
//!
//! A place is for who has begun to speak: who connects and says nothing holds none. And no address has more than a share of
//! them, so that who begins and does not go on keeps out others of its address, and not everybody.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

use crate::admission::origin;
use crate::stream::Socket;

/// Most connections of a door that shake hands at once.
const HANDSHAKES_MAX: usize = 1024;

/// Most of them from one address (of IPv6: from 64 bits of network).
const SHARE_MAX: usize = 128;

/// The places.
#[derive(Debug)]
pub(super) struct Handshakes {
    all: Semaphore,
    shares: Mutex<HashMap<IpAddr, Arc<Semaphore>>>,
}

impl Default for Handshakes {
    fn default() -> Self {
        Self { all: Semaphore::new(HANDSHAKES_MAX), shares: Mutex::default() }
    }
}

/// A place; it is free again when this is dropped.
pub(super) struct Place<'a> {
    _place: SemaphorePermit<'a>,
    _share: Option<Share<'a>>,
}

impl Handshakes {
    /// A place for who connects from `from`, when it has begun to speak and there is one.
    ///
    /// # Errors
    /// It is gone.
    pub(super) async fn place(&self, socket: &Socket, from: Option<IpAddr>) -> io::Result<Place<'_>> {
        match socket {
            // Readiness is not asked for: it may be told of a socket with nothing to read.
            Socket::Tcp(socket) => {
                socket.peek(&mut [0]).await?;
            }
            Socket::Unix(socket) => socket.readable().await?,
        }
        let share = match from {
            Some(from) => Some(self.share(origin(from)).await?),
            None => None,
        };
        let place = self.all.acquire().await.map_err(io::Error::other)?;
        Ok(Place { _place: place, _share: share })
    }

    async fn share(&self, of: IpAddr) -> io::Result<Share<'_>> {
        let semaphore =
            Arc::clone(self.shares().entry(of).or_insert_with(|| Arc::new(Semaphore::new(SHARE_MAX))));
        let mut share = Share { handshakes: self, of, semaphore: Some(semaphore.clone()), permit: None };
        share.permit = Some(semaphore.acquire_owned().await.map_err(io::Error::other)?);
        Ok(share)
    }

    fn shares(&self) -> MutexGuard<'_, HashMap<IpAddr, Arc<Semaphore>>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place of an address, or the wait for one. When nobody of the address is left, it is forgotten.
struct Share<'a> {
    handshakes: &'a Handshakes,
    of: IpAddr,
    semaphore: Option<Arc<Semaphore>>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        drop(self.permit.take());
        let mut shares = self.handshakes.shares();
        drop(self.semaphore.take());
        // Everybody has dropped what it had before the map is unlocked: the last one finds the map's own alone.
        if shares.get(&self.of).is_some_and(|semaphore| Arc::strong_count(semaphore) == 1) {
            shares.remove(&self.of);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use tokio::io::AsyncWriteExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
        future.poll(&mut Context::from_waker(Waker::noop()))
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    async fn pair() -> (TcpStream, Socket) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, Socket::Tcp(listener.accept().await.unwrap().0))
    }

    #[tokio::test]
    async fn who_says_nothing_has_no_place() {
        let (handshakes, (mut client, socket)) = (Handshakes::default(), pair().await);
        {
            let mut silent = pin!(handshakes.place(&socket, address("10.0.0.1")));
            assert!(poll(silent.as_mut()).is_pending());
            assert_eq!(handshakes.all.available_permits(), HANDSHAKES_MAX);
            client.write_all(b"x").await.unwrap();
            let _place = silent.await.unwrap();
            assert_eq!(handshakes.all.available_permits(), HANDSHAKES_MAX - 1);
        }
        assert_eq!(handshakes.all.available_permits(), HANDSHAKES_MAX);
        assert!(handshakes.shares().is_empty(), "who has left is forgotten");
    }

    #[tokio::test]
    async fn one_address_does_not_have_all_places() {
        let (handshakes, (mut client, socket)) = (Handshakes::default(), pair().await);
        client.write_all(b"x").await.unwrap();
        let mut places = Vec::new();
        for _ in 0..SHARE_MAX {
            places.push(handshakes.place(&socket, address("10.0.0.1")).await.unwrap());
        }
        {
            let mut next = pin!(handshakes.place(&socket, address("::ffff:10.0.0.1")));
            assert!(poll(next.as_mut()).is_pending());
            let _other = handshakes.place(&socket, address("10.0.0.2")).await.unwrap();
            let _local = handshakes.place(&socket, None).await.unwrap();
            drop(places.pop());
            places.push(next.await.unwrap());
        }
        assert_eq!(handshakes.shares().len(), 1);
        places.clear();
        assert!(handshakes.shares().is_empty());
    }
}
