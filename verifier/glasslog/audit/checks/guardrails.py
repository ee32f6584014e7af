"""Every required guardrail ran, in time and position, for every inference whose answer was used.

Which guardrails are required says the guardrail-set registration that the inference names (its `config`, a link of rel
`config`) or that its attempt names by digest (`required_guardrails`); all of them count. An execution is one within the
inference, or a guardrail-execution record of the same decision (sub), by whoever ran it, that started within an hour of
the inference. Where a decision has several inferences, such a record counts for the one that it links to, or whose
attempt it links to; without a link, or before the next inference, it counts for any. `skipped` is not an execution;
`error-fail-open` is one that did not do its work. An inference that was blocked, failed or timed out gave no answer, so
nothing is required of it, and neither is of tests. Where no registered set is named, what was required was not
recorded. With `since`, new inferences alone are looked at.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from functools import lru_cache
from itertools import chain, groupby, islice
from operator import itemgetter
from typing import Any, Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.episodes import gather
from glasslog.audit.extract import is_in_time
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.objections import InferenceShape, Objectionable, entries_of, inference_shapes
from glasslog.audit.registry import Registry
from glasslog.audit.view import View
from glasslog.counting import counted

ANSWERED: Final = frozenset({"completed", "refused"})
_ID_BYTES: Final = 16
ATTEMPTS_MAX: Final = 64  # of one decision whose sets are looked at
_MISSING, _MISPLACED, _FAILED_OPEN = "did not run", "ran at the wrong time", "failed and let it pass"
_RAN: Final = "ran"
_BETTER: Final = (_RAN, _FAILED_OPEN, _MISPLACED, _MISSING)  # of several executions of one guardrail the best counts
_ATTEMPTED: Final = """
    SELECT e.entry, e.time, e.ended, e.subject, s.runs, o.issuer, o.system, c.configs, a.required
    FROM entries e CROSS JOIN attempts a ON a.subject = e.subject CROSS JOIN chosen s ON s.shape = e.shape
    CROSS JOIN calls c ON c.number = s.call CROSS JOIN sources o ON o.number = s.source
    WHERE e.entry >= :since AND e.time >= :start AND e.time < :stop AND typeof(e.subject) = 'blob'
        AND a.required IS NOT NULL AND c.status IN ('completed', 'refused') AND o.env <> 'test'
    ORDER BY e.entry
"""
_OWN: Final = """
    SELECT x.guardian, x.position, x.decision, x.started FROM executions x
    WHERE x.subject = :subject AND typeof(x.subject) = 'blob' AND x.decision <> 'skipped'
        AND x.started >= :first AND x.started <= :last
        AND NOT EXISTS (
            SELECT 1 FROM links l WHERE l.entry = x.entry AND (
                (
                    l.rel = 'inference' AND l.target <> (SELECT id FROM entries WHERE entry = :entry)
                    AND NOT (
                        x.position = 'pre'
                        AND EXISTS (SELECT 1 FROM entries i WHERE i.id = l.target AND i.ended < x.started)
                    )
                ) OR (
                    l.rel = 'attempt'
                    AND EXISTS (SELECT 1 FROM links k WHERE k.entry = :entry AND k.rel = 'attempt')
                    AND NOT EXISTS (
                        SELECT 1 FROM links k WHERE k.entry = :entry AND k.rel = 'attempt' AND k.target = l.target
                    )
                )
            )
        )
