"""Which members of a tar make a sample: names are grouped as webdataset does, and members apart are told."""

import json
import tarfile
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

import pytest
import webdataset
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from triptych.pipelines.sources import scattered
from triptych.pipelines.sources.base import Drop

from .conftest import Read
from .tars import config, named, tar_bytes


def test_long_and_odd_names_group(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [
        ("d" * 150 + "/ü.jpg", b"1"),
        ("d" * 150 + "/ü.txt", b"long"),
        ("v1.0/a.left.jpg", b"2"),
        ("v1.0/a.txt", b"t"),
    ]
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        (tmp_path / "a.tar").write_bytes(tar_bytes(members, format=form))
        assert read(**config(tmp_path / "a.tar", image="jpg;left.jpg")).column("text") == ["long", "t"]


names = st.builds(
    lambda folder, base, ending: folder + base + ending,
    st.sampled_from(["", "a/", "a.b/", "./", "../", "/"]),
    st.sampled_from(["1", "2", "x", "", "__1__"]),
    st.sampled_from([".jpg", ".JPG", ".png", ".txt", ".json", ".a.txt", ".", ""]),
)


def adjacent(names: Sequence[str]) -> bool:
    """True if no sample's members lie apart."""
    keys = [key for key, _ in groupby(webdataset.tariterators.base_plus_ext(name)[0] for name in names)]
    return len({key for key in keys if key}) == len([key for key in keys if key])


@settings(deadline=None, max_examples=150)
@given(members=st.lists(names.filter(lambda name: name.strip("./")), max_size=12))
def test_samples_are_those_of_webdataset(
    tmp_path_factory: pytest.TempPathFactory, read: Callable[..., Read], members: list[str]
) -> None:
    members = [name for name in members if not name.rpartition("/")[2].startswith(".")]
    members += ["z.jpg", "z.txt"]
    plain = [name.removeprefix("./") for name in members]  # webdataset takes ./1.jpg and 1.txt for two samples
    assume(adjacent(plain))
    folder = tmp_path_factory.mktemp("tar")
    path, reference = folder / "a.tar", folder / "reference.tar"
    data = [json.dumps({"n": n}).encode() for n in range(len(members))]
    path.write_bytes(tar_bytes(list(zip(members, data, strict=True))))
    reference.write_bytes(tar_bytes(list(zip(plain, data, strict=True))))
    doubled: list[Exception] = []

    def note(error: Exception) -> bool:
        doubled.append(error)
        return True

    source = webdataset.tariterators.tarfile_samples([{"url": str(reference)}], handler=note)
    expected = [{k: v for k, v in sample.items() if not k.startswith("__")} for sample in source]
    got = read(**config(path))
    assert len(got.rows) + len(got.drops) == len(expected)
    assert ("member_duplicate" in got.reasons.values()) == bool(doubled)
    for row in got.rows:
        sample = expected[row["row"]]
        assert row["text"].encode() == sample["txt"]
        assert row["image"] == sample.get("jpg", sample.get("png"))
    for number, reason in got.reasons.items():
        if reason != "member_duplicate":
            assert "txt" not in expected[number] or not {"jpg", "png"} & set(expected[number])


def test_what_other_programs_put_beside_the_members_is_no_part_of_a_sample(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    names = ["./._set", "set/.DS_Store", "__MACOSX/set/._0.jpg", "set/PaxHeader/0.jpg", "./PaxHeaders.77/set/0.txt"]
    for n in range(3):
        names += [f"set/._{n}.jpg", f"set/{n}.jpg", f"set/._{n}.txt", f"set/PaxHeader/{n}.txt", f"set/{n}.txt"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    got = read(**config(tmp_path / "a.tar"))
    assert got.rows == [{"row": n, "text": f"set/{n}.txt", "image": f"set/{n}.jpg".encode()} for n in range(3)]
    assert not got.drops


def test_a_sample_whose_members_lie_apart_is_dropped_once(tmp_path: Path, read: Callable[..., Read]) -> None:
    names = [f"{n}.{end}" for end in ("jpg", "txt", "cls") for n in range(4)]
    names += ["x.jpg", "x.txt", "y.jpg", "z.jpg", "z.txt", "y.cls", "x.cls"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    for budget in (32 << 20, 300):
        got = read(budget=budget, **config(tmp_path / "a.tar"))
        assert got.column("text") == ["x.txt", "z.txt"]
        assert sorted(got.reasons.values()) == ["member_scattered"] * 4 + ["text_missing"]
        assert [drop.row for drop in got.drops if drop.reason == "member_scattered"] == [0, 1, 2, 3]
        assert all("tar --sort=name" in drop.detail for drop in got.drops[:4])


def test_names_that_come_twice_are_samples_of_their_own_where_they_are_whole(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    names = ["0.jpg", "0.txt", "1.jpg", "1.txt", "0.jpg", "0.txt", "2.jpg", "1.jpg", "2.jpg"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    got = read(**config(tmp_path / "a.tar"))
    assert got.column("row") == [0, 1, 2]
    assert got.reasons == {3: "text_missing", 4: "member_scattered", 5: "text_missing"}


def test_members_of_a_sample_with_and_without_the_folder_dot_are_one_sample(
    tmp_path: Path, read: Callable[..., Read]
) -> None:
    (tmp_path / "a.tar").write_bytes(
        tar_bytes([("./a.jpg", b"1"), ("a.txt", b"one"), ("././b.jpg", b"2"), ("b.txt", b"two")])
    )
    got = read(**config(tmp_path / "a.tar"))
    assert (got.column("text"), got.drops) == (["one", "two"], [])


@pytest.mark.parametrize("image", ["PNG", ".png", ".JPG;png", "gif; .PnG"])
def test_extensions_are_compared_without_case_and_leading_dots(
    tmp_path: Path, read: Callable[..., Read], image: str
) -> None:
    names = ["0.PNG", "0.TXT", "1.png", "1.txt", "2.Png", "2.Txt"]
    (tmp_path / "a.tar").write_bytes(tar_bytes(named(names)))
    assert read(**config(tmp_path / "a.tar", image=image, text=".Txt")).column("text") == ["0.TXT", "1.txt", "2.Txt"]


def test_extensions_of_several_dots_and_keys_keep_their_case(tmp_path: Path, read: Callable[..., Read]) -> None:
    members = [("a.b/0.Seg.PNG", b"1"), ("a.b/0.json", b'{"Caption": "x"}'), ("a.b/0.png", b"2")]
    (tmp_path / "a.tar").write_bytes(tar_bytes(members))
    for text in ("Caption", "json.Caption", "JSON.Caption"):
        got = read(**config(tmp_path / "a.tar", image="seg.png", text=text))
        assert got.rows == [{"row": 0, "text": "x", "image": b"1"}]
    (tmp_path / "a.tar").write_bytes(tar_bytes([*members, ("a.b/0.PNG", b"3")]))
    assert read(**config(tmp_path / "a.tar", text="Caption")).reasons == {0: "member_duplicate"}


def test_memory_for_samples_that_may_lie_apart_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scattered, "REMEMBERED", 10)
    apart = scattered.Apart()
    parts = [scattered.Part(str(n), frozenset({"image"}), Drop(n, "text_missing"), True) for n in range(30)]
    items = [item for part in parts for item in apart.add(part)]
    assert [item.row for item in items if isinstance(item, Drop)] == list(range(20))
    assert len([*apart.end()]) == 10
