//! The wall clock of one process: a library that stands before the system's, and adds what a file says at that moment.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use crate::temp::TempDir;

const SOURCE: &str = r#"
    #define _GNU_SOURCE
    #include <fcntl.h>
    #include <stdlib.h>
    #include <sys/mman.h>
    #include <sys/syscall.h>
    #include <time.h>
    #include <unistd.h>
    static volatile const int *ahead;
    __attribute__((constructor)) static void begin(void) {
        const char *path = getenv("CLOCK_AHEAD");
        int file = path ? open(path, O_RDONLY) : -1;
        if (file < 0) return;
        void *seconds = mmap(NULL, sizeof(int), PROT_READ, MAP_SHARED, file, 0);
        if (seconds != MAP_FAILED) ahead = seconds;
        close(file);
    }
    int clock_gettime(clockid_t clock, struct timespec *time) {
        int result = syscall(SYS_clock_gettime, clock, time);
        if (result == 0 && clock == CLOCK_REALTIME && ahead) time->tv_sec += *ahead;
        return result;
    }
"#;

/// A clock that can be set at any time.
pub struct WrongClock {
    library: PathBuf,
    ahead: PathBuf,
}

impl WrongClock {
    /// So many seconds ahead; what it needs lies in this folder.
    pub fn new(folder: &TempDir, seconds: i32) -> Self {
        let file = |name: &str| folder.path().join(name);
        let (source, library) = (file("clock.c"), file("clock.so"));
        std::fs::write(&source, SOURCE).unwrap();
        let made = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "{said}");
        let clock = Self {
            library,
            ahead: file("clock.ahead"),
        };
        clock.set(seconds);
        clock
    }

    /// What a process must be started with to live by it.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("LD_PRELOAD", self.library.display().to_string()),
            ("CLOCK_AHEAD", self.ahead.display().to_string()),
        ]
    }

    /// From now on so many seconds ahead. The file is written in its place, for whoever has it in memory.
    pub fn set(&self, seconds: i32) {
        let file = File::options()
            .write(true)
            .create(true)
            .truncate(false)
            .open(&self.ahead);
        file.unwrap().write_all(&seconds.to_ne_bytes()).unwrap();
    }
}
