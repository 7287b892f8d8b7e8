//! What is done in every style: the same calls everywhere, and what each must come to, as the row says.

use std::collections::HashSet;
use std::time::Duration;

use countersign_auth::visitor::Visitor;

use super::people::{Cell, Person, refusal};
use super::rows::{Bears, Old, Refused, Renewal};
use crate::support::all::all;

const RACERS: usize = 20;
const HOUR: Duration = Duration::from_hours(1);

/// A step of the suite.
#[derive(Clone, Copy, Debug)]
pub enum Step {
    SignIn,
    Use,
    Renew,
    LoseAnAnswer,
    Race,
    Steal,
    SignOut,
    BeDisabled,
    Expire,
}

/// How it came out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// As it must.
    Holds,
    /// The style has no such thing; its page says so in these words, and what it says was found to be so.
    HasNone(&'static str),
}

impl Step {
    pub const ALL: [Self; 9] = [
        Self::SignIn,
        Self::Use,
        Self::Renew,
        Self::LoseAnAnswer,
        Self::Race,
        Self::Steal,
        Self::SignOut,
        Self::BeDisabled,
        Self::Expire,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::SignIn => "sign in",
            Self::Use => "use",
            Self::Renew => "renew",
            Self::LoseAnAnswer => "lose an answer",
            Self::Race => "race",
            Self::Steal => "steal",
            Self::SignOut => "sign out",
            Self::BeDisabled => "be disabled",
            Self::Expire => "expire",
        }
    }

    pub async fn take(self, cell: &Cell) -> Outcome {
        match self {
            Self::SignIn => sign_in(cell).await,
            Self::Use => uses(cell).await,
            Self::Renew => return renew(cell).await,
            Self::LoseAnAnswer => lose_an_answer(cell).await,
            Self::Race => race(cell).await,
            Self::Steal => return steal(cell).await,
            Self::SignOut => sign_out(cell).await,
            Self::BeDisabled => be_disabled(cell).await,
            Self::Expire => expire(cell).await,
        }
        Outcome::Holds
    }
}

async fn sign_in(cell: &Cell) {
    let mut ann = Person::registered(cell).await;
    let wrong = ann.sign_in_with("a wrong guess").await;
    wrong.refused(401, "invalid_credentials");
    assert_eq!(ann.held(), None);
    let answer = ann.sign_in().await.expect(200);
    let held = ann.held().expect("something to hold");
    // What a browser holds is its alone: no script reads it, no other site sends it.
    for cookie in answer.headers("set-cookie") {
        assert!(cookie.contains("; HttpOnly"), "{cookie}");
        assert!(cookie.contains("; SameSite="), "{cookie}");
        assert!(!answer.text().contains(&held), "{}", answer.text());
    }
    let passed = ann.passes().await;
    assert_eq!(passed.claims.sub, ann.id().await.to_string());

    // Another device is another session, and one does not touch the other.
    let other = ann.elsewhere().await;
    assert_ne!(other.held(), ann.held());
    assert_ne!(other.passes().await.claims.sid, passed.claims.sid);
    assert_eq!(ann.passes().await.claims.sid, passed.claims.sid);
}

async fn uses(cell: &Cell) {
    let ann = Person::signed_in(cell).await;
    let held = ann.held();
    let first = ann.passes().await.claims;
    assert_eq!(first.client_id, "app");
    for passed in all((0..RACERS).map(|_| ann.passes())).await {
        assert_eq!(passed.claims.sid, first.sid);
        assert_eq!(passed.claims.auth_time, first.auth_time);
        assert_eq!(passed.claims.amr, first.amr);
    }
    assert_eq!(ann.held(), held, "a use changes nothing");

    let forged = ann.imposter().ask().await.err();
    assert_eq!(forged.as_deref(), Some(cell.row.forged));
    if let Bears::Cookie { nobody, .. } = cell.row.bears {
        let refused = ann.nobody().ask().await.err();
        assert_eq!(refused.as_deref(), Some(nobody));
    }
}

async fn renew(cell: &Cell) -> Outcome {
    let mut ann = Person::signed_in(cell).await;
    let first = ann.passes().await.claims;
    let inherits = async |ann: &Person<'_>| {
        let now = ann.passes().await.claims;
        assert_eq!((&now.sub, &now.sid), (&first.sub, &first.sid));
        assert_eq!(
            (now.auth_time, &now.amr, now.epochs),
            (first.auth_time, &first.amr, first.epochs)
        );
        assert_ne!(now.jti, first.jti);
    };
    // Who made nothing renews nothing.
    let answer = ann.imposter().renew().await;
    match cell.row.renewal {
        Renewal::Use { says, .. } => {
            answer.refused(400, "not_renewable");
            let held = ann.held();
            ann.renew().await.refused(400, "not_renewable");
            for _ in 0..3 {
                cell.pass(cell.row.rest * 3 / 4).await;
                inherits(&ann).await;
            }
            assert_eq!(ann.held(), held);
            Outcome::HasNone(says)
        }
        Renewal::Exchange { after, .. } => {
            answer.refused(401, "refresh_invalid");
            for _ in 0..3 {
                let held = ann.held();
                cell.pass(after).await;
                ann.renew().await.expect(200);
                assert_ne!(ann.held(), held);
                inherits(&ann).await;
            }
            Outcome::Holds
        }
    }
}

