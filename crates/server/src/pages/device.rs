//! A device as its owner would call it, from what its browser says of itself (`User-Agent`). A hint for people: nothing is
//! decided by it, and a browser may say what it likes.

use super::texts::Texts;

/// What browsers are called, by the word that tells each from those that it imitates; the more particular come first.
const BROWSERS: [(&str, &str); 9] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
];

/// The same of systems.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];

/// How much of what is not known is shown.
const LENGTH: usize = 40;

/// `Firefox on Linux`.
pub(super) fn device(texts: &Texts, agent: Option<&str>) -> String {
    let Some(agent) = agent.map(str::trim).filter(|agent| !agent.is_empty()) else {
        return texts.get("sessions.unknown_device").to_owned();
    };
    let known = |names: &[(&str, &'static str)]| {
        let found = names.iter().find(|(word, _)| agent.contains(word));
        found.map(|(_, name)| *name)
    };
    match (known(&BROWSERS), known(&SYSTEMS)) {
        (Some(browser), Some(system)) => texts.fill(
            "sessions.device_on",
            &[("browser", browser), ("system", system)],
        ),
        (Some(name), None) | (None, Some(name)) => name.to_owned(),
        (None, None) => agent
            .chars()
            .filter(|c| !c.is_control())
            .take(LENGTH)
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pages::texts::Language;

    #[test]
    fn devices_are_called_what_people_call_them() {
        let texts = Texts::of(Language::English);
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            ("curl/8.16.0", "curl"),
            ("my-tool/1 <script>\u{7}", "my-tool/1 <script>"),
            ("  ", "Unknown device"),
        ] {
            assert_eq!(device(&texts, Some(agent)), name);
        }
        assert_eq!(device(&texts, None), "Unknown device");
        assert_eq!(device(&texts, Some(&"x".repeat(500))).len(), LENGTH);
    }
}
