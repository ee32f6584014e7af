"""Show the metrics of all processes at one scrape: the sequencer's own, and what each worker counts.

A worker tells its own in the text format, over the link. What several processes count (requests, statements, their own
memory and time) carries a label `process`, so that a series that begins anew is one whose process was started anew;
what only the sequencer knows (rounds, the tree) carries none.
"""

import asyncio
from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from glasslog_server.errors import UnavailableError
from glasslog_server.link.sequencers_end import SequencersEnd, WorkerLinks
from glasslog_server.metrics import Metrics

_OF_EVERY_PROCESS: Final = ("glasslog_http_", "glasslog_statements_", "process_")


class _Families(Collector):
    """Hand out families that were gathered before."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        yield from self._families


async def merged_exposition(metrics: Metrics, links: WorkerLinks, accept: str) -> tuple[bytes, str]:
    """Return everything in the text format that an Accept header prefers, and its content type.

    A worker that does not answer in time is left out.
    """
    workers = links.workers
    told = await asyncio.gather(*(_told(link) for link in workers))
    families: dict[str, Metric] = {}
    _gather(families, "sequencer", metrics.exposition(CONTENT_TYPE_LATEST)[0], everything=True)
    for link, text in zip(workers, told, strict=True):
        if link.hello is not None:
            _gather(families, f"worker-{link.hello.slot}", text, everything=False)
    registry = CollectorRegistry()
    registry.register(_Families(families.values()))
    encode, content_type = choose_encoder(accept)
    return encode(registry), content_type


async def _told(link: SequencersEnd) -> bytes:
    try:
        return await link.exposition()
    except UnavailableError:
        return b"# EOF\n"


def _gather(families: dict[str, Metric], process: str, text: bytes, *, everything: bool) -> None:
    """Add what one process counts to what was gathered."""
    for told in text_string_to_metric_families(text.decode()):  # type: ignore[no-untyped-call]
        shared = told.name.startswith(_OF_EVERY_PROCESS)
        if not shared and not everything:
            continue
        family = families.setdefault(told.name, Metric(told.name, told.documentation, told.type, told.unit))
        labels = {"process": process} if shared else {}
        family.samples += [
            Sample(sample.name, {**sample.labels, **labels}, sample.value, sample.timestamp, sample.exemplar)
            for sample in told.samples
        ]
