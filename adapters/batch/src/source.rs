//! Folders as a source: what is complete in them is given to the routes that take it, and set aside by what became of it.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use portolan_delivery::{
    Acknowledgement, Arrival, Dropped, FileFate, FileHash, FileIntake, FileReceipt, FileRoute, FileTold,
    Outage, RejectedRecords, ReleaseTold, RetryPolicy, Timestamp,
};
use portolan_formats::records::{RecordFile, input};

use crate::{Claim, Folder, FolderError, FolderOptions, Hostile, Identity, Orphan, Pattern, Place, reject};

/// A folder that a system drops files into.
#[derive(Debug, Clone)]
pub struct FolderSource {
    /// The system.
    pub system: Arc<str>,
    /// The folder.
    pub options: FolderOptions,
    /// How often it is looked into.
    pub every: Duration,
}

/// How long a server that is away is left alone, at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Files of which it is remembered that they are to wait.
const MOST_HELD_UP: usize = 10_000;

/// Looks into folders until `stop` resolves; what is under way then is finished, or goes on with the next start.
pub async fn serve(sources: Vec<FolderSource>, intake: Arc<dyn FileIntake>, stop: impl Future<Output = ()>) {
    let watchers = sources.into_iter().map(|source| watch(source, intake.clone()));
    let all = futures_util::future::join_all(watchers);
    let (mut all, mut stop) = (pin!(all), pin!(stop));
    tokio::select! {
        _ = &mut all => {}
        () = &mut stop => {}
    }
}

async fn watch(source: FolderSource, intake: Arc<dyn FileIntake>) {
    let label = intake.gateway().to_string().into();
    let (told, held_up, missed) = (HashSet::new(), HashMap::new(), HashMap::new());
    let mut watcher = Watcher { source, intake, label, folder: None, told, held_up, missed };
    let (system, outage, mut failures) = (watcher.source.system.clone(), Outage::default(), 0);
    loop {
        match watcher.round().await {
            Ok(()) => {
                failures = 0;
                if let Some(lasted) = outage.is_over(Instant::now()) {
                    tracing::info!(%system, after_s = lasted.as_secs(), "the folder can be used again");
                }
            }
            Err(error) => {
                failures += 1;
                if outage.is_news(&error.to_string(), Instant::now()) {
                    tracing::warn!(%system, "the folder cannot be used now: {error}");
                }
                // It may be another one that stands there.
                watcher.folder = None;
            }
        }
        tokio::time::sleep(watcher.source.pause(failures)).await;
    }
}

impl FolderSource {
    /// How long until it is looked into again. A server that is away is asked less and less often.
    fn pause(&self, failures: u32) -> Duration {
        if self.options.sftp.is_none() || failures == 0 {
            return self.every;
        }
        again_after(self.every, failures)
    }
}

/// How long to wait after something has failed so often.
fn again_after(first: Duration, failures: u32) -> Duration {
    let longest = LONGEST_PAUSE.max(first);
    let policy = RetryPolicy::try_new(1, first.max(Duration::from_millis(1)), longest, 2.0);
    policy.map_or(longest, |policy| policy.without_end().interval(failures))
}

struct Watcher {
    source: FolderSource,
    intake: Arc<dyn FileIntake>,
    /// By which others know what this gateway has taken, and whether it lives.
    label: Arc<str>,
    folder: Option<Arc<parking_lot::Mutex<Folder>>>,
    /// What was said already, so that it is said once.
    told: HashSet<String>,
    /// Files that were fetched and not taken: how often, and when they are tried again.
    held_up: HashMap<Box<str>, (u32, Instant)>,
    /// Files that were released and not found: how often, and when they are looked for again.
    missed: HashMap<(Arc<str>, FileHash), (u32, Instant)>,
}

impl Watcher {
    fn tell(&mut self, what: &str, why: &dyn std::fmt::Display) {
        let why = why.to_string();
        if self.told.len() > 1000 {
            self.told.clear();
        }
        if self.told.insert(format!("{what}: {why}")) {
            tracing::warn!(system = %self.source.system, "{what}: {why}");
        }
    }

