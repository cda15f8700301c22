//! A disk that forgets what was not synced: a SQLite VFS over the usual one, which notes every write and sync. Files are
//! really written, as a page cache would have it; beside that it knows what a power cut would leave of them.
//!
//! A SQLite VFS is a table of C functions, hence the unsafe code: here, and nowhere else.
#![allow(unsafe_code, reason = "SQLite takes a VFS only as a table of C functions")]
#![allow(clippy::missing_safety_doc, reason = "called by SQLite only")]

use std::{
    collections::HashMap,
    ffi::{CStr, CString, c_char, c_int, c_void},
    path::{Path, PathBuf},
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use rusqlite::ffi;

/// What is known of one disk.
#[derive(Default)]
pub(crate) struct Disk {
    files: Mutex<HashMap<PathBuf, Image>>,
    /// Writes fail: there is no room.
    pub(crate) full: AtomicBool,
    /// Syncs fail: the device is broken.
    pub(crate) broken: AtomicBool,
}

#[derive(Default, Clone)]
struct Image {
    synced: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Truncate(usize),
}

impl Image {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.unsynced) {
            apply(&mut self.synced, &change);
        }
    }
}

fn apply(content: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Write(offset, data) => {
            let end = offset + data.len();
            if content.len() < end {
                content.resize(end, 0);
            }
            content[*offset..end].copy_from_slice(data);
        }
        Change::Truncate(length) => content.resize(*length, 0),
    }
}

/// What a power cut leaves of the changes that were not synced.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Cut {
    /// None of them.
    Nothing,
    /// Any of them, in any order of arrival at the platter, some of them torn; by this seed.
    Some(u64),
}

impl Disk {
    /// A disk, and the name of the VFS through which it is used.
    pub(crate) fn mount(name: &str) -> (&'static Self, String) {
        let disk: &'static Self = Box::leak(Box::default());
        let c_name = CString::new(name).expect("a name").into_raw();
        unsafe {
            let usual = ffi::sqlite3_vfs_find(std::ptr::null());
            let mut vfs = std::ptr::read(usual);
            vfs.zName = c_name;
            vfs.pNext = std::ptr::null_mut();
            vfs.pAppData = std::ptr::from_ref(disk).cast_mut().cast();
            vfs.szOsFile += c_int::try_from(size_of::<File>()).expect("a size");
            vfs.xOpen = Some(open);
            vfs.xDelete = Some(delete);
            assert_eq!(ffi::sqlite3_vfs_register(Box::leak(Box::new(vfs)), 0), ffi::SQLITE_OK);
        }
        (disk, name.to_owned())
    }

    /// Writes what the power cut leaves into another folder.
    pub(crate) fn cut(&self, into: &Path, cut: Cut) {
        let files = self.files.lock().expect("files").clone();
        let mut draw = match cut {
            Cut::Nothing => None,
            Cut::Some(seed) => Some(Draw(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)),
        };
        for (path, image) in files {
            let mut content = image.synced;
            for change in &image.unsynced {
                let Some(draw) = &mut draw else { continue };
                match (draw.next() % 4, change) {
                    (0 | 1, change) => apply(&mut content, change),
                    (2, Change::Write(offset, data)) => {
                        let sectors = draw.next() % (data.len() / 512 + 1);
                        apply(&mut content, &Change::Write(*offset, data[..sectors * 512].to_vec()));
                    }
                    _ => {}
                }
            }
            std::fs::write(into.join(path.file_name().expect("a file")), content).expect("write");
        }
    }

    fn change(&self, path: &Path, change: Change) {
        self.files.lock().expect("files").entry(path.to_owned()).or_default().unsynced.push(change);
    }
}

/// Numbers that are the same for the same seed (xorshift64).
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).expect("31 bits")
    }
}

/// An open file: SQLite's part, ours, and behind it, in the same allocation, the usual VFS's.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    disk: *const Disk,
    /// Of a database or its log; null for others, which a power cut does not concern.
    path: *mut PathBuf,
}

unsafe fn usual_file(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    unsafe { file.cast::<File>().add(1).cast() }
}

unsafe fn usual(file: *mut ffi::sqlite3_file) -> (&'static ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) {
    unsafe {
        let inner = usual_file(file);
        (&*(*inner).pMethods, inner)
    }
}

unsafe fn noted(file: *mut ffi::sqlite3_file) -> (&'static Disk, Option<&'static Path>) {
    unsafe {
        let file = &*file.cast::<File>();
        (&*file.disk, file.path.as_ref().map(PathBuf::as_path))
    }
}

