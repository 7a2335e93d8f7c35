#!/bin/sh
# As fcgi-sse.sh, with several processes on one socket, each of which takes
# requests. They share what is published by the store that the option `store`
# in /etc/fcgi-sse.ini names. Nothing starts one again if it ends: see
# multiwatch.sh.
# To stop them: kill $(cat /run/fcgi-sse/fcgi-sse.pid)
set -eu

pid_file=/run/fcgi-sse/fcgi-sse.pid
mkdir -p /run/fcgi-sse

# spawn-fcgi empties its file before it finds the socket in use.
new_pid_file=$pid_file.new
trap 'rm -f "$new_pid_file"' EXIT

# -F           how many: as many as there are cores
# -U, -G, -M   who may connect: the web server, and nobody else
# -u, -g       as whom fcgi-sse runs
# -b           how many connections may wait when everybody comes back at once
spawn-fcgi -F 4 \
	-s /run/fcgi-sse/fcgi-sse.sock -U www-data -G www-data -M 0660 \
	-u www-data -g www-data -b 4096 \
	-P "$new_pid_file" \
	-- /usr/local/bin/fcgi-sse --config /etc/fcgi-sse.ini
mv "$new_pid_file" "$pid_file"
