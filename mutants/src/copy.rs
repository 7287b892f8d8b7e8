//! A copy of the source tree to break, so that the tree itself stays whole.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Problem;
use crate::list::Mutant;

/// The files that git knows or would take, as they are in the checkout now.
pub struct Copy {
    from: PathBuf,
    to: PathBuf,
}

impl Copy {
    /// Brings `to` up to date with the checkout `from`. Files that are the same already are left
    /// alone, so that cargo builds only what changed.
    pub fn take(from: &Path, to: &Path) -> Result<Self, Problem> {
        let copy = Self {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        let files = source_files(from)?;
        for file in &files {
            copy.restore(file)?;
        }
        let kept = files.iter().map(|file| to.join(file)).collect();
        remove_others(to, &kept)?;
        Ok(copy)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.to
    }

    /// How often the text to replace stands in its file.
    pub fn occurrences(&self, mutant: &Mutant) -> Result<usize, Problem> {
        Ok(read(&self.from.join(&mutant.file))?
            .matches(&mutant.find)
            .count())
    }

    /// Breaks the copy; [`Copy::restore`] mends it.
    pub fn mutate(&self, mutant: &Mutant) -> Result<(), Problem> {
        let whole = read(&self.from.join(&mutant.file))?;
        let broken = whole.replacen(&mutant.find, &mutant.replace, 1);
        write(&self.to.join(&mutant.file), broken.as_bytes())
    }

    /// Makes this one file as it is in the checkout.
    pub fn restore(&self, file: &Path) -> Result<(), Problem> {
        let (from, to) = (self.from.join(file), self.to.join(file));
        let whole = fs::read(&from).map_err(|cause| Problem::File { path: from, cause })?;
        if fs::read(&to).is_ok_and(|there| there == whole) {
            return Ok(());
        }
        write(&to, &whole)
    }
}

/// Deletes the files under `folder` which are not in `kept`.
fn remove_others(folder: &Path, kept: &HashSet<PathBuf>) -> Result<(), Problem> {
    let problem = |cause| Problem::File {
        path: folder.to_owned(),
        cause,
    };
    for entry in fs::read_dir(folder).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let path = entry.path();
        if entry.file_type().map_err(problem)?.is_dir() {
            remove_others(&path, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path).map_err(problem)?;
        }
    }
    Ok(())
}

/// Paths from `root` of all files that git tracks, or would if they were added, and that are there.
fn source_files(root: &Path) -> Result<Vec<PathBuf>, Problem> {
    let output = Command::new("git")
        .args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ])
        .current_dir(root)
        .output()
        .map_err(|cause| Problem::Start {
            program: "git",
            cause,
        })?;
    if !output.status.success() {
        return Err(Problem::NotACheckout);
    }
    let names = String::from_utf8_lossy(&output.stdout);
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|file| root.join(file).is_file())
        .collect())
}

fn read(path: &Path) -> Result<String, Problem> {
    fs::read_to_string(path).map_err(|cause| Problem::File {
        path: path.to_owned(),
        cause,
    })
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(path, bytes))
        .map_err(|cause| Problem::File {
            path: path.to_owned(),
            cause,
        })
}
