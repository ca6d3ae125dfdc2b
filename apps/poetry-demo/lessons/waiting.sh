# waiting: one poem after another, and all at once: where the time goes
: "${engines:=sequential,select}"

# The server runs the client and ends with it, and this shell becomes the server, so that nothing is
# left behind, whichever of them is stopped, and how. POETRY_SERVERS stands unquoted, a word a server.
# shellcheck disable=SC2016 # expanded by the shell that the server starts
fetch='echo
exec "$POETRY_GET" --engine="$DEMO_ENGINES" --print=live --timeline $POETRY_SERVERS 2>&1'

fmt -w 79 <<EOF
Three poems, each served a line every $delay. To fetch them is hardly any work: nearly all the time
goes into waiting for the next line. One after another, these waits add up, and it takes as long as
all poems together. All at once, the same waits overlap, and it takes as long as the slowest poem.
EOF
echo
export DEMO_ENGINES="$engines"
exec "$POETRY_SERVER" --port=0 --delay="$delay" --drain-timeout=0 --log-level=warn --run="$fetch"
