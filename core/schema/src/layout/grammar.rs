//! The keys of layout files.

use portolan_syntax::grammar::{
    Group, Key,
    Value::{self, Boolean, Either, Expression, List, Named, OneOrMore, Text, Whole, Word},
};

/// A layout file.
pub static LAYOUT: Group = Group {
    name: "the layout",
    keys: &[
        Key::required("layout", Text, "Its name."),
        Key::new("doc", Text, "What it is, for people."),
        Key::new(
            "extends",
            Text,
            "Another layout file, whose keys hold where this one has no others: one standard, thirteen banks.",
        ),
        Key::new("file", Value::Group(&FILE), "How the file is cut into records."),
        Key::new("dialect", Value::Group(&DIALECT), "What pictures and copybooks leave to the machine."),
        Key::new(
            "copybooks",
            Named(&Either(&[Text, OneOrMore(&Text), Value::Group(&COPYBOOK)])),
            "COBOL copybooks by a name of your own; of several for one record the later redefine the first.",
        ),
        Key::new(
            "common",
            Named(&Either(&[Text, Value::Called("field", || &FIELD_VALUE)])),
            "Fields that every record has; one of its own of the same name stands in the place of such a field.",
        ),
        Key::new(
            "records",
            Named(&Value::Called("record", || &RECORD_VALUE)),
            "The records, in the order in which they follow one another.",
        ),
        Key::new(
            "order",
            ORDER,
            "Whether the records at the top follow one another as written. Default `written`.",
        ),
        Key::new("unknown", UNKNOWN, "What is done with records of no known kind. Default `refuse`."),
        Key::new("verify", VERIFY, "What happens where a computed value is otherwise. Default `refuse`."),
        Key::new(
            "invalid",
            INVALID,
            "What is done with bytes that cannot be read as their field. Default `refuse`.",
        ),
        Key::new(
            "trim",
            TRIM,
            "From which sides padding is taken away. Default: from the side where the field was padded.",
        ),
        Key::new("chars", Text, "What texts may consist of that say no other: `printable`, for one."),
        Key::new(
            "null",
            NULL,
            "What stands for no value, in every field that says no other. Low values do so in no binary number: there they are zero.",
        ),
    ],
};

static FIELD_VALUE: Value = Value::Group(&FIELD);
static RECORD_VALUE: Value = Value::Group(&RECORD);

/// A condition: tests by column, field or word, all of which must hold; a list of such, any of which; or an expression.
const WHEN: Value = Either(&[Expression, TESTS, List(&Either(&[Expression, TESTS]))]);
const TESTS: Value = Named(&Either(&[Text, List(&Text), Value::Group(&NOT)]));
static NOT: Group = Group {
    name: "what must stand there",
    keys: &[
        Key::new("not", Either(&[Text, List(&Text)]), "What must not stand there."),
        Key::new("matches", Text, "A regular expression, which must match all of it."),
    ],
};
/// `by:` and `otherwise:` beside the variants.
const VARIANTS: Value = Named(&Either(&[Text, Value::Group(&VARIANT)]));
const VALUE: Value = Either(&[Expression, Value::Group(&CONST)]);
static CONST: Group =
    Group { name: "a constant", keys: &[Key::required("const", Text, "Always this text.")] };

const ORDER: Value = Word(&["written", "any"]);
const UNKNOWN: Value = Word(&["refuse", "skip"]);
const VERIFY: Value = Word(&["refuse", "warn"]);
const INVALID: Value = Word(&["refuse", "null"]);
const TRIM: Value = Word(&["none", "left", "right", "both"]);
const NULL: Value = Either(&[Text, List(&Text)]);
const BYTE_ORDER: Value = Word(&["big", "little"]);
const LINE_END: Value = Either(&[Word(&["lf", "crlf", "cr", "any"]), Text]);

