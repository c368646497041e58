"""The extras `s3`, `gcs`, `azure`: their file systems are what a store opens, with the retries that docs state."""

import inspect
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from triptych.schemas.storage.file_system import file_system

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "how-to" / "object-stores.md").read_text()


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", "a2V5")
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:1")  # gcsfs asks no server for a token


@pytest.mark.parametrize(
    ("extra", "url", "package", "name"),
    [
        ("s3", "s3://bucket/out", "s3fs", "S3FileSystem"),
        ("gcs", "gs://bucket/out", "gcsfs", "GCSFileSystem"),
        ("azure", "abfs://container/out", "adlfs", "AzureBlobFileSystem"),
    ],
)
def test_a_store_opens_the_file_system_of_an_extra(extra: str, url: str, package: str, name: str) -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [re.split("[<>=]", each)[0] for each in extras[extra]] == [package]
    assert [each for each in extras["dev"] if each.startswith(package)]
    fs, path = file_system(url)
    assert name in [base.__name__ for base in type(fs).__mro__]
    assert type(fs).__module__.startswith(package)
    assert path.endswith("/out")
    assert f"`{extra}`" in PAGE


def test_the_retries_are_those_of_the_page() -> None:
    import adlfs
    import gcsfs.retry
    import s3fs
    from azure.storage.blob import ExponentialRetry

    def default(function: Any, name: str) -> Any:
        return inspect.signature(function).parameters[name].default

    stated = dict(re.findall(r"^\| `(\w+)` \|.*?\| (\d+) \|", PAGE, re.M))
    assert stated["s3"] == str(s3fs.S3FileSystem.retries)
    assert stated["gcs"] == str(gcsfs.GCSFileSystem.retries)
    assert stated["azure"] == str(default(ExponentialRetry, "retry_total") + 1)
    assert adlfs.AzureBlobFileSystem
