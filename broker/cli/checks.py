"""What ``mlbroker doctor`` looks at. No network; nothing here reads the value of a secret."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import sqlite3
import stat
from difflib import get_close_matches
from functools import partial
from importlib import metadata
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from broker.cli import output, support
from broker.errors import BrokerError, NotConfigured

if TYPE_CHECKING:
    from collections.abc import Callable

    from broker.config import Settings
    from broker.contract.manifest import Manifest
    from broker.registry import Registry

_OWN = "mlbroker"
_VENDOR_HOSTS = {
    "aws": (".amazonaws.com", ".amazonaws.com.cn", ".api.aws"),
    "kendra": (".amazonaws.com", ".amazonaws.com.cn", ".api.aws"),
    "gcp": (".googleapis.com",),
    "azure": (
        ".cognitiveservices.azure.com",
        ".services.ai.azure.com",
        ".api.cognitive.microsoft.com",
        ".cognitiveservices.azure.cn",
        ".api.cognitive.azure.cn",
        ".cognitiveservices.azure.us",
        ".api.cognitive.microsoft.us",
    ),
}
_FINE = ("MLBROKER_CONFIG", "MLBROKER_TEST_")


def versions() -> dict[str, str]:
    """Ours and Python's."""
    return {"mlbroker": metadata.version(_OWN), "python": platform.python_version()}


def ledger(settings: Settings) -> dict[str, Any]:
    """Whether it can be used. One that is not there is not made; one that is there is really written to."""
    path = os.path.expanduser(settings.ledger.path)
    found: dict[str, Any] = {
        "path": path,
        "exists": os.path.lexists(path),
        "works": False,
        "problem": "",
        "mode": None,
        "schema": None,
        "bytes": 0,
        "attempts": 0,
        "open": 0,
        "unknown": 0,
    }
    if not found["exists"]:
        folder = _existing(os.path.dirname(os.path.abspath(path)))
        found["works"] = os.path.isdir(folder) and os.access(folder, os.W_OK | os.X_OK)
        if not found["works"]:
            found["problem"] = f"{folder} may not be written; set ledger.path or MLBROKER_LEDGER__PATH"
        return found
    from broker.ledger.base import LedgerBusy, SpendQuery
    from broker.ledger.sqlite import SqliteLedger

    book = SqliteLedger(path, durability=settings.ledger.durability)
    try:
        with contextlib.suppress(LedgerBusy):  # somebody writes: it works
            book.recover()  # takes the write lock and commits, as a call does
        for row in book.spend(SpendQuery(by=())):
            found["attempts"] += row.attempts
            found["open"] += row.open
            found["unknown"] += row.unknown
        found["works"] = True
    except BrokerError as error:
        found["problem"] = str(error)
    finally:
        book.close()
    try:
        found["mode"] = f"{stat.S_IMODE(os.stat(path).st_mode):04o}"
        found["bytes"] = sum(
            os.path.getsize(path + end) for end in ("", "-wal") if os.path.exists(path + end)
        )
        if found["works"]:
            found["schema"] = _schema(path)
    except (OSError, sqlite3.Error):
        pass  # only facts to show; whether it works is known by now
    return found


def _existing(folder: str) -> str:
    while not os.path.lexists(folder) and os.path.dirname(folder) != folder:
        folder = os.path.dirname(folder)
    return folder


def _schema(path: str) -> int:
    connection = sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True)
    try:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
    finally:
        connection.close()
    return int(version)


def prices(registry: Registry, settings: Settings) -> str:
    """What is wrong with the contract prices; no broker can be made until it is mended."""
    from broker.cli.providers import book_of, read

    try:
        book_of(read(registry)[0], settings.prices.files)
    except NotConfigured as error:
        return f"{error}; 'mlbroker prices check' lists every slip"
    return ""


def providers(registry: Registry, settings: Settings) -> list[dict[str, Any]]:
    """Every provider that may be called, and its named accounts."""
    from broker.cli.check_standing import Declared
    from broker.cli.providers import book_of, read

    manifests, broken = read(registry)
    book = book_of(manifests, settings.prices.files)
    declared = Declared(settings)
    found = []
    for manifest in manifests:
        for profile in (None, *_profiles(settings, manifest.provider)):
            each = _provider(registry, manifest, profile, book)
            each["warnings"] += declared.missing(registry, manifest, profile)
            found.append(each)
    for name, problem in broken.items():
        found.append({**_blank(name, None), "problem": output.told(problem)})
    return found


def _profiles(settings: Settings, provider: str) -> list[str]:
    secret = settings.providers.get(provider)
    profiles = secret.get_secret_value().get("profiles", {}) if secret is not None else {}
    return sorted(profiles) if isinstance(profiles, dict) else []


def _blank(provider: str, profile: str | None) -> dict[str, Any]:
    return {
        "provider": provider,
        "profile": profile,
        "configured": False,
        "problem": "",
        "credential": "",
        "endpoint": "",
        "region": None,
        "data_use": "",
        "extra": "",
        "not_installed": [],
        "prices": [],
        "warnings": [],
    }


def _provider(registry: Registry, manifest: Manifest, profile: str | None, book: Any) -> dict[str, Any]:
    from broker.cli.providers import price_region, setup_of

    setup = setup_of(registry, manifest.provider, profile)
    found = _blank(manifest.provider, profile)
    addresses = [_endpoint(manifest.provider, each) for each in setup.endpoint.split(", ")]
    prices, price_warnings = _prices(
        manifest, book, partial(price_region, registry, manifest.provider, profile=profile)
    )
    found.update(
        configured=setup.configured,
        problem=output.told(setup.problem),
        credential=setup.credential,
        endpoint=", ".join(shown for shown, _ in addresses),
        region=setup.region,
        data_use=setup.data_use,
        extra=manifest.extra,
        not_installed=_not_installed(manifest.extra),
        prices=prices,
    )
    found["warnings"] = [warning for _, warning in addresses if warning]
    # Without an account there is no region, and a missing price would be no news.
    found["warnings"] += price_warnings if setup.configured else []
    found["warnings"] += [
        f"{spec.operation}: {support.shown_lifecycle(spec.lifecycle, output.today())}"
        for spec in manifest.operations
        if spec.lifecycle.status != "ga" and spec.support.value == "yes"
    ]
    return found


