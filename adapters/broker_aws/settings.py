"""Settings of one AWS account, and where its credential and region come from, found without network."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field, SecretStr, field_validator

from broker.contract import AdapterSettings, IndexSettings
from broker.errors import NotConfigured

if TYPE_CHECKING:
    from botocore.session import Session

INSTALL = "the AWS SDK is not installed; pip install 'mlbroker[aws]'"
WHAT_TO_TYPE = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE (made by 'aws configure' or "
    "'aws configure sso'), or access_key_id and secret_access_key in the provider's settings"
)
NO_REGION = (
    "no AWS region: set region in the provider's settings, or AWS_REGION, for example AWS_REGION=us-east-1"
)
DATA_USE = (
    "AWS may keep content sent to its AI services to improve them, also outside the region, unless the "
    "organisation has opted out (policy type AISERVICES_OPT_OUT_POLICY); this cannot be checked from here"
)
SERVICES = ("rekognition", "textract", "comprehend", "bedrock-agent-runtime", "bedrock-agent", "transcribe")
"""Of provider ``aws``, by the names of the support table and of ``endpoints``."""
STORE = "s3"
"""Where recordings are put for jobs; a name of ``endpoints`` too."""
STREAMS = "transcribestreaming"
"""Transcribe's host for streams; a name of ``endpoints`` too, and botocore's name of it."""
KENDRA_SERVICES = ("kendra",)
"""Of provider ``kendra``."""
# OutputBucketName and OutputKey of StartTranscriptionJob: the result goes below the same folder.
_STAGING = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:/[A-Za-z0-9_.!*'()-]{1,100}){0,8}/?")
_EC2_VENDOR_FILE = "/sys/class/dmi/id/board_vendor"


class AccountSettings(AdapterSettings):
    """One AWS account. Without keys or profile the SDK's own credential chain is used.

    :cvar services: those of the provider, each with a client of botocore's.
    :cvar hosts: further names of ``endpoints``, which have none.
    :param profile: a profile of ``~/.aws/config``.
    :param access_key_id: with ``secret_access_key``, instead of the chain.
    :param session_token: only with temporary keys.
    """

    services: ClassVar[tuple[str, ...]] = ()
    hosts: ClassVar[tuple[str, ...]] = ()

    profile: str | None = None
    access_key_id: SecretStr | None = None
    secret_access_key: SecretStr | None = None
    session_token: SecretStr | None = None

    @field_validator("endpoints")
    @classmethod
    def _known_services(cls, given: dict[str, str]) -> dict[str, str]:
        """A slip in a name would send content to another host than was meant."""
        known = (*cls.services, *cls.hosts)
        unknown = sorted(set(given) - set(known))
        if unknown:
            raise ValueError(f"there is no service {unknown[0]!r:.80}; endpoints takes {', '.join(known)}")
        return given

    def endpoint_of(self, service: str) -> str | None:
        """The address set for a service; None: botocore's own, with AWS_ENDPOINT_URL* and the profile's."""
        return self.endpoints.get(service) or self.endpoint

    def own_address(self, service: str) -> str | None:
        """The address that the user has set for a service, here or by botocore's variables; for people to see."""
        given = self.endpoint_of(service)
        if given or os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() == "true":
            return given
        return os.environ.get(endpoint_variable(service)) or os.environ.get("AWS_ENDPOINT_URL")

    def half_set(self) -> str:
        """What is missing of a credential given in part, or an empty text."""
        if (self.access_key_id is None) != (self.secret_access_key is None):
            missing = "secret_access_key" if self.secret_access_key is None else "access_key_id"
            return f"the provider's settings hold only half a credential: {missing} is missing"
        if self.session_token is not None and self.access_key_id is None:
            return "the provider's settings hold a session_token without access_key_id and secret_access_key"
        if self.access_key_id is not None or self.profile is not None:
            return ""
        key, secret = os.environ.get("AWS_ACCESS_KEY_ID"), os.environ.get("AWS_SECRET_ACCESS_KEY")
        if bool(key) != bool(secret):
            given, missing = (
                ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
                if key
                else ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID")
            )
            return f"{given} is set but {missing} is not; set both"
        return ""


