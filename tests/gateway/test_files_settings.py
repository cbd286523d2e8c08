"""`[files]`, `server.public_url` and `server.root_path`: what fits together, and what is said of what does not."""

from pathlib import Path

import pytest

from gateway.settings import Settings
from gateway.settings_file import WrongSettings, load
from tests.gateway.test_settings import SYSTEMS

KEY = "k" * 32


def read(folder: Path, text: str) -> Settings:
    """Settings with these lines."""
    path = folder / "gateway.toml"
    path.write_text(f"{SYSTEMS}\n{text}\n")
    return load(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[files]\nkey = "short"', r"files\.key: .*at least 32"),
        ("[files]\nsigned_for = -1", r"files\.signed_for"),
        ("[files]\nsigned_for = 4000", r"files\.signed_for"),
        (f'[files]\nkey = "{KEY}"\nkey_file = "key"', r"files\.key_file: .*only one of"),
        ('[files]\nkey_file = "nowhere"', r"files\.key_file: .*cannot be read"),
        ("[files]\nsigned_for = 60\n[server]\nworkers = 2", r"server\.workers: .*a key of its own"),
        (
            '[files]\nsigned_for = 60\n[systems.crm.auth]\nkind = "forward"',
            r"files\.signed_for: .*systems\.crm\.auth\.kind",
        ),
        ('[server]\npublic_url = "portal.example/api"', r"server\.public_url"),
        ('[server]\npublic_url = "https://me:secret@portal.example/api"', r"server\.public_url: .*without user name"),
        ('[server]\npublic_url = "https://portal.example/api?x=1"', r"server\.public_url"),
        ('[server]\npublic_url = "https://portal.example/a%20b"', r"server\.public_url: .*a path such as"),
        ('[server]\nroot_path = "api"', r"server\.root_path"),
        ('[server]\nroot_path = "/api/"', r"server\.root_path"),
        ('[server]\nroot_path = "//evil"', r"server\.root_path"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(WrongSettings, match=said) as refused:
        read(tmp_path, text)
    assert "secret" not in str(refused.value)
    assert KEY not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        f'[files]\nsigned_for = 60\nkey = "{KEY}"\n[server]\nworkers = 2',
        '[files]\nsigned_for = 60\n[redis]\nurl = "redis://cache.example:6379/0"\n[server]\nworkers = 2',
        "[files]\nsigned_for = 60",
        '[systems.crm.auth]\nkind = "forward"',
    ],
)
def test_what_fits_is_taken(tmp_path: Path, text: str) -> None:
    read(tmp_path, text)


def test_a_key_may_be_in_a_file_beside_the_settings(tmp_path: Path) -> None:
    (tmp_path / "key").write_text(f"{KEY}\n")
    files = read(tmp_path, '[files]\nsigned_for = 60\nkey_file = "key"\n[server]\nworkers = 2').files
    assert files.secret_named("key").text == KEY
    (tmp_path / "key").write_text("short")
    with pytest.raises(WrongSettings, match=r"files\.key_file: .*at least 32") as refused:
        read(tmp_path, '[files]\nkey_file = "key"')
    assert "short\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("text", "base", "prefix"),
    [
        ("", "", ""),
        ('public_url = "https://portal.example"', "https://portal.example", ""),
        ('public_url = "https://portal.example/"', "https://portal.example", ""),
        ('public_url = "https://portal.example/api/"', "https://portal.example/api", "/api"),
        ('public_url = "https://portal.example/api"\nroot_path = "/in/side"', "https://portal.example/api", "/in/side"),
        ('public_url = "https://portal.example/api"\nroot_path = ""', "https://portal.example/api", ""),
        ('root_path = "/api"', "", "/api"),
    ],
)
def test_where_clients_reach_it(tmp_path: Path, text: str, base: str, prefix: str) -> None:
    server = read(tmp_path, f"[server]\n{text}").server
    assert (server.public_base, server.prefix) == (base, prefix)
