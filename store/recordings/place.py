"""Where recordings are kept: a folder, or a bucket that speaks S3. One description, read from settings by both deployables.

Refuses: reading the environment, and opening it (`store.recordings.shelf`).
"""

from dataclasses import dataclass

from pydantic import SecretStr

from contracts.errors import DomainError

VARIABLE = "AVA_RECORDINGS"
SCHEME = "s3://"


class PlaceMisconfigured(DomainError):
    """The message names the variable and what it may be, never a key."""

    code = "recordings_misconfigured"


@dataclass(frozen=True)
class Place:
    """`where`: a folder, or s3://bucket/prefix. The rest is for buckets: `endpoint` where it is not Amazon's own; without
    keys, those that the machine has (an instance's role)."""

    where: str
    endpoint: str | None = None
    region: str | None = None
    access_key_id: str | None = None
    secret_access_key: SecretStr | None = None

    @property
    def is_bucket(self) -> bool:
        return self.where.startswith(SCHEME)
