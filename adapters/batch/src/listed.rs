//! What manifests in a folder say of its files, and whether the files are that.

use std::{
    collections::{HashMap, HashSet},
    io::{self, Read},
};

use portolan_delivery::Timestamp;
use rustix::io::Errno;

use crate::{
    Candidate, FolderError, Pattern, Place, Why,
    claim::move_aside,
    dir::{Content, Dir, Entry, Stamp},
    folder::Jail,
    identity,
    manifest::{self, Listed},
    name,
};

/// The most bytes of a manifest: some 40,000 files.
const LONGEST: u64 = 4 << 20;

/// What is known of a file by manifests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is not listed yet, or not written yet.
    Waits,
    /// It may be what is listed.
    MayBe,
    /// It is not what is listed.
    Wrong,
}

/// The manifests, as they were when they were last looked at.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    manifests: HashMap<String, Loaded>,
    /// Which manifests list a file.
    by_file: HashMap<String, Vec<String>>,
    files: HashMap<String, Known>,
}

#[derive(Debug)]
struct Loaded {
    stamp: Stamp,
    files: HashMap<String, Listed>,
    unreadable: Option<usize>,
    /// Files that were what it says.
    verified: HashSet<String>,
}

/// A file, as it was when it was looked at before.
#[derive(Debug, Clone, Copy)]
struct Known {
    stamp: Stamp,
    sha256: Option<[u8; 32]>,
    /// In this look.
    seen: bool,
}

impl Listings {
    /// Reads the manifests that are new or have changed, and says what of them cannot be read.
    pub(crate) fn refresh(
        &mut self,
        folder: &Dir,
        names: &Pattern,
    ) -> Result<Vec<(String, Why)>, FolderError> {
        let mut found = Vec::new();
        folder.names(|name, _| {
            let name = std::str::from_utf8(name).unwrap_or_default();
            if names.matches(name) && name::why_not(name).is_none() {
                found.push(name.to_owned());
            }
            Ok(())
        })?;
        found.sort();
        let mut before = std::mem::take(&mut self.manifests);
        let mut unread = Vec::new();
        for name in found {
            let (file, entry) = match opened(folder, &name)? {
                Ok(Some(opened)) => opened,
                Ok(None) => continue,
                Err(why) => {
                    unread.push((name, why));
                    continue;
                }
            };
            if !entry.is_one_file() || entry.stamp.bytes > LONGEST {
                let long = Why::TooLong { most: LONGEST };
                unread.push((name, if entry.is_one_file() { long } else { NO_FILE }));
                continue;
            }
            let loaded = match before.remove(&name) {
                Some(loaded) if loaded.stamp == entry.stamp => loaded,
                before => {
                    let mut text = Vec::new();
                    let read = file.take(LONGEST).read_to_end(&mut text);
                    read.map_err(|error| folder.failed("read", &name, error))?;
                    let manifest = manifest::parse(&String::from_utf8_lossy(&text));
                    // What it lists otherwise now is to come anew.
                    let same = |file: &String, before: &Loaded| {
                        before.files.get(file).is_some_and(|listed| manifest.files.get(file) == Some(listed))
                    };
                    let verified = before.map(|mut before| {
                        let mut verified = std::mem::take(&mut before.verified);
                        verified.retain(|file| same(file, &before));
                        verified
                    });
                    let verified = verified.unwrap_or_default();
                    let unreadable = manifest.unreadable.first().copied();
                    Loaded { stamp: entry.stamp, files: manifest.files, unreadable, verified }
                }
            };
            unread.extend(loaded.unreadable.map(|line| (name.clone(), Why::ManifestLine(line))));
            self.manifests.insert(name, loaded);
        }
        self.by_file.clear();
        for (name, loaded) in &self.manifests {
            for file in loaded.files.keys() {
                self.by_file.entry(file.clone()).or_default().push(name.clone());
            }
        }
        let listed = &self.by_file;
        self.files.retain(|name, _| listed.contains_key(name));
        self.files.values_mut().for_each(|known| known.seen = false);
        Ok(unread)
    }

    /// What can be said of a file without reading it.
    pub(crate) fn judge(&mut self, name: &str, stamp: Stamp) -> Verdict {
        if !self.by_file.contains_key(name) {
            return Verdict::Waits;
        }
        let before = self.files.get(name).copied();
        let same = before.filter(|known| known.stamp == stamp);
        let sha256 = same.and_then(|known| known.sha256);
        self.files.insert(name.to_owned(), Known { stamp, sha256, seen: true });
        let mut verdict = Verdict::Waits;
        for (_, listed) in self.listed(name) {
            let fits = match (listed.bytes, sha256) {
                (Some(bytes), _) if bytes > stamp.bytes => continue,
                (Some(bytes), _) if bytes < stamp.bytes => false,
                (_, Some(found)) => found == listed.sha256,
                (Some(_), None) => true,
                // Whether it is written to its end only its hash could tell, which is not made of a file that grows.
                (None, None) if same.is_none() => continue,
                (None, None) => true,
            };
            if fits {
                return Verdict::MayBe;
            }
            verdict = Verdict::Wrong;
        }
        verdict
    }