    /// Looks once, and takes what there is.
    async fn round(&mut self) -> Result<(), FolderError> {
        let routes: Vec<FileRoute> = self
            .intake
            .file_routes()
            .into_iter()
            .filter(|route| route.system == self.source.system)
            .collect();
        if routes.is_empty() {
            return Ok(());
        }
        let patterns: Vec<Pattern> =
            routes.iter().filter_map(|route| route.pattern.as_deref().unwrap_or("*").parse().ok()).collect();
        let fresh = self.folder.is_none();
        let label = self.label.clone();
        let folder = match &self.folder {
            Some(folder) => folder.clone(),
            None => {
                let options = self.source.options.clone();
                let opened = blocking(move || Folder::open(options)).await?;
                let opened = Arc::new(parking_lot::Mutex::new(opened));
                self.folder = Some(opened.clone());
                opened
            }
        };
        if fresh {
            // What this gateway had when the folder could not be used any more is finished first.
            let (opened, label) = (folder.clone(), label.clone());
            for claim in blocking(move || opened.lock().claims(&label)).await? {
                self.go_on(&folder, claim, &routes, &patterns).await?;
            }
        }
        for orphan in self.orphans(&folder).await? {
            let label = label.clone();
            if let Some(claim) = blocking(move || orphan.take_over(&label)).await? {
                self.go_on(&folder, claim, &routes, &patterns).await?;
            }
        }
        self.take_released(&folder, &routes).await?;
        let opened = folder.clone();
        let look = blocking(move || opened.lock().look(&patterns, Timestamp::now())).await?;
        for ignored in &look.ignored {
            self.tell("a file is not taken", ignored);
        }
        for hostile in look.hostile {
            let Some(route) = routes.get(hostile.pattern).map(|route| route.route.clone()) else { continue };
            let (opened, what) = (folder.clone(), hostile.ignored.to_string());
            let aside = blocking(move || set_aside(&opened.lock(), &hostile, &route, Timestamp::now())).await;
            if let Err(why) = aside {
                self.tell("what is never taken cannot be set aside", &format_args!("{what}: {why}"));
            }
        }
        for candidate in look.candidates {
            let Some(route) = routes.get(candidate.pattern) else { continue };
            if self.held_up.get(&candidate.name).is_some_and(|(_, until)| *until > Instant::now()) {
                continue;
            }
            let (opened, label) = (folder.clone(), label.clone());
            if let Some(claim) = blocking(move || opened.lock().claim(&candidate, &label)).await? {
                self.take(&folder, claim, &route.route, false).await?;
            }
        }
        Ok(())
    }

    /// Whether a file is looked for where it was set aside. Another of its name is not.
    async fn is_released(&self, dropped: &Dropped) -> bool {
        let released = self.intake.released().await.unwrap_or_default();
        released
            .iter()
            .any(|file| (&file.route, file.hash, &file.name) == (&dropped.route, dropped.hash, &dropped.name))
    }

    /// Takes what was refused and an operator has released, where it was set aside.
    async fn take_released(
        &mut self,
        folder: &Arc<parking_lot::Mutex<Folder>>,
        routes: &[FileRoute],
    ) -> Result<(), FolderError> {
        let mut released = match self.intake.released().await {
            Ok(released) => released,
            Err(why) => {
                self.tell("files that were released are not looked for now", &why);
                return Ok(());
            }
        };
        released.retain(|file| routes.iter().any(|route| route.route == file.route));
        self.missed.retain(|(route, hash), _| {
            released.iter().any(|file| file.route == *route && file.hash == *hash)
        });
        for Arrival { route, hash, name, bytes, .. } in released {
            let (now, key) = (Instant::now(), (route.clone(), hash));
            let waits = |until: Option<&(u32, Instant)>| until.is_some_and(|(_, until)| *until > now);
            if waits(self.missed.get(&key)) || waits(self.held_up.get(&*name)) {
                continue;
            }
            let (opened, label, kept) = (folder.clone(), self.label.clone(), name.clone());
            let identity = Identity { sha256: hash.0, bytes };
            let found =
                blocking(move || opened.lock().reclaim(&kept, identity, &label, Timestamp::now())).await?;
            if let Some(claim) = found {
                self.missed.remove(&key);
                self.take(folder, claim, &route, false).await?;
                continue;
            }
            let times = self.missed.get(&key).map_or(0, |(times, _)| *times);
            // The first time another gateway may be about to begin it.
            if times == 1 {
                let why = "it is not where it was set aside; if no gateway that has just ended had it, drop it again";
                self.tell("a file that was released is not taken", &format_args!("{name}: {why}"));
            }
            let again = again_after(self.source.every, times.saturating_add(1));
            self.missed.insert(key, (times.saturating_add(1), now + again));
        }
        Ok(())
    }

