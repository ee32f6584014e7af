"""Run the benchmarks: `python -m benchmarks [--full] [--only PART] [--runs N]`. Loopback only; ends what it started."""

from pathlib import Path

import click

from benchmarks import ingest, latency, limits, plots, sequencer
from benchmarks.figures import Curve, Figure, report

PARTS = ("limits", "ingest", "sequencer", "latency")


@click.command()
@click.option("--only", "parts", multiple=True, type=click.Choice(PARTS), help="These parts alone; default: all.")
@click.option("--records", default=10_000, show_default=True, help="Records in the batch path, a run.")
@click.option("--singles", default=4_000, show_default=True, help="Single POSTs, a run.")
@click.option("--runs", default=5, show_default=True, help="Runs; medians are quoted.")
@click.option(
    "--trace",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="CSV with arrival times in seconds, to replay as an open loop of single POSTs.",
)
def main(parts: tuple[str, ...], records: int, singles: int, runs: int, trace: Path | None) -> None:
    """Measure the log beside the limits of this machine, and keep the figures in results.json."""
    chosen = parts or PARTS
    figures: list[Figure] = []
    curves: list[Curve] = []
    if "limits" in chosen:
        figures += limits.measure()
    if "ingest" in chosen:
        figures += ingest.measure(records, singles, runs)
    if "sequencer" in chosen:
        figures += sequencer.measure(records, runs)
    if "latency" in chosen:
        latencies, curve = latency.measure(runs, trace)
        figures += latencies
        curves.append(curve)
    report(figures, curves)
    plots.draw()


if __name__ == "__main__":
    main()