/// `file:`
pub(super) static FILE: Group = Group {
    name: "`file`",
    keys: &[
        Key::new(
            "framing",
            Word(&["lines", "fixed", "rdw", "bdw", "length-prefix", "length-field", "shaped", "delimited"]),
            "How records are told apart. Default `lines`, or `fixed` where a copybook is the only record.",
        ),
        Key::new("record-length", Whole(1, 16_777_216), "Bytes of a record; with `lines`, of a line."),
        Key::new(
            "line-end",
            LINE_END,
            "What ends a line: `lf`, `crlf`, `cr`, `any` (LF is written), or a text. Default `any`.",
        ),
        Key::new("line-ends-between", Boolean, "With `fixed`: line ends between records are passed over."),
        Key::new(
            "encoding",
            Text,
            "Of whatever says no other: `ascii`, `utf-8`, `iso-8859-1`, `cp037` and so on. Default `ascii`.",
        ),
        Key::new("byte-order", BYTE_ORDER, "Of an RDW, a BDW or a binary length. Default `big`."),
        Key::new("inclusive", Boolean, "A length counts itself. Default `true` of an RDW, else `false`."),
        Key::new(
            "adjust",
            Value::Number(-65_536.0, 65_536.0),
            "What is to be added to a length for the bytes of the record that follow it.",
        ),
        Key::new("block-byte-order", BYTE_ORDER, "Of a BDW, where it is another than that of the RDW."),
        Key::new("block-inclusive", Boolean, "A BDW counts itself. Default `true`."),
        Key::new(
            "length",
            Value::Group(&LENGTH),
            "Where the length of a record stands, with `length-prefix` and `length-field`; with `rdw` and `bdw`, that it is `decimal`.",
        ),
        Key::new(
            "wrapped",
            Boolean,
            "Line ends may stand anywhere, also within records, and belong to none.",
        ),
        Key::new("header-bytes", Whole(0, u64::MAX), "Bytes before the first record that belong to none."),
        Key::new("trailer-bytes", Whole(0, u64::MAX), "Bytes after the last record that belong to none."),
        Key::new("header-lines", Whole(0, 1000), "Lines at the beginning that are no records."),
        Key::new("record-header-bytes", Whole(0, 65_536), "Bytes of each record before its first field."),
        Key::new("record-trailer-bytes", Whole(0, 65_536), "Bytes of each record after its last field."),
        Key::new(
            "short-lines",
            Word(&["refuse", "pad", "null"]),
            "What is done with a record that is shorter than its fields. Default `refuse`.",
        ),
        Key::new(
            "long-lines",
            Word(&["refuse", "truncate"]),
            "What is done with a record that is longer. Default `refuse`; blanks at its end are no length.",
        ),
        Key::new("comments", OneOrMore(&Text), "Lines that begin with one of these are no records."),
        Key::new(
            "blank-lines",
            Word(&["refuse", "skip"]),
            "What is done with lines that are empty or blank. Default `refuse`, but for empty ones at the end of the file.",
        ),
        Key::new("block", Value::Group(&BLOCK), "Records come in blocks, of which the last is filled up."),
        Key::new(
            "compression",
            Word(&["detect", "none", "gzip", "zip"]),
            "How the file is compressed. Default `detect`.",
        ),
        Key::new(
            "delimiter",
            Text,
            "With `delimited`: what stands between values; `tab` is a tab. Default `,`.",
        ),
        Key::new(
            "quote",
            Text,
            "With `delimited`: what stands around values that hold a delimiter; `none`. Default `\"`.",
        ),
        Key::new(
            "escape",
            Text,
            "With `delimited`: what stands before a quote within quotes, instead of another quote.",
        ),
        Key::new("quote-all", Boolean, "With `delimited`: every value is quoted when written."),
        Key::new(
            "titles",
            Boolean,
            "With `delimited`: the first line names the columns, as the fields of the first record are named. Default `true`.",
        ),
        Key::new(
            "trailing-delimiter",
            Boolean,
            "With `delimited`: a delimiter stands behind the last value of a line too.",
        ),
    ],
};

