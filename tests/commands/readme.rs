//! What the README promises about installing.

use std::fs;
use std::path::{Path, PathBuf};

/// The README's text as the name of a test would have it.
fn as_name(text: &str) -> String {
    let words: String = text
        .to_lowercase()
        .chars()
        .filter(|c| *c != '\'')
        .map(|c| if c.is_ascii_alphanumeric() { c } else { ' ' })
        .collect();
    words.split_whitespace().collect::<Vec<_>>().join("_")
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn every_row_of_what_install_meets_is_the_name_of_a_test() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join("tests"), &mut files);
    let tests: Vec<String> = files
        .iter()
        .flat_map(|file| {
            let text = fs::read_to_string(file).expect("a source");
            let after_mark = text.split("#[test]").skip(1);
            let name = |rest: &str| rest.split_once("\nfn ").map(|(_, name)| name.to_owned());
            after_mark.filter_map(name).collect::<Vec<_>>()
        })
        .collect();
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let rows: Vec<String> = readme
        .lines()
        .skip_while(|line| !line.starts_with("| What it meets |"))
        .skip(2)
        .map_while(|line| line.strip_prefix("| "))
        .map(|row| as_name(row.split_once(" |").expect("a cell").0))
        .collect();
    assert!(rows.len() > 20, "{rows:?}");
    for row in rows {
        assert!(
            tests.iter().any(|test| test.starts_with(&row)),
            "no test is called {row}…"
        );
    }
}
