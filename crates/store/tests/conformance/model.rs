//! Sessions with several grants against a model of them: whatever happens in whatever order, a store says and keeps what
//! the contract says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::model::client::Client;
use countersign_auth::model::grant::Network;
use countersign_auth::model::id::ClientId;
use countersign_auth::model::user::User;
use countersign_auth::rotation::{Generation, Generations, Move};
use countersign_auth::sessions::{
    ChangePassword, Join, MAX_GRANTS, PasswordChange, Rotate, Touch, Touched, is_worth_moving,
};

use super::joining;
use super::table::Dice;
use super::world::{INTERVAL, SignedIn, Store, World, at, interval, origin, password};

const STEPS: u32 = 2000;
/// As everywhere in the suite.
const IDLE: Duration = Duration::from_hours(14 * 24);

struct Model {
    now: Timestamp,
    user: User,
    clients: Vec<Client>,
    sessions: Vec<OneSession>,
}

struct OneSession {
    who: SignedIn,
    user_epoch: u64,
    idle_end: Timestamp,
    /// It was ended.
    is_over: bool,
    grants: Vec<OneGrant>,
}

struct OneGrant {
    who: SignedIn,
    client_epoch: u64,
    state: Generations,
    /// Another one of its client's took its place.
    is_replaced: bool,
}

/// What becomes of a call, as far as `touch`, `join` and `rotate` agree.
#[derive(PartialEq)]
enum Stands {
    Yes,
    Unknown,
    Expired,
    Stale,
}

impl Model {
    fn stands(&self, session: usize, grant: usize) -> Stands {
        let session = &self.sessions[session];
        let grant = &session.grants[grant];
        if session.is_over || grant.is_replaced {
            Stands::Unknown
        } else if self.now >= session.idle_end || self.now >= session.who.session.absolute_end() {
            Stands::Expired
        } else if session.user_epoch != self.user.epoch || self.is_cut_off(grant) {
            Stands::Stale
        } else {
            Stands::Yes
        }
    }

    fn is_cut_off(&self, grant: &OneGrant) -> bool {
        let client = self.clients.iter().find(|it| it.id == grant.who.client);
        client.is_none_or(|client| client.epoch != grant.client_epoch)
    }

    /// It is used: its session lives on.
    fn use_session(&mut self, session: usize) -> bool {
        let (now, session) = (self.now, &mut self.sessions[session]);
        let idle_end = now.plus(IDLE).min(session.who.session.absolute_end());
        let moves = is_worth_moving(session.idle_end, idle_end, now);
        if moves {
            session.idle_end = idle_end;
        }
        moves
    }

