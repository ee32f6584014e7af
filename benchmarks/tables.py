"""Write what is kept in `results.json` into the table of `README.md`, so that the two say the same."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import read_results

README: Final = Path(__file__).parent / "README.md"
_BEGIN, _END = "<!-- figures -->\n", "<!-- end of figures -->\n"
_WHOLE, _TENTHS = 1_000, 10  # from where on a number is shown without decimals, and with one


def write(parts: Sequence[str]) -> None:
    """Replace the table, the figures of one part after those of another."""
    results = read_results()
    before, _, rest = README.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    README.write_text(f"{before}{_BEGIN}{_table(results, parts)}{_END}{after}")


def _table(results: dict[str, Any], parts: Sequence[str]) -> str:
    machine = results["machine"]
    lines = [
        f"{machine['cpu']}, {machine['cores']} cores, shared with others; Python {machine['python']}.",
        "",
        "| figure | value | limit | ratio | measured | what it is |",
        "|---|---|---|---|---|---|",
    ]
    figures = sorted(results["figures"].items(), key=lambda figure: parts.index(figure[1]["part"]))
    lines += [_row(name, figure) for name, figure in figures]
    return "\n".join(lines) + "\n"


def _row(name: str, figure: dict[str, Any]) -> str:
    limit = "" if figure["limit"] is None else _number(figure["limit"])
    ratio = "" if figure["ratio"] is None else f"{figure['ratio']:.2f}"
    value = f"{_number(figure['value'])} {figure['unit']}"
    return f"| `{name}` | {value} | {limit} | {ratio} | {figure['measured']} | {figure['meaning']} |"


def _number(value: float) -> str:
    if abs(value) >= _WHOLE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _TENTHS else f"{value:.2f}"
