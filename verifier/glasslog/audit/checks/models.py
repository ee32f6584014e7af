"""Models are registered before they are used. With `since`, new inferences alone are looked at."""

from collections.abc import Iterator
from typing import Any, Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.episodes import gather
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.objections import InferenceShape, entries_of, inference_shapes
from glasslog.audit.registry import Registry
from glasslog.audit.view import View
from glasslog.counting import counted


def run(view: View) -> Examination:
    """Look at the model of every inference in the scope."""
    return Examination("inferences", _find(view), view.count("inference"))


def _find(view: View) -> Iterator[Finding]:
    for episode in gather(_broken(view)):
        issuer, system, model, is_late = episode.key
        when = "registered only afterwards" if is_late else "not registered"
        message = f"the model {model} of {counted(episode.count, 'inferences')} was {when}"
        entries, count = tuple(episode.entries), episode.count
        about = (issuer, system, model, count, episode.start, episode.end)
        yield Finding(CHECK.id, CHECK.severity, message, entries, *about)


def _broken(view: View) -> Iterator[tuple[tuple[str, str, str, bool], int, int, int]]:
    for found in entries_of(view, _objections(view)):
        issuer, system, model, registered = found.why
        if registered is None or registered >= found.entry:
            yield (issuer, system, model, registered is not None), found.entry, found.time, 0


def _objections(view: View) -> Iterator[tuple[InferenceShape, list[Any]]]:
    registry = Registry(view)
    for shape in inference_shapes(view):
        model = registry.model(shape.model, shape.issuer)
        if model is None or model.entry >= shape.entry_min:
            registered = None if model is None else model.entry
            yield shape, [shape.issuer, shape.system, shape.model.hex(), registered]


CHECK: Final = Check(
    "models-registered",
    "Models were registered before they were used",
    "Evidence records, model-registration; EU AI Act Annex IV",
    Severity.HIGH,
    "Each inference names a model that an earlier entry describes.",
    "That this model ran: that is as certain as the record's model_assurance says.",
    run,
)
