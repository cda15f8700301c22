//! A mapping file with everything that it names: read, checked, ready to be compiled. No file is opened here; a
//! resolver finds them, on disk or in a stored bundle.

use std::{cell::RefCell, collections::HashMap, sync::Arc};

use jiff::civil::Date;
use portolan_diagnostics::{Checked, Code, Diagnostic, Severity, SourceId, Sources, Span};
use portolan_schema::{
    Contract, Reading, ResolveError, Resolved, Resolver,
    layout::{self, Layout},
    protobuf, wsdl,
};

use crate::{
    calendar::Calendar,
    check::{
        CheckedBatch, CheckedRoute, Contracts, Layouts, TargetContract, check, check_batch, check_outgoing,
    },
    csv,
    file::{
        BatchTarget, CalendarFile, FileTarget, GrpcSource, Placed, RouteTarget, Rule, SoapTarget, TableFile,
    },
    ir::{RowsFrom, Table},
    parse::{calendar, parse},
    secret::Secrets,
};

/// What stands in the gateway's configuration, and is the same for every mapping that is read with it.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Rules for headers of every request, by the system's name.
    pub headers: HashMap<String, Placed<Rule>>,
    /// Secrets that mappings may name.
    pub secrets: Secrets,
    /// The day of the reading, where it is to be told which calendars have ended.
    pub today: Option<Date>,
}

/// A route with its contracts.
#[derive(Debug, Clone)]
pub struct LoadedRoute {
    /// The route.
    pub route: CheckedRoute,
    /// What the caller speaks.
    pub source: Arc<Contract>,
    /// What the system speaks.
    pub target: Arc<Contract>,
    /// Every file that it is made of, the mapping first: what the bundle's hash covers.
    pub files: Vec<SourceId>,
}

/// A route that takes files, with its layout and contract.
#[derive(Debug, Clone)]
pub struct LoadedBatch {
    /// The route.
    pub route: CheckedBatch,
    /// The layout of its files.
    pub layout: Arc<Layout>,
    /// What the system speaks.
    pub target: TargetContract,
    /// Every file that it is made of, the mapping first.
    pub files: Vec<SourceId>,
}

/// The routes of a mapping file.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Those that answer calls.
    pub routes: Vec<LoadedRoute>,
    /// Those that take files.
    pub batches: Vec<LoadedBatch>,
}

/// As [`load_all`], of the routes that answer calls.
pub fn load(
    entry: &str,
    resolver: &dyn Resolver,
    sources: &mut Sources,
    standing: &Standing,
) -> Checked<Vec<LoadedRoute>> {
    let Checked { value, diagnostics } = load_all(entry, resolver, sources, standing);
    Checked { value: value.map(|loaded| loaded.routes), diagnostics }
}

