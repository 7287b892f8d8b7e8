//! From a template to an answer: the templates, what every page is rendered with, and the headers that it bears.

use std::fmt;
use std::sync::{Arc, OnceLock};

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use countersign_auth::model::user::User;
use minijinja::value::{Kwargs, Serde, Value};
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context};
use serde::Serialize;

use super::assets::Assets;
use super::brand::{Brand, PagesConfig};
use super::form::FormView;
use super::reader::{Address, Reader};
use super::texts::{LANGUAGES, Language, Texts, fill};
use crate::http::{App, Code, Problem};

/// Every template, by its name.
pub(super) const TEMPLATES: [(&str, &str); 16] = [
    ("layout.html", include_str!("../../pages/layout.html")),
    ("card.html", include_str!("../../pages/card.html")),
    ("form.html", include_str!("../../pages/form.html")),
    ("sign-in.html", include_str!("../../pages/sign-in.html")),
    ("signed-in.html", include_str!("../../pages/signed-in.html")),
    ("continue.html", include_str!("../../pages/continue.html")),
    ("register.html", include_str!("../../pages/register.html")),
    ("closed.html", include_str!("../../pages/closed.html")),
    ("sign-out.html", include_str!("../../pages/sign-out.html")),
    ("forgotten.html", include_str!("../../pages/forgotten.html")),
    ("error.html", include_str!("../../pages/error.html")),
    ("account.html", include_str!("../../pages/account.html")),
    ("profile.html", include_str!("../../pages/profile.html")),
    ("password.html", include_str!("../../pages/password.html")),
    ("sessions.html", include_str!("../../pages/sessions.html")),
    ("activity.html", include_str!("../../pages/activity.html")),
];

const SHEET: &str = concat!(
    include_str!("../../pages/colours.css"),
    include_str!("../../pages/style.css")
);

/// The pages, as this server shows them: templates, texts, brand, and what they load. Made once.
pub struct Pages {
    templates: Environment<'static>,
    texts: [Texts; LANGUAGES.len()],
    assets: Assets,
    /// The addresses of what pages load.
    loaded: Value,
    brand: Value,
    name: String,
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Pages {
    /// The pages as they are without any setting.
    ///
    /// # Panics
    /// Never: they are part of the binary, and every test shows them.
    #[must_use]
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: OnceLock<Arc<Pages>> = OnceLock::new();
        let pages =
            || Arc::new(Self::open(&PagesConfig::default()).expect("the defaults are good"));
        BUILT_IN.get_or_init(pages).clone()
    }

    pub(super) fn new(brand: Brand) -> Result<Self, String> {
        let mut templates = Environment::new();
        templates.set_auto_escape_callback(|_| AutoEscape::Html);
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.add_filter("fill", filled);
        let mut chosen = brand.templates;
        for (name, built_in) in TEMPLATES {
            let added = match chosen.remove(name) {
                None => templates.add_template(name, built_in),
                Some(own) => templates.add_template_owned(name, own),
            };
            added.map_err(|error| error.to_string())?;
        }

        let mut assets = Assets::default();
        let sheet = brand.accent.sheet() + SHEET;
        let style = assets.add("style", "css", sheet);
        let script = assets.add("pages", "js", include_str!("../../pages/pages.js"));
        let logo = brand
            .logo
            .map(|logo| assets.add("logo", logo.extension, logo.bytes));
        let icon = logo.clone().unwrap_or_else(|| {
            let icon = include_str!("../../pages/icon.svg")
                .replace("ACCENT", &brand.accent.light.to_string());
            assets.add("icon", "svg", icon)
        });
        // Of our own making: nothing in them has to be escaped.
        let safe = |address: String| Value::from_safe_string(address);
        let loaded = context! {
            style => safe(style),
            script => safe(script),
            icon => safe(icon),
            logo => logo.map_or(Value::from(()), safe),
        };
        Ok(Self {
            templates,
            texts: LANGUAGES.map(Texts::of),
            assets,
            loaded,
            brand: context! { name => brand.name.clone(), support => Value::from(Serde(&brand.support)) },
            name: brand.name,
        })
    }

    pub(super) fn assets(&self) -> &Assets {
        &self.assets
    }

