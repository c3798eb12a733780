"""The completion of fish: one ``complete`` line for each thing that can be typed."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.cli.shells.grammar import PROGRAM, Command, Option, Value

HEAD = f"""\
# Completion of {PROGRAM} for fish. Keep it where fish looks:
#   {PROGRAM} completion fish > ~/.config/fish/completions/{PROGRAM}.fish

function __autopilot_agent_at
    # whether the words before the cursor lead to this command, and to none below it
    set -l words (commandline -opc)[2..]
    set -l found
    for word in $words
        contains -- "$found $word" $__autopilot_agent_paths; and set found (string trim -- "$found $word")
    end
    test "$found" = "$argv[1]"
end

"""


def script(commands: list[Command]) -> str:
    """The whole script."""
    paths = " ".join(_quoted(f"{' '.join(one.words[:-1])} {one.words[-1]}") for one in commands[1:])
    lines = [f"set -g __autopilot_agent_paths {paths}", f"complete -c {PROGRAM} -f"]
    for one in commands:
        lines += _lines(one)
    return HEAD + "\n".join(lines) + "\n"


def _lines(command: Command) -> Iterator[str]:
    at = f"complete -c {PROGRAM} -n {_quoted(f'__autopilot_agent_at {_quoted(command.path)}')}"
    for name, told in command.below:
        yield f"{at} -f -a {_quoted(name)} -d {_quoted(told)}"
    for option in command.options:
        yield f"{at} {_names(option)}{_takes(option)} -d {_quoted(option.help)}"
    words = [word for value in command.places for word in value.words]
    if words:
        yield f"{at} -f -a {_quoted(' '.join(words))}"
    if any(value.files for value in command.places):
        yield f"{at} -F"


def _names(option: Option) -> str:
    return " ".join(f"-l {name[2:]}" if name.startswith("--") else f"-s {name[1:]}" for name in option.names)


def _takes(option: Option) -> str:
    value: Value | None = option.value
    if value is None:
        return ""
    if value.files and not value.words:
        return " -r -F"
    if value.files:  # fish completes the file behind "=" by itself
        return f" -r -F -a {_quoted(' '.join(value.words))}"
    words = f" -a {_quoted(' '.join(value.words))}" if value.words else ""
    return f" -f{words}" if option.optional else f" -x{words}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
