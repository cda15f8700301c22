//! Functions of lists. They are part of the language rather than of the library: some name the items one by one, and a list is
//! gone through item by item and never stands anywhere as a value.

/// An expression with what it gives.
pub type Example = (&'static str, &'static str);

/// A function that takes a list, or gives one.
#[derive(Debug)]
pub struct ListFunction {
    /// Its name in expressions.
    pub name: &'static str,
    /// How it is written.
    pub usage: &'static str,
    /// What it gives.
    pub gives: Gives,
    /// One or two sentences for the reference, with what it refuses.
    pub doc: &'static str,
    /// Expressions with what they give; they are tests and documentation at once.
    pub examples: &'static [Example],
}

/// What a function of lists gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gives {
    /// A list: what `each:` goes through, a list of the target takes, or another function of lists.
    List,
    /// A single value.
    Value,
}

/// The function of a name.
pub fn find(name: &str) -> Option<&'static ListFunction> {
    LISTS.iter().find(|function| function.name == name)
}

/// Every function of lists, in the order of the reference.
pub static LISTS: &[ListFunction] = &[
    ListFunction {
        name: "split",
        usage: "text.split(separator)",
        gives: Gives::List,
        doc: "The parts of a text between separators.",
        examples: &[("'a,b,,c'.split(',').join(' ')", "a b  c"), ("size('a,b'.split(','))", "2")],
    },
    ListFunction {
        name: "lines",
        usage: "text.lines()",
        gives: Gives::List,
        doc: "The lines of a text, without what ends them: a line feed, with or without a carriage return.",
        examples: &[("'a\\r\\nb\\n'.lines().join('|')", "a|b")],
    },
    ListFunction {
        name: "chunks",
        usage: "text.chunks(length)",
        gives: Gives::List,
        doc: "The text in pieces of so many characters; the last one has what is left.",
        examples: &[("'abcdefgh'.chunks(3).join('|')", "abc|def|gh")],
    },
    ListFunction {
        name: "map",
        usage: "list.map(x, value)",
        gives: Gives::List,
        doc: "The value of each item, which is named `x` in it. A value that is absent is left out; one that is nil is refused.",
        examples: &[("'1,2,3'.split(',').map(n, integer(n) * 10).map(n, string(n)).join(' ')", "10 20 30")],
    },
    ListFunction {
        name: "filter",
        usage: "list.filter(x, condition)",
        gives: Gives::List,
        doc: "The items of which a condition holds; an item is named `x` in it.",
        examples: &[("'a1,b2,a3'.split(',').filter(c, c.startsWith('a')).join(' ')", "a1 a3")],
    },
    ListFunction {
        name: "distinct",
        usage: "list.distinct(), list.distinct(x, key)",
        gives: Gives::List,
        doc: "The items without those that equal one before them, or whose key does.",
        examples: &[
            ("'b,a,b'.split(',').distinct().join(' ')", "b a"),
            ("'a1,b1,a2'.split(',').distinct(c, c.truncate(1)).join(' ')", "a1 b1"),
        ],
    },
    ListFunction {
        name: "sort",
        usage: "list.sort(), list.sort(x, key)",
        gives: Gives::List,
        doc: "The items in order, or in the order of a key, the smallest first; what is equal stays as it comes. Text is in the order of its code points.",
        examples: &[
            ("'b,c,a'.split(',').sort().join(' ')", "a b c"),
            ("'10,9,100'.split(',').sort(n, integer(n)).join(' ')", "9 10 100"),
        ],
    },
    ListFunction {
        name: "group",
        usage: "list.group(x, key)",
        gives: Gives::List,
        doc: "Groups of the items whose key is equal, in the order in which each key first appears. Of a group named `g`, `g.key` is the key and `g.items` the list of its items, in their order: `{ each: \"g in items.group(i, i.code)\", map: { Code: g.key, Count: size(g.items) } }`.",
        examples: &[
            (
                "'a1,b1,a2'.split(',').group(c, c.truncate(1)).map(g, g.key + g.items.join('')).join(' ')",
                "aa1a2 bb1",
            ),
            ("size('b,a,b'.split(',').group(c, c))", "2"),
            (
                "'a1,b1,a2'.split(',').group(c, c.truncate(1)).filter(g, size(g.items) > 1).map(g, g.items.last()).first()",
                "a2",
            ),
        ],
    },
    ListFunction {
        name: "reverse",
        usage: "list.reverse()",
        gives: Gives::List,
        doc: "The items, the last one first.",
        examples: &[("'b,c,a'.split(',').sort().reverse().join(' ')", "c b a")],
    },
    ListFunction {
        name: "exists",
        usage: "list.exists(x, condition)",
        gives: Gives::Value,
        doc: "Whether a condition holds of an item at least, which is named `x` in it.",
        examples: &[
            ("'a,b'.split(',').exists(c, c == 'b')", "true"),
            ("''.split(',').exists(c, c == 'b')", "false"),
        ],
    },
    ListFunction {
        name: "all",
        usage: "list.all(x, condition)",
        gives: Gives::Value,
        doc: "Whether a condition holds of every item, which is named `x` in it. Of a list without items it does.",
        examples: &[
            ("'a1,a2'.split(',').all(c, c.startsWith('a'))", "true"),
            ("'a,b'.split(',').all(c, c == 'b')", "false"),
        ],
    },
    ListFunction {
        name: "sum",
        usage: "sum(list)",
        gives: Gives::Value,
        doc: "The sum of numbers; 0 of a list without items.",
        examples: &[
            ("sum('1.10,2.20'.split(',').map(n, decimal(n)))", "3.30"),
            ("sum(''.lines().map(n, integer(n)))", "0"),
        ],
    },
    ListFunction {
        name: "first",
        usage: "first(list)",
        gives: Gives::Value,
        doc: "The first item. Absent where there is none.",
        examples: &[("'b,a'.split(',').first()", "b"), ("''.lines().first()", "absent")],
    },
    ListFunction {
        name: "last",
        usage: "last(list)",
        gives: Gives::Value,
        doc: "The last item. Absent where there is none.",
        examples: &[("'b,a'.split(',').last()", "a")],
    },
    ListFunction {
        name: "join",
        usage: "list.join(separator)",
        gives: Gives::Value,
        doc: "The texts of a list as one, with the separator between them. Absent where there are none.",
        examples: &[("'a b'.split(' ').join('-')", "a-b"), ("''.lines().join('-')", "absent")],
    },
];
