"""What recording costs the caller: CPU of its thread for one `Recorder.record()`, beside the signature within it.

    python -m benchmarks.recorder [--records N] [--folder DIR]

The record is an inference with two commitments, about a kilobyte. The log is away, so that the sender is out of the
way; its work is not the caller's. Each figure is the median of several runs; CPU is that of the calling thread, in
user and system mode. Beside the signature stands what the kernel takes for the same bytes alone, written and (with the
durability "disk") brought to disk by the same thread: no code of ours changes that, and callers that wait at once share
it. The limit is for what is left: 100 us.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from glasslog import __version__
from glasslog.vkey import TYPE_ED25519, VerifierKey
from glasslog_issuer import Decision, Inference, Provider, Recorder, Usage, generate_key
from glasslog_issuer.retry import RetryPolicy
from glasslog_issuer.spool import Durability

LIMIT_US = 100.0
RUNS = 7
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
KEY = generate_key()
CONTENT = {"input": "62 years, chest pain since two hours, radiating", "output": {"label": "urgent", "score": 0.93}}
MODEL = bytes.fromhex("01939d3a4b5c7d6e8f9a0b1c2d3e4f50")


def make_body() -> Inference:
    return Inference(
        operation="classify",
        provider=Provider(name="vendor", region="eu-central-1"),
        requested_model="triage-3",
        response_model="triage-3.1",
        model=MODEL,
        model_assurance="digest-measured",
        config=MODEL,
        status="completed",
        latency_ms=12.5,
        automation="in-loop",
        params={"temperature": 0.0, "seed": 7},
        usage=Usage(input_tokens=812, output_tokens=64),
        decision=Decision(label="urgent", score=0.93, threshold=0.5),
    )


def open_recorder(folder: Path, durability: Durability) -> Recorder:
    return Recorder.open(
        folder,
        issuer="https://vendor.example",
        signer=KEY,
        system="urn:example:triage",
        env="production",
        log_url=NOBODY,
        log_keys=[VerifierKey("log.example", TYPE_ED25519, KEY.public_key)],
        durability=durability,
        back_off=RetryPolicy(delay_s_first=3_600, delay_s_max=3_600),
    )


def cpu_us(work: Callable[[], object], count: int) -> float:
    """Return the CPU microseconds of this thread for one call."""
    begin = time.thread_time_ns()
    for _ in range(count):
        work()
    return (time.thread_time_ns() - begin) / count / 1_000


def kernel_us(folder: Path, durability: Durability, size: int, count: int) -> float:
    """Return the CPU microseconds of appending so many bytes to a file, and bringing them to disk where that is due."""
    descriptor = os.open(folder, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    data = os.urandom(size)

    def append() -> None:
        os.write(descriptor, data)
        if durability == "disk":
            os.fdatasync(descriptor)

    try:
        return cpu_us(append, count)
    finally:
        os.close(descriptor)


def measure_caller(folder: Path, durability: Durability, records: int) -> dict[str, float]:
    with open_recorder(folder, durability) as recorder:
        body = make_body()
        signed = recorder.record(body, commit=CONTENT)
        payload, size = signed.statement.payload, len(signed.statement.entry)
        for _ in range(300):  # the schema's rule is compiled on the way
            recorder.record(body, commit=CONTENT)
        runs = [
            (
                cpu_us(lambda: KEY.sign(payload), records),
                kernel_us(folder / "yardstick", durability, size, records),
                cpu_us(lambda: recorder.record(body, commit=CONTENT), records),
            )
            for _ in range(RUNS)
        ]
        waits = sorted(_wall_ms(lambda: recorder.record(body, commit=CONTENT)) for _ in range(records))
    return {
        "entry_bytes": size,
        "signature_us": statistics.median(signature for signature, _, _ in runs),
        "kernel_us": statistics.median(kernel for _, kernel, _ in runs),
        "record_us": statistics.median(record for _, _, record in runs),
        "beside_us": statistics.median(record - signature - kernel for signature, kernel, record in runs),
        "beside_us_least": min(record - signature - kernel for signature, kernel, record in runs),
        "wall_p50_ms": waits[len(waits) // 2],
        "wall_p99_ms": waits[len(waits) * 99 // 100],
    }


def measure_threads(folder: Path, durability: Durability, threads: int, records: int) -> float:
    """Return the records a second of several callers, who share writes."""
    with open_recorder(folder, durability) as recorder:

        def work() -> None:
            for _ in range(records):
                recorder.record(make_body(), commit=CONTENT)

        callers = [threading.Thread(target=work) for _ in range(threads)]
        begin = time.perf_counter()
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
        return threads * records / (time.perf_counter() - begin)


def _wall_ms(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return (time.perf_counter() - begin) * 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=500, help="records a run (default 500)")
    parser.add_argument("--folder", type=Path, help="where the spool is: the disk that is measured")
    arguments = parser.parse_args()
    machine = f"{platform.machine()}, Python {platform.python_version()}, glasslog {__version__}"
    print(machine)
    figures: dict[str, Any] = {"benchmark": "recorder", "machine": machine, "limit_us": LIMIT_US}
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for durability in ("disk", "system"):
            found: dict[str, Any] = measure_caller(Path(folder) / durability, durability, arguments.records)
            many = Path(folder) / f"{durability}-many"
            found["records_s_16_threads"] = measure_threads(many, durability, 16, arguments.records // 4)
            figures[durability] = {name: round(value, 3) for name, value in found.items()}
            verdict = "within" if found["beside_us"] < LIMIT_US else "ABOVE"
            print(
                f"{durability:<7} record of {found['entry_bytes']} bytes: {found['record_us']:.1f} us of CPU, "
                f"of it signature {found['signature_us']:.1f} us, kernel {found['kernel_us']:.1f} us, all else "
                f"{found['beside_us']:.1f} us ({verdict} {LIMIT_US:.0f} us; least {found['beside_us_least']:.1f} us); "
                f"returns after {found['wall_p50_ms']:.2f} ms (median), "
                f"{found['wall_p99_ms']:.2f} ms (p99); 16 threads: {found['records_s_16_threads']:.0f} records/s"
            )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