/// Reads a mapping file and all that it names, relative to it. Routes with errors are left out of the value.
pub fn load_all(
    entry: &str,
    resolver: &dyn Resolver,
    sources: &mut Sources,
    standing: &Standing,
) -> Checked<Loaded> {
    let mapping = match resolver.resolve(entry, None) {
        Ok(resolved) => resolved,
        Err(error) => {
            let finding = Diagnostic::error(Code::FILE_UNREADABLE, error.to_string());
            return Checked { value: None, diagnostics: vec![finding] };
        }
    };
    let text = match String::from_utf8(mapping.bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let id = sources.add(mapping.name.as_str(), String::from_utf8_lossy(error.as_bytes()));
            let message = format!("`{}` is not UTF-8", mapping.name);
            let finding = Diagnostic::error(Code::FILE_UNREADABLE, message).at(Span::new(id, at..at), "");
            let finding = finding.help("save the file in UTF-8");
            return Checked { value: None, diagnostics: vec![finding] };
        }
    };
    let id = sources.add(mapping.name.as_str(), text);
    let parsed = parse(id, sources);
    let mut diagnostics = parsed.diagnostics;
    let (mut routes, mut batches) = parsed.value.map(|f| (f.routes, f.batches)).unwrap_or_default();
    let mut contracts =
        ContractCache { resolver, mapping: &mapping.name, read: HashMap::new(), layouts: HashMap::new() };
    let mut calendars =
        CalendarCache { resolver, mapping: &mapping.name, today: standing.today, read: HashMap::new() };
    let mut loaded: Vec<LoadedRoute> = Vec::new();
    for route in &mut routes {
        let known = diagnostics.len();
        let mut beside = tables(
            (&route.table_files, &mut route.tables, &mut route.broken),
            resolver,
            &mapping.name,
            sources,
            &mut diagnostics,
        );
        let calendar_files =
            calendars.fill((&mut route.calendars, &mut route.broken), sources, &mut diagnostics);
        beside.extend(calendar_files);
        if let RouteTarget::File(file) = &mut route.target {
            days_of_cut(&route.calendars, file, &mut route.broken, &mut diagnostics);
        }
        let source = contracts.proto(&route.source, sources, &mut diagnostics);
        let (source, target, checked) = match &route.target {
            RouteTarget::Soap(soap) => {
                let target = contracts.wsdl(soap, sources, &mut diagnostics);
                let (Some(source), Some(target)) = (source, target) else { continue };
                let rules = standing.headers.get(&soap.system.value);
                let between = Contracts { source: &source, target: &target };
                let checked = check(route, between, rules, &standing.secrets);
                (source, target, checked)
            }
            RouteTarget::File(file) => {
                let target = contracts.layout(&file.layout, sources, &mut diagnostics);
                let answers = file.answers.as_ref();
                let answers = answers.map(|one| contracts.layout(&one.layout, sources, &mut diagnostics));
                let (Some(source), Some((files, target))) = (source, target) else { continue };
                let answers = match answers {
                    None => None,
                    Some(Some(answers)) => Some(answers),
                    Some(None) => continue,
                };
                let layouts =
                    Layouts { target: &target, answers: answers.as_ref().map(|(_, layout)| layout) };
                let checked = check_outgoing(route, &source, layouts, &standing.secrets);
                let files = files.into_iter().chain(answers.into_iter().flat_map(|(files, _)| files));
                let contract = Contract { files: files.collect(), ..Contract::default() };
                (source, Arc::new(contract), checked)
            }
        };
        diagnostics.extend(checked.diagnostics);
        let failed = route.broken || diagnostics[known..].iter().any(|d| d.severity == Severity::Error);
        if let (Some(checked), false) = (checked.value, failed) {
            let mut files = vec![id];
            files.extend(source.files.iter().chain(&target.files).chain(&beside).filter(|f| **f != id));
            loaded.push(LoadedRoute { route: checked, source, target, files });
        }
    }
    let mut loaded = Loaded { routes: loaded, batches: Vec::new() };
    for route in &mut batches {
        let known = diagnostics.len();
        let mut beside = tables(
            (&route.table_files, &mut route.tables, &mut route.broken),
            resolver,
            &mapping.name,
            sources,
            &mut diagnostics,
        );
        let calendar_files =
            calendars.fill((&mut route.calendars, &mut route.broken), sources, &mut diagnostics);
        beside.extend(calendar_files);
        if let BatchTarget::Batch(file) = &mut route.target {
            days_of_cut(&route.calendars, file, &mut route.broken, &mut diagnostics);
        }
        let layout = contracts.layout(&route.source.layout, sources, &mut diagnostics);
        let target = contracts.of_target(&route.target, sources, &mut diagnostics);
        let told = match &route.acknowledge {
            None => Some(None),
            Some(rules) => contracts.layout(&rules.layout, sources, &mut diagnostics).map(Some),
        };
        let (Some(layout), Some(target), Some(told)) = (layout, target, told) else { continue };
        let system = match &route.target {
            BatchTarget::Soap(soap) => standing.headers.get(&soap.system.value),
            _ => None,
        };
        let checked = check_batch(
            route,
            &layout.1,
            &target.0,
            told.as_ref().map(|(_, layout)| layout),
            system,
            &standing.secrets,
        );
        diagnostics.extend(checked.diagnostics);
        let failed = route.broken || diagnostics[known..].iter().any(|d| d.severity == Severity::Error);
        if let (Some(checked), false) = (checked.value, failed) {
            let mut files = vec![id];
            let named = layout.0.iter().chain(&target.1).chain(told.iter().flat_map(|(files, _)| files));
            files.extend(named.chain(&beside).filter(|f| **f != id));
            loaded.batches.push(LoadedBatch { route: checked, layout: layout.1, target: target.0, files });
        }
    }
    // What is offered can be done.
    for finding in &mut diagnostics {
        finding.edit = finding.edit.take().filter(|edit| edit.place(sources).is_some());
    }
    Checked { value: Some(loaded), diagnostics: bounded(diagnostics) }
}

