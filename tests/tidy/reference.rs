//! Reference pages are made from the code: a page that differs from what the code says fails here.

use std::{fmt::Write, path::PathBuf};

use portolan_diagnostics::CATALOG;
use portolan_mapping::functions::{
    LIBRARY, Parameter,
    forms::{self, FORMS},
    lists::LISTS,
};

/// Every generated page: its path under the root and its text.
fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = vec![
        ("docs/errors/README.md".into(), errors()),
        ("docs/reference/functions.md".into(), functions()),
        ("docs/reference/cli.md".into(), command_line()),
    ];
    pages.extend(super::findings::pages());
    pages.extend(super::schema::pages());
    pages
}

#[test]
fn reference_pages_have_not_drifted() {
    for (path, expected) in pages() {
        let found = std::fs::read_to_string(super::root().join(&path)).unwrap_or_default();
        assert!(found == expected, "{} has drifted from the code: run `make reference`", path.display());
    }
}

#[test]
#[ignore = "writes the pages: `make reference`"]
fn regenerate() {
    for (path, text) in pages() {
        let path = super::root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn errors() -> String {
    let mut page = String::from(
        "# Findings\n\nEvery code that `portolan check` and its kin can print, each with a page that `portolan explain CODE` prints too. \
         Made from core/diagnostics/src/catalog.rs.\n\n\
         The examples of the pages are tests. They stand in the shop of [example](example): a fragment of a mapping replaces the keys of \
         the same names in its price.yaml, anything else is a whole file.\n\n\
         | code | meaning |\n| --- | --- |\n",
    );
    for entry in CATALOG {
        let _ = writeln!(page, "| [`{0}`]({0}.md) | {1} |", entry.code, entry.title);
    }
    page
}

fn functions() -> String {
    let mut page = String::from(
        "# Functions of the language\n\nMade from core/mapping/src/functions, where every example is a test. `x.f(y)` and `f(x, y)` are the same \
         where the first parameter is a receiver. An absent first argument makes the result absent, unless said otherwise; `error` as \
         a result means that `check` or, where only a message tells, the gateway refuses it, `absent` that there is none.\n",
    );
    for function in LIBRARY {
        let parameter = |p: &Parameter| match p.optional {
            true => format!("[{}]", p.name),
            false => p.name.to_owned(),
        };
        let parameters: Vec<_> = function.parameters.iter().map(parameter).collect();
        let _ = write!(page, "\n## {}({})\n\n{}\n", function.name, parameters.join(", "), function.doc);
        examples(&mut page, function.examples);
    }
    page.push_str(
        "\n# Functions of lists\n\nA list is a list of the source, or what these functions make of one or of a text. It stands where `each:` goes \
         through it, where a list of single values is to be filled, after `in`, and in these functions; its items are gone through one by one, \
         and a message whose lists within lists come to more than five million items is refused. An absent list has no items.\n",
    );
    for function in LISTS {
        let _ = write!(page, "\n## {}\n\n{}\n", function.usage, function.doc);
        examples(&mut page, function.examples);
    }
    let _ = write!(
        page,
        "\n# Presence, tables and the message\n\nThese are called like functions, and are known to the checker by their names: they take a path or the name of a \
         table, and an absent argument means something to them. Their examples read this reply with `from: body.response.person`, and these tables:\n\n\
         ```xml\n{}\n```\n\n```yaml\n{}\n```\n",
        forms::SAMPLE,
        forms::TABLES
    );
    for form in FORMS {
        let _ = write!(
            page,
            "\n## {}\n\n{}\n\nTakes {}; gives {}.\n",
            form.usage, form.doc, form.takes, form.gives
        );
        examples(&mut page, form.examples);
    }
    page
}

fn examples(page: &mut String, examples: &[(&str, &str)]) {
    let _ = writeln!(page, "\n| expression | gives |\n| --- | --- |");
    let cell = |text: &str| text.replace('|', "\\|");
    for (expression, gives) in examples {
        let _ = writeln!(page, "| `{}` | `{}` |", cell(expression), cell(gives));
    }
}

/// `portolan --help`, and that of every subcommand, as the binary prints them.
fn command_line() -> String {
    let mut page =
        String::from("# The command line\n\nMade from `portolan --help` and the help of each subcommand.\n");
    let mut waiting = vec![Vec::<String>::new()];
    while let Some(command) = waiting.pop() {
        let help = std::process::Command::new(env!("CARGO_BIN_EXE_portolan"))
            .args(&command)
            .arg("--help")
            .env("COLUMNS", "100")
            .output()
            .expect("portolan runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        let title = std::iter::once("portolan")
            .chain(command.iter().map(String::as_str))
            .collect::<Vec<_>>()
            .join(" ");
        let _ = write!(page, "\n## {title}\n\n```text\n{}\n```\n", help.trim_end());
        let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1).take_while(|l| !l.is_empty());
        let names = listed
            .filter(|l| l.starts_with("  ") && !l.starts_with("   "))
            .filter_map(|l| l.split_whitespace().next());
        let mut below: Vec<_> = names
            .filter(|name| *name != "help")
            .map(|name| command.iter().cloned().chain([name.to_owned()]).collect::<Vec<_>>())
            .collect();
        below.reverse();
        waiting.extend(below);
    }
    page
}
