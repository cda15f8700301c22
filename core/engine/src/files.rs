//! Files as a source: verified whole, then taken message by message, in blocks that are durable with how far they came. What was
//! interrupted goes on behind the last block.

use std::{
    cell::Cell,
    io::{self, Read},
    rc::Rc,
    sync::Arc,
};

use bytes::Bytes;
use portolan_delivery::{
    Arrival, Arrived, Block, BoxFuture, Dropped, FileAnswer, FileCounts, FileEnd, FileFate, FileIntake,
    FilePhase, FileReceipt, FileRecord, FileRoute, FileState, FileStore, FileTold, GatewayId, MessageId,
    RejectedRecords, Timestamp,
};
use portolan_formats::records::{Messages, input};
use tokio::{runtime::Handle, sync::mpsc};

use crate::{
    acknowledge::told,
    answers::{self, Ground},
    blocks::Blocks,
    engine::Engine,
    intake::EngineIntake,
    judge::{read_and_release, verify},
    receipt::{duplicate, receipt},
    route::{FileSource, Route, Served},
    seen::{ERRORS, Echo, Seen},
    translate::Context,
    under_way::Progress,
    waiters::Settled,
};

const NO_FILES: &str = "this queue takes no files";
const TAKEN_OVER: &str = "another gateway took it over";

impl FileIntake for EngineIntake {
    fn file_routes(&self) -> Vec<FileRoute> {
        let table = self.0.table.load();
        let routes = table.by_name.values().filter_map(|route| {
            let files = route.files.as_ref()?;
            Some(FileRoute {
                route: route.name.clone(),
                system: files.system.clone(),
                pattern: files.pattern.clone(),
            })
        });
        let mut routes: Vec<_> = routes.collect();
        routes.sort_by(|a, b| a.route.cmp(&b.route));
        routes
    }

    fn take_file(&self, dropped: Dropped) -> BoxFuture<'_, FileFate> {
        Box::pin(async move {
            let _work = self.0.work();
            self.0.take_file(dropped).await.unwrap_or_else(FileFate::NotNow)
        })
    }

    fn released(&self) -> BoxFuture<'_, Result<Vec<Arrival>, String>> {
        Box::pin(async move {
            // A queue that takes no files has none.
            let Some(store) = self.0.delivery.files() else { return Ok(Vec::new()) };
            let failed = |error| self.0.failed(error).to_string();
            let mut released = store.released().await.map_err(failed)?;
            // One that was begun is of its gateway, until that is no more; and of this one, unless it is at it.
            let others =
                released.iter().filter(|file| file.state == FileState::Open).map(|file| file.gateway);
            let others: Vec<_> = others.filter(|gateway| *gateway != self.0.gateway).collect();
            let gone = if others.is_empty() { others } else { store.gone(others).await.map_err(failed)? };
            released.retain(|file| {
                let at_it = || self.0.under_way.of(&file.arrival.route, file.arrival.hash).is_some();
                file.state == FileState::Released
                    || gone.contains(&file.gateway)
                    || file.gateway == self.0.gateway && !at_it()
            });
            Ok(released.into_iter().map(|record| record.arrival).collect())
        })
    }

    fn gateway(&self) -> GatewayId {
        self.0.gateway
    }

    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, String>> {
        Box::pin(async move {
            let store = self.0.delivery.files().ok_or(NO_FILES)?;
            store.gone(gateways).await.map_err(|error| self.0.failed(error).to_string())
        })
    }
}