/// Gives a cut the business days on which it is made.
fn days_of_cut(
    calendars: &[CalendarFile],
    file: &mut FileTarget,
    broken: &mut bool,
    findings: &mut Vec<Diagnostic>,
) {
    let Some(cut) = &mut file.cut else { return };
    let Some(named) = &cut.value.calendar else { return };
    match calendars.iter().find(|calendar| *calendar.name.value == *named.value) {
        Some(calendar) => cut.value.days = calendar.calendar.clone(),
        None => {
            *broken = true;
            let message = format!("there is no calendar `{}`", named.value);
            let finding = Diagnostic::error(Code::MAP_UNKNOWN_CALENDAR, message).at(named.span, "");
            let finding =
                finding.did_you_mean(&named.value, calendars.iter().map(|calendar| &*calendar.name.value));
            findings.push(finding.help("calendars stand under `calendars:`"));
        }
    }
}

/// Fills the tables whose rows stand in files, and gives these.
fn tables(
    (files, tables, broken): (&[(usize, TableFile)], &mut [Table], &mut bool),
    resolver: &dyn Resolver,
    mapping: &str,
    sources: &mut Sources,
    findings: &mut Vec<Diagnostic>,
) -> Vec<SourceId> {
    let mut read = Vec::new();
    for (index, file) in files {
        let help = "save it as UTF-8: spreadsheets offer that as a kind of CSV";
        let rows = match text_beside(&file.file, resolver, mapping, sources, help) {
            Err(finding) => Err(finding),
            Ok((id, text)) => {
                read.push(id);
                Ok(csv::read(id, &text, file, findings))
            }
        };
        match (rows, tables.get_mut(*index)) {
            (Ok(Some(rows)), Some(table)) => {
                table.rows = rows.rows;
                table.origin = RowsFrom::File;
                table.places.extend(rows.places);
            }
            (Err(finding), _) => {
                findings.push(finding);
                *broken = true;
            }
            _ => *broken = true,
        }
    }
    read
}

/// The text of a file that the mapping names, which joins the sources. `help`: how it becomes UTF-8.
fn text_beside(
    file: &Placed<String>,
    resolver: &dyn Resolver,
    mapping: &str,
    sources: &mut Sources,
    help: &str,
) -> Result<(SourceId, String), Diagnostic> {
    let unreadable =
        |message: String| Diagnostic::error(Code::FILE_UNREADABLE, message).at(file.span, "named here");
    let found =
        resolver.resolve(&file.value, Some(mapping)).map_err(|error| unreadable(error.to_string()))?;
    let text = String::from_utf8(found.bytes)
        .map_err(|_| unreadable(format!("`{}` is not UTF-8", found.name)).help(help))?;
    Ok((sources.add(found.name.as_str(), text.clone()), text))
}

/// A calendar's file, and what it says where it has no errors.
type ReadCalendar = (SourceId, Option<Arc<Calendar>>);

