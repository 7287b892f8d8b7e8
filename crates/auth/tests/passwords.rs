//! Passwords through the public face: which are accepted, how they are kept, and the threads that hash them.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

mod support;

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use countersign_auth::env::{Clock, Env, Timestamp};
use countersign_auth::password::{
    HashAlgorithm, HashError, Hasher, InvalidPasswordSettings, Password, PasswordPolicyError,
    PasswordSettings, Pepper, StoredPassword, UnreadableHash, Verdict,
};

use support::{Gate, GatedEntropy};

/// As cheap as Argon2 gets: what is tested here is not its strength.
const CHEAP: HashAlgorithm = HashAlgorithm::Argon2id {
    memory_kib: 8,
    passes: 1,
    lanes: 1,
};
const CHEAP_BCRYPT: HashAlgorithm = HashAlgorithm::Bcrypt { cost: 4 };

fn settings(algorithm: HashAlgorithm) -> PasswordSettings {
    PasswordSettings {
        algorithm,
        threads: NonZeroUsize::new(1),
        ..PasswordSettings::default()
    }
}

fn hasher(algorithm: HashAlgorithm) -> Hasher {
    Hasher::start(&settings(algorithm), None, &Env::system()).unwrap()
}

fn peppered(algorithm: HashAlgorithm, pepper: Pepper) -> Hasher {
    Hasher::start(&settings(algorithm), Some(pepper), &Env::system()).unwrap()
}

fn password(text: &str) -> Password {
    Password::new(text.to_owned())
}

fn stored(text: &str) -> StoredPassword {
    StoredPassword::from_stored(text.to_owned())
}

const RIGHT: Verdict = Verdict::Match { rehash: false };
const RIGHT_BUT_OLD: Verdict = Verdict::Match { rehash: true };

#[test]
fn policy() {
    let usual = PasswordSettings::default();
    let too_short = Err(PasswordPolicyError::TooShort { min: 8 });
    let too_long = Err(PasswordPolicyError::TooLong { max: 256 });
    let common = Err(PasswordPolicyError::Common);
    let same = Err(PasswordPolicyError::SameAsIdentifier);
    let own = ["ann.miller@example.org", "annemiller"];
    for (text, answer) in [
        ("", too_short),
        ("qZ7!kfp", too_short),
        ("qZ7!kfpa", Ok(())),
        ("        ", common),
        ("two words", Ok(())),
        // Characters count, not bytes; and composed ones, not the parts that they were typed of.
        ("жшщэюяє", too_short),
        ("жшщэюяєї", Ok(())),
        ("e\u{301}e\u{300}o\u{308}u\u{308}", too_short),
        ("🐘🦊🦉🐝🐙🦀🐬🦔", Ok(())),
        ("Wb8 ".repeat(64).as_str(), Ok(())),
        ("Wb8 ".repeat(65).as_str(), too_long),
        ("🐘🦊".repeat(128).as_str(), Ok(())),
        ("🐘🦊".repeat(129).as_str(), too_long),
        // 256 letters that take 1280 bytes as typed, and 768 composed.
        (
            "e\u{302}\u{301}a\u{302}\u{300}".repeat(128).as_str(),
            Ok(()),
        ),
        ("e\u{302}\u{301}".repeat(257).as_str(), too_long),
        ("x".repeat(1024 * 1024).as_str(), too_long),
        ("password", common),
        ("PassWord123", common),
        ("Qwertyuiop", common),
        ("correcthorsebatterystaple", common),
        ("aaaaaaaaaaaaaaaaaaaaa", common),
        ("3456789:;", common),
        ("zyxwvuts", common),
        ("passwort-des-tages", Ok(())),
        ("Ann.Miller@Example.org", same),
        ("ann.miller", same),
        ("AnneMiller", same),
        (" annemiller ", same),
        ("annemiller7", Ok(())),
    ] {
        let shown: String = text.chars().take(30).collect();
        assert_eq!(usual.check(&password(text), &own), answer, "{shown:?}");
    }

    let nist = PasswordSettings::nist();
    let too_short = Err(PasswordPolicyError::TooShort { min: 15 });
    assert_eq!(nist.check(&password("qZ7!kfpaqZ7!kf"), &[]), too_short);
    assert_eq!(nist.check(&password("qZ7!kfpaqZ7!kfp"), &[]), Ok(()));
    // An account without a user name: the empty identifier equals nothing.
    assert_eq!(usual.check(&password("qZ7!kfpa"), &["", "@"]), Ok(()));
}