    /// What gateways had taken that are no more.
    async fn orphans(
        &mut self,
        folder: &Arc<parking_lot::Mutex<Folder>>,
    ) -> Result<Vec<Orphan>, FolderError> {
        let opened = folder.clone();
        let mut others = blocking(move || opened.lock().labels()).await?;
        others.retain(|label| **label != *self.label);
        if others.is_empty() {
            return Ok(Vec::new());
        }
        // Asked after those that were there: who comes later counts as alive.
        let gone =
            match self.intake.gone(others.iter().filter_map(|label| label.parse().ok()).collect()).await {
                Ok(gone) => gone,
                Err(why) => {
                    self.tell("what other gateways have taken is left with them", &why);
                    return Ok(Vec::new());
                }
            };
        // What is no gateway's name is nobody's.
        others.retain(|label| label.parse().map_or(true, |gateway| gone.contains(&gateway)));
        let opened = folder.clone();
        blocking(move || opened.lock().orphans(&|label| others.iter().all(|other| other != label))).await
    }

    /// Goes on with a file that was under way, or puts it back where no route takes it any more.
    async fn go_on(
        &mut self,
        folder: &Arc<parking_lot::Mutex<Folder>>,
        claim: Claim,
        routes: &[FileRoute],
        patterns: &[Pattern],
    ) -> Result<(), FolderError> {
        let route = patterns.iter().position(|pattern| pattern.matches(claim.name()));
        match route.and_then(|index| routes.get(index)) {
            Some(route) => self.take(folder, claim, &route.route, true).await,
            None => blocking(move || claim.release()).await,
        }
    }

    /// To fetch a file again and again that is not taken would be much ado.
    fn hold_up(&mut self, name: &str, not_now: bool) {
        let before = self.held_up.remove(name).map_or(0, |(times, _)| times);
        if not_now && self.source.options.sftp.is_some() && self.held_up.len() < MOST_HELD_UP {
            let until = Instant::now() + again_after(Duration::from_secs(1), before + 1);
            self.held_up.insert(name.into(), (before + 1, until));
        }
    }

    /// Gives a file to its route, and sets it aside. `again`: it was under way before.
    async fn take(
        &mut self,
        folder: &Arc<parking_lot::Mutex<Folder>>,
        claim: Claim,
        route: &Arc<str>,
        again: bool,
    ) -> Result<(), FolderError> {
        let claim = Arc::new(claim);
        let held = claim.clone();
        let identity = blocking(move || held.identify()).await?;
        let opening = claim.clone();
        let dropped = Dropped {
            route: route.clone(),
            name: claim.name().into(),
            hash: FileHash(identity.sha256),
            bytes: identity.bytes,
            received: Timestamp::now(),
            again,
            open: Arc::new(move || {
                let reading = opening.open().map_err(std::io::Error::other)?;
                Ok(Box::new(reading))
            }),
        };
        // What another run has left does not say whence it came.
        let set_aside = again && self.is_released(&dropped).await;
        let fate = self.intake.take_file(dropped).await;
        self.hold_up(claim.name(), matches!(fate, FileFate::NotNow(_)));
        let (folder, now) = (folder.clone(), Timestamp::now());
        match fate {
            FileFate::NotNow(why) => {
                self.tell("a file is not taken now", &format_args!("{}: {why}", claim.name()));
                let back = move || match set_aside {
                    true => claim.move_to(Place::Rejected, now).map(drop),
                    false => claim.put_back(now),
                };
                match blocking(back).await {
                    // Another gateway has it.
                    Err(FolderError::Gone { .. }) => Ok(()),
                    released => released,
                }
            }
            FileFate::Taken(told, rejects) => {
                blocking(move || {
                    claim.verify_unchanged()?;
                    let folder = folder.lock();
                    if let Some(rejects) = rejects {
                        write_rejects(&folder, &claim, &rejects, now)?;
                    }
                    tell(&folder, told, now)?;
                    claim.move_to(Place::Archive, now).map(drop)
                })
                .await
            }
            FileFate::Refused(told) => {
                blocking(move || {
                    tell(&folder.lock(), told, now)?;
                    claim.move_to(Place::Rejected, now).map(drop)
                })
                .await
            }
            FileFate::Duplicate(told) => {
                blocking(move || {
                    tell(&folder.lock(), told, now)?;
                    claim.move_to(Place::Duplicate, now).map(drop)
                })
                .await
            }
            // What else there is to set aside cannot be had any more.
            FileFate::Ended => blocking(move || claim.move_to(Place::Archive, now).map(drop)).await,
        }
    }
}