    fn present(&mut self, session: usize, grant: usize, generation: Generation) -> &'static str {
        match self.stands(session, grant) {
            Stands::Yes => {}
            Stands::Unknown => return "unknown",
            Stands::Expired => return "expired",
            Stands::Stale => return "stale",
        }
        let now = self.now;
        let kept = &mut self.sessions[session].grants[grant].state;
        let (state, says) = match kept.present(generation, now, interval(), Network(1)) {
            Move::Rotated(state) => (state, "rotated"),
            Move::Recovered(state) => (state, "recovered"),
            Move::Retried { state, .. } => (state, "retried"),
            Move::Held => return "held",
            Move::TooManyRetries => return "too many retries",
            Move::Superseded => return "superseded",
            ends @ (Move::Lost | Move::Reused | Move::Ahead) => {
                self.sessions[session].is_over = true;
                return match ends {
                    Move::Lost => "expired",
                    Move::Reused => "reused",
                    _ => "ahead",
                };
            }
        };
        *kept = state;
        self.use_session(session);
        says
    }

    fn touch(&mut self, session: usize, grant: usize) -> &'static str {
        match self.stands(session, grant) {
            Stands::Yes => {}
            Stands::Unknown => return "unknown",
            Stands::Expired => return "expired",
            Stands::Stale => return "stale",
        }
        if self.sessions[session].grants[grant].state.floor > 0 {
            return "superseded";
        }
        if self.use_session(session) {
            let state = &mut self.sessions[session].grants[grant].state;
            state.handed_at = state.handed_at.max(self.now);
        }
        "live"
    }

    fn join(&mut self, session: usize, by: usize, client: usize, epoch: u64) -> &'static str {
        match self.stands(session, by) {
            Stands::Yes => {}
            Stands::Unknown => return "unknown",
            Stands::Expired => return "expired",
            Stands::Stale => return "stale",
        }
        if self.clients[client].epoch != epoch {
            return "stale";
        }
        let (now, id) = (self.now, &self.clients[client].id);
        let session = &mut self.sessions[session];
        if session.grants[by].state.floor > 0 {
            return "superseded";
        }
        let gives_way = |grant: &OneGrant| {
            let is_fresh = grant.state.cur == 0 && grant.state.rotated_at > now.minus(INTERVAL);
            grant.who.client == *id && !is_fresh
        };
        let kept = session.grants.iter().filter(|grant| !grant.is_replaced);
        if kept.filter(|grant| !gives_way(grant)).count() >= MAX_GRANTS as usize {
            return "full";
        }
        for grant in &mut session.grants {
            grant.is_replaced |= gives_way(grant);
        }
        "joined"
    }

    /// Each session that stands, with the applications that can go on in it.
    fn views(&self) -> BTreeMap<String, BTreeSet<ClientId>> {
        let mut views = BTreeMap::new();
        for (number, session) in self.sessions.iter().enumerate() {
            let clients: BTreeSet<_> = (0..session.grants.len())
                .filter(|grant| self.stands(number, *grant) == Stands::Yes)
                .map(|grant| &session.grants[grant])
                .filter(|grant| grant.state.floor == 0)
                .map(|grant| grant.who.client.clone())
                .collect();
            if !clients.is_empty() {
                views.insert(session.who.session.to_string(), clients);
            }
        }
        views
    }
}

fn first(who: &SignedIn, client: &Client, now: Timestamp) -> OneGrant {
    OneGrant {
        who: who.clone(),
        client_epoch: client.epoch,
        state: Generations::first(now, Network(1)),
        is_replaced: false,
    }
}

pub async fn is_the_model<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let mut clients = vec![world.client.clone()];
    for name in ["forum", "shop", "wiki"] {
        clients.push(world.other_client(name).await);
    }
    let mut model = Model {
        now: at(0),
        user,
        clients,
        sessions: Vec::new(),
    };
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    for step in 0..STEPS {
        let (what, expected, said) = one_step(&world, &mut model, &mut dice).await;
        assert_eq!(said, expected, "{what}, in step {step}");
        *seen.entry(format!("{what} {said}")).or_default() += 1;
        if step % 10 == 0 {
            let views = world.store.of_user(model.user.id, model.now).await.unwrap();
            let number = views.len();
            let views: BTreeMap<_, BTreeSet<_>> = views
                .into_iter()
                .map(|view| (view.id.to_string(), view.clients.into_iter().collect()))
                .collect();
            assert_eq!(views.len(), number, "one view for each session");
            assert_eq!(views, model.views(), "in step {step}");
        }
    }
    println!("{seen:?}");
    for often in [
        "change of password changed",
        "cut-off done",
        "end ended",
        "end of a grant ended",
        "join expired",
        "join joined",
        "join stale",
        "join superseded",
        "join unknown",
        "rotate expired",
        "rotate held",
        "rotate recovered",
        "rotate retried",
        "rotate reused",
        "rotate rotated",
        "rotate stale",
        "rotate superseded",
        "rotate unknown",
        "touch live",
        "touch stale",
        "touch superseded",
        "touch unknown",
    ] {
        let times = seen.get(often).copied().unwrap_or(0);
        assert!(times >= 5, "{often}: {times}");
    }
}

