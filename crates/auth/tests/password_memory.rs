//! Memory that hashing took goes back to the system. Alone in its binary: it looks at the whole process.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![cfg(all(target_os = "linux", target_env = "gnu"))]

use countersign_auth::password::{HashMemory, PasswordHash, PasswordSettings};

/// Resident memory of this process, in KiB.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.unwrap()
        .split_whitespace()
        .nth(1)
        .unwrap()
        .parse()
        .unwrap()
}

/// glibc moves allocations of a size that was freed once from maps of their own into heaps that never shrink. So the
/// second storm is the one to look at.
#[test]
fn every_storm_gives_its_memory_back() {
    const BLOCK: u64 = 19 * 1024;
    let settings = PasswordSettings::default();
    let quiet = resident();
    for storm in 1..=4 {
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let settings = settings.clone();
                std::thread::spawn(move || {
                    let mut memory = HashMemory::default();
                    for salt in 0..3 {
                        let password = b"a good password";
                        PasswordHash::make(password, &settings, None, [salt; 16], &mut memory)
                            .unwrap();
                    }
                    let during = resident();
                    memory.release();
                    during
                })
            })
            .collect();
        let during = threads.into_iter().map(|thread| thread.join().unwrap());
        let during = during.max().unwrap();
        let after = resident();
        println!("storm {storm}: {quiet} KiB before, {during} KiB during, {after} KiB after");
        assert!(during >= quiet + BLOCK, "the measurement sees a block");
        assert!(after < quiet + BLOCK / 4, "storm {storm} kept its memory");
    }
}