/// Sets aside what is never taken, and says so where it is said of files.
fn set_aside(folder: &Folder, hostile: &Hostile, route: &str, now: Timestamp) -> Result<(), FolderError> {
    let Some(name) = folder.set_aside(hostile, now)? else { return Ok(()) };
    let why = hostile.ignored.to_string();
    tracing::warn!(%route, why, "it is set aside as {name}");
    let receipt = FileReceipt::unread((name, route.to_owned()), "refused", why, (now, now));
    write_receipt(folder, &receipt, now)
}

/// Where work may wait for a disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FolderError> + Send + 'static,
) -> Result<T, FolderError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// The refused records in a file of their own, to be corrected and dropped again.
fn write_rejects(
    folder: &Folder,
    claim: &Claim,
    rejects: &RejectedRecords,
    now: Timestamp,
) -> Result<(), FolderError> {
    let file = RecordFile::compile(rejects.layout.clone());
    folder
        .write(Place::Rejected, claim.name(), now, |out| {
            let raw = claim.open().map_err(std::io::Error::other)?;
            let content = input::open(raw, rejects.layout.file.compression)?;
            let mut refused = |number: u64| rejects.records.binary_search(&number).is_ok();
            reject::write(&file, rejects.each, content, &mut refused, out)?;
            Ok(())
        })
        .map(drop)
}

/// Tells what became of a file: whoever dropped it, where the route does that, then operators.
fn tell(folder: &Folder, told: FileTold, now: Timestamp) -> Result<(), FolderError> {
    let FileTold { mut receipt, acknowledgement } = told;
    if let Some(Acknowledgement { name, content }) = acknowledgement {
        let named = folder.write(Place::Put, &name, now, |out| out.write_all(&content))?;
        receipt.acknowledgement = Some(named);
    }
    write_receipt(folder, &receipt, now)
}

/// What became of a file, for programs and for people.
fn write_receipt(folder: &Folder, receipt: &FileReceipt, now: Timestamp) -> Result<(), FolderError> {
    folder.write(Place::Receipts, &format!("{}.json", receipt.name), now, |out| {
        serde_json::to_writer_pretty(&mut *out, receipt)?;
        out.write_all(b"\n")
    })?;
    folder.write(Place::Receipts, &format!("{}.txt", receipt.name), now, |out| {
        let FileReceipt { name, state, route, counts, records, bytes, .. } = receipt;
        writeln!(out, "{name}: {state} by route {route}")?;
        // What is never taken was not read.
        if !receipt.sha256.is_empty() {
            writeln!(out, "  {bytes} bytes, {records} records, SHA-256 {}", receipt.sha256)?;
            writeln!(
                out,
                "  messages {}, skipped {}, rejected {}",
                counts.messages, counts.skipped, counts.rejected
            )?;
        }
        writeln!(out, "  found {}, ended {}", receipt.received, receipt.ended)?;
        if let Some(ReleaseTold { at, reason }) = &receipt.released {
            writeln!(out, "  released by an operator {at}: {reason}")?;
        }
        if let Some(reason) = &receipt.reason {
            let what = match state.as_str() {
                "refused" => "refused",
                "taken" if receipt.released.is_some() => "not sound, and taken as it was released",
                "taken" => "not sound, and its messages went as they were read",
                _ => "why",
            };
            writeln!(out, "  {what}: {reason}")?;
        }
        match (&receipt.acknowledgement, &receipt.not_acknowledged) {
            (Some(name), _) => writeln!(out, "  whoever dropped it is told by {name}")?,
            (None, Some(why)) => writeln!(out, "  whoever dropped it cannot be told: {why}")?,
            (None, None) => {}
        }
        for (reason, count) in &receipt.skipped_by_reason {
            writeln!(out, "  skipped {count}: {reason}")?;
        }
        for error in &receipt.errors {
            let kind = error.kind.as_deref().map(|kind| format!(", {kind}")).unwrap_or_default();
            let field = error.field.as_deref().map(|field| format!(", field {field}")).unwrap_or_default();
            writeln!(
                out,
                "  record {}{kind}, at byte {}{field}: {}",
                error.record, error.offset, error.reason
            )?;
        }
        Ok(())
    })?;
    Ok(())
}
