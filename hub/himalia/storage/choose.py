"""The object store that the settings name."""

from __future__ import annotations

from himalia.core.settings import BadSettings, Settings
from himalia.storage.base import ObjectStore
from himalia.storage.directory import DirectoryStore

CREDENTIALS = "s3-credentials"


def make_store(settings: Settings) -> ObjectStore:
    """A directory in the home, or what `object_store_url` names. Raises BadSettings."""
    url = settings.object_store_url
    if not url:
        return DirectoryStore(settings.home / "objects")
    # botocore takes time and memory, and comes with an extra of its own.
    try:
        from himalia.storage.s3.place import S3Place
        from himalia.storage.s3.store import S3Store
    except ImportError as error:
        raise BadSettings(f"object_store_url needs botocore: install himalia[s3]. {error}") from error
    credentials = (settings.secrets_dir or settings.home / "secrets") / CREDENTIALS
    try:
        place = S3Place.parse(url)
        return S3Store(place, settings.home / "near", credentials if credentials.exists() else None)
    except ValueError as error:
        raise BadSettings(f"object_store_url cannot be used: {error}.") from error
