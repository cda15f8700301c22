//! Bundles: the files of one route at one version, known by their hash, from which the route can be made again after a
//! restart or on another gateway.

use bytes::Bytes;
use portolan_delivery::BundleHash;
use portolan_schema::Memory;
use sha2::{Digest, Sha256};

/// The files of a route.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Bundle {
    /// The mapping file.
    pub entry: String,
    /// Which of its routes.
    pub route: String,
    /// Every file that was read, by name, sorted; the mapping file among them.
    pub files: Vec<(String, String)>,
}

impl Bundle {
    /// From the files in the order in which they were read.
    pub fn new(
        entry: impl Into<String>,
        route: impl Into<String>,
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let mut files: Vec<_> = files.into_iter().collect();
        files.sort();
        files.dedup();
        Self { entry: entry.into(), route: route.into(), files }
    }

    /// What is kept, and the hash by which it is found: SHA-256 of the same with names that begin in the folder which all
    /// files have in common, so that it does not matter where that lies.
    pub fn seal(&self) -> Result<(BundleHash, Bytes), serde_json::Error> {
        let hash = Sha256::digest(serde_json::to_vec(&self.within_common_folder())?);
        Ok((BundleHash(hash.into()), serde_json::to_vec(self)?.into()))
    }

    fn within_common_folder(&self) -> Self {
        let mut common = folder(&self.entry);
        for (name, _) in &self.files {
            while !name.starts_with(common) {
                common = folder(common.trim_end_matches('/'));
            }
        }
        let within = |name: &str| name[common.len()..].to_owned();
        let files = self.files.iter().map(|(name, text)| (within(name), text.clone()));
        Self { entry: within(&self.entry), route: self.route.clone(), files: files.collect() }
    }

    /// Reads what was kept.
    pub fn open(content: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(content)
    }

    /// The files, for readers.
    pub fn resolver(&self) -> Memory {
        self.files.iter().fold(Memory::default(), |memory, (name, text)| {
            memory.with(name.clone(), text.clone().into_bytes())
        })
    }
}

/// Of a file's name, with the slash at its end.
fn folder(name: &str) -> &str {
    &name[..name.rfind('/').map_or(0, |slash| slash + 1)]
}

#[cfg(test)]
mod tests {
    use super::Bundle;

    #[test]
    fn the_hash_follows_the_content_and_not_the_order_of_reading() {
        let file = |n: &str, t: &str| (n.to_owned(), t.to_owned());
        let one = Bundle::new("m.yaml", "r", [file("m.yaml", "a"), file("p.proto", "b")]);
        let other = Bundle::new("m.yaml", "r", [file("p.proto", "b"), file("m.yaml", "a")]);
        let changed = Bundle::new("m.yaml", "r", [file("p.proto", "c"), file("m.yaml", "a")]);
        let (hash, content) = one.seal().unwrap();
        assert_eq!(hash, other.seal().unwrap().0);
        assert_ne!(hash, changed.seal().unwrap().0);
        assert_eq!(Bundle::open(&content).unwrap(), one);
    }

    #[test]
    fn the_hash_does_not_follow_the_place() {
        let hash = |folder: &str, shared: &str| {
            let files =
                [("m/m.yaml", "a"), (shared, "b")].map(|(n, t)| (format!("{folder}{n}"), t.to_owned()));
            Bundle::new(format!("{folder}m/m.yaml"), "r", files).seal().unwrap().0
        };
        let here = hash("", "m/p.proto");
        for folder in ["mappings/", "../a/mappings/", "/etc/portolan/"] {
            assert_eq!(hash(folder, "m/p.proto"), here, "{folder}");
            assert_eq!(hash(folder, "mm/p.proto"), hash("", "mm/p.proto"), "{folder}");
        }
        assert_ne!(hash("", "mm/p.proto"), here, "another place among the files is another version");
    }
}
