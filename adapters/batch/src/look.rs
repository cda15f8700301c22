//! What is in a folder: which files are complete, in the order in which they came, and what is never taken.

use std::{
    cmp::Ordering,
    collections::{BinaryHeap, HashMap},
    fmt,
    time::Duration,
};

use portolan_delivery::Timestamp;
use rustix::fs::FileType;

use crate::{
    Complete, Folder, FolderError, Pattern,
    claim::move_aside,
    dir::{Entry, Stamp, timestamp},
    folder::Jail,
    listed::{Listings, Verdict},
    name,
};

/// Names of which it is remembered that they were told, or since when they are as they are, at most. What is beyond waits.
const REMEMBERED: usize = 100_000;

/// What a look has found.
#[derive(Debug, Default)]
pub struct Look {
    /// Files that are complete, the oldest first.
    pub candidates: Vec<Candidate>,
    /// What is not taken, told once for each.
    pub ignored: Vec<Ignored>,
    /// What is not taken, has been there for a while, and is to be set aside.
    pub hostile: Vec<Hostile>,
    /// How many files are not complete yet.
    pub waiting: usize,
    /// How many more are complete than one look gives.
    pub more: usize,
    /// Manifests of which every file was taken: the names they have in the archive.
    pub manifests: Vec<String>,
}

/// A file that is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Its name.
    pub name: Box<str>,
    /// Which of the patterns it is found by.
    pub pattern: usize,
    /// How long it is.
    pub bytes: u64,
    /// When it was written, by the clock of whoever did.
    pub modified: Timestamp,
    pub(crate) stamp: Stamp,
    pub(crate) expected: Option<[u8; 32]>,
}

/// Something that is not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its name, as it may be shown.
    pub name: String,
    /// Why not.
    pub why: Why,
}

/// Something by a name that a route takes which is never taken: a link, a device, a name that pretends another, too long a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hostile {
    pub(crate) raw: Box<str>,
    /// What it is, and why it is not taken.
    pub ignored: Ignored,
    /// Which of the patterns it is found by.
    pub pattern: usize,
}

/// How long something is left where it is that is never taken: whoever drops a file may link it first, and remove the other name then.
const LEFT: Duration = Duration::from_secs(60);

