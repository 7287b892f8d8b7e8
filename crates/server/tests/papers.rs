//! The papers say what is so: links lead somewhere, tests that they name exist, every dependency
//! has its row.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[test]
fn every_link_leads_to_a_file() {
    let mut broken = Vec::new();
    let mut followed = 0;
    for paper in papers() {
        for link in links(&read(&paper)) {
            let Some(target) = link.file_beside(&paper) else {
                continue;
            };
            followed += 1;
            if !target.exists() {
                broken.push(format!("{}: {}", paper.display(), link.target));
            }
        }
    }
    println!("{followed} links followed");
    assert!(followed > 10, "only {followed} links were found");
    assert_eq!(broken, [""; 0]);
}

/// A test is named as `` [`name`](path/to/file.rs) ``.
#[test]
fn every_named_test_exists() {
    let mut missing = Vec::new();
    let mut found = 0;
    for paper in papers() {
        for link in links(&read(&paper)) {
            let Some(name) = link.test_name() else {
                continue;
            };
            let Some(target) = link.file_beside(&paper).filter(|target| target.exists()) else {
                continue; // the other test's business
            };
            let code = read(&target);
            if ["(", "<"]
                .iter()
                .any(|next| code.contains(&format!("fn {name}{next}")))
            {
                found += 1;
            } else {
                missing.push(format!("{}: {name}", paper.display()));
            }
        }
    }
    println!("{found} named tests exist");
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_dependency_has_its_row() {
    let root = root();
    let manifest: toml::Table = read(&root.join("Cargo.toml")).parse().expect("TOML");
    let asked: BTreeMap<String, String> = manifest["workspace"]["dependencies"]
        .as_table()
        .expect("a table of dependencies")
        .iter()
        .filter(|(name, _)| !name.starts_with("countersign-"))
        .map(|(name, value)| (name.clone(), version(value).to_owned()))
        .collect();

    let explained: BTreeMap<String, String> = read(&root.join("docs/dependencies.md"))
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|row| {
            let mut cells = row.split('|').map(str::trim);
            let name = cells.next().expect("a name").trim_end_matches('`');
            let version = cells.next().expect("a version");
            (name.to_owned(), version.to_owned())
        })
        .collect();
    assert_eq!(explained, asked);
}

#[test]
fn every_dependency_is_asked_for() {
    let root = root();
    let crates = fs::read_dir(root.join("crates")).expect("a folder");
    let manifests: Vec<toml::Table> = crates
        .map(|entry| entry.expect("a folder's entry").path())
        .chain(["bench", "examples/orders", "mutants"].map(|tool| root.join(tool)))
        .map(|folder| read(&folder.join("Cargo.toml")).parse().expect("TOML"))
        .collect();
    let workspace: toml::Table = read(&root.join("Cargo.toml")).parse().expect("TOML");
    let unused: Vec<&String> = workspace["workspace"]["dependencies"]
        .as_table()
        .expect("a table of dependencies")
        .keys()
        .filter(|name| !manifests.iter().any(|manifest| asks_for(manifest, name)))
        .collect();
    assert_eq!(unused, [""; 0]);
}

#[test]
fn links_are_read_as_written() {
    let text =
        "See [`a_test`](x/y.rs), [the design](../docs/design.md#why) and [RFC](https://rfc).";
    let found: Vec<(&str, Option<&str>)> = links(text)
        .iter()
        .map(|link| (link.target, link.test_name()))
        .collect();
    assert_eq!(
        found,
        [
            ("x/y.rs", Some("a_test")),
            ("../docs/design.md#why", None),
            ("https://rfc", None),
        ]
    );
}

/// `[text](target)`
struct Link<'t> {
    text: &'t str,
    target: &'t str,
}

impl<'t> Link<'t> {
    /// The file that it leads to, if it is one of ours.
    fn file_beside(&self, paper: &Path) -> Option<PathBuf> {
        let path = self.target.split('#').next().unwrap_or_default();
        let is_ours = !path.is_empty() && !path.contains(':');
        is_ours.then(|| paper.parent().expect("a folder").join(path))
    }

    /// The test that it names.
    fn test_name(&self) -> Option<&'t str> {
        let name = self.text.strip_prefix('`')?.strip_suffix('`')?;
        let is_rust = Path::new(self.target).extension()? == "rs";
        let is_test = is_rust && !name.contains(['.', '/']);
        is_test.then_some(name)
    }
}

fn links(text: &str) -> Vec<Link<'_>> {
    text.split("](")
        .zip(text.split("](").skip(1))
        .filter_map(|(before, after)| {
            Some(Link {
                text: before.rsplit_once('[')?.1,
                target: after.split_once(')')?.0,
            })
        })
        .collect()
}

/// Whether any of the manifest's tables of dependencies, those of a target included, has this name.
fn asks_for(manifest: &toml::Table, name: &str) -> bool {
    manifest.iter().any(|(key, value)| {
        let Some(table) = value.as_table() else {
            return false;
        };
        (key.ends_with("dependencies") && table.contains_key(name)) || asks_for(table, name)
    })
}

/// The version that a line of `[workspace.dependencies]` asks for.
fn version(value: &toml::Value) -> &str {
    let version = value.get("version").unwrap_or(value);
    version.as_str().expect("a version")
}

/// Every Markdown file at the root, in `docs` and beside the examples.
fn papers() -> Vec<PathBuf> {
    let papers: Vec<PathBuf> = [
        "",
        "docs",
        "docs/styles",
        "clients/browser",
        "examples/orders",
        "examples/verifiers",
    ]
    .iter()
    .flat_map(|folder| fs::read_dir(root().join(folder)).expect("a folder"))
    .map(|entry| entry.expect("a folder's entry").path())
    .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    .collect();
    assert!(
        papers.len() >= 5,
        "only these papers were found: {papers:?}"
    );
    papers
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
