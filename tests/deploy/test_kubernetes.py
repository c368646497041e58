"""The manifests for Kubernetes: valid against its schemas, and whole: what one object names, another defines."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from distributed.cli import dask_scheduler, dask_worker

from triptych.schemas.config.load import load_run
from triptych.schemas.config.run import DaskEngine

FILE = Path(__file__).parents[2] / "deploy" / "kubernetes" / "triptych.yaml"
OBJECTS: dict[tuple[str, str], Any] = {
    (each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(FILE.read_text())
}
JOBS = [each for (kind, _), each in OBJECTS.items() if kind == "Job"]


def containers(job: Any) -> list[Any]:
    pod = job["spec"]["template"]["spec"]
    return [*pod.get("initContainers", []), *pod["containers"]]


@pytest.mark.parametrize("name", OBJECTS, ids="/".join)
def test_an_object_fits_its_schema(name: tuple[str, str]) -> None:
    kubernetes_validate.validate(OBJECTS[name], "1.29", strict=True)
    kubernetes_validate.validate(OBJECTS[name], kubernetes_validate.latest_version(), strict=True)


def test_what_an_object_names_is_there() -> None:
    for job in JOBS:
        pod = job["spec"]["template"]["spec"]
        assert ("ServiceAccount", pod["serviceAccountName"]) in OBJECTS
        volumes = {volume["name"] for volume in pod["volumes"]}
        for volume in pod["volumes"]:
            assert "configMap" not in volume or ("ConfigMap", volume["configMap"]["name"]) in OBJECTS
        for container in containers(job):
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes
            for source in container.get("envFrom", []):
                assert ("Secret", source["secretRef"]["name"]) in OBJECTS
    service = OBJECTS["Service", "triptych-scheduler"]["spec"]
    (job,) = [
        job for job in JOBS if service["selector"].items() <= job["spec"]["template"]["metadata"]["labels"].items()
    ]
    ports = {port["name"]: port["containerPort"] for each in containers(job) for port in each.get("ports", [])}
    assert ports[service["ports"][0]["targetPort"]] == service["ports"][0]["port"] == 8786


def test_every_container_has_limits_and_temporary_space() -> None:
    for job in JOBS:
        for container in containers(job):
            assert container["resources"]["limits"]["memory"] == "8Gi"
            assert "cpu" in container["resources"]["requests"]
            if container["name"] != "scheduler":
                assert "ephemeral-storage" in container["resources"]["limits"]
                assert "/tmp" in [mount["mountPath"] for mount in container["volumeMounts"]]
        assert job["spec"]["ttlSecondsAfterFinished"]


def test_the_commands_exist_and_take_their_options() -> None:
    commands = {container["name"]: container["command"] for job in JOBS for container in containers(job)}
    assert commands.keys() == {"scheduler", "prepare", "worker"}
    assert commands["scheduler"][:2] == ["dask", "scheduler"]
    dask_scheduler.main.make_context("scheduler", list(commands["scheduler"][2:]))
    assert commands["worker"][:2] == ["dask", "worker"]
    parsed = dask_worker.main.make_context("worker", list(commands["worker"][2:])).params
    assert (parsed["nthreads"], parsed["memory_limit"]) == (1, "0")
    assert ("Service", re.findall(r"tcp://([\w-]+):8786", parsed["scheduler"])[0]) in OBJECTS
    program, command, path = commands["prepare"]
    assert (program, command) == ("triptych", "prepare")
    assert path == "/run/triptych/run.yaml"


def test_the_run_file_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(OBJECTS["ConfigMap", "triptych-run"]["data"]["run.yaml"])
    engine = load_run(file).engine
    assert isinstance(engine, DaskEngine)
    assert (engine.scheduler, engine.wait) == ("tcp://127.0.0.1:8786", 1800)
