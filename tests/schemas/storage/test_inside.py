"""Links that lead out of a folder are not followed, neither to read nor to write."""

from pathlib import Path

import pytest

from triptych.schemas.errors import Refusal
from triptych.schemas.storage.inside import require_inside, require_no_way_out
from triptych.schemas.storage.store import Store


def test_links_within_the_folder_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").write_text("x")
    (tmp_path / "link").symlink_to("real/file")
    require_inside(str(tmp_path), "link")
    require_inside(str(tmp_path), "not/there/yet")
    (tmp_path.parent / f"{tmp_path.name}-link").symlink_to(tmp_path)
    require_inside(str(tmp_path.parent / f"{tmp_path.name}-link"), "link")


def test_a_link_to_elsewhere_is_neither_read_nor_written_through(tmp_path: Path) -> None:
    store, secret = Store(str(tmp_path / "store")), tmp_path / "elsewhere"
    secret.mkdir()
    (secret / "file").write_text("secret")
    store.write("mine", b"")
    (tmp_path / "store" / "shards").symlink_to(secret)
    (tmp_path / "store" / "file").symlink_to(secret / "file")
    for act in (lambda: store.read("shards/file"), lambda: store.read("file"), lambda: store.write("shards/new", b"x")):
        with pytest.raises(Refusal, match="a link leads out of this folder"):
            act()
    with pytest.raises(Refusal, match="a link leads out"):
        store.delete("../elsewhere/file")
    assert sorted(path.name for path in secret.iterdir()) == ["file"]


def test_a_snapshot_in_a_hub_cache_may_link_to_its_blobs(tmp_path: Path) -> None:
    blob, snapshot = tmp_path / "blobs" / "abc", tmp_path / "snapshots" / "1"
    for folder in (blob.parent, snapshot):
        folder.mkdir(parents=True)
    blob.write_text("x")
    (snapshot / "file").symlink_to(Path("../../blobs/abc"))
    require_inside(str(snapshot), "file")
    (snapshot / "other").symlink_to(tmp_path / "other")
    with pytest.raises(Refusal):
        require_inside(str(snapshot), "other")


def test_no_link_in_a_folder_that_is_written_to_may_lead_out_of_it(tmp_path: Path) -> None:
    run, other = tmp_path / "run", tmp_path / "other"
    (run / "model" / "deep").mkdir(parents=True)
    other.mkdir()
    (run / "file").write_text("")
    (run / "model" / "inside").symlink_to("../file")
    (run / "model" / "deep" / "up").symlink_to("..")
    require_no_way_out(str(run))
    require_no_way_out(str(tmp_path / "not there"))
    (tmp_path / "link").symlink_to(run)
    require_no_way_out(str(tmp_path / "link"))
    for target in (other, other / "not there", Path("../../../other"), Path("/etc/passwd")):
        link = run / "model" / "deep" / "lengths.parquet"
        link.symlink_to(target)
        for folder in (run, tmp_path / "link"):
            with pytest.raises(Refusal, match=r"lengths\.parquet: a link leads out"):
                require_no_way_out(str(folder))
        link.unlink()
