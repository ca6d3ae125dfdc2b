# bash completion for {{tool}}
{{#functions}}
_{{underscored}}{{#command}}_{{command}}{{/command}}() {
{{^command}}
{{#command_names}}
  local word
  for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in
{{#commands}}
      {{command}}) _{{underscored}}_{{command}}; return ;;
{{/commands}}
    esac
  done
{{/command_names}}
{{/command}}
  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  # In --name=value, bash takes the = for a word of its own.
  if [[ $current == = ]]; then
    current=
  elif [[ $previous == = ]]; then
    previous=${COMP_WORDS[COMP_CWORD-2]}
  fi
  case $previous in
{{#options}}
{{#argument}}
    {{#letter}}-{{letter}}|{{/letter}}--{{name}}) {{#words}}mapfile -t COMPREPLY < <(compgen -W '{{words}}' -- "$current"){{/words}}{{#FILE}}compopt -o default{{/FILE}}{{#DIR}}compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$current"){{/DIR}}{{^words}}{{^FILE}}{{^DIR}}:{{/DIR}}{{/FILE}}{{/words}}; return ;;
{{/argument}}
{{/options}}
  esac
  if [[ $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W '{{option_names}}' -- "$current")
{{#files}}
  else
    compopt -o default
{{/files}}
{{#first_words}}
  else
    mapfile -t COMPREPLY < <(compgen -W '{{first_words}}' -- "$current")
{{/first_words}}
  fi
}
{{/functions}}
complete -F _{{underscored}} {{tool}}
