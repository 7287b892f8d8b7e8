//! Other people's hashes: the vectors of openwall's `crypt_blowfish`, of the reference implementation of Argon2, and of
//! passlib behave as stated. They lie in the folder `pwhash` of `JOSE_VECTORS`; without it these tests are skipped, which
//! `STRICT=1` makes a failure.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use argon2::{Algorithm, Argon2, AssociatedData, ParamsBuilder, Version};
use countersign_auth::password::{
    HashBounds, HashMemory, PasswordHash, StoredPassword, UnreadableHash,
};
use serde_json::Value;

/// Some of the vectors fill 1 GiB.
const BOUNDS: HashBounds = HashBounds {
    memory_kib: 1024 * 1024,
    work_kib: 4 * 1024 * 1024,
    bcrypt_cost: 12,
};

/// The text of a vector file.
fn read(file: &str) -> Option<String> {
    let Some(folder) = std::env::var_os("JOSE_VECTORS") else {
        let strict = std::env::var("STRICT").is_ok_and(|strict| strict == "1");
        assert!(!strict, "SKIPPED {file}: JOSE_VECTORS is not set");
        println!("SKIPPED {file}: JOSE_VECTORS is not set");
        return None;
    };
    let path = PathBuf::from(folder).join("pwhash").join(file);
    let text = std::fs::read_to_string(&path);
    Some(text.unwrap_or_else(|error| panic!("{}: {error}", path.display())))
}

fn read_json(file: &str) -> Option<Value> {
    Some(serde_json::from_str(&read(file)?).unwrap())
}

/// What became of the vectors, by kind.
#[derive(Default)]
struct Tally(BTreeMap<String, usize>);

impl Tally {
    fn count(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    /// Prints the counts, and compares them: vectors that are no longer read are not passed.
    fn must_be(self, file: &str, expected: &[(&str, usize)]) {
        for (what, count) in &self.0 {
            println!("{file}: {count} {what}");
        }
        let expected = expected
            .iter()
            .map(|&(what, count)| (what.to_owned(), count));
        assert_eq!(self.0, expected.collect());
    }
}

fn parse(stored: &str) -> Result<PasswordHash, UnreadableHash> {
    let stored = StoredPassword::from_stored(stored.to_owned());
    PasswordHash::parse(&stored, &BOUNDS, None)
}

fn matches(stored: &str, password: &[u8], memory: &mut HashMemory) -> bool {
    let hash = parse(stored).unwrap_or_else(|error| panic!("{stored}: {error}"));
    hash.matches(password, None, memory).unwrap()
}

/// Of a hash that matches: nothing near the password does, and it is written as it was read.
fn must_match(stored: &str, password: &[u8], memory: &mut HashMemory) {
    assert!(matches(stored, password, memory), "{stored}");
    let other = [password, b"!"].concat();
    assert!(
        !matches(stored, &other, memory),
        "{stored}, and one character more"
    );
}

fn unhex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    pairs.map(byte).collect()
}

/// `crypt_blowfish`'s safety measure for `$2a$` changes the hashes of some passwords with the byte 0xff, which no text in
/// UTF-8 has. Everybody else's `$2a$` is `$2b$`.
const SAFETY_2A: [&str; 2] = [
    "$2a$05$/OK.fbVrR/bpIqNJ5ianF.nqd1wy.pTMdcvrRWxyiGL2eMz.2a85.",
    "$2a$05$/OK.fbVrR/bpIqNJ5ianF.ZC1JEJ8Z4gPfpe1JOr/oyPXTWl9EFd.",
];

