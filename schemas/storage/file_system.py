"""Opens the file system of a URL, or says why there is none."""

import tarfile
import zipfile

import fsspec

from ..errors import Refusal, brief
from ..secrets import remember

KEYS = "S3 reads no keys from a URL. Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or use a profile in ~/.aws"


def file_system(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Return the file system of an fsspec URL, and the path in it.

    Raises:
        Refusal: No installed library reads such URLs, or the URL is not valid.
    """
    try:
        return resolve(url)
    except ImportError as error:
        raise Refusal(f"{url}: cannot be opened ({brief(error, 200)}). Install that package.") from None
    except (ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
        fix = "Give a path, or a URL of a kind that fsspec knows, such as s3://bucket/folder"
        raise Refusal(f"{url}: cannot be opened ({brief(error, 200)}). {fix}.") from None


def resolve(url: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """Like `file_system`, for callers that name the key of the URL in their own refusal.

    Raises:
        ImportError: No installed library reads such URLs.
        ValueError: The URL is not valid.
        Refusal: It names keys of S3.
    """
    remember(url)
    last = url.rpartition("::")[2]
    if last.startswith(("s3://", "s3a://")) and "@" in last.removeprefix("s3a://").removeprefix("s3://").split("/")[0]:
        raise Refusal(f"{url}: {KEYS}.")
    if url.startswith("://"):
        raise ValueError("the URL has no scheme")
    try:
        fs, root = fsspec.core.url_to_fs(url)
    except TypeError as error:
        raise ValueError(str(error)) from None
    except (LookupError, AttributeError) as error:  # of a URL that the file system cannot take apart
        raise ValueError(f"{type(error).__name__}: {error}") from None
    return fs, str(root)
