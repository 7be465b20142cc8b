"""How results look in a terminal: one function for each kind of value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from broker.cli import output
from broker.types.confidence import Confidence

if TYPE_CHECKING:
    from rich.console import Console

    from broker.types.caption import CaptionSet
    from broker.types.entity import EntitySet
    from broker.types.face import Face, FaceSet
    from broker.types.geometry import Region
    from broker.types.label import LabelSet, ObjectSet
    from broker.types.moderation import ModerationSet
    from broker.types.phrase import KeyPhraseSet, LanguageSet
    from broker.types.pii import PiiSet, RedactedText
    from broker.types.sentiment import DocumentSentiment, Sentiment
    from broker.types.span import Span
    from broker.types.transcript import Transcript
    from broker.types.written import DetectedText


def said(confidence: Confidence) -> str:
    """The provider's own value with its scale."""
    raw = confidence.raw
    if raw is None:
        return "none given"
    top = {"percent": "100", "ratio": "1"}.get(confidence.scale.value)
    if top is None or isinstance(raw, str):
        return f"{raw} ({confidence.scale.value})"
    return f"{raw:.4g} of {top}" + (" (cut to the scale)" if confidence.clamped else "")


def _nothing(screen: Console, what: str) -> None:
    screen.print(output.text(f"no {what}: the provider answered and names nothing (that is no error)"))


_LEAST = 10
"""Characters that the first column of a table keeps."""


def _rows(screen: Console, headers: Sequence[str], rows: Sequence[Sequence[object]], right: str = "") -> None:
    """Columns in which no row has anything are left out."""
    used = [number for number in range(len(headers)) if any(row[number] for row in rows)]
    table = output.table(
        *(headers[number] for number in used), right=tuple(name for name in headers if name in right.split())
    )
    if screen.width < 80:
        table.padding = (0, 1, 0, 0)
    # The first column holds the long texts and gives way; the others' headers are not broken within a word.
    words = [max(map(len, headers[number].split())) for number in used[1:]]
    if sum(words) + 2 * len(words) + _LEAST <= screen.width:
        for column, word in zip(table.columns[1:], words, strict=True):
            column.min_width = word
    for row in rows:
        table.add_row(*(output.text(row[number] or "") for number in used))
    screen.print(table)


def place(region: Region | None) -> str:
    """Where, in percent of the picture: left, top, width, height."""
    if region is None:
        return ""
    box = region.box
    return " ".join(f"{100 * part:.0f}" for part in (box.left, box.top, box.width, box.height)) + " %"


def _where(span: Span) -> str:
    if span.begin is None:
        return ""
    return f"{span.begin}-{span.end}" + ("" if span.offset_ok else " (does not fit)")


def labels(screen: Console, value: LabelSet) -> None:
    """vision.label"""
    if not value.labels:
        _nothing(screen, "labels")
        return
    rows = [
        (each.name, each.confidence.shown, said(each.confidence), ", ".join(each.parents))
        for each in value.labels
    ]
    _rows(screen, ("label", "confidence", "provider's word", "broader"), rows, "confidence")


def objects(screen: Console, value: ObjectSet) -> None:
    """vision.detect_objects"""
    if not value.objects:
        _nothing(screen, "objects")
        return
    rows = [
        (each.name, each.confidence.shown, place(each.region), ", ".join(each.parents))
        for each in value.objects
    ]
    _rows(screen, ("object", "confidence", "left top width height", "broader"), rows, "confidence")


def written(screen: Console, value: DetectedText) -> None:
    """vision.detect_text: the text itself, as it would be copied."""
    if not value.lines:
        _nothing(screen, "text")
        return
    for line in value.lines:
        screen.print(output.text(line.text), soft_wrap=True)
    known = [line.confidence.value for line in value.lines if line.confidence.value is not None]
    known = known or [word.confidence.value for word in value.words if word.confidence.value is not None]
    facts = [output.counted(len(value.lines), "line"), output.counted(len(value.words), "word")]
    facts += [output.counted(len(value.blocks), "block")] if value.blocks is not None else []
    facts += [f"confidence {min(known):.1%} at least"] if known else []
    facts += [f"languages {', '.join(value.languages)}"] if value.languages else []
    screen.print(output.text(f"({', '.join(facts)})", "dim"))


def faces(screen: Console, value: FaceSet) -> None:
    """vision.detect_faces"""
    if not value.faces:
        _nothing(screen, "faces")
        return
    rows = [
        (str(number), each.confidence.shown, place(each.region), _age(each), _looks(each))
        for number, each in enumerate(value.faces, 1)
    ]
    _rows(screen, ("face", "confidence", "left top width height", "age", "looks"), rows, "face confidence")


def _age(face: Face) -> str:
    return "" if face.age is None else f"{face.age[0]}-{face.age[1]}"


def _looks(face: Face) -> str:
    """What the provider is surest of: a decision of yes, or a high word or number."""
    found: list[str] = []
    for each in (*face.emotions, *face.attributes):
        sure = (each.confidence.value or 0.0) >= 0.5 or (each.confidence.ordinal or 0) >= 4
        if isinstance(each.value, str):
            found.append(f"{each.name} {each.value}")
        elif sure and each.value is not False:
            found.append(each.name)
    return ", ".join(found)


