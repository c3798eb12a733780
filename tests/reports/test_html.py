"""The HTML page: what is on it, that nothing in it can act, that it is the same each time and does not grow without bound."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from autopilot_agent.reports.html import HTML, WITH_EVENTS, WITH_TIMELINE
from autopilot_agent.reports.html.diagram import read_ways
from autopilot_agent.reports.html.elements import e, own, written
from autopilot_agent.reports.report import About
from tests.reports.samples import every_verdict, hostile, sample, samples

ROOT = Path(__file__).parents[2]
ABOUT = About("1.2.3", 1)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = next((found for name in BROWSERS if (found := shutil.which(name))), "")
MOST_FOR_700 = 14_000_000


@pytest.fixture(autouse=True)
def in_the_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


class Seen(HTMLParser):
    """Every tag with its attributes, and the text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] not in ("script", "style"):
            self.texts.append(data)


def page(*played: object) -> str:
    return HTML.render(list(played), ABOUT).decode()  # type: ignore[arg-type]


def test_every_part_of_a_run_is_on_the_page() -> None:
    seen = Seen(page(*samples()))
    text = "".join(seen.texts)
    for part in ("Where the time went", "Status page and apps", "Timeline", "Way through the flow", "Screens shown", "Events",
                 "Replay", "What failed, and what helps", "Not as expected", "Rules cited"):  # fmt: skip
        assert part in text, part
    assert "autopilot-agent run tests/reports/scenarios/success.yaml --seed 7" in text
    assert "Fix the installer or the rule, then try again." in text
    assert "tests/reports/scenarios/failed_expectation.yaml:22:26" in text


def test_the_page_loads_nothing_and_allows_only_its_own_script_and_style() -> None:
    seen = Seen(page(*samples(), hostile()))
    policy = next(attributes["content"] for tag, attributes in seen.tags if "Content-Security-Policy" in attributes.values())
    assert policy is not None and policy.startswith("default-src 'none';") and "unsafe" not in policy
    assert [tag for tag, _ in seen.tags].count("script") == 1
    for tag, attributes in seen.tags:
        assert tag not in ("img", "iframe", "object", "link", "audio", "video", "base", "use", "image"), tag
        assert not [name for name in attributes if name.startswith("on") or name in ("src", "srcset", "style", "xlink:href")]
        assert attributes.get("href", "#").startswith("#")  # type: ignore[union-attr]


def test_hostile_names_are_only_text() -> None:
    text = "".join(Seen(page(hostile())).texts)
    assert "</script><script>alert(1)</script>" in text and "<img src=y onerror=alert(5)>" in text
    assert "\x1b" not in page(hostile()) and "\\x1b[31m" in text