impl Engine {
    async fn take_file(&self, dropped: Dropped) -> Result<FileFate, String> {
        if !self.is_ready() {
            return Err("the gateway takes nothing now".to_owned());
        }
        let store = self.delivery.files().ok_or(NO_FILES)?;
        let failed = |error| self.failed(error).to_string();
        let route = self.table.load().by_name.get(&dropped.route).cloned();
        let route = route.ok_or_else(|| format!("route {} is not served any more", dropped.route))?;
        let arrival = Arrival {
            hash: dropped.hash,
            route: route.name.clone(),
            bundle: route.bundle,
            name: dropped.name.clone(),
            bytes: dropped.bytes,
            received: dropped.received,
        };
        let record = match store.begin_file(arrival, self.gateway).await.map_err(failed)? {
            Arrived::Known(record) if dropped.again && *record.arrival.name == *dropped.name => {
                return Ok(self.told_again(&route, &dropped, &record).await);
            }
            Arrived::Known(record) => {
                route.metrics.files.iter().for_each(|files| files.duplicate());
                let (taken_as, taken) = (&record.arrival.name, record.arrival.received.to_rfc3339());
                tracing::warn!(file = %dropped.name, route = %route.name, %taken_as, taken, "what is in the file was taken before; it is set aside as a duplicate");
                let echo = self.echo(&route, &dropped, &record).await?;
                return Ok(FileFate::Duplicate(told(&route, duplicate(&dropped, &record), &echo)));
            }
            Arrived::Elsewhere(_) => return Err("another gateway takes it".to_owned()),
            Arrived::Open(record) => record,
        };
        if record.position > 0 {
            let (file, position) = (&dropped.name, record.position);
            tracing::info!(%file, route = %route.name, position, "the file goes on where an earlier gateway left it");
        }
        let begun = self.under_way.begin(&route.name, dropped.hash);
        let _counted = route.metrics.files.as_ref().map(|files| files.under_way());
        let work = self.taken(store, &route, &dropped, &record, &begun.progress);
        begun.progress.told(&route.name, &dropped.name, dropped.bytes, work).await
    }

    async fn taken(
        &self,
        store: &dyn FileStore,
        route: &Arc<Served>,
        dropped: &Dropped,
        record: &FileRecord,
        progress: &Arc<Progress>,
    ) -> Result<FileFate, String> {
        // By the version with which it began: what was to be verified first is, and what went cannot be refused.
        let route = self.begun_with(route, record).await?;
        if source(&route)?.as_read {
            let reading = {
                let (route, dropped, record) = (route.clone(), dropped.clone(), record.clone());
                let progress = progress.clone();
                move |blocks: &_| read_and_release(&route, &dropped, &record, &progress, blocks)
            };
            let seen = self.release(store, &route, reading).await?;
            // Where none of its messages went, it can be refused yet.
            if seen.refused.is_some() && seen.counts.messages == 0 {
                return self.refused(store, &route, dropped, record, &seen).await;
            }
            return self.ended(store, &route, dropped, record, seen).await;
        }
        let seen = self.verified(&route, dropped, record, progress).await?;
        if seen.refused.is_some() {
            return self.refused(store, &route, dropped, record, &seen).await;
        }
        let cutting = {
            let (route, dropped, record) = (route.clone(), dropped.clone(), record.clone());
            let (left_out, counts, progress) = (seen.left_out.clone(), seen.counts, progress.clone());
            let (delivery, handle) = (self.delivery.clone(), Handle::current());
            move |blocks: &_| match source(&route)?.answers {
                None => cut(&route, &dropped, &record, &left_out, counts, &progress, blocks),
                Some(_) => {
                    let ground = Ground {
                        delivery: &*delivery,
                        handle: &handle,
                        route: &route,
                        progress: &progress,
                        now: Timestamp::now(),
                    };
                    answers::release(&ground, &dropped, &record, &left_out, counts, blocks)
                }
            }
        };
        self.release(store, &route, cutting).await?;
        self.ended(store, &route, dropped, record, seen).await
    }

    async fn refused(
        &self,
        store: &dyn FileStore,
        route: &Served,
        dropped: &Dropped,
        record: &FileRecord,
        seen: &Seen,
    ) -> Result<FileFate, String> {
        let reason = seen.refused.as_deref();
        tracing::warn!(file = %dropped.name, route = %route.name, reason, "the file is refused");
        let told = self.end(store, route, record, FileState::Refused, seen).await?;
        route.metrics.files.iter().for_each(|files| files.refused());
        Ok(FileFate::Refused(told))
    }

    /// All of it is durable.
    async fn ended(
        &self,
        store: &dyn FileStore,
        route: &Served,
        dropped: &Dropped,
        record: &FileRecord,
        seen: Seen,
    ) -> Result<FileFate, String> {
        let FileCounts { messages, skipped, rejected } = seen.counts;
        tracing::info!(file = %dropped.name, route = %route.name, messages, skipped, rejected, "the file is taken");
        if let Some(reason) = &seen.refused {
            tracing::warn!(file = %dropped.name, route = %route.name, reason, "its messages went as they were read, and the file is not sound");
        }
        if let Some(release) = &record.release {
            let (released, why) = (release.at.to_rfc3339(), &seen.overruled);
            tracing::warn!(file = %dropped.name, route = %route.name, released, why, "the file was refused, and is taken as an operator released it");
        }
        let told = self.end(store, route, record, FileState::Taken, &seen).await?;
        route.metrics.files.iter().for_each(|files| files.taken(seen.counts));
        Ok(FileFate::Taken(told, rejects(route, &seen)))
    }

