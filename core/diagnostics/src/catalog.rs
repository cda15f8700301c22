//! Every diagnostic code, once, with its page `docs/errors/CODE.md`: a code without a page does not compile, and `tests/tidy`
//! runs the examples of each.

/// A stable code such as `map/unknown-path`: the subject, then the matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Code(pub &'static str);

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0)
    }
}

/// A line of the catalog.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// The code.
    pub code: Code,
    /// What it means, in one line.
    pub title: &'static str,
    /// Its page, as Markdown: what it means and why, with a wrong and a right example.
    pub page: &'static str,
}

/// The line of a code, as it is written: `map/unknown-path`.
pub fn find(code: &str) -> Option<&'static Entry> {
    CATALOG.iter().find(|entry| entry.code.0 == code)
}

macro_rules! catalog {
    ($($(#[doc = $title:literal])+ $name:ident = $code:literal;)*) => {
        impl Code {
            $($(#[doc = $title])+ pub const $name: Code = Code($code);)*
        }
        /// Every code there is, sorted by subject.
        pub const CATALOG: &[Entry] = &[$(Entry {
            code: Code($code),
            title: concat!($($title),+).trim_ascii(),
            page: include_str!(concat!("../../../docs/errors/", $code, ".md")),
        },)*];
    };
}

catalog! {
    /// A file that was named cannot be read
    FILE_UNREADABLE = "file/unreadable";
    /// A YAML file is not well-formed
    YAML_SYNTAX = "yaml/syntax";
    /// A key that nothing reads
    YAML_UNKNOWN_KEY = "yaml/unknown-key";
    /// A key that must be there is not
    YAML_MISSING_KEY = "yaml/missing-key";
    /// A key stands twice in one mapping
    YAML_DUPLICATE_KEY = "yaml/duplicate-key";
    /// A value has the wrong kind or cannot be understood
    YAML_BAD_VALUE = "yaml/bad-value";
    /// YAML would read this differently from what was probably meant
    YAML_TRAP = "yaml/trap";

    /// A table's rows are not what a table must have
    TABLE_INVALID = "table/invalid";

    /// A calendar does not say what a calendar must
    CALENDAR_INVALID = "calendar/invalid";
    /// A calendar has ended, or ends soon
    CALENDAR_EXPIRED = "calendar/expired";
    /// A holiday falls on a weekend
    CALENDAR_WEEKEND = "calendar/weekend";

    /// A .proto file does not compile
    PROTO_INVALID = "proto/invalid";
    /// A rule of a .proto that Portolan does not enforce
    PROTO_UNSUPPORTED = "proto/unsupported";

    /// An XML document is not well-formed
    XML_SYNTAX = "xml/syntax";
    /// An XML document goes past a limit, or has a document type
    XML_REFUSED = "xml/refused";
    /// A WSDL does not say what it must
    WSDL_INVALID = "wsdl/invalid";
    /// Something in a WSDL that Portolan does not read
    WSDL_UNSUPPORTED = "wsdl/unsupported";
    /// A schema refers to a name that is not declared
    XSD_UNRESOLVED = "xsd/unresolved";
    /// A schema component is malformed
    XSD_INVALID = "xsd/invalid";
    /// Something in a schema that Portolan does not read
    XSD_UNSUPPORTED = "xsd/unsupported";
    /// An import would have to be fetched from the network
    XSD_NOT_LOCAL = "xsd/not-local";

    /// A layout does not say what it must, or contradicts itself
    LAYOUT_INVALID = "layout/invalid";
    /// A name that the layout does not have
    LAYOUT_UNKNOWN_NAME = "layout/unknown-name";
    /// Fields share bytes
    LAYOUT_OVERLAP = "layout/overlap";
    /// Bytes of a record of which the layout says nothing
    LAYOUT_GAP = "layout/gap";
    /// A length that disagrees with another
    LAYOUT_LENGTH = "layout/length";
    /// A record that can be two at once
    LAYOUT_AMBIGUOUS = "layout/ambiguous";
    /// A condition that can never hold
    LAYOUT_NEVER = "layout/never";

    /// Text of a copybook that is no data description
    COPYBOOK_SYNTAX = "copybook/syntax";
    /// A picture that means nothing, or does not go with its usage
    COPYBOOK_PICTURE = "copybook/picture";
    /// A copybook refers to a name that is not declared
    COPYBOOK_UNRESOLVED = "copybook/unresolved";
    /// Data descriptions that contradict each other
    COPYBOOK_INVALID = "copybook/invalid";
    /// A copybook goes past a limit
    COPYBOOK_REFUSED = "copybook/refused";
    /// Something in a copybook that Portolan does not read
    COPYBOOK_UNSUPPORTED = "copybook/unsupported";

    /// The method is not in the contract
    ROUTE_UNKNOWN_METHOD = "route/unknown-method";
    /// The operation is not in the contract
    ROUTE_UNKNOWN_OPERATION = "route/unknown-operation";
    /// The method streams, and routes serve unary methods only
    ROUTE_STREAMING = "route/streaming";
    /// The method, or what is asked of its delivery, does not fit the mode
    ROUTE_MODE = "route/mode";
    /// Two routes have one name, or serve one method
    ROUTE_DUPLICATE = "route/duplicate";
    /// The system is not configured
    ROUTE_UNKNOWN_SYSTEM = "route/unknown-system";

    /// A path names something that the contract does not have
    MAP_UNKNOWN_PATH = "map/unknown-path";
    /// A target field that must be there is not mapped
    MAP_REQUIRED_UNMAPPED = "map/required-unmapped";
    /// A source field is neither mapped nor ignored
    MAP_SOURCE_UNUSED = "map/source-unused";
    /// A target field that may be absent is not mapped
    MAP_TARGET_UNUSED = "map/target-unused";
    /// The types do not go together
    MAP_TYPE = "map/type";
    /// The value can never fit the target
    MAP_NEVER_FITS = "map/never-fits";
    /// One target field is written twice
    MAP_DUPLICATE_TARGET = "map/duplicate-target";
    /// Members of one choice or oneof are written together
    MAP_CHOICE = "map/choice";
    /// A list meets a single value
    MAP_CARDINALITY = "map/cardinality";
    /// An operand may be absent
    MAP_MAYBE_ABSENT = "map/maybe-absent";
    /// A test for absence of what is always there
    MAP_ALWAYS_PRESENT = "map/always-present";
    /// A code of the source has no row in the table
    MAP_UNCOVERED = "map/uncovered";
    /// A table that is looked up does not exist
    MAP_UNKNOWN_TABLE = "map/unknown-table";
    /// A calendar that a function asks does not exist
    MAP_UNKNOWN_CALENDAR = "map/unknown-calendar";
    /// A secret that a function uses is not configured
    MAP_UNKNOWN_SECRET = "map/unknown-secret";
    /// A rule, a row or a table can never be reached
    MAP_UNREACHABLE = "map/unreachable";
    /// A retry is asked for where it does not belong
    MAP_UNSAFE_RETRY = "map/unsafe-retry";
    /// A name means two things here
    MAP_AMBIGUOUS = "map/ambiguous";
    /// A secret stands in a mapping
    MAP_SECRET = "map/secret";

    /// An expression is not well-formed
    EXPR_SYNTAX = "expr/syntax";
    /// A function that does not exist
    EXPR_UNKNOWN_FUNCTION = "expr/unknown-function";
    /// A function was called with the wrong arguments
    EXPR_ARGUMENTS = "expr/arguments";
    /// Part of CEL that the language does not have
    EXPR_UNSUPPORTED = "expr/unsupported";

    /// The configuration contradicts itself
    CONFIG_INVALID = "config/invalid";
    /// A secret cannot be read
    CONFIG_SECRET = "config/secret";
}

#[cfg(test)]
mod tests {
    use super::CATALOG;

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<_> = CATALOG.iter().map(|e| e.code).collect();
        codes.sort();
        let all = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), all);
    }
}
