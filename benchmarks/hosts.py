"""Hosts on one machine: network namespaces, joined by a bridge, each with a name and a disk of its own."""

import os
import subprocess
import uuid
from collections.abc import Sequence
from pathlib import Path

SETUP = """\
ip link add {bridge} type bridge
ip addr add {network}.254/24 dev {bridge}
ip link set {bridge} up
"""
HOST = """\
ip netns add {name}
ip link add {outer} type veth peer name eth0 netns {name}
ip link set {outer} master {bridge}
ip link set {outer} up
ip -n {name} addr add {network}.{number}/24 dev eth0
ip -n {name} link set eth0 up
ip -n {name} link set lo up
"""


def missing() -> str:
    """Return why there can be no such hosts here; empty if there can."""
    name = f"probe-{uuid.uuid4().hex[:6]}"
    try:
        subprocess.run(["ip", "netns", "add", name], check=True, capture_output=True)
        subprocess.run(["ip", "netns", "delete", name], check=True, capture_output=True)
        subprocess.run(["unshare", "--mount", "--uts", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as error:
        return f"network namespaces are not allowed here ({type(error).__name__})"
    return ""


class Hosts:
    """A bridge, whose address is this machine's, and the hosts at it."""

    def __init__(self, names: Sequence[str]) -> None:
        token = uuid.uuid4().hex[:5]
        self._bridge = f"br-{token}"
        self._network = f"10.{201 + os.getpid() % 40}.{int(token[:2], 16)}"
        self._spaces = {name: f"{name}-{token}" for name in names}
        self._links = {name: f"v{token}{number}" for number, name in enumerate(names, 1)}
        self.address = f"{self._network}.254"
        _shell(SETUP.format(bridge=self._bridge, network=self._network))
        for number, name in enumerate(names, 1):
            space, outer = self._spaces[name], self._links[name]
            _shell(HOST.format(name=space, outer=outer, bridge=self._bridge, network=self._network, number=number))

    def address_of(self, name: str) -> str:
        """The address of a host."""
        return f"{self._network}.{list(self._spaces).index(name) + 1}"

    def prefix(self, name: str, *, own: Path | None = None) -> list[str]:
        """Words before a command that run it on a host, with a disk of its own at the folder `own`."""
        mounts = "mount -t tmpfs -o size=64m tmpfs /dev/shm"
        if own is not None:
            own.mkdir(parents=True, exist_ok=True)
            mounts += f' && mount -t tmpfs -o size=64m tmpfs "{own}"'
        script = f'hostname {name} && {mounts} && exec "$@"'
        line = ["ip", "netns", "exec", self._spaces[name], "unshare", "--mount", "--uts", "--propagation", "private"]
        return [*line, "sh", "-c", script, "sh"]

    def cut_off(self, name: str, cut: bool = True) -> None:
        """Cut a host off from the others, or join it again."""
        _shell(f"ip link set {self._links[name]} {'down' if cut else 'up'}")

    def close(self) -> None:
        """Take all of it down."""
        for name in self._spaces.values():
            subprocess.run(["ip", "netns", "delete", name], check=False, capture_output=True)
        subprocess.run(["ip", "link", "delete", self._bridge], check=False, capture_output=True)


def _shell(script: str) -> None:
    subprocess.run(["sh", "-e", "-c", script], check=True, capture_output=True)
