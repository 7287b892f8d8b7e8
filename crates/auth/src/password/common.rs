//! The passwords that attackers try first, embedded: lower case, eight characters or more, sorted by bytes.

/// One a line.
const LIST: &str = include_str!("../../data/common-passwords.txt");

/// Whether `folded` (a password in lower case) is on the list.
pub(super) fn contains(folded: &str) -> bool {
    // A binary search over the text itself, so that an idle server keeps no table for it.
    let mut rest = LIST;
    while !rest.is_empty() {
        let middle = rest.len() / 2;
        let start = rest.as_bytes()[..middle]
            .iter()
            .rposition(|&byte| byte == b'\n')
            .map_or(0, |newline| newline + 1);
        let line = rest[start..].lines().next().unwrap_or_default();
        match folded.cmp(line) {
            std::cmp::Ordering::Equal => return true,
            std::cmp::Ordering::Less => rest = &rest[..start],
            std::cmp::Ordering::Greater => {
                rest = rest.get(start + line.len() + 1..).unwrap_or_default();
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::{LIST, contains};

    #[test]
    fn the_list_is_sorted_folded_and_long_enough_to_matter() {
        let lines: Vec<_> = LIST.lines().collect();
        assert!(lines.len() > 1000, "{} lines", lines.len());
        for pair in lines.windows(2) {
            assert!(pair[0] < pair[1], "{pair:?} not in order");
        }
        for line in lines {
            assert!(
                line.is_ascii() && line == line.to_lowercase().trim(),
                "{line}"
            );
            assert!(line.len() >= 8, "{line} is too short to be accepted anyway");
        }
    }

    #[test]
    fn every_line_is_found_and_no_neighbour_of_one() {
        for line in LIST.lines() {
            assert!(contains(line), "{line}");
            for other in [format!("{line}~"), format!("{line}\n"), format!("!{line}")] {
                assert!(!contains(&other), "{other}");
            }
            assert!(
                !contains(&line[..line.len() - 1])
                    || LIST.lines().any(|l| l == &line[..line.len() - 1])
            );
        }
        assert!(!contains(""));
        assert!(!contains("\n"));
    }
}