#[test]
fn settings_that_cannot_be_worked_with_are_refused() {
    let argon2 = |memory_kib, passes, lanes| HashAlgorithm::Argon2id {
        memory_kib,
        passes,
        lanes,
    };
    for (algorithm, answer) in [
        (HashAlgorithm::ARGON2ID, Ok(())),
        (HashAlgorithm::BCRYPT, Ok(())),
        (CHEAP, Ok(())),
        (argon2(7, 1, 1), Err(InvalidPasswordSettings::Argon2)),
        (argon2(8, 0, 1), Err(InvalidPasswordSettings::Argon2)),
        (argon2(8, 1, 0), Err(InvalidPasswordSettings::Argon2)),
        (argon2(15, 1, 2), Err(InvalidPasswordSettings::Argon2)),
        (argon2(65536, 1, 256), Err(InvalidPasswordSettings::Argon2)),
        (
            argon2(1024 * 1024, 1, 1),
            Err(InvalidPasswordSettings::Argon2Bounds),
        ),
        (
            argon2(8, u32::MAX, 1),
            Err(InvalidPasswordSettings::Argon2Bounds),
        ),
        (
            HashAlgorithm::Bcrypt { cost: 3 },
            Err(InvalidPasswordSettings::Bcrypt),
        ),
        (
            HashAlgorithm::Bcrypt { cost: 31 },
            Err(InvalidPasswordSettings::Bcrypt),
        ),
    ] {
        assert_eq!(settings(algorithm).validate(), answer, "{algorithm:?}");
    }
    for min_length in [0, 7, 65] {
        let settings = PasswordSettings {
            min_length,
            ..PasswordSettings::default()
        };
        assert_eq!(
            settings.validate(),
            Err(InvalidPasswordSettings::MinLength),
            "{min_length}"
        );
        assert!(Hasher::start(&settings, None, &Env::system()).is_err());
    }
}

#[tokio::test]
async fn what_was_hashed_is_recognised_and_nothing_else_is() {
    for (algorithm, form) in [
        (CHEAP, "$argon2id$v=19$m=8,t=1,p=1$"),
        (HashAlgorithm::ARGON2ID, "$argon2id$v=19$m=19456,t=2,p=1$"),
        (CHEAP_BCRYPT, "$2b$04$"),
    ] {
        let hasher = hasher(algorithm);
        let first = hasher.hash(password("a good password")).await.unwrap();
        let second = hasher.hash(password("a good password")).await.unwrap();
        assert!(first.as_stored().starts_with(form), "{algorithm:?}");
        assert_ne!(first, second, "salted");
        for hash in [first, second] {
            for (text, verdict) in [
                ("a good password", RIGHT),
                ("a good passwore", Verdict::Mismatch),
                ("a good password ", Verdict::Mismatch),
                ("A good password", Verdict::Mismatch),
                ("", Verdict::Mismatch),
            ] {
                let compared = hasher.verify(password(text), Some(hash.clone())).await;
                assert_eq!(compared, Ok(verdict), "{algorithm:?} {text:?}");
            }
        }
    }
}

#[tokio::test]
async fn two_spellings_of_one_text_are_one_password() {
    let hasher = hasher(CHEAP);
    let composed = hasher.hash(password("crème brûlée")).await.unwrap();
    let decomposed = password("cre\u{300}me bru\u{302}le\u{301}e");
    let compared = hasher.verify(decomposed, Some(composed.clone())).await;
    assert_eq!(compared, Ok(RIGHT));
    // Composed (NFC) only: what looks alike in another way (NFKC) is another password.
    let full_width = hasher.hash(password("ｐａｓｓｗｏｒｄｓ")).await.unwrap();
    let compared = hasher.verify(password("passwords"), Some(full_width)).await;
    assert_eq!(compared, Ok(Verdict::Mismatch));
}

