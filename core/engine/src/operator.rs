//! The engine as operators see it: the ledger's questions, and decisions about dead letters.

use std::sync::Arc;

use portolan_delivery::{
    BoxFuture, Changes, Control, Count, CutNow, DeadLetter, Failure, FaultClass, FileDecision, FileFilter,
    FileHash, FileRecord, FileView, Filter, GatewayId, MadeView, MessageId, Operator, OperatorError, Outcome,
    Page, Record, Reloaded, Resolution, RouteStatus, RouteView, SentIn, Shown, State, Status, Timestamp,
    Version, VisibleValue,
    system::{Gate, Shut},
};

use crate::{
    engine::{Engine, StartError, VersionError},
    route::{RouteMode, Served},
    translate::{Context, Question, Verdict},
    waiters::Settled,
};

/// What the console holds.
#[derive(Clone)]
pub struct EngineOperator(pub Arc<Engine>);

impl Operator for EngineOperator {
    fn list(&self, filter: Filter) -> BoxFuture<'_, Result<Page, OperatorError>> {
        Box::pin(async move { Ok(self.0.delivery.list(filter).await?) })
    }

    fn show(&self, id: MessageId) -> BoxFuture<'_, Result<Shown, OperatorError>> {
        Box::pin(async move {
            let record = self.0.record(id).await?;
            let visible = self.0.visible(&record).await;
            Ok(Shown { record, visible })
        })
    }

    fn counts(&self) -> BoxFuture<'_, Result<Vec<Count>, OperatorError>> {
        Box::pin(async move { Ok(self.0.delivery.counts().await?) })
    }

    fn retry(&self, id: MessageId, version: Version) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let record = self.0.record(id).await?;
            undecided(&record)?;
            let route = record.envelope.route;
            let bundle = match version {
                Version::Same => None,
                Version::Newest => Some(self.0.newest(&route)?.bundle),
            };
            self.0.delivery.retry(id, bundle, Timestamp::now()).await?;
            tracing::info!(%id, %route, decision = "retry", ?version, "an operator decided");
            Ok(())
        })
    }

    fn resolve(
        &self,
        id: MessageId,
        resolution: Resolution,
        version: Version,
    ) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let record = self.0.record(id).await?;
            undecided(&record)?;
            let decision = decision(&resolution);
            let outcome = self.0.outcome(&record, resolution, version).await?;
            self.0.delivery.resolve(id, outcome.clone(), Timestamp::now()).await?;
            self.0.waiters.settle(id, || Settled::Finished(outcome));
            self.0.happened.notify_one();
            tracing::info!(%id, route = %record.envelope.route, decision, "an operator decided");
            Ok(())
        })
    }

    fn files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<FileView>, OperatorError>> {
        Box::pin(async move {
            // A queue that takes no files has none.
            let Some(files) = self.0.delivery.files() else { return Ok(Vec::new()) };
            Ok(files.files(filter).await?.into_iter().map(|record| self.0.file_view(record)).collect())
        })
    }

    fn file(
        &self,
        route: Arc<str>,
        file: FileHash,
    ) -> BoxFuture<'_, Result<Option<FileView>, OperatorError>> {
        Box::pin(async move {
            let Some(files) = self.0.delivery.files() else { return Ok(None) };
            Ok(files.file(route, file).await?.map(|record| self.0.file_view(record)))
        })
    }

    fn made_files(&self, filter: FileFilter) -> BoxFuture<'_, Result<Vec<MadeView>, OperatorError>> {
        Box::pin(async move { Ok(self.0.made_files(filter).await?) })
    }

    fn sent_in(&self, messages: Vec<MessageId>) -> BoxFuture<'_, Result<Vec<SentIn>, OperatorError>> {
        Box::pin(async move { Ok(self.0.sent_in(messages).await?) })
    }

    fn cut(&self, route: Arc<str>) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        let (engine, work) = (self.0.clone(), self.0.work());
        Box::pin(async move {
            // On its own: it goes on where the operator does not wait for its end.
            let cutting = tokio::spawn(async move {
                let cut = engine.cut_now(route.clone(), Timestamp::now()).await;
                match &cut {
                    Ok(_) => tracing::info!(%route, decision = "cut", "an operator decided"),
                    Err(why) => {
                        tracing::info!(%route, decision = "cut", %why, "what an operator decided was not done")
                    }
                }
                drop(work);
                cut
            });
            cutting.await.unwrap_or_else(|error| Err(OperatorError::Refused(error.to_string())))
        })
    }

    fn decide(
        &self,
        route: Arc<str>,
        sequence: u64,
        decision: FileDecision,
    ) -> BoxFuture<'_, Result<CutNow, OperatorError>> {
        let (engine, work) = (self.0.clone(), self.0.work());
        Box::pin(async move {
            let what = match &decision {
                FileDecision::Retry => "retry",
                FileDecision::Refuse { .. } => "refuse",
            };
            let deciding = tokio::spawn(async move {
                let decided = engine.decide_file(route.clone(), sequence, decision, Timestamp::now()).await;
                match &decided {
                    Ok(_) => {
                        tracing::info!(%route, sequence, decision = what, "an operator decided of a file")
                    }
                    Err(why) => {
                        tracing::info!(%route, sequence, decision = what, %why, "what an operator decided of a file was not done");
                    }
                }
                drop(work);
                decided
            });
            deciding.await.unwrap_or_else(|error| Err(OperatorError::Refused(error.to_string())))
        })
    }

    fn release(
        &self,
        route: Arc<str>,
        file: FileHash,
        reason: Arc<str>,
    ) -> BoxFuture<'_, Result<FileView, OperatorError>> {
        Box::pin(async move {
            let released = self.0.release_file(&route, file, reason).await;
            match &released {
                Ok(record) => {
                    let name = &record.arrival.name;
                    tracing::info!(%route, file = %name, sha256 = %file, decision = "release", "an operator decided of a file");
                }
                Err(why) => {
                    tracing::info!(%route, sha256 = %file, decision = "release", %why, "what an operator decided of a file was not done");
                }
            }
            released.map(|record| self.0.file_view(record))
        })
    }

    fn routes(&self) -> BoxFuture<'_, Result<Vec<RouteView>, OperatorError>> {
        Box::pin(async move { Ok(self.0.table.load().views()) })
    }

    fn route_statuses(&self) -> BoxFuture<'_, Result<Vec<RouteStatus>, OperatorError>> {
        Box::pin(async move {
            self.0.learn_controls().await?;
            Ok(self.0.statuses(&self.0.delivery.counts().await?))
        })
    }

    fn control(&self, route: Arc<str>, control: Control) -> BoxFuture<'_, Result<(), OperatorError>> {
        Box::pin(async move {
            let counts = self.0.delivery.counts().await?;
            let known = self.0.statuses(&counts);
            if !known.iter().any(|status| status.view.route == route) {
                return Err(OperatorError::Refused(format!("there is no route {route}")));
            }
            self.0.delivery.control(route.clone(), control).await.map_err(|e| self.0.failed(e))?;
            tracing::info!(%route, control = control.name(), decision = "control", "an operator decided");
            Ok(self.0.learn_controls().await?)
        })
    }

    fn reload(&self) -> BoxFuture<'_, Result<Reloaded, OperatorError>> {
        Box::pin(async move {
            let before = self.0.table.load().views();
            match self.0.reload_routes().await {
                Ok(later) => {
                    let routes = self.0.table.load().views();
                    let changes = Changes::between(&before, &routes);
                    tracing::info!(routes = routes.len(), %changes, later, decision = "reload", "mappings and systems were read again");
                    Ok(Reloaded { routes, later })
                }
                Err(StartError::Delivery(error)) => {
                    tracing::error!(decision = "reload", %error, "nothing changed: the queue failed");
                    Err(OperatorError::Delivery(error))
                }
                Err(StartError::Load(findings)) => {
                    let brief = findings.brief();
                    tracing::error!(decision = "reload", findings = %brief, "nothing changed: the files are not sound");
                    Err(OperatorError::Findings(findings.to_string()))
                }
            }
        })
    }
}