"""
NEAR_MS: Final = 3_600_000  # how far from an inference a guardrail with a record of its own may start
SYSTEMS_MAX: Final = 1_024  # of which it is counted how many inferences name no set

_Key = tuple[str, str, str, str]
"""Issuer, system, guardian, and what is wrong with it."""


def run(view: View) -> Examination:
    """Look at every inference in the scope that gave an answer."""
    examination = Examination("inferences")
    examination.findings = _Guardrails(view, examination).find()
    return examination


class _Guardrails:
    """One run of the check."""

    def __init__(self, view: View, examination: Examination) -> None:
        self._view = view
        self._examination = examination
        self._registry = Registry(view)
        self._outcomes = lru_cache(maxsize=4_096)(self._read_outcomes)
        self._has_own_records = lru_cache(maxsize=4_096)(self._read_has_own_records)
        self._unnamed: Counter[str] = Counter()

    def find(self) -> Iterator[Finding]:
        for episode in gather(chain(self._broken_by_config(), self._broken_by_attempt())):
            issuer, system, guardian, what = episode.key
            severity = Severity.MEDIUM if what in {_FAILED_OPEN, _MISPLACED} else CHECK.severity
            message = f"the required guardrail {guardian} {what} for {counted(episode.count, 'inferences')}"
            entries, count = tuple(episode.entries), episode.count
            about = (issuer, system, guardian, count, episode.start, episode.end)
            yield Finding(CHECK.id, severity, message, entries, *about)
        for system, inferences in self._unnamed.items():
            if inferences > 0:
                self._examination.lacks(
                    f"no registered guardrail set is named by {counted(inferences, 'inferences')} of {system}"
                )

    # -------------------------------------------------------------------------------- sets that an inference names

    def _broken_by_config(self) -> Iterator[tuple[_Key, int, int, int]]:
        for found in entries_of(self._view, self._objections()):
            issuer, system, wrong, registered = found.why
            if registered >= found.entry:
                self._examination.count -= 1
                self._unnamed[system] += 1
                continue
            for guardian, what in self._with_own_records(found, wrong):
                if not self._may_still_come(issuer, system, guardian, found):
                    yield (issuer, system, guardian, what), found.entry, found.time, 0

    def _objections(self) -> Iterator[tuple[InferenceShape, list[Any]]]:
        """Yield the shapes of inferences that lack something, with what they lack by the executions within them."""
        for shape in inference_shapes(self._view):
            if shape.status not in ANSWERED or shape.env == "test":
                continue
            registered, required = self._named_by(shape.configs, shape.issuer)
            if registered is None:
                if shape.system in self._unnamed or len(self._unnamed) < SYSTEMS_MAX:
                    self._unnamed[shape.system] += shape.inferences
                continue
            self._examination.count += shape.inferences
            wrong = self._wrong(shape.runs, required)
            if wrong or registered >= shape.entry_min:
                yield shape, [shape.issuer, shape.system, wrong, registered]

    def _named_by(self, configs: bytes, issuer: str) -> tuple[int | None, frozenset[str]]:
        """Return the guardrails that the sets among these configurations require, and the last set's entry."""
        registered: int | None = None
        required: set[str] = set()
        for start in range(0, len(configs), _ID_BYTES):
            configuration = self._registry.configuration(configs[start : start + _ID_BYTES], issuer)
            if configuration is not None and configuration.guardrails is not None:
                registered = max(configuration.entry, registered or 0)
                required.update(configuration.guardrails)
        return registered, frozenset(required)

    # ---------------------------------------------------------------------------------- sets that an attempt names

    def _broken_by_attempt(self) -> Iterator[tuple[_Key, int, int, int]]:
        if not self._view.value("SELECT EXISTS (SELECT 1 FROM attempts WHERE required IS NOT NULL)"):
            return
        for _, rows in groupby(self._view.rows(_ATTEMPTED), itemgetter(0)):
            same = list(islice(rows, ATTEMPTS_MAX))
            entry, time, end, subject, runs, issuer, system, configs, _ = same[0]
            sets = [self._registry.guardrail_set(row[-1], issuer) for row in same]
            known = [found for found in sets if found is not None and found.guardrails is not None]
            if not known:
                continue
            registered, named = self._named_by(configs, issuer)
            if registered is None:
                self._unnamed[system] -= 1
                self._examination.count += 1
            required = {guardian for found in known for guardian in found.guardrails or ()} - named
            found = Objectionable([], entry, time, end, subject)
            for guardian, what in self._with_own_records(found, self._wrong(runs, required)):
                if not self._may_still_come(issuer, system, guardian, found):
                    yield (issuer, system, guardian, what), entry, time, 0

    # ------------------------------------------------------------------------------------------------ what there is

    def _wrong(self, runs: int, required: Iterable[str]) -> list[tuple[str, str]]:
        outcomes = self._outcomes(runs)
        named = ((guardian, outcomes.get(guardian, _MISSING)) for guardian in sorted(required))
        return [(guardian, what) for guardian, what in named if what != _RAN]

    def _read_outcomes(self, runs: int) -> dict[str, str]:
        rows = self._view.rows(
            "SELECT guardian, decision, in_time FROM run_parts WHERE runs = :runs AND decision <> 'skipped'", runs=runs
        )
        return _best((guardian, _outcome(decision, in_time != 0)) for guardian, decision, in_time in rows)

    def _with_own_records(self, found: Objectionable, wrong: Collection[tuple[str, str]]) -> Iterator[tuple[str, str]]:
        """Yield what is still wrong when executions with records of their own count too."""
        if not wrong:
            return
        begin, end = 2 * found.time - found.end, found.end  # `time` may be that of the answer
        rows = self._view.rows(
            _OWN, subject=found.subject, entry=found.entry, first=begin - NEAR_MS, last=end + NEAR_MS
        )
        outcomes = _best(
            (guardian, _outcome(decision, is_in_time(position, started, begin, end)))
            for guardian, position, decision, started in rows
        )
        for guardian, what in wrong:
            best = min(what, outcomes.get(guardian, _MISSING), key=_BETTER.index)
            if best != _RAN:
                yield guardian, best

    def _may_still_come(self, issuer: str, system: str, guardian: str, found: Objectionable) -> bool:
        """Tell whether a record of its own, such as this guardrail sends, may be on its way; count it as pending."""
        declared = self._view.systems.declared(issuer, system, found.entry)
        lateness_ms = self._view.lateness_ms if declared is None else declared.lateness_ms
        may_come = found.end + lateness_ms >= self._view.as_of and self._has_own_records(guardian)
        if may_come:
            self._examination.waits(found.entry)
        return may_come

    def _read_has_own_records(self, guardian: str) -> bool:
        query = "SELECT EXISTS (SELECT 1 FROM executions WHERE guardian = :guardian)"
        return bool(self._view.value(query, guardian=guardian))


def _outcome(decision: str, in_time: bool) -> str:  # noqa: FBT001  what a row says
    if not in_time:
        return _MISPLACED
    return _FAILED_OPEN if decision == "error-fail-open" else _RAN


def _best(outcomes: Iterable[tuple[str, str]]) -> dict[str, str]:
    best: dict[str, str] = {}
    for guardian, outcome in outcomes:
        best[guardian] = min(outcome, best.get(guardian, _MISSING), key=_BETTER.index)
    return best


CHECK: Final = Check(
    "guardrails",
    "Every required guardrail ran",
    "Evidence records, config-registration and guardrail-execution; EU AI Act Article 9",
    Severity.HIGH,
    "Every inference that gave an answer says of each guardrail that had to run what it decided, and that it ran"
    " before, beside or after the model as it had to.",
    "That the guardrail is any good, or looked at what the model was given: see the digests of its policy.",
    run,
)
