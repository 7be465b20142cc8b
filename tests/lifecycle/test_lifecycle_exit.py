"""The end of a program with calls in flight: bounded, and every call it had sent is in the ledger.

The bounds, by what is in flight: a killed process ends at once; threads that are no daemons, and worker threads of
``AsyncBroker``, are waited for by Python itself, so until their calls' deadlines; the default broker, closed at
exit, waits for daemon threads as ``close`` does.
"""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest
from lifecycle_support import FAMILIES, finish, recovered, resting, rows, start, until
from lifecycle_vendor import Vendor

# The exit of a process takes a second each; azure's transport is that of rest beneath another SDK.
every = pytest.mark.parametrize("family", [each for each in FAMILIES if each != "azure"])
SLACK = 30.0
"""Seconds for Python and the vendors' SDKs to unload on a loaded machine; what must not be waited for takes longer."""

THREADS = """
import signal, threading
from broker import Broker
broker = Broker(**options(sys.argv[1], sys.argv[2], deadline=float(sys.argv[3])))
def call():
    try:
        broker.vision.label(PICTURE)
    except Exception as error:
        print(type(error).__name__, error.outcome.value, flush=True)
threads = [threading.Thread(target=call, daemon=sys.argv[4] == "daemon") for _ in range(3)]
for thread in threads:
    thread.start()
"""


def states(path: str = "ledger.db") -> list[tuple[str, str | None]]:
    return [(row["state"], row["outcome"]) for row in rows(path)]


def ended(process: subprocess.Popen[str], expected: int, seconds: float) -> str:
    """Its output; it must end as expected within these seconds from now."""
    return finish(process, expected, seconds + SLACK)


@every
@pytest.mark.parametrize("kind", ["daemon", "plain"])
def test_a_program_killed_by_sigterm_ends_at_once_and_its_rows_become_unknown(
    vendor: Vendor, kind: str
) -> None:
    vendor.hang()
    process = start(THREADS + "threads[0].join()", vendor.family, vendor.address, 90, kind)
    assert vendor.wait_for(3)
    process.terminate()
    ended(process, -signal.SIGTERM, 0)
    assert states() == [("open", None)] * 3
    assert [(row["state"], row["billed"]) for row in recovered()] == [("unknown", "unknown")] * 3


SYSTEM_EXIT = (
    """
import signal
def stop(*_):
    raise SystemExit(3)
signal.signal(signal.SIGTERM, stop)
"""
    + THREADS
    + """
try:
    while True:
        signal.pause()
finally:
    broker.close(timeout=0.3)
"""
)


@every
@pytest.mark.parametrize("kind", ["daemon", "plain"])
def test_a_handler_that_raises_systemexit_lets_the_broker_close_and_book(vendor: Vendor, kind: str) -> None:
    vendor.hang()
    process = start(SYSTEM_EXIT, vendor.family, vendor.address, 90, kind)
    assert vendor.wait_for(3)
    process.terminate()
    out = ended(process, 3, 0.3 + 1.0)
    assert states() == [("settled", "ambiguous")] * 3
    assert out.count("ambiguous") == 3, "each caller was told"


MAIN = """
import signal
from broker import Broker
def stop(*_):
    raise SystemExit(3)
signal.signal(signal.SIGTERM, stop)
with Broker(**options(sys.argv[1], sys.argv[2], deadline=90.0)) as broker:
    broker.vision.label(PICTURE)
"""


@every
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 3), (signal.SIGINT, -signal.SIGINT)], ids=["SIGTERM", "SIGINT"]
)
def test_the_call_of_the_main_thread_is_interrupted_and_booked(
    vendor: Vendor, number: signal.Signals, code: int
) -> None:
    vendor.hang()
    process = start(MAIN, vendor.family, vendor.address)
    assert vendor.wait_for(1)
    assert until(lambda: resting(process)), "it waits for the answer"
    process.send_signal(number)
    ended(process, code, 1.0)
    assert states() == [("settled", "ambiguous")]


TASKS = """
import asyncio
from broker import AsyncBroker
async def main():
    async with AsyncBroker(**options(sys.argv[1], sys.argv[2])) as broker:
        await broker.vision.label(PICTURE)
        print("warm", flush=True)
        sys.stdin.readline()
        await asyncio.gather(*[broker.vision.label(PICTURE, deadline=4.0) for _ in range(3)])
asyncio.run(main())
"""


