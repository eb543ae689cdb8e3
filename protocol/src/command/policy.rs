//! What Ringmaster decides about a command, beside what Redis says: how a proxy routes it, whether a replica
//! may run it again, and where its row comes from.

/// How a proxy treats a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Forwarded whole to the slot of its keys, which must be one slot (`-CROSSSLOT` otherwise). Without a key
    /// (`EVAL script 0`) any node may answer.
    Slot,
    /// Forwarded whole to the slot of the channel that is its first argument, which is no key: PUBLISH.
    Channel,
    /// Split by key; the parts are not atomic together.
    PerKey(Merge),
    /// Sent to the nodes as the merge needs them.
    Nodes(Merge),
    /// Answered by whoever holds the client's connection: PING, HELLO, CLIENT, COMMAND, CONFIG.
    Local,
    /// Needs state over several commands, or may block: MULTI, WATCH, SUBSCRIBE, BLPOP, MONITOR, WAIT.
    Conversation,
    /// Never through a proxy: it would change one node behind the cluster's back. REPLICAOF, SHUTDOWN, DEBUG.
    Refused,
}

/// How the replies of the parts become one reply. An error of any part becomes the reply, except for
/// [`Merge::AnyOk`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merge {
    /// An array with one element a key, put back in the order of the command's keys: MGET.
    Positions,
    /// `+OK` if all said so: MSET, FLUSHALL.
    AllOk,
    /// `+OK` if any said so: SCRIPT KILL.
    AnyOk,
    /// The sum of the integers: DEL, DBSIZE.
    Sum,
    /// The elements of all arrays, in any order: KEYS.
    Concat,
    /// Cursor and elements; the cursor names node or slot and place: SCAN.
    Cursor,
    /// One node's answer is enough; while it is null, the next node is asked: RANDOMKEY.
    AnyOne,
    /// All answer the same, and that is the reply: SCRIPT LOAD.
    Same,
    /// Arrays of 0 and 1 of one length; the logical and by position: SCRIPT EXISTS.
    And,
    /// The elements of all arrays, each once, in any order: PUBSUB CHANNELS.
    Union,
    /// The greatest of integers, or of those at the same place of arrays: PUBSUB NUMSUB.
    Most,
}

/// Whether a command that is run a second time, on another copy of the slot in the same state, leads to the
/// same state there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Changes no key. PFCOUNT too: the cached count that Redis writes is not part of the state.
    ReadOnly,
    /// The same state: what it does depends only on the slot's state and the arguments.
    Exact,
    /// The same state if it also runs at the same slot time (relative expiry, idle times). Else as
    /// [`Replay::Effect`].
    Timed,
    /// Depends on chance, on the memory layout, on the platform's floating-point library, or on other commands
    /// (scripts, EXEC, blocked pops): the effect is replayed, not the command.
    Effect,
}

/// The server that a row was taken from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// Redis 7.0, held by a test against a real server.
    Redis70,
    /// Redis 7.2.
    Redis72,
    /// Redis 7.4.
    Redis74,
    /// Redis 8.0.
    Redis80,
    /// Redis 8.4.
    Redis84,
    /// Valkey 9.0.
    Valkey90,
    /// No other server: Ringmaster's own.
    Ringmaster,
}

/// The command groups of Redis's documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// Keys of any type.
    Generic,
    /// Strings.
    String,
    /// Lists.
    List,
    /// Sets.
    Set,
    /// Sorted sets.
    SortedSet,
    /// Hashes.
    Hash,
    /// Publish and subscribe.
    Pubsub,
    /// MULTI and WATCH.
    Transactions,
    /// The connection.
    Connection,
    /// The server.
    Server,
    /// Scripts and functions.
    Scripting,
    /// HyperLogLogs.
    Hyperloglog,
    /// Redis Cluster.
    Cluster,
    /// Geospatial indices.
    Geo,
    /// Streams.
    Stream,
    /// Bitmaps.
    Bitmap,
}

impl Group {
    /// The name that COMMAND DOCS prints.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::Pubsub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::Hyperloglog => "hyperloglog",
            Self::Cluster => "cluster",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
        }
    }
}
