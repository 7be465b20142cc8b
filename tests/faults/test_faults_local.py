"""What can go wrong on this machine: sizes, missing packages, texts in the output. No request goes anywhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fault_support import ALL, FACES, GRPC, LOCAL, PICTURE, Caller, Family

from broker import BadInput, Broker, NotConfigured
from broker.testing.fake import fake_provider, labels
from broker.types import Image

faces = pytest.mark.parametrize("face", FACES)
families = pytest.mark.parametrize("family", ALL, ids=lambda family: family.name)


@faces
@families
def test_22_what_is_too_large_is_refused_before_anything_is_sent(
    family: Family, face: str, request: pytest.FixtureRequest, call: Caller
) -> None:
    limits = family.adapter.manifest.by_name["vision.label"].limits
    if limits is None:
        pytest.skip("it names no limit: the vendor's 413 is told, see the HTTP faults")
    stub: Any = request.getfixturevalue("vision_grpc_stub" if family is GRPC else "vendor_stub")
    url = f"http://{stub.target}" if family is GRPC else stub.url
    with pytest.raises(BadInput) as caught:
        call(face, family, url, Image.from_bytes(PICTURE.data + bytes(limits.max_bytes)))
    assert caught.value.billed is False
    assert stub.count == 0
    assert call.rows() == []


@faces
def test_37_what_is_not_installed_is_told_with_the_command(
    face: str, call: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    import broker_local

    monkeypatch.delattr(broker_local, "labels", raising=False)  # another test may have loaded it
    for name in [each for each in sys.modules if each.startswith("broker_local.labels")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setitem(sys.modules, "numpy", None)
    with pytest.raises(NotConfigured, match="pip install"):
        call(face, LOCAL, "")
    assert set(call.outcomes()) <= {"not_sent"}


NASTY = "nul \x00 \x1b[31mred\x1b]0;t\x07 \u202eevil\u2066 \x9b2J lone \ud800 \ufeff [bold]x[/bold]\r\nline"


def test_49_no_label_steers_a_terminal_or_breaks_the_json(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, call: Caller
) -> None:
    from typer.testing import CliRunner

    from broker.cli import main

    adapter = fake_provider([labels(NASTY, "Cat")])
    monkeypatch.setattr(
        main, "make_broker", lambda **more: Broker(adapters=[adapter], provider="fake", **more)
    )
    picture = tmp_path / "cat.jpg"
    picture.write_bytes(PICTURE.data)
    shown = CliRunner().invoke(main.app, ["label", str(picture)])
    assert shown.exit_code == 0
    assert not any((ord(c) < 32 and c != "\n") or 0x7F <= ord(c) < 0xA0 for c in shown.output)
    assert not any(c in "\u202e\u2066\ud800" for c in shown.output)
    written = CliRunner().invoke(main.app, ["label", "--json", str(picture)])
    assert written.output.isascii()
    found = json.loads(written.stdout)["files"][0]["labels"]
    assert found[0]["name"] == NASTY.replace("\ud800", "\\ud800")
    assert found[1]["name"] == "Cat"
