#compdef {{tool}}

{{#command_names}}
local -i at
for (( at = 2; at < CURRENT; at++ )); do
  case $words[at] in
{{/command_names}}
{{#functions}}
{{#command}}
{{command}})
words[at]=()
(( CURRENT-- ))
{{/command}}
{{^command}}
{{#command_names}}
  esac
done
{{/command_names}}
{{/command}}
_arguments -s -S{{#options}}{{#spellings}} \
  '*{{spelling}}{{#argument}}{{sign}}{{/argument}}[{{zsh_text}}]{{#argument}}{{#optional}}:{{/optional}}:{{zsh_argument}}:{{#words}}({{words}}){{/words}}{{#FILE}}_files{{/FILE}}{{#DIR}}_files -/{{/DIR}}{{^words}}{{^FILE}}{{^DIR}} {{/DIR}}{{/FILE}}{{/words}}{{/argument}}'{{/spellings}}{{/options}}{{#files}} \
  '*:file:_files'{{/files}}{{#first_words}} \
  '1:first word:({{first_words}})'{{/first_words}}
{{#command}}
return
;;
{{/command}}
{{/functions}}
