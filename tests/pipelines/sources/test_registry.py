"""Opening a reader must cost nothing: the command line does it for every source."""

import subprocess
import sys
from pathlib import Path


def test_importing_the_registry_and_opening_readers_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from pydantic import TypeAdapter\n"
        "from triptych.pipelines.sources.registry import open_source\n"
        "from triptych.schemas.config.run import Limits\n"
        "from triptych.schemas.config.sources import Source\n"
        "for kind in ('jsonl', 'parquet', 'webdataset', 'folder', 'datasets'):\n"
        "    config = dict(name='s', kind=kind, path='nowhere', modality='text', text='t')\n"
        "    reader = open_source(TypeAdapter(Source).validate_python(config), Limits(), 1000)\n"
        "    assert type(reader).__name__.lower() == kind + 'reader'\n"
        "print(sorted({'torch', 'datasets', 'webdataset', 'pandas', 'transformers'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.strip() == "[]"
