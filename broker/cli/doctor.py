"""``mlbroker doctor``: how this machine stands, without network and without showing a secret.

``--json`` gives ``command``, ``mlbroker``, ``python``, ``settings`` (``file``, ``problem``), ``ledger``
(``path``, ``exists``, ``works``, ``problem``, ``mode``, ``schema``, ``bytes``, ``attempts``, ``open``,
``unknown``), ``budgets`` (names: ``in_force``, ``used_up``, ``not_applied``, ``of_others``), ``providers`` (a list: ``provider``, ``profile``, ``configured``, ``problem``, ``credential``,
``endpoint``, ``region``, ``data_use``, ``extra``, ``not_installed``, ``prices``, ``warnings``),
``warnings``, ``usable`` (names) and ``exit_code``: 0 if a provider is usable and the ledger works, else 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from broker.cli import exits, options, output
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from broker.config import Settings


def doctor(context: typer.Context, as_json: options.Json = False) -> None:
    """Check this machine and say what to type."""
    state = options.begin(context, as_json)
    from broker.cli import budget, checks, main
    from broker.config import Settings, config_file, load_settings
    from broker.sections import PriceSettings

    problem = ""
    settings: Settings
    try:
        settings = load_settings(state.config)
    except NotConfigured as error:
        problem = str(error)
        settings = Settings.model_construct()  # the defaults, so that the rest can be looked at
    ledger = checks.ledger(settings)
    registry = main.make_registry(settings)
    try:
        if not problem:
            problem = checks.prices(registry, settings)
            if problem:  # the list prices, so that the rest can be looked at
                settings = settings.model_copy(update={"prices": PriceSettings()})
        providers = checks.providers(registry, settings)
        warnings = [
            *checks.variables(registry),
            *checks.rivals(),
            *checks.plugins(registry),
        ]
    finally:
        registry.close()
    usable = [_name(each) for each in providers if each["configured"]]
    code = exits.OK if usable and ledger["works"] and not problem else exits.NOT_CONFIGURED
    report = {
        "command": "doctor",
        **checks.versions(),
        "settings": {"file": state.config or config_file(), "problem": problem},
        "ledger": ledger,
        "budgets": budget.overview(settings) if ledger["works"] and not problem else None,
        "providers": providers,
        "warnings": warnings,
        "usable": usable,
        "exit_code": code,
    }
    if as_json:
        output.emit(report)
    else:
        _show(report)
    raise typer.Exit(code)


def _name(provider: dict[str, Any]) -> str:
    return f"{provider['provider']}:{provider['profile']}" if provider["profile"] else provider["provider"]


def _show(report: dict[str, Any]) -> None:
    screen = output.console()
    table = output.facts()

    def row(name: str, value: str, style: str = "") -> None:
        table.add_row(output.text(name), output.text(value, style))

    row("mlbroker", f"{report['mlbroker']}, Python {report['python']}")
    settings, ledger = report["settings"], report["ledger"]
    row("settings", settings["file"] or "no file, only defaults and MLBROKER_* variables")
    if settings["problem"]:
        row("", f"PROBLEM {settings['problem']}", "red")
    row("ledger", output.home_short(ledger["path"]))
    row("", _ledger_line(ledger), "" if ledger["works"] else "red")
    if ledger["unknown"] or ledger["open"]:
        row(
            "",
            f"{ledger['open']} in flight, {ledger['unknown']} not known to be billed: 'mlbroker settle'",
            "yellow",
        )
    for number, (line, style) in enumerate(_budget_lines(report["budgets"] or {})):
        row("" if number else "budgets", line, style)
    screen.print(table)
    for each in report["providers"]:
        screen.print()
        _show_provider(each)
    screen.print()
    for warning in report["warnings"]:
        screen.print(output.text(f"warning: {warning}", "yellow"))
    usable = report["usable"]
    if report["exit_code"] == exits.OK:
        screen.print(output.text(f"ready: {', '.join(usable)}", "bold green"))
        return
    reasons = [
        "the settings are not valid" if settings["problem"] else "",
        "" if ledger["works"] else "the ledger does not work",
        "" if usable else "no provider is usable",
    ]
    screen.print(output.text(f"not ready: {', '.join(filter(None, reasons))}", "bold red"))


def _budget_lines(budgets: dict[str, list[str]]) -> list[tuple[str, str]]:
    """One line on what is in force, one on what is not."""
    found = []
    if budgets.get("in_force"):
        used_up = budgets["used_up"]
        text = f"{len(budgets['in_force'])} in force" + (
            f"; used up: {', '.join(used_up)}" if used_up else ""
        )
        found.append((f"{text}: 'mlbroker budget'", "yellow" if used_up else ""))
    if budgets.get("not_applied"):
        names = ", ".join(budgets["not_applied"])
        found.append((f"not applied: {names}; type: mlbroker budget apply", "yellow"))
    return found


def _ledger_line(ledger: dict[str, Any]) -> str:
    if not ledger["works"]:
        return f"PROBLEM {ledger['problem']}"
    if not ledger["exists"]:
        return "not there yet; the first call makes it"
    return (
        f"works; schema {ledger['schema']}, mode {ledger['mode']}, {ledger['bytes'] / 1000:,.0f} kB, "
        f"{output.counted(ledger['attempts'], 'attempt')}"
    )


def _show_provider(each: dict[str, Any]) -> None:
    screen = output.console()
    state = output.text("configured" if each["configured"] else "not configured")
    state.stylize("green" if each["configured"] else "red")
    head = output.text(f"{_name(each)}: ", "bold")
    head.append_text(state)
    screen.print(head)
    table = output.facts()
    for name, value in (
        ("to do", each["problem"]),
        ("credential", each["credential"]),
        ("endpoint", each["endpoint"]),
        ("region", each["region"] or ""),
        ("missing", _missing(each)),
    ):
        if value:
            table.add_row(output.text(f"  {name}"), output.text(value))
    for price in each["prices"]:
        if price["unpriced"] and not each["configured"]:
            continue  # without an account there is no region, so no price is no news
        table.add_row(output.text("  price"), output.text(f"{price['operation']}: {price['shown']}"))
    if each["data_use"]:
        table.add_row(output.text("  data use"), output.text(each["data_use"], "dim"))
    for warning in each["warnings"]:
        table.add_row(output.text("  warning"), output.text(warning, "yellow"))
    screen.print(table)


def _missing(each: dict[str, Any]) -> str:
    absent = each["not_installed"]
    return f"{', '.join(absent)}; type: pip install '{each['extra']}'" if absent else ""
