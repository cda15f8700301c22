//! Lists of groups, and the items of a group as a list.

use super::{In, Item, written};

#[test]
fn groups() {
    let item = |name: &str, marks: &[&str]| Item {
        name: name.to_owned(),
        marks: marks.iter().map(|m| (*m).to_owned()).collect(),
    };
    let message = In {
        owner: "b".to_owned(),
        tags: ["10", "9", "10"].map(str::to_owned).to_vec(),
        items: vec![item("b", &["x", "y"]), item("a", &[]), item("b", &["z"]), item("c", &["x"])],
        ..In::default()
    };
    for (rule, expected) in [
        (
            "Item: { each: \"g in items.group(i, i.name)\", map: { Name: g.key, Mark: \"g.items.map(i, i.marks.join(''))\" } }",
            "<Item><Name>b</Name><Mark>xy</Mark><Mark>z</Mark></Item><Item><Name>a</Name></Item><Item><Name>c</Name><Mark>x</Mark></Item>",
        ),
        // The items of a group are a list like any other.
        (
            "Item: { each: \"g in items.group(i, size(i.marks))\", map: { Name: string(g.key) + owner, Mark: { each: i in g.items, value: i.name } } }",
            "<Item><Name>2b</Name><Mark>b</Mark></Item><Item><Name>0b</Name><Mark>a</Mark></Item><Item><Name>1b</Name><Mark>b</Mark><Mark>c</Mark></Item>",
        ),
        (
            "Item: { each: \"g in tags.group(t, integer(t))\", map: { Name: \"string(sum(g.items.map(t, integer(t))))\", Mark: g.items } }",
            "<Item><Name>20</Name><Mark>10</Mark><Mark>10</Mark></Item><Item><Name>9</Name><Mark>9</Mark></Item>",
        ),
        // Steps before and after, and an item beside another of the same group.
        (
            "Owner: \"items.filter(i, i.name != 'a').group(i, i.name).sort(g, string(size(g.items))).map(g, g.key).join(' ')\"",
            "<Owner>c b</Owner>",
        ),
        (
            "Owner: \"items.group(i, i.name == 'a').map(g, g.items.filter(i, g.items.exists(j, j.name == i.name && size(j.marks) > size(i.marks))).map(i, i.name + default(i.marks.join(''), '')).join(' ')).join(' ')\"",
            "<Owner>bz</Owner>",
        ),
        (
            "Owner: \"items.map(i, i.name).group(n, n).map(g, g.key + string(size(g.items))).join(' ')\"",
            "<Owner>b2 a1 c1</Owner>",
        ),
        // Groups of groups.
        (
            "Owner: \"items.group(i, i.name).group(g, size(g.items)).map(h, string(h.key) + ':' + h.items.map(g, g.key + default(g.items.map(i, i.marks.join('-')).join(','), '')).join('+')).join(' ')\"",
            "<Owner>2:bx-y,z 1:a+cx</Owner>",
        ),
        (
            "Item: { each: \"g in items.filter(i, i.name == 'none').group(i, i.name)\", map: { Name: g.key } }",
            "",
        ),
    ] {
        assert_eq!(written(rule, &message), expected, "{rule}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]
    #[test]
    fn the_items_of_all_groups_are_the_list(names in proptest::collection::vec("[a-d]", 0..40)) {
        let items = names.iter().enumerate().map(|(n, name)| Item { name: name.clone(), marks: vec![n.to_string()] });
        let message = In { items: items.collect(), ..In::default() };
        let rule = "Item: { each: \"g in items.group(i, i.name)\", map: { Name: g.key, Mark: \"g.items.map(i, i.name + default(i.marks.join(''), ''))\" } }";
        let (mut keys, mut expected): (Vec<&String>, String) = (Vec::new(), String::new());
        for name in &names {
            if !keys.contains(&name) {
                keys.push(name);
            }
        }
        for key in keys {
            let marks = names.iter().enumerate().filter(|(_, name)| *name == key);
            let marks: String = marks.map(|(n, name)| format!("<Mark>{name}{n}</Mark>")).collect();
            expected += &format!("<Item><Name>{key}</Name>{marks}</Item>");
        }
        proptest::prop_assert_eq!(written(rule, &message), expected);
    }
}
