"""Tune RocksDB for this log, which writes rows of three kinds that have nothing in common.

Entries are large, come in the order of the log and are hardly ever replaced; tiles and heads are few; index rows are
small, many, and have random keys. Each kind has a column family of its own, so that merging one never rewrites another;
a batch over all of them is one atomic step all the same.


Memory is bounded by `limits.STORE_MEMORY_BYTES` whatever the size on disk: indexes and filters live in the block cache.
Nothing here is part of the format: another choice opens the same store.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompactionStyle,
    DBCompressionType,
    DBRecoveryMode,
    Options,
    UniversalCompactOptions,
)

from glasslog_server.core.limits import (
    STORE_BACKGROUND_JOBS_MAX,
    STORE_CACHE_BYTES,
    STORE_INDEX_MEMTABLE_BYTES,
    STORE_MEMTABLE_BYTES,
    STORE_MEMTABLES_MAX,
    STORE_OPEN_FILES_MAX,
    STORE_TREE_MEMTABLE_BYTES,
    STORE_WAL_BYTES_MAX,
)

TREE_FAMILY: Final = "default"
ENTRY_FAMILY: Final = "entries"
INDEX_FAMILY: Final = "index"
FAMILIES: Final = {ord("e"): ENTRY_FAMILY, **dict.fromkeys(b"luq", INDEX_FAMILY)}
"""The column family of a row by the first byte of its key; TREE_FAMILY has the others."""

_BLOOM_BITS_PER_KEY = 10  # one false positive in a hundred: nearly every duplicate check ends in memory
_BLOCK_BYTES = 8 * 1_024
_FILTER_BLOCK_BYTES = 32 * 1_024
_TABLE_FORMAT = 5  # the first with the smaller and faster filters
_RUNS_MAX = 8  # sorted runs that may pile up before they are merged: a lookup asks one filter for each
_INDEX_RUNS_MAX = 16  # the more, the fewer times an index row is written again: once in the first 10^7 entries
_NO_LIMIT = 2**31 - 1
_SYNC_CHUNK_BYTES = 1_024 * 1_024
_INFO_LOG_BYTES = 4 * 1_024 * 1_024
_INFO_LOGS_KEPT = 4


class StoreOptions(NamedTuple):
    """The options of a store, and those of each of its column families."""

    database: Options
    families: Mapping[str, Options]


def store_options(*, create: bool) -> StoreOptions:
    """Return the options of a store; one that does not exist is made only with `create`, one that exists only without.

    They must be passed for the default column family too: RocksDB's wrapper otherwise takes that one's from the options
    file of the last run, with a cache of its own and without the filter.
    """
    options, entries, index = (Options(raw_mode=True) for _ in range(3))
    options.create_if_missing(create)
    options.create_missing_column_families(create)
    options.set_error_if_exists(create)
    _bound_resources(options)
    _set_durability(options)
    cache = Cache(STORE_CACHE_BYTES)
    _keep_tree(options, cache)
    _keep_entries(entries)
    _keep_index(index, cache)
    return StoreOptions(options, {TREE_FAMILY: options, ENTRY_FAMILY: entries, INDEX_FAMILY: index})


def _bound_resources(options: Options) -> None:
    # The rows of a small memtable stay in the write-ahead log, between large ones, until it is full. This bounds what a
    # start after a crash has to read.
    options.set_max_total_wal_size(STORE_WAL_BYTES_MAX)
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


def _keep_tree(options: Options, cache: Cache) -> None:
    """Keep tiles and heads: few rows, of which those of partial tiles are replaced again and again."""
    options.set_block_based_table_factory(_cached_table(cache))
    _set_memtables(options, STORE_TREE_MEMTABLE_BYTES)
    options.set_compression_type(DBCompressionType.lz4())
    options.set_compaction_style(DBCompactionStyle.universal())
    options.set_level_zero_file_num_compaction_trigger(_RUNS_MAX)


def _keep_entries(options: Options) -> None:
    """Keep entries: nearly all of the bytes, in order.

    Files that follow each other without overlap are moved from level to level and not rewritten. Blocks, each of which
    is a bundle mostly, are not cached: the system does that, and they would displace what every lookup needs.

    No blob files for them: RocksDB's secondary instances, which workers read by, cannot live with them. A read of a
    blob crashes the process, and once a blob file was removed a new instance sees an empty store.
    """
    table = BlockBasedOptions()
    table.disable_cache()
    table.set_block_size(_BLOCK_BYTES)
    table.set_format_version(_TABLE_FORMAT)
    table.set_bloom_filter(_BLOOM_BITS_PER_KEY, False)
    options.set_block_based_table_factory(table)
    _set_memtables(options, STORE_MEMTABLE_BYTES)
    # LZ4 leaves an eighth more than Zstandard does and costs a quarter: 0.7 instead of 2.6 us for a record of 1 KB.
    options.set_compression_type(DBCompressionType.lz4())


def _keep_index(options: Options, cache: Cache) -> None:
    """Keep index rows: written once, with random keys, found by them, and never changed."""
    options.set_block_based_table_factory(_cached_table(cache))
    # A random key is sorted into a small memtable in two thirds of the time that one four times as large takes.
    _set_memtables(options, STORE_INDEX_MEMTABLE_BYTES)
    options.set_compression_type(DBCompressionType.none())  # digests do not compress
    # Merging whole runs costs a third less than moving rows level by level, and the fewer times the less. As no row
    # replaces another, merging everything would win no space: there is no limit to what seems to be wasted.
    options.set_compaction_style(DBCompactionStyle.universal())
    options.set_level_zero_file_num_compaction_trigger(_INDEX_RUNS_MAX)
    merging = UniversalCompactOptions()
    merging.max_size_amplification_percent = _NO_LIMIT
    options.set_universal_compaction_options(merging)


def _set_memtables(options: Options, size: int) -> None:
    options.set_write_buffer_size(size)
    options.set_max_write_buffer_number(STORE_MEMTABLES_MAX)


def _cached_table(cache: Cache) -> BlockBasedOptions:
    table = BlockBasedOptions()
    table.set_block_cache(cache)
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
    return table
