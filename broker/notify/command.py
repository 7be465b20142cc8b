"""A notice on the standard input of a program of the user's. No shell: arguments are what they are."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Sequence

from broker.notify.notice import Delivery, Notice


class Command:
    """Runs one program. Not shared by threads; :meth:`cut` may come from another one.

    It is tried once: what it has done by the time it fails is not known.
    """

    channel = "command"

    def __init__(self, arguments: Sequence[str]) -> None:
        self._arguments = list(arguments)
        self._lock = threading.Lock()
        self._running: subprocess.Popen[bytes] | None = None
        self._stopped = False

    @property
    def target(self) -> str:
        """The program's name, without folder and arguments: they may hold secrets."""
        return os.path.basename(self._arguments[0])

    def deliver(self, notice: Notice, until: float) -> Delivery:
        """Run it, ended at the instant ``until`` of the monotonic clock; a problem is told, not raised."""
        began = time.monotonic()
        try:
            code = self._run(notice.body(), until)
        except subprocess.TimeoutExpired:
            return self._told(False, f"not finished within {until - began:.3g} s, so it was ended")
        except OSError as error:
            return self._told(False, f"it cannot be run: {error.strerror or type(error).__name__}")
        except Exception as error:  # noqa: BLE001 - its text may hold the arguments
            return self._told(False, f"it cannot be run ({type(error).__name__})")
        if code is None:
            return self._told(False, "no time was left to run it")
        return self._told(code == 0, f"exit code {code}" if code >= 0 else f"ended by signal {-code}")

    def _told(self, delivered: bool, detail: str) -> Delivery:
        return Delivery(channel=self.channel, target=self.target, delivered=delivered, detail=detail)

    def _run(self, content: bytes, until: float) -> int | None:
        with self._lock:
            if self._stopped or time.monotonic() >= until:
                return None
            process = self._running = subprocess.Popen(  # noqa: S603 - the user's own command, without a shell
                self._arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,  # a group of its own, so that what it starts is ended with it
            )
        try:
            process.communicate(content, timeout=max(0.0, until - time.monotonic()))
        except BaseException:
            self._end(process)
            raise
        finally:
            with self._lock:
                self._running = None
            if process.stdin is not None:
                with contextlib.suppress(OSError):  # what it never read
                    process.stdin.close()
            process.wait()
        return process.returncode

    def cut(self) -> None:
        """End it now, and start it no more."""
        with self._lock:
            self._stopped = True
            if self._running is not None:
                self._end(self._running)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.returncode is None:  # else its number may be another's by now
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                process.kill()

    def release(self) -> None:
        """Nothing is kept."""