/// `file: length:`
pub(super) static LENGTH: Group = Group {
    name: "`length`",
    keys: &[
        Key::new("at", Whole(1, 65_536), "The column where it begins. Default 1."),
        Key::required("width", Whole(1, 10), "How many bytes it has."),
        Key::new("form", Word(&["binary", "decimal"]), "How it is written. Default `binary`."),
        Key::new(
            "prefix",
            Whole(1, 256),
            "With `length-prefix`: how many bytes stand before the record. Default: up to the end of the length.",
        ),
    ],
};

/// `file: block:`
pub(super) static BLOCK: Group = Group {
    name: "`block`",
    keys: &[
        Key::required("records", Whole(1, 65_536), "Records of a block."),
        Key::required("fill", Text, "The character that records which fill the last block up consist of."),
        Key::new(
            "partial",
            Boolean,
            "Whether a file whose last block is not full is accepted. Default `true`.",
        ),
    ],
};

/// `dialect:`
pub(super) static DIALECT: Group = Group {
    name: "`dialect`",
    keys: &[
        Key::new(
            "compiler",
            Word(&["ibm", "gnucobol"]),
            "Whose defaults hold where no other key says otherwise. Default `ibm`.",
        ),
        Key::new("byte-order", BYTE_ORDER, "Of binary numbers. Default `big`."),
        Key::new(
            "native-byte-order",
            BYTE_ORDER,
            "Of `COMP-5`, of binary numbers without a picture and of IEEE's floating-point numbers. Default that of binary numbers; with `gnucobol` `little`.",
        ),
        Key::new(
            "float",
            Word(&["ieee", "ibm"]),
            "By which standard floating-point numbers are stored. Default `ibm` with EBCDIC, otherwise `ieee`, as with `gnucobol`.",
        ),
        Key::new(
            "overpunch",
            OVERPUNCH,
            "How a digit carries a sign. Default by the encoding: `ebcdic` or `translated`; with `gnucobol` `ascii`.",
        ),
        Key::new(
            "binary-sizes",
            Word(&["2-4-8", "1-2-4-8", "fewest"]),
            "Which sizes binary numbers have. Default `2-4-8`; with `gnucobol` `1-2-4-8`.",
        ),
        Key::new(
            "alignment",
            Word(&["words", "natural"]),
            "Where synchronized numbers begin: at words, or each at a multiple of its own size. Default `words`; with `gnucobol` `natural`.",
        ),
        Key::new("pointer-bytes", Whole(4, 8), "Bytes of a pointer. Default 4; with `gnucobol` 8."),
        Key::new(
            "truncate-binary",
            Boolean,
            "Binary numbers hold no more than their picture. Default `true`.",
        ),
        Key::new("decimal-comma", Boolean, "`DECIMAL-POINT IS COMMA`."),
        Key::new("currency", Text, "The currency sign of pictures. Default `$`."),
        Key::new(
            "odo",
            Word(&["real", "maximum"]),
            "How much room a list of varying length takes in a record. Default `real`.",
        ),
        Key::new(
            "format",
            Word(&["detect", "fixed", "free"]),
            "The reference format of copybooks. Default `detect`.",
        ),
    ],
};

const OVERPUNCH: Value = Word(&["ebcdic", "ascii", "translated"]);

/// A copybook.
pub(super) static COPYBOOK: Group = Group {
    name: "a copybook",
    keys: &[
        Key::new(
            "files",
            Either(&[Text, OneOrMore(&Text)]),
            "Its file; of several the later redefine the first.",
        ),
        Key::new(
            "fillers",
            FILLERS,
            "What values without a name are called: `none` has none of them. Default `none`.",
        ),
        Key::new("group-fillers", FILLERS, "What groups without a name are called. Default `numbered`."),
        Key::new("group-texts", List(&Text), "Groups, by their COBOL names, whose text is a field as well."),
        Key::new(
            "counts",
            Named(&Named(&Whole(0, 65_536))),
            "Lists, by their COBOL names, whose count is a word, with what each word means.",
        ),
        Key::new("folders", List(&Text), "Where COPY looks, besides the folder of the file that copies."),
        Key::new("replacing", Named(&Text), "What stands for what in it, as `COPY ... REPLACING` would say."),
    ],
};