/// Why something is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It is no file: a link, a folder, a fifo, a device.
    NoFile(&'static str),
    /// It has other names, by which somebody may write to it or be written over.
    Linked,
    /// Its name cannot be shown as it is.
    Name(&'static str),
    /// None of the patterns is of its name.
    NoPattern,
    /// It is longer than allowed.
    TooLong {
        /// How long a file may be.
        most: u64,
    },
    /// This user may not read it.
    Unreadable,
    /// Its content is not what its manifest says.
    NotAsListed,
    /// A line of a manifest, by its number, says nothing.
    ManifestLine(usize),
}

impl Why {
    /// Whether it stays so, whatever the gateway's owner does, and is no matter of others' files in the same folder.
    fn is_hostile(self) -> bool {
        match self {
            Self::NoFile(what) => what != A_FOLDER,
            Self::Linked | Self::Name(_) | Self::TooLong { .. } => true,
            Self::NoPattern | Self::Unreadable | Self::NotAsListed | Self::ManifestLine(_) => false,
        }
    }
}

impl fmt::Display for Ignored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` is not taken: ", self.name)?;
        match self.why {
            Why::NoFile(what) => write!(f, "it is {what}, and only files are"),
            Why::Linked => f.write_str("it has other names too (hard links); copy it instead"),
            Why::Name(why) => write!(f, "{why}; give it another name"),
            Why::NoPattern => f.write_str("no route's pattern is of this name"),
            Why::TooLong { most } => {
                write!(f, "it is longer than {most} bytes; raise the limit, or have it sent in parts")
            }
            Why::Unreadable => f.write_str("it may not be read; let the user that Portolan runs as read it"),
            Why::NotAsListed => {
                f.write_str("its size or SHA-256 is not what its manifest says; have it sent again")
            }
            Why::ManifestLine(line) => {
                write!(f, "its line {line} is not `name size sha256`, nor one of `sha256sum`")
            }
        }
    }
}

/// What is remembered from one look to the next.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Why, and since when.
    told: HashMap<Box<[u8]>, (Why, Timestamp)>,
    quiet: HashMap<Box<str>, (Stamp, Timestamp)>,
    listings: Listings,
}

/// A file found, that may be one of those which are given. The greatest is the youngest.
struct Found(Candidate);

impl PartialEq for Found {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Found {}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        let age = self.0.stamp.modified.cmp(&other.0.stamp.modified);
        age.then_with(|| self.0.name.cmp(&other.0.name))
    }
}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Folder {
    /// Looks for files that are complete and have a name by one of the patterns. Time says how long a file has been quiet. Verifying a manifest's
    /// hashes reads the files, each once.
    ///
    /// # Errors
    /// The folder cannot be read, or is not where it was any more.
    pub fn look(&mut self, patterns: &[Pattern], now: Timestamp) -> Result<Look, FolderError> {
        let jail = self.jail.clone();
        jail.place(crate::Place::Folder)?;
        let mut round = Round {
            jail: &jail,
            patterns,
            now,
            watch: &mut self.watch,
            told: HashMap::new(),
            quiet: HashMap::new(),
            oldest: BinaryHeap::new(),
            look: Look::default(),
        };
        if let Complete::Manifest { names } = &jail.options.complete {
            let unread = round.watch.listings.refresh(&jail.folder, names)?;
            for (name, why) in unread {
                round.tell(name.as_bytes(), why);
            }
        }
        jail.folder.names(|name, entry| round.name(name, entry))?;
        round.end()
    }
}

impl Folder {
    /// Moves something aside that is never taken, under a name that can be shown. The name it has then; `None` where it is gone.
    ///
    /// # Errors
    /// It cannot be moved.
    pub fn set_aside(&self, hostile: &Hostile, now: Timestamp) -> Result<Option<String>, FolderError> {
        let (folder, rejected) = (&self.jail.folder, self.jail.place(crate::Place::Rejected)?);
        let moved = move_aside(folder, &hostile.raw, rejected, (&name::shown(&hostile.raw), now))?;
        if moved.is_some() {
            rejected.sync()?;
            folder.sync()?;
        }
        Ok(moved)
    }
}

/// One look.
struct Round<'f> {
    jail: &'f Jail,
    patterns: &'f [Pattern],
    now: Timestamp,
    watch: &'f mut Watch,
    told: HashMap<Box<[u8]>, (Why, Timestamp)>,
    quiet: HashMap<Box<str>, (Stamp, Timestamp)>,
    oldest: BinaryHeap<Found>,
    look: Look,
}

impl Round<'_> {
    fn tell(&mut self, name: &[u8], why: Why) {
        if self.told.len() >= REMEMBERED {
            return;
        }
        let shown = || String::from_utf8_lossy(name).escape_debug().to_string();
        let since = match self.watch.told.get(name) {
            Some((before, since)) if *before == why && *since <= self.now => *since,
            _ => {
                self.look.ignored.push(Ignored { name: shown(), why });
                self.now
            }
        };
        if why.is_hostile()
            && self.now.since(since) >= LEFT
            && let Ok(raw) = std::str::from_utf8(name)
            && let Some(pattern) = self.patterns.iter().position(|pattern| pattern.matches(raw))
        {
            let ignored = Ignored { name: shown(), why };
            self.look.hostile.push(Hostile { raw: raw.into(), ignored, pattern });
        }
        self.told.insert(name.into(), (why, since));
    }

    fn name(&mut self, bytes: &[u8], told: Option<Entry>) -> Result<(), FolderError> {
        if bytes.starts_with(b".") {
            return Ok(());
        }
        let Ok(name) = std::str::from_utf8(bytes) else {
            self.tell(bytes, Why::Name("its name is not UTF-8"));
            return Ok(());
        };
        if self.jail.own.contains(name) || self.jail.options.complete.is_none_to_take(name) {
            return Ok(());
        }
        let entry = match told {
            Some(entry) => entry,
            None => match self.jail.folder.look(name)? {
                Some(entry) => entry,
                // Whoever was first has taken it.
                None => return Ok(()),
            },
        };
        let refused = if let Some(what) = no_file(entry.kind) {
            Some(Why::NoFile(what))
        } else if let Some(why) = name::why_not(name) {
            Some(Why::Name(why))
        } else if entry.links > 1 {
            Some(Why::Linked)
        } else {
            let most = self.jail.options.max_bytes;
            (entry.stamp.bytes > most).then_some(Why::TooLong { most })
        };
        match (refused, self.patterns.iter().position(|pattern| pattern.matches(name))) {
            (Some(why), _) => self.tell(bytes, why),
            (None, None) => self.tell(bytes, Why::NoPattern),
            (None, Some(pattern)) => self.file(name, pattern, entry)?,
        }
        Ok(())
    }

    fn file(&mut self, name: &str, pattern: usize, entry: Entry) -> Result<(), FolderError> {
        let is_complete = match &self.jail.options.complete {
            Complete::Renamed => true,
            Complete::DoneFile { suffix } => {
                let done = format!("{name}{suffix}");
                self.jail.folder.look(&done)?.is_some_and(|done| done.kind == FileType::RegularFile)
            }
            Complete::Quiet(quiet) => self.is_quiet(name, entry.stamp, *quiet),
            Complete::Manifest { .. } => match self.watch.listings.judge(name, entry.stamp) {
                Verdict::Waits => false,
                Verdict::MayBe => true,
                Verdict::Wrong => {
                    self.tell(name.as_bytes(), Why::NotAsListed);
                    return Ok(());
                }
            },
        };
        if !is_complete {
            self.look.waiting += 1;
            return Ok(());
        }
        let stamp = entry.stamp;
        self.oldest.push(Found(Candidate {
            name: name.into(),
            pattern,
            bytes: stamp.bytes,
            modified: timestamp(stamp.modified),
            stamp,
            expected: None,
        }));
        if self.oldest.len() > self.jail.options.max_files {
            self.oldest.pop();
            self.look.more += 1;
        }
        Ok(())
    }

    fn is_quiet(&mut self, name: &str, stamp: Stamp, quiet: Duration) -> bool {
        let since = match self.watch.quiet.get(name) {
            // A clock that was set back says nothing of how long it was.
            Some((before, since)) if *before == stamp && *since <= self.now => *since,
            _ => self.now,
        };
        if self.quiet.len() < REMEMBERED {
            self.quiet.insert(name.into(), (stamp, since));
        }
        self.now.since(since) >= quiet
    }

    fn end(mut self) -> Result<Look, FolderError> {
        let found = std::mem::take(&mut self.oldest).into_sorted_vec();
        let verify = matches!(self.jail.options.complete, Complete::Manifest { .. });
        for Found(mut candidate) in found {
            if verify {
                match self.watch.listings.verify(&self.jail.folder, &candidate)? {
                    Ok(sha256) => candidate.expected = Some(sha256),
                    Err(Some(why)) => {
                        self.tell(candidate.name.as_bytes(), why);
                        continue;
                    }
                    Err(None) => {
                        self.look.waiting += 1;
                        continue;
                    }
                }
            }
            self.look.candidates.push(candidate);
        }
        if verify {
            self.look.manifests = self.watch.listings.archive(self.jail, self.now)?;
        }
        self.watch.told = self.told;
        self.watch.quiet = self.quiet;
        Ok(self.look)
    }
}

const A_FOLDER: &str = "a folder";

fn no_file(kind: FileType) -> Option<&'static str> {
    match kind {
        FileType::RegularFile => None,
        FileType::Directory => Some(A_FOLDER),
        FileType::Symlink => Some("a symbolic link"),
        FileType::Fifo => Some("a fifo"),
        FileType::Socket => Some("a socket"),
        FileType::Unknown => Some("of a kind that the server does not tell"),
        _ => Some("a device"),
    }
}