def test_links_inside_the_page_lead_somewhere() -> None:
    seen = Seen(page(*samples(), *every_verdict()))
    ids = [attributes["id"] for _, attributes in seen.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {str(attributes["href"])[1:] for tag, attributes in seen.tags if tag == "a"}
    assert targets <= set(ids)


def test_pictures_and_tables_have_names() -> None:
    for tag, attributes in Seen(page(*samples())).tags:
        if tag == "svg":
            assert attributes.get("aria-label") or attributes.get("aria-hidden") == "true"
        if attributes.get("role") == "region":
            assert attributes.get("aria-label") and attributes.get("tabindex") == "0"


def test_headings_go_down_step_by_step() -> None:
    levels = [int(tag[1]) for tag, _ in Seen(page(*samples())).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_the_same_runs_give_the_same_bytes_without_a_date_or_an_absolute_path() -> None:
    first = page(*samples())
    assert first == page(*samples())
    assert str(ROOT) not in first
    assert "2026-01-02T03:04:05Z" in HTML.render([], About("1", 0, "2026-01-02T03:04:05Z")).decode()


def test_seven_hundred_runs_fit_and_the_page_says_what_it_leaves_out() -> None:
    one, bad = sample("success"), sample("failed_expectation")
    data = HTML.render([one] * 699 + [bad], ABOUT)
    assert len(data) < MOST_FOR_700
    text = data.decode()
    assert f"leaves out the events of all but {WITH_EVENTS}" in text and f"after {WITH_TIMELINE}" in text
    assert text.count('aria-label="Events"') == WITH_EVENTS
    last = text[text.index('id="run-700"') :]
    assert 'aria-label="Events"' in last


def test_the_way_has_the_steps_that_were_taken() -> None:
    way = next(way for way in read_ways(sample("esp_failure").events()) if way.stops)
    names = [stop.state for stop in way.stops]
    assert way.end == "esp_failed" and names[-1] == "esp_failed"
    assert (names.index("rename"), "reboot", 0) in way.steps
    assert way.stops[0].times == 2 and way.stops[names.index("device_setup")].wrong


def test_an_element_escapes_and_a_script_of_ours_cannot_end_early() -> None:
    made = written(e("p", "<b>&", e("br"), "\x00", title='"><script>', hidden=False, open=True)).decode()
    assert made == '<!DOCTYPE html>\n<p title="&quot;&gt;<script&gt;" open="">&lt;b&gt;&amp;<br>\\x00</p>\n'
    with pytest.raises(ValueError, match="could end"):
        own("script", "'</script>'")


def browse(folder: Path, data: bytes, *options: str, hash_: str = "") -> str:
    """The page as Chromium has it after its script ran."""
    file = folder / "page.html"
    file.write_bytes(data)
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", *options]
    done = subprocess.run([*command, "--dump-dom", f"{file.as_uri()}{hash_}"], capture_output=True, timeout=90, check=True)
    return done.stdout.decode()


chromium = pytest.mark.skipif(not CHROMIUM, reason="no Chromium on PATH; CI installs one")


@chromium
def test_in_a_browser_the_script_runs_and_hostile_names_do_not(tmp_path: Path) -> None:
    data = HTML.render([*samples(), hostile()], ABOUT)
    # a marker that any script of the data would set; only a policy without our hashes could let it
    found = browse(tmp_path, data, "--enable-logging=stderr", hash_="#run-3")
    assert "4 of 4 shown" in found
    assert re.search(r'<form id="filter"(?![^>]*hidden)', found)
    assert re.search(r'<details class="run" id="run-3"[^>]* open', found)
    assert found.count("<script") == 1 and "<img" not in found


@chromium
def test_in_a_browser_the_filter_hides_and_keeps(tmp_path: Path) -> None:
    tagged = samples()
    tagged[0].result.tags = ["nightly"]
    drive = (
        "addEventListener('load',()=>{const t=document.getElementById('f-%s');t.value='%s';"
        "t.dispatchEvent(new Event('input',{bubbles:true}))});"
    )
    for field, value, shown in (("text", "only app", "1 of 3"), ("verdict", "failed", "1 of 3"), ("tag", "nightly", "1 of 3"),
                                ("mode", "user-driven", "3 of 3")):  # fmt: skip
        text = HTML.render(tagged, ABOUT).decode()
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        text = text.replace("</body>", f"<script>{drive % (field, value)}</script></body>")
        found = browse(tmp_path, text.encode())
        assert f"{shown} shown" in found, field


@chromium
@pytest.mark.parametrize("width", [360, 768, 1280])
def test_in_a_browser_nothing_is_wider_than_the_window(tmp_path: Path, width: int) -> None:
    probe = (
        "document.querySelectorAll('details').forEach(d=>{d.open=true});"
        "document.body.dataset.wide=String(document.documentElement.scrollWidth-document.documentElement.clientWidth);"
    )
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", HTML.render([*samples(), hostile()], ABOUT).decode())
    script = f"addEventListener('load',()=>{{{probe}parent.postMessage(document.body.dataset.wide,'*')}})"
    inner = text.replace("</body>", f"<script>{script}</script></body>")
    (tmp_path / "inner.html").write_text(inner, encoding="utf-8")
    outer = (
        f"<!DOCTYPE html><body><script>addEventListener('message',(m)=>{{document.body.dataset.wide=m.data}})</script>"
        f"<iframe src='inner.html' style='width:{width}px;height:800px;border:0'></iframe></body>"
    )
    found = browse(tmp_path, outer.encode(), "--virtual-time-budget=3000", "--window-size=1400,900")
    assert 'data-wide="0"' in found


def test_every_field_of_every_event_can_be_shown() -> None:
    from autopilot_agent.events import KINDS
    from autopilot_agent.reports.html.events_table import events_table

    made = [msgspec.convert({"seq": 1, "at": 0, "rule": "U3", **_filled(kind)}, kind, strict=False) for kind in KINDS]
    rendered = written(e("div", events_table(made, set()))).decode()
    assert rendered.count("<tr>") == len(KINDS) + 1


def _filled(kind: type) -> dict[str, object]:
    tag = kind.__struct_config__.tag  # type: ignore[attr-defined]
    names = [name for name in kind.__struct_fields__ if name not in ("seq", "at", "rule")]  # type: ignore[attr-defined]
    values: dict[str, object] = {"status": 200, "id": 1, "off": 1, "skipped": True, "choices": ["a"]}
    return {"event": tag, **{name: values.get(name, "x") for name in names}}
