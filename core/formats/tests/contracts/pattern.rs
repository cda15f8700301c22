//! Texts that match a pattern of XML Schema, made by proptest from the same expression in its dialect.

use proptest::{
    strategy::{Strategy, ValueTree},
    string::string_regex,
    test_runner::TestRunner,
};

/// Some texts that a pattern may allow; the form of the type judges them.
pub(crate) fn matching(pattern: &str) -> Vec<String> {
    let ascii = pattern
        .replace("\\d", "[0-9]")
        .replace("\\w", "[A-Za-z0-9]")
        .replace("[\\i-[:]]", "[A-Za-z_]")
        .replace("[\\c-[:]]", "[A-Za-z0-9_]")
        .replace("\\i", "[A-Za-z_]")
        .replace("\\c", "[A-Za-z0-9_]")
        .replace("\\S", "[!-~]")
        .replace("\\s", "[ ]")
        .replace("\\p{L}", "[a-z]")
        .replace('$', "\\$");
    let dotted = ascii.replace("\\.", "\u{1}").replace('.', "[a-z]").replace('\u{1}', "\\.");
    let mut runner = TestRunner::deterministic();
    let mut texts = Vec::new();
    for expression in [dotted.as_str(), ascii.as_str()] {
        let Ok(strategy) = string_regex(expression) else { continue };
        texts.extend((0..20).filter_map(|_| strategy.new_tree(&mut runner).ok()).map(|tree| tree.current()));
    }
    texts
}