def _endpoint(provider: str, text: str) -> tuple[str, str]:
    """The address without user, password and query, and a warning if it is not the vendor's."""
    text = text.replace("//[redacted]@", "//")  # brackets would be read as those of an IPv6 address
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "(unreadable)", ""
    vendor = _VENDOR_HOSTS.get(provider)
    if vendor is None or ("." not in host and ":" not in host and host != "localhost"):
        return ("" if parts.username else text), ""
    shown = (f"{parts.scheme}://" if parts.scheme else "") + host + (f":{port}" if port else "") + parts.path
    if f".{host}".endswith(vendor):
        return shown, ""
    return shown, f"{host} is not a host of the vendor; credentials and pictures go there"


def _prices(
    manifest: Manifest, book: Any, region_of: Callable[[str], str | None]
) -> tuple[list[dict[str, Any]], list[str]]:
    from broker.pricing.book import STALE_AFTER

    day = output.today()
    rows: list[dict[str, Any]] = []
    warnings: list[str] = []
    for spec in manifest.operations:
        if spec.support.value != "yes":
            continue
        sku = support.sku_of(manifest, spec)
        row = book.find(sku, region_of(spec.operation), support.unit_of(book, sku), day)
        known = row.unpriced is None
        stale = known and not row.contract and day - row.checked_on > STALE_AFTER
        rows.append(
            {
                "operation": spec.operation,
                "sku": row.sku,
                "region": row.region,
                "shown": support.shown_price(row) + (f" (checked {row.checked_on})" if known else ""),
                "checked_on": row.checked_on if known else None,
                "stale": stale,
                "unpriced": row.unpriced,
            }
        )
        if stale and row.free is None:
            age = (day - row.checked_on).days
            warnings.append(f"the price of {spec.operation} was checked {age} days ago; upgrade mlbroker")
        if not known:
            warnings.append(f"calls of {spec.operation} will be unpriced: {row.unpriced}")
    return rows, warnings


def _not_installed(extra: str) -> list[str]:
    """Distributions of an extra (``mlbroker[aws]``) that are not there."""
    match = re.fullmatch(r"([\w.-]+)\[([\w.-]+)\]", extra)
    if match is None:
        return []
    try:
        lines = metadata.requires(match[1]) or []
    except metadata.PackageNotFoundError:
        return []
    wanted = re.compile(rf"""extra\s*==\s*["']{re.escape(match[2])}["']""")
    absent = []
    for line in lines:
        name = re.match(r"[\w.-]+", line)
        if name is None or not wanted.search(line):
            continue
        try:
            metadata.version(name[0])
        except metadata.PackageNotFoundError:
            absent.append(name[0])
    return absent


def plugins(registry: Registry) -> list[str]:
    """Adapters that are installed and may not load."""
    return [
        f"the package {each.distribution} {each.version} brings an adapter {each.provider!r} that may not load; "
        f'to trust it with credentials put plugins = ["{each.provider}"] into the settings'
        for each in registry.origins()
        if not each.allowed
    ]


def rivals() -> list[str]:
    """Other distributions that bring a top-level package ``broker``: the last one installed wins."""
    others = sorted(set(metadata.packages_distributions().get("broker", ())) - {_OWN})
    return [
        f"{name} also installs a package named 'broker'; one overwrites the other: pip uninstall {name}, "
        f"then pip install --force-reinstall {_OWN}"
        for name in others
    ]


def variables(registry: Registry) -> list[str]:
    """MLBROKER_* variables that mean nothing: they are read by nobody, so a slip is silent."""
    known = known_variables(registry)
    found = []
    for name in sorted(os.environ):
        upper = name.upper()
        if not upper.startswith("MLBROKER_") or upper.startswith(_FINE):
            continue
        if any(upper == each or (each.endswith("__") and upper.startswith(each)) for each in known):
            continue
        near = get_close_matches(upper, [each for each in known if not each.endswith("__")], n=1, cutoff=0.6)
        hint = f"; did you mean {near[0]}?" if near else ""
        found.append(f"{name} is no setting of mlbroker and has no effect{hint}")
    return found


def known_variables(registry: Registry) -> list[str]:
    """Names that are read; one that ends in two underscores stands for all that begin with it."""
    from pydantic import BaseModel

    from broker.cli.schema import provider_settings, settings_of
    from broker.config import PREFIX, Settings

    names: list[str] = []
    for setting in settings_of(Settings):
        base = f"{PREFIX}{setting.name.upper()}"
        names.append(base)
        if isinstance(setting.default, BaseModel):
            names += [f"{base}__{each.name.upper()}" for each in settings_of(type(setting.default))]
        elif setting.name == "providers":
            for provider, fields in provider_settings(registry).items():
                mine = f"{base}__{provider.upper()}"
                names += [mine, f"{mine}__PROFILES", f"{mine}__PROFILES__"]
                names += [f"{mine}__{each.name.upper()}" for each in fields]
                # endpoints and keys: one for each service, whose names the settings check themselves
                names += [
                    f"{mine}__{each.name.upper()}__" for each in fields if isinstance(each.default, dict)
                ]
        elif isinstance(setting.default, dict):
            names.append(f"{base}__")
    return names