unsafe extern "C" fn open(
    vfs: *mut ffi::sqlite3_vfs,
    name: *const c_char,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    unsafe {
        let usual = ffi::sqlite3_vfs_find(std::ptr::null());
        let result = (*usual).xOpen.expect("xOpen")(usual, name, usual_file(file), flags, out);
        let shim = file.cast::<File>();
        (*shim).base.pMethods = if result == ffi::SQLITE_OK { &METHODS } else { std::ptr::null() };
        (*shim).disk = (*vfs).pAppData.cast();
        (*shim).path = std::ptr::null_mut();
        if result == ffi::SQLITE_OK && flags & (ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_WAL) != 0 {
            let path = PathBuf::from(CStr::from_ptr(name).to_str().expect("a path"));
            let there = std::fs::read(&path).unwrap_or_default();
            let mut files = (*(*shim).disk).files.lock().expect("files");
            files.entry(path.clone()).or_insert(Image { synced: there, unsynced: Vec::new() });
            (*shim).path = Box::into_raw(Box::new(path));
        }
        result
    }
}

unsafe extern "C" fn delete(vfs: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    unsafe {
        let disk = &*(*vfs).pAppData.cast::<Disk>();
        let path = PathBuf::from(CStr::from_ptr(name).to_str().expect("a path"));
        disk.files.lock().expect("files").remove(&path);
        let usual = ffi::sqlite3_vfs_find(std::ptr::null());
        (*usual).xDelete.expect("xDelete")(usual, name, sync)
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    unsafe {
        let path = (*file.cast::<File>()).path;
        if !path.is_null() {
            drop(Box::from_raw(path));
        }
        let (methods, inner) = usual(file);
        methods.xClose.expect("xClose")(inner)
    }
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    data: *const c_void,
    length: c_int,
    offset: ffi::sqlite3_int64,
) -> c_int {
    unsafe {
        let (disk, path) = noted(file);
        if disk.full.load(Ordering::SeqCst) {
            return ffi::SQLITE_FULL;
        }
        if let Some(path) = path {
            let data =
                std::slice::from_raw_parts(data.cast::<u8>(), usize::try_from(length).expect("length"));
            disk.change(path, Change::Write(usize::try_from(offset).expect("offset"), data.to_vec()));
        }
        let (methods, inner) = usual(file);
        methods.xWrite.expect("xWrite")(inner, data, length, offset)
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, length: ffi::sqlite3_int64) -> c_int {
    unsafe {
        let (disk, path) = noted(file);
        if let Some(path) = path {
            disk.change(path, Change::Truncate(usize::try_from(length).expect("length")));
        }
        let (methods, inner) = usual(file);
        methods.xTruncate.expect("xTruncate")(inner, length)
    }
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, _flags: c_int) -> c_int {
    // The real disk is not asked: it is the noted one that counts.
    let (disk, path) = unsafe { noted(file) };
    if disk.broken.load(Ordering::SeqCst) {
        return ffi::SQLITE_IOERR_FSYNC;
    }
    if let Some(path) = path
        && let Some(image) = disk.files.lock().expect("files").get_mut(path)
    {
        image.sync();
    }
    ffi::SQLITE_OK
}

/// Functions that only pass on to the usual VFS's file.
macro_rules! passed_on {
    ($($name:ident as $method:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {$(
        unsafe extern "C" fn $name(file: *mut ffi::sqlite3_file, $($argument: $type),*) $(-> $result)? {
            unsafe {
                let (methods, inner) = usual(file);
                methods.$method.expect("method")(inner, $($argument),*)
            }
        }
    )*};
}

passed_on! {
    read as xRead(data: *mut c_void, length: c_int, offset: ffi::sqlite3_int64) -> c_int;
    file_size as xFileSize(size: *mut ffi::sqlite3_int64) -> c_int;
    lock as xLock(level: c_int) -> c_int;
    unlock as xUnlock(level: c_int) -> c_int;
    check_reserved_lock as xCheckReservedLock(out: *mut c_int) -> c_int;
    file_control as xFileControl(operation: c_int, argument: *mut c_void) -> c_int;
    sector_size as xSectorSize() -> c_int;
    device_characteristics as xDeviceCharacteristics() -> c_int;
    shm_map as xShmMap(page: c_int, size: c_int, extend: c_int, out: *mut *mut c_void) -> c_int;
    shm_lock as xShmLock(offset: c_int, count: c_int, flags: c_int) -> c_int;
    shm_barrier as xShmBarrier();
    shm_unmap as xShmUnmap(delete: c_int) -> c_int;
}

static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
