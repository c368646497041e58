"""The installation steps of the Dockerfile, in a clean environment with the files that docker would get."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.dask_processes import ROOT
from tests.deploy.test_container_image import FILE, in_context


@pytest.mark.timeout(900)
def test_the_package_installs_from_its_context(tmp_path: Path) -> None:
    context, clean = tmp_path / "triptych", tmp_path / "clean"
    context.mkdir()
    for path in ROOT.iterdir():
        if in_context(path.name):
            if path.is_dir():
                shutil.copytree(path, context / path.name, symlinks=True)
            else:
                shutil.copy2(path, context / path.name)
    (install,) = re.findall(r"^RUN (uv pip install .*?--constraint .*?) \\\n && (python .*)$", FILE.read_text(), re.M)
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, clean], check=True)
    line = install[0].replace("uv ", f"{uv} ", 1).replace("--system --no-cache", f"--quiet --python {clean}/bin/python")
    line = line.replace("/opt/triptych", str(context)).replace("${EXTRAS}", "s3")
    done = subprocess.run(["sh", "-c", f"{line} --offline"], capture_output=True, text=True, check=False)
    if done.returncode and "CI" not in os.environ:
        pytest.skip("a package is not in uv's cache")
    assert not done.returncode or not subprocess.run(["sh", "-c", line], check=True).returncode
    check = install[1].replace("python ", f"{clean}/bin/python ", 1)
    subprocess.run(["sh", "-c", check], cwd=tmp_path, check=True)
    versions = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "requirements.lock").read_text(), re.M))
    listed = subprocess.run(
        [uv, "pip", "freeze", "--python", f"{clean}/bin/python"], capture_output=True, text=True, check=True
    ).stdout
    installed = dict(re.findall(r"^([\w.-]+)==(\S+)$", listed, re.M))
    assert {"torch", "numpy", "pyarrow"} <= installed.keys()
    assert {name: versions[name] for name in installed.keys() & versions.keys()} == {
        name: installed[name] for name in installed.keys() & versions.keys()
    }
