//! Somebody with a browser that runs no script: it follows links and redirects, fills in the forms that it is shown, and
//! keeps cookies.

use crate::actors::Browser;
use crate::server::{PASSWORD, Server};
use crate::support::client::{Answer, Request};

/// Somebody, and the page before them.
pub struct Person<'a> {
    pub browser: Browser<'a>,
    language: &'static str,
    pub page: Answer,
    pub path: String,
}

impl<'a> Person<'a> {
    /// Nobody yet, before no page.
    pub fn new(server: &'a Server) -> Self {
        Self {
            browser: Browser::new(server),
            language: "en",
            page: Answer {
                status: 0,
                headers: Vec::new(),
                body: Vec::new(),
            },
            path: String::new(),
        }
    }

    /// Who reads this language.
    pub fn reading(mut self, language: &'static str) -> Self {
        self.language = language;
        self
    }

    /// Somebody who registered, and signed in by the page.
    pub async fn signed_in(server: &'a Server, email: &str) -> Self {
        server.register(email).await;
        let mut person = Self::new(server);
        person.sign_in(email, PASSWORD).await;
        assert_eq!(person.path, "/account", "{}", person.page.everything());
        person
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> &Answer {
        self.open("/login").await;
        self.fill(&[("identifier", email), ("password", password)])
            .await
    }

    /// Types an address, or follows a link, and whatever redirects within the server follow.
    pub async fn open(&mut self, path: &str) -> &Answer {
        let answer = self.ask(Request::get(path)).await;
        self.arrive(path, answer).await
    }

    /// Fills in the one form of the page that leads to where its own address says, and sends it.
    pub async fn fill(&mut self, fields: &[(&str, &str)]) -> &Answer {
        let html = self.page.text();
        let own = self.path.split('?').next().unwrap().to_owned();
        let action = actions(&html)
            .into_iter()
            .find(|action| action.split('?').next() == Some(&own))
            .unwrap_or_else(|| panic!("no form for {own}:\n{html}"));
        for (name, _) in fields {
            let wanted = format!("name=\"{name}\"");
            assert!(html.contains(&wanted), "no field {name}:\n{html}");
        }
        self.send(&action, fields).await
    }

    /// Presses the button of the form that leads there.
    pub async fn press(&mut self, path: &str, fields: &[(&str, &str)]) -> &Answer {
        let html = self.page.text();
        let action = actions(&html)
            .into_iter()
            .find(|action| action.split('?').next() == Some(path))
            .unwrap_or_else(|| panic!("no form for {path}:\n{html}"));
        self.send(&action, fields).await
    }

    /// Presses *Continue*, which says whose session the page showed.
    pub async fn go_on(&mut self) -> &Answer {
        let shown = self.shown_session();
        self.fill(&[("continue", &shown)]).await
    }

    /// The session that the page offers to go on in.
    pub fn shown_session(&self) -> String {
        let html = self.page.text();
        let (_, after) = html
            .split_once("name=\"continue\" value=\"")
            .unwrap_or_else(|| panic!("nothing to go on:\n{html}"));
        after.split('"').next().unwrap().to_owned()
    }

    /// Sends a form, whether a page showed it or not.
    pub async fn send(&mut self, action: &str, fields: &[(&str, &str)]) -> &Answer {
        let answer = self.ask(Request::post(action).form(fields)).await;
        self.arrive(action, answer).await
    }

    async fn ask(&mut self, request: Request) -> Answer {
        let request = request
            .header("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
            .header("Accept-Language", self.language)
            .header("Sec-Fetch-Mode", "navigate");
        self.browser.send(request).await
    }

    async fn arrive(&mut self, path: &str, mut answer: Answer) -> &Answer {
        path.clone_into(&mut self.path);
        for _ in 0..4 {
            if answer.status != 303 {
                break;
            }
            let location = answer.header("location").unwrap().to_owned();
            self.path.clone_from(&location);
            if !location.starts_with('/') {
                break;
            }
            answer = self.ask(Request::get(&location)).await;
        }
        self.page = answer;
        &self.page
    }

    /// What the page says, without its marks.
    pub fn text(&self) -> String {
        let html = self.page.text();
        let body = html.split_once("<body").map_or("", |(_, body)| body);
        let mut text = String::new();
        for part in body.split('<').skip(1) {
            text.push_str(part.split_once('>').map_or("", |(_, after)| after));
            text.push(' ');
        }
        let words: Vec<&str> = text.split_whitespace().collect();
        unescaped(&words.join(" "))
    }

    /// The heading of the page.
    pub fn heading(&self) -> String {
        let html = self.page.text();
        let heading = html
            .split_once("<h1>")
            .and_then(|(_, after)| after.split_once("</h1>"));
        let heading = heading.map_or("", |(heading, _)| heading);
        unescaped(heading.split('<').next().unwrap().trim())
    }

    /// What is said to be wrong with a field.
    pub fn message_at(&self, field: &str) -> Option<String> {
        let html = self.page.text();
        let id = format!("id=\"{field}-wrong\">");
        let (_, after) = html.split_once(&id)?;
        // And the field says where that stands.
        let input = input(&html, field);
        assert!(input.contains("aria-invalid=\"true\""), "{input}");
        assert!(input.contains(&format!("{field}-wrong")), "{input}");
        Some(unescaped(after.split('<').next()?))
    }

    /// The field that the reader is taken to.
    pub fn focused(&self) -> Option<String> {
        let html = self.page.text();
        let (before, _) = html.split_once(" autofocus")?;
        assert_eq!(html.matches(" autofocus").count(), 1);
        let tag = before.rsplit('<').next()?;
        Some(tag.split_once("id=\"")?.1.split('"').next()?.to_owned())
    }

    /// What stands above the form.
    pub fn alert(&self) -> Option<String> {
        let html = self.page.text();
        let (_, after) = html.split_once("role=\"alert\"")?;
        let text = after.split_once('>')?.1;
        Some(unescaped(text.split('<').next()?))
    }

    /// What is in a field.
    pub fn value_of(&self, field: &str) -> String {
        let html = self.page.text();
        let input = input(&html, field);
        let value = input.split_once(" value=\"").map_or("", |(_, value)| value);
        unescaped(value.split('"').next().unwrap())
    }
}

fn input(html: &str, field: &str) -> String {
    let from = format!("<input id=\"{field}\"");
    let (_, after) = html
        .split_once(&from)
        .unwrap_or_else(|| panic!("no field {field}:\n{html}"));
    after.split('>').next().unwrap().to_owned()
}

/// Where the forms of a page lead.
pub fn actions(html: &str) -> Vec<String> {
    let forms = html.split("<form ").skip(1);
    forms
        .map(|form| {
            let tag = form.split('>').next().unwrap();
            assert!(tag.contains("method=\"post\""), "{tag}");
            let (_, action) = tag.split_once("action=\"").unwrap();
            unescaped(action.split('"').next().unwrap())
        })
        .collect()
}

/// The text that HTML means (HTML §13.5, what the pages use of it).
pub fn unescaped(text: &str) -> String {
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#x27;", "'"),
        ("&#x2f;", "/"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (escape, meant)| {
        text.replace(escape, meant)
    })
}
