//! The list of mutants, as it stands in `mutants/list/*.toml`.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Problem;

/// One small change that some test must notice.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mutant {
    /// Unique; in the file without, here with the file's name in front: `jose/expiry-boundary`.
    pub name: String,
    /// What goes wrong for whom, in a sentence.
    pub breaks: String,
    /// The source file, from the root of the repository.
    pub file: PathBuf,
    /// Text that stands in it exactly once.
    pub find: String,
    /// What stands there instead.
    pub replace: String,
    /// Arguments of `cargo test`, separated by spaces: `-p countersign-jose --test attacks expiry`.
    pub test: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    #[serde(default)]
    mutant: Vec<Mutant>,
}

/// Reads every list of `folder`, and keeps the mutants whose name holds one of `words` (all of
/// them if there are no words).
pub fn read(folder: &Path, words: &[String]) -> Result<Vec<Mutant>, Problem> {
    let mut paths = list_files(folder)?;
    paths.sort();
    let mut mutants = Vec::new();
    for path in paths {
        mutants.extend(read_list(&path)?);
    }
    let mut names = HashSet::new();
    for mutant in &mutants {
        if !names.insert(mutant.name.clone()) {
            return Err(Problem::SameName(mutant.name.clone()));
        }
    }
    for word in words {
        if !names.iter().any(|name| name.contains(word)) {
            return Err(Problem::NoSuchMutant(word.clone()));
        }
    }
    mutants
        .retain(|mutant| words.is_empty() || words.iter().any(|word| mutant.name.contains(word)));
    Ok(mutants)
}

fn list_files(folder: &Path) -> Result<Vec<PathBuf>, Problem> {
    let unreadable = |cause| Problem::File {
        path: folder.to_owned(),
        cause,
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            paths.push(path);
        }
    }
    Ok(paths)
}

fn read_list(path: &Path) -> Result<Vec<Mutant>, Problem> {
    let text = fs::read_to_string(path).map_err(|cause| Problem::File {
        path: path.to_owned(),
        cause,
    })?;
    let mut list: List = toml::from_str(&text).map_err(|cause| Problem::List {
        path: path.to_owned(),
        cause,
    })?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    for mutant in &mut list.mutant {
        mutant.name = format!("{stem}/{}", mutant.name);
    }
    Ok(list.mutant)
}
