"""Object storage: bodies of files by key, in a local folder or in a cloud's bucket.

Modules:
    object_store  the protocol of a store and its errors
    store_url     STORAGE_URL: what a URL names, and the store that it opens
    local_store   bodies in a folder (`file://`)
    cloud_store   bodies in a bucket of S3, Google Cloud Storage or Azure (`s3://`, `gs://`, `az://`), through obstore
"""

from monynha.infra.storage.object_store import (
    ObjectExistsError,
    ObjectInfo,
    ObjectMissingError,
    ObjectStore,
    StorageUnavailableError,
)
from monynha.infra.storage.store_url import open_store

__all__ = [
    "ObjectExistsError",
    "ObjectInfo",
    "ObjectMissingError",
    "ObjectStore",
    "StorageUnavailableError",
    "open_store",
]