@every
def test_ctrl_c_cancels_tasks_in_flight_and_books_them(vendor: Vendor) -> None:
    vendor.answer()
    process = start(TASKS, vendor.family, vendor.address)
    when_warm(process, vendor)
    assert vendor.wait_for(4)
    process.send_signal(signal.SIGINT)
    ended(process, -signal.SIGINT, 4.0)
    assert states() == [("settled", "done")] + [("settled", "ambiguous")] * 3


def when_warm(process: subprocess.Popen[str], vendor: Vendor) -> None:
    """Let it go on, with a vendor that hangs, once a good call has loaded what a short deadline has no time for."""
    assert process.stdout is not None
    assert process.stdout.readline() == "warm\n"
    vendor.hang()
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


DEFAULT = """
import threading
import broker
broker.vision.label(PICTURE)
print("warm", flush=True)
sys.stdin.readline()
def call():
    try:
        broker.vision.label(PICTURE)
    except Exception as error:
        print(type(error).__name__, error.outcome.value, flush=True)
threads = [threading.Thread(target=call, daemon=sys.argv[1] == "daemon") for _ in range(3)]
for thread in threads:
    thread.start()
sys.stdin.readline()
"""

SETTINGS = """
provider = "azure"
max_attempts = 1
deadline = {deadline}
[providers.azure]
endpoint = "{address}"
key = "k"
region = "eastus"
"""


@pytest.mark.parametrize("family", ["azure"])
@pytest.mark.parametrize(("kind", "deadline"), [("daemon", 90), ("plain", 3)])
def test_the_default_broker_is_closed_at_exit(vendor: Vendor, kind: str, deadline: float) -> None:
    """Daemon threads get the five seconds of ``close``; others end first, by their deadlines."""
    vendor.answer()
    Path("mlbroker.toml").write_text(SETTINGS.format(deadline=deadline, address=vendor.address))
    process = start(DEFAULT, kind)
    when_warm(process, vendor)
    assert vendor.wait_for(4)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    ended(process, 0, 6.0 if kind == "daemon" else 3.0)
    assert states() == [("settled", "done")] + [("settled", "ambiguous")] * 3


@every
def test_daemon_threads_of_a_broker_nobody_closes_do_not_hold_the_exit(vendor: Vendor) -> None:
    vendor.hang()
    process = start(THREADS + "sys.stdin.readline()", vendor.family, vendor.address, 90, "daemon")
    assert vendor.wait_for(3)
    assert process.stdin is not None
    process.stdin.close()
    process.stdin = None
    ended(process, 0, 0.5)
    assert {row["state"] for row in rows()} <= {"open", "settled"}
    assert len(recovered()) == 3
    assert {row["billed"] for row in rows()} == {"unknown"}


@every
def test_used_and_never_closed_it_ends_by_itself(vendor: Vendor) -> None:
    vendor.answer()
    code = """
import asyncio
from broker import AsyncBroker, Broker
Broker(**options(sys.argv[1], sys.argv[2])).vision.label(PICTURE)
async def main():
    await AsyncBroker(**options(sys.argv[1], sys.argv[2])).vision.label(PICTURE)
asyncio.run(main())
print("done")
"""
    process = start(code, vendor.family, vendor.address, python=("-W", "ignore"))
    assert finish(process, 0, 5.0 + SLACK) == "done\n"
    assert states() == [("settled", "done")] * 2


@pytest.mark.local_models
@pytest.mark.parametrize("pause", [0.0, 0.02, 0.04])
def test_the_local_models_do_not_hold_the_exit(pause: float) -> None:
    """Nor does it abort, as it would where native code comes back into an interpreter that has ended."""
    pytest.importorskip("onnxruntime", reason="needs the local-vision extra")
    pytest.importorskip("PIL.Image", reason="needs the local-vision extra")
    code = """
import io, threading
import PIL.Image
from broker import Broker
out = io.BytesIO()
PIL.Image.effect_noise((320, 240), 60).convert("RGB").save(out, "JPEG")
broker = Broker(provider="local")
broker.vision.label(out.getvalue())
began = threading.Event()
def churn():
    while True:
        began.set()
        broker.vision.label(out.getvalue())
threading.Thread(target=churn, daemon=True).start()
began.wait()
time.sleep(float(sys.argv[1]))  # into the model's own code
print("done")
"""
    assert finish(start(code, pause), 0, 90.0) == "done\n"
