"""Refuse what cannot be meant before anything else happens."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from broker.contract.context import Reply
from broker.errors import BadInput, DeadlineExceeded
from broker.pipeline.call import Call, Next, Services
from broker.sections import TAG_KEY
from broker.types.call import AttemptKind

_MAX_TAGS, _MAX_TAG_VALUE = 16, 256


def validate(call: Call, services: Services, next_stage: Next) -> Awaitable[Reply[Any]]:
    """Check deadline, cost cap and tags."""
    if call.deadline <= services.runtime.monotonic():
        raise DeadlineExceeded(
            f"{call.operation.name}: the deadline had passed before the call began; give it more seconds"
        )
    check_options(call)
    return next_stage(call)


def check_options(call: Call) -> None:
    """Cost cap and tags. Raises :class:`BadInput`."""
    if call.max_cost is not None and (not call.max_cost.is_finite() or call.max_cost < 0):
        raise BadInput(f"max_cost must be an amount of 0 or more, not {call.max_cost}")
    if call.tags:
        _check_tags(call)


def _check_tags(call: Call) -> None:
    if len(call.tags) > _MAX_TAGS + (call.kind is AttemptKind.SHADOW):  # it has one of ours, too
        raise BadInput(f"a call takes at most {_MAX_TAGS} tags, not {len(call.tags)}")
    for key, value in call.tags.items():
        if not isinstance(key, str) or not TAG_KEY.fullmatch(key):
            raise BadInput(
                f"the tag {key!r} must start with a letter and have at most 64 letters, digits, or any of _ . : -"
            )
        if not isinstance(value, str) or len(value) > _MAX_TAG_VALUE or not value.isprintable():
            raise BadInput(f"the tag {key!r} needs a printable text of at most {_MAX_TAG_VALUE} characters")
