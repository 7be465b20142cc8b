"""``mlbroker init``: a settings file with everything in it, commented out.

``--json`` gives ``command``, ``path`` and ``exit_code``.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output
from broker.cli.schema import Setting, provider_settings, settings_of
from broker.errors import BrokerError

if TYPE_CHECKING:
    from broker.registry import Registry

_HEAD = """\
# Settings of mlbroker. A line that begins with # and no space is a setting at its default:
# take the # away and change the value. Arguments win over MLBROKER_* variables, variables over this file
# (provider is MLBROKER_PROVIDER, path under [ledger] is MLBROKER_LEDGER__PATH).
# This file may hold secrets: keep it out of version control and readable by you only.
"""
_CREDENTIALS = {
    "aws": "AWS's usual places: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, the machine's role",
    "kendra": "as for aws: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, AWS_PROFILE, the machine's role",
    "gcp": "GOOGLE_APPLICATION_CREDENTIALS, 'gcloud auth application-default login', the machine's account",
    "azure": "key below, or AZURE_TENANT_ID with AZURE_CLIENT_ID and AZURE_CLIENT_SECRET, a managed "
    "identity, or 'az login'",
    "local": "none is needed; it works on this machine",
}

_STANDING = """# What is paid by the hour, called or not, such as an index (docs/standing.md). An example, not a default;
# the name is yours.
#[standing.docs]
# What an hour of it is billed as; 'mlbroker prices list' shows the skus.
#sku = "azure.search.s1"
#provider = "azure"
# Where it stands, for its price; left out, it is the provider's own.
#region = "northeurope"
# How many stand at once: search units (replicas x partitions), indexes.
#units = "2"
# A day (UTC) or an instant with its zone; until is left out while it stands.
#since = 2026-11-01
#until = 2027-03-31T18:00:00Z
"""

_USE_CASE = """\
# A use case: calls that serve one purpose, whose quality is known together (docs/sampling.md, docs/switches.md). An example,
# not a default; there may be several, under names of your own.
#[quality.use_cases.receipts]
#operation = "vision.label"
# A call belongs here if it has all of these tags, or the tag use_case = "receipts".
#tags = { team = "shop" }
# A data set with truth (docs/datasets.md): calls whose input, or whose tag item, is in it are scored at once.
#gold = "truth.csv"
# What of sampled calls is kept: "off" (digests and features), "answers" or "inputs"; the last two need consent = true.
#content = "off"
# Which calls are looked at; second asks other providers the same, for at most budget a day.
#sampling = { design = "stratified", rate = 0.01, second = ["gcp"], budget = "1.00" }
# What quality was planned (a share of right answers), and how far it may fall.
#tolerance = { target = 0.90, tolerance = 0.05 }
# observe says what the off switch would have done; enforce does it, and then on_unknown must be said.
#switch = { mode = "observe", degrade_to = ["local"] }
# What answers are worth, for the return on them (docs/kpi.md).
#value = { right = "0.02", wrong = "0.05", currency = "USD" }
"""

_BUDGET = """\
# A budget: a limit that holds for all programs that use the ledger (docs/budgets.md). An example, not a default;
# there may be several, under names of your own.
#[budgets.monthly]
# The most that spent and reserved may come to in a window; a text or a whole number.
#limit = "50.00"
#currency = "USD"
# hour, day or month (calendar, UTC), or a rolling length such as "rolling 24h" (also m and d).
#window = "month"
# What happens at the limit: stop refuses, degrade asks those of degrade_to, warn only notifies.
#action = "stop"
#degrade_to = ["local"]
# Shares of the limit that are notified when reached; who is told stands under [notify].
#warn_at = [0.8]
# What an attempt counts for whose price is not known: an amount, or refuse.
#unpriced = "refuse"
# Only some calls: provider = "aws" (or "aws:prod"), operation = "vision.*", tags = { project = "atlas" }
"""


def init(
    context: typer.Context,
    path: Annotated[
        str | None, typer.Option("--path", metavar="FILE", show_default="mlbroker.toml", help="Where to.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    as_json: options.Json = False,
) -> None:
    """Write a commented settings file (mode 0600)."""
    state = options.begin(context, as_json)
    from broker.cli import main
    from broker.config import FILE_NAME, Settings

    target = path or state.config or FILE_NAME
    if not force and os.path.lexists(target):
        raise typer.BadParameter(
            f"{output.plain(target)} is there already; --force replaces it", param_hint="--path"
        )
    # Not the settings in force: the file shows defaults, and a broken file must not stop its replacement.
    registry = main.make_registry(Settings.model_construct())
    try:
        body = render(registry)
    finally:
        registry.close()
    _write(target, body, force)
    if as_json:
        output.emit({"command": "init", "path": target, "exit_code": exits.OK})
    else:
        screen = output.console()
        screen.print(output.text(f"wrote {target} (mode 0600); every setting in it is commented out"))
        screen.print(output.text("next: mlbroker doctor"))


def render(registry: Registry) -> str:
    """The file's text."""
    from pydantic import BaseModel

    from broker.config import Settings
    from broker.sections_quality import QualitySettings

    plain_ones: list[str] = []
    tables: list[str] = []
    for setting in settings_of(Settings):
        if setting.name == "providers":
            continue
        if setting.name == "quality":
            plain = [each for each in settings_of(QualitySettings) if each.name != "use_cases"]
            tables += [_table(setting.name, setting.note, plain), _USE_CASE]
        elif isinstance(setting.default, BaseModel):
            tables.append(_table(setting.name, setting.note, settings_of(type(setting.default))))
        elif setting.name == "budgets":
            tables.append(_BUDGET)
        elif setting.name == "standing":
            tables.append(_STANDING)
        elif isinstance(setting.default, dict):
            note = setting.note.rstrip(".")
            hint = f'{note}; for example: team = "vision"' if note else ""
            tables.append(_table(setting.name, hint, []))
        else:
            plain_ones.append(_lines(setting))
    for name, settings in provider_settings(registry).items():
        tables.append(_provider(name, settings))
    return "\n".join([_HEAD, *plain_ones, *tables])


