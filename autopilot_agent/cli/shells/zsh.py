"""The completion of zsh: one function for each command, in the words of ``_arguments``."""

from __future__ import annotations

import re

from autopilot_agent.cli.shells.grammar import PROGRAM, Command, Option, Value

HEAD = f"""\
#compdef {PROGRAM}
# Completion of {PROGRAM} for zsh. Load it in ~/.zshrc, after compinit:
#   source <({PROGRAM} completion zsh)
# or keep it as _{PROGRAM} in a folder of $fpath.

"""
TAIL = f"""\
if [ "$funcstack[1]" = "_autopilot_agent" ]; then
    _autopilot_agent "$@"
else
    compdef _autopilot_agent {PROGRAM}
fi
"""


def script(commands: list[Command]) -> str:
    """The whole script."""
    return HEAD + "\n".join(_function(one) for one in commands) + "\n" + TAIL


def _function(command: Command) -> str:
    name = "_autopilot_agent" + "".join("_" + word.replace("-", "_") for word in command.words)
    specs = [spec for option in command.options for spec in _specs(option)]
    specs += [_place(value) for value in command.places]
    if not command.below:
        return f"{name}() {{\n    _arguments -s -S {_joined(specs)}\n}}\n"
    known = " ".join(_quoted(f"{word}:{_plain(told)}") for word, told in command.below)
    branches = "\n".join(f"                {word}) {name}_{word.replace('-', '_')} ;;" for word, _ in command.below)
    specs += [_quoted("1:command:->command"), _quoted("*::argument:->argument")]
    return f"""\
{name}() {{
    local curcontext="$curcontext" state line
    typeset -A opt_args
    local -a commands=({known})
    _arguments -C {_joined(specs)}
    case $state in
        command) _describe command commands ;;
        argument)
            case $line[1] in
{branches}
            esac ;;
    esac
}}
"""


def _joined(specs: list[str]) -> str:
    return " \\\n        ".join(specs)


def _specs(option: Option) -> list[str]:
    found: list[str] = []
    for name in option.names:
        many = "*" if option.repeatable else "(" + " ".join(option.names) + ")"
        takes = "" if option.value is None else ("=" if name.startswith("--") else "")
        value = "" if option.value is None else ("::" if option.optional else ":") + f"value:{_action(option.value)}"
        found.append(_quoted(f"{many}{name}{takes}[{_plain(option.help)}]{value}"))
    return found


def _place(value: Value) -> str:
    return _quoted(f"{'*' if value.several else ''}:value:{_action(value)}")


def _action(value: Value) -> str:
    """What completes a value; behind a word that ends with ``=`` comes a file, without a blank between them."""
    if value.words and value.files:
        return f'{{if compset -P "*="; then _files; else compadd -S "" -- {" ".join(value.words)}; fi}}'
    return f"({' '.join(value.words)})" if value.words else "_files" if value.files else " "


def _plain(text: str) -> str:
    """A description without the characters that mean something in a specification."""
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"