/// Calendars that several routes of a file share are read once, and their findings reported once.
struct CalendarCache<'a> {
    resolver: &'a dyn Resolver,
    mapping: &'a str,
    today: Option<Date>,
    read: HashMap<String, Option<ReadCalendar>>,
}

impl CalendarCache<'_> {
    /// Reads the calendars of a route, and gives their files.
    fn fill(
        &mut self,
        (calendars, broken): (&mut [CalendarFile], &mut bool),
        sources: &mut Sources,
        findings: &mut Vec<Diagnostic>,
    ) -> Vec<SourceId> {
        let mut files = Vec::new();
        for one in calendars {
            let read = match self.read.get(&one.file.value) {
                Some(known) => known.clone(),
                None => {
                    let read = self.one(&one.file, sources, findings);
                    self.read.insert(one.file.value.clone(), read.clone());
                    read
                }
            };
            if let Some((id, calendar)) = read {
                files.push(id);
                one.calendar = calendar;
            }
            *broken |= one.calendar.is_none();
        }
        files
    }

    fn one(
        &self,
        file: &Placed<String>,
        sources: &mut Sources,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<ReadCalendar> {
        match text_beside(file, self.resolver, self.mapping, sources, "save it as UTF-8") {
            Ok((id, text)) => Some((id, calendar(id, &text, self.today, findings).map(Arc::new))),
            Err(finding) => {
                findings.push(finding);
                None
            }
        }
    }
}

/// Nobody reads more findings of one file, and each takes its time to be shown.
const MAX_FINDINGS: usize = 1000;

/// The first of too many findings; what is left out weighs as much as its heaviest.
fn bounded(mut findings: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let more = findings.split_off(findings.len().min(MAX_FINDINGS));
    if let Some(severity) = more.iter().map(|d| d.severity).max() {
        let mut last =
            Diagnostic::error(Code::YAML_BAD_VALUE, format!("{} more findings are not shown", more.len()));
        last.severity = severity;
        findings.push(last);
    }
    findings
}

/// Contracts that several routes of a file share are read once, and their findings reported once.
struct ContractCache<'a> {
    resolver: &'a dyn Resolver,
    mapping: &'a str,
    read: HashMap<String, Option<Arc<Contract>>>,
    layouts: HashMap<String, Option<ReadLayout>>,
}

/// The files that a layout is made of, and what they say.
type ReadLayout = (Vec<SourceId>, Arc<Layout>);

/// Remembers which files were asked for.
struct Seen<'a> {
    inner: &'a dyn Resolver,
    names: RefCell<Vec<String>>,
}

impl Resolver for Seen<'_> {
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError> {
        let resolved = self.inner.resolve(location, from)?;
        self.names.borrow_mut().push(resolved.name.clone());
        Ok(resolved)
    }
}

