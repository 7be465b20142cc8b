"""Adapters by name: ours load by themselves, others only when named, and a broken one is broken alone."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable
from importlib.metadata import EntryPoint
from typing import Any, ClassVar

import pytest

from broker import Broker, NotConfigured
from broker import registry as module
from broker.config import load_settings
from broker.contract import AdapterSettings, Setup
from broker.registry import Registry
from broker.testing.fake import fake_provider


class Dist:
    """A distribution that was never installed."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.version = "1.2"


Install = Callable[..., None]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Install:
    """``install("name", thing, dist="…")``: an entry point that gives the thing; an exception is raised instead."""
    points: list[EntryPoint] = []
    plugins = types.ModuleType("installed_plugins")
    monkeypatch.setitem(sys.modules, "installed_plugins", plugins)

    def raise_it(name: str) -> Any:
        thing = things.get(name)
        if isinstance(thing, Exception):
            raise thing
        if thing is None:
            raise AttributeError(name)
        return thing

    things: dict[str, Any] = {}
    plugins.__getattr__ = raise_it  # type: ignore[method-assign] # a module's own hook

    def add(name: str, thing: Any, dist: str = "stranger") -> None:
        attribute = f"adapter{len(points)}"
        things[attribute] = thing
        point = EntryPoint(name=name, value=f"installed_plugins:{attribute}", group="broker.adapters")
        vars(point)["dist"] = Dist(dist)
        points.append(point)

    monkeypatch.setattr(module, "entry_points", lambda group: list(points))
    return add


def registry(*plugins: str, **settings: Any) -> Registry:
    return Registry(load_settings(plugins=plugins, **settings))


def test_a_strangers_adapter_does_not_load_unless_named(install: Install) -> None:
    install("acme", RuntimeError("its code ran"))
    with pytest.raises(NotConfigured, match=r"plugins = \[\"acme\"\]"):
        registry().manifest("acme")
    assert registry().names() == []
    assert registry("acme").names() == ["acme"]
    (origin,) = registry().origins()
    assert (origin.provider, origin.distribution, origin.version, origin.allowed) == (
        "acme",
        "stranger",
        "1.2",
        False,
    )


def test_a_named_strangers_adapter_answers(install: Install, photo: bytes) -> None:
    install("acme", fake_provider(provider="acme"))
    with Broker(plugins="acme", provider="acme") as broker:
        result = broker.vision.label(photo)
    assert result.provenance.provider == "acme"
    assert str(result.cost.amount) == "0.001000000000", "its own price rows count"


def test_our_adapters_load_by_themselves() -> None:
    found = Registry(load_settings())
    assert found.names()[:4] == ["aws", "gcp", "azure", "local"]
    assert [found.manifest(name).provider for name in found.names()[:4]] == ["aws", "gcp", "azure", "local"]
    assert {origin.distribution for origin in found.origins() if origin.allowed} == {"mlbroker"}


def test_a_broken_plug_in_tells_its_name_and_the_others_work(install: Install) -> None:
    install("broken", ImportError("no module named 'left_pad'"))
    install("good", fake_provider(provider="good"))
    found = registry("broken", "good")
    with pytest.raises(NotConfigured, match=r"'broken' .*ImportError: no module named 'left_pad'"):
        found.manifest("broken")
    setup = found.setup("broken")
    assert not setup.configured
    assert "broken" in setup.problem
    assert found.adapter("good")


@pytest.mark.parametrize("thing", [5, "text", object, AdapterSettings])
def test_what_is_no_adapter_is_told_by_name(install: Install, thing: object) -> None:
    install("odd", thing)
    with pytest.raises(NotConfigured, match="'odd', is no adapter"):
        registry("odd").manifest("odd")


def test_an_adapter_cannot_pass_for_another_provider(install: Install) -> None:
    install("cheap", fake_provider(provider="aws"))
    with pytest.raises(NotConfigured, match="'cheap' but calls itself 'aws'"):
        registry("cheap").manifest("cheap")


