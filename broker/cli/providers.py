"""``mlbroker providers``: who can do what, for how much, and why not.

``--json`` gives ``command``, ``day``, ``providers`` (a list: ``provider``, ``version``, ``extra``,
``region``, ``configured``, ``operations`` by name: ``support``, ``reason``, ``service``, ``sku``,
``prices``, ``limits``, ``languages``, ``extensions``, ``lifecycle``, ``notes``, ``unproven``),
``unavailable`` (``provider``, ``problem``) and ``exit_code``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import exits, options, output, support
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from rich.console import Console

    from broker.contract.adapter import Setup
    from broker.contract.manifest import Manifest, OperationSpec
    from broker.pricing.book import PriceBook
    from broker.registry import Registry
    from broker.types.money import Price


def providers(
    context: typer.Context,
    operation: Annotated[
        str | None, typer.Option("--operation", metavar="NAME", help="Only this one, such as vision.label.")
    ] = None,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="As Markdown, without anything of this machine's settings.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Show who can do what, and its price of today."""
    if markdown and as_json:
        raise typer.BadParameter("choose one of --json and --markdown", param_hint="--markdown")
    state = options.begin(context, as_json)
    from broker.cli import main
    from broker.config import load_settings

    day = output.today()
    settings = load_settings(state.config)
    registry = main.make_registry(settings)
    try:
        manifests, broken = read(registry)
        _check(operation, manifests)
        book = book_of(manifests, () if markdown else settings.prices.files)
        if markdown:
            sys.stdout.write(support.markdown(manifests, book, day, operation))
        elif as_json:
            output.emit(_document(registry, manifests, broken, book, operation))
        else:
            regions = {
                (each.provider, spec.operation): price_region(registry, each.provider, spec.operation)
                for each in manifests
                for spec in each.operations
            }
            _show(output.console(), manifests, broken, regions, book, operation)
    finally:
        registry.close()
    raise typer.Exit(exits.FAILED if broken else exits.OK)


def read(registry: Registry) -> tuple[list[Manifest], dict[str, str]]:
    """The manifests that can be read, and why others cannot."""
    manifests: list[Manifest] = []
    broken: dict[str, str] = {}
    for name in registry.names():
        try:
            manifests.append(registry.manifest(name))
        except NotConfigured as error:
            broken[name] = str(error)
    return manifests, broken


def book_of(manifests: list[Manifest], own: Sequence[str] = ()) -> PriceBook:
    """The shipped prices, the adapters' own, and over them those of contract files."""
    from broker.pricing.check import PriceError
    from broker.pricing.contract import in_force
    from broker.pricing.load import shipped

    rows: list[Price] = []
    for each in manifests:
        with suppress(PriceError):  # as the client does: its calls are unpriced; 'prices check' tells why
            shipped().extended(each.prices)
            rows += each.prices
    return in_force(own, rows)


def setup_of(registry: Registry, provider: str, profile: str | None = None) -> Setup:
    """How a provider stands; a third-party adapter that fails at it is a problem to tell, not to die of."""
    from broker.contract.adapter import Setup
    from broker.contract.redact import redact

    try:
        return registry.setup(provider, profile)
    except Exception as error:  # noqa: BLE001 # somebody else's code
        return Setup(
            configured=False, problem=f"its setup failed: {type(error).__name__}: {redact(str(error))}"
        )


def price_region(registry: Registry, provider: str, operation: str, profile: str | None = None) -> str | None:
    """The region that an operation's calls are priced in: the adapter's own, as the pipeline reads it."""
    from broker.pipeline.route import region_of

    try:
        return region_of(registry.adapter(provider, profile), operation)
    except Exception:  # noqa: BLE001 # setup_of has told the reason
        return None


def _check(operation: str | None, manifests: list[Manifest]) -> None:
    known = support.operations(manifests)
    if operation is not None and operation not in known:
        raise typer.BadParameter(
            f"{output.plain(operation)!r}; choose from {', '.join(known)}", param_hint="--operation"
        )


def _document(
    registry: Registry,
    manifests: list[Manifest],
    broken: dict[str, str],
    book: PriceBook,
    only: str | None,
) -> dict[str, Any]:
    day = output.today()
    found = []
    for each in manifests:
        setup = setup_of(registry, each.provider)
        found.append(
            {
                "provider": each.provider,
                "version": each.version,
                "extra": each.extra,
                "region": setup.region,
                "configured": setup.configured,
                "operations": {
                    spec.operation: support.document(
                        each, spec, book, price_region(registry, each.provider, spec.operation), day
                    )
                    for spec in each.operations
                    if only in (None, spec.operation)
                },
            }
        )
    return {
        "command": "providers",
        "day": day,
        "providers": found,
        "unavailable": [{"provider": name, "problem": why} for name, why in broken.items()],
        "exit_code": exits.FAILED if broken else exits.OK,
    }


def _show(
    screen: Console,
    manifests: list[Manifest],
    broken: dict[str, str],
    regions: dict[tuple[str, str], str | None],
    book: PriceBook,
    only: str | None,
) -> None:
    rows = [name for name in support.operations(manifests) if only in (None, name)]
    table = output.table("operation", *(output.plain(each.provider) for each in manifests))
    for name in rows:
        cells = [support.cell(each, name) for each in manifests]
        table.add_row(
            output.text(name, "bold"),
            *(output.text(cell, "green" if cell.startswith("yes") else "dim") for cell in cells),
        )
    screen.print(table)
    marks = "".join(support.cell(each, name) for each in manifests for name in rows)
    if "*" in marks:
        screen.print(output.text(f"* {support.UNPROVEN}", "dim"))
    if "!" in marks:
        screen.print(output.text("! see its lifecycle below", "dim"))
    for name in rows:
        screen.print()
        screen.print(output.text(name, "bold"))
        details = output.facts()
        for each in manifests:
            spec = each.by_name.get(name)
            if spec is not None:
                lines = _lines(each, spec, book, regions[each.provider, name])
                details.add_row(output.text(f"  {each.provider}"), output.text(lines[0]))
                for line in lines[1:]:
                    details.add_row("", output.text(line, "dim"))
        screen.print(details)
    screen.print()
    for name, why in broken.items():
        output.complain(f"{name}: {why}")
    screen.print(
        output.text(
            "list prices; 'mlbroker doctor' shows what is configured here, --json shows all tiers", "dim"
        )
    )


def _lines(manifest: Manifest, spec: OperationSpec, book: PriceBook, region: str | None) -> list[str]:
    day = output.today()
    life = support.shown_lifecycle(spec.lifecycle, day)
    if spec.reason:
        return [f"{spec.support.value}: {spec.reason}", *([life] if life else [])]
    rows = support.prices(manifest, spec, book, region, day)
    where = f" in {region}" if region and rows[0].free is None else ""
    lines = [f"{spec.service}; {support.shown_prices(rows)}{where}"]
    lines += [f"WARNING {life}"] if life else []
    lines += [support.UNPROVEN] if spec.unproven else []
    lines += [f"limits: {support.shown_spec_limits(spec)}"] if spec.limits else []
    lines += [spec.notes] if spec.notes else []
    return lines
