"""Where a bucket is, as the setting `object_store_url` says it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

CONNECT_S = 5
READ_S = 60
ATTEMPTS = 6
"""Of each request; the pauses between them grow, to a quarter of a minute together: a restart goes unnoticed."""
_OPTIONS = {"endpoint", "region", "addressing"}


@dataclass(frozen=True, slots=True)
class S3Place:
    """A bucket and what the names in it begin with (“” or “folder/”).

    `endpoint` is the address of a server that is not Amazon's. `addressing` is “path” or “virtual”: whether the
    bucket's name stands in the path or in the host name.
    """

    bucket: str
    prefix: str = ""
    endpoint: str | None = None
    region: str | None = None
    addressing: str = "auto"

    @classmethod
    def parse(cls, url: str) -> S3Place:
        """The place of `s3://BUCKET/PREFIX?endpoint=https://HOST:PORT&region=NAME`. Raises ValueError."""
        parts = urlsplit(url)
        if parts.scheme != "s3" or not parts.netloc or "@" in parts.netloc or ":" in parts.netloc:
            raise ValueError("expected is s3://BUCKET/PREFIX, with neither password nor port")
        options = dict(parse_qsl(parts.query, keep_blank_values=True))
        if unknown := sorted(options.keys() - _OPTIONS):
            raise ValueError(
                f"{unknown[0]} is none of its options, which are endpoint, region and addressing"
            )
        endpoint = options.get("endpoint")
        if endpoint is not None and urlsplit(endpoint).scheme not in ("http", "https"):
            raise ValueError("its endpoint must begin with http:// or https://")
        # Few servers of others' have a host name for each bucket.
        addressing = options.get("addressing", "path" if endpoint else "auto")
        if addressing not in ("path", "virtual", "auto"):
            raise ValueError("its addressing is path, virtual or auto")
        folder = parts.path.strip("/")
        return cls(parts.netloc, f"{folder}/" if folder else "", endpoint, options.get("region"), addressing)

    def __str__(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}" + (f" at {self.endpoint}" if self.endpoint else "")

    def connect(self, credentials: Path | None, connections: int) -> Any:
        """A client of botocore's, which threads may share. Raises ValueError for what botocore refuses.

        `credentials` is a file as Amazon's tools keep them (`[default]`, aws_access_key_id,
        aws_secret_access_key); without one, botocore looks in all of its usual places.
        """
        session = botocore.session.Session()
        if credentials is not None:
            session.set_config_variable("credentials_file", str(credentials))
        config = Config(
            connect_timeout=CONNECT_S,
            read_timeout=READ_S,
            max_pool_connections=connections,
            # Newer modes spend from a budget that all requests share, which an outage uses up at once.
            retries={"mode": "legacy", "total_max_attempts": ATTEMPTS},
            s3={"addressing_style": self.addressing},
        )
        try:
            # Signatures name a region even where the server has none.
            region = self.region or session.get_config_variable("region") or "us-east-1"
            return session.create_client("s3", endpoint_url=self.endpoint, region_name=region, config=config)
        except (BotoCoreError, ValueError) as error:
            raise ValueError(str(error)) from error
