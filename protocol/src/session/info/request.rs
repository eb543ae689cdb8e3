//! Which sections an `INFO` asks for.

/// A section of `INFO`, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Section {
    /// The process.
    Server,
    /// Connections of clients.
    Clients,
    /// Memory.
    Memory,
    /// Log and snapshots.
    Persistence,
    /// Counters.
    Stats,
    /// Master and replicas.
    Replication,
    /// Time on the processor.
    Cpu,
    /// Loaded modules.
    Modules,
    /// Counters of each command.
    Commandstats,
    /// Counters of each error.
    Errorstats,
    /// Percentiles of each command.
    Latencystats,
    /// Redis Cluster.
    Cluster,
    /// Databases.
    Keyspace,
    /// What only Ringmaster tells. Not shown where there is nothing.
    Ringmaster,
}

impl Section {
    /// All, in order.
    pub(super) const ALL: [Self; 14] = [
        Self::Server,
        Self::Clients,
        Self::Memory,
        Self::Persistence,
        Self::Stats,
        Self::Replication,
        Self::Cpu,
        Self::Modules,
        Self::Commandstats,
        Self::Errorstats,
        Self::Latencystats,
        Self::Cluster,
        Self::Keyspace,
        Self::Ringmaster,
    ];

    /// The heading, which is also the word that asks for it in any letter case.
    pub(super) fn heading(self) -> &'static str {
        match self {
            Self::Server => "Server",
            Self::Clients => "Clients",
            Self::Memory => "Memory",
            Self::Persistence => "Persistence",
            Self::Stats => "Stats",
            Self::Replication => "Replication",
            Self::Cpu => "CPU",
            Self::Modules => "Modules",
            Self::Commandstats => "Commandstats",
            Self::Errorstats => "Errorstats",
            Self::Latencystats => "Latencystats",
            Self::Cluster => "Cluster",
            Self::Keyspace => "Keyspace",
            Self::Ringmaster => "Ringmaster",
        }
    }

    fn is_default(self) -> bool {
        !matches!(self, Self::Commandstats | Self::Latencystats)
    }
}

/// The sections that are asked for.
pub(super) struct Request {
    wanted: [bool; Section::ALL.len()],
}

impl Request {
    /// Reads the words after `INFO`; none at all asks for the default sections. Unknown words ask for nothing.
    pub(super) fn parse<'a>(words: impl ExactSizeIterator<Item = &'a [u8]>) -> Self {
        let mut request = Self { wanted: [false; Section::ALL.len()] };
        if words.len() == 0 {
            request.want(Section::is_default);
        }
        for word in words {
            match &*word.to_ascii_lowercase() {
                b"default" => request.want(Section::is_default),
                b"all" | b"everything" => request.want(|_| true),
                b"module_list" => request.want(|section| section == Section::Modules),
                _ => request.want(|section| section.heading().as_bytes().eq_ignore_ascii_case(word)),
            }
        }
        request
    }

    /// Whether `section` is asked for.
    pub(super) fn wants(&self, section: Section) -> bool {
        self.wanted[section as usize]
    }

    fn want(&mut self, which: impl Fn(Section) -> bool) {
        for section in Section::ALL.into_iter().filter(|section| which(*section)) {
            self.wanted[section as usize] = true;
        }
    }
}
