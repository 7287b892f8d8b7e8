//! The commands of `README.md` work, and print what it says.

use crate::demo::{Demo, bash};

/// A block of commands, and the lines that it is said to print; `…` stands for anything.
struct Step {
    commands: String,
    printed: Vec<String>,
}

#[test]
fn the_commands_of_the_readme_print_what_it_says() {
    let demo = Demo::start();
    // A second is enough where nothing else goes on.
    let readme = include_str!("../../README.md").replace("\nsleep 1\n", "\nsleep 3\n");
    let steps = steps(&demo.addressed(&readme));
    assert!(steps.len() > 5, "only {} blocks of commands", steps.len());
    let marker = |n: usize| format!("==== {n}");
    let script: Vec<String> = steps
        .iter()
        .enumerate()
        .map(|(n, step)| format!("echo '{}'\n{}", marker(n), step.commands))
        .collect();
    let said = bash(&demo, &script.concat());
    println!("{said}");
    for (n, step) in steps.iter().enumerate() {
        let (_, after) = said.split_once(&marker(n)).unwrap();
        let (said, _) = after.split_once("==== ").unwrap_or((after, ""));
        for line in &step.printed {
            let is_there = said.lines().any(|said| fits(said.trim_end(), line));
            assert!(
                is_there,
                "{line}\nis not in what this printed:\n{}{said}",
                step.commands
            );
        }
    }
}

/// The blocks of commands after `<!-- test -->`, each with what stands in a block of text behind it.
fn steps(readme: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = readme.lines();
    let mut is_tested = false;
    while let Some(line) = lines.next() {
        if !line.starts_with("```") {
            is_tested |= line == "<!-- test -->";
            continue;
        }
        let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match line {
            "```sh" => {
                let commands = block.join("\n") + "\n";
                let is_known = std::mem::take(&mut is_tested) || steps.is_empty();
                assert!(is_known, "a block that nobody runs:\n{commands}");
                let printed = Vec::new();
                steps.push(Step { commands, printed });
            }
            "```text" => {
                steps.last_mut().unwrap().printed = block.into_iter().map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    steps.remove(0); // `make demo` itself
    steps
}

/// Whether a line is as it was said to be.
fn fits(said: &str, pattern: &str) -> bool {
    let mut parts = pattern.split('…');
    let Some(mut rest) = parts.next().and_then(|first| said.strip_prefix(first)) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
        last = Some(part);
    }
    rest.is_empty() || last == Some("")
}