async fn lose_an_answer(cell: &Cell) {
    // To a sign-in: whoever asks again is signed in.
    let mut ann = Person::registered(cell).await;
    ann.clone().sign_in().await.expect(200);
    ann.sign_in().await.expect(200);
    ann.passes().await;

    cell.pass(cell.row.renewed_after()).await;
    let Renewal::Exchange { old, .. } = cell.row.renewal else {
        // To a use.
        ann.passes().await;
        ann.passes().await;
        return;
    };
    let mut lost = ann.clone();
    lost.renew().await.expect(200);
    // Asked again at once, and as late as an answer can be.
    for _ in 0..2 {
        cell.pass(cell.server.interval() / 4).await;
        let mut again = ann.clone();
        again.renew().await.expect(200);
        match old {
            Old::Spent => assert_eq!(again.held(), lost.held()),
            Old::Refused => assert_eq!(claims(&again), claims(&lost)),
            Old::Good => {}
        }
        again.passes().await;
    }
    // The next day's first request.
    cell.pass(HOUR).await;
    let late = ann.renew().await;
    match old {
        Old::Spent => {
            late.expect(200);
            assert_ne!(ann.held(), lost.held(), "what was lost is spent");
        }
        Old::Good => drop(late.expect(200)),
        Old::Refused => {
            late.refused(401, "refresh_superseded");
            // It ended nothing.
            lost.passes().await;
            ann.sign_in().await.expect(200);
        }
    }
    ann.passes().await;
}

/// What the token says that somebody holds: its signature may be another each time.
fn claims(who: &Person<'_>) -> Option<String> {
    let token = who.held()?;
    Some(token.split('.').nth(1)?.to_owned())
}

async fn race(cell: &Cell) {
    let ann = Person::signed_in(cell).await;
    let mut tabs = vec![ann; RACERS];
    cell.pass(cell.row.renewed_after()).await;
    match cell.row.renewal {
        Renewal::Exchange { old, .. } => {
            for answer in all(tabs.iter_mut().map(Person::renew)).await {
                answer.expect(200);
            }
            let successors: HashSet<_> = match old {
                Old::Spent | Old::Good => tabs.iter().map(Person::held).collect(),
                Old::Refused => tabs.iter().map(claims).collect(),
            };
            let expected = if old == Old::Good { RACERS } else { 1 };
            assert_eq!(successors.len(), expected, "successors");
            all(tabs.iter().map(Person::passes)).await;
        }
        Renewal::Use { .. } => {
            for passed in all(tabs.iter().map(Person::passes)).await {
                assert_eq!(passed.claims.sub, tabs[0].id().await.to_string());
            }
        }
    }

    // Among them one signs out: whatever the others got meanwhile is over.
    cell.pass(cell.row.renewed_after()).await;
    let turns = tabs.iter_mut().enumerate().map(async |(number, tab)| {
        if number == RACERS / 2 {
            let held = tab.held();
            tab.sign_out().await.expect(204);
            if let Some(held) = held {
                tab.hold(&held);
            }
        } else {
            match cell.row.renewal {
                Renewal::Exchange { .. } => {
                    let answer = tab.renew().await;
                    assert!(matches!(answer.status, 200 | 401), "{answer:?}");
                }
                Renewal::Use { .. } => drop(tab.ask().await),
            }
        }
    });
    all(turns).await;
    for tab in &mut tabs {
        let is_bare = tab.held().is_none();
        if cell.row.bears == Bears::Token || !is_bare {
            tab.comes_to_be_refused(cell.row.signed_out.used).await;
        }
        if !is_bare {
            assert_eq!(refusal(&tab.renew().await), cell.row.signed_out.renewed);
        }
    }
}

async fn steal(cell: &Cell) -> Outcome {
    let mut owner = Person::signed_in(cell).await;
    let mut thief = owner.clone();
    let Some(says) = cell.row.thief_goes_unnoticed() else {
        let elsewhere = owner.elsewhere().await;
        for _ in 0..2 {
            cell.pass(cell.row.renewed_after()).await;
            owner.renew().await.expect(200);
        }
        thief.renew().await.refused(401, "refresh_reused");
        // Both are given away, and nobody else is.
        for who in [&mut owner, &mut thief] {
            who.comes_to_be_refused(cell.row.signed_out.used).await;
        }
        assert_eq!(refusal(&owner.renew().await), cell.row.signed_out.renewed);
        elsewhere.passes().await;
        return Outcome::Holds;
    };
    cell.pass(cell.row.renewed_after()).await;
    if let Renewal::Exchange { old, .. } = cell.row.renewal {
        thief.renew().await.expect(200);
        cell.pass(cell.server.interval()).await;
        match (old, owner.renew().await) {
            // Who comes second signs in again, and nothing says why.
            (Old::Refused, answer) => drop(answer.refused(401, "refresh_superseded")),
            (Old::Good | Old::Spent, answer) => drop(answer.expect(200)),
        }
        cell.pass(cell.row.renewed_after()).await;
        thief.renew().await.expect(200);
    } else {
        owner.passes().await;
    }
    thief.passes().await;
    // What ends the sessions of the account ends the thief's.
    let (id, operator) = (owner.id().await, Visitor::operator());
    let ended = cell.server.auth.end_user_sessions(id, &operator).await;
    ended.unwrap();
    thief.comes_to_be_refused(cell.row.disabled.used).await;
    assert_eq!(refusal(&thief.renew().await), cell.row.disabled.renewed);
    Outcome::HasNone(says)
}

