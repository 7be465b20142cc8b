"""Recordings that become jobs: every repetition is a job of its own, and a sitting that goes on finds its own ones."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from bench_support import Sitting, plan_of, virtual

from jobs.job_support import SECONDS, sound
from jobs.job_vendor import PER_SECOND, Died, Vendor, tape

HEAD = 'operations = "transcription.transcribe"\n[data]\npath = "items.csv"\nkind = "audio"\n'
ITEMS, REPETITIONS = 3, 2
EACH = SECONDS * PER_SECOND


def recordings(folder: Path) -> None:
    """Items that are one and the same recording, as data sets do have them."""
    (folder / "talk.wav").write_bytes(sound())
    rows = "".join(f"item-{number},talk.wav,well done\n" for number in range(ITEMS))
    (folder / "items.csv").write_text(f"id,path,truth\n{rows}", "utf-8")


def sitting(folder: Path, vendor: Vendor, *, lanes: int = 1, repetitions: int = REPETITIONS) -> Sitting:
    section = "".join(f'[[provider]]\nprovider = "tape"\nname = "tape-{each}"\n' for each in range(lanes))
    run = f'[run]\ncost_cap = "9"\nconcurrency = 2\nrepetitions = {repetitions}\n'
    return Sitting(folder, plan_of(folder, section + run, HEAD), [tape(vendor)], runtime=virtual())


@pytest.mark.parametrize("named", [False, True])
def test_every_question_is_a_job_of_its_own(tmp_path: Path, named: bool) -> None:
    recordings(tmp_path)
    vendor = Vendor(named=named)
    done = sitting(tmp_path, vendor, lanes=2)
    questions = 2 * ITEMS * REPETITIONS
    assert len(vendor.made) == len(set(vendor.made)) == questions
    for lane in done.result.lanes:
        assert lane.reliability.answered == ITEMS * REPETITIONS
        assert lane.reliability.attempts == ITEMS * REPETITIONS
        assert lane.money is not None
        assert lane.money.known == ITEMS * REPETITIONS * EACH


def test_a_repetition_does_not_take_up_the_job_that_another_left_behind(tmp_path: Path) -> None:
    """The first calls give up on a job that the vendor goes on with; asked again, it would be handed to the repetition."""
    recordings(tmp_path)
    vendor = Vendor(stuck=True)
    section = '[[provider]]\nprovider = "tape"\n[provider.options]\ndeadline = 20\n'
    run = '[run]\ncost_cap = "9"\nconcurrency = 1\nrepetitions = 2\n'
    done = Sitting(tmp_path, plan_of(tmp_path, section + run, HEAD), [tape(vendor)], runtime=virtual())
    (lane,) = done.result.lanes
    assert lane.reliability.failed == 2 * ITEMS
    assert len(vendor.made) == len(set(vendor.made)) == 2 * ITEMS


@pytest.mark.parametrize("step", ["stage>", "submit>", "poll<", "fetch<"])
@pytest.mark.parametrize("named", [False, True])
def test_a_sitting_that_goes_on_finds_its_own_jobs_and_pays_for_none_twice(
    tmp_path: Path, step: str, named: bool
) -> None:
    recordings(tmp_path)
    vendor = Vendor(named=named)
    seen = 0

    def dies(at: str) -> None:
        nonlocal seen
        seen += at == step
        if at == step and seen in (2, 5):
            raise Died

    vendor.trouble = dies
    deaths = 0
    while True:
        try:
            done = sitting(tmp_path, vendor)
            break
        except Died:
            deaths += 1
    assert deaths == 2
    assert done.resumed
    assert done.finished
    (lane,) = done.result.lanes
    questions = ITEMS * REPETITIONS
    assert (lane.reliability.answered, lane.reliability.unsettled) == (questions, 0)
    assert len(vendor.made) == len(set(vendor.made)) == questions
    assert done.cost.spent <= questions * EACH
    assert lane.money is not None
    assert lane.money.known + lane.money.at_risk == Decimal(questions) * EACH


def test_another_run_on_the_same_recordings_makes_jobs_of_its_own(tmp_path: Path) -> None:
    recordings(tmp_path)
    vendor = Vendor(named=True)
    sitting(tmp_path, vendor, repetitions=1)
    sitting(tmp_path, vendor, repetitions=1)
    assert len(set(vendor.made)) == 2 * ITEMS