const FILLERS: Value = Word(&["none", "numbered", "after-previous"]);

/// A record or group of records.
pub(super) static RECORD: Group = Group {
    name: "a record",
    keys: &[
        Key::new("doc", Text, "What it is, for people."),
        Key::new(
            "when",
            WHEN,
            "By what it is told from others: columns, fields, `length`, `number`, `last`, `if`.",
        ),
        Key::new("occurs", Text, "How often: `1`, `0..1`, `0..`, `1..`, `2..5`. Default once."),
        Key::new("fields", Named(&Either(&[Text, Value::Called("field", || &FIELD_VALUE)])), "Its fields."),
        Key::new("variants", VARIANTS, "Alternatives for the same bytes."),
        Key::new("copybook", Text, "The copybook that declares its fields."),
        Key::new("of", Text, "Which 01 record of the copybook. Default the first."),
        Key::new(
            "redefines",
            Named(&Text),
            "Which of the items that redefine one another is meant: the first one's name, then the chosen one's.",
        ),
        Key::new("records", Named(&Value::Called("record", || &RECORD_VALUE)), "Records within."),
        Key::new(
            "order",
            ORDER,
            "Whether the records within follow one another as written. Default `written`.",
        ),
        Key::new(
            "require",
            Either(&[Expression, OneOrMore(&Expression)]),
            "What must hold of it when it is read.",
        ),
    ],
};

