"""The page of a report, made from its document alone: what the HTML says, the JSON says."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from glasslog.counting import counted
from glasslog.moments import duration, readable_time, short_time
from glasslog.pages import render
from glasslog.pages.states import STEP_STATES
from glasslog.report import pictures
from glasslog.report.coverage import words_of

Json: TypeAlias = Any
TEMPLATE: Final = "report/report.html"
FINDINGS_SHOWN_MAX: Final = 500
STREAMS_SHOWN_MAX: Final = 100
LATE_SHOWN_MAX: Final = 50

_VERDICTS: Final = {
    "ok": ("good", "Nothing found"),
    "findings": ("bad", "Findings"),
    "not-recorded": ("missing", "Not recorded"),
    "not-applicable": ("calm", "Nothing to judge"),
    "not-run": ("calm", "Not run"),
}
_SEVERITIES: Final = {
    "critical": ("bad", "Critical"),
    "high": ("bad", "High"),
    "medium": ("open", "Medium"),
    "low": ("calm", "Low"),
}
_STATES: Final = {
    "sufficient": ("good", "Sufficient"),
    "insufficient": ("open", "Insufficient"),
    "absent": ("missing", "Absent"),
}
_SECTIONS: Final = (
    ("scope", "What was looked at"),
    ("steps", "How it was verified"),
    ("limits", "What cannot be shown"),
)
_SECTIONS_REPLAYED: Final = (
    ("scope", "What was looked at"),
    ("verdicts", "Verdict by check"),
    ("findings", "Findings"),
    ("timelines", "The period in pictures"),
    ("controls", "Controls over the period"),
    ("streams", "Streams and late records"),
    ("coverage", "Records for controls"),
    ("proven", "What is proven, what not"),
    ("unchecked", "What was not checked"),
    ("steps", "How it was verified"),
    ("limits", "What cannot be shown"),
)


def page_of(report: Mapping[str, Json]) -> str:
    """Return the page of a report: one HTML file."""
    replayed = report["replayed"]
    return render(
        TEMPLATE,
        report=report,
        sections=_SECTIONS_REPLAYED if replayed else _SECTIONS,
        facts=_facts(report),
        tree=_tree_facts(report["scope"]["tree"]),
        pictures=_pictures(report["windows"]) if report["windows"] else None,
        findings=report["findings"]["shown"][:FINDINGS_SHOWN_MAX],
        findings_total=sum(report["findings"]["counts"].values()),
        controls=[_control_row(control) for control in report["windows"].get("controls", ())],
        streams=_streams(report["windows"]),
        late=_late(report["windows"]),
        verdicts=_VERDICTS,
        steps=STEP_STATES,
        severities=_SEVERITIES,
        states=_STATES,
        words_of=words_of,
        entry_text=_entry_text,
        record_text=_record_text,
        check_text=_check_text,
    )


def _facts(report: Mapping[str, Json]) -> list[tuple[str, str]]:
    scope = report["scope"]
    facts = [("Log", scope["tree"]["origin"] if scope["tree"] is not None else "not known: no tree was verified")]
    if report["replayed"]:
        facts += [
            ("Records in scope", f"{scope['records']:,}"),
            ("Period", _period(scope)),
            ("As of", f"{readable_time(scope['as_of'])}, the time of the newest tree head"),
        ]
    return facts


def _period(scope: Mapping[str, Json]) -> str:
    chosen = scope["chosen"]
    start = "the beginning of the log" if chosen["start"] is None else readable_time(chosen["start"])
    end = "its newest tree head" if chosen["end"] is None else readable_time(chosen["end"])
    return f"from {start} to {end}"


def _tree_facts(tree: Json) -> list[tuple[str, str]]:
    if tree is None:
        return []
    cosigners = ", ".join(tree["cosigners"]) or "nobody that this audit was told to trust"
    return [
        ("Origin", tree["origin"]),
        ("Tree size", counted(tree["size"], "entries")),
        ("Root hash", tree["root"]),
        ("Signed by", ", ".join(tree["log_keys"])),
        ("Cosigned by", cosigners),
    ]


def _pictures(windows: Mapping[str, Json]) -> dict[str, Json]:
    return {
        "tree": pictures.tree_growth(windows),
        "heartbeats": pictures.heartbeats(windows),
        "lateness": pictures.lateness(windows),
        "systems": pictures.systems(windows),
        "left_out": max(0, len(windows["timelines"]["systems"]) - pictures.SYSTEMS_DRAWN_MAX),
    }


def _control_row(control: Mapping[str, Json]) -> dict[str, Json]:
    percent = control["coverage_percent"]
    return {
        **control,
        "kind": "calm" if percent is None else "good" if not control["gaps"]["count"] and percent else "bad",
        "coverage": "nothing due" if percent is None else f"{percent:g} %",
        "bound": duration(control["max_gap_s"] * 1_000),
        "silent": duration(control["gaps"]["seconds"] * 1_000),
        "seen": _seen(control),
    }


def _seen(control: Mapping[str, Json]) -> str:
    if control["first_seen"] is None:
        return "never"
    return f"{short_time(control['first_seen'])} to\n{short_time(control['last_seen'])}"


def _streams(windows: Mapping[str, Json]) -> dict[str, Json]:
    shown = windows["streams"]["first"][:STREAMS_SHOWN_MAX] if windows else []
    return {"shown": shown, "count": windows["streams"]["count"] if windows else 0}


def _late(windows: Mapping[str, Json]) -> dict[str, Json]:
    shown = windows["late"]["first"][:LATE_SHOWN_MAX] if windows else []
    return {"shown": [_late_row(late) for late in shown], "count": windows["late"]["count"] if windows else 0}


def _late_row(late: Mapping[str, Json]) -> dict[str, Json]:
    signed, bound = late["signed_late_ms"], late["bound_ms"]
    return {
        **late,
        "by": duration(late["late_ms"]),
        "bound": "none declared" if bound is None else duration(bound),
        "signed": "no anchor tells" if signed is None else f"at least {duration(signed)} after the event",
    }


def _entry_text(finding: Mapping[str, Json]) -> str:
    """Return which entries a finding names, and how many there are besides."""
    more = finding["count"] - len(finding["entries"])
    shown = ", ".join(f"{index:,}" for index in finding["entries"])
    return f"{shown} and {more:,} more" if more > 0 and shown else shown


def _record_text(asked: Mapping[str, Json]) -> str:
    """Return what was looked for and what was found: `104 inference`, `0 evaluation (bias)`."""
    return " or ".join(f"{asked['counts'][name]:,} {words_of(name)}" for name in asked["any_of"])


def _check_text(judged: Mapping[str, Json]) -> str:
    examined = judged["examined"]
    what = f", {counted(examined['count'], examined['unit'])}" if examined is not None else ""
    found = f", {judged['findings']:,} found" if judged["findings"] else ""
    return f"{judged['id']}{what}{found}"