impl ContractCache<'_> {
    fn proto(
        &mut self,
        source: &GrpcSource,
        sources: &mut Sources,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Contract>> {
        let paths: Vec<String> = source.import_paths.iter().map(|p| p.value.clone()).collect();
        let key = format!("{}\n{}", source.proto.value, paths.join("\n"));
        let beside = Beside { inner: self.resolver, mapping: self.mapping, stand_ins: HashMap::new() };
        self.contract(key, source.proto.span, findings, |findings| {
            let read =
                protobuf::read(&source.proto.value, &paths, &mut Reading { resolver: &beside, sources });
            findings.extend(read.diagnostics);
            read.value
        })
    }

    fn wsdl(
        &mut self,
        target: &SoapTarget,
        sources: &mut Sources,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Contract>> {
        let stand_ins: HashMap<String, String> =
            target.schemas.iter().map(|(url, file)| (url.value.clone(), file.value.clone())).collect();
        let mut pairs: Vec<String> = stand_ins.iter().map(|(url, file)| format!("{url} {file}")).collect();
        pairs.sort();
        let key = format!("{}\n{}", target.wsdl.value, pairs.join("\n"));
        let beside = Beside { inner: self.resolver, mapping: self.mapping, stand_ins };
        self.contract(key, target.wsdl.span, findings, |findings| {
            let read = wsdl::read(&target.wsdl.value, &mut Reading { resolver: &beside, sources });
            findings.extend(read.diagnostics);
            read.value
        })
    }

    /// A layout, with every file that it is made of.
    fn layout(
        &mut self,
        named: &Placed<String>,
        sources: &mut Sources,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<ReadLayout> {
        if let Some(known) = self.layouts.get(&named.value) {
            return known.clone();
        }
        let beside = Beside { inner: self.resolver, mapping: self.mapping, stand_ins: HashMap::new() };
        let seen = Seen { inner: &beside, names: RefCell::default() };
        let read = layout::read(&named.value, &mut Reading { resolver: &seen, sources });
        let failed = read.diagnostics.iter().any(|d| d.severity == Severity::Error);
        // What a layout says nothing of is told by checking the layout itself.
        let told = read.diagnostics.into_iter().filter(|d| d.severity != Severity::Note);
        findings.extend(told.map(|d| match d.labels.is_empty() {
            true => d.at(named.span, "named here").help("paths are relative to the folder of this file"),
            false => d,
        }));
        let names = seen.names.into_inner();
        let files = sources.iter().filter(|(_, file)| names.iter().any(|name| **name == *file.name));
        let files: Vec<SourceId> = files.map(|(id, _)| id).collect();
        let layout = read.value.filter(|_| !failed).map(|layout| (files, Arc::new(layout)));
        self.layouts.insert(named.value.clone(), layout.clone());
        layout
    }

    /// What the other side of a file route speaks.
    fn of_target(
        &mut self,
        target: &BatchTarget,
        sources: &mut Sources,
        findings: &mut Vec<Diagnostic>,
    ) -> Option<(TargetContract, Vec<SourceId>)> {
        let contract = match target {
            BatchTarget::Grpc { grpc, .. } => self.proto(grpc, sources, findings)?,
            BatchTarget::Soap(soap) => self.wsdl(soap, sources, findings)?,
            BatchTarget::Batch(file) => {
                let (files, layout) = self.layout(&file.layout, sources, findings)?;
                return Some((TargetContract::Layout(layout), files));
            }
        };
        let files = contract.files.clone();
        Some((TargetContract::Services(contract), files))
    }

    fn contract(
        &mut self,
        key: String,
        named: Span,
        findings: &mut Vec<Diagnostic>,
        read: impl FnOnce(&mut Vec<Diagnostic>) -> Option<Contract>,
    ) -> Option<Arc<Contract>> {
        if let Some(known) = self.read.get(&key) {
            return known.clone();
        }
        let mut found = Vec::new();
        let contract = read(&mut found);
        let failed = found.iter().any(|d| d.severity == Severity::Error);
        // A file that is not there has no place of its own: it is missed where the mapping names it.
        findings.extend(found.into_iter().map(|d| match d.labels.is_empty() {
            true => d.at(named, "named here").help("paths are relative to the folder of this file"),
            false => d,
        }));
        let contract = contract.filter(|_| !failed).map(Arc::new);
        self.read.insert(key, contract.clone());
        contract
    }
}

/// Files as the mapping file sees them: relative to it, with local stand-ins for what is on the network.
struct Beside<'a> {
    inner: &'a dyn Resolver,
    mapping: &'a str,
    stand_ins: HashMap<String, String>,
}

impl Resolver for Beside<'_> {
    fn resolve(&self, location: &str, from: Option<&str>) -> Result<Resolved, ResolveError> {
        match self.stand_ins.get(location) {
            Some(local) => self.inner.resolve(local, Some(self.mapping)),
            None => self.inner.resolve(location, Some(from.unwrap_or(self.mapping))),
        }
    }
}
