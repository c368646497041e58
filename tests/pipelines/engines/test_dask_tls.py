"""Dask over TLS, as the page on clusters describes it: with certificates of one authority it runs, with another not."""

import datetime
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

COMMAND = "import sys; from triptych.cli.main import main; sys.argv[0] = 'triptych'; main()"


def certified(folder: Path) -> Path:
    """Make an authority and a certificate by it; returns a folder with Dask's configuration that names them."""
    folder.mkdir()
    authority, own = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    issuer, subject = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("ca", "node"))
    now = datetime.datetime.now(datetime.UTC)

    def sign(name: x509.Name, key: ec.EllipticCurvePrivateKey, is_authority: bool) -> bytes:
        builder = x509.CertificateBuilder().issuer_name(issuer).subject_name(name).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=1))
        builder = builder.add_extension(x509.BasicConstraints(is_authority, None), critical=True)
        return builder.sign(authority, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    (folder / "ca.pem").write_bytes(sign(issuer, authority, True))
    (folder / "cert.pem").write_bytes(sign(subject, own, False))
    plain = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(own.private_bytes(*plain))
    node = {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    tls = {"ca-file": str(folder / "ca.pem"), "scheduler": node, "worker": node, "client": node}
    settings = {"distributed": {"comm": {"require-encryption": True, "tls": tls}}}
    (folder / "tls.yaml").write_text(yaml.safe_dump(settings))
    return folder


def environment(config: Path) -> dict[str, str]:
    return os.environ | {"DASK_CONFIG": str(config), "OMP_NUM_THREADS": "1", "COLUMNS": "500"}


@contextmanager
def running(config: Path, *arguments: str) -> Iterator[None]:
    line = [sys.executable, "-m", "distributed.cli." + arguments[0], *arguments[1:]]
    process = subprocess.Popen(line, env=environment(config), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def prepare(config: Path, run: Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", COMMAND, "prepare", str(run), "--json"]
    return subprocess.run(line, env=environment(config), capture_output=True, text=True, check=False, timeout=240)


def test_a_run_over_tls_needs_a_certificate_of_the_same_authority(tmp_path: Path, text_tree: Any) -> None:
    ours, other = certified(tmp_path / "ours"), certified(tmp_path / "other")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    tree = text_tree(tmp_path / "out") | {"engine": {"kind": "dask", "scheduler": f"tls://{address}"}}
    (tmp_path / "run.yaml").write_text(yaml.safe_dump(tree))
    here = ["--protocol", "tls", "--host", f"tls://{address}", "--no-dashboard"]
    worker = [f"tls://{address}", "--nthreads", "1", "--no-dashboard", "--memory-limit", "0", "--no-nanny"]
    with ExitStack() as stack:
        stack.enter_context(running(ours, "dask_scheduler", *here))
        stack.enter_context(running(ours, "dask_worker", *worker))
        refused = prepare(other, tmp_path / "run.yaml")
        assert refused.returncode == 2, refused.stderr
        (line,) = [line for line in refused.stderr.splitlines() if line.startswith("triptych: ")]
        assert f"engine.scheduler: no Dask scheduler answers at tls://{address}" in line
        assert "Traceback" not in refused.stderr
        assert not (tmp_path / "out" / "manifest.json").exists()
        done = prepare(ours, tmp_path / "run.yaml")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["rows"] > 0
