"""Every module of `model` and `train` can be imported where nothing but what they are allowed is installed."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What preparing, evaluating and other people's checkpoints take; a machine that trains may lack all of it.
ABSENT = {
    *("apache_beam", "bokeh", "dask", "datasets", "diffusers", "distributed", "grpc", "huggingface_hub", "jiwer"),
    *("lm_eval", "matplotlib", "open_clip", "PIL", "scipy", "sentencepiece", "soundfile", "tiktoken", "tokenizers"),
    *("torchaudio", "torchmetrics", "transformers", "webdataset"),
}
CODE = """
import importlib, sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

ABSENT, names = set(sys.argv[1].split(",")), sys.argv[2].split(",")
sys.meta_path.insert(0, Absent())
for name in names:
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        sys.exit(f"{name}: {error}")
print(len(names))
"""


def modules(folder: str) -> list[str]:
    """All but the one that is a command as soon as it is imported, and the classes for the library transformers."""
    found = sorted((ROOT / folder).rglob("*.py"))
    paths = [path for path in found if path.name != "__main__.py" and path.parent.name != "huggingface"]
    return [".".join(["triptych", *path.relative_to(ROOT).with_suffix("").parts]) for path in paths]


def attempt(names: list[str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", CODE, ",".join(sorted(ABSENT)), ",".join(names)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT.parent)


def test_a_machine_that_trains_needs_nothing_else() -> None:
    names = modules("model") + modules("train")
    assert {"triptych.model.network.transformer", "triptych.train.trainer"} < set(names)
    done = attempt(names)
    assert (done.returncode, done.stdout.strip()) == (0, str(len(names))), done.stderr


def test_the_absent_are_absent() -> None:
    assert attempt(["scipy.optimize"]).stderr.startswith("scipy.optimize: No module named 'scipy'")
