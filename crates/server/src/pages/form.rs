//! Forms: as a browser sent them, and as a page shows them again with what is wrong.

use std::collections::BTreeMap;

use axum::extract::Request;
use axum::http::StatusCode;
use serde::Serialize;

use super::reader::Reader;
use super::texts::Texts;
use crate::http::{App, Code, Form, Problem};

/// What a browser sent.
pub(crate) struct Filled(Form);

impl Filled {
    pub(crate) async fn read(request: Request) -> Result<Self, Problem> {
        Form::read(request).await.map(Self)
    }

    /// What stands in a field; nothing is as good as no field.
    pub(crate) fn text(&self, name: &'static str) -> Result<Option<&str>, Problem> {
        let mut values = self.0.all(name);
        let value = values.next();
        if values.next().is_some() {
            let detail = format!("{name} occurs more than once");
            return Err(Problem::new(Code::DuplicateField, detail).field(name));
        }
        Ok(value)
    }
}

/// A form as a page shows it. It never holds a password.
#[derive(Serialize)]
pub(crate) struct FormView {
    values: BTreeMap<&'static str, String>,
    /// What is wrong with which field.
    wrong: BTreeMap<&'static str, String>,
    /// What is wrong with all of it.
    alert: Option<String>,
    /// Where the reader is taken: a field, or `alert`.
    focus: Option<&'static str>,
    #[serde(skip)]
    status: StatusCode,
    /// In how many seconds it may be sent again.
    #[serde(skip)]
    retry_after: Option<u32>,
    #[serde(skip)]
    fields: &'static [&'static str],
}

impl FormView {
    /// An empty one of these fields.
    pub(crate) fn new(fields: &'static [&'static str]) -> Self {
        Self {
            values: BTreeMap::new(),
            wrong: BTreeMap::new(),
            alert: None,
            focus: None,
            status: StatusCode::OK,
            retry_after: None,
            fields,
        }
    }

    /// With something in a field.
    pub(crate) fn value(mut self, name: &'static str, value: Option<&str>) -> Self {
        self.values
            .insert(name, value.unwrap_or_default().to_owned());
        self
    }

    /// With the reader in this field.
    pub(crate) fn focus(mut self, name: &'static str) -> Self {
        self.focus = Some(name);
        self
    }

    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) const fn retry_after(&self) -> Option<u32> {
        self.retry_after
    }

    /// Of these fields, those that are empty, are wrong. Whether there is any.
    pub(crate) fn lacks(
        &mut self,
        app: &App,
        reader: &Reader,
        filled: &[(&'static str, Option<&str>)],
    ) -> bool {
        let texts = app.pages().texts(reader.address.language());
        for (name, value) in filled {
            if value.is_none() {
                self.wrong
                    .insert(name, texts.get("problem.missing_field").to_owned());
            }
        }
        let mut fields = self.fields.iter().copied();
        let first = fields.find(|name| self.wrong.contains_key(name));
        if first.is_some() {
            self.focus = first;
            self.status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        first.is_some()
    }

    /// Says what is wrong: at its field, if it is about one of these, and otherwise above them all; the reader is taken to
    /// it, or to `to`. What no form can cure is handed back.
    pub(crate) fn refused(
        &mut self,
        app: &App,
        reader: &Reader,
        problem: Problem,
        to: &'static str,
    ) -> Result<(), Problem> {
        let code = problem.code();
        if code == Code::Internal || problem.at_field() == Some("client_id") {
            return Err(problem);
        }
        self.retry_after = problem.retry_after_seconds();
        let texts = app.pages().texts(reader.address.language());
        let text = message(app, texts, &problem);
        let field = problem
            .at_field()
            .and_then(|at| self.fields.iter().copied().find(|field| *field == at));
        if let Some(field) = field {
            self.wrong.insert(field, text);
        } else {
            self.alert = Some(text);
        }
        self.focus = field.or(Some(to));
        // A page asks for no credentials in HTTP's sense, and nothing conflicts but what was filled in.
        self.status = match code.status() {
            StatusCode::UNAUTHORIZED | StatusCode::CONFLICT => StatusCode::UNPROCESSABLE_ENTITY,
            status => status,
        };
        Ok(())
    }
}

/// What is wrong, in the reader's language.
fn message(app: &App, texts: &Texts, problem: &Problem) -> String {
    let own = format!("problem.{}", problem.code().name());
    let key = if texts.find(&own).is_some() {
        own.as_str()
    } else if problem.code().status() == StatusCode::SERVICE_UNAVAILABLE {
        "problem.unavailable"
    } else {
        "problem.other"
    };
    texts.fill(
        key,
        &[
            ("brand", app.pages().name()),
            ("max", &countersign_auth::password::MAX_LENGTH.to_string()),
            (
                "wait",
                &texts.wait(problem.retry_after_seconds().unwrap_or(1)),
            ),
        ],
    )
}

/// How long a password is at least.
pub(crate) fn min_length(app: &App) -> usize {
    app.auth().settings().passwords.min_length
}
