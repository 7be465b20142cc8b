"""Vendors' whole answers, read again by the adapters' readers of today: no request, no credential, no cost.

Adapters are reached through the registry and the contract (:class:`broker.contract.Rereads`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from broker.contract import Rereads, reading
from broker.contract.limits import TextLimits
from broker.contract.operations import Operation
from broker.errors import MalformedReply
from broker.pipeline.call import Candidate
from broker.pipeline.parts import parts_of
from broker.registry import Registry
from broker.types.json import JsonValue
from broker.types.request import Request, TextRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Reads one provider's kept answers of one operation.

    :param limits: of the operation: a text that was sent in parts is cut again as it was then.
    """

    adapter: Rereads
    operation: Operation[Any, Any]
    limits: TextLimits | None

    def read(self, raw: JsonValue, request: Request) -> Any:
        """What a call would have given: the operation's result, less what the request does not want.

        :param raw: as ``raw`` of a result has it; of a text that was sent in parts the list of their answers.

        Raises :class:`~broker.errors.BrokerError` for what cannot be read.
        """
        if isinstance(request, TextRequest) and isinstance(raw, (list, tuple)):
            payload = self._joined(raw, request)
        else:
            payload = self._one(raw, request)
        return payload.select(request)

    def _one(self, raw: JsonValue, request: Request) -> Any:
        with reading("a kept answer"):
            return self.adapter.reread(self.operation.name, raw, request)

    def _joined(self, raws: list[JsonValue] | tuple[JsonValue, ...], request: TextRequest) -> Any:
        pieces = parts_of(request, self.limits)
        if len(pieces) != len(raws):
            raise MalformedReply(
                f"it holds answers to {len(raws)} parts of a text that is sent in {len(pieces)} today, so nobody can say which "
                "part each is of"
            )
        found = []
        for piece, raw in zip(pieces, raws, strict=True):
            if not isinstance(piece.request, TextRequest):
                raise MalformedReply("a part of a text is no text")
            found.append((piece.begin, piece.request.text, self._one(raw, piece.request)))
        return self.operation.payload.joined(found, request) if len(found) > 1 else found[0][2]


def reader_of(registry: Registry, provider: str, operation: Operation[Any, Any]) -> Reader | None:
    """For a provider (``aws:prod``) at an operation; None where its adapter reads no kept answers of it.

    Raises :class:`~broker.errors.NotConfigured` for a provider that is not there.
    """
    candidate = Candidate.parse(provider)
    adapter = registry.adapter(candidate.provider, candidate.profile)
    if not isinstance(adapter, Rereads) or operation.name not in adapter.rereads():
        return None
    limits = registry.manifest(candidate.provider).spec(operation.name).limits
    return Reader(
        adapter=adapter,
        operation=operation,
        limits=limits if isinstance(limits, TextLimits) else None,
    )
