"""Figures with the limit they are compared with, printed for a person and kept as JSON.

`results.json` keeps every figure that was measured last, whichever part of the suite it is from: a part that runs alone
replaces its own figures only. Each says when, and the machine is that of the newest.
"""

import json
import os
import platform
import statistics
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"
_PACKAGES = ("aiohttp", "cbor2", "pynacl", "rocksdict", "uvloop")

_screen = Console(stderr=True)


def say(what: str) -> None:
    """Tell a person what is going on."""
    _screen.print(what, highlight=False)


@dataclass(frozen=True)
class Figure:
    """One measured figure: its runs, their median, and the limit of the same run that it is held against."""

    name: str
    unit: str
    runs: list[float]
    limit: float | None
    meaning: str

    @property
    def value(self) -> float:
        """Return the median of the runs."""
        return statistics.median(self.runs)

    @property
    def ratio(self) -> float | None:
        """Return how many times the limit the value is."""
        return self.value / self.limit if self.limit else None


@dataclass(frozen=True)
class Curve:
    """Measured points, each a row of the columns."""

    name: str
    columns: tuple[str, ...]
    points: list[tuple[float, ...]]


def machine() -> dict[str, object]:
    """Name the machine by its kind, and the versions that matter."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "cpu": model,
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.machine()}",
        "python": " ".join(sys.version.split()),
        "packages": {package: version(package) for package in _PACKAGES},
    }


def report(figures: list[Figure]) -> None:
    """Print the figures as a table and as one line of JSON."""
    table = Table(title="Medians of the runs; the limit is measured in the same run")
    for column in ("figure", "value", "limit", "ratio", "what it is"):
        table.add_column(column, justify="left" if column in {"figure", "what it is"} else "right")
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:,.1f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.name, f"{figure.value:,.2f} {figure.unit}", limit, ratio, figure.meaning)
    Console(width=140).print(table)
    print(json.dumps({figure.name: round(figure.value, 2) for figure in figures}))


def read_results() -> dict[str, Any]:
    """Return what is kept of earlier runs."""
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return results


def keep(part: str, figures: list[Figure], curves: list[Curve]) -> None:
    """Put what a part of the suite has measured in the place of what it measured before, and leave all else."""
    results = read_results()
    today = time.strftime("%Y-%m-%d", time.gmtime())
    kept = {name: entry for name, entry in results.get("figures", {}).items() if entry["part"] != part}
    for figure in figures:
        kept[figure.name] = {
            "part": part,
            "value": round(figure.value, 4),
            "unit": figure.unit,
            "limit": None if figure.limit is None else round(figure.limit, 4),
            "ratio": None if figure.ratio is None else round(figure.ratio, 4),
            "runs": [round(run, 4) for run in figure.runs],
            "meaning": figure.meaning,
            "measured": today,
        }
    drawn = results.get("curves", {})
    for curve in curves:
        points = [[round(value, 4) for value in point] for point in curve.points]
        drawn[curve.name] = {"columns": list(curve.columns), "points": points, "measured": today}
    document = {"machine": machine(), "figures": kept, "curves": drawn}
    RESULTS.write_text(json.dumps(document, indent=1) + "\n")
