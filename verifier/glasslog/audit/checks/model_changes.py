"""No silent change of the model: what the provider says has answered is what was registered.

A registration has a name and a version; providers put the two together in several ways, all of which count as equal.
Only inferences that say which model answered can be judged. A hosted model's answer that does not say so leaves the
question open: that is not recorded. With `since`, new inferences alone are looked at.
"""

from collections.abc import Iterator
from typing import Any, Final

from glasslog.audit.check import Check, Examination
from glasslog.audit.episodes import gather
from glasslog.audit.finding import Finding, Severity
from glasslog.audit.objections import InferenceShape, entries_of, inference_shapes
from glasslog.audit.registry import Model, Registry
from glasslog.audit.view import View
from glasslog.counting import counted

_BETWEEN: Final = ("-", "@", ":", "/", "_", " ", "-v", ".")


def run(view: View) -> Examination:
    """Look at every inference in the scope whose model is registered."""
    examination = Examination("inferences")
    examination.findings = _find(view, examination)
    return examination


def names_of(model: Model) -> frozenset[str]:
    """Return the names under which a registered model may answer."""
    joined = {f"{model.name}{between}{model.version}" for between in _BETWEEN}
    full = {model.version} if model.version.startswith(model.name) else set()
    return frozenset({model.name, *joined, *full})


def _find(view: View, examination: Examination) -> Iterator[Finding]:
    found = entries_of(view, _objections(view, examination))
    for episode in gather((tuple(item.why), item.entry, item.time, 0) for item in found):
        issuer, system, registered, answered = episode.key
        message = f"silent model change: {answered} answered {counted(episode.count, 'inferences')} of {registered}"
        entries, count = tuple(episode.entries), episode.count
        about = (issuer, system, answered, count, episode.start, episode.end)
        yield Finding(CHECK.id, CHECK.severity, message, entries, *about)


def _objections(view: View, examination: Examination) -> Iterator[tuple[InferenceShape, list[Any]]]:
    registry = Registry(view)
    for shape in inference_shapes(view):
        model = registry.model(shape.model, shape.issuer)
        if model is None:
            continue  # another check's finding
        if shape.response_model is not None:
            examination.count += shape.inferences
            if shape.response_model not in names_of(model):
                yield shape, [shape.issuer, shape.system, f"{model.name} {model.version}", shape.response_model]
        elif model.kind == "hosted" and shape.status in {"completed", "refused"}:
            examination.lacks(f"inferences of {model.name} in {shape.system} do not say which model answered")


CHECK: Final = Check(
    "model-changes",
    "No model was changed silently",
    "Evidence records, response_model; EU AI Act Article 3(23); SR 11-7",
    Severity.HIGH,
    "Wherever an answer named the model it came from, that was the one that was registered and asked for.",
    "That a provider tells the truth about its model, or changes nothing under the same name.",
    run,
)
