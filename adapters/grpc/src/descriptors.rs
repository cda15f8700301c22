//! The descriptors of what is served, found by file, symbol and extension. Rebuilt when the routes have changed, and only
//! when somebody asks: calls never wait for it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use bytes::Bytes;
use parking_lot::Mutex;
use portolan_delivery::Intake;
use prost::Message as _;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, ServiceDescriptorProto,
};
use protox::file::{ChainFileResolver, File as ProtoFile, FileResolver, GoogleFileResolver};

use crate::{built_in::BuiltIn, renamed::renamed};

/// The index of the routes as they are now.
#[derive(Default)]
pub(crate) struct Descriptors {
    newest: Mutex<Option<(u64, Arc<Index>)>>,
}

impl Descriptors {
    /// The index, rebuilt where the intake's descriptors are others than the last time.
    pub(crate) fn current(&self, intake: &dyn Intake) -> Arc<Index> {
        let (generation, sets) = intake.descriptors();
        let mut newest = self.newest.lock();
        match &*newest {
            Some((known, index)) if *known == generation => Arc::clone(index),
            _ => {
                let index = Arc::new(Index::build(sets.iter().map(|set| Bytes::copy_from_slice(set))));
                *newest = Some((generation, Arc::clone(&index)));
                index
            }
        }
    }
}

/// Files by what they contain. Where two have one name, which says little of files of different folders, the second gets
/// another; where two symbols have, the first stays. Routes come before what the source itself serves.
#[derive(Default)]
pub(crate) struct Index {
    files: HashMap<Arc<str>, File>,
    symbols: HashMap<String, Arc<str>>,
    extensions: HashMap<String, BTreeMap<i32, Arc<str>>>,
    /// Files that got another name, by their own, as they came.
    renamed: HashMap<String, Vec<(Bytes, String)>>,
    /// The paths of each service's methods.
    services: BTreeMap<String, Vec<String>>,
}

struct File {
    /// As it came.
    original: Bytes,
    /// As it is shown: options that only the caller knows are still in it.
    bytes: Bytes,
    dependencies: Vec<String>,
}

/// A `FileDescriptorSet` whose files are left as they are.
#[derive(Clone, PartialEq, prost::Message)]
struct RawSet {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    files: Vec<Bytes>,
}

impl Index {
    fn build(routes: impl Iterator<Item = Bytes>) -> Self {
        let own = [
            Bytes::from_static(tonic_health::pb::FILE_DESCRIPTOR_SET),
            Bytes::from_static(tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET),
            Bytes::from_static(tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET),
            operations(),
        ];
        let mut index = Self::default();
        for set in routes.chain(own) {
            match RawSet::decode(set) {
                Ok(set) => index.add_set(set.files),
                Err(_) => tracing::warn!("a set of descriptors cannot be read; reflection leaves it out"),
            }
        }
        index
    }

    /// Adds files that import one another.
    fn add_set(&mut self, files: Vec<Bytes>) {
        let files: Vec<(Bytes, FileDescriptorProto)> = files
            .into_iter()
            .filter_map(|bytes| {
                let file = FileDescriptorProto::decode(bytes.clone());
                file.map_err(|_| tracing::warn!("a file descriptor cannot be read; reflection leaves it out"))
                    .ok()
                    .map(|file| (bytes, file))
            })
            .collect();
        let mut names = HashMap::new();
        for (bytes, file) in &files {
            names.extend(self.other_name(bytes, file).map(|other| (file.name().to_owned(), other)));
        }
        for (original, file) in files {
            let touched =
                names.contains_key(file.name()) || file.dependency.iter().any(|d| names.contains_key(d));
            let other = touched.then(|| renamed(&original, &names)).flatten();
            match other.map(|bytes| (FileDescriptorProto::decode(bytes.clone()), bytes)) {
                Some((Ok(file), bytes)) => self.add(original, bytes, file),
                _ => self.add(original.clone(), original, file),
            }
        }
    }

    /// Another name for a file whose own is that of a different one, unless all that it says is known already.
    fn other_name(&mut self, bytes: &Bytes, file: &FileDescriptorProto) -> Option<String> {
        let known = self.files.get(file.name())?;
        // The same proto compiled twice may differ in bytes; well-known ones often do.
        if known.original == *bytes || file.name().starts_with("google/") {
            return None;
        }
        let others = self.renamed.entry(file.name().to_owned()).or_default();
        if let Some((_, other)) = others.iter().find(|(known, _)| known == bytes) {
            return Some(other.clone());
        }
        let mut symbols = symbols_of(file);
        if symbols.all(|symbol| self.symbols.contains_key(&symbol)) {
            let name = file.name();
            tracing::warn!(file = %name, "two routes have different files that define the same; reflection shows the first");
            return None;
        }
        let stem = file.name().strip_suffix(".proto").unwrap_or(file.name());
        let other = (2..)
            .map(|n| format!("{stem}-{n}.proto"))
            .find(|name| !self.files.contains_key(name.as_str()))?;
        others.push((bytes.clone(), other.clone()));
        Some(other)
    }

