"""What an index of Azure AI Search looks like: an index has the fields its maker gave it, and does not tell a query of them."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

FieldName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,127}(/[A-Za-z][A-Za-z0-9_]{0,127})*$")]
TopField = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,127}$")]
NoField = Annotated[str, Field(pattern=r"^([A-Za-z][A-Za-z0-9_]{0,127})?$")]
"""Empty: the index has none."""
_Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,127}$")]


class IndexShape(BaseModel):
    """One index: which of its fields hold what a document has, and what of the service it was made for.

    :param id: the key field.
    :param content: the text that is searched.
    :param title: empty: the index has none, and documents with one are refused.
    :param url: the same.
    :param times: fields of ``Edm.DateTimeOffset``, read as times; in the answer they look like any text.
    :param highlight: searchable fields in which matches are shown; None: ``content`` and ``title``.
    :param vector_fields: for the modes vector and hybrid: fields with a vectorizer, which makes the query's vector.
    :param semantic_configuration: for the mode reranked; None: the index's default.
    :param suggester: for suggestions.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    id: TopField = "id"
    content: TopField = "content"
    title: NoField = "title"
    url: NoField = "url"
    times: tuple[TopField, ...] = ()
    highlight: tuple[FieldName, ...] | None = None
    vector_fields: Annotated[tuple[FieldName, ...], Field(max_length=10)] = ()
    semantic_configuration: _Name | None = None
    suggester: _Name | None = None

    @property
    def members(self) -> dict[str, str]:
        """The field of each of a document's own members that the index has."""
        named = {"id": self.id, "content": self.content, "title": self.title, "url": self.url}
        return {member: name for member, name in named.items() if name}

    @property
    def highlighted(self) -> tuple[str, ...]:
        """Where matches are shown."""
        if self.highlight is not None:
            return self.highlight
        return tuple(name for name in (self.content, self.title) if name)
