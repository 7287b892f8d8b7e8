//! Every code that a guard gives is in the papers.

#[test]
fn the_papers_list_every_code() {
    let page = include_str!("../../../docs/services.md");
    let sources = [
        include_str!("../src/axum/denial.rs"),
        include_str!("../src/net/denied.rs"),
        include_str!("../src/refused.rs"),
    ];
    let arms = sources.iter().flat_map(|source| source.lines());
    let codes: Vec<&str> = arms
        .filter_map(|line| line.split_once(" => \"")?.1.strip_suffix("\","))
        .filter(|text| !text.contains(' '))
        .collect();
    println!("{codes:?}");
    assert!(codes.len() > 20, "{}", codes.len());
    for code in codes {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}
