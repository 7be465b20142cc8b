"""``mlbroker search``: put documents into an index, ask it, compare engines, take documents out.

``query --json`` gives ``command``, ``text`` and those of :func:`~broker.cli.run.result_document` with the members of
:class:`~broker.types.search.SearchResults` (``page`` as the text for ``--page``), and ``exit_code``.

``compare --json`` gives ``command``, ``text``, ``top``, ``by``, ``engines`` (a list: ``provider`` and either ``error`` or
the same as of ``query``), ``not_asked`` (``provider``, ``problem``), ``overlap`` (a list: ``one``, ``other``, ``rbo``,
``jaccard``), ``summary`` (``cost`` and so on as of other commands) and ``exit_code``. ``index --json`` and ``delete --json``:
see :mod:`broker.cli.search_index`.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from broker.cli import asking, exits, options, output, search_index
from broker.cli.run import effort, result_document, who
from broker.cli.search_asking import Index, Words, call_options, planned
from broker.errors import BrokerError, NotConfigured, Unsupported

if TYPE_CHECKING:
    from broker.client import Broker
    from broker.types.call import Result
    from broker.types.search import SearchResults

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Put documents into an index, ask it, compare engines, take documents out.",
)
app.command("index", cls=options.Plain)(search_index.index)
app.command("delete", cls=options.Plain)(search_index.delete)

Top = Annotated[int, typer.Option("--top", metavar="N", min=1, help="Hits of one page.")]
Filter = Annotated[
    str | None,
    typer.Option(
        "--filter", metavar="TEXT", help="Such as \"year >= 2000 and (lang = 'en' or tags contains 'news')\"."
    ),
]
Mode = Annotated[
    str | None, typer.Option("--mode", metavar="HOW", help="keyword, vector, hybrid or reranked.")
]
OPERATION = "search.query"


@app.command("query", cls=options.Plain)
def query(
    context: typer.Context,
    words: Words,
    provider: asking.Provider = None,
    index: Index = None,
    top: Top = 10,
    filter: Filter = None,
    facet: Annotated[
        list[str] | None, typer.Option("--facet", metavar="NAME", help="Count the values of this name.")
    ] = None,
    mode: Mode = None,
    page: Annotated[
        str | None, typer.Option("--page", metavar="TOKEN", help="The page that the one before names.")
    ] = None,
    language: asking.LanguageOfText = None,
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    ext: asking.Extensions = None,
    raw: asking.Raw = False,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Find documents by words. One page; each further page is asked for by hand."""
    state = options.begin(context, as_json)
    asked = call_options(
        provider=provider,
        index=index,
        deadline=deadline,
        max_cost=max_cost,
        tag=tag,
        ext=ext,
        raw=raw,
        language=language,
        filter=filter,
        facets=tuple(facet or ()),
        mode=mode,
        page=page,
    )
    asked["top"] = top
    text = " ".join(words)
    from broker.cli import main

    with main.make_broker(config=state.config) as broker:
        if dry_run:
            planned("search query", [broker.estimate.search.query(text, **asked)], as_json)
        result = broker.search.query(text, **asked)
    if as_json:
        output.emit({"command": "search query", "text": text, **_document(result), "exit_code": exits.OK})
    else:
        from broker.cli.search_show import results

        screen = output.console()
        screen.print(output.text(who(result.provenance), "dim"))
        results(screen, result.value)
        screen.print(output.text(effort(result), "dim"))


@app.command("compare", cls=options.Plain)
def compare(
    context: typer.Context,
    words: Words,
    providers: Annotated[
        list[str] | None,
        typer.Option(
            "--providers", "-p", metavar="A,B", help="These; otherwise all that are configured here."
        ),
    ] = None,
    index: Index = None,
    top: Top = 10,
    filter: Filter = None,
    mode: Mode = None,
    by: Annotated[
        str,
        typer.Option(
            "--by",
            metavar="HOW",
            help="Hits are the same by id or by url.",
            callback=options.one_of("id", "url"),
        ),
    ] = "id",
    deadline: options.Deadline = None,
    max_cost: options.MaxCost = None,
    tag: options.Tags = None,
    dry_run: options.DryRun = False,
    as_json: options.Json = False,
) -> None:
    """Ask several engines the same, side by side, with how alike their rankings are. Each call may cost."""
    state = options.begin(context, as_json)
    asked = call_options(
        provider=None,
        index=index,
        deadline=deadline,
        max_cost=max_cost,
        tag=tag,
        ext=None,
        filter=filter,
        mode=mode,
    )
    asked["top"] = top
    text = " ".join(words)
    named = options.names(providers, "--providers")
    from broker.cli import main

    with main.make_broker(config=state.config) as broker:
        able, unable = _engines(broker, named)
        if not able:
            reasons = "; ".join(f"{name}: {problem}" for name, problem in unable.items())
            raise NotConfigured(f"no engine can be asked: {reasons}")
        if dry_run:
            plan = broker.estimate.plan()
            planned(
                "search compare", [plan.search.query(text, provider=name, **asked) for name in able], as_json
            )
        answers: dict[str, Result[SearchResults] | BrokerError] = {}
        for name in able:
            try:
                answers[name] = broker.search.query(text, provider=name, **asked)
            except BrokerError as error:
                answers[name] = error
    _told(text, answers, unable, by, top, as_json, named is not None)


