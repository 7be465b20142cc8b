"""Vertex AI Search: from an index's name in the settings or a call to Google's resource names.

An index is a data store, which has documents and can be searched, or an app (engine), which is searched only::

    manuals
    dataStores/manuals
    dataStores/manuals/branches/1
    engines/manuals-app
    collections/other/engines/manuals-app/servingConfigs/best
    projects/my-project/locations/eu/collections/default_collection/dataStores/manuals

Sources: the resource patterns of google/cloud/discoveryengine/v1/{document,search,completion}_service.proto.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from broker.errors import BadInput, NotConfigured
from broker_gcp.search_keys import id_problem, key_of
from broker_gcp.settings import DISCOVERY, GcpSettings, location_of

_ID = r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}"
_ADDRESS = re.compile(
    rf"""
    (?:projects/(?P<project>[a-z0-9][a-z0-9.:-]{{0,100}})/locations/(?P<location>[a-z0-9-]{{1,40}})/)?
    (?:collections/(?P<collection>{_ID})/)?
    (?:(?P<kind>dataStores|engines)/)?(?P<id>{_ID})
    (?:/branches/(?P<branch>{_ID}))?
    (?:/servingConfigs/(?P<serving>{_ID}))?
    """,
    re.VERBOSE | re.ASCII,
)
_COLLECTION, _BRANCH, _SERVING = "default_collection", "default_branch", "default_search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One index.

    :param project: where the address names one; else the account's.
    :param store: the data store; None: the address is that of an app.
    :param engine: the app that queries go through; None: they go to the data store itself.
    :param branch: where the address names one; else the data store's default one.
    """

    project: str | None
    collection: str
    store: str | None
    engine: str | None
    branch: str | None
    serving: str

    def searched(self, parent: str) -> str:
        """The serving config that queries go to. ``parent``: ``projects/…/locations/…``."""
        kind = f"dataStores/{self.store}" if self.engine is None else f"engines/{self.engine}"
        return f"{parent}/collections/{self.collection}/{kind}/servingConfigs/{self.serving}"

    def kept(self, parent: str) -> str:
        """The data store. Raises :class:`BadInput` for an app."""
        if self.store is None:
            raise BadInput(
                f"engines/{self.engine} is an app, which is searched only; documents and suggestions are those of a data "
                "store: name that as the index, and the app in search_engines of provider gcp",
                misaddressed=True,
            )
        return f"{parent}/collections/{self.collection}/dataStores/{self.store}"

    def documents(self, parent: str) -> str:
        """The branch that documents are in. Raises :class:`BadInput` for an app."""
        return f"{self.kept(parent)}/branches/{self.branch or _BRANCH}"

    def document(self, parent: str, key: str) -> str:
        """One document, by its id. Raises :class:`BadInput` for what can be no document's id there."""
        coded = key_of(key)
        if coded is None:
            raise BadInput(id_problem(key))
        return f"{self.documents(parent)}/documents/{coded}"


def place_of(settings: GcpSettings, asked: str | None) -> Place:
    """The index that a call means. Raises :class:`NotConfigured`, :class:`BadInput`."""
    address = settings.address(asked, provider="gcp")
    found = _ADDRESS.fullmatch(address)
    if found is None:
        raise BadInput(
            f"{address!r:.200} is no index of Vertex AI Search: name a data store by its id, or as dataStores/ID or "
            "engines/ID, or by its whole resource name",
            misaddressed=True,
        )
    location, due = found["location"], location_of(settings, DISCOVERY)
    if location is not None and location != due:
        raise NotConfigured(
            f"the index lies in {location}, and provider gcp works in {due}; set region to where it lies, "
            "or name an index there"
        )
    is_engine = found["kind"] == "engines"
    if is_engine and found["branch"]:
        raise BadInput(f"{address!r:.200}: an app has no branches; data stores have", misaddressed=True)
    return Place(
        project=found["project"],
        collection=found["collection"] or _COLLECTION,
        store=None if is_engine else found["id"],
        engine=found["id"] if is_engine else settings.search_engines.get(found["id"]),
        branch=found["branch"],
        serving=found["serving"] or _SERVING,
    )