/// Something happens: what, what the model says of it, and what the store says.
async fn one_step<S: Store>(
    world: &World<S>,
    model: &mut Model,
    dice: &mut Dice,
) -> (&'static str, &'static str, &'static str) {
    const DAY: u64 = 24 * 3600;
    let pause = *dice.of(&[0, 0, 1, 5, 19, 21, 21, 21, 3600, DAY / 2]);
    let rest = if dice.below(150) == 0 { 15 * DAY } else { 0 };
    model.now = model.now.plus(Duration::from_secs(pause + rest));
    let now = model.now;
    let by = origin(now);
    let is_over = model.sessions.last().is_none_or(|last| {
        last.is_over || now >= last.idle_end || last.user_epoch != model.user.epoch
    });
    let is_first = model.sessions.is_empty();
    if is_first || dice.below(if is_over { 6 } else { 60 }) == 0 {
        sign_in(world, model).await;
        return ("sign-in", "done", "done");
    }
    // Mostly the last one, and what is of use there; but also what is over.
    let last = model.sessions.len();
    let back = if dice.below(6) == 0 { last.min(4) } else { 1 };
    let session = last - 1 - usize_below(dice, back);
    let grants = &model.sessions[session].grants;
    let mut grant = usize_below(dice, grants.len());
    while grants[grant].is_replaced && dice.below(8) > 0 {
        grant = usize_below(dice, grants.len());
    }
    let who = model.sessions[session].grants[grant].who.clone();
    let state = model.sessions[session].grants[grant].state;
    match dice.below(100) {
        0..45 => {
            let generation = match dice.below(60) {
                // What was superseded has no token but those of before.
                _ if state.floor > 0 => state.floor - 1,
                0..6 => state.cur.saturating_sub(2),
                6..22 => state.prev.unwrap_or(state.cur),
                _ => state.cur,
            };
            let expected = model.present(session, grant, generation);
            let said = world.present(&who, generation, now).await;
            ("rotate", expected, told(&said))
        }
        45..60 => {
            let expected = model.touch(session, grant);
            let idle_end = model.sessions[session].idle_end;
            ("touch", expected, touch(world, &who, idle_end, now).await)
        }
        60..90 => {
            let number = usize_below(dice, model.clients.len());
            let mut client = model.clients[number].clone();
            // Somebody who has not heard of a cut-off yet.
            let behind = u64::from(dice.below(10) == 0);
            client.epoch = client.epoch.saturating_sub(behind);
            let expected = model.join(session, grant, number, client.epoch);
            let session = &mut model.sessions[session];
            (
                "join",
                expected,
                join(world, session, &who, &client, now).await,
            )
        }
        90..92 => {
            let stands = !model.sessions[session].is_over
                && model.sessions[session].user_epoch == model.user.epoch;
            model.sessions[session].is_over |= stands;
            let ended = world.store.end(who.session, None, &by).await.unwrap();
            ("end", end(stands), end(ended))
        }
        92..94 => {
            let found = model.stands(session, grant);
            // Rest or age does not keep it from being ended.
            let one = &model.sessions[session];
            let stands = found != Stands::Unknown
                && one.user_epoch == model.user.epoch
                && !model.is_cut_off(&one.grants[grant]);
            model.sessions[session].is_over |= stands;
            let absolute_end = who.session.absolute_end();
            let ended = world.store.end_of_grant(who.handle, absolute_end, &by);
            let ended = ended.await.unwrap();
            assert!(ended.is_none_or(|it| it == who.session));
            ("end of a grant", end(stands), end(ended.is_some()))
        }
        94..97 => {
            if model.stands(session, grant) != Stands::Yes {
                return ("nothing", "done", "done");
            }
            change_password(world, model, session, &who).await;
            ("change of password", "changed", "changed")
        }
        97..99 => {
            let number = 1 + usize_below(dice, model.clients.len() - 1);
            let client = &mut model.clients[number];
            world.store.cut_off_client(&client.id, &by).await.unwrap();
            client.epoch += 1;
            ("cut-off", "done", "done")
        }
        _ => ("nothing", "done", "done"),
    }
}

