"""What the verified records say about the decision, put together: who decided what, with what, under whose eyes.

Everything here is taken from pieces that verify. A record that is missing shows as one: `absences` names what the
records themselves promise or refer to and what is not there. Nothing is judged: whether a decision was right, fair or
lawful is for people, who find here what they need for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from glasslog.moments import duration, readable_time
from glasslog.reconstruct.evidence import Gap, GapKind, Reconstruction, Told
from glasslog.reconstruct.references import uuid_text

_RAN: Final = "ran"
_ABOUT_DECISIONS: Final = frozenset({"inference-attempt", "inference", "guardrail-execution", "step"})
_MODES: Final[Mapping[str, str]] = {"in-loop": "before it took effect", "on-loop": "after it took effect"}
_EDITED: Final[Mapping[str, str]] = {
    "approve": "approved it",
    "edit": "edited it",
    "override": "overrode it",
    "reject": "rejected it",
    "escalate": "passed it on",
    "stop": "stopped it",
}


@dataclass(frozen=True, slots=True)
class Guardrail:
    """One guardrail: whether it had to run (and which sets say so), and an execution of it, where there is one."""

    guardian: str
    required_by: tuple[str, ...]
    execution: Mapping[str, Any] | None
    told: Told | None

    @property
    def state(self) -> str:
        """Return ran, skipped, failed (open or closed) or missing."""
        if self.execution is None:
            return "missing"
        decision = str(self.execution["decision"])
        return {"skipped": "skipped", "error-fail-open": "failed open", "error-fail-closed": "failed closed"}.get(
            decision, _RAN
        )


@dataclass(frozen=True, slots=True)
class ModelUse:
    """An inference, with the registrations that it names, where they were found and verify."""

    inference: Told
    registration: Told | None
    configuration: Told | None
    deployment: Told | None

    @property
    def deployed_model_differs(self) -> bool:
        """Tell whether the deployment in force is of another model."""
        return (
            self.deployment is not None and self.deployment.record.body["model"] != self.inference.record.body["model"]
        )


class Account:
    """The verified records of one reconstruction, by what they say."""

    def __init__(self, reconstruction: Reconstruction) -> None:
        """Take what was gathered."""
        self.subject = reconstruction.subject
        self._all = list(reconstruction.verified())
        self._silence = GapKind.ABSENT if reconstruction.looked_everywhere else GapKind.UNKNOWN
        self._by_id = {told.record.id: told for told in reversed(self._all)}

    def of(self, *types: str) -> list[Told]:
        """Return the records of these types, in the order of the log."""
        return [told for told in self._all if told.record.type in types]

    @property
    def decision(self) -> list[Told]:
        """Return the records about the decision itself."""
        return [told for told in self._all if told.subject == self.subject]

    @property
    def inferences(self) -> list[Told]:
        """Return the inferences of the decision."""
        return [told for told in self.decision if told.record.type == "inference"]

    def by_id(self, record_id: bytes) -> Told | None:
        """Return the verified record of an id, the first in the log."""
        return self._by_id.get(record_id)

    # -------------------------------------------------------------------------------------------------- the sentence

    def sentences(self) -> tuple[str, ...]:
        """Return the decision in a sentence for each inference, and one for each person who looked at it."""
        told = [_inference_sentence(each) for each in self.inferences] or [self._without_inference()]
        reviews = [each for each in self.decision if each.record.type == "oversight"]
        return (*told, *(_oversight_sentence(each) for each in reviews))

    def _without_inference(self) -> str:
        attempts = [told for told in self.decision if told.record.type == "inference-attempt"]
        if attempts:
            first = attempts[0]
            return (
                f"According to {first.issuer}, the model {first.record.body['requested_model']} was asked on"
                f" {readable_time(first.record.time)}; the log has no record of an answer that verifies."
            )
        if self.decision:
            return "The log has records about this decision, but none that verifies says what was decided."
        return "No record about this decision was found and verified."

    # ------------------------------------------------------------------------------------------------- what was used

    def models(self) -> list[ModelUse]:
        """Return what is known of the model of each inference."""
        deployments = [told for told in self.of("deployment") if "the deployment in force" in told.piece.reasons]
        return [
            ModelUse(
                inference,
                self._registration(inference.record.body["model"], "model-registration"),
                self._registration(inference.record.body["config"], "config-registration"),
                deployments[0] if deployments else None,
            )
            for inference in self.inferences
        ]

    def _registration(self, record_id: bytes, record_type: str) -> Told | None:
        told = self.by_id(record_id)
        return told if told is not None and told.record.type == record_type else None

    def guardrail_sets(self) -> list[Told]:
        """Return the registered sets of guardrails that were gathered."""
        return [told for told in self.of("config-registration") if told.record.body["kind"] == "guardrail-set"]

    def guardrails(self) -> list[Guardrail]:
        """Return every guardrail that had to run or did, the required ones first, an entry for each execution."""
        required: dict[str, list[str]] = {}
        for told in self.guardrail_sets():
            for guardian in told.record.body.get("guardrails", []):
                required.setdefault(guardian, []).append(f"{told.record.body['name']} {told.record.body['version']}")
        executions = list(self._executions())
        found = {str(execution["guardian"]["id"]) for execution, _ in executions}
        missing = [Guardrail(name, tuple(sets), None, None) for name, sets in required.items() if name not in found]
        ran = [
            Guardrail(
                execution["guardian"]["id"], tuple(required.get(execution["guardian"]["id"], ())), execution, told
            )
            for execution, told in executions
        ]
        return [*missing, *sorted(ran, key=lambda each: not each.required_by)]

    def _executions(self) -> Iterator[tuple[Mapping[str, Any], Told]]:
        for told in self.decision:
            if told.record.type == "inference":
                yield from ((execution, told) for execution in told.record.body["guardrails"])
            elif told.record.type == "guardrail-execution":
                yield told.record.body, told

    # --------------------------------------------------------------------------------------------------- what lacks

    def absences(self) -> Iterator[Gap]:
        """Yield what the records promise and what is not among the verified ones, and what does not go together.

        Where not everything could be looked at, silence is no answer, and what is missing may be there.
        """
        if self.decision and not self.inferences:
            yield self._missing("no-inference", "No record of an inference was found for this decision.")
        yield from self._missing_guardrails()
        for use in self.models():
            if use.deployment is None:
                yield self._missing("deployment", "No deployment that was in force at the time was found.")
            yield from _noted_of_model(use)
        yield from self._missing_oversight()
        yield from self._noted_ids()

    def _missing(self, code: str, text: str) -> Gap:
        return Gap(code, self._silence, text)

    def _missing_guardrails(self) -> Iterator[Gap]:
        digests = {told.record.body["digest"] for told in self.guardrail_sets()}
        for told in self.decision:
            required = told.record.body.get("required_guardrails")
            if told.record.type == "inference-attempt" and required is not None and required not in digests:
                text = (
                    f"The set of guardrails {required.hex()}, which had to run, was not found among the registrations."
                )
                yield self._missing("guardrail-set", text)
        for guardrail in self.guardrails():
            if guardrail.execution is None:
                text = f"The guardrail {guardrail.guardian} is required by {', '.join(guardrail.required_by)};"
                yield self._missing("guardrail", f"{text} no execution of it was found.")
        if self.inferences and not self.guardrails():
            yield self._missing("no-guardrail", "No guardrail is recorded to have been required, or to have run.")

    def _missing_oversight(self) -> Iterator[Gap]:
        reviews = [told for told in self.decision if told.record.type == "oversight"]
        for inference in self.inferences:
            automation = inference.record.body["automation"]
            if automation in {"in-loop", "on-loop"} and not reviews:
                text = f"The decision is declared {automation}; no record says that a person looked at it."
                yield self._missing("oversight", text)

    def _noted_ids(self) -> Iterator[Gap]:
        seen: dict[bytes, Told] = {}
        for told in self._all:
            first = seen.setdefault(told.record.id, told)
            if first is not told:
                text = f"Two entries have the record id {uuid_text(told.record.id)}: {first.index} and {told.index}."
                yield Gap("same-id", GapKind.NOTED, f"{text} The first is taken for what others refer to.")


def _noted_of_model(use: ModelUse) -> Iterator[Gap]:
    registration = use.registration
    if registration is not None and registration.index > use.inference.index:
        text = (
            f"The model was registered as entry {registration.index}, after the inference, entry {use.inference.index}."
        )
        yield Gap("late-registration", GapKind.NOTED, text)
    if use.deployment is not None and use.deployed_model_differs:
        deployed, ran = (uuid_text(told.record.body["model"]) for told in (use.deployment, use.inference))
        text = f"The deployment in force names the model {deployed}, the inference {ran}."
        yield Gap("other-model", GapKind.NOTED, text)


def _inference_sentence(told: Told) -> str:
    body = told.record.body
    ran = body.get("response_model", body["requested_model"])
    asked = "" if ran == body["requested_model"] else f" (asked for as {body['requested_model']})"
    what = _decided(body.get("decision"), body["operation"])
    where = "" if told.record.env == "production" else f" This was in {told.record.env}, not in production."
    status = "" if body["status"] == "completed" else f" The request ended as {body['status']}."
    return (
        f"According to {told.issuer}, the model {ran}{asked} of {body['provider']['name']} {what} on"
        f" {readable_time(told.record.time)}.{status}{where}"
    )


def _decided(decision: Mapping[str, Any] | None, operation: str) -> str:
    if decision is None:
        return f"answered a request ({operation})"
    numbers = f" with a score of {decision['score']}" if "score" in decision else ""
    numbers += f" against a threshold of {decision['threshold']}" if "threshold" in decision else ""
    reasons: Sequence[str] = decision.get("reason_codes", [])
    because = f", because of {_and(reasons)}," if reasons else ""
    return f"decided “{decision['label']}”{numbers}{because}"


def _oversight_sentence(told: Told) -> str:
    body = told.record.body
    looked = duration(round(body["seconds"] * 1_000))
    return (
        f"According to {told.issuer}, a person ({body['role']}) looked at it for {looked} and {_EDITED[body['action']]}"
        f" because of {body['reason_code']}, {_MODES[body['mode']]}."
    )


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
