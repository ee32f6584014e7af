"""`glasslog-server fsck`: check a whole log on its own disk."""

import asyncio
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from glasslog.counting import counted
from glasslog_server.cli.exits import Exit
from glasslog_server.cli.options import config_option, json_option
from glasslog_server.config import Config, load_config
from glasslog_server.errors import ConfigError
from glasslog_server.fsck import Progress, Report, check_log
from glasslog_server.storage.guard import FileGuard
from glasslog_server.storage.rocks import RocksStore


@click.command(short_help="Read everything again and recompute it.")
@config_option
@json_option
def fsck(config_path: Path, as_json: bool) -> None:
    """Read everything again and recompute every hash, tile, root and signature of the log.

    The log must not run meanwhile. Exit codes: 0 sound, 1 damaged, 2 wrong usage or configuration, 3 could not check.
    """
    config = load_config(config_path)
    with _progress_bar() as observe:
        report = asyncio.run(_check(config, observe))
    click.echo(json.dumps(_as_json(report)) if as_json else _as_text(report))
    sys.exit(Exit.DONE if report.is_sound else Exit.FAILED)


async def _check(config: Config, observe: Callable[[Progress], None]) -> Report:
    store = RocksStore.open(config.storage.store)
    try:
        if store.meta.origin != config.origin:
            msg = f"expected the store of the log {config.origin}, got the one of {store.meta.origin}"
            raise ConfigError(msg)
        return await check_log(store, lambda: FileGuard.open(config.storage.guard, store.meta.store_id), observe)
    finally:
        await store.close()


@contextmanager
def _progress_bar() -> Iterator[Callable[[Progress], None]]:
    """Show a bar on standard error where that is a terminal."""
    columns = (
        TextColumn("checking"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("entries, {task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Bar(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("checking", total=None, rate="")

        def observe(progress: Progress) -> None:
            elapsed = bar.tasks[task].elapsed or 0.0
            entries = f"{progress.entries / elapsed:,.0f}/s" if elapsed else ""
            rate = f"{entries}, {progress.entry_bytes / elapsed / 1e6:,.1f} MB/s" if elapsed else ""
            bar.update(task, completed=progress.entries, total=progress.size, rate=rate)

        yield observe


def _as_json(report: Report) -> dict[str, Any]:
    return {
        "origin": report.origin,
        "sound": report.is_sound,
        "size": report.size,
        "root": report.root.hex(),
        "entry_bytes": report.entry_bytes,
        "tiles": report.tiles,
        "heads": report.heads,
        "counts": dict(report.findings.counts),
        "findings": [
            {"kind": finding.kind, "place": finding.place, "message": finding.message}
            for finding in report.findings.kept
        ],
    }


def _as_text(report: Report) -> str:
    lines = [f"{finding.kind}: {finding.message}" for finding in report.findings.kept]
    checked = (
        f"{counted(report.size, 'entries')}, {counted(report.tiles, 'tiles')}, {counted(report.heads, 'tree heads')}"
    )
    if report.is_sound:
        return f"sound: {report.origin}, {checked}, root {report.root.hex()}"
    total = sum(report.findings.counts.values())
    counts = ", ".join(f"{count:,} {kind}" for kind, count in sorted(report.findings.counts.items()))
    more = f" ({total - len(lines):,} more are not shown)" if total > len(lines) else ""
    return "\n".join([*lines, f"damaged: {report.origin}, {checked}: {counts}{more}"])
