//! Links whose node is played by the test.

use std::cell::RefCell;

use ringmaster_protocol::extension::{Ask, Attach, Say, put_say};
use ringmaster_protocol::slot::HashSlot;
use ringmaster_protocol::view::{Boot, ClusterId, Epoch, Incarnation};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::LocalSet;

use super::*;

const LIMITS: LinkLimits = LinkLimits {
    connect: Duration::from_secs(20),
    silence: Duration::from_millis(50),
    reply_bytes_max: 1 << 20,
};

#[derive(Default)]
struct Heard {
    said: RefCell<Vec<String>>,
    notify: Notify,
}

impl Heard {
    fn note(&self, text: String) {
        self.said.borrow_mut().push(text);
        self.notify.notify_one();
    }

    async fn until(&self, text: &str) {
        while !self.said.borrow().iter().any(|said| said == text) {
            self.notify.notified().await;
        }
    }
}

impl Answers for Heard {
    fn connected(&self) {
        self.note("connected".to_owned());
    }

    fn said(&self, id: u64, say: Say) {
        self.note(format!("{id} {say:?}"));
    }

    fn lost(&self, id: u64) {
        self.note(format!("{id} lost"));
    }

    fn refused(&self, error: &[u8]) {
        self.note(String::from_utf8_lossy(error).trim_end().to_owned());
    }

    fn down(&self, reason: &str) {
        self.note(reason.to_owned());
    }
}

impl Peer for Heard {
    fn connected(&self) {
        self.note("connected".to_owned());
    }

    fn reply(&self, frame: &[u8]) {
        self.note(String::from_utf8_lossy(frame).into_owned());
    }

    fn lost(&self, reason: &str) {
        self.note(reason.to_owned());
    }
}

fn attach(epoch: u64) -> Attach {
    let (cluster, incarnation, boot) = (ClusterId(1), Incarnation(2), Boot(3));
    Attach { cluster, epoch: Epoch(epoch), incarnation, boot }
}

fn version() -> Ask {
    Ask::Version { slot: HashSlot::default() }
}

async fn read_until(node: &mut TcpStream, count: usize) -> String {
    let mut bytes = Vec::new();
    while bytes.windows(6).filter(|window| window.starts_with(b"RM.A")).count() < count {
        assert!(node.read_buf(&mut bytes).await.unwrap() > 0);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

async fn connected() -> (Asks, Rc<Heard>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let heard = Rc::new(Heard::default());
    let address = listener.local_addr().unwrap().to_string();
    let asks = Asks::open(address, LIMITS, &Arc::default(), Rc::clone(&heard) as Rc<dyn Answers>);
    let node = listener.accept().await.unwrap().0;
    heard.until("connected").await;
    (asks, heard, node)
}

#[tokio::test]
async fn answers_come_in_any_order_and_a_later_view_attaches_again() {
    let test = async {
        let (asks, heard, mut node) = connected().await;
        assert!(asks.ask(7, &attach(4), Epoch(4), &version()));
        assert!(asks.ask(8, &attach(5), Epoch(3), &version()), "attached at an epoch that is good enough");
        assert!(asks.ask(9, &attach(5), Epoch(5), &version()));
        assert!(!asks.ask(10, &attach(4), Epoch(4), &version()), "attached beyond what it was decided by");
        let text = read_until(&mut node, 5).await;
        assert_eq!(text.matches("RM.ATTACH").count(), 2, "{text}");
        let mut out = b"+OK\r\n".to_vec();
        put_say(&mut out, 9, &Say::Done);
        out.extend_from_slice(b"-STALE 4 the view is another\r\n");
        put_say(&mut out, 7, &Say::Forgotten);
        node.write_all(&out).await.unwrap();
        heard.until("7 Forgotten").await;
        assert_eq!(heard.said.borrow()[1..], ["9 Done", "-STALE 4 the view is another", "7 Forgotten"]);
        drop(node);
        heard.until("8 lost").await;
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_node_that_is_silent_for_too_long_is_lost() {
    let test = async {
        let (asks, heard, _node) = connected().await;
        assert!(asks.ask(1, &attach(1), Epoch(1), &version()));
        heard.until("1 lost").await;
        heard.until("no reply within 50 ms").await;
        assert!(!asks.is_up() || heard.said.borrow().len() > 3);
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn what_nobody_asked_for_ends_the_connection() {
    let test = async {
        let (_asks, heard, mut node) = connected().await;
        node.write_all(b"+OK\r\n").await.unwrap();
        heard.until("a reply that nobody asked for").await;
    };
    LocalSet::new().run_until(test).await;
}

#[tokio::test]
async fn a_link_that_is_the_last_one_is_not_followed_by_another() {
    let test = async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let heard = Rc::new(Heard::default());
        let address = listener.local_addr().unwrap().to_string();
        let link = Link::open(address, LIMITS, &Arc::default(), Rc::clone(&heard) as Rc<dyn Peer>);
        let node = listener.accept().await.unwrap().0;
        heard.until("connected").await;
        link.ends_when_lost();
        assert!(link.is_up(), "what the node still says is heard");
        drop(node);
        heard.until("connection closed by the node").await;
        while Rc::strong_count(&link) > 1 {
            tokio::task::yield_now().await;
        }
    };
    LocalSet::new().run_until(test).await;
}
