//! The memory that Argon2 fills: kept while one hash follows another, given back to the system in between.

use argon2::Block;

use super::hash::OutOfMemory;

/// glibc maps allocations of this size on their own, always (its `DEFAULT_MMAP_THRESHOLD_MAX` is 32 MiB), so that
/// freeing one gives it back to the system at once. Smaller ones may come from a heap that keeps what it once had.
/// Only what is written to takes memory, so that the surplus costs addresses and nothing else.
#[cfg(target_pointer_width = "64")]
const CAPACITY: usize = 40 * 1024;
#[cfg(not(target_pointer_width = "64"))]
const CAPACITY: usize = 0;

/// The working memory of one hashing thread. Empty until it is first needed.
#[derive(Debug, Default)]
pub struct HashMemory {
    blocks: Vec<Block>,
}

impl HashMemory {
    /// `count` blocks of 1 KiB. What they hold does not matter: Argon2 writes each block before it reads it.
    pub(super) fn blocks(&mut self, count: usize) -> Result<&mut [Block], OutOfMemory> {
        if self.blocks.len() < count {
            self.release();
            self.blocks
                .try_reserve_exact(count.max(CAPACITY))
                .map_err(|_| OutOfMemory)?;
            self.blocks.resize(count, Block::new());
        }
        Ok(&mut self.blocks[..count])
    }

    /// Bytes held.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.blocks.len() * Block::SIZE
    }

    /// Gives everything back to the system.
    pub fn release(&mut self) {
        self.blocks = Vec::new();
    }
}
