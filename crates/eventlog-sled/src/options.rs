/// How an embedded log uses the machine. The defaults are the measured ones.
#[derive(Debug, Clone)]
pub struct Options {
    /// Length of a journal file in bytes; it is zero-filled before it is used.
    pub journal_file_bytes: u64,
    /// Memory that sled may use for its cache, in bytes.
    pub sled_cache_bytes: u64,
    /// Memory for decompressed blocks, in bytes.
    pub block_cache_bytes: u64,
    /// Appends that may wait for the writer before callers have to.
    pub queue_length: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            journal_file_bytes: 64 << 20,
            sled_cache_bytes: 64 << 20,
            block_cache_bytes: 32 << 20,
            queue_length: 1024,
        }
    }
}
