"""Runs that reports are tested with, also such as the loader would not let through."""

from __future__ import annotations

from pathlib import Path

from autopilot_agent.reports.report import Need, Played, pack
from autopilot_agent.scenario.loader import load_scenario, load_scenario_text
from autopilot_agent.scenario.run import Result, run_scenario

SCENARIOS = Path("tests/reports/scenarios")
NAMES = ("success", "esp_failure", "failed_expectation")
HOSTILE_TITLE = (
    "</script><script>alert(1)</script> ]]> ::error::x \\n <img src=x onerror=alert(2)> @team | `a` \\u001b[31m \\uFFFE"
)
HOSTILE = f"""\
scenario: "{HOSTILE_TITLE}"
tags: ["<b>", 'a"b']
tenant:
  organization:
    displayName: "<svg onload=alert(3)>"
    verifiedDomains: [{{name: contoso.example, isDefault: true, isInitial: true}}]
  windowsAutopilotDeploymentProfiles:
    - {{displayName: "'\\"><img src=x onerror=alert(4)>", assignments: [all devices]}}
expect: {{end_state: desktop, device_name: "<img src=y onerror=alert(5)>"}}
"""


def sample(name: str, need: Need = Need.EVERYTHING) -> Played:
    """One of the scenarios of this folder, played."""
    return pack(run_scenario(load_scenario(SCENARIOS / f"{name}.yaml")), need)


def samples(need: Need = Need.EVERYTHING) -> list[Played]:
    """All of them."""
    return [sample(name, need) for name in NAMES]


def hostile() -> Played:
    """A run in which everything that has a name attacks whoever shows it."""
    return pack(run_scenario(load_scenario_text(HOSTILE, Path("bad,name:100%.yaml"))), Need.EVERYTHING)


def every_verdict() -> list[Played]:
    """One run of each verdict."""
    made: list[Played] = []
    for verdict in ("passed", "failed", "error", "xfailed", "xpassed", "skipped", "not_run"):
        result = Result(f"A run that is {verdict}", f"folder/{verdict}.yaml", "user-driven", 1, verdict=verdict, case="row 1")
        result.reason = "waits for a new profile" if verdict in ("xfailed", "xpassed", "skipped") else ""
        result.problem = "folder/error.yaml:3:5: unknown key 'moed'; did you mean 'mode'?" if verdict == "error" else ""
        made.append(Played(result))
    failed = sample("failed_expectation").result.checks
    made[1].result.checks = failed
    return made
