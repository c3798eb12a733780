"""The data file: what a served tenant recorded is there again after a restart, and a request is kept whole or not at all."""

from __future__ import annotations

import sqlite3
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.loader import load_scenario
from autopilot_agent.scenario.plan import make_plan
from autopilot_agent.scenario.run import run_scenario
from autopilot_agent.scenario.saved_cloud import save_cloud
from autopilot_agent.service.management import ManagementMessage
from autopilot_agent.simulator.desk import TenantDesk
from autopilot_agent.simulator.graph_resources import CONFIGURATIONS, EDITABLE, PROFILES, put_resources
from autopilot_agent.simulator.keeping import SETS, Keeper, NotKept, StoredRecords
from autopilot_agent.simulator.parts import Lines, Members, Part, Table, Watched
from autopilot_agent.simulator.server import authority_of, desk_of, seed_of
from autopilot_agent.simulator.store import DataFile, Row
from autopilot_agent.tenant.active_directory import Computer
from autopilot_agent.tenant.graph.kinds import COLLECTIONS
from autopilot_agent.tenant.registration import NewDevice, deregister, register
from autopilot_agent.tenant.state import TenantState
from autopilot_agent.testing import in_process
from autopilot_agent.testing.samples import enrol_call, join_call
from autopilot_agent.testing.small import small_state
from autopilot_agent.wire.http import Incoming

SCENARIOS = Path(__file__).parents[2] / "scenarios"


def kept(path: Path, state: TenantState) -> tuple[DataFile, TenantDesk]:
    """A desk whose tenant is in a data file."""
    file = DataFile(path)
    records = StoredRecords(file)
    keeper = Keeper(file, state, records)
    return file, TenantDesk(state, in_process.one_authority(), records, keeper.request)


def plain(state: TenantState) -> object:
    """Everything that is kept of a tenant, with sets in one order."""

    def ordered(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: ordered(one) for name, one in value.items()}
        if isinstance(value, list):
            found = [ordered(one) for one in value]
            return sorted(found, key=repr) if all(isinstance(one, str) for one in found) else found
        return value

    saved = msgspec.json.decode(msgspec.json.encode(save_cloud(state), order="sorted"))
    saved["made"] = sorted(saved["made"], key=repr)
    return [ordered(saved), state.owners, sorted(state.mismatched), state.identity]


@pytest.mark.parametrize(
    "name",
    [
        "user-driven/standard-user-wired",
        "pre-provisioned/hybrid-whole-way",
        "reset/f82-remote",
        "user-driven/other-mdm-never-ready",
        "self-deploying/amd",
    ],
)
def test_a_run_is_the_same_with_a_data_file_and_its_records_are_there_after_a_restart(name: str, tmp_path: Path) -> None:
    path = SCENARIOS / f"{name}.yaml"
    made: list[tuple[DataFile, TenantDesk]] = []

    def backend(state: TenantState) -> Any:
        made.append(kept(tmp_path / "data", state))
        return in_process.backend_of(made[-1][1])

    through = run_scenario(load_scenario(path), backend=backend)
    assert through.result.trace_hash == run_scenario(load_scenario(path)).result.trace_hash
    file, desk = made[0]
    with desk.kept():
        pass
    before, data = plain(desk.state), desk.state.data
    file.close()

    again = make_plan(load_scenario(path)).state
    again.replace_data(data, desk.state.targeting)
    file, desk = kept(tmp_path / "data", again)
    with closing(file):
        assert plain(desk.state) == before


def test_an_enrolment_goes_on_after_a_restart(tmp_path: Path) -> None:
    file, desk = kept(tmp_path / "data", small_state())
    with desk.kept():
        enrolment = desk.answer(enrol_call(), Incoming("POST", "/")).enrolment_id
    with desk.kept():
        first = desk.answer(ManagementMessage(enrolment, 1, 1), Incoming("POST", "/"))
    file.close()
    file, desk = kept(tmp_path / "data", small_state())
    with closing(file), desk.kept():
        assert list(desk.state.enrolled) == [enrolment]
        assert desk.state.history[0] is desk.state.enrolled[enrolment]
        assert desk.answer(ManagementMessage(enrolment, 1, 2), Incoming("POST", "/")) != first