async fn sign_out(cell: &Cell) {
    let mut ann = Person::signed_in(cell).await;
    let other = ann.elsewhere().await;
    let (before, seen) = (ann.clone(), ann.passes().await);
    ann.sign_out().await.expect(204);
    if cell.row.bears != Bears::Token {
        assert_eq!(ann.held(), None, "the cookie is taken back");
    }
    is_over(before, &seen.token, &cell.row.signed_out, "session_revoked").await;
    // This one, and no other.
    other.passes().await;
    ann.sign_in().await.expect(200);
    ann.passes().await;
}

async fn be_disabled(cell: &Cell) {
    let mut ann = Person::signed_in(cell).await;
    let (bob, seen) = (Person::signed_in(cell).await, ann.passes().await);
    let (id, operator) = (ann.id().await, Visitor::operator());
    let enable = async |enabled| {
        let set = cell.server.auth.set_user_enabled(id, enabled, &operator);
        set.await.unwrap();
    };
    let stays_out = async |ann: &Person| {
        let (refused, behind) = (&cell.row.disabled, "subject_revoked");
        is_over(ann.clone(), &seen.token, refused, behind).await;
    };
    enable(false).await;
    stays_out(&ann).await;
    ann.nobody()
        .sign_in()
        .await
        .refused(403, "account_disabled");
    bob.passes().await;
    // What was ended does not come back.
    enable(true).await;
    stays_out(&ann).await;
    ann.sign_in().await.expect(200);
    ann.passes().await;
}

/// Neither requests nor renewals get anywhere, nor does what a service was shown before.
async fn is_over(mut who: Person<'_>, shown: &str, refused: &Refused, behind: &'static str) {
    who.comes_to_be_refused(refused.used).await;
    who.cell().comes_to_say(shown, behind).await;
    assert_eq!(refusal(&who.renew().await), refused.renewed);
}

async fn expire(cell: &Cell) {
    let row = cell.row;
    let [resting, mut late, mut busy] = [
        Person::signed_in(cell).await,
        Person::signed_in(cell).await,
        Person::signed_in(cell).await,
    ];
    let begun = now(cell);
    let (rest, last) = (row.rest.as_secs(), row.last.as_secs());

    // What a service is shown lives for minutes (or is all that there is, in the style `sliding`).
    let shown = busy.passes().await;
    let shown_until = shown.claims.exp;
    if shown_until < begun + rest {
        wait_until(cell, shown_until - 1).await;
        cell.says(&shown.token).await.unwrap();
        wait_until(cell, shown_until).await;
        cell.comes_to_say(&shown.token, "token_expired").await;
        keep(&mut busy).await;
    }

    // Who rests: to the second.
    wait_until(cell, begun + rest * 3 / 4).await;
    keep(&mut busy).await;
    wait_until(cell, begun + rest - 1).await;
    keep(&mut late).await;
    wait_until(cell, begun + rest).await;
    has_expired(resting).await;
    keep(&mut late).await;

    // Whatever happens: at the absolute end.
    let end = begun + last;
    while now(cell) + rest / 2 < end {
        keep(&mut busy).await;
        cell.pass(row.rest / 2).await;
    }
    keep(&mut busy).await;
    wait_until(cell, end - 1).await;
    keep(&mut busy).await;
    wait_until(cell, end).await;
    has_expired(busy).await;
}

/// Keeps a session alive by what keeps it alive in its style.
async fn keep(who: &mut Person<'_>) {
    if let Renewal::Exchange { .. } = who.cell().row.renewal {
        who.renew().await.expect(200);
    }
    who.passes().await;
}

async fn has_expired(mut who: Person<'_>) {
    let expired = &who.cell().row.expired;
    who.comes_to_be_refused(expired.used).await;
    assert_eq!(refusal(&who.renew().await), expired.renewed);
    who.sign_in().await.expect(200);
    who.passes().await;
}

/// The present, in seconds since 1970.
fn now(cell: &Cell) -> u64 {
    cell.server.auth.env().now().unix().as_secs()
}

async fn wait_until(cell: &Cell, moment: u64) {
    cell.pass(Duration::from_secs(moment - now(cell))).await;
}
