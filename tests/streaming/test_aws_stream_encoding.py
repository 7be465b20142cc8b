"""The event-stream encoding against botocore's parser and against messages composed otherwise."""

from __future__ import annotations

import pytest
from aws_stream_peer import event_message
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from broker_aws.eventstream import decode, encode

NAMES = st.text("abcdefghijklmnopqrstuvwxyz:-", min_size=1, max_size=40)
HEADERS = st.dictionaries(NAMES, st.text(max_size=100), max_size=5)


@given(HEADERS, st.binary(max_size=4000))
def test_botocore_reads_what_is_encoded(headers: dict[str, str], payload: bytes) -> None:
    buffer = EventStreamBuffer()
    buffer.add_data(encode(headers, payload))
    message = next(buffer)
    assert message.headers == headers
    assert message.payload == payload
    assert next(buffer, None) is None


@given(HEADERS, st.binary(max_size=300))
def test_what_another_has_encoded_is_read(headers: dict[str, str], payload: bytes) -> None:
    data = event_message(headers, payload)
    assert encode(headers, payload) == data
    found = decode(data)
    assert (found.headers, found.payload) == (headers, payload)


@given(HEADERS, st.binary(max_size=60), st.data())
def test_a_damaged_message_is_never_read(
    headers: dict[str, str], payload: bytes, data: st.DataObject
) -> None:
    whole = encode(headers, payload)
    place = data.draw(st.integers(0, len(whole) - 1))
    flipped = data.draw(st.integers(1, 255))
    with pytest.raises(ValueError, match="event-stream message"):
        decode(whole[:place] + bytes([whole[place] ^ flipped]) + whole[place + 1 :])


@given(HEADERS, st.binary(max_size=60), st.data())
def test_part_of_a_message_or_more_than_one_is_none(
    headers: dict[str, str], payload: bytes, data: st.DataObject
) -> None:
    whole = encode(headers, payload)
    for other in (whole[: data.draw(st.integers(0, len(whole) - 1))], whole + whole, whole + b"x"):
        with pytest.raises(ValueError, match="event-stream message"):
            decode(other)
