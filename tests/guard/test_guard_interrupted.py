"""Ctrl-C anywhere in the guard's code: no seat is lost, and no trial shuts a target for ever."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dis import opname
from types import FrameType
from typing import Any

import pytest
from guard_support import Vendor, ask, down, health

import broker.guard.guards as guards_module
import broker.pipeline.guard as stage_module
from broker.guard.breaker import TRIAL_PATIENCE, State

# A coroutine that was cut off before its first step says so.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine '.*' was never awaited:RuntimeWarning"),
]
FOLDER = guards_module.__file__.rpartition("/")[0]
MOST = 5000
DOORS = ("CALL", "JUMP_BACKWARD", "RESUME", "FOR_ITER")


def in_finalizer(frame: FrameType | None) -> bool:
    """What is raised in one is shown and dropped by the interpreter, wherever the collector runs it."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


class Interrupt:
    """Raises KeyboardInterrupt at the n-th place of the guard's own code where the interpreter lets signals in.

    These are behind calls, backward jumps and the beginnings of functions.
    """

    def __init__(self, at: int) -> None:
        self._left = at
        self.doors: dict[FrameType, bool] = {}
        self.raised = False

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        code = frame.f_code
        ours = code.co_filename.startswith(FOLDER) or code.co_filename == stage_module.__file__
        if not ours or in_finalizer(frame):
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            door = self.doors.get(frame, False)
            self.doors[frame] = opname[code.co_code[frame.f_lasti]].startswith(DOORS)
            if not door:
                return self
            self._left -= 1
            if self._left == 0:
                self.raised = True
                raise KeyboardInterrupt
        return self


def interrupted(work: Callable[[], object], at: int) -> bool:
    """Whether the work was interrupted at its n-th place; False if it has fewer."""
    interrupt, before = Interrupt(at), sys.gettrace()
    sys.settrace(interrupt)
    try:
        work()
    except KeyboardInterrupt:
        pass
    finally:
        sys.settrace(before)
        interrupt.doors.clear()  # it holds frames, and they hold seats
    return interrupt.raised


@pytest.mark.parametrize("section", [{}, {"max_rate": 1000.0}], ids=["straight", "waiting"])
def test_no_seat_is_lost(section: dict[str, float]) -> None:
    vendor = Vendor()
    with vendor.broker(providers={"fake": {"max_concurrency": 1, **section}}) as broker:
        ask(broker)
        for at in range(1, MOST):
            vendor.runtime.advance(1.0)
            if not interrupted(lambda: ask(broker), at):
                break
            found = health(broker)
            assert (found.in_flight, found.waiting) == (0, 0), f"at place {at}"
            assert found.state is State.CLOSED
        else:
            pytest.fail("the call never came to its end")
        assert at > 30, "there were places to interrupt"
        assert ask(broker) == "answered"


def test_no_trial_shuts_it_for_ever() -> None:
    vendor = Vendor()
    with vendor.broker() as broker:
        for at in range(1, MOST):
            vendor.fails(down)
            for _ in range(5):
                ask(broker)
            assert health(broker).state is State.OPEN
            vendor.works()
            vendor.runtime.advance(30.0)
            more = interrupted(lambda: ask(broker), at)
            vendor.runtime.advance(TRIAL_PATIENCE)
            assert ask(broker) == "answered", f"at place {at}"
            assert health(broker).in_flight == 0
            broker.health.reset()
            if not more:
                break
        else:
            pytest.fail("the call never came to its end")
        assert at > 30
