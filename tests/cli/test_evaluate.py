"""`triptych evaluate`, whole, on a run of two steps: its report says everything, or why not."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from triptych.model.sampling.defaults import DEFAULTS

from ..tokenizers.image.tiny_clip import save_clip
from ..two_runs import train_both

Once = Callable[[str, Callable[[Path], None]], Path]


@pytest.fixture(scope="session")
def runs(made: Path, once: Once) -> Path:
    """A folder with a `masked` and an `autoregressive` run, and a `clip`; none of them of any worth."""

    def fill(folder: Path) -> None:
        train_both(made, folder, validation=0.4)
        save_clip(folder / "clip")

    return once("runs", fill)


@pytest.fixture(autouse=True)
def _at_home(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(home)  # where the sources of the dataset lie
    for task, config in DEFAULTS.items():
        monkeypatch.setitem(DEFAULTS, task, config.model_copy(update={"steps": 4}))


def test_every_figure_stands_beside_its_floor_and_its_control(
    triptych: Callable[..., Any], runs: Path, made: Path, tmp_path: Path
) -> None:
    from PIL import Image

    (tmp_path / "suite").mkdir()
    (tmp_path / "suite" / "wikitext2_test.txt").write_text("ka lo mi ren ta shi " * 40)
    out = tmp_path / "out"
    arguments = ["--control", runs / "autoregressive", "--clip", runs / "clip", "--suite", tmp_path / "suite"]
    said = triptych("evaluate", runs / "masked", "--n", 3, *arguments, "--out", out, "--json")
    assert said.code == 0, said.err
    report = json.loads(said.out)
    rows = {(row["group"], row["name"], row["unit"]): row for row in report["rows"]}
    assert {group for group, *_ in rows} >= {"held out", "benchmarks", "images", "text"}
    images = {name: row for (group, name, _), row in rows.items() if group == "images"}
    assert images.keys() >= {"PSNR of the tokenizer", "SSIM of the tokenizer", "CLIP score"}
    for name in ("CLIP score", "Fréchet distance", "diversity"):
        assert images[name]["floor"] is not None
        assert images[name]["control"]["n"] == images[name]["n"] == 3
    # to the untrained CLIP no picture is like its caption: every score is 0, the least, and equal values have no error
    assert images["CLIP score"]["value"] == images["CLIP score of held-out pictures"]["value"] == 0
    errors = {name: row["error"] for name, row in images.items() if row["error"] is not None}
    assert errors.keys() == images.keys() - {name for name in images if name.startswith("CLIP score")}
    assert all(error > 0 for error in errors.values())
    text = [row["name"] for row in report["rows"] if row["group"] == "text"]
    assert text.index("unigram entropy") == text.index("generative perplexity") + 1
    assert json.loads((out / "report.json").read_text()) == report
    assert report["command"].startswith("triptych evaluate")
    assert report["data"][0]["fingerprint"] == json.loads((made / "manifest.json").read_text())["fingerprint"]
    assert re.fullmatch("xxh3-128 [0-9a-f]{32}", report["model"]["model.safetensors"])
    assert Image.open(out / "images.png").width > 3 * 16
    html = (out / "report.html").read_text()
    assert html.count("data:image/png;base64,") == 6
    assert html.count("data-charts=") == 1
    assert html.count("data:audio/wav;base64,") >= 4
    assert not re.search(r"""(?:src|href)=["'](?!data:|#)""", html)


def test_what_is_not_measured_says_why(triptych: Callable[..., Any], runs: Path) -> None:
    said = triptych("evaluate", runs / "masked", "--n", 2)
    assert said.code == 0, said.err
    lines = " ".join(said.out.split())
    for name, why in {
        "benchmarks, all figures": "--suite DIR",
        "images, CLIP score": "--clip DIR",
        "images, Fréchet distance": "--features FILE or --clip DIR",
        "text, generative perplexity": "--control RUN",
    }.items():
        assert re.search(f"not measured: {name}: [^:]*: {why}", lines), name


def test_sources_that_are_gone_are_said_to_be(
    triptych: Callable[..., Any], runs: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the paths of the run file lead nowhere from here
    report = json.loads(triptych("evaluate", runs / "masked", "--n", 2, "--sources", home / "run.yaml", "--json").out)
    why = {one["name"]: one["why"] for one in report["missing"]}
    assert "does not exist" in why["PSNR and SSIM of the tokenizer, reference of the Fréchet distance"]
    assert not any(row["name"].startswith("PSNR") for row in report["rows"])


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["{tmp}/none"], "no finished model"),
        (["{runs}/masked", "--data", "{tmp}/none"], "no such file or folder"),
        (["{runs}/masked", "--suite", "{tmp}"], "holds no benchmark"),
        (["{runs}/masked", "--control", "{tmp}/none"], "no finished model"),
        (["{runs}/masked", "--features", "{runs}/clip/open_clip_config.json"], "is not a TorchScript file"),
    ],
)
def test_misuse_is_refused_before_any_work(
    triptych: Callable[..., Any], runs: Path, tmp_path: Path, arguments: list[str], why: str
) -> None:
    said = triptych("evaluate", *(one.format(tmp=tmp_path, runs=runs) for one in arguments))
    assert said.code == 2
    assert why in said.err
