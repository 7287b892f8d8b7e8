//! Whatever is public says in its documentation where the standards speak of it.

use std::fs;
use std::path::{Path, PathBuf};

/// What no standard has: bounds and names of our own, how sets are looked through, and a library
/// that fails.
const OURS: [&str; 8] = [
    "TooLong",
    "Failed",
    "MAX_TOKEN",
    "MAX_HEADER",
    "code",
    "iter",
    "len",
    "is_empty",
];

#[test]
fn everything_public_names_its_section() {
    let mut documented = 0;
    let mut lacking = Vec::new();
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")) {
        let source = fs::read_to_string(&file).expect("a source file");
        for (name, text) in public_items(&source) {
            documented += 1;
            if !cites(&text) && !OURS.contains(&name) {
                lacking.push(format!("{}: {name}", file.display()));
            }
        }
    }
    println!("{documented} types, variants, fields, functions and constants");
    assert!(documented > 270, "{documented}");
    assert_eq!(lacking, [""; 0]);
}

/// The table of codes says what `code` says, line by line.
#[test]
fn every_code_is_in_the_table() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error.rs");
    let source = fs::read_to_string(file).expect("a source file");
    let listed: Vec<(&str, &str)> = source
        .lines()
        .filter_map(|line| line.trim().strip_prefix("/// | [`")?.split_once("`]("))
        .filter_map(|(name, rest)| Some((name, rest.split('`').nth(1)?)))
        .collect();
    let given: Vec<(&str, &str)> = source
        .lines()
        .filter_map(|line| {
            line.trim()
                .strip_prefix("Self::")?
                .split_once("=> \"token_")
        })
        .map(|(arm, _)| word(arm))
        .zip(source.split("=> \"").filter_map(|rest| {
            let code = rest.split('"').next()?;
            code.starts_with("token_").then_some(code)
        }))
        .collect();
    assert!(given.len() > 35, "{}", given.len());
    assert_eq!(listed, given);
}

/// Of these texts the rule above is made; that it can tell them apart.
#[test]
fn public_items_are_found_with_what_is_said_of_them() {
    let source = r#"
/// A key (RFC 7517 §4).
#[derive(Clone)]
pub struct Key {
    /// How long.
    pub len: usize,
    hidden: usize,
}
/// Why not.
pub enum Why {
    /// Too much
    /// of it (RFC 7515 §4).
    #[error(
        "too much"
    )]
    Much {
        /// So much.
        bytes: usize,
    },
    Little(usize),
}
impl Key {
    /// The longest.
    pub const MAX: usize = 1;
    /// Looks.
    pub const fn look(self) {}
    /// Ours alone.
    pub(crate) fn inner(self) {}
    pub fn bare() {}
}
#[cfg(test)]
mod tests {
    pub fn helper() {}
}
"#;
    let found = public_items(source);
    let names: Vec<&str> = found.iter().map(|(name, _)| *name).collect();
    let expected = ["Key", "len", "Why", "Much", "Little", "MAX", "look", "bare"];
    assert_eq!(names, expected);
    let citing = found.iter().filter(|(_, text)| cites(text));
    assert_eq!(
        citing.map(|(name, _)| *name).collect::<Vec<_>>(),
        ["Key", "Much"]
    );
}

fn cites(text: &str) -> bool {
    let standard = ["RFC ", "FIPS ", "OpenID Connect "];
    let section = ["§", "appendix "];
    standard.iter().any(|name| text.contains(name)) && section.iter().any(|at| text.contains(at))
}

/// Every public item of a file, with what is said about it.
fn public_items(source: &str) -> Vec<(&str, String)> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    let mut text = String::new();
    let (mut in_enum, mut in_attribute) = (false, false);
    for line in code.lines() {
        let item = line.trim_start();
        if let Some(more) = item.strip_prefix("///") {
            text.push_str(more);
            continue;
        }
        in_attribute |= item.starts_with("#[");
        if in_attribute {
            in_attribute = !item.ends_with(']');
            continue;
        }
        if line == "}" {
            in_enum = false;
        }
        let variant = in_enum && line.strip_prefix("    ").is_some_and(starts_upper);
        if let Some(name) = item.strip_prefix("pub ").and_then(name_of) {
            found.push((name, text.clone()));
            in_enum = item.starts_with("pub enum ");
        } else if variant {
            found.push((word(item), text.clone()));
        }
        text.clear();
    }
    found
}

/// The name of what is declared after `pub`, or of a field; modules and re-exports have no section.
fn name_of(declaration: &str) -> Option<&str> {
    let kinds = [
        "const fn ",
        "fn ",
        "const ",
        "static ",
        "struct ",
        "enum ",
        "trait ",
        "type ",
    ];
    let kind = kinds.iter().find_map(|kind| declaration.strip_prefix(kind));
    let name = word(kind.unwrap_or(declaration));
    let is_field = declaration[name.len()..].starts_with(": ");
    (kind.is_some() || is_field).then_some(name)
}

fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

fn starts_upper(text: &str) -> bool {
    text.starts_with(char::is_uppercase)
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries
        .map(|entry| entry.expect("an entry").path())
        .flat_map(|path| {
            if path.is_dir() {
                sources(&path)
            } else {
                vec![path]
            }
        })
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .collect()
}
