"""Honest stories, each spoiled in one way, and the findings that must come of it: no more, and no fewer."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

from glasslog.cbor import Value
from glasslog.merkle import TreeSize
from tests.verifier.audit.logbook import Event, Logbook, changed, without
from tests.verifier.audit.story import END, MINUTE_MS, START, attempt, execution, inference, registrations, seal, story
from tests.verifier.evidence import digest, uuid7
from tests.verifier.records.examples import BODIES, DAY_MS, HOUR_MS

HONEST = Logbook(story())


def at(minute: int) -> int:
    return START + minute * MINUTE_MS


@dataclass(frozen=True)
class Spoiled:
    """What is done to the honest story, and the findings that must come of it: checks with the names of events."""

    name: str
    do: Callable[[list[Event]], list[Event]]
    found: tuple[tuple[str, tuple[str, ...]], ...]
    only: str | None = None  # the one check that is run, where time goes on in an otherwise silent log
    as_of: int | None = None

    @cached_property
    def log(self) -> Logbook:
        return Logbook(self.do(story()))


def edits(name: str, **changes: Value) -> Callable[[list[Event]], list[Event]]:
    return lambda events: changed(events, name, **changes)


def adds(*events: Event) -> Callable[[list[Event]], list[Event]]:
    return lambda story: [*story, *events]


def removes(*names: str) -> Callable[[list[Event]], list[Event]]:
    return lambda story: without(story, *names)


def all_inferences(**changes: Value) -> Callable[[list[Event]], list[Event]]:
    def spoil(events: list[Event]) -> list[Event]:
        names = [event.name for event in events if event.type == "inference"]
        for name in names:
            events = changed(events, name, body=changes)
        return events

    return spoil


def both(*steps: Callable[[list[Event]], list[Event]]) -> Callable[[list[Event]], list[Event]]:
    def spoil(events: list[Event]) -> list[Event]:
        for step in steps:
            events = step(events)
        return events

    return spoil


def about(check: str, *names: str) -> tuple[str, tuple[str, ...]]:
    return (check, names)


RAN = [execution("ranges", at(5) - 20), execution("privacy", at(5) + 220, "post")]
UNSEALED = removes("seal", "next seal", "counted")  # for stories in which numbers change
PROMPT = {"kind": "prompt-template", "name": "prompt", "version": "1", "digest": digest("prompt")}
WITHDRAWN = {**registrations()[0].body, "declared_controls": []}
OUTCOME: dict[str, Value] = {**dict.fromkeys(execution("grounding", 0)), **BODIES["outcome"]}
OPENING = Event("notice of use", "notice", {"kind": "ai-use", "channel": "app", "opened": at(5)}, at(5) + 30_000, "5")
SPOILED = [
    # ------------------------------------------------------------------------------------------------------- streams
    Spoiled(
        "a record is lost",
        both(UNSEALED, adds(replace(OPENING, lost=True))),
        (about("stream-gaps", "attempt 6", "grounding 5"),),
    ),
    Spoiled(
        "the first record of a stream is lost",
        both(
            adds(Event("check", "outcome", BODIES["outcome"], at(3), "3", "outcomes", lost=True)),
            adds(Event("checked", "outcome", BODIES["outcome"], at(4), "4", "outcomes")),
        ),
        (about("stream-gaps", "checked"),),
    ),
    Spoiled(
        "a lost record is missed by the seal",
        edits("grounding 5", lost=True),
        (
            about("stream-gaps", "attempt 6", "inference 5"),
            about("seals", "seal"),
            about("guardrails", "inference 5"),
        ),
        as_of=END + 90_000,
    ),
    Spoiled(
        "a number is used twice",
        adds(replace(OPENING, seq=3)),
        (about("stream-repeats", "notice of use", "nimbus"), about("stream-chain", "notice of use", "guardrail set")),
    ),
    Spoiled(
        "a record was signed after another one than the log holds",
        edits("grounding 5", prev=digest("another past")),
        (about("stream-chain", "grounding 5", "inference 5"),),
    ),
    Spoiled("an id is used twice", edits("beat 5", id="beat 4"), (about("ids", "beat 5", "beat 4"),)),
    # --------------------------------------------------------------------------------------------------------- time
    Spoiled(
        "an anchor of another log",
        edits("beat 5", anchor={"size": 3, "root": digest("root")}),
        (about("anchors", "beat 5"),),
    ),
    Spoiled(
        "an anchor that is larger than the log",
        edits("beat 5", anchor={"size": 1_000, "root": digest("root")}),
        (about("anchors", "beat 5"),),
    ),
    Spoiled(
        "an anchor that came later",
        edits("beat 5", anchor={"size": 70, "root": HONEST.root_at(TreeSize(70))}),
        (about("anchors", "beat 5"),),
    ),
    Spoiled(
        "a record is logged late", edits("beat 5", logged=at(5) + 30_000 + 123_000), (about("lateness", "beat 5"),)
    ),
    Spoiled("a record is logged as late as is allowed", edits("beat 5", logged=at(5) + 30_000 + 119_000), ()),
    Spoiled(
        "a record is from the future",
        edits("oversight 12", time=END, logged=at(12) + 20_000),
        (about("clock", "oversight 12"),),
    ),
    # ----------------------------------------------------------------------------------------------------- controls
    Spoiled("a heartbeat is missing", removes("beat 5"), (about("heartbeat-gaps", "beat 6", "beat 4"),)),
    Spoiled("two heartbeats are at the bound", edits("beat 5", time=at(5) + 60_000), ()),
    Spoiled(
        "a control starts late",
        removes("beat 1", "beat 2"),
        (about("control-lifetimes", "system", "beat 3"),),
    ),
    Spoiled(
        "a control stops early",
        both(removes(*(f"beat {minute}" for minute in range(11, 16)))),
        (about("control-lifetimes", "system", "beat 10"),),
    ),
    Spoiled(
        "a control never starts",
        removes(*(f"beat {minute}" for minute in range(1, 16))),
        (about("control-lifetimes", "system"),),
    ),
    Spoiled(
        "a control is withdrawn, and stops",
        both(
            adds(Event("withdrawn", "system-registration", WITHDRAWN, at(10) + 40_000, stream="other")),
            removes(*(f"beat {minute}" for minute in range(11, 16))),
        ),
        (),
    ),
    Spoiled(
        "a control stops before it is withdrawn",
        both(
            adds(Event("withdrawn", "system-registration", WITHDRAWN, at(12), stream="other")),
            removes(*(f"beat {minute}" for minute in range(10, 16))),
        ),
        (about("control-lifetimes", "system", "beat 9"),),
    ),
    Spoiled(
        "heartbeats of another issuer do not count",
        edits("beat 5", issuer="https://hospital.example", stream="hospital"),
        (about("heartbeat-gaps", "beat 6", "beat 4"),),
    ),
    # --------------------------------------------------------------------------------------------------- guardrails
    Spoiled(
        "a guardrail did not run",
        edits("inference 5", body=inference(at(5), RAN[0])),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail was off for a while",
        both(*(edits(f"inference {n}", body=inference(at(n), execution("ranges", at(n)))) for n in (5, 6, 7))),
        (about("guardrails", "inference 5", "inference 6", "inference 7"),),
    ),
    Spoiled(
        "a guardrail was skipped",
        edits("inference 5", body=inference(at(5), RAN[0], execution("privacy", at(5), "post", "skipped"))),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail failed open",
        edits("inference 5", body=inference(at(5), RAN[0], execution("privacy", at(5), "post", "error-fail-open"))),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail before the model ran after it",
        edits("inference 5", body=inference(at(5), RAN[1], execution("ranges", at(5) + 9_000, "pre"))),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail after the model ran before it",
        edits("inference 5", body=inference(at(5), RAN[0], execution("privacy", at(5) - 9_000, "post"))),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail with records of its own did not run",
        edits("grounding 5", type="outcome", body=OUTCOME),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail with records of its own ran for another decision",
        edits("grounding 5", decision="6"),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a guardrail with records of its own ran for another inference of the decision",
        both(
            UNSEALED,
            edits("grounding 5", links=(("inference", "inference 5"),)),
            adds(
                Event(
                    "turn 2", "inference", inference(at(5) + 10_000), at(5) + 10_000, "5", links=(("attempt", "none"),)
                )
            ),
        ),
        (about("guardrails", "turn 2"),),
    ),
    Spoiled(
        "a guardrail with records of its own ran for another attempt of the decision",
        both(
            UNSEALED,
            edits("grounding 5", links=(("attempt", "attempt 5"),)),
            adds(
                Event(
                    "turn 2", "inference", inference(at(5) + 10_000), at(5) + 10_000, "5", links=(("attempt", "none"),)
                )
            ),
        ),
        (about("guardrails", "turn 2"),),
    ),
    Spoiled(
        "guardrails of several inferences of a decision say for which they ran, or not",
        both(
            UNSEALED,
            edits("grounding 5", body={"position": "pre", "started": at(5)}),
            adds(
                Event("turn 2", "inference", inference(at(5) + 10_000), at(5) + 10_000, "5"),
                Event(
                    "grounding again",
                    "guardrail-execution",
                    execution("grounding", at(5) + 9_000),
                    at(5) + 9_000,
                    "5",
                    links=(("inference", "inference 5"),),
                ),
            ),
        ),
        (),
    ),
    Spoiled(
        "a guardrail with records of its own ran a day later",
        edits("grounding 5", body={"started": at(5) + DAY_MS}),
        (about("guardrails", "inference 5"),),
    ),
    Spoiled(
        "a blocked inference needs no further guardrail",
        edits("inference 5", body=inference(at(5), execution("ranges", at(5), "pre", "deny"), status="blocked")),
        (),
    ),
    Spoiled(
        "an attempt names the set that the inference does not",
        both(
            adds(Event("prompt", "config-registration", PROMPT, START, stream="other")),
            edits("inference 5", body=inference(at(5), RAN[0], config=uuid7("prompt"))),
        ),
        (about("guardrails", "inference 5"),),
    ),
    # ------------------------------------------------------------------------------------------------------- models
    Spoiled(
        "a model is not registered",
        edits("inference 5", body={"model": uuid7("another model"), "response_model": None}),
        (about("models-registered", "inference 5"),),
    ),
    Spoiled(
        "a model is registered too late",
        both(UNSEALED, edits("model", time=at(2) + 30_000)),
        (about("models-registered", "inference 1", "inference 2"),),
    ),
    Spoiled(
        "another model answers",
        both(*(edits(f"inference {n}", body={"response_model": "triage-8"}) for n in (8, 9))),
        (about("model-changes", "inference 8", "inference 9"),),
    ),
    Spoiled("a provider puts name and version together in its own way", all_inferences(response_model="triage@7"), ()),
    # ---------------------------------------------------------------------------------------------------- providers
    Spoiled(
        "a provider is not registered",
        edits("inference 5", body={"provider": {"name": "Shadow Compute"}}),
        (about("providers", "inference 5"),),
    ),
    Spoiled(
        "a provider is removed",
        adds(
            Event(
                "removal",
                "subprocessor-change",
                {**BODIES["subprocessor-change"], "action": "remove", "effective": at(11)},
                at(3),
                stream="other",
            )
        ),
        (about("providers", "inference 11", "inference 12"),),
    ),
    Spoiled(
        "a provider's registration takes effect later",
        edits("nimbus", body={"effective": at(2) + 30_000}),
        (about("providers", "inference 1", "inference 2"),),
    ),
    Spoiled("the owner of the system is no subprocessor", all_inferences(provider={"name": "LUMEN"}), ()),
    # ------------------------------------------------------------------------------------------------------- people
    Spoiled(
        "nobody looked",
        removes("oversight 12"),
        (about("oversight", "inference 12"),),
        "oversight",
        END + 8 * DAY_MS,
    ),
    Spoiled("nobody looked yet", removes("oversight 12"), ()),
    Spoiled(
        "nobody has to look",
        both(removes("oversight 12"), edits("inference 12", body={"automation": "full"})),
        (),
        "oversight",
        END + 8 * DAY_MS,
    ),
    Spoiled(
        "an attempt has no answer",
        adds(Event("attempt 99", "inference-attempt", attempt(), at(7), "99", stream="other")),
        (about("attempts", "attempt 99"),),
    ),
    Spoiled(
        "an attempt may still be answered",
        adds(Event("attempt 99", "inference-attempt", attempt(), at(14), "99", stream="other")),
        (),
    ),
    Spoiled(
        "a second attempt of a decision has no answer",
        adds(Event("attempt 99", "inference-attempt", attempt(), at(7), "5", stream="other")),
        (about("attempts", "attempt 99"),),
    ),
    Spoiled(
        "an answer without links is one to its decision",
        edits("inference 5", links=()),
        (),
    ),
    Spoiled(
        "a notice is sent late",
        edits("adverse", body={"due": at(12)}),
        (about("notices", "adverse"),),
    ),
    Spoiled(
        "an answer is overdue",
        both(UNSEALED, removes("answer"), edits("question", body={"due": at(14)})),
        (about("notices", "question"),),
    ),
    Spoiled(
        "an answer is late",
        edits("question", body={"due": at(12)}),
        (about("notices", "question"),),
    ),
    Spoiled("an answer is not due yet", both(UNSEALED, removes("answer")), ()),
    # ------------------------------------------------------------------------------------------- changes and duties
    Spoiled(
        "a deployment cites nothing that is there",
        edits("deployment", body={"validation": uuid7("nothing")}),
        (about("deployments", "deployment"),),
    ),
    Spoiled(
        "a deployment cites a failed validation",
        edits("validation", body={"verdict": "fail"}),
        (about("deployments", "deployment", "validation"),),
    ),
    Spoiled(
        "a deployment cites the vendor's own validation",
        edits("validation", body={"evaluator": {"who": "Lumen", "independent": False}}),
        (about("deployments", "deployment", "validation"),),
    ),
    Spoiled(
        "a deployment cites the validation of another model",
        edits("validation", body={"model": uuid7("another model")}),
        (about("deployments", "deployment", "validation"),),
    ),
    Spoiled(
        "a deployment cites a validation that came later",
        edits("validation", time=START + 700),
        (about("deployments", "deployment", "validation"),),
    ),
    Spoiled(
        "a model is stopped without a validation",
        edits("deployment", body={"action": "suspend", "validation": None}),
        (),
    ),
    Spoiled(
        "an erasure is not carried out",
        edits("erasure done", body={"targets": [{"store": "vault", "state": "failed", "at": at(11)}]}),
        (about("erasures", "erasure asked", "erasure done"),),
    ),
    Spoiled(
        "an erasure forgets a store",
        edits(
            "erasure asked", body={"targets": [{"store": s, "state": "requested", "at": 0} for s in ("vault", "tape")]}
        ),
        (about("erasures", "erasure asked"),),
    ),
    Spoiled(
        "an incident is reported after its deadline",
        edits("incident", body={"reports": [{"to": "authority", "at": at(12), "deadline": at(11)}]}),
        (about("incidents", "incident"),),
    ),
    Spoiled(
        "a serious incident is reported to nobody",
        edits("incident", body={"reports": None}),
        (about("incidents", "incident"),),
        "incidents",
        END + 16 * DAY_MS,
    ),
    Spoiled("a serious incident may still be reported", edits("incident", body={"reports": None}), ()),
    Spoiled(
        "a serious incident is reported by a later record",
        both(
            edits("incident", body={"reports": None}),
            adds(
                Event(
                    "update",
                    "incident",
                    {**BODIES["incident"], "aware_at": at(11)},
                    at(12),
                    stream="other",
                    links=(("supersedes", "incident"),),
                )
            ),
        ),
        (),
        "incidents",
        END + 16 * DAY_MS,
    ),
    # ------------------------------------------------------------------------------------------------ seals, counters
    Spoiled(
        "a seal counts more than there is",
        edits("next seal", body=seal(at(13), END, 46, 48)),
        (about("seals", "next seal"),),
        "seals",
        END + HOUR_MS,
    ),
    Spoiled(
        "a seal counts less than there is",
        edits("next seal", body={"streams": [{"id": "decisions", "first_seq": 46, "last_seq": 47, "count": 1}]}),
        (about("seals", "next seal"),),
    ),
    Spoiled(
        "numbers fall between two seals",
        edits("next seal", body=seal(at(13), END, 47, 47)),
        (about("seals", "next seal", "seal"),),
    ),
    Spoiled(
        "a seal speaks of a tree that was not there",
        edits("seal", body={"tree_size_end": 500}),
        (about("seals", "seal"),),
    ),
    Spoiled(
        "another counter has seen more",
        edits("counted", body={"observed_unrecorded": 2}),
        (about("reconciliations", "counted"),),
    ),
    Spoiled(
        "another counter has seen less",
        edits("counted", body={"matched": 11, "recorded_unobserved": 1}),
        (about("reconciliations", "counted"),),
    ),
    Spoiled(
        "more is matched than is there",
        edits("counted", body={"matched": 13}),
        (about("reconciliations", "counted"),),
    ),
]