    /// What the pages call themselves.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn texts(&self, language: Language) -> &Texts {
        let known = LANGUAGES.iter().position(|known| *known == language);
        &self.texts[known.unwrap_or_default()]
    }

    /// A template, filled in. What is wrong with it is the log's.
    pub(crate) fn render(
        &self,
        template: &str,
        at: &Address,
        values: Value,
    ) -> Result<String, Problem> {
        self.fill(template, at, values).map_err(|error| {
            tracing::error!(
                template,
                error = format!("{error:#}"),
                "a page could not be made"
            );
            Problem::new(
                Code::Internal,
                "the page could not be made: the server's log says more",
            )
        })
    }

    pub(super) fn fill(
        &self,
        template: &str,
        at: &Address,
        values: Value,
    ) -> Result<String, minijinja::Error> {
        let texts = self.texts(at.language());
        let languages = LANGUAGES.map(|language| {
            context! {
                code => language.code(),
                name => self.texts(language).get("language"),
                current => language == at.language(),
                address => at.in_language(language),
            }
        });
        let all = context! {
            lang => at.language().locale(),
            languages => languages.to_vec(),
            t => texts.value.clone(),
            brand => self.brand.clone(),
            assets => self.loaded.clone(),
            q => at.query(),
            home => at.home_query(),
            ..values
        };
        self.templates.get_template(template)?.render(all)
    }
}

/// `text | fill(name=value)`
#[expect(
    clippy::needless_pass_by_value,
    reason = "a filter's arguments are handed over"
)]
fn filled(text: String, values: Kwargs) -> Result<String, minijinja::Error> {
    let mut named: Vec<(&str, String)> = Vec::new();
    for name in values.args() {
        let value: Value = values.get(name)?;
        named.push((name, value.to_string()));
    }
    let named: Vec<(&str, &str)> = named
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    Ok(fill(&text, &named))
}

/// Somebody, as a page names them.
#[derive(Serialize)]
pub(crate) struct ShownUser<'a> {
    who: &'a str,
    email: &'a str,
    roles: &'a [String],
}

impl<'a> From<&'a User> for ShownUser<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            who: who(user),
            email: &user.email,
            roles: &user.roles,
        }
    }
}

/// What to call somebody.
pub(crate) fn who(user: &User) -> &str {
    let names = [user.name.as_deref(), user.username.as_deref()];
    names.into_iter().flatten().next().unwrap_or(&user.email)
}

/// A page on its way out.
pub(crate) struct Page<'a> {
    app: &'a App,
    reader: &'a Reader,
    template: &'static str,
    status: StatusCode,
    retry_after: Option<u32>,
    values: Value,
    leads_to: Option<&'a str>,
}

impl<'a> Page<'a> {
    pub(crate) fn new(app: &'a App, reader: &'a Reader, template: &'static str) -> Self {
        Self {
            app,
            reader,
            template,
            status: StatusCode::OK,
            retry_after: None,
            values: context! { done => app.pages().done(reader) },
            leads_to: None,
        }
    }

    /// What the template is filled with.
    pub(crate) fn with(mut self, values: Value) -> Self {
        self.values = context! { ..values, ..self.values };
        self
    }

    /// With somebody who is signed in.
    pub(crate) fn of(self, user: &User) -> Self {
        self.with(context! { user => Value::from(Serde(&ShownUser::from(user))) })
    }

    /// With a form as it stands, and the status that it earned.
    pub(crate) fn form(mut self, form: &FormView) -> Self {
        self.status = form.status();
        self.retry_after = form.retry_after();
        self.with(context! { form => Value::from(Serde(form)) })
    }

    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Its form ends in a redirect to this origin, which browsers ask the policy about, too.
    pub(crate) fn leads_to(mut self, origin: Option<&'a str>) -> Self {
        self.leads_to = origin;
        self
    }

    pub(crate) fn answer(self) -> Result<Response, Problem> {
        let html = self
            .app
            .pages()
            .render(self.template, &self.reader.address, self.values)?;
        let mut response = (self.status, html).into_response();
        dress(response.headers_mut(), self.leads_to);
        if let Some(seconds) = self.retry_after {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, seconds.into());
        }
        Ok(response)
    }
}

impl Pages {
    /// What has just been done, as the address says it after a redirect.
    fn done(&self, reader: &Reader) -> Value {
        let key = reader.done().map(|done| format!("done.{done}"));
        let text = key.and_then(|key| {
            self.texts(reader.address.language())
                .find(&key)
                .map(str::to_owned)
        });
        text.map_or(Value::from(()), Value::from)
    }
}

/// The headers of a page: nothing in it may run or load but what is this server's own, nobody may frame it, and it stays
/// apart from whoever opened it.
pub(crate) fn dress(headers: &mut HeaderMap, leads_to: Option<&str>) {
    const COOP: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'{}; base-uri 'none'; \
         frame-ancestors 'none'; require-trusted-types-for 'script'",
        leads_to.map(form_target).unwrap_or_default()
    );
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(COOP, HeaderValue::from_static("same-origin"));
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    );
}

/// An origin of a client's list as a source of a policy. An address of IPv6 cannot be one (CSP3 §2.3.1); its scheme can.
fn form_target(origin: &str) -> String {
    match origin.split_once("://") {
        Some((scheme, host)) if host.starts_with('[') => format!(" {scheme}:"),
        _ => format!(" {origin}"),
    }
}