    fn add(&mut self, original: Bytes, bytes: Bytes, file: FileDescriptorProto) {
        let name: Arc<str> = Arc::from(file.name());
        if self.files.contains_key(&name) {
            return;
        }
        let mut contents = Contents { index: self, file: Arc::clone(&name) };
        let package = file.package().to_owned();
        file.message_type.iter().for_each(|message| contents.message(&package, message));
        file.enum_type.iter().for_each(|enumeration| contents.enumeration(&package, enumeration));
        file.extension.iter().for_each(|field| contents.field(&package, field));
        file.service.iter().for_each(|service| contents.service(&package, service));
        self.files.insert(name, File { original, bytes, dependencies: file.dependency });
    }

    /// Whether a method of this service is served now.
    pub(crate) fn serves(&self, intake: &dyn Intake, reflection: bool, service: &str) -> bool {
        self.services.get(service).is_some_and(|methods| {
            methods.iter().any(|path| BuiltIn::find(path, reflection).is_some() || intake.serves(path))
        })
    }

    /// The services of which a method is served now.
    pub(crate) fn services(&self, intake: &dyn Intake, reflection: bool) -> Vec<String> {
        self.services.keys().filter(|name| self.serves(intake, reflection, name)).cloned().collect()
    }

    /// A file and all that it imports, itself first.
    pub(crate) fn file(&self, name: &str) -> Option<Vec<Vec<u8>>> {
        let mut seen = HashSet::from([name]);
        let mut files = vec![self.files.get(name)?];
        let mut next = 0;
        while let Some(file) = files.get(next) {
            let imports = file.dependencies.iter().filter(|import| seen.insert(import.as_str()));
            let imports: Vec<_> = imports.filter_map(|import| self.files.get(import.as_str())).collect();
            files.extend(imports);
            next += 1;
        }
        Some(files.into_iter().map(|file| file.bytes.to_vec()).collect())
    }

    /// The file with this symbol, and all that it imports.
    pub(crate) fn symbol(&self, name: &str) -> Option<Vec<Vec<u8>>> {
        self.file(self.symbols.get(name.strip_prefix('.').unwrap_or(name))?)
    }

    /// The file that extends this type by this number, and all that it imports.
    pub(crate) fn extension(&self, extended: &str, number: i32) -> Option<Vec<Vec<u8>>> {
        self.file(self.extensions.get(extended)?.get(&number)?)
    }

    /// The numbers by which this type is extended; `None` where there is no such type.
    pub(crate) fn extension_numbers(&self, extended: &str) -> Option<Vec<i32>> {
        match self.extensions.get(extended) {
            Some(numbers) => Some(numbers.keys().copied().collect()),
            None => self.symbols.contains_key(extended).then(Vec::new),
        }
    }
}

/// What a file defines at its top.
fn symbols_of(file: &FileDescriptorProto) -> impl Iterator<Item = String> {
    let names = file.message_type.iter().map(|m| m.name());
    let names =
        names.chain(file.enum_type.iter().map(|e| e.name())).chain(file.service.iter().map(|s| s.name()));
    names.map(
        |name| if file.package().is_empty() { name.to_owned() } else { format!("{}.{name}", file.package()) },
    )
}

/// What a file contains, on its way into the index.
struct Contents<'a> {
    index: &'a mut Index,
    file: Arc<str>,
}

