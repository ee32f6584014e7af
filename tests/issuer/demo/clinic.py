"""What the tests of the demo share: the cohort and what is fitted to it, made once, and a clock that stands still."""

from dataclasses import dataclass
from functools import cache

from glasslog_issuer.demo.cohort import Cohort, load_cohort
from glasslog_issuer.demo.guardrails.abstention import Abstention
from glasslog_issuer.demo.guardrails.distribution import Distribution
from glasslog_issuer.demo.guardrails.execution import Clock
from glasslog_issuer.demo.guardrails.identifiers import IdentifierScan
from glasslog_issuer.demo.guardrails.ranges import InputRange
from glasslog_issuer.demo.model import RiskModel
from glasslog_issuer.demo.referrals import Referral
from glasslog_issuer.demo.screening import Screening
from glasslog_issuer.demo.training import fit_distribution, fit_model, fit_ranges

CLOCK = Clock(now_ms=lambda: 1_700_000_000_000, ticks_ns=lambda: 5)


@dataclass(frozen=True)
class Clinic:
    cohort: Cohort
    model: RiskModel
    ranges: InputRange
    distribution: Distribution

    @property
    def screening(self) -> Screening:
        return Screening(self.model, (IdentifierScan(), self.ranges, self.distribution), (Abstention(),), CLOCK)

    def usual_referral(self) -> Referral:
        """Return the first held-out referral that nothing is wrong with."""
        for person in self.cohort.held_out:
            referral = Referral(person.respondent, person.measurements, "Nothing to note.")
            decision = self.screening.decide(referral)
            if all(execution.decision == "allow" for execution in decision.executions):
                return referral
        raise AssertionError


@cache
def clinic() -> Clinic:
    cohort = load_cohort()
    training = cohort.training
    return Clinic(cohort, fit_model(training), fit_ranges(training), fit_distribution(training))
