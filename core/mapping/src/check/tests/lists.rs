//! Lists that expressions make: what is wrong with one is said where it stands.

use super::{MAPPING, loaded};

#[test]
fn what_is_kept_of_items_has_a_limit() {
    let each = "    children:\n      each: c in Children.Child\n      nil: skip\n      map: { national_id: c.Code, full_name: c.Name }\n";
    assert!(MAPPING.contains(each));
    let items = vec!["{ map: g }"; 500].join(", ");
    // Many in one expression, none of them deep in it.
    let mut sizes = "size('a'.split('b'))".to_owned();
    for _ in 0..7 {
        sizes = format!("({sizes} + {sizes})");
    }
    let mapping = MAPPING.replace(each, &format!("    children: [ {items} ]\n"));
    let (routes, found) = loaded(&format!("{mapping}maps:\n  g: {{ full_name: \"string({sizes})\" }}\n"));
    assert!(routes.is_empty());
    let limit = "a mapping goes through at most 50000 lists that expressions make";
    assert_eq!(found.iter().filter(|one| one.contains(limit)).count(), 1, "{found:#?}");
}

#[test]
fn lists_stand_where_lists_do() {
    for (expression, expected) in [
        (
            "Children.Child.map(c, c.Name)",
            "33:17 map/cardinality [Children.Child.map(c, c.Name)] this is a list, and a single value is wanted here (take one item: first(x); or join them: x.join(', '))",
        ),
        (
            "Children.Child.join(', ')",
            "33:17 map/cardinality [Children.Child.join(', ')] the items of `body.response.person.Children.Child` are records, and single values are wanted here (take a value of each: list.map(x, x.code))",
        ),
        (
            "Children.Child.map(c, c.Nam).join(', ')",
            "33:41 map/unknown-path [Nam] `body.response.person.Children.Child` has no field `Nam` (did you mean `Name`?)",
        ),
        (
            "sum(Children.Child.map(c, c.Name))",
            "33:21 map/type [Children.Child.map(c, c.Name)] numbers are wanted here, and these are texts (take a number of each item: list.map(x, x.amount))",
        ),
        (
            "Children.Child.filter(c.Name == 'x').map(c, c.Name).join(' ')",
            "33:17 expr/arguments [Children.Child.filter(c.Name == 'x')] `filter` is not called like this (write list.filter(x, condition))",
        ),
        (
            "Children.Child.filter(1, true).map(c, c.Name).join(' ')",
            "33:39 expr/arguments [1] the items of a list are given a name first (write list.filter(x, x.amount > 0))",
        ),
        (
            "Surname.exists(c, c == 'x') ? 'a' : 'b'",
            "33:17 map/cardinality [Surname] `body.response.person.Surname` is a single value, and a list is wanted here",
        ),
        (
            "Children.Child.exists(c, c.Name) ? 'a' : 'b'",
            "33:42 map/type [c.Name] a condition is true or false, and this is text (compare it: c.Name != '')",
        ),
        (
            "Children.Child.map(c, c.Name).join(Surname)",
            "33:52 expr/arguments [Surname] the separator is a text in quotes",
        ),
        (
            "Surname.split('').join(' ')",
            "33:17 expr/arguments [Surname.split('')] there is nothing to split at",
        ),
        (
            "Surname.chunks(0).join(' ')",
            "33:32 expr/arguments [0] the length of a piece is a whole number from 1 to 65535",
        ),
        ("BirthDate.lines().join(' ')", "33:17 map/type [BirthDate] text is cut, and this is a date"),
        (
            "GivenName + Children.Child.map(c, c.Name).join(' ')",
            "33:29 map/maybe-absent [Children.Child.map(c, c.Name).join(' ')] `Children.Child.map(c, c.Name).join(' ')` may be absent, and a value is needed here (give a value for its absence: default(Children.Child.map(c, c.Name).join(' '), ...))",
        ),
        (
            "Surname in 'a,b'.split(',').map(x, integer(x)) ? 'a' : 'b'",
            "33:17 map/type [Surname in 'a,b'.split(',').map(x, integer(x))] text is not compared with a whole number (convert the text: integer(x); or write the number in quotes)",
        ),
        (
            "Surname in GivenName ? 'a' : 'b'",
            "33:28 map/cardinality [GivenName] `body.response.person.GivenName` is a single value, and a list is wanted here",
        ),
        (
            "Children.Child.sort(c, c.Name == 'x').map(c, c.Name).first()",
            "33:40 map/type [c.Name == 'x'] true or false has no order",
        ),
    ] {
        let rule = format!("full_name: \"{expression}\"");
        let (_, found) =
            loaded(&MAPPING.replacen("full_name: GivenName.trim() + ' ' + Surname.trim()", &rule, 1));
        assert_eq!(found.join("\n"), expected, "{expression}");
    }
}
