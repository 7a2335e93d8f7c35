# Varnish in front of a web server that has fcgi-sse at /sse/. Options of
# fcgi-sse are in /etc/fcgi-sse.ini, as behind every web server.
#
# Debian: /etc/varnish/default.vcl, then systemctl reload varnish
# Each stream takes two threads of Varnish (thread_pool_max, 5000 in each of two
# pools) and one connection to the web server.

vcl 4.1;

backend web {
	.host = "127.0.0.1";
	.port = "8080";
	# Longer than the heartbeat, 15 s: how long a stream may be silent.
	.between_bytes_timeout = 60s;
}

sub vcl_recv {
	if (req.url ~ "^/sse(/|$)") {
		# Two who ask for the same are not one: never wait for another's
		# response, and never keep one.
		return (pass);
	}
}

sub vcl_backend_response {
	if (bereq.url ~ "^/sse(/|$)") {
		# Pass on what comes at once. These are the defaults, unless
		# other lines of this file have changed them.
		set beresp.do_stream = true;
		set beresp.do_gzip = false;
	}
}
