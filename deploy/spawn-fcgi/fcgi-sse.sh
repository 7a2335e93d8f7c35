#!/bin/sh
# Starts fcgi-sse in the background by spawn-fcgi, with a unix socket for a web
# server that runs as www-data. Its options are in /etc/fcgi-sse.ini. Nothing
# starts it again if it ends. When it runs already, this fails and changes
# nothing.
# To stop it: kill "$(cat /run/fcgi-sse/fcgi-sse.pid)"
set -eu

pid_file=/run/fcgi-sse/fcgi-sse.pid
mkdir -p /run/fcgi-sse

# spawn-fcgi empties its file before it finds the socket in use.
new_pid_file=$pid_file.new
trap 'rm -f "$new_pid_file"' EXIT

# -U, -G, -M   who may connect: the web server, and nobody else
# -u, -g       as whom fcgi-sse runs
# -b           how many connections may wait when everybody comes back at once
spawn-fcgi \
	-s /run/fcgi-sse/fcgi-sse.sock -U www-data -G www-data -M 0660 \
	-u www-data -g www-data -b 4096 \
	-P "$new_pid_file" \
	-- /usr/local/bin/fcgi-sse --config /etc/fcgi-sse.ini
mv "$new_pid_file" "$pid_file"
