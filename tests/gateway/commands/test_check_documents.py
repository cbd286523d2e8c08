"""`gateway check` says which documents of manifests cannot be run, before they are served."""

import json
from pathlib import Path

from gateway.commands.check_documents import checked_documents
from gateway.documents_settings import DocumentsSettings
from gateway.settings import GraphQLSettings, Settings


def settings(folder: Path, **documents: str) -> Settings:
    (folder / "m.json").write_text(json.dumps(documents))
    given = DocumentsSettings(manifest_files=(folder / "m.json",))
    return Settings.model_construct(documents=given, graphql=GraphQLSettings())


def test_documents_that_fit_are_counted(tmp_path: Path) -> None:
    (line,) = checked_documents(settings(tmp_path, a="{ me { id } }", b="{ me { id } }", c="{ viewer { kind } }"))
    assert (line.is_good, line.name, line.note) == (True, "documents", "2 documents")


def test_one_that_does_not_fit_is_named(tmp_path: Path) -> None:
    (line,) = checked_documents(settings(tmp_path, old="{ me { shoeSize } }", good="{ me { id } }"))
    assert not line.is_good
    assert line.detail.startswith("1 of 2 documents cannot be run, 'old' among them: Cannot query field 'shoeSize'")


def test_a_manifest_that_is_gone_is_said_and_none_is_no_line(tmp_path: Path) -> None:
    given = settings(tmp_path, a="{ me { id } }")
    (tmp_path / "m.json").unlink()
    (line,) = checked_documents(given)
    assert (line.is_good, "cannot be read" in line.detail) == (False, True)
    assert checked_documents(Settings.model_construct(documents=DocumentsSettings())) == []
