"""One stub for the tests, whatever the transport family."""

from __future__ import annotations

from typing import Any

from lifecycle_support import GOOD, ROUTES

from broker.testing.script import Answer, Fault
from broker.testing.stub import VendorStub


class Vendor:
    """One stub, whatever the transport family."""

    def __init__(self, family: str, http: VendorStub | None, grpc: Any) -> None:
        self.family = family
        self._http = http
        self._grpc = grpc

    @property
    def address(self) -> str:
        return self._http.url if self._http is not None else self._grpc.target

    @property
    def count(self) -> int:
        return self._http.count if self._http is not None else self._grpc.count

    @property
    def connections(self) -> int:
        assert self._http is not None
        return self._http.open_connections

    def wait_for(self, count: int) -> bool:
        found: bool = (self._http or self._grpc).wait_for(count, 60.0)
        return found

    def reset(self) -> None:
        (self._http or self._grpc).reset()

    def answer(self, delay: float = 0.0) -> None:
        if self._http is not None:
            self._http.on(ROUTES[self.family], default=Answer(json=GOOD[self.family], delay=delay))
        else:
            self._grpc.reply(GOOD["grpc"], delay=delay)

    def hang(self) -> None:
        if self._http is not None:
            self._http.on(ROUTES[self.family], default=Fault.hang())
        else:
            self._grpc.hang()