def test_a_request_is_written_in_one_transaction_and_only_what_it_changed(tmp_path: Path) -> None:
    file, desk = kept(tmp_path / "data", small_state())
    written: list[list[Row]] = []
    write = file.write
    file.write = lambda rows: (written.append(list(rows)), write(written[-1]))[1]  # type: ignore[method-assign,func-returns-value]
    with closing(file):
        with desk.kept():
            enrolment = desk.answer(enrol_call(), Incoming("POST", "/")).enrolment_id
            desk.records.put("certificate", "AB", {"device_id": "1"})
        assert len(written) == 1
        assert {kind for kind, _, _ in written[0]} >= {"enrolment", "made", "record:certificate"}
        with desk.kept():
            desk.answer(ManagementMessage(enrolment, 1, 1), Incoming("POST", "/"))
        assert [(kind, key) for kind, key, _ in written[1] if kind != "told"] == [("enrolment", enrolment)]
        with desk.kept():
            pass
        assert len(written) == 2


def test_a_join_looks_at_no_row_of_another_registration(tmp_path: Path) -> None:
    file, desk = kept(tmp_path / "data", small_state())
    with closing(file):
        with desk.kept():
            register(desk.state, NewDevice("5CG7777777", "", "Contoso", "Notebook 14", ""), 0)
        with desk.kept():
            desk.answer(join_call(), Incoming("POST", "/"))
            assert isinstance(desk.state.registrations, Watched) and not desk.state.registrations.touched


def test_a_registration_that_is_gone_has_no_serial_number() -> None:
    state = small_state()
    desk, identity = TenantDesk(state, in_process.one_authority()), state.identity
    assert identity is not None and desk.serial_number_of(identity.id) == "5CG0000001"
    deregister(state, state.registrations["5CG0000001"])
    assert desk.serial_number_of(identity.id) == ""


def disk_full(file: DataFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(rows: Any) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(file, "write", full)


def everything_changes(desk: TenantDesk) -> None:
    """Touch every part of a tenant that is kept."""
    state, number = desk.state, len(desk.state.history)
    enrolment = desk.answer(enrol_call(), Incoming("POST", "/")).enrolment_id
    desk.answer(ManagementMessage(enrolment, 1, 1), Incoming("POST", "/"))
    desk.answer(join_call(), Incoming("POST", "/"))
    register(state, NewDevice(f"5CG777777{number}", "", "Contoso", "Notebook 14", ""), number)
    deregister(state, state.registrations["5CG0000001"])
    for name in SETS:
        getattr(state, name).add(f"one more {number}")
    for name in ("left_over", "import_errors", "sign_ins"):
        getattr(state, name).append(f"one more {number}")
    state.sync_answers.append(number)
    state.hello_keys += 1
    state.conditions = msgspec.structs.replace(state.conditions, joined_devices=number + 1)
    state.active_directory.computers_made += 1
    state.active_directory.log.append(f"one more {number}")
    state.active_directory.computers[f"PC-{number}"] = Computer(f"PC-{number}", "", "", "", "", 0)
    put_resources(state, PROFILES, ())
    put_resources(state, CONFIGURATIONS, ())
    desk.records.put("certificate", f"{number}", {"device_id": "1"})


@pytest.mark.parametrize("earlier", [0, 1])
def test_what_could_not_be_written_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, earlier: int) -> None:
    file, desk = kept(tmp_path / "data", small_state())
    for _ in range(earlier):
        with desk.kept():
            enrolment = desk.answer(enrol_call(), Incoming("POST", "/")).enrolment_id
            desk.answer(ManagementMessage(enrolment, 1, 1), Incoming("POST", "/"))
            desk.records.put("certificate", "AB", {"device_id": "1"})
            put_resources(desk.state, PROFILES, ())
    before, data, records = repr(plain(desk.state)), desk.state.data, desk.records.all("certificate")
    with monkeypatch.context() as patch:
        disk_full(file, patch)
        for _ in range(2):
            with pytest.raises(NotKept, match="disk is full"), desk.kept():
                everything_changes(desk)
        with desk.kept():  # one that changes nothing is answered from what is kept
            assert (repr(plain(desk.state)), desk.records.all("certificate")) == (before, records)
            assert [getattr(desk.state.data, COLLECTIONS[name]) for name in EDITABLE] == [
                getattr(data, COLLECTIONS[name]) for name in EDITABLE
            ]
    with desk.kept():
        everything_changes(desk)
    after, records = repr(plain(desk.state)), desk.records.all("certificate")
    assert after != before
    file.close()
    file, desk = kept(tmp_path / "data", small_state())
    with closing(file):
        assert (repr(plain(desk.state)), desk.records.all("certificate")) == (after, records)


