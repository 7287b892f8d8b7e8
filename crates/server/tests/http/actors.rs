//! Who calls: somebody's browser, somebody's phone, a service.

use std::collections::BTreeMap;
use std::time::Duration;

use base64_simd::STANDARD;
use countersign_auth::model::client::{Client, ClientKind};
use countersign_auth::visitor::Visitor;
use serde_json::json;

use crate::server::{PASSWORD, Server};
use crate::support::client::{Answer, Request, encoded};

/// A page of the server's own origin in somebody's browser: a cookie jar, and an access token in memory.
#[derive(Clone)]
pub struct Browser<'a> {
    server: &'a Server,
    client: Option<&'static str>,
    pub jar: BTreeMap<String, String>,
    pub access_token: String,
}

impl<'a> Browser<'a> {
    /// Nobody yet.
    pub fn new(server: &'a Server) -> Self {
        Self {
            server,
            client: None,
            jar: BTreeMap::new(),
            access_token: String::new(),
        }
    }

    /// The page of another client.
    pub fn of_client(server: &'a Server, client: &'static str) -> Self {
        Self {
            client: Some(client),
            ..Self::new(server)
        }
    }

    /// Somebody registered and signed in.
    pub async fn signed_in(server: &'a Server, email: &str) -> Self {
        server.register(email).await;
        let mut browser = Self::new(server);
        browser.sign_in(email).await.expect(200);
        browser
    }

    pub async fn sign_in(&mut self, email: &str) -> Answer {
        self.sign_in_with(email, PASSWORD).await
    }

    pub async fn sign_in_with(&mut self, email: &str, password: &str) -> Answer {
        let mut form = json!({ "email": email, "password": password });
        if let Some(client) = self.client {
            form["client_id"] = client.into();
        }
        self.send(Request::post("/v1/login").json(&form)).await
    }

    pub async fn refresh(&mut self) -> Answer {
        let request = Request::post("/v1/refresh");
        let request = match self.client {
            Some(client) => request.json(&json!({ "client_id": client })),
            None => request,
        };
        self.send(request).await
    }

    pub async fn sign_out(&mut self) -> Answer {
        self.send(Request::post("/v1/logout")).await
    }

    pub async fn change_password(&mut self, new: &str) -> Answer {
        let form = json!({ "current_password": PASSWORD, "new_password": new });
        self.call(Request::post("/v1/me/password").json(&form))
            .await
    }

    /// A call with the access token.
    pub async fn call(&mut self, request: Request) -> Answer {
        let token = self.access_token.clone();
        self.send(request.bearer(&token)).await
    }

    /// Whether the access token is accepted.
    pub async fn is_welcome(&mut self) -> bool {
        self.call(Request::get("/v1/me")).await.status == 200
    }

    /// The jar, as a request bears it.
    pub fn cookies(&self) -> String {
        let cookies: Vec<_> = self.jar.iter().map(|(n, v)| format!("{n}={v}")).collect();
        cookies.join("; ")
    }

    /// Sends as a browser does: with the jar, and saying that the page is the server's own.
    pub async fn send(&mut self, request: Request) -> Answer {
        let mut request = request.header("Sec-Fetch-Site", "same-origin");
        if !self.jar.is_empty() {
            request = request.header("Cookie", &self.cookies());
        }
        let answer = self.server.send(request).await;
        self.take(&answer);
        answer
    }

    /// What a browser does with an answer that reaches it.
    pub fn take(&mut self, answer: &Answer) {
        for cookie in answer.headers("set-cookie") {
            let (pair, attributes) = cookie.split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if attributes.split(';').any(|a| a.trim() == "Max-Age=0") {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        if answer.header("content-type") == Some("application/json")
            && let Some(token) = answer.json()["access_token"].as_str()
        {
            token.clone_into(&mut self.access_token);
        }
    }

    /// The refresh token in the jar.
    pub fn refresh_token(&self) -> Option<&str> {
        let name = format!("countersign-{}", self.client.unwrap_or("default"));
        self.jar.get(&name).map(String::as_str)
    }

    pub fn set_refresh_token(&mut self, token: &str) {
        let name = format!("countersign-{}", self.client.unwrap_or("default"));
        self.jar.insert(name, token.to_owned());
    }
}

/// An application on somebody's phone, registered as the native client `phone`.
#[derive(Clone)]
pub struct Phone<'a> {
    server: &'a Server,
    pub access_token: String,
    pub refresh_token: String,
}

impl<'a> Phone<'a> {
    pub async fn signed_in(server: &'a Server, email: &str) -> Self {
        let form = json!({ "email": email, "password": PASSWORD, "client_id": "phone" });
        let answer = server
            .send(Request::post("/v1/login").json(&form))
            .await
            .expect(200);
        let mut phone = Self::at(server, "", "");
        phone.take(&answer);
        phone
    }

