"""Measure a full audit of a local archive: `python -m benchmarks.audit [--records N] [--runs N] [--processes N]`.

The yardstick is what cores and libsodium can do. `audit_rate` is records a second, from the first byte of the archive
to the facts in the database, divided by cores times the rate at which one core verifies signatures of 1 KB messages
that differ, one after another, as the records of a log do. `audit_rate_repeated` is the same against the one message
that a core verifies again and again, `audit_rate_all_cores_busy` against messages that differ on all cores at the same
time. `audit_cpu` and `audit_cpu_repeated` are by CPU time, for machines that have something else to do.

The yardsticks, and the interpreter's own speed, are taken before and after each run. Where the two differ by more than
`--unsteady`, or the interpreter is slower than at its quickest, something else was on the machine: the run is discarded
and made again, and how many were is a figure too. What a user sees, with the start of the program and all checks, is
`audit_command`; it has to find nothing, and to have looked at every inference.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click

from benchmarks.audited_log import AuditedLog, make_log
from benchmarks.figures import Figure, report, say
from benchmarks.verification import Steadily, UnsteadyMachineError, Yardsticks
from glasslog.audit.database import Database
from glasslog.mirror.place import Place
from glasslog.mirror.progress import Silence
from glasslog.mirror.replay import replay
from glasslog.mirror.state import State
from glasslog.mirror.sync import Trust, sync, take_checkpoint
from glasslog.sources.archive import ArchiveSource

AUDITED = 1_000_000
"""Records of the log: with fewer, starting the processes shows."""
RUNS = 3
UNSTEADY = 0.05
ATTEMPTS_MAX = 6
AUDIT_RATE_MIN = 0.85


class _Spent(NamedTuple):
    """Seconds of a replay: by the wall, and of all its processes by CPU time."""

    wall_s: float
    cpu_s: float


_Run = tuple[_Spent, Yardsticks]


@click.command()
@click.option("--records", default=AUDITED, show_default=True, help="Records in the log.")
@click.option("--runs", default=RUNS, show_default=True, help="Runs; medians are quoted.")
@click.option("--processes", default=os.cpu_count(), show_default="all cores", help="Worker processes.")
@click.option("--unsteady", default=UNSTEADY, show_default=True, help="By how much yardsticks may differ in a run.")
def main(records: int, runs: int, processes: int, unsteady: float) -> None:
    """Measure an audit of an honest log of 1 KB records by three vendors, without keeping the figures."""
    with tempfile.TemporaryDirectory() as folder:
        log = make_log(Path(folder), records)
        try:
            figures = measure(Path(folder), log, runs, processes, unsteady)
        except UnsteadyMachineError as error:
            raise click.ClickException(str(error)) from error
        report(figures)


def measure(folder: Path, log: AuditedLog, runs: int, processes: int, unsteady: float = UNSTEADY) -> list[Figure]:
    """Audit the log several times; return the figures. Raises UnsteadyMachineError."""
    steadily = Steadily(unsteady, ATTEMPTS_MAX)
    say("audit by the command")
    command_s, beside = steadily.measure(partial(_command, folder, log))
    measured = []
    for number in range(1, runs + 1):
        say(f"audit {number}")
        measured.append(steadily.measure(partial(_replay, folder, log, processes)))
    checks_s = command_s - statistics.median(spent.wall_s for spent, _ in measured)
    command = Figure(
        "audit_command",
        "1/s",
        [log.entries / command_s],
        (os.cpu_count() or 1) * 1e6 / beside.distinct_us,
        "records, program start and checks included; against cores x libsodium on one",
    )
    return [
        *_shares(log.entries, measured),
        *_yardsticks(log.entries, measured),
        command,
        Figure("audit_checks", "s", [checks_s], None, f"checks and program start, {log.entries:,} records, wall"),
        Figure("audit_entry", "B", [log.entry_bytes], None, "an entry of the audited log, mean"),
        Figure("audit_discarded", "", [steadily.discarded], None, "runs that were discarded and made again"),
    ]


def _shares(records: int, measured: list[_Run]) -> list[Figure]:
    """Return what share of libsodium's rate an audit reaches."""
    cores = os.cpu_count() or 1

    def share(name: str, of: Callable[[_Spent, Yardsticks], float], meaning: str) -> Figure:
        return Figure(name, "", [records * of(spent, beside) for spent, beside in measured], AUDIT_RATE_MIN, meaning)

    return [
        share(
            "audit_rate",
            lambda spent, beside: beside.distinct_us / (spent.wall_s * cores * 1e6),
            f"of {cores} cores x libsodium on one, messages that differ, wall; the target",
        ),
        share(
            "audit_cpu",
            lambda spent, beside: beside.distinct_us / (spent.cpu_s * 1e6),
            "the same by CPU of all processes",
        ),
        share(
            "audit_rate_repeated",
            lambda spent, beside: beside.repeated_us / (spent.wall_s * cores * 1e6),
            f"of {cores} cores x libsodium on one, one message again and again, wall",
        ),
        share(
            "audit_cpu_repeated",
            lambda spent, beside: beside.repeated_us / (spent.cpu_s * 1e6),
            "the same by CPU of all processes",
        ),
        share(
            "audit_rate_all_cores_busy",
            lambda spent, beside: 1 / (spent.wall_s * beside.all_cores_per_s),
            f"of what libsodium verifies on all {cores} cores at once, messages that differ, wall",
        ),
    ]


