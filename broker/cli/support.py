"""The support table: what each provider can do, at what price of today, and why not where it cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

from broker.cli.output import counted, decimal

if TYPE_CHECKING:
    from broker.contract.manifest import Lifecycle, Limits, Manifest, OperationSpec
    from broker.pricing.book import PriceBook
    from broker.types.money import Price, Unit

UNPROVEN = "built from the vendor's schema, not yet seen answering for real"


def operations(manifests: Sequence[Manifest]) -> list[str]:
    """Every operation any provider names, in the order they name them."""
    return list(dict.fromkeys(spec.operation for each in manifests for spec in each.operations))


def cell(manifest: Manifest, operation: str) -> str:
    """``yes``, ``notimpl``, ``notyet``, ``never`` or ``-``; ``*`` for unproven, ``!`` for a lifecycle warning."""
    spec = manifest.by_name.get(operation)
    if spec is None:
        return "-"
    marks = ("*" if spec.unproven else "") + ("!" if spec.lifecycle.status != "ga" else "")
    return spec.support.value + marks


def sku_of(manifest: Manifest, spec: OperationSpec) -> str:
    """What it is billed under; the pipeline reads the manifest the same way."""
    return spec.sku or f"{manifest.provider}.{spec.operation}"


def prices(
    manifest: Manifest, spec: OperationSpec, book: PriceBook, region: str | None, day: date
) -> list[Price]:
    """The row of a region today; without a region, those of all regions."""
    sku = sku_of(manifest, spec)
    unit = unit_of(book, sku)
    found = book.find(sku, region, unit, day)
    if found.unpriced is None or region is not None:
        return [found]
    places = sorted({row.region for row in book.rows() if row.sku == sku})
    return [book.find(sku, place, unit, day) for place in places] or [found]


def unit_of(book: PriceBook, sku: str) -> Unit:
    """What the book sells a sku by."""
    from broker.types.money import Unit

    return next((row.unit for row in book.rows() if row.sku == sku), Unit.REQUEST)


def shown_price(price: Price) -> str:
    """One row for people."""
    from broker.types.money import shown_amount

    if price.unpriced is not None:
        return f"unpriced: {price.unpriced}"
    if price.free is not None:
        if price.free == "standing":
            return "nothing for a call; what stands is paid by the hour"
        return "free, it is this machine's own work" if price.free == "local" else f"free ({price.free})"
    per = price.rounding.per
    unit = price.unit.value if per == 1 else f"{per:,f} {price.unit.value}s"
    first = price.tiers[0]
    text = f"{shown_amount(first.price, price.currency)} per {unit}"
    if first.up_to is not None and len(price.tiers) > 1:
        text += f", less above {first.up_to:,f} a month"
    return text


def shown_prices(rows: Sequence[Price]) -> str:
    """All rows; regions are named where there are several."""
    if len(rows) == 1:
        return shown_price(rows[0])
    return "; ".join(f"{row.region} {shown_price(row)}" for row in rows)


def shown_limits(limits: Limits | None) -> str:
    """Formats, bytes and sides of pictures; the size of texts; formats, bytes and length of recordings; rate and length of
    streams; of queries, documents.
    """
    if limits is None:
        return ""
    from broker.contract.limits import AudioLimits, TextLimits
    from broker.contract.search_limits import QueryLimits, WriteLimits
    from broker.contract.streams import StreamLimits

    if isinstance(limits, QueryLimits):
        modes = ", ".join(each.value for each in limits.modes)
        reach = f", {limits.reach:,} in all" if limits.reach else ""
        return f"up to {limits.max_characters:,} characters; {limits.max_top:,} hits a page{reach}; {modes}"
    if isinstance(limits, WriteLimits):
        one = f", each up to {_megabytes(limits.max_item)}" if limits.max_item else ""
        return f"{limits.max_items:,} in a request{one}, more in several"
    if isinstance(limits, StreamLimits):
        low, high = limits.rates
        longest = f"up to {limits.longest / 60:.3g} min" if limits.longest else ""
        return "; ".join(filter(None, (f"{low:,} to {high:,} Hz", longest)))
    if isinstance(limits, AudioLimits):
        most = f"up to {_megabytes(limits.max_bytes)}" if limits.max_bytes else ""
        longest = f"up to {limits.max_milliseconds / 60_000:.3g} min" if limits.max_milliseconds else ""
        return "; ".join(filter(None, (", ".join(limits.formats), ", ".join(limits.codecs), most, longest)))
    if isinstance(limits, TextLimits):
        return f"up to {limits.max_size:,} {limits.unit.value}" + (
            ", longer ones in parts" if limits.cut else ""
        )
    sides = f"sides {limits.min_side:,} to {limits.max_side:,} pixels" if limits.max_side else ""
    if not sides and limits.min_side > 1:
        sides = f"sides from {limits.min_side:,} pixels"
    size = f"up to {_megabytes(limits.max_bytes)}"
    return "; ".join(filter(None, (", ".join(limits.formats), size, sides)))


def shown_spec_limits(spec: OperationSpec) -> str:
    """Those of one request; for recordings also those of a job, as far as they are others."""
    shown = shown_limits(spec.limits)
    if spec.job is None or not spec.direct or spec.job.attended:
        return shown
    job = shown_limits(replace(spec.job.limits, formats=(), codecs=())) or "any size and length"
    return f"{shown}; as a job {job}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:,.0f} MB" if size >= 100_000_000 else f"{size / 1e6:.3g} MB"


def shown_lifecycle(lifecycle: Lifecycle, day: date | None = None) -> str:
    """Empty for what is simply available; with ``day``, the days that are left."""
    if lifecycle.status == "ga":
        return ""
    text = lifecycle.status.replace("_", " ")
    if lifecycle.on is not None:
        text += f" on {lifecycle.on}"
        if day is not None:
            left = (lifecycle.on - day).days
            text += f" (in {counted(left, 'day')})" if left > 0 else " (that day has come)"
    return f"{text}: {lifecycle.note}" if lifecycle.note else text


def document(
    manifest: Manifest, spec: OperationSpec, book: PriceBook, region: str | None, day: date
) -> dict[str, Any]:
    """A cell for ``--json``; the keys are listed in :mod:`broker.cli.providers`."""
    life = spec.lifecycle
    return {
        "support": spec.support.value,
        "reason": spec.reason,
        "service": spec.service,
        "sku": sku_of(manifest, spec),
        "prices": [
            {
                "region": row.region,
                "currency": row.currency,
                "unit": row.unit.value,
                "per": decimal(row.rounding.per),
                "tiers": [{"up_to": decimal(t.up_to), "price": decimal(t.price)} for t in row.tiers],
                "free": row.free,
                "unpriced": row.unpriced,
                "checked_on": row.checked_on if row.unpriced is None else None,
            }
            for row in (prices(manifest, spec, book, region, day) if spec.support.value == "yes" else ())
        ],
        "limits": _limits(spec),
        "languages": list(spec.languages),
        "options": sorted(each.value for each in spec.options),
        "standing": list(spec.standing),
        "extensions": list(spec.extensions),
        "lifecycle": {"status": life.status, "on": life.on, "note": life.note, "source": life.source},
        "notes": spec.notes,
        "unproven": spec.unproven,
    }


def _limits(spec: OperationSpec) -> dict[str, Any] | None:
    from broker.contract.limits import AudioLimits, TextLimits
    from broker.contract.search_limits import QueryLimits, WriteLimits
    from broker.contract.streams import StreamLimits

    limits = spec.limits
    if limits is None:
        return None
    if isinstance(limits, TextLimits):
        return {
            "max_size": limits.max_size,
            "unit": limits.unit.value,
            "min_size": limits.min_size,
            "cut": limits.cut,
        }
    if isinstance(limits, QueryLimits):
        return {
            "max_characters": limits.max_characters,
            "max_top": limits.max_top,
            "reach": limits.reach,
            "modes": [each.value for each in limits.modes],
            "facets": limits.facets,
            "filters": limits.filters,
        }
    if isinstance(limits, WriteLimits):
        return {
            "max_items": limits.max_items,
            "max_bytes": limits.max_bytes,
            "max_item": limits.max_item,
            "kinds": sorted(each.value for each in limits.kinds),
            "eventual": limits.eventual,
        }
    if isinstance(limits, AudioLimits):
        return {
            "formats": list(limits.formats),
            "codecs": list(limits.codecs),
            "max_bytes": limits.max_bytes,
            "max_milliseconds": limits.max_milliseconds,
        }
    if isinstance(limits, StreamLimits):
        return {
            "rates": list(limits.rates),
            "max_milliseconds": None if limits.longest is None else round(limits.longest * 1000),
        }
    return {
        "formats": list(limits.formats),
        "max_bytes": limits.max_bytes,
        "min_side": limits.min_side,
        "max_side": limits.max_side,
    }


def markdown(manifests: Sequence[Manifest], book: PriceBook, day: date, only: str | None = None) -> str:
    """The README's tables. They depend on the manifests, the price book and the day's rows, on no machine."""
    rows = [name for name in operations(manifests) if only in (None, name)]
    names = [each.provider for each in manifests]
    lines = [_row(["operation", *names]), _row(["---"] * (len(names) + 1))]
    lines += [_row([f"`{name}`", *(cell(each, name) for each in manifests)]) for name in rows]
    lines += ["", f"`*` {UNPROVEN}. `!` see the lifecycle below.", ""]
    lines += [
        _row(["operation", "provider", "service", "list price", "limits", "notes"]),
        _row(["---"] * 6),
    ]
    reasons: list[str] = []
    for name in rows:
        for manifest in manifests:
            spec = manifest.by_name.get(name)
            if spec is None:
                continue
            if spec.reason:
                reasons.append(
                    f"- `{name}` by {_md(manifest.provider)} ({spec.support.value}): {_md(spec.reason)}"
                )
                continue
            life = shown_lifecycle(spec.lifecycle)
            notes = ". ".join(part for part in (f"**{_md(life)}**" if life else "", _md(spec.notes)) if part)
            price = shown_prices(prices(manifest, spec, book, None, day))
            limits = shown_spec_limits(spec)
            lines.append(
                _row(
                    [
                        f"`{name}`",
                        _md(manifest.provider),
                        _md(spec.service),
                        _md(price),
                        _md(limits),
                        notes,
                    ]
                )
            )
    if reasons:
        lines += ["", "Not yes, and why:", "", *reasons]
    return "\n".join(lines) + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


_ESCAPES: Mapping[int, str] = str.maketrans(
    {"|": "\\|", "<": "&lt;", ">": "&gt;", "*": "\\*", "_": "\\_", "`": "\\`", "[": "\\[", "]": "\\]"}
)


def _md(value: str) -> str:
    from broker.cli.output import plain

    return plain(value).translate(_ESCAPES)
