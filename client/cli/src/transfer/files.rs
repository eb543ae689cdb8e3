//! Keys of files of Redis's form, read by a thread of their own, in no more memory than their largest value and some pages.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, ensure};
use bytes::Bytes;
use ringmaster_protocol::glob::{Case, matches};
use ringmaster_protocol::rdb::dump::{Checked, seal};
use ringmaster_protocol::rdb::file::{FileReader, Record};
use tokio::sync::mpsc;

use super::live::Scope;
use super::stop::Stop;
use super::{Item, Load, Mark, Page};

/// Most keys of a page.
const PAGE_KEYS_MAX: usize = 256;
/// A page with as many bytes is whole.
const PAGE_BYTES: u64 = 4 << 20;
/// Pages that wait to be sent.
const PAGES_MAX: usize = 2;

/// Files, one after the other.
pub(crate) struct Files {
    pages: mpsc::Receiver<anyhow::Result<Page>>,
}

impl Files {
    /// Begins to read the files, behind `mark` if there is one.
    ///
    /// # Errors
    /// The mark is in none of them.
    pub(crate) fn open(files: Vec<PathBuf>, scope: Scope, mark: Option<&Mark>) -> anyhow::Result<Files> {
        let begin = match mark {
            None => Mark::default(),
            Some(mark) => mark.clone(),
        };
        let first = match mark {
            None => 0,
            Some(mark) => files
                .iter()
                .position(|file| name(file) == mark.place)
                .context("none of the files is the one that was being read")?,
        };
        let (told, pages) = mpsc::channel(PAGES_MAX);
        std::thread::Builder::new().name("files".to_owned()).spawn(move || {
            let mut position = size(&files[..first]);
            for (at, file) in files.iter().enumerate().skip(first) {
                let skip = if at == first { begin.at } else { 0 };
                let reading = Reading {
                    file,
                    scope: &scope,
                    told: &told,
                    skip,
                    records: 0,
                    items: Vec::new(),
                    bytes: 0,
                    database: 0,
                };
                if let Err(error) = reading.run(position) {
                    // Nobody listens any more where the end was told.
                    let _ = told.blocking_send(Err(error));
                    return;
                }
                position += size(std::slice::from_ref(file));
            }
        })?;
        Ok(Files { pages })
    }

    /// The next page; `None` at the end.
    ///
    /// # Errors
    /// A file cannot be read, or is damaged.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Page>> {
        self.pages.recv().await.transpose()
    }
}

fn name(file: &Path) -> String {
    file.display().to_string()
}

/// Bytes of the files.
pub(crate) fn size(files: &[PathBuf]) -> u64 {
    files.iter().filter_map(|file| Some(file.metadata().ok()?.len())).sum()
}

/// Opens a file.
///
/// # Errors
/// It cannot be opened, or is none that can be read twice.
pub(crate) fn open(file: &Path) -> anyhow::Result<File> {
    let cannot = || format!("cannot read {}", name(file));
    let opened = File::open(file).with_context(cannot)?;
    ensure!(opened.metadata().with_context(cannot)?.is_file(), "{} is no file", name(file));
    Ok(opened)
}

/// What is in a file that is whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Its keys.
    pub keys: u64,
    /// Its libraries of functions.
    pub libraries: u64,
}

/// Reads a file to its end, where its checksum is. `tell` hears of the bytes that were read.
///
/// # Errors
/// It cannot be read, is damaged, or `stop` was told.
pub(crate) fn check(
    file: &Path,
    source: impl Read,
    stop: &Stop,
    tell: &mut dyn FnMut(u64),
) -> anyhow::Result<Contents> {
    const RECORDS_BETWEEN: u64 = 4096;
    let (mut reader, mut contents) = (FileReader::new(source), Contents::default());
    loop {
        let mut count = |record: Record<'_>| match record {
            Record::Key { .. } => contents.keys += 1,
            Record::Library(_) => contents.libraries += 1,
            Record::About { .. } => {}
        };
        if !reader.next(&mut count).with_context(|| name(file))? {
            return Ok(contents);
        }
        if contents.keys % RECORDS_BETWEEN == 0 {
            ensure!(!stop.is_told(), "interrupted");
            tell(reader.position());
        }
    }
}

/// One file that is being read.
struct Reading<'a> {
    file: &'a Path,
    scope: &'a Scope,
    told: &'a mpsc::Sender<anyhow::Result<Page>>,
    /// Records that are done.
    skip: u64,
    records: u64,
    items: Vec<Item>,
    bytes: u64,
    database: u64,
}

/// A record that is for somebody.
enum Taken {
    Key(u64, Item),
    Library(Vec<u8>),
}

impl Reading<'_> {
    /// Tells all of it; `before` are the bytes of the files before.
    fn run(mut self, before: u64) -> anyhow::Result<()> {
        if self.skip == Mark::END {
            return Ok(());
        }
        let mut reader = FileReader::new(open(self.file)?);
        loop {
            let mut taken = None;
            if !reader.next(|record| taken = self.take(&record)).with_context(|| name(self.file))? {
                break;
            }
            self.records += 1;
            let position = before + reader.position();
            match taken {
                None => {}
                Some(Taken::Library(text)) => {
                    // Behind what came before.
                    self.page(position, self.records - 1)?;
                    self.tell(0, Load::Libraries(vec![text]), position, self.records)?;
                }
                Some(Taken::Key(database, item)) => {
                    if database != self.database {
                        self.page(position, self.records - 1)?;
                        self.database = database;
                    }
                    self.bytes += item.len();
                    self.items.push(item);
                    if self.items.len() >= PAGE_KEYS_MAX || self.bytes >= PAGE_BYTES {
                        self.page(position, self.records)?;
                    }
                }
            }
        }
        let position = before + reader.position();
        let items = std::mem::take(&mut self.items);
        self.tell(self.database, Load::Items(items), position, Mark::END)
    }

    /// What of a record is wanted.
    fn take(&self, record: &Record<'_>) -> Option<Taken> {
        if self.records < self.skip {
            return None;
        }
        match record {
            Record::About { .. } => None,
            Record::Library(text) => self.scope.functions.then(|| Taken::Library(text.to_vec())),
            Record::Key { database, key, deadline, value } => {
                let fits = |pattern: &String| matches(pattern.as_bytes(), key, Case::Sensitive);
                let wanted = self.scope.database.is_none_or(|wanted| u64::from(wanted) == *database)
                    && self.scope.pattern.as_ref().is_none_or(fits);
                wanted.then(|| {
                    let key = Bytes::copy_from_slice(key);
                    Taken::Key(*database, Item { key, deadline: *deadline, payload: payload(value) })
                })
            }
        }
    }

    /// Tells the keys that have come together, behind which so many records are done.
    fn page(&mut self, position: u64, records: u64) -> anyhow::Result<()> {
        if self.items.is_empty() {
            return Ok(());
        }
        self.bytes = 0;
        let items = std::mem::take(&mut self.items);
        self.tell(self.database, Load::Items(items), position, records)
    }

    fn tell(&self, database: u64, load: Load, position: u64, records: u64) -> anyhow::Result<()> {
        let mark = Mark { place: name(self.file), database: 0, at: records };
        let told = self.told.blocking_send(Ok(Page { database, load, mark, position }));
        told.map_err(|_| anyhow!("nobody listens"))
    }
}

fn payload(value: &Checked<'_>) -> Bytes {
    let mut payload = Vec::new();
    value.put_object(&mut payload);
    seal(&mut payload);
    payload.into()
}
