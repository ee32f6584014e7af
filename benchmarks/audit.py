"""Measure a full audit of a local archive: `python -m benchmarks.audit [--records N] [--runs N] [--processes N]`.

The yardstick is what cores and libsodium can do. `audit_rate` is records a second, from the first byte of the archive
to the facts in the database, divided by cores times the rate of one core that verifies one signature over 1 KB again
and again. `audit_rate_all_cores_busy` is the same divided by what libsodium does on all cores at the same time, with
messages that are all different, as those of a log are. Each run measures its yardsticks beside its audit. `audit_cpu`
is `audit_rate` by CPU time, for machines that have something else to do. What a user sees, with the start of the
program and all checks, is `audit_command`.
"""

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

from benchmarks import physical, verification
from benchmarks.audited_log import make_archive
from benchmarks.figures import Figure, report, say
from glasslog.audit.database import Database
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Silence
from glasslog.mirror.replay import replay
from glasslog.mirror.state import State
from glasslog.mirror.sync import Trust, sync, take_checkpoint
from glasslog.sources.archive import ArchiveSource
from glasslog.vkey import VerifierKey

AUDITED = 200_000
"""Records of the log: with fewer, starting the processes shows."""
AUDIT_RATE_MIN = 0.85


@dataclass(frozen=True)
class _Run:
    """One replay, one run of the command, and what libsodium did beside them."""

    verify_us: float
    distinct_us: float
    all_cores_per_s: float
    wall_s: float
    cpu_s: float
    command_s: float


@click.command()
@click.option("--records", default=AUDITED, show_default=True, help="Records in the log.")
@click.option("--runs", default=5, show_default=True, help="Runs; medians are quoted.")
@click.option("--processes", default=os.cpu_count(), show_default="all cores", help="Worker processes.")
def main(records: int, runs: int, processes: int) -> None:
    """Measure an audit of a log of 1 KB records by three issuers, without keeping the figures."""
    with tempfile.TemporaryDirectory() as folder:
        key = make_archive(Path(folder), records)
        report(measure(Path(folder), key, records, runs, processes))


def measure(folder: Path, key: VerifierKey, records: int, runs: int, processes: int) -> list[Figure]:
    """Audit the archive in `folder` several times; return the figures."""
    measured = [_run(folder, key, number, processes) for number in range(1, runs + 1)]
    cores = os.cpu_count() or 1
    one_core = statistics.median(run.verify_us for run in measured)
    distinct = [run.distinct_us for run in measured]
    all_cores = [run.all_cores_per_s for run in measured]
    rates = [records / run.wall_s for run in measured]
    commands = [records / run.command_s for run in measured]
    checks = [run.command_s - run.wall_s for run in measured]
    of_cores = [rate * run.verify_us / (cores * 1e6) for rate, run in zip(rates, measured, strict=True)]
    of_cpu = [records * run.verify_us / (run.cpu_s * 1e6) for run in measured]
    of_all = [rate / run.all_cores_per_s for rate, run in zip(rates, measured, strict=True)]
    record_us = [run.cpu_s / records * 1e6 for run in measured]
    per_s = f"of what libsodium verifies on all {cores} cores at once, messages that differ, wall"
    return [
        Figure("audit_rate", "", of_cores, AUDIT_RATE_MIN, f"of {cores} cores x libsodium on one, wall; the target"),
        Figure("audit_cpu", "", of_cpu, AUDIT_RATE_MIN, "the same by CPU of all processes"),
        Figure("audit_rate_all_cores_busy", "", of_all, AUDIT_RATE_MIN, per_s),
        Figure("audit_record", "us", record_us, one_core, "CPU of all processes a record; against one verification"),
        Figure("audit_verify_distinct", "us", distinct, one_core, "a verification, messages that differ; the same"),
        Figure("audit_verify_all_cores", "1/s", all_cores, cores * 1e6 / one_core, "all cores at once, wall"),
        Figure("audit_command", "1/s", commands, cores * 1e6 / one_core, "records, program start and checks included"),
        Figure("audit_checks", "s", checks, None, f"checks and program start, {records:,} records, wall"),
    ]


def _run(folder: Path, key: VerifierKey, number: int, processes: int) -> _Run:
    say(f"audit {number}")
    verify_us = statistics.median(physical.verify_us())
    distinct_us = verification.distinct_us()
    cores = os.cpu_count() or 1
    before = verification.all_cores_per_s(cores)
    wall_s, cpu_s = _replay(folder, key, processes)
    all_cores = statistics.mean((before, verification.all_cores_per_s(cores)))
    return _Run(verify_us, distinct_us, all_cores, wall_s, cpu_s, _command(folder, key))


def _replay(folder: Path, key: VerifierKey, processes: int) -> tuple[float, float]:
    """Return wall and CPU seconds of a replay of the archive into a new state."""
    path, place = folder / "log.zip", folder / "state"
    before = _cpu_s()
    began = time.perf_counter()
    state = State.open(place)
    source = ArchiveSource(path)
    trust = Trust((key,))
    shown = take_checkpoint(source, state, trust)
    synced = sync(source, Place("archive", str(path)), state, trust, shown, Silence())
    database = Database.open(state.database_path)
    outcome, _ = replay(synced, state, database, Silence(), processes)
    database.close()
    source.close()
    state.close()
    assert outcome.entries == synced.head.size
    assert not any(outcome.faults.values())
    spent = time.perf_counter() - began, _cpu_s() - before
    shutil.rmtree(place)
    return spent


def _command(folder: Path, key: VerifierKey) -> float:
    place = folder / "whole"
    arguments = ["--archive", folder / "log.zip", "--log-key", key, "--state", place, "--json"]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "glasslog", "audit", *map(str, arguments)], capture_output=True, check=False
    )
    spent = time.perf_counter() - began
    assert done.returncode in {0, 1}, done.stderr
    shutil.rmtree(place)
    return spent


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
