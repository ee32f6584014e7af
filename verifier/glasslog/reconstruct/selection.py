"""Choose, from what a log has about a system, what surrounds one decision.

The rules look at records that are not verified yet: they decide what is fetched and verified, never what is believed.
Each rule says why it takes a record, and that reason is shown beside it.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from glasslog.merkle import Hash
from glasslog.records import Record


@dataclass(frozen=True, slots=True)
class Known:
    """A record that the log gave out, by its entry; its place is its number in the log's list."""

    entry_id: Hash
    issuer: str
    subject: str
    record: Record


@dataclass(frozen=True, slots=True)
class Choice:
    """An entry to gather, and why."""

    entry_id: Hash
    reason: str


@dataclass(frozen=True, slots=True)
class Core:
    """What the records of a decision say that others are chosen by. `moment` is its time, POSIX ms."""

    moment: int
    ids: frozenset[bytes]
    models: frozenset[bytes]
    guardrail_sets: frozenset[bytes]
    providers: frozenset[str]
    commitments: frozenset[bytes]
    streams: frozenset[tuple[str, str, int]] = field(repr=False)

    @classmethod
    def of(cls, decision: Collection[Known]) -> "Core":
        """Return the core of a decision that has at least one record."""
        records = [known.record for known in decision]
        inferences = [record for record in records if record.type == "inference"]
        asked = [record for record in records if record.type in {"inference", "inference-attempt"}]
        return cls(
            moment=min(record.time for record in inferences or records),
            ids=frozenset(record.id for record in records),
            models=frozenset(record.body["model"] for record in inferences),
            guardrail_sets=frozenset(
                record.body["required_guardrails"] for record in records if "required_guardrails" in record.body
            ),
            providers=frozenset(record.body["provider"]["name"] for record in asked),
            commitments=frozenset(digest for record in records for digest in record.commitments.values()),
            streams=frozenset((known.issuer, known.record.stream.id, known.record.stream.seq) for known in decision),
        )


def choose(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Yield what to gather from the records about the system, an entry perhaps more than once."""
    for rule in _RULES:
        yield from rule(core, surroundings)


def _linked(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take what links to a record of the decision: incidents, reviews, corrections."""
    for known in surroundings:
        for link in known.record.fields.get("links", []):
            if link["id"] in core.ids:
                yield Choice(known.entry_id, f"links to a record of the decision ({link['rel']})")


def _system(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take the newest registration of the system up to the decision, or the first one after it."""
    registrations = [known for known in surroundings if known.record.type == "system-registration"]
    before = [known for known in registrations if known.record.time <= core.moment]
    if before:
        yield Choice(before[-1].entry_id, "the system's registration at the time")
    elif registrations:
        yield Choice(registrations[0].entry_id, "the system's registration, later than the decision")


def _deployment(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take the deployment in force: the one that took effect last, up to the decision."""
    deployments = [
        known
        for known in surroundings
        if known.record.type == "deployment" and known.record.body["effective"] <= core.moment
    ]
    if deployments:
        latest = max(enumerate(deployments), key=lambda item: (item[1].record.body["effective"], item[0]))[1]
        yield Choice(latest.entry_id, "the deployment in force")


def _guardrail_sets(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take the sets of guardrails that had to run, by their digest; without one, the set registered last before."""
    sets = [
        known
        for known in surroundings
        if known.record.type == "config-registration" and known.record.body["kind"] == "guardrail-set"
    ]
    named = [known for known in sets if known.record.body["digest"] in core.guardrail_sets]
    for known in named:
        yield Choice(known.entry_id, "the guardrails that had to run")
    before = [known for known in sets if known.record.time <= core.moment]
    if not core.guardrail_sets and before:
        yield Choice(before[-1].entry_id, "the set of guardrails registered last before the decision")


def _evaluations(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take what was tested of the model up to the decision."""
    for known in surroundings:
        if known.record.type == "evaluation" and known.record.body["model"] in core.models:
            when = "before" if known.record.time <= core.moment else "after"
            yield Choice(known.entry_id, f"an evaluation of the model, {when} the decision")


def _subprocessors(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take what was last registered about each provider up to the decision."""
    for provider in core.providers:
        changes = [
            known
            for known in surroundings
            if known.record.type == "subprocessor-change"
            and known.record.body["name"] == provider
            and known.record.body["effective"] <= core.moment
        ]
        if changes:
            yield Choice(changes[-1].entry_id, f"the terms with {provider} at the time")


def _erasures(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take the erasures that name a commitment of the decision."""
    for known in surroundings:
        if known.record.type == "erasure" and core.commitments & set(known.record.body["commitments"]):
            yield Choice(known.entry_id, "erases content of the decision")


def _heartbeats(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take the heartbeats of controls for the time of the decision."""
    for known in surroundings:
        if known.record.type == "control-operation":
            period = known.record.body["period"]
            if period["from"] <= core.moment < period["to"]:
                yield Choice(known.entry_id, f"the heartbeat of {known.record.body['control']} for the time")


def _seals(core: Core, surroundings: Sequence[Known]) -> Iterator[Choice]:
    """Take the seals that count a record of the decision."""
    for known in surroundings:
        if known.record.type == "window-seal":
            sealed = {
                (known.issuer, stream["id"], seq)
                for stream in known.record.body["streams"]
                for issuer, stream_id, seq in core.streams
                if (issuer, stream_id) == (known.issuer, stream["id"])
                and stream["first_seq"] <= seq <= stream["last_seq"]
            }
            if sealed:
                yield Choice(known.entry_id, "seals the window that the decision is in")


_RULES: Final[Sequence[Callable[[Core, Sequence[Known]], Iterator[Choice]]]] = (
    _linked,
    _system,
    _deployment,
    _guardrail_sets,
    _evaluations,
    _subprocessors,
    _erasures,
    _heartbeats,
    _seals,
)
