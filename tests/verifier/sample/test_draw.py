"""Draws: by the seed alone, in one pass, the same for everybody."""

import base64
import hashlib
from dataclasses import replace
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from glasslog.checkpoint import Checkpoint, open_checkpoint, sign_checkpoint
from glasslog.merkle import Hash, TreeSize
from glasslog.note import Note, decode_note
from glasslog.sampling.draw import derive_seed, draw, rank_of
from tests.verifier.evidence import LOG_KEY, ORIGIN, VKEY, Witness

HEAD = Checkpoint(ORIGIN, TreeSize(1_000), Hash(bytes(range(32))))
WITNESSES = [Witness("witness-a"), Witness("witness-b")]
SEED = bytes(range(32))


def seed_of(head: Checkpoint = HEAD, *witnesses: Witness, trusted: int = 2) -> bytes:
    note = decode_note(sign_checkpoint(head, [LOG_KEY]))
    lines = (*note.signatures, *(witness.cosign(note.text) for witness in witnesses))
    keys = [witness.vkey for witness in WITNESSES[:trusted]]
    return derive_seed(open_checkpoint(Note(note.text, lines).encode(), [VKEY], keys))


def test_the_seed_is_what_the_documentation_says() -> None:
    head = f"{ORIGIN}\n1000\n{base64.b64encode(bytes(range(32))).decode()}\n".encode()
    framed = len(head).to_bytes(4, "big") + head
    assert seed_of() == hashlib.sha256(b"glasslog sample seed v1\n" + framed).digest()
    text = sign_checkpoint(HEAD, [LOG_KEY]).decode().partition("\n\n")[0] + "\n"
    lines = sorted(witness.cosign(text).signature for witness in WITNESSES)
    expected = hashlib.sha256(b"glasslog sample seed v1\n" + framed + b"".join(lines)).digest()
    assert seed_of(HEAD, *WITNESSES) == seed_of(HEAD, *reversed(WITNESSES)) == expected


def test_the_seed_hangs_on_the_tree_and_on_trusted_witnesses_alone() -> None:
    seeds = {
        seed_of(),
        seed_of(replace(HEAD, size=TreeSize(1_001))),
        seed_of(replace(HEAD, root=Hash(bytes(32)))),
        seed_of(HEAD, WITNESSES[0]),
        seed_of(HEAD, WITNESSES[1]),
        seed_of(HEAD, *WITNESSES),
        seed_of(HEAD, Witness("witness-a", 7)),
    }
    assert len(seeds) == 7
    assert seed_of(HEAD, *WITNESSES, trusted=1) == seed_of(HEAD, WITNESSES[0])
    assert seed_of(replace(HEAD, extensions=("chosen by the log",))) == seed_of()


def test_a_rank_is_what_the_documentation_says() -> None:
    expected = hashlib.sha256(b"glasslog sample rank v1\n" + SEED + (77).to_bytes(8, "big")).digest()
    assert rank_of(SEED, 77) == expected


@given(st.sets(st.integers(0, 2**40), max_size=200), st.integers(1, 50), st.randoms(use_true_random=False))
def test_a_draw_takes_the_lowest_ranks_in_whatever_order_entries_come(
    indexes: set[int], size: int, random: Random
) -> None:
    shuffled = list(indexes)
    random.shuffle(shuffled)
    drawn, count = draw(SEED, shuffled, size)
    assert count == len(indexes)
    assert [each.index for each in drawn] == sorted(indexes, key=lambda index: rank_of(SEED, index))[:size]
    smaller, _ = draw(SEED, indexes, max(1, size // 2))
    assert drawn[: len(smaller)] == smaller


def test_another_seed_draws_others() -> None:
    first, _ = draw(SEED, range(10_000), 50)
    second, _ = draw(bytes(32), range(10_000), 50)
    assert len({each.index for each in first} & {each.index for each in second}) < 5


def test_every_part_of_the_population_is_drawn_from() -> None:
    drawn, _ = draw(SEED, range(100_000), 1_000)
    tenths = [0] * 10
    for each in drawn:
        tenths[each.index // 10_000] += 1
    assert all(60 < count < 140 for count in tenths), tenths  # 100 each, give or take four standard deviations