#[test]
fn openwall_bcrypt() {
    let Some(file) = read_json("openwall-bcrypt.json") else {
        return;
    };
    let mut tally = Tally::default();
    let mut memory = HashMemory::default();
    for vector in file["vectors"].as_array().unwrap() {
        let expected = vector["expected"].as_str().unwrap();
        let setting = vector["setting"].as_str().unwrap();
        let password = unhex(vector["password_hex"].as_str().unwrap());
        if vector["valid"] == false {
            // A stored hash with such a setting, and any digest.
            let stored = format!("{setting}E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW");
            assert!(parse(&stored).is_err(), "{setting}");
            tally.count("refused settings");
        } else if setting.starts_with("$2x$") {
            assert_eq!(parse(expected).err(), Some(UnreadableHash::SignExtended));
            tally.count("refused for their sign-extended bytes");
        } else if password.len() > 72 {
            // As stated they are equal up to the 72nd byte, and the rest is ignored: here nothing is ever cut.
            assert!(!matches(expected, &password, &mut memory), "{expected}");
            assert!(
                matches(expected, &password[..72], &mut memory),
                "{expected}"
            );
            tally.count("cut by others: matched by their 72 bytes, not by the longer password");
        } else if SAFETY_2A.contains(&expected) {
            assert!(std::str::from_utf8(&password).is_err());
            assert!(!matches(expected, &password, &mut memory), "{expected}");
            tally.count("not applicable: of bytes that are no text, under openwall's own $2a$");
        } else {
            must_match(expected, &password, &mut memory);
            tally.count("matched");
        }
    }
    tally.must_be(
        "openwall-bcrypt.json",
        &[
            ("matched", 16),
            ("refused settings", 7),
            ("refused for their sign-extended bytes", 8),
            (
                "cut by others: matched by their 72 bytes, not by the longer password",
                2,
            ),
            (
                "not applicable: of bytes that are no text, under openwall's own $2a$",
                2,
            ),
        ],
    );
}

#[test]
fn argon2_reference() {
    let Some(file) = read_json("argon2-phc-testc.json") else {
        return;
    };
    let mut tally = Tally::default();
    let mut memory = HashMemory::default();
    for vector in file["vectors"].as_array().unwrap() {
        let encoded = vector["encoded"].as_str().unwrap();
        let password = vector["password"].as_str().unwrap();
        let gibibyte = vector["m_log2"] == 20;
        if gibibyte {
            let stored = StoredPassword::from_stored(encoded.to_owned());
            let usual = PasswordHash::parse(&stored, &HashBounds::default(), None);
            assert_eq!(usual.err(), Some(UnreadableHash::TooExpensive), "{encoded}");
        }
        assert!(
            matches(encoded, password.as_bytes(), &mut memory),
            "{encoded}"
        );
        if !gibibyte {
            assert!(
                !matches(encoded, b"another password", &mut memory),
                "{encoded}"
            );
        }
        let kind = vector["type"].as_str().unwrap();
        tally.count(&format!("of argon2{kind} version {}", vector["version"]));
    }
    tally.must_be(
        "argon2-phc-testc.json",
        &[
            ("of argon2i version 16", 9),
            ("of argon2i version 19", 9),
            ("of argon2id version 19", 8),
        ],
    );
}

/// The files of known answers use a secret and associated data, which no stored password has: they show that the
/// implementation underneath is Argon2.
#[test]
fn argon2_known_answers() {
    for (file, algorithm) in [
        ("argon2d.kat.txt", Algorithm::Argon2d),
        ("argon2i.kat.txt", Algorithm::Argon2i),
        ("argon2id.kat.txt", Algorithm::Argon2id),
    ] {
        let Some(text) = read(file) else {
            return;
        };
        let field = |name: &str| {
            let line = text.lines().find(|line| line.starts_with(name)).unwrap();
            let (_, bytes) = line.split_once(": ").unwrap();
            unhex(&bytes.replace(' ', ""))
        };
        assert!(text.contains("version number 19"));
        assert!(
            text.contains("Memory: 32 KiB, Iterations: 3, Parallelism: 4 lanes, Tag length: 32")
        );
        let data = field("Associated data");
        let params = ParamsBuilder::new()
            .m_cost(32)
            .t_cost(3)
            .p_cost(4)
            .output_len(32)
            .data(AssociatedData::new(&data).unwrap())
            .build()
            .unwrap();
        let secret = field("Secret");
        let argon2 = Argon2::new_with_secret(&secret, algorithm, Version::V0x13, params).unwrap();
        let mut tag = [0; 32];
        let mut blocks = vec![argon2::Block::new(); 32];
        argon2
            .hash_password_into_with_memory(
                &field("Password"),
                &field("Salt"),
                &mut tag,
                &mut blocks,
            )
            .unwrap();
        assert_eq!(tag.as_slice(), field("Tag"), "{file}");
        println!("{file}: 1 matched");
    }
}