def test_two_claimants_of_one_name_are_told_apart_from_one_listed_twice(install: Install) -> None:
    kind = fake_provider(provider="acme")
    install("acme", kind, dist="one")
    install("acme", kind, dist="two")
    with pytest.raises(NotConfigured, match="several packages claim the provider 'acme': one, two"):
        registry("acme").manifest("acme")


def test_a_stranger_cannot_take_the_name_of_ours(install: Install) -> None:
    ours, theirs = fake_provider(provider="aws"), fake_provider(provider="aws")
    install("aws", theirs, dist="stranger")
    install("aws", ours, dist="mlbroker")
    assert registry().manifest("aws") is ours.manifest
    with pytest.raises(NotConfigured, match="several packages"):
        registry("aws").manifest("aws")


def test_the_same_target_listed_twice_is_one_adapter(monkeypatch: pytest.MonkeyPatch) -> None:
    point = EntryPoint(name="acme", value="acme_broker:AcmeAdapter", group="broker.adapters")
    vars(point)["dist"] = Dist("acme")
    monkeypatch.setattr(module, "entry_points", lambda group: [point, point])
    assert registry("acme").manifest("acme").provider == "acme"


@pytest.mark.parametrize(
    ("name", "words"), [("asw", "did you mean 'aws'"), ("locl", "did you mean 'local'"), ("", "known: aws")]
)
def test_an_unknown_provider_is_answered_with_those_there_are(name: str, words: str, photo: bytes) -> None:
    with Broker() as broker, pytest.raises(NotConfigured, match=words):
        broker.vision.label(photo, provider=name)


def adapter(**methods: Any) -> Any:
    return type("Odd", (fake_provider(provider="odd"),), methods)


def test_an_adapter_that_cannot_be_made_is_told_without_its_secret(photo: bytes) -> None:
    def init(self: object, settings: object) -> None:
        raise KeyError("password=AKIAABCDEFGHIJKLMNOP")

    with (
        Broker(adapters=[adapter(__init__=init)], provider="odd") as broker,
        pytest.raises(NotConfigured, match=r"'odd' cannot be made .*KeyError") as caught,
    ):
        broker.vision.label(photo)
    assert "AKIA" not in str(caught.value)


def test_an_adapter_whose_setup_fails_is_not_configured_and_the_next_one_answers(photo: bytes) -> None:
    def setup(self: object) -> Setup:
        raise ZeroDivisionError

    with Broker(adapters=[adapter(setup=setup), fake_provider()], provider=["odd", "fake"]) as broker:
        result = broker.vision.label(photo)
        assert not broker.registry.setup("odd").configured
    assert result.provenance.provider == "fake"
    assert "ZeroDivisionError" in result.provenance.passed_over[0]


def test_every_adapter_is_closed_even_if_one_fails(photo: bytes, caplog: pytest.LogCaptureFixture) -> None:
    closed: list[str] = []

    class Closing:
        names: ClassVar[list[str]] = closed

        def close(self: Any) -> None:
            closed.append(self.manifest.provider)
            raise OSError("socket")

    kinds = [type("C", (Closing, fake_provider(provider=name)), {}) for name in ("one", "two")]
    broker = Broker(adapters=kinds)
    for name in ("one", "two"):
        broker.vision.label(photo, provider=name)
    broker.close()
    broker.close()
    assert sorted(closed) == ["one", "two"]
    assert caplog.text.count("failed to close") == 2


def test_adapters_are_made_once_for_each_account() -> None:
    found = Registry(
        load_settings(providers={"fake": {"region": "a", "profiles": {"eu": {"region": "b"}}}}),
        [fake_provider()],
    )
    assert found.adapter("fake") is found.adapter("fake")
    assert found.adapter("fake", "eu") is not found.adapter("fake")
    assert [getattr(found.adapter("fake", each), "region", None) for each in (None, "eu")] == ["a", "b"]


def test_a_broken_plug_in_does_not_keep_the_broker_from_being_made(install: Install, photo: bytes) -> None:
    install("broken", ImportError("left_pad"))
    install("good", fake_provider(provider="good"))
    with Broker(plugins=["broken", "good"]) as broker:
        assert broker.vision.label(photo, provider="good").value.labels
