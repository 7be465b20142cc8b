"""An answer as people look at it: rows, a text, and places in the picture; the same for every operation.

For reports and notebooks. Nothing is rounded away that is not a confidence, and nothing is escaped here: whoever writes HTML
does that (:mod:`broker.types.markup`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from broker.types.analysis import ImageAnalysis
from broker.types.caption import CaptionSet
from broker.types.confidence import Confidence
from broker.types.entity import EntitySet
from broker.types.face import FaceSet
from broker.types.geometry import Box, Frame, Region
from broker.types.label import LabelSet, ObjectSet
from broker.types.moderation import ModerationSet
from broker.types.phrase import KeyPhraseSet, LanguageSet
from broker.types.pii import PiiSet, RedactedText
from broker.types.search import SearchResults, SuggestionSet
from broker.types.sentiment import DocumentSentiment
from broker.types.transcript import Transcript
from broker.types.write import WriteReport
from broker.types.written import DetectedText


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One thing that was answered.

    :param sure: how sure, in words; empty: the provider does not say.
    :param box: its place in the picture, in ratios.
    """

    what: str
    detail: str = ""
    sure: str = ""
    box: Box | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """An answer.

    :param noun: what a row is: ``label``, ``word``.
    :param text: what was read, heard or written, to be compared word by word; None: the answer is no text.
    :param frame: the picture that boxes are ratios of.
    """

    noun: str
    rows: tuple[Row, ...]
    text: str | None = None
    frame: Frame | None = None

    @property
    def boxes(self) -> tuple[Row, ...]:
        """Rows with a place."""
        return tuple(each for each in self.rows if each.box is not None)


def shown_confidence(confidence: Confidence) -> str:
    """``97 %``, or the vendor's own word; empty where it says nothing."""
    if confidence.value is not None:
        return f"{100 * confidence.value:.0f} %"
    return "" if confidence.raw is None else str(confidence.raw).replace("_", " ").lower()


def _box(region: Region | None) -> Box | None:
    return None if region is None else region.box


def _labels(found: LabelSet) -> View:
    return View(
        noun="label", rows=tuple(Row(what=e.name, sure=shown_confidence(e.confidence)) for e in found.labels)
    )


def _objects(found: ObjectSet) -> View:
    rows = (Row(what=e.name, sure=shown_confidence(e.confidence), box=e.region.box) for e in found.objects)
    return View(noun="object", rows=tuple(rows), frame=found.frame)


def _faces(found: FaceSet) -> View:
    rows = (
        Row(
            what=f"face {number}",
            detail=", ".join(each.name.replace("_", " ") for each in face.emotions[:1]),
            sure=shown_confidence(face.confidence),
            box=face.region.box,
        )
        for number, face in enumerate(found.faces, 1)
    )
    return View(noun="face", rows=tuple(rows), frame=found.frame)


def _written(found: DetectedText) -> View:
    rows = (Row(what=e.text, sure=shown_confidence(e.confidence), box=_box(e.region)) for e in found.lines)
    return View(noun="line", rows=tuple(rows), text=found.text, frame=found.frame)


def _captions(found: CaptionSet) -> View:
    rows = (Row(what=e.text, sure=shown_confidence(e.confidence), box=_box(e.region)) for e in found.captions)
    first = found.captions[0].text if found.captions else ""
    return View(noun="caption", rows=tuple(rows), text=first, frame=found.frame)


def _moderation(found: ModerationSet) -> View:
    rows = (Row(what=e.name, detail=e.harm.value, sure=shown_confidence(e.confidence)) for e in found.labels)
    return View(noun="finding", rows=tuple(rows))


def _sentiment(found: DocumentSentiment) -> View:
    whole = found.document
    detail = "" if whole.score is None else f"score {whole.score:.2f}"
    rows = [Row(what=whole.label.value, detail=detail, sure=shown_confidence(whole.confidence))]
    rows += [Row(what=each.sentiment.label.value, detail=each.text) for each in found.sentences or ()]
    return View(noun="judgement", rows=tuple(rows))


def _entities(found: EntitySet | PiiSet) -> View:
    rows = (
        Row(what=e.text, detail=e.kind.value, sure=shown_confidence(e.confidence)) for e in found.entities
    )
    return View(noun="mention", rows=tuple(rows))


def _redacted(found: RedactedText) -> View:
    rows = (
        Row(what=e.kind.value, detail=e.category, sure=shown_confidence(e.confidence)) for e in found.entities
    )
    return View(noun="find", rows=tuple(rows), text=found.text)


def _phrases(found: KeyPhraseSet) -> View:
    return View(
        noun="phrase",
        rows=tuple(Row(what=e.text, sure=shown_confidence(e.confidence)) for e in found.phrases),
    )


def _languages(found: LanguageSet) -> View:
    rows = (
        Row(what=e.language, detail=e.name or "", sure=shown_confidence(e.confidence))
        for e in found.languages
    )
    return View(noun="language", rows=tuple(rows))


def _transcript(found: Transcript) -> View:
    rows = (
        Row(
            what=each.text,
            detail=" ".join(part for part in (_clock(each.start_ms), each.speaker or "") if part),
            sure=shown_confidence(each.confidence),
        )
        for each in found.segments
    )
    return View(noun="segment", rows=tuple(rows), text=found.text)


def _clock(milliseconds: int | None) -> str:
    if milliseconds is None:
        return ""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    return f"{minutes}:{seconds:02}"


def _results(found: SearchResults) -> View:
    rows = (
        Row(what=hit.title or hit.id, detail=hit.snippet.text if hit.snippet else "", sure=f"rank {hit.rank}")
        for hit in found.hits
    )
    return View(noun="hit", rows=tuple(rows))


def _suggestions(found: SuggestionSet) -> View:
    return View(noun="suggestion", rows=tuple(Row(what=each.text) for each in found.suggestions))


def _writes(found: WriteReport) -> View:
    rows = (Row(what=each.id, detail=each.state.value) for each in found.statuses)
    return View(noun="document", rows=tuple(rows))


def _analysis(found: ImageAnalysis) -> View:
    parts = [view_of(part) for part in _parts(found)]
    rows = tuple(row for part in parts for row in part.rows)
    frame = next((part.frame for part in parts if part.frame is not None), None)
    return View(noun="finding", rows=rows, frame=frame)


def _parts(found: ImageAnalysis) -> Iterable[object]:
    values = (getattr(found, name) for name in found.__dataclass_fields__)
    return (each for each in values if type(each) in _VIEWS)


_VIEWS: dict[type, Callable[[Any], View]] = {
    LabelSet: _labels,
    ObjectSet: _objects,
    FaceSet: _faces,
    DetectedText: _written,
    CaptionSet: _captions,
    ModerationSet: _moderation,
    DocumentSentiment: _sentiment,
    EntitySet: _entities,
    PiiSet: _entities,
    RedactedText: _redacted,
    KeyPhraseSet: _phrases,
    LanguageSet: _languages,
    Transcript: _transcript,
    SearchResults: _results,
    SuggestionSet: _suggestions,
    WriteReport: _writes,
    ImageAnalysis: _analysis,
}


def view_of(payload: object) -> View:
    """How an answer is shown; of a type that is not ours, its text."""
    made = _VIEWS.get(type(payload))
    return View(noun="answer", rows=(Row(what=str(payload)),)) if made is None else made(payload)