def test_nobody_is_answered_from_what_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, desk = kept(tmp_path / "data", small_state())
    looked, wrote = threading.Event(), threading.Event()
    refused: list[str] = []

    def full(rows: Any) -> None:
        wrote.set()
        assert looked.wait(60)
        raise sqlite3.OperationalError("database or disk is full")

    def change() -> None:
        try:
            with desk.kept():
                desk.records.put("certificate", "AB", {"device_id": "1"})
        except NotKept:
            refused.append("who changed")

    monkeypatch.setattr(file, "write", full)
    thread = threading.Thread(target=change)
    thread.start()
    assert wrote.wait(60)
    with pytest.raises(NotKept), desk.kept():
        assert desk.records.get("certificate", "AB") is not None
        looked.set()
        thread.join(60)
    assert refused == ["who changed"]
    with closing(file), desk.kept():
        assert desk.records.get("certificate", "AB") is None


def test_a_full_disk_is_said_once_and_so_is_its_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    file = DataFile(tmp_path / "data")
    desk, _ = desk_of(small_state(), file, said.append)

    def change(key: str) -> None:
        with desk.kept():
            desk.records.put("certificate", key, {})

    with closing(file):
        with monkeypatch.context() as patch:
            disk_full(file, patch)
            for key in "AB":
                with pytest.raises(NotKept):
                    change(key)
            assert len(said) == 1 and "data: the data file cannot be written (database or disk is full)" in said[0]
            assert "make room" in said[0] and "cannot be written" in desk.trouble()
        change("C")
        assert said[1:] == [f"{file.path}: the data file can be written again."] and not desk.trouble()
        assert len(desk.records.all("certificate")) == 1


def test_a_tenant_that_cannot_be_read_again_is_not_answered_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, desk = kept(tmp_path / "data", small_state())

    def broken(kind: str) -> dict[str, bytes]:
        raise sqlite3.OperationalError("disk I/O error")

    with closing(file):
        with monkeypatch.context() as patch:
            disk_full(file, patch)
            with pytest.raises(NotKept), desk.kept():
                desk.records.put("certificate", "AB", {})
            patch.setattr(file, "rows", broken)
            for _ in range(2):
                with pytest.raises(NotKept, match="cannot be read"), desk.kept():
                    raise AssertionError("this is not to be handled")
        with desk.kept():
            assert desk.records.all("certificate") == []


