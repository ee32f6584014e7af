"""Set the screening system up: fit it, write down what it is, and load the model from the bytes that were written."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from glasslog_issuer.demo.cohort import Cohort, load_cohort
from glasslog_issuer.demo.document import encode_document
from glasslog_issuer.demo.guardrails.abstention import Abstention
from glasslog_issuer.demo.guardrails.execution import Clock
from glasslog_issuer.demo.guardrails.identifiers import IdentifierScan
from glasslog_issuer.demo.model import decode_model
from glasslog_issuer.demo.screening import Screening
from glasslog_issuer.demo.training import Evaluation, evaluate, fit_distribution, fit_model, fit_ranges

WEIGHTS_NAME: Final = "weights.json"
SYSTEM_CLOCK: Final = Clock(now_ms=lambda: time.time_ns() // 1_000_000, ticks_ns=time.perf_counter_ns)


@dataclass(frozen=True, slots=True)
class Practice:
    """A screening system that is ready, the people of its data, and how well the model does on the held-out ones."""

    cohort: Cohort
    screening: Screening
    evaluation: Evaluation


def set_up(folder: Path, clock: Clock = SYSTEM_CLOCK) -> Practice:
    """Fit the screening system; leave weights and policies in a folder, as the very bytes that their digests are of."""
    cohort = load_cohort()
    weights = folder / WEIGHTS_NAME
    weights.write_bytes(fit_model(cohort.training).encode())
    model = decode_model(weights.read_bytes())
    before = (IdentifierScan(), fit_ranges(cohort.training), fit_distribution(cohort.training))
    screening = Screening(model, before, (Abstention(),), clock)
    for policy in screening.policies.values():
        (folder / f"{policy.id}.json").write_bytes(encode_document(policy.document))
    return Practice(cohort, screening, evaluate(model, cohort.held_out))
