from __future__ import annotations

from typing import Any

from broker.contract import Reply, Setup
from broker.errors import AuthFailed
from broker.testing.fake import FakeAdapter, fake_provider, labels
from broker.types import Confidence, Label, LabelSet


def _unready(provider: str) -> type[FakeAdapter]:
    class Unready(fake_provider(provider=provider)):  # type: ignore[misc]
        def setup(self) -> Setup:
            return Setup(configured=False, problem="no key; type: make a key")

    return Unready


def test_columns_agreement_and_a_footnote(cli: Any, cat: str) -> None:
    parents = Reply(
        payload=LabelSet(labels=(Label(name="Tabby", confidence=Confidence.percent(98.0), parents=("CAT",)),))
    )
    cli.adapters(
        fake_provider([labels("Cat", "Sofa")], provider="one"),
        fake_provider([parents], provider="two"),
        _unready("three"),
    )
    out = cli("compare", cat).stdout
    assert "= Cat 90.0%" in out
    assert "= Sofa" not in out
    assert "1 of 2" in out
    assert "0 of 1" in out
    assert "0 to 100" in out
    assert "no key; type: make a key" in out
    assert "not accuracy" in " ".join(out.split())
    assert "1 file, 2 providers; cost $0.002" in out
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    found = cli.json("compare", cat)
    answers = found["files"][0]["answers"]
    assert (answers["one"]["agreement"], answers["two"]["agreement"]) == (0.5, 0.0)
    assert found["not_configured"] == [{"provider": "three", "problem": "no key; type: make a key"}]


def test_one_provider_failing_is_shown_in_its_column(cli: Any, cat: str) -> None:
    cli.adapters(
        fake_provider(provider="one"), fake_provider([AuthFailed("no", provider="two")], provider="two")
    )
    result = cli("compare", cat, code=1)
    assert "failed:" in result.stdout
    assert "AuthFailed" in result.stdout
    assert "two vision.label: no; 'mlbroker doctor' shows" in result.stdout
    found = cli.json("compare", cat, code=1)
    assert found["files"][0]["answers"]["two"]["error"]["type"] == "AuthFailed"
    assert found["files"][0]["answers"]["one"]["agreement"] is None


def test_a_broken_file_costs_nobody_anything(cli: Any, cat: str) -> None:
    kind = fake_provider(provider="one")
    cli.adapters(kind)
    result = cli("compare", "nowhere.png", cat, code=1)
    assert len(kind.play.seen) == 1
    assert "there is no file" in result.stderr


def test_nobody_configured_and_somebody_named_who_is_not(cli: Any, cat: str) -> None:
    cli.adapters(_unready("one"))
    assert "no provider can be asked: one: no key" in cli("compare", cat, code=3).stderr
    cli.adapters(fake_provider(provider="one"), _unready("two"))
    assert "Cat" in cli("compare", cat, "--providers", "one,two", code=3).stdout


def test_many_providers_stay_within_80_columns(cli: Any, cat: str) -> None:
    cli.adapters(*(fake_provider(provider=f"provider{n}") for n in range(7)))
    out = cli("compare", cat).stdout
    assert max(len(line.rstrip()) for line in out.splitlines()) <= 80
    assert "provider6" in out


def test_interrupted(cli: Any, cat: str) -> None:
    def stop(request: Any, context: Any) -> Any:
        raise KeyboardInterrupt

    cli.adapters(fake_provider(provider="one"), fake_provider(stop, provider="two"))
    found = cli.json("compare", cat, cat, code=130)
    assert list(found["files"][0]["answers"]) == ["one"]
    assert found["summary"]["not_tried"] == 1