def _table(name: str, note: str, settings: list[Setting]) -> str:
    body = "".join(_lines(each) for each in settings)
    return (f"# {note}\n" if note else "") + f"#[{name}]\n{body}"


def _lines(setting: Setting) -> str:
    note = f"# {setting.note}\n" if setting.note else ""
    value = '""' if setting.default is None else _toml(setting.default)
    return f"{note}#{setting.name} = {value}\n"


def _provider(name: str, settings: list[Setting]) -> str:
    head = [
        f"# Provider {name}. A credential comes from: {_CREDENTIALS.get(name, 'see the documentation of its adapter')}."
    ]
    head += [f"# A second account goes under [providers.{name}.profiles.NAME] and is called {name}:NAME."]
    lines = [f"#[providers.{name}]"]
    for each in settings:
        note = each.note or ("a secret" if "Secret" in each.kind else "")
        value = '""' if each.default is None else _toml(each.default)
        lines.append(f"#{each.name} = {value}" + (f"  # {note}" if note else ""))
    return "\n".join([*head, *lines]) + "\n"


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_toml(each) for each in value)}]"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, dict):
        return f"{{{', '.join(f'{json.dumps(key)} = {_toml(each)}' for key, each in value.items())}}}"
    # A TOML text takes JSON's escapes, as long as nothing is written as a surrogate pair.
    return json.dumps(output.home_short(str(value)), ensure_ascii=False)


def _write(path: str, body: str, force: bool) -> None:
    """Mode 0600 from the first byte; a replaced file is whole or untouched."""
    folder = os.path.dirname(path) or "."
    try:
        if not force:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(body)
            return
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=".mlbroker-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(body)
            os.replace(name, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name)
            raise
    except OSError as error:
        raise BrokerError(
            f"{path} cannot be written: {error.strerror}; name a place this user can write with --path"
        ) from error
