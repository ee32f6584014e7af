"""A vendor's process that can be killed: it records in several threads, and writes down what was acknowledged.

Run as a program it is a nursery: for each line on its standard input, the settings of a vendor in JSON, it forks one,
says its process id, and says so again when it has ended. That is a hundred times faster than starting Python anew.
"""

import json
import os
import random
import sys
import threading
from pathlib import Path
from typing import Any

from glasslog_issuer import Bounds, Recorder, load_key
from glasslog_issuer.bodies import DeclaredControl
from tests.issuer.parties import CONFIG, MODEL, inference
from tests.verifier.evidence import SYSTEM

THREADS = 3


def open_recorder(settings: dict[str, Any]) -> Recorder:
    return Recorder.open(
        settings["folder"],
        issuer=settings["issuer"],
        signer=load_key(settings["key"]),
        system=SYSTEM,
        env="test",
        stream=settings["stream"],
        log_url=settings["log_url"],
        log_keys=[settings["vkey"]],
        durability=settings.get("durability", "disk"),
        bounds=Bounds(segment_bytes=6_000),
        seal_every_s=1,
    )


def live(settings: dict[str, Any]) -> None:
    """Record until killed. Each line of the file `acknowledged` is the entry id of a record that was returned."""
    recorder = open_recorder(settings)
    acknowledged = os.open(settings["acknowledged"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(sys.stdout.fileno(), b"open\n")
    recorder.declare_controls([DeclaredControl(id="gate", cadence_s=1, max_gap_s=5)])

    def work(seed: int) -> None:
        chance = random.Random(seed)
        while True:
            body = chance.choice([MODEL, CONFIG, inference()])
            signed = recorder.record(body, commit={"input": "x" * chance.randrange(2_000)})
            os.write(acknowledged, signed.statement.leaf_hash.hex().encode() + b"\n")
            recorder.control("gate").observe("ran")

    for number in range(THREADS):
        threading.Thread(target=work, args=(settings["seed"] * THREADS + number,), daemon=True).start()
    threading.Event().wait()


def acknowledged_in(path: Path) -> list[str]:
    """Return the entry ids in a file of acknowledgements; the last line may have been cut off."""
    return [line for line in path.read_text().split("\n")[:-1] if line] if path.exists() else []


def nurse() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                live(json.loads(line))
            finally:
                os._exit(1)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        os.waitpid(child, 0)
        sys.stdout.write("ended\n")
        sys.stdout.flush()


if __name__ == "__main__":
    nurse()
