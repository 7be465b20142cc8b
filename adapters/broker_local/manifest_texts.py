"""The cells of the operations on texts."""

from __future__ import annotations

from broker.contract import OperationSpec, Support, TextLimits, TextUnit, characters
from broker.types import Scale
from broker_local import entities

SKU = "local.text"
"""One entry of the price book for all texts."""

_LIMITS = TextLimits(max_size=100_000, unit=TextUnit.CODE_POINT, source="broker_local.texts")
# Deadlines are looked at between parts, and a part of this size takes some seconds.
_SENTIMENT_LIMITS = TextLimits(max_size=20_000, unit=TextUnit.CODE_POINT, source="broker_local.sentiment")
_ENGLISH = (
    "English only: a text that is clearly in another language is refused, and language='en' is believed. "
)
_PII_LANGUAGES = ("en", "de", "es", "fr", "it", "nl", "pl", "pt")
"""Those of the countries whose numbers are looked for."""
_PII = (
    "Finds what has a shape of its own: e-mail addresses, phones, URLs, IP and MAC addresses, cards, IBANs, "
    "crypto addresses, AWS keys, and identity, tax and health numbers of the US, UK, Canada, India, Brazil, Spain, "
    "France, Italy, Poland, the Netherlands and Germany; numbers by their check digits or by a word beside them; dates "
    "of birth after such a word, mostly in English. It does not find names, postal addresses, passports or ages. "
    "Phones without a country code are read as of the country in language (en-GB), else of the US. No confidence: a "
    "rule holds or it does not. Measured in November 2026 on 120 made-up texts (pii/synthetic), exact spans: all of "
    "149 finds of 7 kinds, none false, none of 48 names; nothing found in 1000 film sentences (rt-polarity). "
    "Licences: phonenumbers Apache-2.0, patterns our own."
)


def entity_cell() -> OperationSpec:
    """Yes where the user has an English spaCy model; none is brought along."""
    if problem := entities.ready():
        return OperationSpec(
            operation="text.entities",
            service="spaCy",
            support=Support.NOTYET,
            reason=f"spaCy's makers publish no model on PyPI, so no extra brings one, and {problem}",
        )
    return OperationSpec(
        operation="text.entities",
        service="spaCy",
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        scale=None,
        languages=("en",),
        notes=_ENGLISH
        + "By the most accurate English model that is installed; its labels are kept beside the common "
        "kinds. No confidence: spaCy gives none. Quality is the model's. Measured in November 2026 with "
        "en_core_web_sm 3.8 on 600 sentences (wikigold): F1 54 % for people, places and organisations. "
        "Licences: spaCy MIT, the model its own.",
    )


OPERATIONS = (
    OperationSpec(
        operation="text.sentiment",
        service="MiniLM with a head for sentiment",
        sku=SKU,
        meter=characters,
        limits=_SENTIMENT_LIMITS,
        languages=("en",),
        notes=_ENGLISH
        + "Positive, negative or neutral for each sentence, with the head's probabilities. A text of several "
        "sentences is judged by rule local-by-sentence-1: probabilities are means by length, the label is the most "
        "probable one, and mixed (which has no probability) where sure praise and sure blame each make up a quarter. "
        "Measured in November 2026 on 1000 polar film sentences (rt-polarity), which the head was not trained on: the "
        "right one of positive and negative is the more probable one in 74 % (95 %: 71 to 77), and is the label in "
        "71 %. Emoji are not known. Licences: all-MiniLM-L6-v2 Apache-2.0; the head is our own, from ratings published "
        "with vaderSentiment (MIT).",
    ),
    entity_cell(),
    OperationSpec(
        operation="text.key_phrases",
        service="RAKE",
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        scale=Scale.UNBOUNDED,
        languages=("en",),
        notes=_ENGLISH
        + "Runs of up to 4 words between stop words and marks, the heaviest first, each where it stands first. "
        "The weight is RAKE's (Rose and others, 2010): it ranks the phrases of one text, and is no confidence. Quality "
        "is not measured, for there is no data set with the truth here. Licence: our own, with a stop list of our own.",
    ),
    OperationSpec(
        operation="text.detect_language",
        service="py3langid",
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        notes="139 languages; the likeliest ten of 1 % and more. und stands first where none is likelier than not, as in "
        "numbers and very short texts. Norwegian Bokmal is no, Nynorsk nn. Measured in November 2026 on 195 paragraphs in "
        "39 languages (udhr): 97 % right; of their first 40 characters 96 %; of their first 20 characters 86 %, and "
        "98 % of those where a language is told. Confidence is the model's probability. Licence: BSD-3-Clause.",
    ),
    OperationSpec(
        operation="text.detect_pii",
        service="patterns with check digits",
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        scale=None,
        languages=_PII_LANGUAGES,
        notes=_PII,
    ),
    OperationSpec(
        operation="text.redact",
        service="patterns with check digits",
        sku=SKU,
        meter=characters,
        limits=_LIMITS,
        scale=None,
        languages=_PII_LANGUAGES,
        notes="Masks what text.detect_pii finds, and nothing else: names and addresses stay readable.",
    ),
    OperationSpec(
        operation="text.moderate",
        service="",
        support=Support.NOTYET,
        reason="no openly licensed model that tells kinds of harmful text was found inside a wheel; a list of rude words "
        "is no moderation",
    ),
)
