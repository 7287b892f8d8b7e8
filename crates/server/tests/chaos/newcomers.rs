//! People who register, sign in and sign out all the time, and what of it was acknowledged.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::field::{Field, Machines, NODES, PASSWORD, credentials, renewal};
use crate::guards::{Guards, Sighting};

#[derive(Default)]
pub struct Facts {
    /// Addresses.
    registered: Vec<String>,
    /// Refresh tokens of sessions that live.
    living: Vec<String>,
    /// Refresh and access tokens of sessions that were ended.
    ended: Vec<(String, String)>,
    /// What the guards made of their end.
    pub sightings: Vec<Sighting>,
}

/// One after the other until all is over, on two of the nodes: while the third one is away, they go on.
pub async fn come(field: Arc<Field>, guards: Arc<Guards>, number: usize) -> Facts {
    let mut facts = Facts::default();
    let mut watching = JoinSet::new();
    for person in 0.. {
        if field.is_over() {
            break;
        }
        let nodes = [number % NODES, (number + 1) % NODES];
        let email = format!("person-{number}-{person}@example.com");
        let lived = live(&field, &guards, &mut watching, &mut facts, nodes, email).await;
        let pause = if lived.is_some() { 100 } else { 50 };
        sleep(Duration::from_millis(pause)).await;
    }
    facts.sightings = watching.join_all().await;
    facts
}

/// Whoever is told to ask again, or nothing, begins anew as somebody else: what happened is not known.
async fn live(
    field: &Arc<Field>,
    guards: &Arc<Guards>,
    watching: &mut JoinSet<Sighting>,
    facts: &mut Facts,
    [here, there]: [usize; 2],
    email: String,
) -> Option<()> {
    let form = credentials(&email);
    let person = json!({ "email": email, "password": PASSWORD });
    let register = field.expect(201, here, "POST /v1/register", None, Some(&person));
    register.await?;
    field.journal.count("registered");
    facts.registered.push(email);
    let sign_in = async |node: usize| {
        let answer = field.expect(200, node, "POST /v1/login", None, Some(&form));
        let answer = answer.await?;
        field.journal.count("signed in");
        Some((answer.text("refresh_token"), answer.text("access_token")))
    };
    let (refresh, _) = sign_in(there).await?;
    facts.living.push(refresh);
    let (refresh, access) = sign_in(here).await?;
    guards.meet(&access).await;
    let out = field.expect(204, there, "POST /v1/logout", Some(&access), None);
    out.await?;
    let acknowledged = Instant::now();
    field.journal.count("signed out");
    facts.ended.push((refresh, access.clone()));
    let (field, guards) = (Arc::clone(field), Arc::clone(guards));
    watching.spawn(async move { guards.watch(&field.journal, access, acknowledged).await });
    Some(())
}

impl Facts {
    /// Holds what was acknowledged against what is there, when all is calm.
    pub async fn check(&self, machines: &Machines, guards: &Guards) {
        let field = &machines.field;
        let there = machines.registered();
        for email in &self.registered {
            if !there.contains(email) {
                field
                    .journal
                    .wrong(format!("the registration of {email} is lost"));
            }
        }
        let refresh = async |number: usize, status: u16, token: &str| {
            let body = renewal(token);
            let node = number % NODES;
            let answer = field.expect(status, node, "POST /v1/refresh", None, Some(&body));
            answer.await;
        };
        for (number, token) in self.living.iter().enumerate() {
            refresh(number, 200, token).await;
        }
        for (number, (token, access)) in self.ended.iter().enumerate() {
            refresh(number, 401, token).await;
            let node = (number + 1) % NODES;
            let me = field.expect(401, node, "GET /v1/me", Some(access), None);
            me.await;
            guards.refuse(&field.journal, access).await;
        }
    }

    pub fn counts(&self) -> [usize; 3] {
        [self.registered.len(), self.living.len(), self.ended.len()]
    }
}
