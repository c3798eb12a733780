"""Which cases of which files a command is about: the files, then ``--only``, ``--tag`` and ``--exclude-tag``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

import msgspec

from autopilot_agent.errors import InputError
from autopilot_agent.scenario.finding import STDIN, text_of
from autopilot_agent.scenario.loader import Draft, drafts_of

SEVERAL = re.compile(r"""^(?:---|["']?(?:matrix|include)["']?\s*:|\s*\{)""", re.MULTILINE)
"""What a file has that holds several cases; one that has it may still hold one."""
SEEDS_A_JOB = 25


class Job(msgspec.Struct):
    """Something to play: one case of a file (``index``), or, with None, all there is in it.

    ``start`` and ``count`` are the seeds, counted from the case's first one. ``text`` and ``draft`` are what has been
    read already.
    """

    path: Path
    index: int | None = None
    case: str = ""
    start: int = 0
    count: int = 1
    text: str | None = None
    draft: Draft | None = None

    @property
    def label(self) -> str:
        """File and case, as reports name them."""
        return f"{self.path.as_posix()} [{self.case}]" if self.case else self.path.as_posix()


class Selection(msgspec.Struct, frozen=True):
    """What is chosen of the cases, and what is set in them: each text as it was typed."""

    only: tuple[str, ...] = ()
    tags: frozenset[str] = frozenset()
    exclude: frozenset[str] = frozenset()
    settings: tuple[str, ...] = ()

    @property
    def chooses(self) -> bool:
        """Whether anything is left out."""
        return bool(self.only or self.tags or self.exclude)


def selection_of(args: argparse.Namespace) -> Selection:
    """What the options of a command choose and set; mistakes in ``--set`` are said at once, not once per scenario."""
    if args.set:
        from autopilot_agent.scenario.settings import parse_settings

        parse_settings(args.set)
    tags, exclude = getattr(args, "tag", []), getattr(args, "exclude_tag", [])
    return Selection(tuple(args.only), frozenset(tags), frozenset(exclude), tuple(args.set))


def jobs_of(paths: list[Path], selection: Selection, repeat: int = 0) -> list[Job]:
    """The jobs that files mean, in their order; with ``repeat`` each case has that many seeds.

    A file that cannot be read stays in, so that its mistake is not hidden. Raises ``InputError`` when nothing is chosen.
    """
    found: list[Job] = []
    for path in paths:
        found += _jobs_of(path, selection, expand=bool(selection.chooses or repeat or len(paths) == 1))
    if selection.only:
        found = _named(found, selection.only)
    if selection.tags or selection.exclude:
        found = [job for job in found if _tagged(job, selection)]
        if not found:
            raise InputError(_nothing_left(selection))
    if not repeat:
        return found
    chunks = range(0, repeat, SEEDS_A_JOB)
    return [
        msgspec.structs.replace(job, start=start, count=min(SEEDS_A_JOB, repeat - start))
        for job in found
        for start in (chunks if job.draft is not None else range(1))
    ]


def drafts_chosen(paths: list[Path], selection: Selection) -> list[Job]:
    """The same, each case by itself and put together; a job without a draft is a file that cannot be read."""
    found = [job for path in paths for job in _jobs_of(path, selection, expand=True)]
    return _named(found, selection.only) if selection.only else found


def _jobs_of(path: Path, selection: Selection, *, expand: bool) -> list[Job]:
    try:
        text = text_of(path)
        if not (expand or path == STDIN or SEVERAL.search(text)):
            return [Job(path, text=text)]
        drafts = drafts_of(path, selection.settings, text=text)
    except InputError:
        return [Job(path)]  # said when it is played
    return [Job(path, index, draft.case, draft=draft) for index, draft in enumerate(drafts)]


def _named(jobs: list[Job], only: tuple[str, ...]) -> list[Job]:
    from autopilot_agent.scenario.choosing import names_chosen

    unread = [job.draft is None and not job.case for job in jobs]  # their mistake is said, not that they lack a case
    wanted = names_chosen((job.case for job in jobs), only, complete=not any(unread))
    return [job for job, wrong in zip(jobs, unread, strict=True) if job.case in wanted or wrong]


def _tagged(job: Job, selection: Selection) -> bool:
    """Whether a case is chosen by its tags; one that is wrong in itself stays."""
    if job.draft is None:
        return True
    try:
        tags = frozenset(job.draft.load().scenario.tags)
    except InputError:
        return True
    return not tags & selection.exclude and (not selection.tags or bool(tags & selection.tags))


def _nothing_left(selection: Selection) -> str:
    words = " or ".join(repr(tag) for tag in sorted(selection.tags))
    without = " or ".join(repr(tag) for tag in sorted(selection.exclude))
    if not words:
        return f"every scenario has the tag {without}, which is excluded."
    return f"no scenario has the tag {words}{f' and not {without}' if without else ''}."