    /// A file that was taken whole by a gateway that ended before what it became was set aside.
    async fn told_again(&self, route: &Arc<Served>, dropped: &Dropped, record: &FileRecord) -> FileFate {
        let receipt = record.receipt.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let begun = self.under_way.begin(&route.name, dropped.hash);
        let verified = async {
            let receipt: FileReceipt = receipt.ok_or("its receipt cannot be read")?;
            let route = self.begun_with(route, record).await?;
            let seen = self.verified(&route, dropped, record, &begun.progress).await?;
            Ok::<_, String>(FileFate::Taken(told(&route, receipt, &seen.echo), rejects(&route, &seen)))
        };
        verified.await.unwrap_or_else(|why| {
            tracing::error!(file = %dropped.name, route = %route.name, why, "the file was taken, and what of it was rejected cannot be found out again");
            FileFate::Ended
        })
    }

    /// What of a duplicate its acknowledgement may repeat. `Err`, where it cannot be read now.
    async fn echo(
        &self,
        route: &Arc<Served>,
        dropped: &Dropped,
        record: &FileRecord,
    ) -> Result<Echo, String> {
        if route.files.as_ref().is_none_or(|files| files.acknowledgement.is_none() || files.answers.is_some())
        {
            return Ok(Echo::default());
        }
        let begun = self.under_way.begin(&route.name, dropped.hash);
        Ok(self.verified(route, dropped, record, &begun.progress).await?.echo)
    }

    /// The version of its route with which a file began.
    async fn begun_with(&self, route: &Arc<Served>, record: &FileRecord) -> Result<Arc<Served>, String> {
        if record.arrival.bundle == route.bundle {
            return Ok(route.clone());
        }
        let version = self.version(&route.name, record.arrival.bundle).await;
        version.map_err(|error| format!("the version with which it began cannot be had: {error}"))
    }

    /// What is sound in a file.
    async fn verified(
        &self,
        route: &Arc<Served>,
        dropped: &Dropped,
        record: &FileRecord,
        progress: &Arc<Progress>,
    ) -> Result<Seen, String> {
        let (of, dropped, record) = (route.clone(), dropped.clone(), record.clone());
        let (delivery, handle, progress) = (self.delivery.clone(), Handle::current(), progress.clone());
        let seen = tokio::task::spawn_blocking(move || match source(&of)?.answers {
            None => verify(&of, &dropped, &record, &progress),
            Some(_) => {
                let ground = Ground {
                    delivery: &*delivery,
                    handle: &handle,
                    route: &of,
                    progress: &progress,
                    now: Timestamp::now(),
                };
                answers::verify(&ground, &dropped, &record)
            }
        })
        .await;
        seen.map_err(|error| error.to_string())?
    }

    /// Makes durable what is read of a file, block by block.
    async fn release<T: Send + 'static>(
        &self,
        store: &dyn FileStore,
        route: &Arc<Served>,
        reading: impl FnOnce(&mpsc::Sender<Block>) -> Result<T, String> + Send + 'static,
    ) -> Result<T, String> {
        let (blocks, mut ready) = mpsc::channel(2);
        let reading = tokio::task::spawn_blocking(move || reading(&blocks));
        while let Some(block) = ready.recv().await {
            let (messages, answers) = (block.messages.len(), block.answers.clone());
            let accepted = store.accept_block(block, self.gateway).await;
            if !accepted.map_err(|error| self.failed(error).to_string())? {
                return Err(TAKEN_OVER.to_owned());
            }
            route.metrics.messages.accepted_together(messages);
            route.metrics.made.iter().for_each(|made| made.answered(answers.len()));
            let now = Timestamp::now();
            for FileAnswer { id, received, outcome } in answers {
                let settled = Settled::Finished(outcome);
                route.metrics.messages.settled(&settled, now.since(received));
                self.waiters.settle(id, || settled.clone());
            }
        }
        reading.await.map_err(|error| error.to_string())?
    }

    async fn end(
        &self,
        store: &dyn FileStore,
        route: &Served,
        record: &FileRecord,
        state: FileState,
        seen: &Seen,
    ) -> Result<FileTold, String> {
        let now = Timestamp::now();
        let told = told(route, receipt(record, state, seen, now), &seen.echo);
        let text = serde_json::to_string(&told.receipt).map_err(|error| error.to_string())?;
        let end = FileEnd {
            route: route.name.clone(),
            file: record.arrival.hash,
            state,
            receipt: text.into(),
            now,
        };
        let ended = store.end_file(end, self.gateway).await;
        match ended.map_err(|error| self.failed(error).to_string())? {
            true => Ok(told),
            false => Err(TAKEN_OVER.to_owned()),
        }
    }
}