def moderation(screen: Console, value: ModerationSet) -> None:
    """vision.moderate and text.moderate"""
    if not value.labels:
        _nothing(screen, "harm")
        return
    rows = [
        (
            each.harm.value,
            each.name,
            each.confidence.shown,
            "" if each.severity is None else each.severity.shown,
            ", ".join(each.parents),
        )
        for each in value.labels
    ]
    _rows(screen, ("kind", "provider's name", "confidence", "severity", "broader"), rows, "confidence")
    _aggregated(screen, value.aggregated, "the highest value of its parts")


def captions(screen: Console, value: CaptionSet) -> None:
    """vision.caption"""
    if not value.captions:
        _nothing(screen, "caption")
        return
    rows = [(each.text, each.confidence.shown, place(each.region)) for each in value.captions]
    _rows(screen, ("caption", "confidence", "left top width height"), rows, "confidence")


def sentiment(screen: Console, value: DocumentSentiment) -> None:
    """text.sentiment"""
    rows = [("whole text", *_judged(value.document))]
    rows.extend((_short(each.text), *_judged(each.sentiment)) for each in value.sentences or ())
    headers = (
        "text",
        "sentiment",
        "confidence",
        "positive",
        "negative",
        "neutral",
        "mixed",
        "score",
        "magnitude",
    )
    _rows(screen, headers, rows, "confidence positive negative neutral mixed score magnitude")
    if value.document.derived and not value.aggregated:
        screen.print(output.text(f"(labels derived by us, rule {value.document.rule})", "dim"))
    _aggregated(screen, value.aggregated, f"by the length of its parts, rule {value.document.rule}")


def _judged(each: Sentiment) -> tuple[str, ...]:
    probable = each.probabilities
    numbers = (
        (None,) * 4
        if probable is None
        else (probable.positive, probable.negative, probable.neutral, probable.mixed)
    )
    name = f"{each.label.value} ({each.name})" if each.label.value == "other" else each.label.value
    return (
        name + ("*" if each.derived else ""),
        "" if each.confidence.raw is None else each.confidence.shown,
        *("" if number is None else f"{number:.1%}" for number in numbers),
        "" if each.score is None else f"{each.score:+.2f}",
        "" if each.magnitude is None else f"{each.magnitude:.2f}",
    )


def entities(screen: Console, value: EntitySet) -> None:
    """text.entities"""
    if not value.entities:
        _nothing(screen, "entities")
        return
    rows = [
        (
            each.text,
            each.kind.value,
            "/".join(filter(None, (each.category, each.subcategory))),
            each.confidence.shown,
            _where(each),
        )
        for each in value.entities
    ]
    _rows(screen, ("mention", "kind", "provider's name", "confidence", "characters"), rows, "confidence")


def phrases(screen: Console, value: KeyPhraseSet) -> None:
    """text.key_phrases"""
    if not value.phrases:
        _nothing(screen, "phrases")
        return
    rows = [
        (each.text, "" if each.confidence.raw is None else each.confidence.shown, _where(each))
        for each in value.phrases
    ]
    _rows(screen, ("phrase", "confidence", "characters"), rows, "confidence")


def languages(screen: Console, value: LanguageSet) -> None:
    """text.detect_language"""
    if not value.languages:
        _nothing(screen, "language")
        return
    rows = [(each.language, each.name or "", each.confidence.shown, each.code) for each in value.languages]
    _rows(screen, ("language", "name", "confidence", "provider's code"), rows, "confidence")


def pii(screen: Console, value: PiiSet) -> None:
    """text.detect_pii"""
    if not value.entities:
        _nothing(screen, "personal data")
        return
    rows = [
        (each.text, each.kind.value, each.category, each.confidence.shown, _where(each))
        for each in value.entities
    ]
    _rows(screen, ("found", "kind", "provider's name", "confidence", "characters"), rows, "confidence")


def redacted(screen: Console, value: RedactedText) -> None:
    """text.redact"""
    for line in value.text.splitlines():
        screen.print(output.text(line), soft_wrap=True)
    screen.print(output.text(f"({output.counted(len(value.entities), 'find')} masked)", "dim"))


def transcript(screen: Console, value: Transcript) -> None:
    """transcription.transcribe"""
    if not value.segments and not value.text:
        _nothing(screen, "words")
    for each in value.segments:
        when = "" if each.start_ms is None else f"[{output.clock(each.start_ms)}] "
        channel = "" if each.channel is None else f"channel {each.channel + 1}: "
        who = channel if each.speaker is None else f"{channel}{each.speaker}: "
        screen.print(output.text(f"{when}{who}{each.text}"), soft_wrap=True)
    if value.ignored:
        screen.print(output.text(f"(left out, for it is not offered: {', '.join(value.ignored)})", "dim"))


def _aggregated(screen: Console, aggregated: bool, how: str) -> None:
    if aggregated:
        screen.print(output.text(f"(a long text: {how})", "dim"))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 40 else f"{words[:39]}…"
