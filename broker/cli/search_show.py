"""How hits look to people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from broker.cli import output
from broker.cli.shapes import document

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from broker.types.hit import Hit, Score, Snippet
    from broker.types.search import SearchResults

_SNIPPET = 200


def results(screen: Console, value: SearchResults) -> None:
    """Answers, hits, facets, and how to go on."""
    for answer in value.answers:
        screen.print(output.text(f"{answer.kind.value}: {answer.text}"), soft_wrap=True)
    if not value.hits:
        screen.print(output.text("no hits", "dim"))
    table = output.table("#", "score", "document", right=("#", "score"))
    for hit in value.hits:
        table.add_row(output.text(hit.rank, "dim"), output.text(score(hit.score)), _cell(hit))
    if value.hits:
        screen.print(table)
    for facet in value.facets:
        counted = ", ".join(f"{_value(each.value)} {each.count:,}" for each in facet.values) or "none"
        screen.print(output.text(f"{facet.name}: {counted}"), soft_wrap=True)
    facts = []
    if value.total is not None and (value.hits or value.total):
        facts.append(f"{'' if value.total_exact else 'about '}{output.counted(value.total, 'hit')}")
    facts += [f"mode {value.mode.value}"] if value.mode is not None else []
    facts += ["from a part of the index only"] if value.partial else []
    facts += [f"searched for {value.corrected!r}"] if value.corrected else []
    if facts:
        screen.print(output.text(", ".join(facts), "dim"))
    if value.page is not None:
        screen.print(output.text(f"more: the same with --page {value.page.text}", "dim"), soft_wrap=True)


def score(given: Score) -> str:
    """The engine's own number or word; on its own scale."""
    if given.value is None:
        return "-" if given.raw is None else str(given.raw)
    return f"{given.value:.4g}"


def marked(snippet: Snippet) -> Text:
    """A snippet on one line, what matches in bold."""
    from rich.text import Text

    text = snippet.text
    if not snippet.offset_ok or not snippet.highlights:
        return output.text(_line(text)[:_SNIPPET])
    found = Text()
    upto = 0
    for each in snippet.highlights:
        if each.begin < upto:
            continue
        found.append_text(output.text(_line(text[upto : each.begin])))
        found.append_text(output.text(_line(text[each.begin : each.end]), "bold"))
        upto = each.end
    found.append_text(output.text(_line(text[upto:])))
    found.truncate(2 * _SNIPPET, overflow="ellipsis")
    return found


def results_document(value: SearchResults) -> dict[str, Any]:
    """A page of hits for ``--json``: the members of :class:`~broker.types.search.SearchResults`, the page as its text."""
    made: dict[str, Any] = document(value)
    return {**made, "page": None if value.page is None else value.page.text}


def side_by_side(screen: Console, rankings: Mapping[str, Sequence[Hit]], by: str, depth: int) -> None:
    """A column an engine; a mark for what another engine has too."""
    names = list(rankings)
    keys = {name: [key_of(hit, by) for hit in hits] for name, hits in rankings.items()}
    table = output.table("", *names)
    for rank in range(max((len(hits) for hits in rankings.values()), default=0)):
        cells = []
        for name in names:
            if rank >= len(rankings[name]):
                cells.append(output.text(""))
                continue
            hit = rankings[name][rank]
            shared = any(keys[name][rank] in keys[other][:depth] for other in names if other != name)
            cells.append(
                output.text(f"{'= ' if shared else ''}{hit.title or hit.id}"[:80], "bold" if shared else "")
            )
        table.add_row(output.text(str(rank + 1), "dim"), *cells)
    screen.print(table)


def key_of(hit: Hit, by: str) -> str:
    """What a hit is known by in several engines."""
    return (hit.url or hit.id) if by == "url" else hit.id


def _cell(hit: Hit) -> Text:
    found = output.text(hit.title or hit.id, "bold")
    if hit.title:
        found.append_text(output.text(f"  {hit.id}", "dim"))
    if hit.url:
        found.append_text(output.text(f"\n{hit.url}", "dim"))
    if hit.snippet is not None:
        found.append("\n")
        found.append_text(marked(hit.snippet))
    return found


def _line(text: str) -> str:
    return " ".join(text.replace("\r", " ").replace("\n", " ").split("  "))


def _value(value: Any) -> str:
    return "-" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)