def _yardsticks(records: int, measured: list[_Run]) -> list[Figure]:
    cores = os.cpu_count() or 1
    record = [spent.cpu_s / records * 1e6 for spent, _ in measured]
    distinct = [beside.distinct_us for _, beside in measured]
    repeated = [beside.repeated_us for _, beside in measured]
    all_cores = [beside.all_cores_per_s for _, beside in measured]
    interpreter = [beside.interpreter_us for _, beside in measured]
    one = statistics.median(distinct)
    again = statistics.median(repeated)
    meaning = "a verification on one core, messages that differ, CPU; against one message again and again"
    return [
        Figure("audit_record", "us", record, one, "CPU of all processes a record; against audit_verify_distinct"),
        Figure("audit_verify_distinct", "us", distinct, again, meaning),
        Figure("audit_verify_repeated", "us", repeated, None, "a verification, one message again and again, CPU"),
        Figure("audit_interpreter", "us", interpreter, None, "1,000 turns of a loop in Python beside the runs, CPU"),
        Figure("audit_verify_all_cores", "1/s", all_cores, cores * 1e6 / one, "all cores at once, wall; against one"),
    ]


def _replay(folder: Path, log: AuditedLog, processes: int) -> _Spent:
    """Replay the whole archive into a new state."""
    place = folder / "state"
    before = _cpu_s()
    began = time.perf_counter()
    state = State.open(place)
    source = ArchiveSource(log.archive)
    trust = Trust((log.key,))
    shown = take_checkpoint(source, state, trust)
    synced = sync(source, Place("archive", str(log.archive)), state, trust, shown, Silence())
    database = Database.open(state.database_path)
    outcome, _ = replay(synced, state, database, Silence(), processes)
    database.close()
    source.close()
    state.close()
    spent = _Spent(time.perf_counter() - began, _cpu_s() - before)
    assert outcome.entries == log.entries
    assert not any(outcome.faults.values())
    shutil.rmtree(place)
    return spent


def _command(folder: Path, log: AuditedLog) -> float:
    """Audit the archive as a user does; return the seconds by the wall."""
    place = folder / "whole"
    arguments = ["--archive", log.archive, "--log-key", log.key, "--state", place, "--json"]
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "glasslog", "audit", *map(str, arguments)], capture_output=True, check=False
    )
    spent = time.perf_counter() - began
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert not any(document["summary"]["findings"].values())
    inferences = document["log"]["types"]["inference"]
    examined = {check["id"]: check["examined"]["count"] for check in document["checks"]}
    assert examined["guardrails"] == examined["providers"] == examined["model-changes"] == inferences
    shutil.rmtree(place)
    return spent


def _cpu_s() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


if __name__ == "__main__":
    main()