class AwsSettings(AccountSettings, IndexSettings):
    """Provider ``aws``; an index is a knowledge base of Bedrock's, written ``KNOWLEDGEBASEID/DATASOURCEID``.

    The data source, of the type *custom*, is where documents are put; queries do without it.

    :param staging: where recordings are put for transcription, and the results of it, and deleted from afterwards: a
        private bucket of the same region and a folder in it (``s3://my-bucket/mlbroker``).
    :param managed: the knowledge bases are managed ones, where Bedrock keeps the vectors too.
    :param reranker: the model of ``mode="reranked"``: ``amazon.rerank-v1:0``, or an ARN.
    """

    services: ClassVar[tuple[str, ...]] = (*SERVICES, STORE)
    hosts: ClassVar[tuple[str, ...]] = (STREAMS,)

    managed: bool = False
    reranker: Annotated[str, Field(min_length=1, max_length=2048)] | None = None
    staging: str | None = None

    @field_validator("staging")
    @classmethod
    def _a_folder(cls, given: str | None) -> str | None:
        if given is None:
            return None
        if not _STAGING.fullmatch(given) or not {".", ".."}.isdisjoint(given.split("/")):
            raise ValueError("staging is a bucket and a folder in it, such as s3://my-bucket/mlbroker")
        return given.rstrip("/")


class KendraSettings(AccountSettings, IndexSettings):
    """Provider ``kendra``; an index is one of Kendra's, by the 36 characters of its id."""

    services: ClassVar[tuple[str, ...]] = KENDRA_SERVICES


def endpoint_variable(service: str) -> str:
    """botocore's own variable for the address of a service."""
    return f"AWS_ENDPOINT_URL_{service.upper().replace('-', '_')}"


def core_session(settings: AccountSettings) -> Session:
    """botocore's session for the profile. Raises :class:`NotConfigured` without the SDK."""
    try:
        from botocore.session import Session
    except ImportError as error:
        raise NotConfigured(INSTALL) from error
    return Session(profile=settings.profile)


def find_region(settings: AccountSettings) -> str | None:
    """The region in effect: settings, AWS_REGION, AWS_DEFAULT_REGION, the profile's.

    AWS_REGION is what the other AWS SDKs read (sdkref, feature-region) and what Lambda sets; botocore
    reads AWS_DEFAULT_REGION only.
    """
    region = settings.region or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if region:
        return region
    try:
        from botocore.exceptions import BotoCoreError
    except ImportError:
        return None
    try:
        found = core_session(settings).get_config_variable("region")
    except (
        NotConfigured,
        BotoCoreError,
    ):  # an unknown profile or a broken file: reported by the call and by setup()
        return None
    return found if isinstance(found, str) and found else None


def credential_source(settings: AccountSettings) -> tuple[str, str]:
    """Where the credential comes from, by name, and what is wrong with it. Reads files, never the network."""
    problem = settings.half_set()
    if settings.access_key_id is not None and not problem:
        return "access_key_id of the settings", ""
    if settings.profile is None and not problem:
        if os.environ.get("AWS_ACCESS_KEY_ID"):
            return "AWS_ACCESS_KEY_ID", ""
        if os.environ.get("AWS_WEB_IDENTITY_TOKEN_FILE") and os.environ.get("AWS_ROLE_ARN"):
            return "AWS_WEB_IDENTITY_TOKEN_FILE", ""
    if problem:
        return "", problem
    source, problem = _from_files(settings)
    if source or problem:
        return source, problem
    for variable in ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        if os.environ.get(variable):
            return variable, ""
    if os.environ.get("AWS_EC2_METADATA_DISABLED", "").lower() != "true" and _on_ec2():
        return "role of this EC2 instance (asked for at the first call)", ""
    return "", f"no AWS credential was found; {WHAT_TO_TYPE}"


def _from_files(settings: AccountSettings) -> tuple[str, str]:
    session = core_session(settings)
    from botocore.exceptions import BotoCoreError

    name = session.profile or "default"
    try:
        scoped = session.get_scoped_config()
    except BotoCoreError:
        return "", f"there is no usable profile {name!r} in ~/.aws/config or ~/.aws/credentials"
    if bool(scoped.get("aws_access_key_id")) != bool(scoped.get("aws_secret_access_key")):
        return "", f"profile {name!r} holds only half a credential; run 'aws configure --profile {name}'"
    kinds = {
        "aws_access_key_id": "keys",
        "role_arn": "role",
        "sso_session": "SSO",
        "sso_start_url": "SSO",
        "login_session": "console login",
        "credential_process": "credential_process",
        "web_identity_token_file": "web identity",
    }
    for key, kind in kinds.items():
        if scoped.get(key):
            return f"profile {name} ({kind})", ""
    if settings.profile is not None:
        return "", f"profile {name!r} holds no credential; run 'aws configure --profile {name}'"
    return "", ""


def _on_ec2() -> bool:
    try:
        with open(_EC2_VENDOR_FILE, encoding="utf-8", errors="replace") as file:
            return file.read(64).startswith("Amazon EC2")
    except OSError:
        return False
