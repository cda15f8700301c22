//! A connection that is made when it is needed, and anew when it was cut.

use std::{
    fmt,
    fs::{DirBuilder, File},
    io,
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use portolan_delivery::RetryPolicy;
use russh_sftp::{
    client::error::Error as SftpError,
    protocol::{Status, StatusCode},
};
use tokio::runtime::Handle;

use super::{
    SftpOptions,
    session::{Session, lost},
};
use crate::FolderError;

/// How often a transfer goes on that was cut, while that brings it no further.
const ATTEMPTS: u32 = 4;

/// A way to a server. Its calls block, and are for threads that may.
pub(crate) struct Connection {
    options: SftpOptions,
    runtime: Handle,
    session: Mutex<Option<Arc<Session>>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Connection {
    /// For the server of these options. There is none yet; the spool is made.
    pub(crate) fn new(options: &SftpOptions) -> Result<Arc<Self>, FolderError> {
        let runtime = Handle::try_current().map_err(|_| FolderError::Away {
            said: "there is no runtime to speak SFTP by".to_owned(),
            todo: "call it where tokio runs",
        })?;
        let connection = Self { options: options.clone(), runtime, session: Mutex::default() };
        connection.spool()?;
        Ok(Arc::new(connection))
    }

    fn session(&self) -> Result<Arc<Session>, FolderError> {
        let mut session = self.session.lock();
        if let Some(session) = &*session {
            return Ok(session.clone());
        }
        let opened = self.runtime.block_on(Session::open(&self.options))?;
        Ok(session.insert(Arc::new(opened)).clone())
    }

    /// Asks the server. What it refuses is its status; a connection that was cut is gone, and the next question makes another.
    pub(crate) fn ask<T>(
        &self,
        question: impl AsyncFnOnce(&Session) -> Result<T, SftpError>,
    ) -> Result<Result<T, StatusCode>, FolderError> {
        let session = self.session()?;
        self.ask_by(&session, question)
    }

    /// The same by a connection that may be an earlier one: what was opened by one is unknown to another.
    pub(crate) fn ask_by<T>(
        &self,
        session: &Arc<Session>,
        question: impl AsyncFnOnce(&Session) -> Result<T, SftpError>,
    ) -> Result<Result<T, StatusCode>, FolderError> {
        match self.runtime.block_on(question(session)) {
            Ok(answer) => Ok(Ok(answer)),
            Err(SftpError::Status(Status { status_code, .. }))
                if !matches!(status_code, StatusCode::NoConnection | StatusCode::ConnectionLost) =>
            {
                Ok(Err(status_code))
            }
            Err(error) => {
                let mut current = self.session.lock();
                if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, session)) {
                    *current = None;
                }
                Err(lost(&error))
            }
        }
    }

    /// The session, for what goes on by the same one.
    pub(crate) fn by(&self) -> Result<Arc<Session>, FolderError> {
        self.session()
    }

    /// Does what nobody waits for.
    pub(crate) fn later(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Goes on with a transfer when it was cut, for as long as that brings it further. It is given how far it came.
    pub(crate) fn persist<T>(
        &self,
        mut go_on: impl FnMut(&mut u64) -> Result<T, FolderError>,
    ) -> Result<T, FolderError> {
        let least = Duration::from_millis(200);
        let policy = RetryPolicy::try_new(ATTEMPTS, least, least * 25, 2.0).unwrap_or(RetryPolicy::NEVER);
        let (mut at, mut attempt) = (0, 0);
        loop {
            let before = at;
            match go_on(&mut at) {
                Err(FolderError::Away { .. }) if at > before || attempt + 1 < policy.max_attempts() => {
                    attempt = if at > before { 1 } else { attempt + 1 };
                    let pause = policy.interval(attempt);
                    self.runtime.block_on(async { tokio::time::sleep(pause).await });
                }
                done => return done,
            }
        }
    }

    /// A file of this machine that has no name: it is gone with this process, whatever becomes of that.
    pub(crate) fn spooled(&self) -> Result<File, FolderError> {
        let path = self.spool()?;
        tempfile::tempfile_in(path).map_err(|error| self.spool_failed(error))
    }

    /// What went wrong with such a file.
    pub(crate) fn spool_failed(&self, error: io::Error) -> FolderError {
        FolderError::io("written", &self.options.spool, error)
    }

    /// The folder for such files.
    fn spool(&self) -> Result<PathBuf, FolderError> {
        let path = self.options.spool.clone();
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        let mode = made.and_then(|()| std::fs::metadata(&path)).map(|about| about.permissions().mode());
        match mode {
            Ok(mode) if mode & 0o077 == 0 => Ok(path),
            Ok(_) => Err(FolderError::Unfit {
                path,
                what: "may be read by others, and what is fetched is spooled there",
                todo: "take that away with `chmod 700`, or name another `spool`",
            }),
            Err(error) => Err(FolderError::io("made", path, error)),
        }
    }
}
