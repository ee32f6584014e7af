"""The bodies of what was tested, watched, written down and assessed."""

from typing import Final

from glasslog.records.parts import DIGEST, PARTY, PERIOD, REFERENCES_MAX, SENTENCE_BYTES_MAX, in_order
from glasslog.records.schema import (
    Presence,
    array,
    boolean,
    closed_map,
    measure,
    number,
    one_of,
    text,
    time_ms,
    token,
    unsigned,
    uuid7,
)

EVALUATION_KINDS: Final = (
    "accuracy",
    "bias",
    "hallucination",
    "grounding",
    "red-team",
    "prompt-injection",
    "capability",
    "robustness",
    "validation",
    "back-test",
    "replay",
)
VERDICTS: Final = ("pass", "fail", "info")
MONITORING_KINDS: Final = ("drift", "performance", "availability", "fairness")
DOCUMENT_KINDS: Final = (
    "model-card",
    "impact-assessment",
    "soc2-report",
    "dpa",
    "baa",
    "limitations",
    "policy",
    "risk-register",
)


def _exactly_one(first: str, second: str) -> Presence:
    return Presence(lambda names: (first in names) != (second in names), f"either {first} or {second}")


EVALUATION: Final = closed_map(
    {
        "kind": one_of(*EVALUATION_KINDS),
        "model": uuid7,
        "dataset": uuid7,
        "tool": closed_map({"name": text(), "version": text()}),
        "n": unsigned(),
        "metrics": array(
            closed_map(
                {"name": token, "value": number},
                {
                    "ci": closed_map(
                        {"low": number, "high": number}, {"level": measure}, relations=[in_order("low", "high")]
                    ),
                    "group": closed_map({"attribute": token, "value": text()}),
                    "n": unsigned(),
                },
            )
        ),
        "disparities": array(
            closed_map(
                {"metric": token, "attribute": token, "threshold": number},
                {"ratio": measure, "difference": number},
                presences=[_exactly_one("ratio", "difference")],
            )
        ),
        "verdict": one_of(*VERDICTS),
        "evaluator": closed_map({"who": PARTY, "independent": boolean}),
    },
    {"samples_root": DIGEST},
)
"""A test of a model, before it is used or after. `model` and `dataset` are the record ids of their registrations.

A metric is gen_ai.evaluation.name with gen_ai.evaluation.score.value, of all `n` samples or of one group, with a
confidence interval. A disparity compares groups: by a ratio (the impact ratio of 29 CFR 1607.4(D), the four-fifths
rule) or by a difference. `samples_root` is the Merkle root over the samples, so that single ones can be shown. EU AI
Act Article 15 asks for accuracy and robustness, Article 10(2)(f) for the examination of bias; SR 11-7 for validation by
somebody independent.
"""

_SAMPLE: Final = closed_map({"window": PERIOD, "n": unsigned()})

MONITORING: Final = closed_map(
    {
        "kind": one_of(*MONITORING_KINDS),
        "metric": token,
        "reference": closed_map(
            {"n": unsigned()}, {"window": PERIOD, "digest": DIGEST}, presences=[_exactly_one("window", "digest")]
        ),
        "current": _SAMPLE,
        "value": number,
        "threshold": number,
        "breached": boolean,
        "procedure": text(),
    },
    {"feature": text(), "action": token},
)
"""One measurement of a system in use against a reference: an earlier window, or a sample known by its digest.

Post-market monitoring (EU AI Act Article 72) is made of these. `procedure` names what computes the value.
"""

DOCUMENT: Final = closed_map(
    {"kind": one_of(*DOCUMENT_KINDS), "title": text(), "version": text(), "digest": DIGEST, "period": PERIOD},
    {"gaps": array(text(SENTENCE_BYTES_MAX), REFERENCES_MAX)},
)
"""A document that somebody may ask for later, by its digest: it existed then, and it is this one.

`impact-assessment` answers to GDPR Article 35 and EU AI Act Article 27, `risk-register` to EU AI Act Article 9.
"""

ASSESSMENT: Final = closed_map(
    {
        "subject": text(),
        "disposition": token,
        "scope": text(SENTENCE_BYTES_MAX),
        "by": PARTY,
        "valid_until": time_ms,
        "triggers": array(text(SENTENCE_BYTES_MAX), REFERENCES_MAX),
    }
)
"""Somebody's judgement of a system, model, change or supplier: for how long it holds, and what would end it sooner."""
