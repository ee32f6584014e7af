"""Tune RocksDB for this log: it writes large values in order, and looks up random 32-byte keys that are mostly absent.

Memory is bounded by `limits.STORE_MEMORY_BYTES` whatever the size on disk: indexes and filters live in the block cache.
Nothing here is part of the format: another choice opens the same store.
"""

from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompactionStyle,
    DBCompressionType,
    DBRecoveryMode,
    Options,
)

from glasslog_server.core.limits import (
    STORE_BACKGROUND_JOBS_MAX,
    STORE_CACHE_BYTES,
    STORE_MEMTABLE_BYTES,
    STORE_MEMTABLES_MAX,
    STORE_OPEN_FILES_MAX,
)

_BLOOM_BITS_PER_KEY = 10  # one false positive in a hundred: nearly every duplicate check ends in memory
_MEMTABLE_BLOOM_RATIO = 0.02  # of the memtable's size
_BLOCK_BYTES = 8 * 1_024
_FILTER_BLOCK_BYTES = 32 * 1_024
_TABLE_FORMAT = 5  # the first with the smaller and faster filters
_RUNS_MAX = 8  # sorted runs that may pile up before they are merged: a lookup asks one filter for each
_SYNC_CHUNK_BYTES = 1_024 * 1_024
_INFO_LOG_BYTES = 4 * 1_024 * 1_024
_INFO_LOGS_KEPT = 4


def store_options(*, create: bool) -> Options:
    """Return the options of a store; one that does not exist is made only with `create`, one that exists only without.

    They must be passed for the default column family too: RocksDB's wrapper otherwise takes that one's from the options
    file of the last run, with a cache of its own and without the filter.
    """
    options = Options(raw_mode=True)
    options.create_if_missing(create)
    options.set_error_if_exists(create)
    _bound_resources(options)
    _set_durability(options)
    _set_tables(options)
    return options


def _bound_resources(options: Options) -> None:
    options.set_write_buffer_size(STORE_MEMTABLE_BYTES)
    options.set_max_write_buffer_number(STORE_MEMTABLES_MAX)
    # A filter over the memtable too, for whole keys: an absent key is not searched for among the newest rows.
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(_MEMTABLE_BLOOM_RATIO)
    options.set_max_open_files(STORE_OPEN_FILES_MAX)
    options.set_max_background_jobs(STORE_BACKGROUND_JOBS_MAX)
    options.set_max_log_file_size(_INFO_LOG_BYTES)
    options.set_keep_log_file_num(_INFO_LOGS_KEPT)
    options.set_stats_dump_period_sec(0)


def _set_durability(options: Options) -> None:
    # A torn last record is a round that was never acknowledged. Any other damage stops the start: the default mode
    # would silently drop acknowledged rounds behind it.
    options.set_wal_recovery_mode(DBRecoveryMode.tolerate_corrupted_tail_records())
    options.set_paranoid_checks(True)
    # Written files reach the disk as they grow, so that no flush or compaction holds up the sync of a round at its end.
    options.set_bytes_per_sync(_SYNC_CHUNK_BYTES)


def _set_tables(options: Options) -> None:
    table = BlockBasedOptions()
    table.set_block_cache(Cache(STORE_CACHE_BYTES))
    table.set_block_size(_BLOCK_BYTES)
    table.set_format_version(_TABLE_FORMAT)
    table.set_bloom_filter(_BLOOM_BITS_PER_KEY, False)
    # Filters and indexes are read in small parts through the bounded cache. In one piece the filter of a large file is
    # larger than a shard of the cache, is never kept, and every lookup of an absent key reads megabytes.
    table.set_partition_filters(True)
    table.set_index_type(BlockBasedIndexType.two_level_index_search())
    table.set_metadata_block_size(_FILTER_BLOCK_BYTES)
    table.set_cache_index_and_filter_blocks(True)
    table.set_pin_top_level_index_and_filter(True)
    table.set_pin_l0_filter_and_index_blocks_in_cache(True)
    options.set_block_based_table_factory(table)
    # LZ4 leaves an eighth more than Zstandard does and costs a quarter.
    options.set_compression_type(DBCompressionType.lz4())
    # Rows are written once and found by random keys: merging whole runs costs a third less than moving rows level by
    # level, and the space it takes for a while is that of the small rows alone.
    options.set_compaction_style(DBCompactionStyle.universal())
    options.set_level_zero_file_num_compaction_trigger(_RUNS_MAX)
    # No blob files for the large rows: RocksDB's secondary instances, which workers read by, cannot live with them. A
    # read of a blob crashes the process, and once a blob file was removed a new instance sees an empty store.