async fn sign_in<S: Store>(world: &World<S>, model: &mut Model) {
    let (now, client) = (model.now, &model.clients[0]);
    let who = world.sign_in_at(&model.user, client, now).await;
    let grants = vec![first(&who, client, now)];
    model.sessions.push(OneSession {
        who,
        user_epoch: model.user.epoch,
        idle_end: now.plus(IDLE),
        is_over: false,
        grants,
    });
}

/// Uses the session of this grant; it rests until `idle_end` now.
async fn touch<S: Store>(
    world: &World<S>,
    who: &SignedIn,
    idle_end: Timestamp,
    now: Timestamp,
) -> &'static str {
    let touched = Touched {
        handle: who.handle,
        absolute_end: who.session.absolute_end(),
        client: &who.client,
        idle_end: now.plus(IDLE),
    };
    match world.store.touch(touched, now).await.unwrap() {
        Touch::Live(it) => {
            assert_eq!(it.session.idle_end, idle_end);
            "live"
        }
        Touch::Superseded => "superseded",
        Touch::Stale => "stale",
        Touch::Expired => "expired",
        Touch::Unknown => "unknown",
    }
}

/// Joins this session, on the word of `by`.
async fn join<S: Store>(
    world: &World<S>,
    session: &mut OneSession,
    by: &SignedIn,
    client: &Client,
    now: Timestamp,
) -> &'static str {
    let (joining, joined) = joining::form(world, by, client, now);
    match world.store.join(joining, &origin(now)).await.unwrap() {
        Join::Joined(it) => {
            assert_eq!(it.session.idle_end, session.idle_end);
            assert_eq!(it.session.user_epoch, session.user_epoch);
            session.grants.push(first(&joined, client, now));
            "joined"
        }
        Join::Full => "full",
        Join::Superseded => "superseded",
        Join::Stale => "stale",
        Join::Expired => "expired",
        Join::Unknown => "unknown",
    }
}

async fn change_password<S: Store>(
    world: &World<S>,
    model: &mut Model,
    session: usize,
    who: &SignedIn,
) {
    let now = model.now;
    let client = model.clients.iter().find(|it| it.id == who.client).unwrap();
    let (form, goes_on) = joining::form(world, who, client, now);
    let change = PasswordChange {
        user: who.user,
        seen_epoch: model.user.epoch,
        password: password("new"),
        grant: form.grant,
    };
    let changed = world.store.change_password(change, &origin(now)).await;
    let ChangePassword::Changed(it) = changed.unwrap() else {
        panic!("not changed");
    };
    let given = first(&goes_on, client, now);
    model.user.epoch += 1;
    assert_eq!(it.user.epoch, model.user.epoch);
    let session = &mut model.sessions[session];
    session.user_epoch = model.user.epoch;
    for grant in &mut session.grants {
        grant.state = grant.state.supersede(now).unwrap();
    }
    session.grants.push(given);
}

fn told(answer: &Rotate) -> &'static str {
    match answer {
        Rotate::Rotated(_) => "rotated",
        Rotate::Held(_) => "held",
        Rotate::Retried(_) => "retried",
        Rotate::Recovered(_) => "recovered",
        Rotate::TooManyRetries => "too many retries",
        Rotate::Superseded => "superseded",
        Rotate::Reused(_) => "reused",
        Rotate::Ahead(_) => "ahead",
        Rotate::Expired => "expired",
        Rotate::Stale => "stale",
        Rotate::Unknown => "unknown",
    }
}

fn end(ended: bool) -> &'static str {
    if ended { "ended" } else { "not there" }
}

fn usize_below(dice: &mut Dice, limit: usize) -> usize {
    usize::try_from(dice.below(limit as u64)).unwrap()
}
