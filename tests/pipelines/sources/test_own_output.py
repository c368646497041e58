"""Nothing below `out` is taken for a source, whatever name leads there."""

from pathlib import Path

import pytest
from fsspec.core import url_to_fs

from triptych.pipelines.sources.own_output import is_own_output, no_source_below


def is_own(url: object) -> bool:
    return is_own_output(*url_to_fs(str(url)))


def test_only_within_the_block_and_only_below_out(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with no_source_below(str(out)):
        assert is_own(out)
        assert is_own(out / "shards/0.arrow")
        assert not is_own(tmp_path / "output/a.txt")  # the name begins alike
        assert not is_own(tmp_path)
    assert not is_own(out / "shards/0.arrow")


def test_links_to_out_and_links_as_out_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    with no_source_below(str(tmp_path / "real")):
        assert is_own(tmp_path / "link/a.txt")
    with no_source_below(str(tmp_path / "link")):
        assert is_own(tmp_path / "real/a.txt")


def test_a_file_elsewhere_is_no_output_even_with_the_same_path(tmp_path: Path) -> None:
    with no_source_below("memory://out"):
        assert is_own("memory://out/a")
        assert not is_own("memory://other/a")
        assert not is_own("/out/a")


def test_the_block_ends_with_an_error_too(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="inside"), no_source_below(str(tmp_path)):
        raise ValueError("inside")
    assert not is_own(tmp_path / "a")