impl Contents<'_> {
    fn symbol(&mut self, scope: &str, name: &str) -> String {
        let full = if scope.is_empty() { name.to_owned() } else { format!("{scope}.{name}") };
        self.index.symbols.entry(full.clone()).or_insert_with(|| Arc::clone(&self.file));
        full
    }

    fn message(&mut self, scope: &str, message: &DescriptorProto) {
        let scope = self.symbol(scope, message.name());
        message.nested_type.iter().for_each(|nested| self.message(&scope, nested));
        message.enum_type.iter().for_each(|enumeration| self.enumeration(&scope, enumeration));
        message.field.iter().chain(&message.extension).for_each(|field| self.field(&scope, field));
        for oneof in &message.oneof_decl {
            self.symbol(&scope, oneof.name());
        }
    }

    fn enumeration(&mut self, scope: &str, enumeration: &EnumDescriptorProto) {
        self.symbol(scope, enumeration.name());
        // Values are siblings of their type, as in C++.
        for value in &enumeration.value {
            self.symbol(scope, value.name());
        }
    }

    fn field(&mut self, scope: &str, field: &FieldDescriptorProto) {
        self.symbol(scope, field.name());
        if let Some(extended) = &field.extendee {
            let extended = extended.strip_prefix('.').unwrap_or(extended).to_owned();
            let numbers = self.index.extensions.entry(extended).or_default();
            numbers.entry(field.number()).or_insert_with(|| Arc::clone(&self.file));
        }
    }

    fn service(&mut self, scope: &str, service: &ServiceDescriptorProto) {
        let name = self.symbol(scope, service.name());
        for method in &service.method {
            self.symbol(&name, method.name());
        }
        let paths = service.method.iter().map(|method| format!("/{name}/{}", method.name())).collect();
        self.index.services.entry(name).or_insert(paths);
    }
}

/// The contracts under `proto/` that the source itself speaks: operations, their metadata, and the details of errors.
const OWN_PROTOS: [(&str, &str); 8] = [
    ("google/api/annotations.proto", include_str!("../../../proto/google/api/annotations.proto")),
    ("google/api/client.proto", include_str!("../../../proto/google/api/client.proto")),
    ("google/api/http.proto", include_str!("../../../proto/google/api/http.proto")),
    ("google/rpc/status.proto", include_str!("../../../proto/google/rpc/status.proto")),
    ("google/rpc/code.proto", include_str!("../../../proto/google/rpc/code.proto")),
    ("google/rpc/error_details.proto", include_str!("../../../proto/google/rpc/error_details.proto")),
    (
        "google/longrunning/operations.proto",
        include_str!("../../../proto/google/longrunning/operations.proto"),
    ),
    ("portolan/v1/operation.proto", include_str!("../../../proto/portolan/v1/operation.proto")),
];

struct OwnProtos;

impl FileResolver for OwnProtos {
    fn open_file(&self, name: &str) -> Result<ProtoFile, protox::Error> {
        match OWN_PROTOS.iter().find(|(known, _)| *known == name) {
            Some((name, source)) => ProtoFile::from_source(name, source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// Compiled when reflection is first asked: most gateways are never.
fn operations() -> Bytes {
    let mut resolver = ChainFileResolver::new();
    resolver.add(OwnProtos);
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    match compiler.open_files(OWN_PROTOS.map(|(name, _)| name)) {
        Ok(compiler) => compiler.encode_file_descriptor_set().into(),
        Err(error) => {
            tracing::warn!(%error, "the gateway's own contracts do not compile; reflection leaves them out");
            Bytes::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use prost_types::FileDescriptorSet;

    use super::*;

    fn file(name: &str, package: &str, imports: &[&str], message: &str) -> FileDescriptorProto {
        FileDescriptorProto {
            name: Some(name.to_owned()),
            package: Some(package.to_owned()),
            dependency: imports.iter().map(|i| (*i).to_owned()).collect(),
            message_type: vec![DescriptorProto { name: Some(message.to_owned()), ..Default::default() }],
            ..Default::default()
        }
    }

    #[test]
    fn files_of_one_name_are_both_served() {
        let set = |package: &str| {
            let types = file("types.proto", &format!("{package}.types"), &[], "Rate");
            let file = vec![types, file("vat.proto", package, &["types.proto"], "Check")];
            // What prost does not know of stays: a field of a number that no descriptor has.
            let mut set = Bytes::from(FileDescriptorSet { file }.encode_to_vec());
            let mut raw = RawSet::decode(&mut set).unwrap();
            raw.files =
                raw.files.into_iter().map(|f| [&f[..], &[0xfa, 0x3f, 1, 7]].concat().into()).collect();
            Bytes::from(raw.encode_to_vec())
        };
        let index = Index::build([set("a"), set("b"), set("b")].into_iter());
        let shown = |symbol: &str| {
            let files = index.symbol(symbol).unwrap();
            assert!(files.iter().all(|f| f.ends_with(&[0xfa, 0x3f, 1, 7])));
            let files = files.iter().map(|f| FileDescriptorProto::decode(&f[..]).unwrap());
            files.map(|f| format!("{} {} {:?}", f.name(), f.package(), f.dependency)).collect::<Vec<_>>()
        };
        assert_eq!(shown("a.Check"), ["vat.proto a [\"types.proto\"]", "types.proto a.types []"]);
        assert_eq!(shown("b.Check"), ["vat-2.proto b [\"types-2.proto\"]", "types-2.proto b.types []"]);
        assert!(index.file("vat-3.proto").is_none());
    }
}
