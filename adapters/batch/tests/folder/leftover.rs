//! What a gateway that is no more had taken, and a route does not take now: it goes back to where it came from.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use portolan_batch::{FolderSource, Identity, serve};
use portolan_delivery::{
    Arrival, BoxFuture, BundleHash, Dropped, FileFate, FileHash, FileIntake, FileRoute, GatewayId,
};
use tokio::sync::Notify;

use super::*;

/// Takes nothing, in one round; knows of one file that was released, and of no other gateway that lives.
struct NotNow {
    gateway: GatewayId,
    released: Arrival,
    rounds: AtomicUsize,
    /// The first round is over.
    over: Notify,
}

impl FileIntake for NotNow {
    fn file_routes(&self) -> Vec<FileRoute> {
        if self.rounds.fetch_add(1, Ordering::Relaxed) > 0 {
            self.over.notify_one();
            return Vec::new();
        }
        vec![FileRoute { route: self.released.route.clone(), system: "office".into(), pattern: None }]
    }

    fn take_file(&self, _: Dropped) -> BoxFuture<'_, FileFate> {
        Box::pin(async { FileFate::NotNow("it is Sunday".to_owned()) })
    }

    fn gateway(&self) -> GatewayId {
        self.gateway
    }

    fn released(&self) -> BoxFuture<'_, Result<Vec<Arrival>, String>> {
        Box::pin(async { Ok(vec![self.released.clone()]) })
    }

    fn gone(&self, gateways: Vec<GatewayId>) -> BoxFuture<'_, Result<Vec<GatewayId>, String>> {
        Box::pin(async { Ok(gateways) })
    }
}

#[test]
fn what_was_released_goes_back_to_where_it_was_set_aside_and_another_of_its_name_does_not() {
    let (dir, mut folder) = drop_folder(Complete::Renamed);
    fs::write(dir.path().join("a.txt"), "released").unwrap();
    let Identity { sha256, bytes } = claim(&mut folder, "a.txt").identify().unwrap();
    // Each in the hands of a gateway that died.
    for content in ["released", "another"] {
        let taken = dir.path().join(".taking").join(GatewayId::generate().to_string());
        fs::create_dir(&taken).unwrap();
        fs::write(taken.join("a.txt"), content).unwrap();
    }
    fs::remove_file(dir.path().join(".taking/gw-1/a.txt")).unwrap();
    let intake = Arc::new(NotNow {
        gateway: GatewayId::generate(),
        released: Arrival {
            hash: FileHash(sha256),
            route: "r".into(),
            bundle: BundleHash([0; 32]),
            name: "a.txt".into(),
            bytes,
            received: NOW,
        },
        rounds: AtomicUsize::new(0),
        over: Notify::new(),
    });
    drop(folder);

    let source = FolderSource {
        system: "office".into(),
        options: FolderOptions { complete: Complete::Renamed, ..FolderOptions::new(dir.path()) },
        every: std::time::Duration::ZERO,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime.block_on(serve(vec![source], intake.clone(), intake.over.notified()));
    assert_eq!(files(dir.path()), set(["a.txt", "rejected/a.txt"]));
    assert_eq!(fs::read_to_string(dir.path().join("rejected/a.txt")).unwrap(), "released");
    assert_eq!(fs::read_to_string(dir.path().join("a.txt")).unwrap(), "another");
}