/// A field.
pub(super) static FIELD: Group = Group {
    name: "a field",
    keys: &[
        Key::new("doc", Text, "What it is, for people."),
        Key::new(
            "columns",
            Text,
            "Where it is: `4-13`, `12`, or `40-` for the rest of the record. Counted from 1.",
        ),
        Key::new(
            "from-end",
            Whole(1, 16_777_216),
            "Where it is, counted from the record's last byte, which is 1.",
        ),
        Key::new(
            "length",
            Whole(1, 16_777_216),
            "How many bytes it has, where it follows the field before; of a delimited value the most.",
        ),
        Key::new(
            "title",
            Text,
            "What the line of titles calls it, with `delimited`, where that is not its name.",
        ),
        Key::new(
            "characters",
            Whole(1, 16_777_216),
            "How many characters it has, where they differ in bytes.",
        ),
        Key::new("picture", Text, "A COBOL picture: `9(8)V99`."),
        Key::new(
            "usage",
            Text,
            "A COBOL usage: `display`, `comp-3`, `comp`, `comp-5` and so on. Default `display`.",
        ),
        Key::new(
            "type",
            Word(&["text", "integer", "decimal", "float", "bytes", "date", "time", "datetime"]),
            "What it is, for those who prefer that to pictures. Default `text`.",
        ),
        Key::new("scale", Value::Number(-38.0, 38.0), "Digits after the point."),
        Key::new("digits", Whole(1, 38), "Digits of a number, where its length does not say it."),
        Key::new(
            "sign",
            Word(&["none", "leading", "trailing", "leading-separate", "trailing-separate"]),
            "Where the sign is.",
        ),
        Key::new("sign-in", Text, "Another field of the record that says the sign of this number."),
        Key::new(
            "negative",
            Either(&[Text, List(&Text)]),
            "With `sign-in`: what stands there for minus. The first is written.",
        ),
        Key::new(
            "positive",
            Either(&[Text, List(&Text)]),
            "With `sign-in`: what stands there for plus. The first is written.",
        ),
        Key::new(
            "signed",
            Boolean,
            "Whether it may be negative, with `type`. The sign is in the last digit; a delimited value has `-` before the first.",
        ),
        Key::new("overpunch", OVERPUNCH, "How a digit carries the sign."),
        Key::new(
            "point",
            Text,
            "The character that stands for the decimal point, where it is written. Default of a delimited value with `type: decimal`: `.`.",
        ),
        Key::new("byte-order", BYTE_ORDER, "Of a binary number."),
        Key::new("float", Word(&["ieee", "ibm"]), "By which standard it is stored."),
        Key::new("date", Text, "It is a date, written so: `yyMMdd`, `yyyyDDD`."),
        Key::new("time", Text, "It is a time of day, written so: `HHmm`."),
        Key::new("datetime", Text, "It is both, written so: `yyyyMMddHHmmss`."),
        Key::new("century", Whole(1000, 9900), "The first year that two digits stand for. Default 1970."),
        Key::new("encoding", Text, "Its encoding, where it is another than the file's."),
        Key::new("pad", Text, "What fills it up: a character, `zero` or `blank`."),
        Key::new("justify", Word(&["left", "right"]), "At which side its text stands."),
        Key::new(
            "trim",
            TRIM,
            "From which sides padding is taken away. Default: from the side where it is padded.",
        ),
        Key::new(
            "chars",
            Text,
            "What its text may consist of: `alphabetic`, `digits`, `alphanumeric`, `printable`, or the characters themselves in brackets, `[A-Z]` written out.",
        ),
        Key::new(
            "transliterate",
            Boolean,
            "Characters that its encoding does not have are written by their nearest ones.",
        ),
        Key::new("blank-when-zero", Boolean, "Zero is written as blanks, and blanks are zero."),
        Key::new(
            "null",
            NULL,
            "What stands for no value: `blanks`, `zeros`, `nines`, `low-values`, `high-values`, or a text in quotes. The first is written.",
        ),
        Key::new("invalid", INVALID, "What is done with bytes that cannot be read as it."),
        Key::new(
            "values",
            Either(&[List(&Text), Named(&Text)]),
            "The only texts that it may have, perhaps with what they mean.",
        ),
        Key::new(
            "occurs",
            Text,
            "How often it stands there: `5`, or `0..10` with `depending-on`; with `when` instead, as often as that holds of what follows.",
        ),
        Key::new(
            "depending-on",
            Text,
            "The field that says how often; of a text or bytes without `occurs`, how long it is, of which `length` is then the most.",
        ),
        Key::new("counts", Named(&Whole(0, 65_536)), "Counts that are words: which text means how many."),
        Key::new("room", Boolean, "Room for the most is there whatever the count is."),
        Key::new("redefines", Text, "The field whose bytes it shares."),
        Key::new(
            "when",
            WHEN,
            "It is there only where this holds. Of a list its columns are counted from where each item begins: `{ 1-2: J1 }`.",
        ),
        Key::new("value", VALUE, "What it must be: verified on reading, computed on writing."),
        Key::new("verify", VERIFY, "What happens where it is otherwise."),
        Key::new("require", Expression, "What must hold of it on reading."),
        Key::new("default", Text, "What is written where nothing is given."),
        Key::new(
            "filler",
            Either(&[Boolean, Text]),
            "Its bytes mean nothing; they are filled with blanks, `zeros`, a character, or `hex:00`.",
        ),
        Key::new("exact", Boolean, "With `filler`: anything else there is an error."),
        Key::new("sensitive", Boolean, "Its value is masked wherever it would be shown."),
        Key::new(
            "fields",
            Named(&Either(&[Text, Value::Called("field", || &FIELD_VALUE)])),
            "Fields within: it is a group.",
        ),
        Key::new("variants", VARIANTS, "Alternatives for its bytes."),
    ],
};

/// A variant.
pub(super) static VARIANT: Group = Group {
    name: "a variant",
    keys: &[
        Key::new("is", Either(&[Text, OneOrMore(&Text)]), "What the field that `by` names must be."),
        Key::new("when", WHEN, "When it is the one."),
        Key::required(
            "fields",
            Named(&Either(&[Text, Value::Called("field", || &FIELD_VALUE)])),
            "Its fields.",
        ),
        Key::new("doc", Text, "What it is, for people."),
    ],
};
