"""Verify a file, step by step: bytes in, a report out.

`verify` is pure: it reads no file, no clock and no network, and trusts only the keys that it is given. Any bytes lead
to a report. A verified file is judged by what it holds and by the log's own time; what it cannot show (a later
revocation, that nothing is missing, that a record is true) stands in `Report.not_shown`.

- `report` is what comes out, `steps` keeps the account and says what a failure costs later steps
- `checks` are the single checks, `chain` is the one of who was entitled to sign, `erasures` that of what is gone
- `case` is a file with its parts and the steps for it, `plans` says which of them are taken for which type of file
"""

from glasslog.filetype import detect
from glasslog.limits import ERASURES_MAX
from glasslog.verify.case import Case
from glasslog.verify.checks import Asked, Trust
from glasslog.verify.erasures import said_of
from glasslog.verify.plans import PLANS, not_shown, plan_unknown, plan_unverifiable
from glasslog.verify.report import Check, Erased, ErasedStore, Report, Shown, Status, Step, Verdict, verdict_of

__all__ = [
    "Asked",
    "Check",
    "Erased",
    "ErasedStore",
    "Report",
    "Shown",
    "Status",
    "Step",
    "Trust",
    "Verdict",
    "said_of",
    "verify",
]

_NOTHING_ASKED = Asked()


def verify(data: bytes, trust: Trust, asked: Asked = _NOTHING_ASKED) -> Report:
    """Return the report on a file: an evidence bundle, a Transparent Statement, a receipt, a tlog-proof, a checkpoint.

    A receipt and a tlog-proof need `asked.statement`. Raises nothing: whatever is wrong is a step of the report.
    """
    file_type = detect(data)
    case = Case(data, trust, asked, [verify(erasure, trust) for erasure in asked.erasures[: ERASURES_MAX + 1]])
    if file_type is None:
        plan_unknown(case)
    elif file_type in PLANS:
        PLANS[file_type](case)
    else:
        plan_unverifiable(case, file_type)
    verdict = verdict_of(case.steps.taken)
    shown = case.shown() if verdict is Verdict.VERIFIED else None
    return Report(file_type, case.steps.taken, verdict, shown, not_shown(file_type, case))