#[tokio::test]
async fn bcrypt_never_cuts() {
    let hasher = hasher(CHEAP_BCRYPT);
    let longest = "0123456789ab".repeat(6);
    assert_eq!(longest.len(), 72);
    let whole = hasher.hash(password(&longest)).await.unwrap();
    assert!(whole.as_stored().starts_with("$2b$04$"));
    let longer = format!("{longest}c");
    let compared = hasher.verify(password(&longer), Some(whole)).await;
    assert_eq!(compared, Ok(Verdict::Mismatch), "one byte more");

    let pre_hashed = hasher.hash(password(&longer)).await.unwrap();
    assert!(
        pre_hashed
            .as_stored()
            .starts_with("$bcrypt-sha256$v=2,t=2b,r=4$")
    );
    for (text, verdict) in [
        (longer.clone(), RIGHT),
        (longest.clone(), Verdict::Mismatch),
        (format!("{longest}d"), Verdict::Mismatch),
    ] {
        let compared = hasher
            .verify(password(&text), Some(pre_hashed.clone()))
            .await;
        assert_eq!(compared, Ok(verdict), "{text}");
    }

    // To plain bcrypt, which repeats its key with a NUL in between, these two are one.
    let repeated = hasher.hash(password("repeated\0repeated")).await.unwrap();
    let compared = hasher.verify(password("repeated"), Some(repeated)).await;
    assert_eq!(compared, Ok(Verdict::Mismatch));

    // An imported hash of a password that another system cut: whoever knows only its start does not know it.
    let imported = "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    let alphabet = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    for tail in ["chars after 72 are ignored", "x"] {
        let text = format!("{alphabet}{tail}");
        let compared = hasher.verify(password(&text), Some(stored(imported))).await;
        assert_eq!(compared, Ok(Verdict::Mismatch), "{tail}");
    }
    let compared = hasher
        .verify(password(alphabet), Some(stored(imported)))
        .await;
    assert_eq!(compared, Ok(RIGHT_BUT_OLD), "all of it");
}

#[tokio::test]
async fn a_pepper_must_be_known() {
    let one = Pepper::new("one", &[1; 32]).unwrap();
    let two = Pepper::new("two", &[2; 32]).unwrap();
    for algorithm in [CHEAP, CHEAP_BCRYPT] {
        let plain = hasher(algorithm);
        let with_one = peppered(algorithm, one.clone());
        let with_two = peppered(algorithm, two.clone());
        let moved_to_two = peppered(algorithm, two.clone().with_older("one", &[1; 32]).unwrap());
        let wrong = peppered(algorithm, Pepper::new("one", &[3; 32]).unwrap());

        let without = plain.hash(password("a good password")).await.unwrap();
        let under_one = with_one.hash(password("a good password")).await.unwrap();
        assert!(under_one.as_stored().starts_with("{one}$"));

        let unknown = Verdict::Unreadable(UnreadableHash::UnknownPepper);
        for (name, hasher, stored, verdict) in [
            ("no pepper, none needed", &plain, &without, RIGHT),
            ("the pepper", &with_one, &under_one, RIGHT),
            ("no pepper", &plain, &under_one, unknown),
            ("another pepper", &with_two, &under_one, unknown),
            ("an older one", &moved_to_two, &under_one, RIGHT_BUT_OLD),
            ("introduced later", &with_one, &without, RIGHT_BUT_OLD),
            ("another secret", &wrong, &under_one, Verdict::Mismatch),
        ] {
            let right = hasher.verify(password("a good password"), Some(stored.clone()));
            assert_eq!(right.await, Ok(verdict), "{algorithm:?}: {name}");
            let wrong = hasher.verify(password("a bad password"), Some(stored.clone()));
            let verdict = match verdict {
                Verdict::Match { .. } => Verdict::Mismatch,
                other => other,
            };
            assert_eq!(wrong.await, Ok(verdict), "{algorithm:?}: {name}");
        }
        let long = "a long password ".repeat(8);
        let kept = with_one.hash(password(&long)).await.unwrap();
        let compared = with_one.verify(password(&long), Some(kept)).await;
        assert_eq!(compared, Ok(RIGHT), "{algorithm:?}: a long password");
    }
    assert!(Pepper::new("", &[1; 32]).is_err());
    assert!(Pepper::new("a}b", &[1; 32]).is_err());
    assert!(Pepper::new("short", &[1; 15]).is_err());
    assert!(one.with_older("one", &[2; 32]).is_err());
}

