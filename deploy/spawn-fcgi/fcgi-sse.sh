#!/bin/sh
# Starts fcgi-sse in the background by spawn-fcgi, with a unix socket for a web
# server that runs as www-data. Nothing starts it again if it ends.
# To stop it: kill "$(cat /run/fcgi-sse/fcgi-sse.pid)"
set -eu

mkdir -p /run/fcgi-sse

# -U, -G, -M   who may connect: the web server, and nobody else
# -u, -g       as whom fcgi-sse runs
# -b           how many connections may wait when everybody comes back at once
# --log        spawn-fcgi sends stderr to /dev/null
exec spawn-fcgi \
	-s /run/fcgi-sse/fcgi-sse.sock -U www-data -G www-data -M 0660 \
	-u www-data -g www-data -b 4096 \
	-P /run/fcgi-sse/fcgi-sse.pid \
	-- /usr/local/bin/fcgi-sse --log syslog
