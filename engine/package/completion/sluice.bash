# Completion of sluice for bash. Commands and options are asked of the program itself: --help prints them from its tables.
#
#     source sluice.bash       or put it where the package bash-completion looks: share/bash-completion/completions/sluice

_sluice_commands() {
  sluice --help 2>/dev/null | sed -n 's/^  sluice \([a-z]*\) .*/\1/p'
}

_sluice_options() {
  "$@" 2>/dev/null | grep -oE '^  (-[a-z], )?--[a-z-]+' | grep -oE '[-]-[a-z-]+'
}

# Names of jobs that have run here.
_sluice_names() {
  sluice list 2>/dev/null | sed '1d; s/ .*//'
}

# Jobs that could run: the programs that lie where `submit` looks.
_sluice_jobs() {
  local folder
  folder=$(dirname "$(readlink -f "$(command -v sluice)")")
  ls "$folder/jobs" "$folder/../lib/sluice/jobs" 2>/dev/null | grep -E '^[a-z0-9_]+$'
}

_sluice() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  if [[ $COMP_CWORD = 1 ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_sluice_commands) help" -- "$word")
  elif [[ $word = -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_sluice_options sluice help "$command")" -- "$word")
  elif [[ $command = help ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_sluice_commands)" -- "$word")
  elif [[ $command = submit ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_sluice_jobs)" -- "$word"; compgen -f -- "$word")
  elif [[ $command = explain || $command = doctor ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$(_sluice_names; _sluice_jobs)" -- "$word")
  elif [[ $command = list || $command = broker || $command = demo ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -W "$(_sluice_names)" -- "$word")
  fi
}
complete -o filenames -F _sluice sluice
