"""Figures with the limit they are compared with, printed for a person and kept as JSON."""

import json
import os
import platform
import statistics
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from rich.console import Console
from rich.table import Table

RESULTS = Path(__file__).parent / "results.json"
_PACKAGES = ("aiohttp", "cbor2", "pynacl", "rocksdict", "uvloop")


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
        "python": platform.python_version(),
        "packages": {package: version(package) for package in _PACKAGES},
    }


def report(figures: list[Figure]) -> None:
    """Print the figures as a table and as one line of JSON, and write the results file."""
    table = Table(title="Medians of the runs; the limit is measured in the same run")
    for column in ("figure", "value", "limit", "ratio", "what it is"):
        table.add_column(column, justify="left" if column in {"figure", "what it is"} else "right")
    for figure in figures:
        limit = "" if figure.limit is None else f"{figure.limit:,.1f}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
        table.add_row(figure.name, f"{figure.value:,.1f} {figure.unit}", limit, ratio, figure.meaning)
    Console(width=140).print(table)
    document = {
        "machine": machine(),
        "figures": {
            figure.name: {
                **{key: value for key, value in asdict(figure).items() if key not in {"name", "meaning"}},
                "value": figure.value,
                "ratio": figure.ratio,
            }
            for figure in figures
        },
    }
    RESULTS.write_text(json.dumps(document, indent=1, sort_keys=True) + "\n")
    print(json.dumps({figure.name: round(figure.value, 2) for figure in figures}))
