"""Data files that somebody changed, cut off or mixed up: each is refused in a sentence that names it, and stays as it is."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from autopilot_agent.__main__ import main
from autopilot_agent.simulator.server import authority_of, desk_of, seed_of
from autopilot_agent.simulator.store import DataFile
from autopilot_agent.simulator.tenants import state_of_scenario
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.walk.ready import ready

PAGE = 4096


def tenant() -> TenantState:
    return state_of_scenario(ready("user-driven"))


def begun(path: Path) -> None:
    """A file that a server began."""
    with closing(DataFile(path)) as file:
        seed_of(file, None)
        desk_of(tenant(), file)


def cut(size: int) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size)


def garbled(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[PAGE : 2 * PAGE] = b"\xa5" * PAGE
    path.write_bytes(data)


def told(script: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as other:
            other.executescript(script)
            other.commit()

    return change


def fact(name: str, value: str) -> Callable[[Path], None]:
    return told(f"UPDATE rows SET value = CAST('{value}' AS BLOB) WHERE kind = 'facts' AND key = '{name}'")


def text(path: Path) -> None:
    path.write_text("letters " * 1000)


def music(path: Path) -> None:
    path.unlink()
    told("CREATE TABLE music (name TEXT)")(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


DAMAGED = "this data file is damaged"


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (cut(60), "no data file of autopilot-agent"),
        (cut(PAGE), DAMAGED),
        (cut(2 * PAGE), DAMAGED),
        (garbled, DAMAGED),
        (told("DROP TABLE rows; CREATE TABLE rows (a, b)"), DAMAGED),
        (told("DROP TABLE rows"), DAMAGED),
        (told("PRAGMA user_version = 0"), "has format 0, and this version reads format 1"),
        (told("PRAGMA user_version = 2"), "has format 2, and this version reads format 1"),
        (fact("authority", "nonsense"), DAMAGED),
        (fact("tenant_id", "{"), DAMAGED),
        (fact("began", '"x"'), DAMAGED),
        (fact("seed", '"x"'), DAMAGED),
        (told("INSERT INTO rows VALUES ('record:certificate', 'A', CAST('[' AS BLOB))"), DAMAGED),
        (told("INSERT INTO rows VALUES ('registration', 'A', CAST('x' AS BLOB))"), "does not fit the tenant"),
        (fact("tenant_id", '"other"'), "belongs to tenant other"),
        (text, "no data file of autopilot-agent"),
        (music, "a database of something else"),
        (folder, "a directory"),
        pytest.param(pipe, "no ordinary file", marks=pytest.mark.skipif(sys.platform == "win32", reason="no pipes there")),
    ],
)
def test_a_file_that_cannot_be_used_is_one_sentence_and_stays_as_it_is(
    damage: Callable[[Path], None], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tenant.db"
    begun(path)
    damage(path)
    before = path.read_bytes() if path.is_file() else b""
    assert main(["serve", "--port", "0", "--data", str(path)]) == 2
    error = capsys.readouterr().err
    assert str(path) in error and said in error and error.count("\n") == 1 and error.endswith(".\n")
    assert not path.is_file() or path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["tenant.db"]


def test_a_file_that_is_only_looked_at_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tenant.db"
    begun(path)
    before = path.read_bytes()
    with closing(DataFile(path)) as file:
        desk_of(tenant(), file)
    assert path.read_bytes() == before


# serve ca reads, and makes nothing.


def test_the_authority_of_a_file_that_is_not_there_makes_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "nope.db"
    assert main(["serve", "ca", "--data", str(path)]) == 2
    said = capsys.readouterr().err
    assert f"{path}: there is no such data file" in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_the_authority_is_read_without_a_change(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tenant.db"
    path.touch()
    assert main(["serve", "ca", "--data", str(path)]) == 2
    assert "nothing was kept in this data file yet" in capsys.readouterr().err and path.read_bytes() == b""
    with closing(DataFile(path)):
        pass
    assert main(["serve", "ca", "--data", str(path)]) == 2
    assert "has no authority yet" in capsys.readouterr().err
    with closing(DataFile(path)) as file:
        pem = authority_of(file).certificate_pem().decode()
    before = path.read_bytes()
    assert main(["serve", "ca", "--data", str(path)]) == 0
    assert capsys.readouterr().out == pem
    assert path.read_bytes() == before


def test_the_authority_of_a_running_server_is_not_to_be_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "tenant.db"
    with closing(DataFile(path)) as file:
        authority_of(file)
        assert main(["serve", "ca", "--data", str(path)]) == 2
    assert "a server is using this data file" in capsys.readouterr().err
