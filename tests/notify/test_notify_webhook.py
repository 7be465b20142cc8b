"""Notices by webhook: what arrives, what is tried again, and that the address stays secret."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest
from notify_support import SECRET, everything_logged, notice, threads

from broker.notify import Notifier
from broker.notify import webhook as webhook_module
from broker.testing import Answer, Fault, VendorStub


def make(stub: VendorStub, **options: Any) -> Notifier:
    options.setdefault("pause", 0.01)
    return Notifier(webhook=f"{stub.url}/services/{SECRET}?token=queryCANARY", **options)


def test_a_notice_arrives_as_json(vendor_stub: VendorStub) -> None:
    vendor_stub.reply({"ok": True})
    notifier = make(vendor_stub)
    notifier.send(notice())
    notifier.close()
    (seen,) = vendor_stub.requests
    assert (seen.method, seen.path) == ("POST", f"/services/{SECRET}")
    assert seen.headers["content-type"] == "application/json"
    assert seen.json() == {
        "sender": "mlbroker",
        "kind": "budget.used_up",
        "subject": "team-a",
        "text": "The budget team-a is used up.",
        "at": "2026-03-01T12:00:00+00:00",
        "facts": {"spent": "10.00", "limit": "10.00", "currency": "USD"},
    }
    assert threads() == []


def test_control_and_bidi_characters_of_a_tag_reach_nobody(vendor_stub: VendorStub) -> None:
    vendor_stub.reply({})
    (done,) = make(vendor_stub).deliver(notice("tag a\u202eb\x1b[31m"))
    assert done.delivered
    (seen,) = vendor_stub.requests
    assert seen.json()["text"] == "tag a b [31m"  # type: ignore[index, call-overload]


def test_notices_arrive_in_order_over_one_connection(vendor_stub: VendorStub) -> None:
    vendor_stub.reply({})
    notifier = make(vendor_stub)
    for number in range(20):
        notifier.send(notice(str(number)))
    notifier.close()
    assert [each.json()["text"] for each in vendor_stub.requests] == [str(n) for n in range(20)]  # type: ignore[index, call-overload]


@pytest.mark.parametrize(
    "failure",
    [Answer(503), Answer(429), Answer(500), Fault.reset_after_body(), Fault.close_empty()],
    ids=["503", "429", "500", "reset", "closed"],
)
def test_what_may_pass_is_tried_again(vendor_stub: VendorStub, failure: Any) -> None:
    vendor_stub.script([failure, failure, Answer(204)])
    (done,) = make(vendor_stub).deliver(notice())
    assert (done.delivered, done.tries, done.detail) == (True, 3, "HTTP 204")
    assert vendor_stub.count == 3


def test_after_three_tries_it_is_given_up(vendor_stub: VendorStub) -> None:
    vendor_stub.reply(status=503)
    (done,) = make(vendor_stub).deliver(notice())
    assert (done.delivered, done.tries, done.detail) == (False, 3, "HTTP 503")
    assert vendor_stub.count == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_a_refusal_is_not_repeated(vendor_stub: VendorStub, status: int) -> None:
    vendor_stub.reply(status=status)
    (done,) = make(vendor_stub).deliver(notice())
    assert (done.delivered, done.tries, vendor_stub.count) == (False, 1, 1)
    assert done.detail == f"HTTP {status}"


def test_a_redirect_is_not_followed(vendor_stub: VendorStub) -> None:
    vendor_stub.fault(Fault.redirect())
    (done,) = make(vendor_stub).deliver(notice())
    assert not done.delivered
    assert "redirects are not followed" in done.detail
    assert vendor_stub.count == 1


def test_an_unusable_body_under_200_is_a_delivery(vendor_stub: VendorStub) -> None:
    vendor_stub.script([Fault.truncated()])
    (done,) = make(vendor_stub).deliver(notice())
    assert (done.delivered, vendor_stub.count) == (True, 1)


def test_a_receiver_that_never_answers_is_left_at_the_limit(vendor_stub: VendorStub) -> None:
    vendor_stub.script([Answer()], default=Fault.hang())
    make(vendor_stub).deliver(notice())  # the first one loads the HTTP client
    began = time.monotonic()
    (done,) = make(vendor_stub, limit=3.0).deliver(notice())
    assert (done.delivered, done.detail, vendor_stub.count) == (False, "no answer in time", 2)
    assert time.monotonic() - began < 30


def test_a_dripping_receiver_is_left_at_the_limit(vendor_stub: VendorStub) -> None:
    vendor_stub.fault(Fault.drip(0.1, {"long": "x" * 500}))
    began = time.monotonic()
    make(vendor_stub, limit=0.3).deliver(notice())
    assert time.monotonic() - began < 30


def test_a_hint_beyond_the_limit_ends_the_tries(vendor_stub: VendorStub) -> None:
    vendor_stub.reply(status=429, headers={"retry-after": "3600"})
    began = time.monotonic()
    (done,) = make(vendor_stub, limit=90.0).deliver(notice())
    assert (done.delivered, vendor_stub.count) == (False, 1)
    assert "no time is left" in done.detail
    assert time.monotonic() - began < 30, "it does not wait for nothing"


def test_http_to_another_machine_is_refused_even_past_the_settings() -> None:
    (done,) = Notifier(webhook=f"http://example.com/{SECRET}").deliver(notice())
    assert (done.delivered, done.tries) == (False, 1)
    assert "unencrypted" in done.detail
    assert SECRET not in done.detail


def test_names_cannot_call_a_whole_slack_channel(
    vendor_stub: VendorStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor_stub.reply({})
    monkeypatch.setattr(webhook_module, "_SLACK", ("127.0.0.1",))
    make(vendor_stub).deliver(notice("The budget <!channel> & co is used up."))
    assert vendor_stub.requests[0].json() == {"text": "The budget &lt;!channel&gt; &amp; co is used up."}


@pytest.mark.parametrize(
    "failure",
    [Answer(503), Answer(400), Fault.hang(), Fault.redirect(), Fault.garbage(), Fault.close_empty()],
)
def test_the_address_is_in_no_log(
    vendor_stub: VendorStub, failure: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vendor_stub.script([failure])
    notifier = make(vendor_stub, limit=0.5)
    notifier.send(notice())
    notifier.close(10)
    told = everything_logged(caplog.records)
    assert "did not reach the webhook 127.0.0.1" in told
    assert "CANARY" not in told
    assert "CANARY" not in repr(notifier)


def test_nobody_listening_is_told_without_the_address(caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(webhook=f"http://127.0.0.1:1/{SECRET}", pause=0.01)
    notifier.send(notice())
    notifier.close()
    (record,) = [each for each in caplog.records if each.name == "broker"]
    assert "could not be reached" in record.getMessage()
    assert "CANARY" not in everything_logged(caplog.records)


@pytest.mark.parametrize(
    "url", [f"https://[broken/{SECRET}", f"nonsense {SECRET}", f"ftp://host/{SECRET}", "\0"]
)
def test_an_address_that_cannot_be_used_fails_nobody(url: str, caplog: pytest.LogCaptureFixture) -> None:
    notifier = Notifier(webhook=url, pause=0.01)
    (done,) = notifier.deliver(notice())
    assert not done.delivered
    assert "CANARY" not in done.detail + done.target
    notifier.send(notice())
    notifier.close()
    assert "did not reach" in caplog.text
    assert "CANARY" not in everything_logged(caplog.records)