    /// A phone that has these.
    pub fn at(server: &'a Server, access_token: &str, refresh_token: &str) -> Self {
        Self {
            server,
            access_token: access_token.to_owned(),
            refresh_token: refresh_token.to_owned(),
        }
    }

    /// Presents a refresh token; what comes back is the caller's to take or to lose.
    pub async fn present(&self, refresh_token: &str) -> Answer {
        self.present_as("phone", refresh_token).await
    }

    pub async fn present_as(&self, client: &str, refresh_token: &str) -> Answer {
        let form = json!({ "client_id": client, "refresh_token": refresh_token });
        self.server
            .send(Request::post("/v1/refresh").json(&form))
            .await
    }

    /// Presents what it has and takes what comes back.
    pub async fn refresh(&mut self) -> Answer {
        let answer = self.present(&self.refresh_token).await;
        self.take(&answer);
        answer
    }

    pub async fn is_welcome(&self) -> bool {
        let request = Request::get("/v1/me").bearer(&self.access_token);
        self.server.send(request).await.status == 200
    }

    pub fn take(&mut self, answer: &Answer) {
        if answer.status == 200 {
            let tokens = answer.json();
            tokens["access_token"]
                .as_str()
                .unwrap()
                .clone_into(&mut self.access_token);
            tokens["refresh_token"]
                .as_str()
                .unwrap()
                .clone_into(&mut self.refresh_token);
        }
    }
}

/// A service with its secret.
pub struct Service<'a> {
    server: &'a Server,
    pub id: String,
    pub secret: String,
}

/// A form that a service sends.
#[derive(Clone)]
pub struct ServiceForm {
    request: Request,
    fields: Vec<(String, String)>,
}

impl ServiceForm {
    pub fn field(mut self, name: &str, value: &str) -> Self {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn request(self) -> Request {
        let fields = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        self.request.form(&fields.collect::<Vec<_>>())
    }
}

impl<'a> Service<'a> {
    pub async fn registered(
        server: &'a Server,
        id: &str,
        change: impl FnOnce(&mut Client),
    ) -> Self {
        server.put_client(id, ClientKind::Service, change).await;
        let mut service = Self::known(server, id, "");
        service.secret = service.another_secret(Duration::ZERO).await;
        service
    }

    /// One that is registered already, or says that it is.
    pub fn known(server: &'a Server, id: &str, secret: &str) -> Self {
        Self {
            server,
            id: id.to_owned(),
            secret: secret.to_owned(),
        }
    }

    /// A new secret, which nothing uses yet.
    pub async fn another_secret(&self, overlap: Duration) -> String {
        let id = self.id.parse().unwrap();
        let operator = Visitor::operator();
        let secret = self.server.auth.add_client_secret(&id, overlap, &operator);
        secret.await.unwrap().expose().to_owned()
    }

    /// A form whose header says who sends it.
    pub fn by_header(&self, path: &str) -> ServiceForm {
        let pair = format!("{}:{}", encoded(&self.id), encoded(&self.secret));
        let basic = format!("Basic {}", STANDARD.encode_to_string(pair));
        ServiceForm {
            request: Request::post(path).header("Authorization", &basic),
            fields: Vec::new(),
        }
    }

    /// A form that says by itself who sends it.
    pub fn by_body(&self, path: &str) -> ServiceForm {
        let form = ServiceForm {
            request: Request::post(path),
            fields: Vec::new(),
        };
        form.field("client_id", &self.id)
            .field("client_secret", &self.secret)
    }

    /// Asks for a token.
    pub async fn ask(&self, fields: &[(&str, &str)]) -> Answer {
        let form = self
            .by_header("/oauth/token")
            .field("grant_type", "client_credentials");
        let form = fields
            .iter()
            .fold(form, |form, (name, value)| form.field(name, value));
        self.server.send(form.request()).await
    }

    /// A token.
    pub async fn token(&self) -> String {
        let answer = self.ask(&[]).await.expect(200).json();
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// Whether a secret is taken for its own.
    pub async fn is_known_by(&self, secret: &str) -> bool {
        let other = Self::known(self.server, &self.id, secret);
        match other.ask(&[]).await {
            answer if answer.status == 200 => true,
            answer => {
                answer.oauth_refused(401, "invalid_client");
                false
            }
        }
    }
}
