"""A real SLURM of two nodes on this machine: munged, slurmctld and two slurmd of Debian's packages."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.dask_processes import ENVIRONMENT, Command, wait_for

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "scontrol")
NODES = ("node1", "node2")
CONFIG = """\
ClusterName=triptych
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmctldPidFile={folder}/slurmctld.pid
SlurmctldLogFile={folder}/slurmctld.log
StateSaveLocation={folder}/state
SlurmUser=root
SlurmdUser=root
SlurmdPidFile={folder}/%n.pid
SlurmdLogFile={folder}/%n.log
SlurmdSpoolDir={folder}/%n
SlurmdParameters=config_overrides
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
MinJobAge=3600
SlurmctldTimeout=300
SlurmdTimeout=300
NodeName=node1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8 RealMemory=100000 State=UNKNOWN
NodeName=node2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8 RealMemory=100000 State=UNKNOWN
PartitionName=all Nodes=node1,node2 Default=YES MaxTime=INFINITE State=UP
"""
SMALL = ("--cpus-per-task=1", "--time=30:00")  # in place of what the scripts ask for
ENDED = {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"}


def missing() -> str:
    """Return why there can be no SLURM here; empty if there can."""
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    return f"{', '.join(absent)} missing" if absent else "" if os.getuid() == 0 else "needs root"


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


class Slurm:
    """The daemons, and what users type."""

    def __init__(self) -> None:
        # the paths of sockets are short, whatever the folder of temporary files
        self.folder = Path(tempfile.mkdtemp(prefix="slurm-", dir="/tmp"))
        self._daemons: list[Command] = []
        (self.folder / "state").mkdir()
        host = socket.gethostname().partition(".")[0]
        self._config = self.folder / "slurm.conf"
        self._config.write_text(CONFIG.format(folder=self.folder, host=host, ports=_free_ports(3)))
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        munge = [f"--{name}={self.folder}/munge.{name.removesuffix('-file')}" for name in ("key-file", "socket")]
        munge += [f"--{name}-file={self.folder}/munge.{name}" for name in ("pid", "log", "seed")]
        self._start("munged", "--foreground", "--force", *munge)
        wait_for((self.folder / "munge.socket").exists, 30)
        self._start("slurmctld", "-D")
        for node in NODES:
            self._start("slurmd", "-D", "-N", node)
        wait_for(lambda: self.run("sinfo", "--noheader", "--format=%D %t") == "2 idle", 60)

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which SLURM's commands find this one, and jobs the code under test."""
        return {"SLURM_CONF": str(self._config), "PATH": _path(), "TRIPTYCH_VENV": sys.prefix} | ENVIRONMENT

    def _start(self, *line: str) -> None:
        more = {"SLURM_CONF": str(self._config), "PATH": _path()}
        self._daemons.append(Command(line, self.folder / f"output-{len(self._daemons)}.txt", more))

    def run(self, *line: str, cwd: Path | None = None, more: Mapping[str, str] | None = None) -> str:
        """Run a command of SLURM's; returns what it prints."""
        environment = os.environ | self.environment | dict(more or {})
        done = subprocess.run(line, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout.strip()

    def submit(self, cwd: Path, options: Sequence[str], *line: str, more: Mapping[str, str] | None = None) -> str:
        """Submit a script with options that replace its own; returns the number of the job."""
        output = f"--output={cwd}/%x-%j.out"
        return self.run("sbatch", "--parsable", output, *SMALL, *options, *line, cwd=cwd, more=more)

    def state(self, job: str) -> set[str]:
        """The states of a job, or of the elements of an array."""
        shown = self.run("scontrol", "show", "job", job, "--oneliner")
        return {word.removeprefix("JobState=") for word in shown.split() if word.startswith("JobState=")}

    def end(self, job: str, timeout: float = 600) -> set[str]:
        """Wait until a job has ended; returns its states."""
        wait_for(lambda: self.state(job) <= ENDED, timeout)
        return self.state(job)

    def close(self) -> None:
        """End all jobs and daemons."""
        try:
            self.run("scancel", "--user=root", "--signal=KILL", "--full")
            self.run("scancel", "--user=root")
            wait_for(lambda: not self.run("squeue", "--noheader"), 30)
        finally:
            for daemon in self._daemons[::-1]:
                daemon.kill()
            shutil.rmtree(self.folder, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
