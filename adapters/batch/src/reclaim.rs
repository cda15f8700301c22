//! Files that were refused and are to be taken all the same: found where they were set aside, by what is in them.

use portolan_delivery::Timestamp;

use crate::{
    Claim, Folder, FolderError, Identity, Place,
    claim::move_aside,
    dir::{Dir, Renamed, Stamp},
    identity, name,
};

impl Folder {
    /// Takes a file again that was set aside as refused, for the gateway of that label: the one with this content that is kept by this name, or
    /// by one that begins with it. `None` where there is none, where another was first, and as long as this gateway has one of the same name.
    ///
    /// It is known before it is moved: should the gateway die then, whoever takes over what it had takes this file and no other.
    ///
    /// # Errors
    /// The folder cannot be used.
    pub fn reclaim(
        &self,
        name: &str,
        identity: Identity,
        label: &str,
        now: Timestamp,
    ) -> Result<Option<Claim>, FolderError> {
        let jail = &self.jail;
        let (mine, rejected) = (jail.taken_by(label)?, jail.place(Place::Rejected)?);
        for kept in kept_as(rejected, name)? {
            // What cannot be read is not it.
            let stamp = stamp_of(rejected, &kept, identity).or_else(|error| error.if_away().map(|_| None))?;
            let Some(stamp) = stamp else { continue };
            let _taking = jail.taken.lock();
            if mine.look(name)?.is_some() {
                return Ok(None);
            }
            if rejected.rename(&kept, &mine, name)? != Renamed::Done {
                continue;
            }
            let is_it = mine
                .look(name)?
                .is_some_and(|entry| entry.is_one_file() && entry.stamp.is_content_of(&stamp));
            if is_it {
                return Ok(Some(Claim::new(jail, label, name).reclaimed()));
            }
            // Somebody put another one there meanwhile.
            move_aside(&mine, name, rejected, (&kept, now))?;
        }
        Ok(None)
    }
}

/// The names by which a file may have been set aside, its own first.
fn kept_as(dir: &Dir, name: &str) -> Result<Vec<String>, FolderError> {
    let mut kept = Vec::new();
    dir.names(|found, _| {
        let found = std::str::from_utf8(found).ok().filter(|found| name::is_kept_as(name, found));
        kept.extend(found.map(str::to_owned));
        Ok(())
    })?;
    kept.sort();
    Ok(kept)
}

/// A file as it is, where that is what is in it.
fn stamp_of(dir: &Dir, name: &str, wanted: Identity) -> Result<Option<Stamp>, FolderError> {
    let fits = dir.look(name)?.is_some_and(|entry| entry.is_one_file() && entry.stamp.bytes == wanted.bytes);
    if !fits {
        return Ok(None);
    }
    let Some((mut content, entry)) = dir.read(name)? else { return Ok(None) };
    let found = identity::sha256(&mut content, wanted.bytes);
    let found = found.map_err(|error| dir.failed("read", name, error))?;
    Ok((found == Some(wanted.sha256)).then_some(entry.stamp))
}
