"""The completion of bash (3.2 and newer): one function that finds the command among the words before the cursor."""

from __future__ import annotations

from collections.abc import Iterator

from autopilot_agent.cli.shells.grammar import PROGRAM, Command, Value

HEAD = f"""\
# Completion of {PROGRAM} for bash. Load it in ~/.bashrc:
#   source <({PROGRAM} completion bash)
# or keep it where bash-completion looks:
#   {PROGRAM} completion bash > ~/.local/share/bash-completion/completions/{PROGRAM}

_autopilot_agent() {{
    local cur="${{COMP_WORDS[COMP_CWORD]}}" prev="${{COMP_WORDS[COMP_CWORD-1]}}" path="" word i skip="" place=0
    COMPREPLY=()
    # --option=value comes as three words
    if [[ "$cur" == "=" ]]; then cur=""; elif [[ "$prev" == "=" ]]; then prev="${{COMP_WORDS[COMP_CWORD-2]}}"; fi
"""
TAIL = f"""\
}}
complete -o bashdefault -o default -F _autopilot_agent {PROGRAM}
"""


def script(commands: list[Command]) -> str:
    """The whole script. Where nothing is offered, bash completes files by itself."""
    lines = [HEAD]
    lines += ["    for ((i = 1; i < COMP_CWORD; i++)); do", '        word="${COMP_WORDS[i]}"']
    lines += ['        if [[ -n "$skip" ]]; then skip=""; continue; fi', '        case "$path:$word" in']
    lines += [f'            "{_parent(one)}:{one.words[-1]}") path="{one.path}"; place=0; continue ;;' for one in commands[1:]]
    taking = [f'"{one.path}:{name}"' for one in commands for name in _taking(one)]
    lines += [f'            {"|".join(taking)}) skip=1; [[ "${{COMP_WORDS[i+1]}}" == "=" ]] && ((i++)); continue ;;']
    lines += ["        esac", '        [[ "$word" == -* ]] || ((place++))', "    done"]
    lines += ['    case "$path:$prev" in']
    for one in commands:
        for option in one.options:
            if option.value is not None:
                names = "|".join(f'"{one.path}:{name}"' for name in option.names)
                lines.append(f"        {names}) {_offer(option.value)}{_last(option.optional)} ;;")
    lines += ["    esac", '    if [[ "$cur" == -* ]]; then', '        case "$path" in']
    for one in commands:
        names = " ".join(name for option in one.options for name in option.names)
        lines.append(f'            "{one.path}") {_words(names)} ;;')
    lines += ["        esac", "        return", "    fi", '    case "$path:$place" in', *_places(commands), "    esac"]
    return "\n".join(lines) + "\n" + TAIL


def _places(commands: list[Command]) -> Iterator[str]:
    for one in commands:
        if one.below:
            yield f'        "{one.path}:0") {_words(" ".join(name for name, _ in one.below))} ;;'
        for number, value in enumerate(one.places):
            pattern = "*" if value.several else str(number)
            yield f'        "{one.path}:"{pattern}) {_offer(value)} ;;'


def _taking(command: Command) -> list[str]:
    return [name for option in command.options if option.value is not None and not option.optional for name in option.names]


def _last(optional: bool) -> str:
    return "" if optional else "; return"


def _offer(value: Value) -> str:
    """What a value completes to; no blank comes behind a word that a file follows (bash 3.2 cannot leave it out)."""
    if value.words and value.files:
        return _words(" ".join(value.words)) + "; compopt -o nospace 2>/dev/null"
    return _words(" ".join(value.words)) if value.words else "COMPREPLY=()"


def _words(words: str) -> str:
    return f"COMPREPLY=($(compgen -W '{words}' -- \"$cur\"))"


def _parent(command: Command) -> str:
    return " ".join(command.words[:-1])
