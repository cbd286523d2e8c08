"""Builds an overlay of deploy/kubernetes, as far as these use kustomize: what it cannot do, it refuses.

`kubectl kustomize` says the same, which a test holds where kubectl is installed. Labels of `labels` are left out.
"""

from pathlib import Path
from typing import Any

import yaml

from tests.deploy.files import documents

KNOWN = {"apiVersion", "kind", "configMapGenerator", "images", "labels", "namespace", "patches", "resources"}
"""What a kustomization.yaml may say, to be read here."""

KEYED = {"env", "volumes", "volumeMounts", "topologySpreadConstraints", "tolerations", "initContainers"}
"""Lists that kustomize merges by a key of each entry. Of these, only containers are merged here."""

Object = dict[str, Any]


def key(one: Object) -> tuple[str, str]:
    """What names an object: kind and name."""
    return one["kind"], one["metadata"]["name"]


def built(folder: Path) -> dict[tuple[str, str], Object]:
    """The objects of an overlay or a base. Names of config maps are without their hash.

    Raises AssertionError where a file is missing, a patch names no object, or an entry is not known here.
    """
    asked = yaml.safe_load((folder / "kustomization.yaml").read_text(encoding="utf-8"))
    assert set(asked) <= KNOWN, f"{folder}: {set(asked) - KNOWN}: not read here"
    found: dict[tuple[str, str], Object] = {}
    for named in asked["resources"]:
        path = folder / named
        assert path.exists(), f"{folder}: resources: {named}: there is no such file"
        more = built(path) if path.is_dir() else {key(one): one for one in documents(path)}
        assert not set(more) & set(found), f"{folder}: {named}: names an object twice"
        found |= more
    for one in asked.get("configMapGenerator", ()):
        named = ("ConfigMap", one["name"])
        assert (named in found) == (one.get("behavior") == "replace"), f"{folder}: {named}: there is nothing to replace"
        data = {name: (folder / name).read_text(encoding="utf-8") for name in one["files"]}
        found[named] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": one["name"]}, "data": data}
    for patch in asked.get("patches", ()):
        for one in documents(folder / patch["path"]):
            assert key(one) in found, f"{folder}: {patch['path']}: {key(one)}: there is no such object"
            found[key(one)] = merged(found[key(one)], one)
    for one in asked.get("images", ()):
        _image(found, one)
    if "namespace" in asked:
        for it in found.values():
            it["metadata"] = {**it["metadata"], "namespace": asked["namespace"]}
    return found


def merged(into: Any, patch: Any) -> Any:
    """A strategic merge patch: tables key by key, containers by their names, all else as a whole."""
    if isinstance(into, dict) and isinstance(patch, dict):
        assert not KEYED & set(patch), f"{KEYED & set(patch)}: not merged here"
        return into | {
            name: _containers(into[name], value) if name == "containers" else merged(into.get(name), value)
            for name, value in patch.items()
        }
    return patch


def _containers(into: list[Object], patch: list[Object]) -> list[Object]:
    by_name = {one["name"]: one for one in patch}
    assert set(by_name) <= {one["name"] for one in into}, f"{set(by_name)}: there is no such container"
    return [merged(one, by_name.get(one["name"], {})) for one in into]


def _image(found: dict[tuple[str, str], Object], wanted: dict[str, str]) -> None:
    end = f"@{wanted['digest']}" if "digest" in wanted else f":{wanted['newTag']}"
    named = [
        container
        for (kind, _), it in found.items()
        if kind == "Deployment"
        for container in it["spec"]["template"]["spec"]["containers"]
        if container["image"] == wanted["name"]
    ]
    assert named, f"images: {wanted['name']}: no container has it"
    for container in named:
        container["image"] = wanted["newName"] + end
