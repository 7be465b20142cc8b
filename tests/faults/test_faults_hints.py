"""24: a vendor's wish to wait is kept in the error and waited for, or the call ends at once when there is no time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from fault_support import CLOUD, GRPC, PICTURE, Caller, Family

from broker import Broker, Throttled
from broker.contract import retry_hint
from broker.contract.hints import LONGEST_HINT
from broker.runtime.virtual import VirtualRuntime
from broker.testing.fake import fake_provider, labels
from broker.testing.script import Answer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
families = pytest.mark.parametrize("family", CLOUD, ids=lambda family: family.name)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "5"}, 5.0),
        ({"retry-after": "61"}, 61.0),
        ({"retry-after": "120"}, 120.0),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after": " 7 "}, 7.0),
        ({"retry-after": format_datetime(NOW + timedelta(seconds=90), usegmt=True)}, 90.0),
        ({"retry-after": format_datetime(NOW - timedelta(days=9), usegmt=True)}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 13:01:01 +0100"}, 61.0),
        ({"retry-after": "Fri, 31 Dec 2100 23:59:59 GMT"}, LONGEST_HINT),
        ({"retry-after": "1000000000"}, LONGEST_HINT),
        ({"retry-after": "-7"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "NaN"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "Sat, 99 Nov 2026 99:00:00 GMT"}, None),
        ({"retry-after": "5, 7"}, None),
        ({"retry-after-ms": "250"}, 0.25),
        ({"x-ms-retry-after-ms": "250"}, 0.25),
        ({"x-amz-retry-after": "1500"}, 1.5),
        ({"grpc-retry-pushback-ms": "700"}, 0.7),
        ({"grpc-retry-pushback-ms": "-1"}, None),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "9"}, 9.0),
        ({}, None),
    ],
    ids=str,
)
def test_what_each_header_asks_for(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_hint(headers, NOW) == seconds


@pytest.mark.parametrize("hint", [5.0, 61.0, 120.0])
@pytest.mark.parametrize("times", ["shorter", "longer"])
def test_a_hint_is_waited_for_or_the_call_ends_at_once(hint: float, times: str) -> None:
    """Waiting is bounded by the caller's deadline and by nothing else, so a minute and more can be waited for."""
    runtime = VirtualRuntime()
    busy = Throttled("slower", retry_after=hint, retry_at=runtime.now() + timedelta(seconds=hint))
    adapter = fake_provider([busy, labels("Cat")])
    deadline = hint * 1.3 if times == "longer" else hint * 0.9
    with Broker(adapters=[adapter], provider="fake", runtime=runtime) as broker:
        if times == "longer":
            result = broker.vision.label(PICTURE, deadline=deadline)
            assert [attempt.outcome.value for attempt in result.attempts] == ["throttled", "done"]
            assert hint <= runtime.monotonic() <= deadline
            return
        with pytest.raises(Throttled) as caught:
            broker.vision.label(PICTURE, deadline=deadline)
    assert runtime.monotonic() < 1.0, "nobody waits for what cannot come in time"
    assert caught.value.retry_after == hint
    assert caught.value.retry_at == VirtualRuntime().now() + timedelta(seconds=hint)
    assert len(adapter.play.seen) == 1


@families
@pytest.mark.parametrize("hint", ["35", "61", "120", "date"])
def test_by_every_transport_a_hint_past_the_deadline_is_told_with_the_instant(
    hint: str, family: Family, request: pytest.FixtureRequest, call: Caller
) -> None:
    seconds = 75 if hint == "date" else int(hint)
    stub: Any = request.getfixturevalue("vision_grpc_stub" if family is GRPC else "vendor_stub")
    if family is GRPC:
        import grpc
        from google.protobuf.duration_pb2 import Duration
        from google.rpc import error_details_pb2 as details

        info = details.RetryInfo(retry_delay=Duration(seconds=seconds))
        stub.error(grpc.StatusCode.RESOURCE_EXHAUSTED, details=[info])
    else:
        date = format_datetime(datetime.now(UTC) + timedelta(seconds=seconds), usegmt=True)
        stub.on(family.route, default=Answer(429, headers={"retry-after": date if hint == "date" else hint}))
    url = f"http://{stub.target}" if family is GRPC else stub.url
    before = datetime.now(UTC)
    with pytest.raises(Throttled) as caught:
        call("sync", family, url, deadline=30.0)
    took = (datetime.now(UTC) - before).total_seconds()
    assert caught.value.retry_at is not None
    until = (caught.value.retry_at - before).total_seconds()
    # A date names the instant, in whole seconds; a number of seconds counts from the answer on.
    assert caught.value.retry_after is not None
    assert seconds - 1.0 - (took if hint == "date" else 0.0) <= caught.value.retry_after <= seconds
    assert seconds - 1.0 <= until <= seconds + took
    assert caught.value.billed is False
    assert call.slept == []
    assert stub.count == len(call.rows()) == 1
