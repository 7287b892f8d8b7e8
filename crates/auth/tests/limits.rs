//! Limits, driven by a clock that the tests hold: who is slowed, by how much, and who never is.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use countersign_auth::env::Timestamp;
use countersign_auth::limits::{Attempt, LimitSettings, Limited, Limits, device};
use countersign_auth::model::id::{SessionId, UserId};
use countersign_auth::visitor::Visitor;

const KEY: &[u8] = &[7; 32];
const ANN: UserId = UserId::from_bytes([1; 16]);
const BOB: UserId = UserId::from_bytes([2; 16]);

fn at(secs: u64) -> Timestamp {
    Timestamp::from_secs(1_000_000 + secs)
}

fn v4(host: u32) -> IpAddr {
    Ipv4Addr::from_bits(0x0a00_0000 + host).into()
}

fn from(address: IpAddr) -> Visitor {
    Visitor::new(address, None, None)
}

fn device_of(user: UserId, address: IpAddr) -> Visitor {
    Visitor::new(address, None, Some(device::make(KEY, user, [3; 16])))
}

/// A failed attempt at Ann's account.
fn fail(limits: &Limits, visitor: &Visitor, now: Timestamp) -> Result<(), Limited> {
    fail_as(limits, visitor, "ann@example.org", Some(ANN), now)
}

fn fail_as(
    limits: &Limits,
    visitor: &Visitor,
    name: &str,
    user: Option<UserId>,
    now: Timestamp,
) -> Result<(), Limited> {
    limits.sign_in(visitor, name, user, KEY, now).map(drop)
}

fn wait(seconds: u64) -> Result<(), Limited> {
    Err(Limited {
        retry_after: Duration::from_secs(seconds),
    })
}

/// How many of `attempts` are let through.
fn admitted(attempts: impl IntoIterator<Item = Result<(), Limited>>) -> usize {
    attempts.into_iter().flatten().count()
}

#[test]
fn one_address_has_one_budget_whatever_names_it_tries() {
    let limits = Limits::new(&LimitSettings::default());
    let attacker = from(v4(1));
    let names = || (0..).map(|n| format!("user{n}"));
    let spray = |now, count| {
        let tried = names().take(count);
        admitted(tried.map(|name| fail_as(&limits, &attacker, &name, None, now)))
    };
    assert_eq!(spray(at(0), 100), 30, "the burst");
    assert_eq!(
        fail_as(&limits, &attacker, "another", None, at(0)),
        wait(1),
        "and when to come back"
    );
    assert_eq!(spray(at(1), 100), 1, "then one a second");
    assert_eq!(spray(at(11), 100), 10);
    assert_eq!(spray(at(11 + 3600), 100), 30, "a rest restores it");
    assert_eq!(
        fail_as(&limits, &from(v4(2)), "another", None, at(0)),
        Ok(()),
        "others are not concerned"
    );
}

#[test]
fn successes_cost_an_address_half_and_the_account_nothing() {
    let limits = Limits::new(&LimitSettings::default());
    let office = from(v4(1));
    let signed_in = (0..100).filter(|n| {
        let name = format!("colleague{n}");
        let attempt = limits.sign_in(&office, &name, None, KEY, at(0));
        attempt.map(Attempt::succeeded).is_ok()
    });
    // The last one finds half of what it needs.
    assert_eq!(signed_in.count(), 59);

    let limits = Limits::new(&LimitSettings::default());
    for round in 0..200 {
        let home = from(v4(round));
        let attempt = limits.sign_in(&home, "ann", Some(ANN), KEY, at(0));
        attempt
            .expect("the account's budget is untouched")
            .succeeded();
    }
}

