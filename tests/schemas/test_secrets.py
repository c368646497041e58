"""What a URL holds beside scheme, host and path is taken out of every text."""

import pytest

from triptych.schemas import secrets
from triptych.schemas.base import Strict
from triptych.schemas.errors import Refusal, brief
from triptych.schemas.secrets import hide, public_tree, remember, secrets_of, shown, without_secrets


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("no URL: a@b, 12:30", "no URL: a@b, 12:30"),
        ("see (https://h/a?token=x/y#z). Fix it", "see (https://h/a). Fix it"),
        ("URL('https://ann:SECRET@h:80/x?t=1')", "URL('https://h:80/x')"),
        ("s3://key:SE/CRET@bucket/a", "s3://bucket/a"),
        ("'s3://key:SECR", "'s3://***"),
        ("zip://*.jsonl::simplecache::https://ann:SECRET@h/a.zip?x=S", "zip://*.jsonl::simplecache::https://h/a.zip"),
        ("simplecache::memory://ann:SECRET@box/a", "simplecache::memory://box/a"),
        ("zip://a.json::/data/x.zip", "zip://a.json::/data/x.zip"),
        ("zip://*.jsonl::a.zip: it is", "zip://*.jsonl::a.zip: it is"),
        ("tar://d/*.txt::d/*.tar", "tar://d/*.txt::d/*.tar"),
        ("https://[::1]:80/a?token=S", "https://[::1]:80/a"),
        ("tcp://127.0.0.1:8786: no answer", "tcp://127.0.0.1:8786: no answer"),
        ("s3://b/part-?.jsonl and s3://b/a?versionId=S", "s3://b/part-?.jsonl and s3://b/a"),
        ("abfs://container@account/x, abfs://k:S@account/x", "abfs://container@account/x, abfs://account/x"),
        ("github://owner:repository@main/x", "github://owner:repository@main/x"),
        ("token hf_AbCdEfGhIjKlMnOpQrSt", "token ***"),
        ("Authorization: Bearer abcdef.12345678", "Authorization: Bearer ***"),
        ("hf_transformers", "hf_transformers"),
    ],
)
def test_a_text_keeps_scheme_host_and_path(text: str, public: str) -> None:
    assert without_secrets(text) == public


def test_a_text_is_cleaned_before_it_is_cut() -> None:
    assert brief("it is at\n https://ann:SECRETSECRET@host/a", 22) == "it is at https://host/"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://ann:SECRET@h/a?download=true", {"SECRET"}),
        ("https://h/a?sig=S%2BCRET12", {"S+CRET12", "S%2BCRET12"}),
        ("zip://x::https://h/a?token=s3cr3t", {"s3cr3t"}),
        ("s3://bucket/*.jsonl", set()),
    ],
)
def test_the_secrets_of_a_url(url: str, found: set[str]) -> None:
    assert secrets_of(url) == found
    assert hide(f"it was {url}", secrets_of(url)).count("***") >= bool(found)


def test_a_secret_of_this_process_is_not_shown_without_its_url(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setenv("HF_TOKEN", "planted-in-the-environment")
    remember({"sources": [{"path": "s3://key:PLANTED1@bucket/a"}], "options": {"password": "PLANTED2"}})
    assert str(Refusal('bucket "key:PLANTED1@bucket", PLANTED2')) == 'bucket "key:***@bucket", ***'
    assert shown("planted-in-the-environment") == "***"


def test_a_tree_has_no_secret() -> None:
    tree = {"a": ["https://h/a?x=1", 3], "aws_secret_access_key": "S", "s3_access_key_id": "S", "token": "S", "n": None}
    hidden = {"aws_secret_access_key": "***", "s3_access_key_id": "***", "token": "***"}
    assert public_tree(tree) == {"a": ["https://h/a", 3], "n": None} | hidden


def test_a_config_has_no_secret_in_its_repr() -> None:
    class Place(Strict):
        path: str

    assert repr(Place(path="https://ann:SECRET@h/a")) == "Place(path='https://h/a')"


@pytest.mark.parametrize("unit", ["x", ".", "https://", "::", "?a", "@", "a:", "hf_", "[", "://a:b"])
def test_long_texts_take_no_quadratic_time(unit: str) -> None:
    text = unit * (50_000 // len(unit))
    assert without_secrets(text) is not None
    assert secrets_of(f"https://{text}") is not None
    assert without_secrets(f"https://{text}") is not None
