# fish completion for {{tool}}
{{^files}}
complete -c {{tool}} -f
{{/files}}
{{#command_names}}
function __{{underscored}}_command
  set -l command ''
  for word in (commandline -opc)[2..-1]
    contains -- $word {{command_names}}; and set command $word; and break
  end
  test "$command" = "$argv[1]"
end
{{/command_names}}
{{#tools}}
{{#command}}
complete -c {{tool}} -n '__{{underscored}}_command ""' -a {{command}} -d '{{fish_about}}'
{{/command}}
{{#options}}
complete -c {{tool}}{{#command_names}} -n '__{{underscored}}_command "{{command}}"'{{/command_names}}{{#letter}} -s {{letter}}{{/letter}} -l {{name}}{{#argument}}{{#words}}{{^optional}} -x{{/optional}} -a '{{words}}'{{/words}}{{#FILE}} -r -F{{/FILE}}{{#DIR}} -x -a '(__fish_complete_directories)'{{/DIR}}{{^words}}{{^FILE}}{{^DIR}} -x{{/DIR}}{{/FILE}}{{/words}}{{/argument}} -d '{{fish_text}}'
{{/options}}
{{#operands}}
complete -c {{tool}}{{#command_names}} -n '__{{underscored}}_command "{{command}}"'{{/command_names}} -a {{operand}}
{{/operands}}
{{/tools}}
