"""Draw what is kept in `results.json`: `python -m benchmarks.plots` writes the pictures beside it."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.figures import read_results

FOLDER = Path(__file__).parent / "plots"
_INK, _BLUE, _RED = "#333333", "#2563a8", "#b3402a"


def draw() -> list[Path]:
    """Draw every picture that there are points for; return the files."""
    mpl.use("svg")
    mpl.rcParams.update({"svg.hashsalt": "glasslog", "svg.fonttype": "none", "font.size": 9, "axes.edgecolor": _INK})
    FOLDER.mkdir(exist_ok=True)
    curves = read_results().get("curves", {})
    pictures = {"latency": _latency, "growth": _growth}
    return [_draw(name, draw, curves[name]) for name, draw in pictures.items() if name in curves]


def _draw(name: str, draw: Any, curve: dict[str, Any]) -> Path:  # noqa: ANN401 (a function of this module)
    columns = {column: [point[place] for point in curve["points"]] for place, column in enumerate(curve["columns"])}
    figure = Figure(figsize=(8, 3.2), layout="constrained")
    draw(figure, columns)
    path = FOLDER / f"{name}.svg"
    figure.savefig(path, metadata={"Date": None})
    return path


def _latency(figure: Figure, columns: dict[str, list[float]]) -> None:
    left, right = figure.subplots(1, 2)
    offered = columns["offered_per_s"]
    left.plot(offered, columns["answered_per_s"], "o-", color=_BLUE)
    left.plot(offered, offered, ":", color=_INK, label="offered = answered")
    _label(left, "Throughput", "single POSTs offered, 1/s", "answered, 1/s")
    left.legend(frameon=False)
    right.plot(offered, columns["p50_ms"], "o-", color=_BLUE, label="p50")
    right.plot(offered, columns["p99_ms"], "s-", color=_RED, label="p99")
    right.set_yscale("log")
    _label(right, "From arrival to durable receipt", "single POSTs offered, 1/s", "ms")
    right.legend(frameon=False)


def _growth(figure: Figure, columns: dict[str, list[float]]) -> None:
    left, right = figure.subplots(1, 2)
    entries = columns["entries"]
    left.plot(entries, columns["cpu_us"], "o-", color=_BLUE)
    left.set_ylim(bottom=0)
    _label(left, "Cost of a record in the sequencer", "entries in the log", "CPU, us")
    right.plot(entries, columns["rss_mb"], "s-", color=_RED)
    right.set_ylim(bottom=0)
    _label(right, "Memory of the sequencer", "entries in the log", "resident, MB")
    for axes in (left, right):
        axes.set_xscale("log")


def _label(axes: Axes, title: str, across: str, up: str) -> None:
    axes.set_title(title, loc="left", color=_INK)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, alpha=0.25)


if __name__ == "__main__":
    for written in draw():
        print(written)
