//! The files and folders that a gateway writes to: whether it can, who else can read them, and how much room there is.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::{Access, access, statvfs};

use super::finding::{Check, Finding};
use crate::config::Config;

/// Less room than this is worth a word; a gateway whose disk is full stops.
const LITTLE: u64 = 1 << 30;
/// And this is next to nothing.
const NEXT_TO_NOTHING: u64 = 64 << 20;

pub(super) fn check(config: &Config) -> Vec<Finding> {
    let token = config.admin_token();
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut kept = vec![(&*token, "the admin token")];
    if let Some(database) = config.queue.file() {
        folders.push(folder_of(database));
        kept.push((database, "the messages"));
    }
    let of_token = folder_of(&token);
    if !folders.contains(&of_token) {
        folders.push(of_token);
    }
    let folders = folders.iter().map(|path| folder(path));
    let kept = kept.into_iter().filter(|(path, _)| path.exists()).map(|(path, what)| private(path, what));
    folders.chain(kept).collect()
}

fn folder_of(path: &Path) -> PathBuf {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned()
}

fn folder(path: &Path) -> Finding {
    let check = Check::new("folder", path.display());
    if !path.is_dir() {
        return check.problem("it is not there", "make it, for the user that runs the gateway alone");
    }
    if access(path, Access::READ_OK | Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return check.problem("it cannot be written to", "give it to the user that runs the gateway");
    }
    let Ok(room) = statvfs(path) else { return check.ok("it can be written to") };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let said = format!("it can be written to; {} MiB are free", free >> 20);
    match free {
        0..NEXT_TO_NOTHING => check.problem(said, "make room: a gateway that cannot write stops"),
        NEXT_TO_NOTHING..LITTLE => {
            check.warning(said, "make room, or keep finished messages for less long (`retention`)")
        }
        _ => check.ok(said),
    }
}

fn private(path: &Path, what: &str) -> Finding {
    let check = Check::new("file", path.display());
    match fs::metadata(path) {
        Ok(_) if access(path, Access::READ_OK | Access::WRITE_OK).is_err() => check.problem(
            "this user can neither read nor write it",
            "run as the user that runs the gateway, or give it the file",
        ),
        Ok(about) if about.permissions().mode() & 0o077 != 0 => check.warning(
            format!("others than its owner can read {what}"),
            format!("chmod 600 {}", path.display()),
        ),
        Ok(_) => check.ok(format!("its owner alone can read {what}")),
        Err(problem) => check.problem(problem.to_string(), "run as the user that runs the gateway"),
    }
}
