//! Every folder under `mappings/` is a test by being there: what each sample says in JSON and XML is what the mapping
//! makes of it.
