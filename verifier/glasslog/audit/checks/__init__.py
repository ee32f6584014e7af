"""The checks of an audit, each in a module of its own, in the order in which a report tells them."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from glasslog.audit.check import Check
from glasslog.audit.checks import (
    anchors,
    attempts,
    clock,
    deployments,
    erasures,
    guardrails,
    heartbeats,
    identifiers,
    incidents,
    lateness,
    lifetimes,
    model_changes,
    models,
    notices,
    oversight,
    predecessors,
    providers,
    reconciliations,
    repeats,
    replay,
    seals,
    streams,
)

REPLAY_CHECKS: Final[tuple[Check, ...]] = (
    replay.TREE,
    replay.CONSISTENCY,
    replay.SIGNATURE,
    replay.AUTHORITY,
    replay.SCHEMA,
)
"""Checks that the replay makes; their findings come through `Database.insert`."""

CHECKS: Final[Mapping[str, Check]] = MappingProxyType(
    {
        check.id: check
        for check in (
            *REPLAY_CHECKS,
            identifiers.CHECK,
            streams.CHECK,
            repeats.CHECK,
            predecessors.CHECK,
            anchors.CHECK,
            lateness.CHECK,
            clock.CHECK,
            heartbeats.CHECK,
            lifetimes.CHECK,
            seals.CHECK,
            reconciliations.CHECK,
            attempts.CHECK,
            guardrails.CHECK,
            models.CHECK,
            model_changes.CHECK,
            providers.CHECK,
            oversight.CHECK,
            deployments.CHECK,
            notices.CHECK,
            erasures.CHECK,
            incidents.CHECK,
        )
    }
)
"""Every check, by id."""

__all__ = ["CHECKS", "REPLAY_CHECKS"]