/// A password of passlib's: a text, or bytes that are text or not.
fn password_of(value: &Value) -> Vec<u8> {
    if let Some(text) = value.as_str() {
        return text.into();
    }
    match (&value["utf8"], &value["hex"]) {
        (Value::String(text), _) => text.clone().into(),
        (_, Value::String(hex)) => unhex(hex),
        other => panic!("{other:?}"),
    }
}

#[test]
fn passlib() {
    let Some(file) = read_json("passlib-known-hashes.json") else {
        return;
    };
    let mut tally = Tally::default();
    let mut memory = HashMemory::default();
    let mut elsewhere = BTreeMap::<&str, usize>::new();
    // passlib tries each vector with every back end that it has; once is enough here.
    let mut seen = BTreeSet::new();
    for (test, vectors) in file.as_object().unwrap() {
        let handler = vectors["handler"].as_str().unwrap();
        let list = |name: &str| vectors[name].as_array().unwrap().as_slice();
        let applies = ["argon2", "bcrypt", "bcrypt_sha256"].contains(&handler);
        for pair in list("known_correct_hashes") {
            let stored = pair[1].as_str().unwrap_or_default();
            if !seen.insert((handler, pair.to_string())) {
                continue;
            }
            if !applies {
                assert!(parse(stored).is_err(), "{test}: {stored} is no such format");
                *elsewhere.entry(handler).or_default() += 1;
                continue;
            }
            let password = password_of(&pair[0]);
            if handler == "bcrypt" && password.len() > 72 {
                assert!(!matches(stored, &password, &mut memory), "{test}: {stored}");
                assert!(
                    matches(stored, &password[..72], &mut memory),
                    "{test}: {stored}"
                );
                tally.count("of bcrypt, cut by others: matched by their 72 bytes only");
            } else {
                must_match(stored, &password, &mut memory);
                tally.count(&format!("of {handler} matched"));
            }
        }
        let bad = list("known_malformed_hashes").iter();
        for stored in bad.chain(list("known_unidentified_hashes")) {
            if !applies || !seen.insert((handler, stored.to_string())) {
                continue;
            }
            let stored = stored.as_str().unwrap();
            assert!(parse(stored).is_err(), "{test}: {stored}");
            tally.count(&format!("of {handler} refused"));
        }
    }
    let (formats, all) = (elsewhere.len(), elsewhere.values().sum::<usize>());
    println!(
        "passlib-known-hashes.json: {all} not applicable: {formats} formats that nothing reads; refused"
    );
    for (format, count) in elsewhere {
        print!("  {format} {count}");
    }
    println!();
    tally.must_be(
        "passlib-known-hashes.json",
        &[
            ("of argon2 matched", 32),
            ("of argon2 refused", 6),
            ("of bcrypt matched", 23),
            ("of bcrypt refused", 5),
            (
                "of bcrypt, cut by others: matched by their 72 bytes only",
                6,
            ),
            ("of bcrypt_sha256 matched", 16),
            ("of bcrypt_sha256 refused", 13),
        ],
    );
}

/// Formats that an import will bring one day, but nothing reads yet.
#[test]
fn other_formats_are_refused() {
    let mut tally = Tally::default();
    let Some(file) = read_json("django-pbkdf2.json") else {
        return;
    };
    for vector in file["vectors"].as_array().unwrap() {
        let stored = vector["encoded"].as_str().unwrap();
        assert_eq!(parse(stored).err(), Some(UnreadableHash::UnknownFormat));
        tally.count("not applicable: PBKDF2, refused");
    }
    tally.must_be(
        "django-pbkdf2.json",
        &[("not applicable: PBKDF2, refused", 4)],
    );
    println!("firebase-scrypt.json: not applicable: no stored form, a key of the whole system's");
}
