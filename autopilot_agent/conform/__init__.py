"""The conformance kit: visit an MDM server as a Windows device does, and say what Windows would object to, with the sources.

    from autopilot_agent.conform import judge, visit
"""

from autopilot_agent.conform.demands import demands
from autopilot_agent.conform.judging import Finding, Mark, judge, untested
from autopilot_agent.conform.visiting import STAGES, visit

__all__ = ["STAGES", "Finding", "Mark", "demands", "judge", "untested", "visit"]
