"""Whether the server is well, and its figures in the text format of Prometheus (version 0.0.4)."""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from autopilot_agent.wire.http import Desk, Incoming, Response, Route, as_json, status_of

if TYPE_CHECKING:
    from autopilot_agent.errors import ServiceFault
    from autopilot_agent.simulator.access_log import Seen
    from autopilot_agent.simulator.desk import TenantDesk

TEXT = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper ends of the histogram, in seconds."""
MOST_CODES = 200
"""Codes of refusals that are told apart; more are counted as "other"."""

Family = tuple[str, str, str, Iterable[tuple[dict[str, str], float]]]
"""Name, type, help, and samples: labels and value."""


class Metrics:
    """Counts requests. What the tenant holds is asked of the desk when somebody looks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._faults: Counter[str] = Counter()
        self._errors = 0
        self._times: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()

    def seen(self, one: Seen) -> None:
        """A request was answered."""
        route, seconds = one.route or "none", one.milliseconds / 1000
        with self._lock:
            self._requests[route, str(one.status)] += 1
            self._errors += bool(one.error)
            if one.fault:
                known = one.fault in self._faults or len(self._faults) < MOST_CODES
                self._faults[one.fault if known else "other"] += 1
            counts = self._times.setdefault(route, [0] * (len(BUCKETS) + 1))
            counts[bisect_left(BUCKETS, seconds)] += 1
            self._sums[route] += seconds  # type: ignore[assignment]  # a sum of seconds; Counter says int

    def text(self, desk: TenantDesk) -> str:
        """Everything, as Prometheus reads it."""
        with desk.lock:
            state = desk.state
            held = (
                ("enrolled_devices", "gauge", "Enrolments that stand.", len(state.enrolled)),
                ("enrolments_total", "counter", "Enrolments that were ever made.", len(state.history) + desk.forgotten),
                ("joined_devices", "gauge", "Devices that are joined.", len(state.joined)),
                ("sessions_total", "counter", "Management sessions.", sum(one.sessions for one in state.history)),
                ("registered_devices", "gauge", "Registrations that were made or touched here.", len(state.registrations)),
            )
        families: list[Family] = [(name, kind, said, [({}, value)]) for name, kind, said, value in held]
        with self._lock:
            requests = [({"route": route, "status": status}, n) for (route, status), n in sorted(self._requests.items())]
            faults = [({"code": code}, n) for code, n in sorted(self._faults.items())]
            times = [(route, list(counts), float(self._sums[route])) for route, counts in sorted(self._times.items())]
            errors = self._errors
        families += [
            ("requests_total", "counter", "Requests by route and status.", requests),
            ("faults_total", "counter", "Refusals by code.", faults),
            ("errors_total", "counter", "Requests that failed by a defect.", [({}, errors)]),
        ]
        lines = [line for family in families for line in _family(family)]
        lines += _histogram(times)
        return "\n".join(lines) + "\n"


def _family(family: Family) -> Iterator[str]:
    name, kind, said, samples = family
    yield f"# HELP autopilot_agent_{name} {said}"
    yield f"# TYPE autopilot_agent_{name} {kind}"
    for labels, value in samples:
        yield f"autopilot_agent_{name}{_labels(labels)} {value:g}" if value < 1e6 else _large(name, labels, value)


def _large(name: str, labels: dict[str, str], value: float) -> str:
    return f"autopilot_agent_{name}{_labels(labels)} {int(value)}"


def _histogram(times: list[tuple[str, list[int], float]]) -> Iterator[str]:
    name = "autopilot_agent_request_seconds"
    yield f"# HELP {name} Time from a request's last header to its answer."
    yield f"# TYPE {name} histogram"
    for route, counts, total in times:
        below = 0
        for end, count in zip((*(f"{one:g}" for one in BUCKETS), "+Inf"), counts, strict=True):
            below += count
            yield f"{name}_bucket{_labels({'route': route, 'le': end})} {below}"
        yield f"{name}_sum{_labels({'route': route})} {total:.6f}"
        yield f"{name}_count{_labels({'route': route})} {below}"


def _labels(labels: dict[str, str]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_quoted(value)}"' for name, value in labels.items()) + "}"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def routes(metrics: Metrics) -> tuple[Route, ...]:
    """``/health`` and ``/metrics``: neither waits for the disk, so both answer while it is full."""

    def health(incoming: Incoming, desk: Desk) -> Response:
        trouble = desk.trouble()  # type: ignore[attr-defined]  # our own desk
        return as_json({"status": "not kept", "reason": trouble} if trouble else {"status": "ok"})

    def figures(incoming: Incoming, desk: Desk) -> Response:
        return Response(200, {"content-type": TEXT}, metrics.text(desk).encode())  # type: ignore[arg-type]  # our own desk

    return (
        Route("GET", "/health", health, refuse, "health", waits=False),
        Route("GET", "/metrics", figures, refuse, "metrics", waits=False),
    )


def refuse(fault: ServiceFault, incoming: Incoming) -> Response:
    """The status of a refusal, and a word about it."""
    return as_json({"error": fault.reason}, status_of(fault.code))