/// Whether a message waits for a decision. Of others it is said which have to do with files, as nobody else tells what to do.
fn undecided(record: &Record) -> Result<(), OperatorError> {
    let id = record.envelope.id;
    match record.state {
        State::Dead { .. } => Ok(()),
        State::Waiting { due: Timestamp::NEVER } => Err(OperatorError::Refused(format!(
            "message {id} is not a dead letter: it gathers for the next file of its route; until that is cut, its caller can cancel the operation"
        ))),
        State::Claimed { gateway: GatewayId::FILE, .. } => Err(OperatorError::Refused(format!(
            "message {id} is not a dead letter: it is in a file, and cannot be called back; an answer settles it, and where none comes \
             in time it is a dead letter that waits for a decision"
        ))),
        _ => Err(portolan_delivery::DeliveryError::NotDead(id).into()),
    }
}

/// Whether the system says by this that it has taken the request.
fn is_ticket(route: &Served, record: &Record, reply: &[u8], context: Context<'_>) -> bool {
    route.poll.is_some()
        && matches!(
            route.translate.reply(reply, &record.payload, Question::Request, context),
            Verdict::Pending
        )
}

/// A decision by its name, for the log.
fn decision(resolution: &Resolution) -> &'static str {
    match resolution {
        Resolution::SystemReply(_) => "succeeded, with the system's reply",
        Resolution::CallerReply(_) => "succeeded, with the caller's reply",
        Resolution::Failed { .. } => "failed",
        Resolution::Discarded { .. } => "discarded",
    }
}

