//! The one binary. Everything it does is in the library, so that tests and benches can do it too.

use std::process::ExitCode;

/// The C library's keeps what a storm of sign-ins took: some small piece in use lies at the end of each of its arenas.
#[cfg(target_os = "linux")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    countersign::cli::main()
}
