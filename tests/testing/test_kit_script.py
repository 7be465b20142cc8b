"""Answers, faults and the order they come in."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from broker.testing import Answer, Fault, FaultKind, Script, SeenRequest
from broker.testing.script import as_script

SEEN = SeenRequest(method="POST", path="/a", query="", headers={})


def test_steps_are_used_up_then_the_default_comes() -> None:
    script = Script([Answer(500), Fault.hang()], default={"ok": True})
    assert script.left == 2
    first, second, third, fourth = (script.next(SEEN) for _ in range(4))
    assert first == Answer(500)
    assert second == Fault(FaultKind.HANG)
    assert third == fourth == Answer(json={"ok": True})
    assert script.left == 0


def test_without_a_default_the_last_step_repeats() -> None:
    script = Script([Answer(503), Answer(200)])
    assert [script.next(SEEN).status for _ in range(4)] == [503, 200, 200, 200]  # type: ignore[union-attr]


def test_a_script_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="a step or a default"):
        Script([])


def test_a_callable_decides_on_the_request_and_has_no_default() -> None:
    script = Script(lambda request: Answer(json={"path": request.path}))
    assert script.needs_body
    assert script.next(SEEN) == Answer(json={"path": "/a"})
    with pytest.raises(ValueError, match="no default"):
        Script(lambda request: Answer(), default=Answer())


def test_a_script_or_callable_stands_alone() -> None:
    script = Script([Answer()])
    assert as_script((script,)) is script
    with pytest.raises(TypeError, match="stands alone"):
        as_script((Answer(), script))


def test_no_step_is_given_twice_to_threads() -> None:
    script = Script([Answer(200 + n) for n in range(300)], default=Answer(599))
    with ThreadPoolExecutor(8) as pool:
        given = [step.status for step in pool.map(script.next, [SEEN] * 400)]  # type: ignore[union-attr]
    assert sorted(given) == sorted([*range(200, 500), *[599] * 100])


def test_an_answer_is_encoded_once_and_has_one_kind_of_body() -> None:
    answer = Answer(json={"Labels": []})
    assert answer.payload == b'{"Labels": []}'
    assert answer.payload is answer.payload
    assert Answer(body=b"null").payload == b"null"
    assert Answer(204).payload == b""
    with pytest.raises(ValueError, match="not both"):
        Answer(json={}, body=b"{}")


def test_a_bomb_has_a_size() -> None:
    with pytest.raises(ValueError, match="at least"):
        Fault.gzip_bomb(1)


def test_a_seen_request_tells_its_route_and_parameters() -> None:
    plain = SeenRequest(method="POST", path="/a:b", query="x=1&y=%20&x=2", headers={}, body=b'{"n": 1}')
    assert plain.route == "/a:b"
    assert plain.params == {"x": "2", "y": " "}
    assert plain.json() == {"n": 1}
    aws = SeenRequest(method="POST", path="/", query="", headers={"x-amz-target": "S.Do"})
    assert aws.route == "S.Do"
