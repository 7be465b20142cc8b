"""Recordings in a private container of Azure Blob Storage: put there, deleted again.

Source: learn.microsoft.com/rest/api/storageservices (Put Blob, Delete Blob). One Put Blob takes up to 5,000 MiB from version
2019-12-12 on, five times what batch transcription reads.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial

from broker.contract import Content, Context, HttpReply, Upload
from broker.errors import AuthFailed, MalformedReply, NotConfigured, Outcome, ProviderError
from broker.types import Audio
from broker_azure import faults
from broker_azure.places import WANTED, Staging
from broker_azure.rest import installed
from broker_azure.settings import AzureSettings, token_source
from broker_azure.token import STORAGE_SCOPE, Tokens

VERSION = "2023-11-03"
_WRITTEN = 201
_NOT_THERE = ("BlobNotFound", "ContainerNotFound", "ResourceNotFound")
_INSTALL = "azure-identity is not installed; pip install 'mlbroker[azure]', or set staging_sas in the settings of provider azure"


class Blobs:
    """The staging folder of an account."""

    def __init__(self, settings: AzureSettings) -> None:
        self._folder = settings.staging
        self._sas = None if settings.staging_sas is None else settings.staging_sas.get_secret_value()
        self._tokens = Tokens(STORAGE_SCOPE)

    @property
    def staging(self) -> Staging:
        """The folder. Raises :class:`NotConfigured` where the settings name none."""
        if self._folder is None:
            raise NotConfigured(
                f'batch transcription reads recordings from a private Blob container; set staging = "{WANTED}" in the settings '
                "of provider azure"
            )
        return Staging(folder=self._folder)

    async def put(self, audio: Audio, key: str, context: Context) -> str:
        """Write the recording, over what is there, and say where; the address has no signature."""
        place = self.staging.place(key, audio.format)
        headers = {"x-ms-blob-type": "BlockBlob", "Content-Type": audio.mime_type}
        reply = await self._send("PUT", place, context, headers, Upload(audio.open, audio.size))
        if reply.status != _WRITTEN:
            raise MalformedReply(
                f"what answers at staging said {reply.status} and not that the recording was written; check staging in the "
                "settings of provider azure, and proxies on the way",
                outcome=Outcome.REJECTED,
                status=reply.status,
            )
        return place

    async def delete(self, place: str, context: Context) -> None:
        """Delete a recording that :meth:`put` wrote; nothing there is as good."""
        try:
            await self._send("DELETE", self.staging.owned(place), context, {})
        except ProviderError as error:
            # Another 404 is of something on the way, and the recording may still be there.
            if error.status != 404 or error.code not in _NOT_THERE:
                raise

    def readable(self, place: str) -> str:
        """The address as Speech is told it: with the signature, if there is one. A secret then."""
        return place if self._sas is None else f"{place}?{self._sas}"

    def renew(self, refused: AuthFailed, context: Context) -> bool:
        """Fetch another token, if it was a token of ours that was refused."""
        return refused.status == 401 and self._tokens.spoiled and self._tokens.renew(context)

    def close(self) -> None:
        """Release the credential."""
        self._tokens.close()

    async def _send(
        self, method: str, place: str, context: Context, headers: dict[str, str], content: Content = b""
    ) -> HttpReply:
        token = None if self._sas is not None else await self._token(context)
        sent = {
            "x-ms-version": VERSION,
            "x-ms-date": format_datetime(datetime.now(UTC), usegmt=True),
            **headers,
        }
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        reply = await context.http.send(method, self.readable(place), headers=sent, content=content)
        if not 200 <= reply.status < 300:
            if reply.status == 401 and token is not None:
                self._tokens.refuse(token)
            raise faults.refusal(reply)
        return reply

    async def _token(self, context: Context) -> str:
        held = self._tokens.held()
        if held is not None:
            return held
        problem = token_source()[1] if installed() else _INSTALL
        if problem:  # at once: the chain would first ask the metadata service of a machine that has none
            raise NotConfigured(
                f"{problem}; or set staging_sas, for a token or a signature is needed to write to staging"
            )
        return await context.http.run_blocking(partial(self._tokens.get, context))