#[test]
fn ipv6_is_counted_by_subscriber() {
    let limits = Limits::new(&LimitSettings::default());
    let v6 = |net: u64, host: u64| {
        let address = (u128::from(0x2001_0db8_0000_0000 + net) << 64) | u128::from(host);
        from(Ipv6Addr::from_bits(address).into())
    };
    let tries = |net| (0..100).map(move |host| (net, host));
    let spray = |net| {
        admitted(tries(net).map(|(net, host)| {
            fail_as(&limits, &v6(net, host), &format!("user{host}"), None, at(0))
        }))
    };
    assert_eq!(spray(1), 30, "one /64 is one address");
    assert_eq!(spray(2), 30, "the next /64 is another");

    // An IPv4 address in the clothes of an IPv6 one is itself.
    let mapped = from(Ipv4Addr::from_bits(0x0a00_0001).to_ipv6_mapped().into());
    let spray = |visitor: &Visitor| {
        let names = (0..100).map(|n| format!("user{n}"));
        admitted(names.map(|name| fail_as(&limits, visitor, &name, None, at(0))))
    };
    assert_eq!(spray(&from(v4(1))), 30);
    assert_eq!(spray(&mapped), 0);
}

#[test]
fn failures_at_one_account_from_one_address_wait_longer_and_longer() {
    let limits = Limits::new(&LimitSettings::default());
    let attacker = from(v4(1));
    for _ in 0..10 {
        assert_eq!(fail(&limits, &attacker, at(0)), Ok(()));
    }
    let mut now = 0;
    for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900] {
        let refused = fail(&limits, &attacker, at(now));
        assert_eq!(refused, wait(seconds), "after {now} s");
        assert_eq!(fail(&limits, &attacker, at(now + seconds - 1)), wait(1));
        now += seconds;
        assert_eq!(fail(&limits, &attacker, at(now)), Ok(()), "after {now} s");
    }
    // The owner finds it out at last.
    now += 900;
    let attempt = limits.sign_in(&attacker, "ann@example.org", Some(ANN), KEY, at(now));
    attempt.unwrap().succeeded();
    for _ in 0..10 {
        assert_eq!(fail(&limits, &attacker, at(now)), Ok(()), "forgotten");
    }
    assert_eq!(fail(&limits, &attacker, at(now)), wait(1));
    // An hour after the last wait, all is forgotten too.
    assert_eq!(fail(&limits, &attacker, at(now + 3601)), Ok(()));
    assert_eq!(fail(&limits, &attacker, at(now + 3601)), Ok(()));
}

#[test]
fn many_attempts_at_once_are_not_one() {
    let limits = Limits::new(&LimitSettings::default());
    let attacker = from(v4(1));
    let in_flight: Vec<_> = (0..50)
        .map(|_| limits.sign_in(&attacker, "ann", Some(ANN), KEY, at(0)))
        .collect();
    assert_eq!(
        in_flight.iter().filter(|attempt| attempt.is_ok()).count(),
        10
    );
}

#[test]
fn spellings_of_one_name_are_one_account() {
    let limits = Limits::new(&LimitSettings::default());
    let attacker = from(v4(1));
    let spellings = ["ann@example.org", "ANN@example.org", " Ann@Example.Org "];
    let tries = spellings.iter().cycle().take(30);
    let tries = tries.map(|name| fail_as(&limits, &attacker, name, Some(ANN), at(0)));
    assert_eq!(admitted(tries), 10);
}

#[test]
fn unknown_accounts_are_limited_like_known_ones() {
    let known = Limits::new(&LimitSettings::default());
    let unknown = Limits::new(&LimitSettings::default());
    let steps = (0..400_u64).map(|n| (u32::try_from(n % 7).unwrap(), n * n % 90));
    let mut now = 0;
    for (host, pause) in steps {
        now += pause;
        let visitor = from(v4(host));
        assert_eq!(
            fail_as(&known, &visitor, "ann", Some(ANN), at(now)),
            fail_as(&unknown, &visitor, "ann", None, at(now)),
        );
    }
}

