"""Ask the model again, and hold the answers against what was committed to: same question, same words, same digest.

The question and the salt come out of the vault, the commitment out of the log. Nobody needs the first answer: if the
digest of [salt, new answer, name] is the one in the record, the answers are the same. That works because the model
samples nothing at temperature 0, and runs on one thread.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from openai import OpenAI
from opentelemetry.instrumentation.utils import suppress_instrumentation

from glasslog.commitments import Disclosure
from glasslog_issuer.bodies import DatasetRegistration, Evaluation, Evaluator, Metric, Period, Tool
from glasslog_issuer.demo_llm import questions
from glasslog_issuer.demo_llm.auditor import Entry
from glasslog_issuer.demo_llm.examination import PROVIDER
from glasslog_issuer.demo_llm.vendor import Vendor

METRIC: Final = "identical-answers"


@dataclass(frozen=True, slots=True)
class Replayed:
    """One decision that was replayed: the record of the first time, and the digest of the second answer."""

    entry: Entry
    digest: bytes

    @property
    def same(self) -> bool:
        """Whether the second answer is the one that was committed to."""
        return bool(self.digest == self.entry.record.commitments["output"])


def replay(client: OpenAI, vendor: Vendor, chosen: Sequence[Entry]) -> list[Replayed]:
    """Ask the model the questions of some inferences again. No span is made of it: these are no decisions."""
    with suppress_instrumentation():
        return [_replay(client, vendor, entry) for entry in chosen]


def _replay(client: OpenAI, vendor: Vendor, entry: Entry) -> Replayed:
    opened = {found.name: found for found in vendor.vault.disclosures(entry.record.id, {"input", "output"})}
    body = entry.record.body
    asked: Any = [{"role": message["role"], "content": _text(message)} for message in opened["input"].value]
    completion = client.chat.completions.create(
        model=body["requested_model"],
        messages=asked,
        temperature=body["params"]["temperature"],
        max_tokens=body["params"]["max_tokens"],
    )
    first: Disclosure = opened["output"]
    return Replayed(entry, replace(first, value=[_message(choice) for choice in completion.choices]).digest)


def _text(message: dict[str, Any]) -> str:
    return "".join(part["content"] for part in message["parts"])


def _message(choice: Any) -> dict[str, Any]:  # noqa: ANN401  a choice of OpenAI's client
    """Return an answer as the conventions have it, and as the instrumentation wrote the first one."""
    parts = [{"type": "text", "content": choice.message.content}]
    return {"role": choice.message.role, "parts": parts, "finish_reason": choice.finish_reason}


def record_replay(vendor: Vendor, replayed: Sequence[Replayed]) -> None:
    """Record what came of it: an evaluation of kind `replay`, on the decisions that were replayed."""
    entry_ids = [one.entry.statement.leaf_hash for one in replayed]
    times = [one.entry.record.time for one in replayed]
    dataset = vendor.recorder.register(
        DatasetRegistration(
            name="replayed-decisions",
            version="1",
            digest=hashlib.sha256(b"".join(entry_ids)).digest(),  # of the entries, in this order
            rows=len(replayed),
            sources=["this log"],
            collection_period=Period(from_=min(times), to=max(times)),
            lawful_basis="not-personal",
            consent="not-needed",
            labelling="none: the first answer is the label",
            preprocessing_digest=hashlib.sha256(Path(questions.__file__).read_bytes()).digest(),
            licence="Apache-2.0",
        )
    )
    same = sum(one.same for one in replayed)
    vendor.recorder.record(
        Evaluation(
            kind="replay",
            model=vendor.model_id,
            dataset=dataset,
            tool=Tool(name="xllamacpp", version=version("xllamacpp")),
            n=len(replayed),
            metrics=[Metric(name=METRIC, value=same / len(replayed))],
            verdict="pass" if same == len(replayed) else "fail",
            evaluator=Evaluator(who=PROVIDER, independent=False),
        )
    )
