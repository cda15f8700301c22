//! A message over which every gateway dies: it ends as a dead letter, and what was at work beside it does not.

use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use serde_json::Value;

use crate::{
    harness::{
        Backend, Client, Gateway, House, Operation, OperationState, OrderRequest, Reaction, block_on, until,
    },
    site::Site,
};

const PATIENCE: Duration = Duration::from_secs(60);
/// More than are at work at a time.
const INNOCENTS: usize = 300;
const ROUTE: &str = "orders.later-again";

/// Whoever serves a house now.
type Server = Arc<Mutex<Option<Gateway>>>;

/// A system that kills its gateway when it is asked the order `poison`, and tells the gateway's number.
async fn deadly(number: usize, server: Server, deaths: mpsc::Sender<usize>) -> Backend {
    Backend::counting(move |asked, _| {
        if asked.key == "poison" {
            // It may be asked before the test knows that the gateway is up.
            let gateway = loop {
                match server.lock().unwrap().take() {
                    Some(gateway) => break gateway,
                    None => std::thread::sleep(Duration::from_millis(5)),
                }
            };
            gateway.kill();
            deaths.send(number).unwrap();
        }
        // Long enough that many are at work when one dies.
        Reaction::TakeSlowly(Duration::from_millis(100))
    })
    .await
}

/// A gateway's house and system.
struct Post {
    house: House,
    server: Server,
    backend: Backend,
}

impl Post {
    async fn new(mut house: House, number: usize, deaths: mpsc::Sender<usize>) -> Self {
        let server = Server::default();
        let backend = deadly(number, server.clone(), deaths).await;
        house.system("orders", &format!("endpoint: 'http://{}/soap', max-concurrency: 32", backend.address));
        let post = Self { house, server, backend };
        post.man();
        post
    }

    fn man(&self) {
        let gateway = tokio::task::block_in_place(|| self.house.serve());
        *self.server.lock().unwrap() = Some(gateway);
    }

    fn with<T>(&self, ask: impl FnOnce(&Gateway) -> T) -> Option<T> {
        self.server.lock().unwrap().as_ref().map(ask)
    }

    /// The dead letters; nothing where the gateway dies over the question.
    fn dead(&self) -> Option<Vec<Value>> {
        let admin = self.with(|gateway| gateway.http.to_string())?;
        let asked = ["queue", "list", "--state", "dead", "--format", "json", "--admin", &admin];
        let told = self.house.run(&asked);
        let told: Value = serde_json::from_slice(&told.stdout).ok()?;
        told["messages"].as_array().cloned()
    }
}

/// Many orders, of which one of the first is poison.
async fn begin(client: &Client) -> Vec<Operation> {
    let mut innocents = Vec::new();
    for n in 0..INNOCENTS {
        if n == 20 {
            client.begin("LaterAgain", OrderRequest::new("poison")).await.unwrap();
        }
        innocents.push(client.begin("LaterAgain", OrderRequest::new(format!("order-{n}"))).await.unwrap());
    }
    innocents
}

async fn a_poison_message_is_the_only_dead_letter(houses: Vec<House>) {
    let (told, deaths) = mpsc::channel();
    let mut posts = Vec::new();
    for (number, house) in houses.into_iter().enumerate() {
        posts.push(Post::new(house, number, told.clone()).await);
    }
    let first = &posts[0];
    first.with(|gateway| gateway.operator(&first.house, &["routes", "pause", ROUTE])).unwrap();
    let innocents = begin(&Client::connect(first.with(|gateway| gateway.grpc).unwrap()).await).await;
    first.with(|gateway| gateway.operator(&first.house, &["routes", "resume", ROUTE])).unwrap();
    let mut died = 0;
    let dead = until("the poison message is a dead letter", async || {
        while let Ok(number) = deaths.try_recv() {
            died += 1;
            posts[number].man();
        }
        first.dead().filter(|dead| !dead.is_empty())
    })
    .await;
    assert_eq!(dead[0]["failure"]["class"], "POISON", "{dead:?}");
    let client = Client::connect(first.with(|gateway| gateway.grpc).expect("nobody dies any more")).await;
    for operation in &innocents {
        let ended = client.wait(&operation.name, PATIENCE).await.unwrap();
        assert_eq!(ended.about().state(), OperationState::Succeeded, "{ended:?}");
    }
    assert_eq!(first.dead(), Some(dead), "it is the only one");
    let asked = |post: &Post| post.backend.counts().values().sum::<usize>();
    let repeated = posts.iter().map(asked).sum::<usize>() - died - INNOCENTS;
    println!("{died} gateways died, and with them {repeated} attempts of innocent messages");
    assert!(repeated > 0, "no innocent message was at work beside the poison");
}

#[test]
fn on_sqlite_a_poison_message_is_the_only_dead_letter() {
    block_on(a_poison_message_is_the_only_dead_letter(vec![House::orders("127.0.0.1:9".parse().unwrap())]));
}

#[test]
fn with_two_gateways_a_poison_message_is_the_only_dead_letter() {
    block_on(async {
        let site = Site::new("127.0.0.1:9".parse().unwrap());
        a_poison_message_is_the_only_dead_letter(vec![site.house(), site.house()]).await;
    });
}