/// The messages that failed, where there are any, of which a file is made.
fn rejects(route: &Served, seen: &Seen) -> Option<RejectedRecords> {
    let files = route.files.as_ref().filter(|_| seen.counts.rejected > 0)?;
    let refused = seen.left_out.iter().filter(|(_, skipped)| !skipped).map(|(number, _)| *number);
    Some(RejectedRecords {
        layout: files.file.layout().clone(),
        each: files.excerpt.each,
        records: Arc::new(refused.collect()),
    })
}

/// The messages of a file, and why it could not be read to its end: the disk or the mount, not what is in it.
pub(crate) type Reading<'f> = (Messages<'f, Box<dyn Read>>, Rc<Cell<Option<io::Error>>>);

pub(crate) fn messages<'f>(
    files: &'f FileSource,
    dropped: &Dropped,
    progress: &Arc<Progress>,
) -> Result<Reading<'f>, String> {
    let raw = (dropped.open)().map_err(|error| unreadable(&error))?;
    let failed = Rc::default();
    let raw = Watched { raw, failed: Rc::clone(&failed), progress: progress.clone() };
    let input = input::open(raw, files.file.layout().file.compression);
    let input = input.map_err(|error| unreadable(&error))?;
    let messages = Messages::new(&files.file, &files.excerpt, input);
    Ok((if files.as_read { messages } else { messages.giving_up_after(ERRORS) }, failed))
}

pub(crate) fn unreadable(error: &io::Error) -> String {
    format!("it cannot be read: {error}")
}

/// A file whose errors are kept apart from those of what is in it, and of which is known how much was read.
struct Watched<R> {
    raw: R,
    failed: Rc<Cell<Option<io::Error>>>,
    progress: Arc<Progress>,
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let read = self.raw.read(out).map_err(|error| {
            let same = io::Error::new(error.kind(), error.to_string());
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed.set(Some(error));
            }
            same
        })?;
        self.progress.read(read);
        Ok(read)
    }
}

pub(crate) fn source(route: &Route) -> Result<&FileSource, String> {
    route.files.as_deref().ok_or_else(|| "its route takes no files any more".to_owned())
}

pub(crate) fn context(message: MessageId, record: &FileRecord) -> Context<'_> {
    Context {
        message,
        received: record.arrival.received,
        caller: None,
        request_id: None,
        metadata: &[],
        attempt: 1,
    }
}

/// Reads the file once more, and gives on what is behind the last block of an earlier time.
fn cut(
    route: &Served,
    dropped: &Dropped,
    record: &FileRecord,
    left_out: &[(u64, bool)],
    expected: FileCounts,
    progress: &Arc<Progress>,
    blocks: &mpsc::Sender<Block>,
) -> Result<(), String> {
    let files = source(route)?;
    let mut passing = record.position > 0;
    progress.begin(FilePhase::Releasing, passing);
    let (mut messages, failed) = messages(files, dropped, progress)?;
    let mut left_out = left_out.iter().copied().peekable();
    let (mut blocks, mut counts) = (Blocks::new(route, dropped, record, blocks), FileCounts::default());
    loop {
        let next = messages.next().map(|(bytes, info)| {
            let payload = blocks.is_new(info.number).then(|| Bytes::copy_from_slice(bytes));
            (payload, info)
        });
        // What is wrong with it was told of when it was read first.
        drop(messages.problems());
        if let Some(error) = failed.take() {
            return Err(unreadable(&error));
        }
        let Some((payload, info)) = next else { break };
        let out = left_out.next_if(|(number, _)| *number == info.number);
        match out {
            Some((_, true)) => counts.skipped += 1,
            Some((_, false)) => counts.rejected += 1,
            None => counts.messages += 1,
        }
        if passing && payload.is_some() {
            progress.passed();
            passing = false;
        }
        progress.gone_through(messages.count(), counts);
        if let (Some(payload), None) = (payload, out) {
            blocks.add(info.number, payload)?;
        }
        if !blocks.gone_through(info.number, counts) {
            return Ok(());
        }
    }
    if counts != expected {
        return Err("it is not any more what it was when it was verified".to_owned());
    }
    blocks.end(counts);
    Ok(())
}
