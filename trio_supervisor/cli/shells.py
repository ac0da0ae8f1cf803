"""What each shell needs to ask `trio-supervisor completion suggest` at a Tab."""

from __future__ import annotations

_BASH = r"""# completion of trio-supervisor and supervisorctl for bash
_trio_supervisor() {
    local line="${COMP_LINE:0:COMP_POINT}" launcher=trio-supervisor code=0 word words found before
    read -ra words -r <<<"$line"
    [[ $line == *[[:space:]] ]] && words+=("")
    [[ ${words[0]} == */* ]] && launcher="${words[0]%/*}/trio-supervisor"
    found=$("$launcher" completion suggest -- "${words[@]}" 2>/dev/null) || code=$?
    COMPREPLY=()
    if [[ $code == 3 ]]; then
        compopt -o default
        return
    fi
    while IFS=$'\t' read -r word _; do
        [[ $word ]] && COMPREPLY+=("${word//\*/\\*}")
    done <<<"$found"
    # bash takes a colon for the beginning of a new word
    if [[ ${words[-1]} == *:* && $COMP_WORDBREAKS == *:* ]]; then
        before="${words[-1]%"${words[-1]##*:}"}"
        COMPREPLY=("${COMPREPLY[@]#"$before"}")
    fi
}
complete -F _trio_supervisor trio-supervisor supervisorctl
"""

_ZSH = r"""#compdef trio-supervisor supervisorctl
_trio_supervisor() {
    local launcher=trio-supervisor found line meaning
    local -a offered
    [[ ${words[1]} == */* ]] && launcher="${words[1]:h}/trio-supervisor"
    found=$("$launcher" completion suggest -- "${(@Q)words[1,CURRENT]}" 2>/dev/null)
    if [[ $? == 3 ]]; then
        _files
        return
    fi
    for line in "${(@f)found}"; do
        [[ -n $line ]] || continue
        meaning=${line#*$'\t'}
        offered+=("${${line%%$'\t'*}//:/\\:}${meaning:+:$meaning}")
    done
    _describe trio-supervisor offered
}
compdef _trio_supervisor trio-supervisor supervisorctl
"""

_FISH = r"""# completion of trio-supervisor and supervisorctl for fish
function __trio_supervisor_suggest
    set -l token (commandline -ct)
    test -z "$token"; and set token ""
    trio-supervisor completion suggest -- (commandline -opc) $token 2>/dev/null
    if test $status -eq 3
        __fish_complete_path $token
    end
end
complete -c trio-supervisor -f -a '(__trio_supervisor_suggest)'
complete -c supervisorctl -f -a '(__trio_supervisor_suggest)'
"""

SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
"""The script of each shell."""