/// The whole internet against one account.
#[test]
fn nobody_is_locked_out() {
    let limits = Limits::new(&LimitSettings::default());
    let mut let_through = 0;
    let mut owner_slowed = 0;
    let mut owner_signed_in = 0;
    for second in 0..3600 {
        for host in 0..8 {
            let attacker = from(v4(8 * second + host));
            let_through += usize::from(fail(&limits, &attacker, at(second.into())).is_ok());
        }
        // Every half minute the owner mistypes once, and then signs in. Same network as one of the attackers.
        if second % 30 == 0 {
            let owner = device_of(ANN, v4(8 * second));
            owner_slowed += usize::from(fail(&limits, &owner, at(second.into())).is_err());
            match limits.sign_in(&owner, "ann@example.org", Some(ANN), KEY, at(second.into())) {
                Ok(attempt) => {
                    attempt.succeeded();
                    owner_signed_in += 1;
                }
                Err(_) => owner_slowed += 1,
            }
        }
    }
    println!("{let_through} of 28800 guesses let through; the owner slowed {owner_slowed} times");
    assert!(let_through <= 100, "{let_through} guesses in an hour");
    assert_eq!((owner_signed_in, owner_slowed), (120, 0));
    // From a device of another owner, or with a cookie made up, one is a stranger.
    let elsewhere = |host: u32| v4(1_000_000 + host);
    for host in 0..60 {
        let _ = fail(&limits, &from(elsewhere(host)), at(3600));
    }
    let own = device::make(KEY, ANN, [3; 16]);
    for cookie in [
        device::make(KEY, BOB, [3; 16]),
        device::make(&[8; 32], ANN, [3; 16]),
        own.replacen('A', "B", 1),
        own[1..].to_owned(),
        format!("{own}="),
        "x".repeat(64),
        "x".repeat(100_000),
        String::new(),
    ] {
        let stranger = Visitor::new(elsewhere(60), None, Some(cookie));
        assert!(fail(&limits, &stranger, at(3600)).is_err());
    }
    let owner = Visitor::new(elsewhere(60), None, Some(own));
    assert_eq!(fail(&limits, &owner, at(3600)), Ok(()));
}

/// A device's cookie opens a budget, not the door.
#[test]
fn a_stolen_device_cookie_guesses_slowly() {
    let limits = Limits::new(&LimitSettings::default());
    let thief = device_of(ANN, v4(1));
    let guesses = (0..3600).map(|second| fail(&limits, &thief, at(second)));
    assert_eq!(admitted(guesses), 20 + 3599 / 3);
    // It slows nobody but itself.
    let other = device::make(KEY, ANN, [4; 16]);
    let owner = Visitor::new(v4(1), None, Some(other));
    for second in 0..20 {
        fail(&limits, &thief, at(3600 + second)).ok();
    }
    assert_eq!(fail(&limits, &owner, at(3620)), Ok(()));
}

#[test]
fn an_attempt_that_was_not_looked_at_leaves_no_trace() {
    let used = Limits::new(&LimitSettings::default());
    let fresh = Limits::new(&LimitSettings::default());
    for visitor in [from(v4(1)), device_of(ANN, v4(1))] {
        for second in 0..60 {
            // The server is busy: nothing was hashed.
            for _ in 0..5 {
                let busy = used.sign_in(&visitor, "ann", Some(ANN), KEY, at(second));
                if let Ok(busy) = busy {
                    busy.forgiven();
                }
            }
            assert_eq!(
                fail_as(&used, &visitor, "ann", Some(ANN), at(second)),
                fail_as(&fresh, &visitor, "ann", Some(ANN), at(second)),
                "second {second}"
            );
        }
    }
    let session = SessionId::from_bytes([1; 24]);
    for second in 0..60 {
        if let Ok(busy) = used.password_change(session, at(second)) {
            busy.forgiven();
        }
        assert_eq!(
            used.password_change(session, at(second)).map(drop),
            fresh.password_change(session, at(second)).map(drop),
            "second {second}"
        );
    }
}

/// Else whoever keeps the server busy could guess without ever having to wait.
#[test]
fn an_attempt_that_was_not_looked_at_takes_no_wait_from_a_later_failure() {
    let limits = Limits::new(&LimitSettings::default());
    let attacker = from(v4(1));
    for _ in 0..8 {
        assert_eq!(fail(&limits, &attacker, at(0)), Ok(()));
    }
    let attempt = limits.sign_in(&attacker, "ann@example.org", Some(ANN), KEY, at(1));
    assert_eq!(fail(&limits, &attacker, at(2)), Ok(()));
    assert_eq!(fail(&limits, &attacker, at(2)), wait(1));
    attempt.unwrap().forgiven();
    assert_eq!(fail(&limits, &attacker, at(2)), wait(1));
    assert_eq!(fail(&limits, &attacker, at(3)), Ok(()));
}

