//! What is called like a function and is more than one: forms that speak of presence, of tables and of the message itself. The
//! checker knows each by its name, because none takes its arguments as values alone.

use super::lists::Example;

/// A form.
#[derive(Debug)]
pub struct FormFunction {
    /// Its name in expressions.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it takes, in words.
    pub takes: &'static str,
    /// What it gives, in words.
    pub gives: &'static str,
    /// What it is for, and what it refuses.
    pub doc: &'static str,
    /// Expressions over [`SAMPLE`] with what they give; they are tests and documentation at once.
    pub examples: &'static [Example],
}

/// The reply that the examples read, from its record `person` on.
pub const SAMPLE: &str = "\
<person>
  <GivenName>Mari</GivenName>
  <Surname>Tamm</Surname>
  <BirthDate>1980-01-08</BirthDate>
  <Address><Line1>Pikk 1</Line1><City>---</City></Address>
  <Children><Child xsi:nil=\"true\"/></Children>
  <Status>A</Status>
</person>";

/// The tables that the examples ask.
pub const TABLES: &str = "\
tables:
  reasons: { PURPOSE_BENEFIT: \"01\", PURPOSE_TAX: \"02\" }
  statuses: { A: ACTIVE, E: EMIGRATED, D: DECEASED }";

/// The form of a name.
pub fn find(name: &str) -> Option<&'static FormFunction> {
    FORMS.iter().find(|form| form.name == name)
}

/// Every form, in the order of the reference.
pub static FORMS: &[FormFunction] = &[
    FormFunction {
        name: "has",
        usage: "has(path)",
        takes: "the path of a field, a list, a record, of `metadata` or of `context`",
        gives: "true or false",
        doc: "Whether it is there and not nil; of a list, whether it has an item. Where it holds, what it tells of is known to be there: \
              in the rest of the condition after `&&`, in the alternative that it chooses, in the case of `cases:` that it opens. \
              `check` warns of a path that is always there, and refuses what is no path.",
        examples: &[
            ("has(Address)", "true"),
            ("has(Died)", "false"),
            ("has(Note)", "false"),
            ("has(Died) && Died < date('2020-01-01')", "false"),
            ("has(context.caller)", "false"),
            ("has(GivenName.trim())", "error"),
        ],
    },
    FormFunction {
        name: "isnil",
        usage: "isnil(path)",
        takes: "the path of a field or a record",
        gives: "true or false",
        doc: "Whether it is there and nil (`xsi:nil`), which `has` takes for not there. `check` refuses lists, and what is no path.",
        examples: &[
            ("Children.Child.exists(c, isnil(c))", "true"),
            ("isnil(Address)", "false"),
            ("isnil(Note)", "error"),
        ],
    },
    FormFunction {
        name: "default",
        usage: "default(value, otherwise)",
        takes: "two values of one kind",
        gives: "the kind of both; a decimal where one of two numbers is",
        doc: "The value, or the other one where it is absent or nil. `check` refuses two kinds.",
        examples: &[
            ("default(Died, BirthDate)", "1980-01-08"),
            ("default(GivenName, 'nobody')", "Mari"),
            ("default(nullif(Address.City, '---'), 'at sea')", "at sea"),
            ("default(Died, 'alive')", "error"),
        ],
    },
    FormFunction {
        name: "nullif",
        usage: "nullif(value, nothing)",
        takes: "two values of kinds that are compared with one another",
        gives: "the kind of the first, or nothing",
        doc: "The value; absent where it equals the other one. So what a system writes for \"nothing\" becomes nothing. `check` refuses \
              values that are not compared, and a text that a contract's field never holds.",
        examples: &[
            ("nullif(Address.City, '---')", "absent"),
            ("nullif(Address.Line1, '---')", "Pikk 1"),
            ("nullif(Status, 'X')", "error"),
        ],
    },
    FormFunction {
        name: "lookup",
        usage: "lookup('table', key)",
        takes: "the name of a table of `tables:` in quotes, and a text or a whole number",
        gives: "text; a whole number where all rows hold one",
        doc: "What the table's row for the key holds; absent where the key is. A key without a row gives the table's `default`; where \
              there is none, the message is refused, and the error names the table and never the key. `check` refuses a key of which \
              the contract lists values that have no row.",
        examples: &[
            ("lookup('statuses', Status)", "ACTIVE"),
            ("lookup('reasons', 'PURPOSE_TAX')", "02"),
            ("lookup('statuses', GivenName)", "error"),
            ("lookup('states', Status)", "error"),
        ],
    },
    FormFunction {
        name: "lookup_key",
        usage: "lookup_key('table', value)",
        takes: "the name of a table of `tables:` in quotes, and a text or a whole number",
        gives: "text",
        doc: "The key of the row that holds the value: the table the other way round; absent where the value is. A value without a row \
              refuses the message. `check` refuses a table that holds a value twice.",
        examples: &[("lookup_key('reasons', '02')", "PURPOSE_TAX"), ("lookup_key('reasons', '03')", "error")],
    },
    FormFunction {
        name: "amount",
        usage: "amount(path)",
        takes: "the path of a google.type.Money; for its two fields, see [amount(units, nanos)](#amountunits-nanos)",
        gives: "a decimal",
        doc: "The amount of a google.type.Money that the contract has, exactly; absent where it is. `check` refuses other paths.",
        examples: &[("amount(Address)", "error")],
    },
    FormFunction {
        name: "money",
        usage: "money(amount, currency)",
        takes: "a number, and a text",
        gives: "a google.type.Money",
        doc: "Fills a google.type.Money of the target; absent where the amount is. It stands alone, `price: money(Total, 'EUR')`, and is no \
              part of another expression: `check` refuses that. An amount of more than nine digits after the point refuses the message.",
        examples: &[("money(1.50, 'EUR')", "error")],
    },
    FormFunction {
        name: "now",
        usage: "now()",
        takes: "nothing",
        gives: "a date and time, in UTC",
        doc: "When the message was accepted: the same at every attempt, and the same as `context.received`.",
        examples: &[("now()", "1970-01-01T00:00:00Z"), ("date(now())", "1970-01-01")],
    },
];
