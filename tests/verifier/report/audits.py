"""Outcomes of audits to make reports of: of honest and spoiled stories, of logs that could not be replayed."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from glasslog.audit.scope import Scope
from glasslog.report import builtin_frameworks, count_kinds, report_of
from glasslog.report.controls import Framework
from tests.verifier.audit.logbook import Event, Logbook
from tests.verifier.audit.spoiled import edits, removes
from tests.verifier.audit.story import END, MINUTE_MS, START, story
from tests.verifier.evidence import ORIGIN

Document = dict[str, Any]

STEPS = (
    ("checkpoint", "The log signed the checkpoint", "C2SP tlog-checkpoint"),
    ("quorum", "Enough witnesses cosigned the checkpoint", "C2SP tlog-policy"),
    ("mirror", "Tiles and entries lead to the signed root", "C2SP tlog-tiles; RFC 9162 section 2.1.1"),
    ("consistency", "The tree extends every one ever seen", "RFC 9162 section 2.1.4"),
    ("replay", "Every entry is in the tree and was judged", "RFC 9943, Registration; RFC 9052 4.4"),
    ("log-key", "The operator's policy names the log's key", "RFC 9943, Registration Policies"),
)


def step(number: int, status: str = "passed", **more: str) -> Document:
    """Return a step as `audit.json` has it."""
    name, title, specification = STEPS[number - 1]
    told = {"expected": None, "found": "as it has to be" if status == "passed" else None, "reason": None, "error": None}
    about = {"number": number, "id": name, "title": title, "specification": specification, "status": status}
    return {**about, **told, **more}


def outcome_of(events: Iterable[Event], *names: str, scope: Scope | None = None, **more: Any) -> Document:  # noqa: ANN401
    """Return the outcome of an audit of these events, and the kinds of records under `kinds`."""
    log = Logbook(events)
    database = log.database()
    audited = log.audit(*names, scope=scope, database=database)
    outcome: Document = {
        **audited.result.to_json(),
        "glasslog": "0.1.0",
        "verdict": "failed" if audited.findings else "verified",
        "source": "https://log.example/",
        "tree": {
            "origin": ORIGIN,
            "size": log.size,
            "root": log.root_at(log.size).hex(),
            "checkpoint": f"{ORIGIN}\n{log.size}\nAAAA\n\nsignatures\n",
            "log_keys": [f"{ORIGIN}+00000000+AAAA"],
            "cosigners": ["witness.example"],
            "shown_size": log.size,
        },
        "steps": [step(1), step(2, "skipped", reason="not asked: no trust policy was given"), *map(step, range(3, 7))],
        "replayed": {"entries": log.size, "heads": log.size, "refused": dict.fromkeys(("signature", "authority"), 0)},
        **more,
    }
    return {**outcome, "kinds": count_kinds(database, outcome)}


def unreplayed(**more: Any) -> Document:  # noqa: ANN401
    """Return the outcome of an audit that could not read the log."""
    return {
        "schema": "glasslog-audit/1",
        "glasslog": "0.1.0",
        "verdict": "could-not-check",
        "source": "https://log.example/",
        "tree": None,
        "steps": [
            step(1, "could-not-check", reason="the server does not answer"),
            *(step(number, "not-reached") for number in range(2, 7)),
        ],
        "replayed": None,
        "kinds": {},
        **more,
    }


def report(outcome: Document, frameworks: tuple[Framework, ...] | None = None) -> Document:
    """Return the report of an outcome."""
    return report_of(outcome, outcome["kinds"], builtin_frameworks() if frameworks is None else frameworks)


def spoil(*steps: Callable[[list[Event]], list[Event]]) -> list[Event]:
    """Return the honest story after all of that was done to it."""
    events = story()
    for do in steps:
        events = do(events)
    return events


MANY_FAULTS = (
    removes("beat 4", "beat 5", "beat 6", "beat 7", "oversight 3"),
    edits("inference 5", lost=True),
    edits("inference 6", body={"response_model": "triage-8"}),
    edits("inference 7", body={"provider": {"name": "Somebody Else"}}),
    edits("incident", body={"serious": True}),
    edits("oversight 8", body={"action": "override"}),
    edits("inference 9", logged=END),
)
SOME_FAULTS = spoil(*MANY_FAULTS)


def variants() -> Iterator[tuple[str, Document]]:
    """Yield what reports have to be made of."""
    honest = story()
    yield "honest", outcome_of(honest)
    yield "spoiled", outcome_of(SOME_FAULTS)
    yield "some checks", outcome_of(honest, "tree", "ids", "stream-gaps")
    yield "window", outcome_of(honest, scope=Scope(START + 5 * MINUTE_MS, START + 9 * MINUTE_MS))
    yield "nothing in scope", outcome_of(honest, scope=Scope(1, 2))
    yield "other system", outcome_of(honest, scope=Scope(systems=frozenset({"urn:example:other"}), since=3))
    yield "failed step", outcome_of(honest, steps=[step(1), step(2), step(3), step(4, "failed", expected="one tree")])
    yield "no windows", outcome_of(honest, windows={})
    yield "unreplayed", unreplayed()
    tree = outcome_of(honest)["tree"]
    yield (
        "no heads",
        unreplayed(tree=tree, verdict="failed", steps=[step(1), step(5, "failed", expected="x", found="y")]),
    )


VARIANTS = dict(variants())
