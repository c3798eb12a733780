"""The data file: rows by kind and key in SQLite, for one server at a time, safe from a crash at any moment."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

from autopilot_agent.errors import InputError, Place

FORMAT = 1
"""Version of the file's layout; another one is refused."""
APPLICATION = 0x41504147
"""SQLite's application id of our files."""
ROWS = "CREATE TABLE rows (kind TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
"""How the only table is made, which SQLite keeps word for word."""

Row = tuple[str, str, bytes | None]
"""Kind, key, value; None for a row that goes."""


class DataFile:
    """One open data file. Raises ``InputError`` for a file that cannot be used, ``sqlite3.Error`` when writing fails.

    The file is locked as long as it is open, and every commit is on the disk when it returns (WAL, synchronous=FULL).
    """

    def __init__(self, path: Path, *, only_read: bool = False) -> None:
        """Open a file, or begin one; with ``only_read`` it has to be there, and stays as it is."""
        self.path = path
        _look_at(path, there=only_read)
        if not only_read:
            _create(path)
        uri = f"{path.absolute().as_uri()}?mode={'ro' if only_read else 'rw'}"
        try:
            self._connection = sqlite3.connect(uri, uri=True, timeout=0, isolation_level=None, check_same_thread=False)
        except sqlite3.Error as error:
            raise self._unusable(str(error)) from None
        try:
            self._check(only_read)
            if not only_read:
                self._prepare()
        except InputError:
            self._connection.close()
            raise
        except sqlite3.Error as error:
            self._connection.close()
            raise self._not_opened(error, only_read) from None

    def _unusable(self, why: str) -> InputError:
        return InputError(f"the data file cannot be used ({why}); check its folder and permissions.", Place(str(self.path)))

    def damaged(self, why: str) -> InputError:
        """The refusal of a file of ours that was changed from outside, or broke."""
        text = f"this data file is damaged ({why}); put a copy of before in its place, or begin a new one."
        return InputError(text, Place(str(self.path)))

    def _not_opened(self, error: sqlite3.Error, only_read: bool) -> InputError:
        said = str(error)
        if "locked" in said:
            text = "another server is using this data file; stop it, or name another file."
            if only_read:
                text = "a server is using this data file; stop it, or take its CA from /autopilot-agent/ca.pem there."
            return InputError(text, Place(str(self.path)))
        if _says_that_it_is_ours(self.path):
            return self._unusable(said) if isinstance(error, sqlite3.OperationalError) else self.damaged(said)
        if isinstance(error, sqlite3.OperationalError):
            return self._unusable(said)
        return InputError("this is no data file of autopilot-agent; name another.", Place(str(self.path)))

    def _check(self, only_read: bool) -> None:
        """See that the file is one of ours, whole and of this version, before anything is written."""
        application = self._one("PRAGMA application_id")
        version = self._one("PRAGMA user_version")
        tables = self._one("SELECT count(*) FROM sqlite_master")
        if application != APPLICATION and (application or version or tables):
            raise InputError("this is a database of something else, not a data file of autopilot-agent.", Place(str(self.path)))
        if application != APPLICATION and only_read:
            raise InputError("nothing was kept in this data file yet; serve with it once.", Place(str(self.path)))
        if application == APPLICATION and version != FORMAT:
            raise InputError(
                f"this data file has format {version}, and this version reads format {FORMAT}; begin a new one.",
                Place(str(self.path)),
            )
        if application == APPLICATION:
            with closing(self._connection.execute("PRAGMA quick_check(1)")) as found:
                said = str(found.fetchone()[0])
            columns = self._one(f"SELECT count(*) FROM sqlite_master WHERE type = 'table' AND sql = '{ROWS}'")
            if said != "ok" or not columns:
                raise self.damaged(said.splitlines()[-1] if said != "ok" else "its table is not there")

    def _prepare(self) -> None:
        run = self._connection.execute
        _close_to_others(self.path)
        run("PRAGMA locking_mode=EXCLUSIVE")
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=FULL")
        run("BEGIN IMMEDIATE")  # takes the lock, or finds that somebody has it
        if self._one("PRAGMA application_id") != APPLICATION:  # else nothing is to be written before it was read
            run(f"PRAGMA application_id={APPLICATION}")
            run(f"PRAGMA user_version={FORMAT}")
            run(ROWS)
        run("COMMIT")

    def _one(self, question: str) -> int:
        with closing(self._connection.execute(question)) as found:
            return int(found.fetchone()[0])

    def rows(self, kind: str) -> dict[str, bytes]:
        """All rows of a kind, by key."""
        with closing(self._connection.execute("SELECT key, value FROM rows WHERE kind = ?", (kind,))) as found:
            return {str(key): bytes(value) for key, value in found}

    def kinds(self, beginning: str) -> list[str]:
        """The kinds whose names begin so."""
        question = "SELECT DISTINCT kind FROM rows WHERE substr(kind, 1, ?) = ?"
        with closing(self._connection.execute(question, (len(beginning), beginning))) as found:
            return [str(kind) for (kind,) in found]

    def write(self, rows: Iterable[Row]) -> None:
        """Write rows in one transaction: all of them are on the disk afterwards, or none."""
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            for kind, key, value in rows:
                if value is None:
                    run("DELETE FROM rows WHERE kind = ? AND key = ?", (kind, key))
                else:
                    run("INSERT OR REPLACE INTO rows VALUES (?, ?, ?)", (kind, key, value))
            run("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                run("ROLLBACK")
            raise

    def keep(self, rows: Iterable[Row]) -> None:
        """The same before there is a client to refuse. Raises ``InputError``."""
        try:
            self.write(rows)
        except sqlite3.Error as error:
            text = f"the data file cannot be written ({error}); make room on its disk."
            raise InputError(text, Place(str(self.path))) from None

    def close(self) -> None:
        """Close the file; another server may open it then."""
        self._connection.close()


def _look_at(path: Path, *, there: bool) -> None:
    """Refuse what is no ordinary file (SQLite would wait for a pipe without an end), and with ``there`` what is none yet."""
    try:
        if not path.exists():
            if there:
                raise InputError("there is no such data file; name the FILE of 'serve --data FILE'.", Place(str(path)))
        elif not path.is_file():
            what = "this is a directory" if path.is_dir() else "this is no ordinary file"
            raise InputError(f"{what}, which cannot be used as a data file; name a file.", Place(str(path)))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the data file cannot be used ({reason}); choose another place.", Place(str(path))) from None


def _says_that_it_is_ours(path: Path) -> bool:
    """Whether a file that SQLite cannot read begins as ours do (the file format of SQLite, 1.3)."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError:
        return False
    return head.startswith(b"SQLite format 3\0") and head[68:72] == APPLICATION.to_bytes(4, "big")


def _create(path: Path) -> None:
    """An empty file for its owner alone, before SQLite makes one for everybody: it will hold the authority's key."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InputError(f"the data file cannot be used ({reason}); choose another place.", Place(str(path))) from None


def _close_to_others(path: Path) -> None:
    """Let only its owner read a file that was there before, where files have owners. Raises ``InputError``."""
    user = getattr(os, "geteuid", None)
    if user is None:
        return
    text = ""
    for one in (path, Path(f"{path}-wal"), Path(f"{path}-journal")):
        try:
            if not one.exists():
                continue
            if one.stat().st_uid != user():
                text = "this file belongs to another user, who could read the authority's key in it; name another file."
            elif one.stat().st_mode & 0o077:
                one.chmod(0o600)
                if one.stat().st_mode & 0o077:
                    text = (
                        "others can read this file, and the authority's key in it; name one in a folder that knows permissions."
                    )
        except OSError as error:
            text = f"its permissions cannot be set ({error.strerror}), and the authority's key is in it; name another file."
        if text:
            raise InputError(text, Place(str(one)))