impl Engine {
    /// Every route that is served, held up, or has messages left.
    fn statuses(&self, counts: &[Count]) -> Vec<RouteStatus> {
        let now = Timestamp::now();
        let table = self.table.load();
        let served = table.views().into_iter().map(|view| {
            // While a probe finds out whether it is back, it is away.
            let probed = |gate: &Gate| gate.is_away().then_some(Shut::Away(now));
            let shut = self.systems.get(&view.system).gate(|gate| gate.shut(now).or_else(|| probed(gate)));
            RouteStatus { shut, ..RouteStatus::new(view) }
        });
        let mut statuses = RouteStatus::all(served.collect(), &self.held.all(), counts);
        let broker = self.delivery.broker();
        for status in &mut statuses {
            // What is accepted is queued, whether its route is still served or not.
            let direct =
                table.by_name.get(&status.view.route).is_some_and(|route| route.mode == RouteMode::Direct);
            status.broker = broker.filter(|_| !direct);
        }
        statuses
    }

    fn file_view(&self, record: FileRecord) -> FileView {
        let route = &record.arrival.route;
        let system =
            self.table.load().by_name.get(route).and_then(|route| Some(route.files.as_ref()?.system.clone()));
        let progress = self.under_way.of(route, record.arrival.hash);
        FileView { record, system, progress }
    }

    async fn record(&self, id: MessageId) -> Result<Record, OperatorError> {
        let record = self.delivery.get(id).await?;
        record.ok_or(OperatorError::Delivery(portolan_delivery::DeliveryError::NotFound(id)))
    }

    /// What the mapping with which a message came lets people see of it.
    async fn visible(&self, record: &Record) -> Vec<VisibleValue> {
        let route = self.version(&record.envelope.route, record.envelope.bundle).await;
        let Ok(route) = route else { return Vec::new() };
        let mut all = route.translate.visible_request(&record.payload);
        if let State::Dead { letter: DeadLetter { reply: Some(reply), .. }, .. } = &record.state {
            all.extend(route.translate.visible_reply(reply));
        }
        all.into_iter().map(|(path, value)| VisibleValue { path: path.to_string(), value }).collect()
    }

    /// The version of a route that is served now.
    fn newest(&self, name: &Arc<str>) -> Result<Arc<Served>, OperatorError> {
        let refused = || format!("route {name} is not served now, so it has no newest version");
        let table = self.table.load();
        table.by_name.get(name).cloned().ok_or_else(|| OperatorError::Refused(refused()))
    }

    /// What an operator found out, as the outcome that the caller is told.
    async fn outcome(
        &self,
        record: &Record,
        resolution: Resolution,
        version: Version,
    ) -> Result<Outcome, OperatorError> {
        let id = record.envelope.id;
        let failed = |status, reason, message: String| {
            let failure = Failure::new(status, FaultClass::Refused, reason, message);
            Outcome::Failed(failure.with("route", &record.envelope.route).with("message", id))
        };
        let (reply, translated) = match resolution {
            Resolution::CallerReply(bytes) => (bytes, false),
            Resolution::Failed { status, message } => {
                return Ok(failed(status, "RESOLVED_AS_FAILED", message));
            }
            Resolution::Discarded { reason } => {
                return Ok(failed(
                    Status::Cancelled,
                    "DISCARDED",
                    format!("an operator discarded the request: {reason}"),
                ));
            }
            Resolution::SystemReply(reply) => (reply, true),
        };
        let route = match version {
            Version::Newest => self.newest(&record.envelope.route)?,
            Version::Same => {
                let route = self.version(&record.envelope.route, record.envelope.bundle).await;
                route.map_err(|error| match error {
                    VersionError::Load(findings) => OperatorError::Findings(findings.to_string()),
                    VersionError::Missing(bundle) => OperatorError::Refused(format!(
                        "the version with which the message came is not kept any more ({bundle}); resolve it with --newest"
                    )),
                    other => OperatorError::Refused(other.to_string()),
                })?
            }
        };
        if !translated {
            return match route.translate.is_reply(&reply) {
                Ok(()) => Ok(Outcome::Reply(reply)),
                Err(why) => Err(OperatorError::Refused(format!(
                    "this is not a {}, which the caller expects: {why}; hand in that message as JSON (.json) or \
                     protobuf, or the system's own answer (.xml)",
                    route.response_type
                ))),
            };
        }
        let attempt = record.attempts.last().map_or(1, |a| a.number);
        let (question, context) = (route.last_question(), Context::of(&record.envelope, attempt));
        match route.translate.reply(&reply, &record.payload, question, context) {
            Verdict::Reply(bytes) => Ok(Outcome::Reply(bytes)),
            Verdict::Pending => Err(OperatorError::Refused(
                "by `until` of the mapping this reply is not the answer yet".to_owned(),
            )),
            Verdict::Refused(failure) => Ok(Outcome::Failed(failure.with("message", id))),
            Verdict::Unreadable(_) if is_ticket(&route, record, &reply, context) => Err(OperatorError::Refused(
                "this is what the system says when it takes the request; an outcome is made of the answer, which the operation of `poll` gives"
                    .to_owned(),
            )),
            Verdict::NotDone(failure) | Verdict::Unreadable(failure) => Err(OperatorError::Refused(format!(
                "the mapping makes no outcome of this reply: {}",
                if failure.personal { "its rule asks for another attempt" } else { &failure.message }
            ))),
        }
    }
}
