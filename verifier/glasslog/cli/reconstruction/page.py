"""The page of a reconstruction, made from its document alone: what the HTML says, the JSON says."""

from collections.abc import Mapping, Sequence
from typing import Final

from markupsafe import Markup

from glasslog.cli.document import Json
from glasslog.cli.screen import value_text
from glasslog.moments import readable_time
from glasslog.pages import render
from glasslog.pages.charts import Lane, Mark, timeline
from glasslog.pages.states import STEP_STATES

TEMPLATE: Final = "reconstruct/reconstruction.html"

_HEADLINES: Final = {
    "verified": ("good", "Everything that was found verifies"),
    "failed": ("bad", "Something does not verify"),
    "could-not-check": ("open", "Not everything could be checked"),
}
_VERDICTS: Final = {
    "verified": ("good", "Verified"),
    "failed": ("bad", "Failed"),
    "could-not-check": ("open", "Could not check"),
    "not-asked": ("calm", "Not asked"),
}
_GUARDRAILS: Final = {
    "ran": ("good", "Ran"),
    "skipped": ("open", "Skipped"),
    "failed open": ("bad", "Failed, let through"),
    "failed closed": ("open", "Failed, blocked"),
    "missing": ("missing", "No execution"),
}
_VALUES: Final = {
    "opened": ("good", "Opened"),
    "closed": ("calm", "Not opened"),
    "erased": ("gone", "Erased"),
    "to-be-erased": ("open", "To be erased"),
    "said-erased": ("gone", "Said to be erased"),
    "contradicted": ("bad", "Erased, and still opened"),
}
_GAPS: Final = {
    "absent": ("missing", "Not in the log"),
    "unknown": ("open", "Could not check"),
    "noted": ("calm", "Noted"),
}
_LANES: Final[Sequence[tuple[str, frozenset[str]]]] = (
    ("Asked and answered", frozenset({"inference-attempt", "inference"})),
    ("Guardrails", frozenset({"guardrail-execution"})),
    ("Steps", frozenset({"step"})),
    ("People", frozenset({"oversight"})),
    ("Told and contested", frozenset({"notice", "contest", "explanation"})),
    ("Outcome", frozenset({"outcome"})),
    ("Incidents", frozenset({"incident"})),
    ("Content", frozenset({"erasure", "access"})),
)
_MAKING: Final = frozenset({"inference-attempt", "inference", "guardrail-execution", "step", "oversight"})
_LATER: Final = frozenset({"outcome", "incident", "erasure", "access"})
_SECTIONS: Final = (
    ("timeline", "What happened when"),
    ("model", "Model and configuration"),
    ("guardrails", "Guardrails"),
    ("oversight", "Who oversaw it"),
    ("notices", "Who was told, who objected"),
    ("outcome", "What turned out"),
    ("incidents", "Incidents"),
    ("values", "What was committed to"),
    ("proven", "What is proven"),
    ("missing", "What is missing"),
    ("limits", "What cannot be shown"),
    ("evidence", "Every piece of evidence"),
)


def page_of(document: Mapping[str, Json]) -> str:
    """Return the page of a document: one HTML file."""
    entries = {entry["entry_id"]: entry for entry in document["entries"]}
    return render(
        TEMPLATE,
        document=document,
        sections=_SECTIONS,
        headline=_HEADLINES[document["verdict"]],
        facts=_facts(document),
        entries=entries,
        charts=_charts(document),
        anchors=_anchors(document["entries"]),
        verdicts=_VERDICTS,
        steps=STEP_STATES,
        guardrail_states=_GUARDRAILS,
        value_states=_VALUES,
        gap_kinds=_GAPS,
        value_text=value_text,
        parameters=_parameters,
    )


def _facts(document: Mapping[str, Json]) -> list[tuple[str, str]]:
    counts = document["counts"]
    others = _counted(counts, failed="failed", could_not_check="could not be checked")
    verified = f"{counts['verified']} of {counts['entries']}" + (f"; {others}" if others else "")
    gaps = _counted(counts, absent="not in the log", unknown="could not be checked", noted="noted")
    return [
        ("Decision", document["decision"]),
        ("Read from", document["source"]),
        ("Records that verify", verified),
        ("Missing", gaps or "nothing that these records refer to or promise"),
        ("Put together", readable_time(document["made_at"]["ms"])),
    ]


def _counted(counts: Mapping[str, Json], **words: str) -> str:
    """Return the numbers that are not 0: `1 failed, 2 could not be checked`."""
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name])


def _parameters(parameters: Mapping[str, Json]) -> str:
    return ", ".join(f"{name} {value_text(value)}" for name, value in parameters.items()) or "none recorded"


def _anchors(entries: Sequence[Json]) -> dict[str, str]:
    """Return where on the page each record and each entry stands, by its id without dashes."""
    anchors = {entry["entry_id"]: f"e-{entry['entry_id'][:16]}" for entry in entries}
    records = {entry["record_id"].replace("-", ""): entry["entry_id"] for entry in entries if entry["record_id"]}
    return anchors | {record_id: anchors[entry_id] for record_id, entry_id in records.items()}


def _charts(document: Mapping[str, Json]) -> list[tuple[Markup, str]]:
    """Draw the decision, and what came of it: on one axis with the days after, its seconds would be one dot.

    What came before is in the table: months would flatten everything.
    """
    events = [event for event in document["timeline"] if event["about_decision"] or event["type"] in _LATER]
    making = [event for event in events if event["type"] in _MAKING]
    charts = [
        (making, "The making of the decision", "The making of the decision, by the clocks of those who signed."),
        (events, "The decision and what followed", "The decision and what followed."),
    ]
    if len(making) == len(events):
        charts.pop()
    return [(_chart(shown, title), caption) for shown, title, caption in charts if shown]


def _chart(events: Sequence[Json], title: str) -> Markup:
    lanes = []
    for label, types in _LANES:
        marks = [
            Mark(
                event["at"]["ms"], f"{event['type']}: {event['summary']}", "bad" if event["type"] == "incident" else ""
            )
            for event in events
            if event["type"] in types
        ]
        if marks:
            lanes.append(Lane(label, marks))
    moments = [event["at"]["ms"] for event in events]
    return timeline(title, min(moments), max(moments), lanes)
