"""The completion of PowerShell (5.1 and 7): tables of words, and one block that finds the command before the cursor."""

from __future__ import annotations

from autopilot_agent.cli.shells.grammar import PROGRAM, Command, Value

HEAD = f"""\
# Completion of {PROGRAM} for PowerShell. Load it in your profile ($PROFILE):
#   {PROGRAM} completion powershell | Out-String | Invoke-Expression

"""
BODY = f"""\
Register-ArgumentCompleter -Native -CommandName @('{PROGRAM}', '{PROGRAM}.exe') -ScriptBlock {{
    param($wordToComplete, $commandAst, $cursorPosition)
TABLES    $path = ''
    $place = 0
    $previous = ''
    foreach ($element in ($commandAst.CommandElements | Select-Object -Skip 1)) {{
        if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete -ne '') {{ break }}
        $word = "$element"
        $below = ("$path $word").Trim()
        $waits = $values.ContainsKey("$($path):$previous")
        $previous = $word
        if ($waits) {{ $previous = ''; continue }}
        if ($options.ContainsKey($below)) {{ $path = $below; $place = 0 }}
        elseif (-not $word.StartsWith('-')) {{ $place += 1 }}
    }}
    $key = "$($path):$previous"
    $found = @()
    if ($wordToComplete -match '^(--[a-z-]+)=(.*)$' -and $values.ContainsKey("$($path):$($Matches[1])")) {{
        $option = $Matches[1]
        $found = $values["$($path):$option"] | ForEach-Object {{ "$option=$_" }}
    }}
    elseif ($values.ContainsKey($key)) {{ $found = $values[$key] }}
    elseif ($wordToComplete.StartsWith('-')) {{ $found = $options[$path] }}
    elseif ($places.ContainsKey("$($path):$place")) {{ $found = $places["$($path):$place"] }}
    elseif ($places.ContainsKey("$($path):*")) {{ $found = $places["$($path):*"] }}
    # where nothing is offered, PowerShell completes files by itself
    $found | Where-Object {{ $_ -and $_.StartsWith($wordToComplete) }} | ForEach-Object {{
        [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
    }}
}}
"""


def script(commands: list[Command]) -> str:
    """The whole script."""
    options: dict[str, tuple[str, ...]] = {}
    values: dict[str, tuple[str, ...]] = {}
    places: dict[str, tuple[str, ...]] = {}
    for one in commands:
        options[one.path] = tuple(name for option in one.options for name in option.names)
        for option in one.options:
            if option.value is not None and not option.optional:
                values |= {f"{one.path}:{name}": option.value.words for name in option.names}
        if one.below:
            places[f"{one.path}:0"] = tuple(name for name, _ in one.below)
        for number, value in enumerate(one.places):
            places |= _place(one, number, value)
    tables = {"options": options, "values": values, "places": places}
    return HEAD + BODY.replace("TABLES", "".join(_table(name, rows) for name, rows in tables.items()))


def _place(command: Command, number: int, value: Value) -> dict[str, tuple[str, ...]]:
    return {f"{command.path}:{'*' if value.several else number}": value.words} if value.words else {}


def _table(name: str, rows: dict[str, tuple[str, ...]]) -> str:
    lines = [f"        {_quoted(key)} = @({', '.join(map(_quoted, words))})" for key, words in rows.items()]
    return f"    ${name} = @{{\n" + "\n".join(lines) + "\n    }\n"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
