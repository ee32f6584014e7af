"""Providers are in the register of subprocessors when they are used.

A provider counts as registered when an earlier entry, by the same issuer or about the same system, adds or changes it
with effect before the inference, and none removes it. The owner of the system is its own provider and needs no entry.
Names are compared without regard to case. Where an issuer keeps no register at all, that is not recorded. With
`since`, new inferences alone are looked at.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.episodes import gather
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.objections import InferenceShape, entries_of, inference_shapes
from glasslog.audit.view import View
from glasslog.counting import counted

CHANGES_MAX: Final = 4_096  # of one provider that are looked at: the first ones
_CHANGES: Final = """
    SELECT t.entry, t.effective, t.action
    FROM subprocessors t CROSS JOIN entries e ON e.entry = t.entry CROSS JOIN shapes s ON s.number = e.shape
    CROSS JOIN sources o ON o.number = s.source
    WHERE t.name = :name COLLATE NOCASE AND (o.issuer = :issuer OR o.system = :system)
    ORDER BY t.effective, t.entry LIMIT :most
"""
_HAS_REGISTER: Final = """
    SELECT EXISTS (
        SELECT 1 FROM subprocessors t CROSS JOIN entries e ON e.entry = t.entry
        CROSS JOIN shapes s ON s.number = e.shape CROSS JOIN sources o ON o.number = s.source
        WHERE o.issuer = :issuer OR o.system = :system
    )
"""


class _Register:
    """The register of subprocessors, by who looks into it."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._changes = lru_cache(maxsize=4_096)(self._read_changes)
        self.is_kept = lru_cache(maxsize=4_096)(self._is_kept)

    def holds(self, name: str, issuer: str, system: str, entry: int, time: int) -> bool:
        """Tell whether a provider was in the register at an entry and a time."""
        actions = [
            action
            for logged, effective, action in self._changes(name, issuer, system)
            if logged < entry and effective <= time
        ]
        return bool(actions) and actions[-1] != "remove"

    def is_always_there(self, shape: InferenceShape) -> bool:
        """Tell whether a provider was in the register at all inferences of a shape, without looking at them."""
        changes = self._changes(shape.provider, shape.issuer, shape.system)
        is_settled = all(
            (logged < shape.entry_min and effective <= shape.time_min) or action != "remove"
            for logged, effective, action in changes
        )
        return is_settled and self.holds(shape.provider, shape.issuer, shape.system, shape.entry_min, shape.time_min)

    def _read_changes(self, name: str, issuer: str, system: str) -> tuple[tuple[int, int, str], ...]:
        rows = self._view.rows(_CHANGES, name=name, issuer=issuer, system=system, most=CHANGES_MAX)
        return tuple((logged, effective, action) for logged, effective, action in rows)

    def _is_kept(self, issuer: str, system: str) -> bool:
        return bool(self._view.value(_HAS_REGISTER, issuer=issuer, system=system))


def run(view: View) -> Examination:
    """Look at the provider of every inference in the scope."""
    examination = Examination("inferences")
    examination.findings = _find(view, examination)
    return examination


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    register = _Register(view)
    for episode in gather(_broken(view, register, examination)):
        issuer, system, provider = episode.key
        message = (
            f"{provider} made {counted(episode.count, 'inferences')} without being in the register of subprocessors"
        )
        entries, count = tuple(episode.entries), episode.count
        about = (issuer, system, provider, count, episode.start, episode.end)
        yield Finding(CHECK.id, CHECK.severity, message, entries, *about)


def _broken(
    view: View, register: _Register, examination: Examination
) -> Iterator[tuple[tuple[str, str, str], int, int, int]]:
    for found in entries_of(view, _objections(view, register, examination)):
        issuer, system, provider = found.why
        if not register.holds(provider, issuer, system, found.entry, found.time):
            yield (issuer, system, provider), found.entry, found.time, 0


def _objections(
    view: View, register: _Register, examination: Examination
) -> Iterator[tuple[InferenceShape, list[Any]]]:
    for shape in inference_shapes(view):
        declared = view.systems.declared(shape.issuer, shape.system, shape.entry_max)
        if declared is not None and declared.owner.casefold() == shape.provider.casefold():
            examination.count += shape.inferences
        elif register.is_kept(shape.issuer, shape.system):
            examination.count += shape.inferences
            if not register.is_always_there(shape):
                yield shape, [shape.issuer, shape.system, shape.provider]
        else:
            examination.lacks(f"no register of subprocessors is kept for {shape.system}, which uses {shape.provider}")


CHECK: Final = Check(
    "providers",
    "Providers were registered when they were used",
    "Evidence records, subprocessor-change; GDPR Article 28; 45 CFR 164.504(e); SOC 2 CC9.2",
    Severity.HIGH,
    "Whoever ran a model on the data was announced as a subprocessor before, and not yet removed.",
    "Where the data really went: the record says which provider its issuer called.",
    run,
)
