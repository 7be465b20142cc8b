"""Natural Language's entity types and moderation categories in the common vocabulary.

Sources: google.cloud.language.v2.Entity.Type and v1.Entity.Type; cloud.google.com/natural-language/docs/moderating-text.
What is not in a map becomes ``other`` and keeps Google's name.
"""

from __future__ import annotations

from broker.types import EntityKind, Harm

ENTITIES: dict[str, EntityKind] = {
    "UNKNOWN": EntityKind.OTHER,
    "PERSON": EntityKind.PERSON,
    "LOCATION": EntityKind.LOCATION,
    "ORGANIZATION": EntityKind.ORGANIZATION,
    "EVENT": EntityKind.EVENT,
    "WORK_OF_ART": EntityKind.WORK,
    "CONSUMER_GOOD": EntityKind.PRODUCT,
    "OTHER": EntityKind.OTHER,
    "PHONE_NUMBER": EntityKind.PHONE,
    "ADDRESS": EntityKind.ADDRESS,
    "DATE": EntityKind.DATE_TIME,
    "NUMBER": EntityKind.NUMBER,
    "PRICE": EntityKind.PRICE,
}

ENTITY_TYPES = (*list(ENTITIES)[:8], "", *list(ENTITIES)[8:])
"""Entity.Type by number; there is no 8."""

HARMS: dict[str, Harm] = {
    "Toxic": Harm.TOXIC,
    "Insult": Harm.HARASSMENT,
    "Profanity": Harm.PROFANITY,
    "Derogatory": Harm.HATE,
    "Sexual": Harm.SEXUAL,
    "Death, Harm & Tragedy": Harm.SENSITIVE,
    "Violent": Harm.VIOLENCE,
    "Firearms & Weapons": Harm.WEAPONS,
    "Public Safety": Harm.SENSITIVE,
    "Health": Harm.MEDICAL,
    "Religion & Belief": Harm.SENSITIVE,
    "Illicit Drugs": Harm.DRUGS,
    "War & Conflict": Harm.SENSITIVE,
    "Politics": Harm.SENSITIVE,
    "Finance": Harm.SENSITIVE,
    "Legal": Harm.SENSITIVE,
}
"""The sensitive topics (war, death, politics …) are what a text speaks of, not what it does to anybody."""
