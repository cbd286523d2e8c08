"""deploy/kubernetes: both overlays are built, are valid, and keep what they promise."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from gateway import settings_file
from tests.deploy.files import DEPLOY, installed, ran
from tests.deploy.kustomize import Object, built

FOLDER = DEPLOY / "kubernetes"
OVERLAYS = sorted(one.name for one in (FOLDER / "overlays").iterdir())
NAME = "opticom-gateway"
SECRETS = {"redis-url": "redis://:secret@cache.example:6379/0", "redis-writes-url": "redis://:secret@writes.example/0"}

overlays = pytest.mark.parametrize("overlay", OVERLAYS)


def objects(overlay: str) -> dict[tuple[str, str], Object]:
    return built(FOLDER / "overlays" / overlay)


def pod(overlay: str) -> Any:
    return objects(overlay)["Deployment", NAME]["spec"]["template"]["spec"]


def test_there_are_two_overlays() -> None:
    assert OVERLAYS == ["production", "staging"]


@overlays
@pytest.mark.parametrize("version", ["1.29.0", "1.37.0"])
def test_kubernetes_knows_every_key(overlay: str, version: str) -> None:
    kinds = set()
    for one in objects(overlay).values():
        kubernetes_validate.validate(one, version, strict=True)
        kinds.add(one["kind"])
    assert kinds >= {
        "ConfigMap",
        "Deployment",
        "HorizontalPodAutoscaler",
        "NetworkPolicy",
        "PodDisruptionBudget",
        "Service",
        "ServiceAccount",
    }
    assert "Secret" not in kinds  # they are made by what keeps them


@overlays
def test_kubectl_builds_the_same(overlay: str) -> None:
    if (kubectl := installed("kubectl")) is None:
        pytest.skip("no kubectl on the PATH: what tests/deploy/kustomize.py builds is tested without it")
    answer = ran(kubectl, "kustomize", FOLDER / "overlays" / overlay)
    assert answer.returncode == 0, answer.stderr
    without_hash = re.sub(rf"(name: {NAME})-[a-z0-9]{{10}}$", r"\1", answer.stdout, flags=re.MULTILINE)
    theirs = list(yaml.safe_load_all(without_hash))
    for one in theirs:
        assert one["metadata"].pop("labels") == {"app.kubernetes.io/part-of": "opticom"}
    ours = objects(overlay)
    assert {(one["kind"], one["metadata"]["name"]): one for one in theirs} == ours


@overlays
def test_the_gateway_takes_its_settings(overlay: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the container's variables; and it ends before it is killed."""
    (container,) = pod(overlay)["containers"]
    for name, secret in SECRETS.items():
        (tmp_path / name).write_text(secret)
    mounted = next(one["mountPath"] for one in container["volumeMounts"] if one["name"] == "secrets")
    for one in container["env"]:
        monkeypatch.setenv(one["name"], one["value"].replace(mounted, str(tmp_path)))
    config = tmp_path / "gateway.toml"
    config.write_text(objects(overlay)["ConfigMap", NAME]["data"]["gateway.toml"])
    settings = settings_file.load(config)
    assert settings.auth is not None
    ends = settings.server.leave_after + settings.server.finish + settings.writes.patience
    assert pod(overlay)["terminationGracePeriodSeconds"] > ends


@overlays
def test_the_pod_may_do_nothing_that_it_need_not(overlay: str) -> None:
    spec = pod(overlay)
    (container,) = spec["containers"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    writable = {one["mountPath"] for one in container["volumeMounts"] if not one.get("readOnly")}
    assert writable == {"/tmp"}
    assert {probe: container[probe]["httpGet"]["path"] for probe in container if probe.endswith("Probe")} == {
        "startupProbe": "/healthz",
        "livenessProbe": "/healthz",
        "readinessProbe": "/readyz",
    }
    assert set(container["resources"]) == {"requests", "limits"}


@overlays
def test_what_names_another_object_finds_it(overlay: str) -> None:
    them = objects(overlay)
    labels = them["Deployment", NAME]["spec"]["template"]["metadata"]["labels"]
    for kind, path in {
        "Service": ("selector",),
        "PodDisruptionBudget": ("selector", "matchLabels"),
        "NetworkPolicy": ("podSelector", "matchLabels"),
        "Deployment": ("selector", "matchLabels"),
    }.items():
        chosen = them[kind, NAME]["spec"]
        for name in path:
            chosen = chosen[name]
        assert chosen.items() <= labels.items(), kind
    target = them["HorizontalPodAutoscaler", NAME]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) in them
    assert ("ServiceAccount", pod(overlay)["serviceAccountName"]) in them
    assert [one["configMap"]["name"] for one in pod(overlay)["volumes"] if "configMap" in one] == [NAME]