#[tokio::test]
async fn moved_settings_ask_for_a_new_hash() {
    let argon2 = |memory_kib, passes, lanes| HashAlgorithm::Argon2id {
        memory_kib,
        passes,
        lanes,
    };
    let all = [
        CHEAP,
        argon2(16, 1, 1),
        argon2(8, 2, 1),
        argon2(16, 1, 2),
        CHEAP_BCRYPT,
        HashAlgorithm::Bcrypt { cost: 5 },
    ];
    for before in all {
        let hash = hasher(before).hash(password("a good password")).await;
        for after in all {
            let hasher = hasher(after);
            let compared = hasher.verify(password("a good password"), hash.clone().ok());
            let rehash = before != after;
            let expected = Ok(Verdict::Match { rehash });
            assert_eq!(compared.await, expected, "{before:?} to {after:?}");
        }
    }
    // Of the same settings, but older kinds.
    for old in [
        "$argon2i$v=19$m=256,t=2,p=1$c29tZXNhbHQ$iekCn0Y3spW+sCcFanM2xBT63UP2sghkUoHLIUpWRS8",
        "$argon2i$m=256,t=2,p=1$c29tZXNhbHQ$/U3YPXYsSb3q9XxHvc0MLxur+GP960kN9j7emXX8zwY",
        "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4",
    ] {
        let hasher = hasher(argon2(256, 2, 1));
        let compared = hasher.verify(password("password"), Some(stored(old))).await;
        assert_eq!(compared, Ok(RIGHT_BUT_OLD), "{old}");
    }
}

#[tokio::test]
async fn a_stored_hash_that_would_hurt_is_not_computed() {
    let hasher = hasher(CHEAP);
    let salt_and_digest = "c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4";
    let bcrypt = "abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui";
    for (text, why) in [
        (
            format!("$argon2id$v=19$m=4194304,t=1,p=1${salt_and_digest}"),
            UnreadableHash::TooExpensive,
        ),
        (
            format!("$argon2id$v=19$m=262145,t=1,p=1${salt_and_digest}"),
            UnreadableHash::TooExpensive,
        ),
        (
            format!("$argon2id$v=19$m=4294967295,t=4294967295,p=1${salt_and_digest}"),
            UnreadableHash::TooExpensive,
        ),
        (
            format!("$argon2id$v=19$m=256,t=1000000,p=1${salt_and_digest}"),
            UnreadableHash::TooExpensive,
        ),
        (
            format!("$argon2id$v=19$m=256,t=1,p=16777215${salt_and_digest}"),
            UnreadableHash::TooExpensive,
        ),
        (
            format!("$argon2id$v=18$m=256,t=1,p=1${salt_and_digest}"),
            UnreadableHash::Malformed,
        ),
        (
            format!("$argon2id$v=19$m=256,t=1,p=1${salt_and_digest}$"),
            UnreadableHash::Malformed,
        ),
        (
            format!("$argon2id$v=19$m=0256,t=1,p=1${salt_and_digest}"),
            UnreadableHash::Malformed,
        ),
        (
            format!("$argon2id$v=19$m=+256,t=1,p=1${salt_and_digest}"),
            UnreadableHash::Malformed,
        ),
        (
            "$argon2id$v=19$m=256,t=1,p=1$c2FsdA$nf65EOgLrQMR/uIPnA4rEg".to_owned(),
            UnreadableHash::Malformed,
        ),
        (
            format!(
                "$argon2id$v=19$m=256,t=1,p=1$c29tZXNhbHQ${}",
                "A".repeat(100)
            ),
            UnreadableHash::Malformed,
        ),
        (
            "$argon2id$v=19$m=256,t=1,p=1$c29tZXNhbHQ$".to_owned(),
            UnreadableHash::Malformed,
        ),
        (format!("$2b$31${bcrypt}"), UnreadableHash::TooExpensive),
        (
            format!(
                "$bcrypt-sha256$v=2,t=2b,r=31${}${}",
                &bcrypt[..22],
                &bcrypt[22..]
            ),
            UnreadableHash::TooExpensive,
        ),
        (format!("$2x$05${bcrypt}"), UnreadableHash::SignExtended),
        (format!("$2b$+5${bcrypt}"), UnreadableHash::Malformed),
        (format!("$2b$03${bcrypt}"), UnreadableHash::Malformed),
        (format!("$2b$05${bcrypt}$"), UnreadableHash::Malformed),
        (
            format!("$2b$05${}é", &bcrypt[..51]),
            UnreadableHash::Malformed,
        ),
        (String::new(), UnreadableHash::UnknownFormat),
        ("*".to_owned(), UnreadableHash::UnknownFormat),
        ("plain text".to_owned(), UnreadableHash::UnknownFormat),
        ("$1$salt$digest".to_owned(), UnreadableHash::UnknownFormat),
        ("{CRYPT}$2b$05$".to_owned(), UnreadableHash::UnknownPepper),
        ("{open".to_owned(), UnreadableHash::UnknownFormat),
    ] {
        let done = hasher.stats().done;
        let compared = hasher.verify(password("a good password"), Some(stored(&text)));
        assert_eq!(compared.await, Ok(Verdict::Unreadable(why)), "{text}");
        support::until("the same work was done", || hasher.stats().done == done + 1);
    }
}

