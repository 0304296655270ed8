/// How an embedded log uses the machine. The defaults are the measured ones.
#[derive(Debug, Clone)]
pub struct Options {
    /// Length of a journal file in bytes, made a whole number of 4 KiB pages; it is filled before
    /// it is used.
    pub journal_file_bytes: u64,
    /// Memory that sled may use for its cache, in bytes.
    pub sled_cache_bytes: u64,
    /// Memory for decompressed blocks, in bytes.
    pub block_cache_bytes: u64,
    /// Events after which the index over them is put into a file, so that opening need not derive
    /// it anew.
    pub index_segment_events: usize,
    /// Room that is left free in the file system, in bytes: below it the log takes no more appends
    /// until there is room again.
    pub disk_reserve_bytes: u64,
    /// Length of the file that can be given up to make room for opening the log, in bytes.
    pub ballast_bytes: u64,
    /// Appends that may wait for the writer before callers have to.
    pub queue_length: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            journal_file_bytes: 64 << 20,
            sled_cache_bytes: 64 << 20,
            block_cache_bytes: 32 << 20,
            index_segment_events: 131_072,
            disk_reserve_bytes: 256 << 20,
            ballast_bytes: 32 << 20,
            queue_length: 1024,
        }
    }
}