#[test]
fn changes_of_password_are_slowed_by_session() {
    let limits = Limits::new(&LimitSettings::default());
    let stolen = SessionId::from_bytes([1; 24]);
    let own = SessionId::from_bytes([2; 24]);
    let guess = |now| limits.password_change(stolen, at(now)).map(drop);
    for _ in 0..5 {
        assert_eq!(guess(0), Ok(()));
    }
    assert_eq!(guess(0), wait(1));
    limits.password_change(own, at(0)).unwrap().succeeded();
    assert_eq!(guess(1), Ok(()));
    assert_eq!(guess(1), wait(2));
    limits.password_change(stolen, at(3)).unwrap().succeeded();
    assert_eq!(guess(3), Ok(()));
}

#[test]
fn registrations_and_renewals_are_counted_by_address() {
    let limits = Limits::new(&LimitSettings::default());
    let crowd = from(v4(1));
    let registrations = (0..100).map(|_| limits.registration(&crowd, at(0)));
    assert_eq!(admitted(registrations), 20);
    assert_eq!(limits.registration(&crowd, at(0)), wait(60));
    assert_eq!(limits.registration(&from(v4(2)), at(0)), Ok(()));
    assert_eq!(limits.registration(&crowd, at(60)), Ok(()));

    let renewals = (0..2000).map(|_| limits.refresh(&crowd, at(0)));
    assert_eq!(admitted(renewals), 1000);
    let renewals = (0..2000).map(|_| limits.refresh(&crowd, at(1)));
    assert_eq!(admitted(renewals), 50);

    let operator = Visitor::operator();
    let registrations = (0..100).map(|_| limits.registration(&operator, at(0)));
    assert_eq!(admitted(registrations), 100, "not over the network");
}

#[test]
fn no_limits_where_none_are_wanted() {
    let limits = Limits::new(&LimitSettings::disabled());
    let visitor = from(v4(1));
    for _ in 0..5000 {
        assert_eq!(fail(&limits, &visitor, at(0)), Ok(()));
        assert_eq!(limits.refresh(&visitor, at(0)), Ok(()));
        assert_eq!(limits.registration(&visitor, at(0)), Ok(()));
        let session = SessionId::from_bytes([1; 24]);
        limits.password_change(session, at(0)).map(drop).unwrap();
    }
    assert_eq!(limits.remembered(), 0);
}

#[test]
fn memory_is_bounded_and_the_worst_are_remembered() {
    let limits = Limits::new(&LimitSettings {
        keys: 1000,
        ..LimitSettings::default()
    });
    let worst = from(v4(0));
    while fail(&limits, &worst, at(0)).is_ok() {}
    let refused = fail(&limits, &worst, at(0));
    for host in 1..=100_000 {
        let visitor = from(v4(host));
        let _ = fail_as(&limits, &visitor, &format!("user{host}"), None, at(0));
        let _ = limits.refresh(&visitor, at(0));
    }
    let remembered = limits.remembered();
    assert!(remembered <= 4 * 1000, "{remembered}");
    assert_eq!(fail(&limits, &worst, at(0)), refused, "not washed out");
    // A minute later the addresses have rested; accounts and pairs take longer.
    limits.upkeep(at(60));
    assert!(limits.remembered() < remembered);
    limits.upkeep(at(2 * 3600));
    assert_eq!(limits.remembered(), 0);
}

#[test]
fn a_clock_that_jumps_back_forgives_nobody_and_locks_nobody() {
    let limits = Limits::new(&LimitSettings::default());
    let visitor = from(v4(1));
    for _ in 0..12 {
        let _ = fail(&limits, &visitor, at(0));
    }
    let early = Timestamp::from_secs(999_000);
    let Err(Limited { retry_after }) = fail(&limits, &visitor, early) else {
        panic!("forgiven");
    };
    assert!(retry_after <= Duration::from_secs(1001));
}
