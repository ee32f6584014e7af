"""What the supervisor starts: `python -m glasslog_server.processes.child DESCRIPTOR` becomes what its order says.

Told to stop by SIGTERM, or by the end of the line to the supervisor; a worker also by SIGHUP, after which it lets its
connections end by themselves. Signals of a terminal are the supervisor's affair.
"""

import asyncio
import signal
import sys

import uvloop

from glasslog.errors import GlasslogError
from glasslog_server.errors import LinkError, ServerError
from glasslog_server.logs import configure_logs
from glasslog_server.processes.control import ChildControl, Order
from glasslog_server.processes.sequencer_process import run_sequencer
from glasslog_server.processes.worker_process import run_worker


def main() -> int:
    """Do as ordered; return the exit code."""
    control = ChildControl(int(sys.argv[1]))
    try:
        order = control.read_order()
    except LinkError:  # the supervisor is gone: there is nobody to tell
        return 1
    configure_logs(order.config.logs.format, order.config.logs.level, process=order.name)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_run(order, control))
    except (ServerError, GlasslogError) as error:
        control.report("failed", code=error.code, message=str(error))
        return 1
    return 0


async def _run(order: Order, control: ChildControl) -> None:
    if order.role == "sequencer":
        await run_sequencer(order, control)
    else:
        await run_worker(order, control)


if __name__ == "__main__":
    sys.exit(main())