#[tokio::test]
async fn nobody_costs_what_somebody_costs() {
    for (algorithm, memory) in [
        (HashAlgorithm::ARGON2ID, 19 * 1024 * 1024),
        (CHEAP, 8 * 1024),
        (CHEAP_BCRYPT, 0),
    ] {
        let hasher = hasher(algorithm);
        let compared = hasher.verify(password("a good password"), None).await;
        assert_eq!(compared, Ok(Verdict::Mismatch));
        support::until("it took as much memory", || {
            hasher.stats().memory == memory && hasher.stats().done == 1
        });
    }
}

#[tokio::test]
async fn an_overlong_password_costs_nothing() {
    let hasher = hasher(CHEAP);
    let hash = hasher.hash(password("a good password")).await.unwrap();
    support::until("it is done", || hasher.stats().done == 1);
    for text in ["x".repeat(257), "x".repeat(1024 * 1024)] {
        let compared = hasher.verify(password(&text), Some(hash.clone())).await;
        assert_eq!(compared, Ok(Verdict::Mismatch));
        let compared = hasher.verify(password(&text), None).await;
        assert_eq!(compared, Ok(Verdict::Mismatch));
        let too_long = PasswordPolicyError::TooLong { max: 256 };
        let refused = hasher.hash(password(&text)).await.err();
        assert_eq!(refused, Some(HashError::Policy(too_long)));
    }
    assert_eq!(hasher.stats().done, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_too_many_is_told_to_come_back() {
    let gate = Arc::new(Gate::default());
    let env = Env {
        entropy: Arc::new(GatedEntropy(gate.clone())),
        ..Env::system()
    };
    let settings = PasswordSettings {
        queue: NonZeroUsize::new(3),
        ..settings(CHEAP)
    };
    let hasher = Arc::new(Hasher::start(&settings, None, &env).unwrap());
    gate.close();
    let hash = || {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.hash(password("a good password")).await })
    };
    // One in work (it waits for its salt), three in the queue.
    let begun = hash();
    gate.until_waited_for();
    let queued = [hash(), hash(), hash()];
    support::until("the queue is full", || hasher.stats().waiting == 3);

    let refused = hasher.verify(password("a good password"), None).await;
    let Err(HashError::Busy { retry_after }) = refused else {
        panic!("{refused:?}");
    };
    assert!((1..=60).contains(&retry_after.as_secs()), "{retry_after:?}");
    assert_eq!(hasher.stats().refused, 1);

    // Somebody in the queue hangs up: their place is free.
    let [first, second, third] = queued;
    second.abort();
    assert!(second.await.is_err());
    let late = hash();
    support::until("the place is taken", || {
        hasher.stats().abandoned == 1 && hasher.stats().waiting == 3
    });

    gate.open();
    for answered in [begun, first, third, late] {
        assert!(answered.await.unwrap().is_ok());
    }
    support::until("all is done", || {
        let stats = hasher.stats();
        stats.done == 4 && stats.busy == 0 && stats.waiting == 0
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_finishes_what_is_begun_and_nothing_else() {
    let gate = Arc::new(Gate::default());
    let env = Env {
        entropy: Arc::new(GatedEntropy(gate.clone())),
        ..Env::system()
    };
    let hasher = Arc::new(Hasher::start(&settings(CHEAP), None, &env).unwrap());
    gate.close();
    let hash = || {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.hash(password("a good password")).await })
    };
    let begun = hash();
    gate.until_waited_for();
    let queued = hash();
    support::until("it waits", || hasher.stats().waiting == 1);
    let stopping = tokio::task::spawn_blocking({
        let hasher = hasher.clone();
        move || hasher.stop()
    });
    assert_eq!(queued.await.unwrap(), Err(HashError::Stopped));
    gate.open();
    assert!(begun.await.unwrap().is_ok());
    stopping.await.unwrap();
    let late = hasher.hash(password("a good password")).await;
    assert_eq!(late, Err(HashError::Stopped));
    hasher.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_is_kept_through_a_storm_and_given_back_after_it() {
    let settings = PasswordSettings {
        threads: NonZeroUsize::new(2),
        ..PasswordSettings::default()
    };
    let hasher = Arc::new(Hasher::start(&settings, None, &Env::system()).unwrap());
    assert_eq!(hasher.stats().memory, 0, "nothing before it is needed");
    let storm = (0..32).map(|_| {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.verify(password("a good password"), None).await })
    });
    for sign_in in storm.collect::<Vec<_>>() {
        assert_eq!(sign_in.await.unwrap(), Ok(Verdict::Mismatch));
    }
    support::until("all is done", || hasher.stats().done == 32);
    // At most one block for each thread, however many were hashed; none was given back in between.
    let block = 19 * 1024 * 1024;
    let held = hasher.stats().memory;
    assert!(held == block || held == 2 * block, "{held} bytes");
    support::until("it rests", || hasher.stats().memory == 0);
}

