#!/bin/sh
# As several.sh, with multiwatch in between (Debian: apt-get install multiwatch),
# which starts a process again if it ends. They share what is published by the
# store that the option `store` in /etc/fcgi-sse.ini names.
# To stop all: kill "$(cat /run/fcgi-sse/fcgi-sse.pid)"; multiwatch sends SIGUSR1,
# at which fcgi-sse ends its streams properly.
set -eu

pid_file=/run/fcgi-sse/fcgi-sse.pid
mkdir -p /run/fcgi-sse

# spawn-fcgi empties its file before it finds the socket in use.
new_pid_file=$pid_file.new
trap 'rm -f "$new_pid_file"' EXIT

# -U, -G, -M   who may connect: the web server, and nobody else
# -u, -g       as whom fcgi-sse runs
# -b           how many connections may wait when everybody comes back at once
# multiwatch -f   how many: as many as there are cores
spawn-fcgi \
	-s /run/fcgi-sse/fcgi-sse.sock -U www-data -G www-data -M 0660 \
	-u www-data -g www-data -b 4096 \
	-P "$new_pid_file" \
	-- /usr/bin/multiwatch -f 4 -- \
	/usr/local/bin/fcgi-sse --config /etc/fcgi-sse.ini
mv "$new_pid_file" "$pid_file"
