# Completion of sluice for fish. Commands and options are asked of the program itself: --help prints them from its tables.

function __sluice_commands
    sluice --help 2>/dev/null | string replace -rf '^  sluice ([a-z]+) +(.*)' '$1\t$2'
end

function __sluice_options
    set -l words (commandline -opc)
    sluice help $words[2] 2>/dev/null | string match -r '^  (?:-[a-z], )?--[a-z-]+' | string match -r -- '--[a-z-]+'
end

function __sluice_names
    sluice list 2>/dev/null | tail -n +2 | string replace -r ' .*' ''
end

# Jobs that could run: the programs that lie where `submit` looks.
function __sluice_jobs
    set -l folder (path dirname (path resolve (command -s sluice)))
    path basename $folder/jobs/* $folder/../lib/sluice/jobs/* | string match -r '^[a-z0-9_]+$'
end

complete -c sluice -f
complete -c sluice -n __fish_use_subcommand -a '(__sluice_commands)'
complete -c sluice -n '__fish_seen_subcommand_from help' -a '(__sluice_commands)'
complete -c sluice -n 'not __fish_use_subcommand; and string match -q -- "-*" (commandline -ct)' -a '(__sluice_options)'
complete -c sluice -n '__fish_seen_subcommand_from submit' -F
complete -c sluice -n '__fish_seen_subcommand_from submit explain doctor' -a '(__sluice_jobs)'
complete -c sluice -n 'not __fish_use_subcommand; and not __fish_seen_subcommand_from help submit list new broker demo' -a '(__sluice_names)'