#[cfg(target_os = "linux")]
#[test]
fn hashing_threads_let_the_others_go_first() {
    let niceness = |stat: &str| -> i64 {
        let after_name = stat.rsplit_once(')').unwrap().1;
        after_name
            .split_whitespace()
            .nth(16)
            .unwrap()
            .parse()
            .unwrap()
    };
    let own = niceness(&std::fs::read_to_string("/proc/thread-self/stat").unwrap());
    let _hasher = hasher(CHEAP);
    support::until("the thread has stepped back", || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        tasks
            // Threads of other tests come and go.
            .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("stat")).ok())
            .any(|stat| stat.contains("(hash-0)") && niceness(&stat) == (own + 10).min(19))
    });
}

#[tokio::test]
async fn the_wait_grows_with_what_hashes_cost() {
    /// A clock that jumps three seconds at every look.
    struct Leaping(std::sync::atomic::AtomicU64);
    impl Clock for Leaping {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.fetch_add(3000, std::sync::atomic::Ordering::Relaxed))
        }
    }
    let gate = Arc::new(Gate::default());
    let env = Env {
        clock: Arc::new(Leaping(0.into())),
        entropy: Arc::new(GatedEntropy(gate.clone())),
    };
    let settings = PasswordSettings {
        queue: NonZeroUsize::new(2),
        ..settings(CHEAP)
    };
    let hasher = Arc::new(Hasher::start(&settings, None, &env).unwrap());
    hasher.hash(password("a good password")).await.unwrap();
    support::until("it is done", || hasher.stats().done == 1);
    gate.close();
    let hash = || {
        let hasher = hasher.clone();
        tokio::spawn(async move { hasher.hash(password("a good password")).await })
    };
    let mut begun = vec![hash()];
    tokio::task::yield_now().await;
    gate.until_waited_for();
    begun.extend([hash(), hash()]);
    tokio::task::yield_now().await;
    let refused = hasher.hash(password("a good password")).await.err();
    // Two wait, each of them for three seconds.
    let retry_after = Duration::from_secs(6);
    assert_eq!(refused, Some(HashError::Busy { retry_after }));
    gate.open();
    for hash in begun {
        assert!(hash.await.unwrap().is_ok());
    }
}

#[test]
fn no_secret_is_shown() {
    let shown = [
        format!("{:?}", password("a good password")),
        format!("{:?}", stored("$2b$12$digest")),
        format!(
            "{:?}",
            Pepper::new("one", b"a pepper is sharp; it has 32 of.").unwrap()
        ),
        format!("{:?}", hasher(CHEAP)),
    ];
    for text in shown {
        assert!(
            !text.contains("good") && !text.contains("digest") && !text.contains("sharp"),
            "{text}"
        );
    }
}