@pytest.mark.parametrize("first", [authority_of, lambda file: seed_of(file, 5), lambda file: desk_of(small_state(), file)])
def test_a_disk_that_is_full_at_the_start_is_one_sentence(
    first: Callable[[DataFile], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(DataFile(tmp_path / "data")) as file:
        disk_full(file, monkeypatch)
        with pytest.raises(InputError, match="make room"):
            first(file)


def test_requests_of_many_clients_are_all_kept(tmp_path: Path) -> None:
    file, desk = kept(tmp_path / "data", small_state())

    def work(number: int) -> None:
        for one in range(20):
            with desk.kept():
                desk.records.put("enrolment", f"{number}-{one}", {"n": one})

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    file, desk = kept(tmp_path / "data", small_state())
    with closing(file):
        assert len(desk.records.all("enrolment")) == 160
        with desk.kept():
            desk.records.drop("enrolment", "0-0")
            desk.records.drop("enrolment", "nobody")
        assert desk.records.get("enrolment", "0-0") is None


def test_authority_seed_and_clock_stay_the_same(tmp_path: Path) -> None:
    with closing(DataFile(tmp_path / "data")) as file:
        made, began = authority_of(file).to_pem(), desk_of(small_state(), file)[1]
        assert seed_of(file, 5) == 5
    with closing(DataFile(tmp_path / "data")) as file:
        assert authority_of(file).to_pem() == made
        assert desk_of(small_state(), file)[1] == began
        assert seed_of(file, None) == 5
        with pytest.raises(InputError, match="begun with seed 5"):
            seed_of(file, 6)


def test_a_seed_that_would_not_count_is_refused(tmp_path: Path) -> None:
    with closing(DataFile(tmp_path / "data")) as file:
        assert seed_of(file, 5) == 5
        assert seed_of(file, None) is None, "no tenant began with the seed of before"
        desk_of(small_state(), file)
        assert seed_of(file, None) is None
        with pytest.raises(InputError, match="begun without a seed"):
            seed_of(file, 5)


def _other_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE music (name TEXT)")
        other.commit()


def _other_format(path: Path) -> None:
    DataFile(path).close()
    with closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version=99")


@pytest.mark.parametrize(
    ("prepare", "said"),
    [
        (lambda path: path.write_text("no database at all" * 100), "this is no data file"),
        (lambda path: path.mkdir(), "cannot be used"),
        (_other_database, "a database of something else"),
        (_other_format, "has format 99"),
    ],
)
def test_a_file_that_is_none_is_refused_in_a_sentence(prepare: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    path = tmp_path / "data"
    prepare(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(InputError, match=said):
        DataFile(path)
    assert not before or path.read_bytes() == before


posix = pytest.mark.skipif(sys.platform == "win32", reason="files of Windows have no mode")


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


@posix
def test_the_authority_is_readable_by_its_owner_only_whatever_the_file_was_before(tmp_path: Path) -> None:
    path, wal = tmp_path / "data", tmp_path / "data-wal"
    path.touch(0o644)
    path.chmod(0o644)
    for _ in range(2):
        with closing(DataFile(path)) as file:
            authority_of(file)
            assert mode(path) == 0o600 and mode(wal) == 0o600
        path.chmod(0o664)
    wal.touch()
    wal.chmod(0o644)
    with closing(DataFile(path)):
        assert mode(path) == 0o600 and mode(wal) == 0o600


@posix
def test_a_file_of_somebody_else_is_refused_and_left_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data"
    _other_database(path)
    path.chmod(0o644)
    with pytest.raises(InputError, match="a database of something else"):
        DataFile(path)
    assert mode(path) == 0o644
    path.unlink()
    path.touch()
    owner = path.stat().st_uid
    with monkeypatch.context() as patch:
        patch.setattr("os.geteuid", lambda: owner + 1)
        with pytest.raises(InputError, match="belongs to another user"):
            DataFile(path)
    path.chmod(0o644)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "chmod", lambda self, mode: None)  # a file system without permissions
        with pytest.raises(InputError, match="others can read this file"):
            DataFile(path)
    assert path.read_bytes() == b""


def test_a_file_in_use_and_one_of_another_tenant_are_refused(tmp_path: Path) -> None:
    with closing(DataFile(tmp_path / "data")) as file:
        with pytest.raises(InputError, match="another server is using"):
            DataFile(tmp_path / "data")
        desk_of(small_state(), file)
        with pytest.raises(InputError, match="belongs to tenant"):
            desk_of(small_state({"tenant.organization.id": "6f1d2a3b-0000-4000-8000-00000000ffff"}), file)


def test_records_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    file, _ = kept(tmp_path / "data", small_state())
    file.write([("registration", "5CG0000001", b"0 {nonsense")])
    file.close()
    with closing(DataFile(tmp_path / "data")) as file, pytest.raises(InputError, match="does not fit"):
        Keeper(file, small_state(), StoredRecords(file))


# The parts, with anything that may happen to them.


class Owner:
    def __init__(self, value: Any) -> None:
        self.value = value


def written(rows: dict[str, bytes], part: Part) -> None:
    for _, key, value in part.changes():
        if value is None:
            del rows[key]
        else:
            rows[key] = value


@given(st.lists(st.sets(st.text(max_size=3), max_size=5), max_size=6))
def test_a_set_is_kept_as_it_changes(values: list[set[str]]) -> None:
    owner, rows = Owner(set()), dict[str, bytes]()
    part = Members("set", owner, "value")
    part.begin(None)
    for value in values:
        owner.value = value
        written(rows, part)
        again = Owner(None)
        Members("set", again, "value").begin(rows)
        assert again.value == value


@given(st.lists(st.lists(st.text(max_size=3), max_size=5), max_size=6))
def test_a_list_is_kept_as_it_changes(values: list[list[str]]) -> None:
    owner, rows = Owner([]), dict[str, bytes]()
    part = Lines("list", owner, "value")
    part.begin(None)
    for value in values:
        owner.value = value
        written(rows, part)
        again = Owner(None)
        Lines("list", again, "value").begin(rows)
        assert again.value == value


Step = tuple[str, str, int]
STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "pop", "change", "all", "look", "keep", "restart", "clear", "replace"]),
              st.sampled_from("abcd"), st.integers(0, 3)), max_size=30)  # fmt: skip


@given(STEPS)
def test_a_dict_is_kept_with_its_order_whatever_is_done_to_its_values(steps: list[Step]) -> None:
    owner, rows = Owner({"a": [0], "b": [1]}), dict[str, bytes]()
    part = Table("dict", owner, "value", list[int])
    part.begin(None)
    for word, key, number in steps:
        now: Watched = owner.value
        if word == "set":
            now[key] = [number]
        elif word == "pop":
            now.pop(key, None)
        elif word == "change" and key in now:
            now[key].append(number)
        elif word == "all":
            for one in now.values():
                one.append(number)
        elif word == "look":
            now.get(key)
        elif word == "clear":
            now.clear()
        elif word == "replace":
            owner.value = {key: [number]}
        written(rows, part)
        if word == "restart":
            before = {name: list(one) for name, one in dict.items(owner.value)}
            part = Table("dict", owner, "value", list[int])
            part.begin(rows)
            assert dict(owner.value) == before and list(owner.value) == list(before)