def _told(
    text: str,
    answers: dict[str, Result[SearchResults] | BrokerError],
    unable: dict[str, str],
    by: str,
    top: int,
    as_json: bool,
    named: bool,
) -> None:
    from broker.cli.search_overlap import jaccard, rbo
    from broker.cli.search_show import key_of, side_by_side
    from broker.cli.tally import Tally

    tally = Tally()
    for outcome in answers.values():
        tally.add(outcome)
    good = {name: each for name, each in answers.items() if not isinstance(each, BrokerError)}
    keys = {name: [key_of(hit, by) for hit in each.value.hits] for name, each in good.items()}
    overlap = [
        {
            "one": one,
            "other": other,
            "rbo": rbo(keys[one], keys[other]),
            "jaccard": jaccard(keys[one], keys[other], top),
        }
        for one, other in combinations(good, 2)
    ]
    errors = {name: each for name, each in answers.items() if isinstance(each, BrokerError)}
    absent = [NotConfigured(problem) for problem in unable.values()] if named else []
    code = exits.worst([exits.code_of(error) for error in (*errors.values(), *absent)])
    if as_json:
        engines = [
            {"provider": name, "ok": False, "error": exits.document(each)}
            if isinstance(each, BrokerError)
            else {"provider": name, "ok": True, **_document(each)}
            for name, each in answers.items()
        ]
        output.emit(
            {
                "command": "search compare",
                "text": text,
                "top": top,
                "by": by,
                "engines": engines,
                "not_asked": [{"provider": name, "problem": why} for name, why in unable.items()],
                "overlap": overlap,
                "summary": tally.document(),
                "exit_code": code,
            }
        )
        raise typer.Exit(code)
    screen = output.console()
    side_by_side(screen, {name: each.value.hits for name, each in good.items()}, by, top)
    facts = output.table(
        "engine", "hits", "score's scale", "latency", "cost", right=("hits", "latency", "cost")
    )
    for name, each in good.items():
        scale = each.value.hits[0].score.scale.name if each.value.hits else "-"
        total = each.value.total
        facts.add_row(
            output.text(name),
            output.text("-" if total is None else f"{total:,}"),
            output.text(scale),
            output.text(output.seconds(each.latency)),
            output.text(each.cost.shown),
        )
    if good:
        screen.print(facts)
    if overlap:
        alike = output.table("engines", "rank-biased overlap", f"shared of the first {top}")
        for pair in overlap:
            alike.add_row(
                output.text(f"{pair['one']} and {pair['other']}"),
                _share(pair["rbo"]),
                _share(pair["jaccard"]),
            )
        screen.print(alike)
        screen.print(
            output.text(
                "= marks what another engine found too; alike is not right, and scores are never compared",
                "dim",
            )
        )
    for name, error in errors.items():
        told = exits.message(error)
        output.complain(told if told.startswith(name) else f"{name}: {told}")
    for name, problem in unable.items():
        screen.print(output.text(f"not asked: {name}: {problem}", "dim"), soft_wrap=True)
    screen.print(output.text(f"cost {tally.shown()}", "bold"))
    raise typer.Exit(code)


def _share(value: Any) -> Any:
    return output.text("-" if value is None else f"{value:.2f}")


def _document(result: Result[SearchResults]) -> dict[str, Any]:
    from broker.cli.search_show import results_document

    return {**result_document(result), **results_document(result.value)}


def _engines(broker: Broker, named: list[str] | None) -> tuple[list[str], dict[str, str]]:
    """Who can be asked, and who cannot with the reason; what an engine does not offer is told only where it was named."""
    from broker.pipeline.call import Candidate

    able: list[str] = []
    unable: dict[str, str] = {}
    for name in named if named is not None else broker.registry.names():
        candidate = Candidate.parse(name)
        try:
            broker.registry.manifest(candidate.provider).spec(OPERATION)
            setup = broker.registry.setup(candidate.provider, candidate.profile)
            if not setup.takes(OPERATION):
                raise NotConfigured(setup.problem or "it is not configured")
        except Unsupported as error:
            if named is not None:
                unable[name] = output.told(str(error))
        except BrokerError as error:
            unable[name] = output.told(str(error))
        else:
            able.append(name)
    return able, unable
