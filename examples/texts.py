"""A few texts: language, mood, key phrases, and what tells who somebody is masked. Offline, on the local provider.

Each ``*_many`` gives an item for every text, in order, with that text's own error in its place: the mood of the German
text is refused, because the local model reads English only, and the others go on.
"""

from __future__ import annotations

from broker import Broker
from broker.types import DocumentSentiment, Item, KeyPhraseSet

TEXTS = (
    "The hotel was lovely. Write to me at eve@example.org!",
    "My parcel is late again; nobody answers at +49 30 1234567.",
    "Wo ist der Bahnhof, und wann kommt der Zug nach Hamburg?",
)


def mood(item: Item[DocumentSentiment]) -> str:
    """The label and how sure it is, or why there is none."""
    if not item.ok:
        return type(item.error).__name__
    whole = item.value.document
    return f"{whole.label.value} {whole.confidence.shown}"


def phrase(item: Item[KeyPhraseSet]) -> str:
    """The first one."""
    return item.value.phrases[0].text if item.ok and item.value.phrases else "-"


def main() -> None:
    """Ask four questions about all texts, and print a line for each text."""
    with Broker(provider="local", deadline=60) as broker:
        texts = broker.text
        languages = texts.detect_language_many(TEXTS)
        moods = texts.sentiment_many(TEXTS)
        phrases = texts.key_phrases_many(TEXTS)
        masked = texts.redact_many(TEXTS, mask="kind")
        print(f"{'language':10}{'mood':18}{'phrase':22}text")
        for language, felt, about, safe in zip(languages, moods, phrases, masked, strict=True):
            best = language.value.best
            print(f"{best.language if best else 'und':10}{mood(felt):18}{phrase(about):22}{safe.value.text}")
        for row in broker.spend():
            print(f"{row.group[1]}: {row.attempts} attempts, {row.amount} {row.currency}")


if __name__ == "__main__":
    main()
