# models: the same work under every I/O model, and what each of them costs
begin
: "${engines:=all}"
calls=
! strace -o "$folder/trace" true 2>/dev/null || calls=' --calls'

say <<EOF
Three poems are fetched by each engine in turn. sequential waits for one server after another, and
threads has a thread wait for each. The others wait for all servers in one thread, by one system call
(select, poll, epoll), by Asio, which stands on epoll, or by operations that the kernel carries out
(uring). Look at the column ratio: but for sequential, each takes as long as the slowest poem.
${calls:+Then each runs once more under strace: the last table has what it asked of the kernel. Look for
the call that waits: recvfrom where a thread blocks, and one for all sockets elsewhere.}
EOF
show "poetry-server --port 0 --delay $(delays 0.25) --log-level off --run \
'poetry-get --engine $engines --quiet --print none --timeline$calls \$POETRY_SERVERS'"

say <<EOF
With three servers at a time the models differ by nothing else. Now the same with 1,500 at a time, but
for sequential, which would take half an hour. Look at memory, which threads need most
of, and at wakeups and cpu: select and poll hand the whole list to the kernel in each wait, and epoll
is told of what is ready alone.
EOF
many=$(echo "$engines" | sed 's/^all$/threads,select,poll,epoll,asio/; s/sequential,//; s/,sequential//')
show "poetry-server --port 0 --delay $(delays 0.25) --log-level off --run \
'poetry-get --engine $many --repeat 500 --quiet --print none \$POETRY_SERVERS'"
