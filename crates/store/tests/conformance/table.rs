//! The renewal table stands in Rust (`Generations::present`) and, so that a renewal is one step, in the language of a
//! store: the two are one.

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_auth::model::audit::{AuditQuery, Happening};
use countersign_auth::model::grant::Network;
use countersign_auth::model::id::UserId;
use countersign_auth::rotation::{Generations, Move};
use countersign_auth::sessions::{Open, Presented, Rotate};

use super::world::{SignedIn, Store, World, at, interval, origin};

/// From states of all kinds, a store says and keeps what the table says.
pub async fn is_the_table<S: Store>(world: World<S>) {
    let user = world.user("ann").await;
    let interval = interval();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen: BTreeMap<&str, u32> = BTreeMap::new();
    for _ in 0..1500 {
        let start = at(0);
        let state = any_state(&mut dice);
        let (cur, rotated_at) = (state.cur, state.rotated_at);
        let presented = *dice.of(&[
            cur,
            state.prev.unwrap_or(cur),
            state.prev.unwrap_or(cur),
            cur.saturating_add(1),
            cur.saturating_sub(1),
            cur.saturating_sub(3),
        ]);
        // About the moments at which the table turns.
        let since = *dice.of(&[0, 1, 19_999, 20_000, 20_001, 60_000, 120_000, 140_000]);
        let now = (*dice.of(&[state.handed_at, rotated_at])).plus(Duration::from_millis(since));
        let from = Network(dice.small(3));

        let (session, mut grant) = world.sign_in_form(&user, &world.client, start);
        grant.generations = state;
        let (handle, id, end) = (grant.handle, session.id, session.absolute_end());
        let opened = world.store.open(session, grant, &origin(start)).await;
        assert!(matches!(opened.unwrap(), Open::Opened(_)));
        let answer = world
            .store
            .rotate(
                Presented {
                    handle,
                    absolute_end: end,
                    generation: presented,
                    client: &world.client.id,
                    idle_end: end,
                    interval,
                    network: from,
                },
                &origin(now),
            )
            .await
            .unwrap();
        let alarms = alarms(&world.store, user.id).await;
        let meaning = state.present(presented, now, interval, from);
        let (kind, stored, alarm) = match meaning {
            Move::Rotated(state) => ("rotated", Some(state), false),
            Move::Held => ("held", Some(state), false),
            Move::Retried { state, alarm } => ("retried", Some(state), alarm),
            Move::TooManyRetries => ("too many retries", None, false),
            Move::Recovered(state) => ("recovered", Some(state), false),
            Move::Lost => ("lost", None, false),
            Move::Superseded => ("superseded", None, false),
            Move::Reused => ("reused", None, false),
            Move::Ahead => ("ahead", None, false),
        };
        *seen.entry(kind).or_default() += 1;
        let said = match answer {
            Rotate::Rotated(it) => ("rotated", Some(it.grant.generations)),
            Rotate::Held(it) => ("held", Some(it.grant.generations)),
            Rotate::Retried(it) => ("retried", Some(it.grant.generations)),
            Rotate::Recovered(it) => ("recovered", Some(it.grant.generations)),
            Rotate::TooManyRetries => ("too many retries", None),
            Rotate::Expired => ("lost", None),
            Rotate::Superseded => ("superseded", None),
            Rotate::Reused(_) => ("reused", None),
            Rotate::Ahead(_) => ("ahead", None),
            other => panic!("{other:?}"),
        };
        assert_eq!(said, (kind, stored), "{state:?} at {now:?}");
        if let Some(stored) = stored {
            let who = SignedIn {
                user: user.id,
                session: id,
                handle,
                client: world.client.id.clone(),
            };
            let kept = world.state(&who, stored.cur, stored.handed_at).await;
            assert_eq!(kept, stored, "{state:?} at {now:?}");
        }
        let before = *seen.get("alarm").unwrap_or(&0);
        if alarm {
            *seen.entry("alarm").or_default() += 1;
        }
        assert_eq!(alarms, before + u32::from(alarm), "{state:?}");
    }
    println!("{seen:?}");
    assert_eq!(seen.len(), 10);
    assert!(seen.values().all(|often| *often >= 10), "{seen:?}");
}

/// A state of any kind.
fn any_state(dice: &mut Dice) -> Generations {
    let cur = *dice.of(&[0, 1, 2, 3, 7, u32::MAX - 1, u32::MAX]);
    let rotated_at = at(0).plus(Duration::from_secs(dice.below(100)));
    Generations {
        cur,
        prev: (cur > 0 && dice.below(5) > 0).then(|| cur - 1 - dice.small(2).min(cur - 1)),
        floor: if dice.below(4) == 0 {
            dice.small(4).min(cur)
        } else {
            0
        },
        rotated_at,
        handed_at: rotated_at.plus(Duration::from_secs(dice.below(121))),
        retries: *dice.of(&[0, 0, 1, 99, 100]),
        recoveries: *dice.of(&[0, 0, 1, 4, 5]),
        network: Network(dice.small(3)),
        strangers: *dice.of(&[0, 1, 2, 3, 255]),
        stranger_now: dice.below(2) == 0,
    }
}

async fn alarms<S: Store>(store: &S, user: UserId) -> u32 {
    let query = AuditQuery {
        user: Some(user),
        what: Some(Happening::RetriedFromElsewhere),
        limit: u32::MAX,
        ..AuditQuery::default()
    };
    u32::try_from(store.audit(query).await.unwrap().len()).unwrap()
}

/// Numbers that are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % limit
    }

    pub fn small(&mut self, limit: u32) -> u32 {
        u32::try_from(self.below(limit.into())).unwrap()
    }

    pub fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}
