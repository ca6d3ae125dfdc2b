# blocking: one poem by calls that block, by calls that never do, and by select
begin
: "${engines:=sequential,spin,select}"

say <<EOF
One poem, and three ways to wait for its lines. sequential blocks: its recvfrom does not return before
there is a line, and the thread sleeps meanwhile. spin has a socket that does not block, and asks it
again and again; mostly there is nothing (EAGAIN), and the thread never sleeps. select asks the kernel
to wake it when there is a line. All three take as long as the poem. Look at the column cpu: spin takes
a whole processor for that time, the others hardly any.
EOF
show "poetry-server --port 0 --delay $(delays 0.5) --log-level off --run \
'poetry-get --engine $engines --quiet --print none \${POETRY_SERVERS%% *}'"

if ! strace -o "$folder/trace" true 2>/dev/null; then
  echo
  echo 'What each asked of the kernel is shown where strace is installed, and may trace.'
  exit
fi
say <<EOF
The same under strace, call by call. Where sequential and select have one call that lasts until the
next line, spin has thousands that find nothing.
EOF
show "poetry-server --port 0 --delay $(delays 0.5) --log-level off --run \
'poetry-get --engine $engines --quiet --print none --report text --calls-of 1 \${POETRY_SERVERS%% *} 2>&1 |
  sed -n \"/^engine  *call/,\\\$p\"'"