    /// Reads a file to compare it with what is listed. Its hash, where it is that; why it is not taken, if it is not only to be waited for.
    pub(crate) fn verify(
        &mut self,
        folder: &Dir,
        candidate: &Candidate,
    ) -> Result<Result<[u8; 32], Option<Why>>, FolderError> {
        let name: &str = &candidate.name;
        let known = self.files.get(name).filter(|known| known.stamp == candidate.stamp);
        let sha256 = match known.and_then(|known| known.sha256) {
            Some(sha256) => sha256,
            None => match hash(folder, candidate)? {
                Ok(sha256) => sha256,
                Err(why) => return Ok(Err(why)),
            },
        };
        if let Some(known) = self.files.get_mut(name) {
            known.sha256 = Some(sha256);
        }
        let fits = |listed: &Listed| {
            listed.sha256 == sha256 && listed.bytes.is_none_or(|bytes| bytes == candidate.bytes)
        };
        let by: Vec<String> =
            self.listed(name).filter(|(_, listed)| fits(listed)).map(|(by, _)| by.to_owned()).collect();
        for manifest in &by {
            if let Some(loaded) = self.manifests.get_mut(manifest) {
                loaded.verified.insert(name.to_owned());
            }
        }
        Ok(if by.is_empty() { Err(Some(Why::NotAsListed)) } else { Ok(sha256) })
    }

    /// Moves the manifests to the archive of which every file was here, and is neither here nor being taken any more.
    pub(crate) fn archive(&mut self, jail: &Jail, now: Timestamp) -> Result<Vec<String>, FolderError> {
        let mut archived = Vec::new();
        let mut over: Vec<String> = Vec::new();
        for (name, loaded) in &self.manifests {
            let was_here = |file: &String| {
                loaded.verified.contains(file) && !self.files.get(file).is_some_and(|known| known.seen)
            };
            if !loaded.files.is_empty() && loaded.files.keys().all(was_here) {
                over.push(name.clone());
            }
        }
        if over.is_empty() {
            return Ok(archived);
        }
        let mut taken = HashSet::new();
        let mut labels = Vec::new();
        jail.taking.names(|label, _| {
            labels.extend(std::str::from_utf8(label).ok().map(str::to_owned));
            Ok(())
        })?;
        for label in labels {
            let Some(dir) = jail.taking.open(&label)? else { continue };
            dir.names(|name, _| {
                taken.insert(String::from_utf8_lossy(name).into_owned());
                Ok(())
            })?;
        }
        for name in over {
            if self.manifests[&name].files.keys().any(|file| taken.contains(file)) {
                continue;
            }
            let to = jail.place(Place::Archive)?;
            if let Some(moved) = move_aside(&jail.folder, &name, to, (&name, now))? {
                to.sync()?;
                jail.folder.sync()?;
                archived.push(moved);
            }
            self.manifests.remove(&name);
        }
        Ok(archived)
    }

    fn listed(&self, name: &str) -> impl Iterator<Item = (&str, Listed)> {
        let by = self.by_file.get(name).into_iter().flatten();
        by.filter_map(move |by| Some((by.as_str(), *self.manifests.get(by)?.files.get(name)?)))
    }
}

const NO_FILE: Why = Why::NoFile("no plain file");

/// What has a name, opened, or why it cannot be: one file that cannot be read stops no other.
fn opened(folder: &Dir, name: &str) -> Result<Result<Option<(Content, Entry)>, Why>, FolderError> {
    let error = match folder.read(name) {
        Ok(found) => return Ok(Ok(found)),
        Err(error) => error,
    };
    let FolderError::Io { source, .. } = &error else { return Err(error) };
    match source.raw_os_error().map(Errno::from_raw_os_error) {
        Some(Errno::LOOP | Errno::NXIO | Errno::NODEV) => Ok(Err(NO_FILE)),
        Some(Errno::ACCESS | Errno::PERM) => Ok(Err(Why::Unreadable)),
        None if source.kind() == io::ErrorKind::PermissionDenied => Ok(Err(Why::Unreadable)),
        _ => Err(error),
    }
}

/// `None` where it is not what was looked at any more.
fn hash(folder: &Dir, candidate: &Candidate) -> Result<Result<[u8; 32], Option<Why>>, FolderError> {
    let (mut file, entry) = match opened(folder, &candidate.name)? {
        Ok(Some(opened)) => opened,
        Ok(None) => return Ok(Err(None)),
        Err(why) => return Ok(Err(Some(why))),
    };
    if !entry.is_one_file() || entry.stamp != candidate.stamp {
        return Ok(Err(None));
    }
    let sha256 = identity::sha256(&mut file, candidate.bytes);
    let sha256 = sha256.map_err(|error| folder.failed("read", &candidate.name, error))?;
    let same = folder.look(&candidate.name)?.is_some_and(|entry| entry.stamp == candidate.stamp);
    Ok(sha256.filter(|_| same).ok_or(None))
}
