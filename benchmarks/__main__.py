"""Run the benchmarks: `python -m benchmarks [--full] [--only PART]`. Loopback only, bounded, ends what it started."""

import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from benchmarks import audit, audited_log, growing, ingest, latency, limits, plots, sequencer, tables
from benchmarks.figures import Curve, Figure, keep, report
from benchmarks.verification import UnsteadyMachineError


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured, and how: one option of the command each.

    `entries` is how far the growing log is filled, `unsteady` by what share the yardsticks beside an audit may differ.
    """

    records: int
    singles: int
    runs: int
    entries: int
    trace: Path | None
    unsteady: float


Measured = tuple[list[Figure], list[Curve]]


def _latency(plan: Plan) -> Measured:
    figures, curve = latency.measure(plan.runs, plan.trace)
    return figures, [curve]


def _audit(plan: Plan) -> Measured:
    with tempfile.TemporaryDirectory() as name:
        log = audited_log.make_log(Path(name), audit.AUDITED)
        runs, processes = min(plan.runs, audit.RUNS), os.cpu_count() or 1
        return audit.measure(Path(name), log, runs, processes, plan.unsteady), []


PARTS: Mapping[str, Callable[[Plan], Measured]] = {
    "limits": lambda _: (limits.measure(), []),
    "ingest": lambda plan: (ingest.measure(plan.records, plan.singles, plan.runs), []),
    "sequencer": lambda plan: (sequencer.measure(plan.records, plan.runs), []),
    "latency": _latency,
    "audit": _audit,
    "growth": lambda plan: growing.measure(plan.entries),
}
"""What is measured, in this order. Growth is left out unless it is asked for: it takes long."""
_QUICK = tuple(part for part in PARTS if part != "growth")


@click.command()
@click.option("--full", is_flag=True, help="Every part: growth to ten million entries takes half an hour and 10 GB.")
@click.option("--only", "chosen", multiple=True, type=click.Choice(list(PARTS)), help="This part alone. Repeatable.")
@click.option("--records", default=32_000, show_default=True, help="Records in the batch path, a run.")
@click.option("--singles", default=8_000, show_default=True, help="Single POSTs, a run.")
@click.option("--runs", default=5, show_default=True, help="Runs; medians are quoted.")
@click.option("--entries", default=10_000_000, show_default=True, help="How far the growing log is filled.")
@click.option(
    "--trace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with arrival times in seconds, to replay as an open loop of single POSTs.",
)
@click.option(
    "--unsteady", default=audit.UNSTEADY, show_default=True, help="By how much an audit's yardsticks may differ."
)
def main(*, full: bool, chosen: tuple[str, ...], **planned: Any) -> None:  # noqa: ANN401  a Plan's fields
    """Measure the log beside the limits of this machine, and keep the figures in results.json.

    A part for which the machine was never steady keeps its earlier figures, and the exit code is 1.
    """
    plan = Plan(**planned)
    figures: list[Figure] = []
    unsteady: list[str] = []
    for part in chosen or (tuple(PARTS) if full else _QUICK):
        try:
            measured, curves = PARTS[part](plan)
        except UnsteadyMachineError as error:
            unsteady.append(f"{part} was not measured: {error}")
            continue
        keep(part, measured, curves)
        figures += measured
    report(figures)
    plots.draw()
    tables.write(tuple(PARTS))
    if unsteady:
        raise click.ClickException("\n".join(unsteady))


if __name__ == "__main__":
    main()
