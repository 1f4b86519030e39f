# Completion for kurier in bash, and in zsh after `autoload -U +X bashcompinit && bashcompinit`:
#   . completion/kurier.bash            (or install it as /usr/share/bash-completion/completions/kurier)
# Commands, verbs and options are those that the program itself tells with --help, so that they are never out of date.

_kurier_options() {
    "$@" --help 2>/dev/null | sed -n 's/^  \(--[a-z0-9-]*\).*/\1/p'
}

_kurier() {
    local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]} verbs verb=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ] || { [ "$COMP_CWORD" -eq 2 ] && [ "$command" = help ]; }; then
        mapfile -t COMPREPLY < <(compgen -W "help $("$program" help 2>/dev/null | sed -n 's/^  \([a-z]*\) .*/\1/p')" -- "$word")
        return
    fi
    case "$before" in
    --home | --out | --store) mapfile -t COMPREPLY < <(compgen -d -- "$word") ; return ;;
    --ca-cert | --ca-key-file | --ca-chain | --with | --html | --key | --cert) mapfile -t COMPREPLY < <(compgen -f -- "$word") ; return ;;
    --lang) mapfile -t COMPREPLY < <(compgen -W "en de" -- "$word") ; return ;;
    --ca-key) mapfile -t COMPREPLY < <(compgen -W "rsa:2048 rsa:3072 rsa:4096 ec:p256 ec:p384" -- "$word") ; return ;;
    --reason) mapfile -t COMPREPLY < <(compgen -W "unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation privilegeWithdrawn aACompromise" -- "$word") ; return ;;
    esac
    # "usage: kurier cert list|show|..." is what a command with verbs says.
    verbs=$("$program" "$command" --help 2>/dev/null | sed -n "s/^usage: kurier $command \([a-z|]*\).*/\1/p" | tr '|' ' ')
    if [ -n "$verbs" ]; then
        if [ "$COMP_CWORD" -eq 2 ]; then
            mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$word")
            return
        fi
        verb=${COMP_WORDS[2]}
    fi
    case "$word" in
    -*) mapfile -t COMPREPLY < <(compgen -W "--help $(_kurier_options "$program" "$command" $verb)" -- "$word") ;;
    *) mapfile -t COMPREPLY < <(compgen -f -- "$word") ;;
    esac
}
complete -o filenames -F _kurier kurier
